"""Kill a fetch after each number of lines of the store's code, and go on with it: nothing is asked for twice.

``python -m unit.store.fetching FOLDER``, in the folder of the tests, prints how many fetches died and how
many blobs came whole; it exits 1 with the reason as soon as bytes that had come are asked for again.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from unit.store.crashing import die_after
from weighlock.core.digest import Digest
from weighlock.store.check import check_store
from weighlock.store.layout import LayoutStore

DATA = bytes(range(250)) * 200
PIECE_BYTES = 5_000
DIGEST = Digest.of(DATA)
MAX_LINES = 400  # a whole fetch takes about 300


def fetch(root: Path, had: int, lines: int) -> None:
    """Fetch what is missing, in this process, and die on the way if it takes more than ``lines`` lines."""

    def chunks_from(start: int) -> Iterator[bytes]:
        if start != had:
            os.write(2, f"asked from {start}, and {had} bytes were there\n".encode())
            os._exit(1)
        for place in range(start, len(DATA), PIECE_BYTES):
            yield DATA[place : place + PIECE_BYTES]

    store = LayoutStore.open(root)
    die_after(lines)
    store.resume_blob(DIGEST, len(DATA), chunks_from)
    os._exit(0)


def kept(root: Path) -> int:
    """Return how many bytes of the blob are there, all of them right."""
    blob, partial = root / "blobs" / "sha256" / DIGEST.hex, root / "ingest" / f"{DIGEST.hex}.partial"
    for file in (blob, partial):
        if file.exists():
            if not DATA.startswith(file.read_bytes()):
                sys.exit(f"other bytes in {file}")
            return file.stat().st_size
    return 0


def main(root: Path) -> None:
    LayoutStore.create(root).close()
    kills = blobs = 0
    for lines in range(1, MAX_LINES):
        had = kept(root)
        child = os.fork()
        if not child:
            try:
                fetch(root, had, lines)
            finally:
                os._exit(1)  # reached only by an error, which stderr shows
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status):
            sys.exit("the fetch failed")
        kills += os.WIFSIGNALED(status)
        if kept(root) < had:
            sys.exit(f"{had - kept(root)} bytes were lost after {lines} lines")
        blob = root / "blobs" / "sha256" / DIGEST.hex
        if blob.exists():
            blobs += 1
            blob.unlink()
    report = check_store(root, threads=1)
    if report.damage:
        sys.exit(f"damaged: {report.damage}")
    sys.stdout.write(f"{kills} kills, {blobs} blobs\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
