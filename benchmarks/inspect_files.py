"""What inspection costs: the pickle reader against ``pickletools.genops``, and bytes read of large files.

Ratios compare runs of the same process; each is the best of three.
"""

import pickle
import pickletools
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.pickle.stream import read_pickles
from weighlock.inspection.span import Span, drive, fetch_from

REPEATS = 3
ROWS = 100_000
LARGE_BYTES = 50 * 10**9  # sparse: it takes no space


def best(work: Callable[[], object]) -> float:
    """Return the shortest of some runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def pickle_rows() -> None:
    value = {f"layer.{index}.weight": (index, 0.5, "text", [index, None]) for index in range(ROWS)}
    print(
        "| pickle | operations | time of reading, stack and memo / time of `pickletools.genops` |\n| --- | --- | --- |"
    )
    for protocol in (0, 2, 5):
        data = pickle.dumps(value, protocol)
        own = best(lambda data=data: drive(read_pickles(len(data)), fetch_from(data)))  # type: ignore[misc]  # bound now
        peer = best(lambda data=data: sum(1 for _ in pickletools.genops(data)))  # type: ignore[misc]  # bound now
        operations = sum(
            stream.operations for stream in drive(read_pickles(len(data)), fetch_from(data)).streams
        )
        print(f"| protocol {protocol} | {operations:,} | {own / peer:.2f} |")


def large_row(folder: Path) -> None:
    file = folder / "large.safetensors"
    head = b'{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (LARGE_BYTES, LARGE_BYTES)
    head += b" " * (-len(head) % 8)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(head)) + head)
        out.truncate(8 + len(head) + LARGE_BYTES)
    asked = 0
    with file.open("rb") as data:

        def fetch(span: Span) -> bytes:
            nonlocal asked
            asked += span.length
            data.seek(span.offset)
            return data.read(span.length)

        examined = drive(inspect_file(file.name, file.stat().st_size), fetch)
    print(
        f"\nA safetensors file of {LARGE_BYTES:,} bytes: {examined.outcome.name.lower()}, {asked:,} bytes read."
    )


def command_row(folder: Path) -> None:
    file = folder / "small.json"
    file.write_text("{}")
    program = [sys.executable, "-m", "weighlock"]
    whole = best(lambda: subprocess.run([*program, "inspect", "-q", file], check=True))
    version = best(lambda: subprocess.run([*program, "--version"], check=True, stdout=subprocess.DEVNULL))
    bare = best(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
    print(
        f"\n`weighlock inspect` of a tiny file, whole command: {whole / bare:.1f} times a bare interpreter, "
        f"{whole / version:.1f} times `weighlock --version` ({whole:.2f} s)."
    )


def main() -> None:
    print("## Inspection\n")
    pickle_rows()
    with tempfile.TemporaryDirectory() as folder:
        large_row(Path(folder))
        command_row(Path(folder))
    print()


if __name__ == "__main__":
    main()
