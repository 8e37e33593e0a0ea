"""What does a pull of 2 GB over loopback cost, against the bare floor and against peers?

    python benchmarks/pull_large.py [--bytes N] [--rounds N] [--folder DIR]

Prints Markdown. The floor receives one HTTP body with a bare socket, writes it and digests it in one
pass. ``curl`` writes a file that ``openssl dgst`` then reads; huggingface_hub and oras download, and do
not look at the bytes afterwards, so a second row adds that. All write to the same file system, without
fsync except Weighlock, whose store promises to survive a power cut. The server's costs are not counted.
Needs curl, openssl and tests/interop/setup; what is missing is left out.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.cost import Cost, best, clocked, make_files, quietly
from bench.project import WEIGHLOCK, make_project, serving
from bench.server import REPOSITORY

PEERS = Path(__file__).parents[1] / ".venv" / "interop" / "python" / "bin" / "python"
READ_BYTES = 1 << 20
FLOOR = Path(__file__).parent / "bench" / "floor.py"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=2_000_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for count in (1, 8):
            folder = Path(name) / str(count)
            (folder / "served").mkdir(parents=True)
            make_files(folder / "served", count, options.bytes // count)
            with serving(folder / "served") as server:
                measure(contenders(folder, server), server, count, options.bytes, options.rounds)
            shutil.rmtree(folder)


def contenders(folder: Path, server: str) -> dict[str, Callable[[Path], None]]:
    """Return what to compare: each fetches everything into the new folder that it is given."""
    names = sorted(path.name for path in (folder / "served").glob("part-*"))
    rows: dict[str, Callable[[Path], None]] = {
        "receive, write, SHA-256: the floor": lambda to: floor(server, names, to, sync=False),
        "the same, then `fsync`": lambda to: floor(server, names, to, sync=True),
        "`weighlock pull hf:`": weighlock,
    }
    if shutil.which("curl") and shutil.which("openssl"):
        rows["`curl`, then `openssl dgst -sha256`"] = lambda to: curl(server, names, to)
    for program, name in (("huggingface_hub", "`huggingface_hub`"), ("oras", "PyPI `oras`")):
        if (
            PEERS.is_file()
            and not subprocess.run(
                [PEERS, "-c", f"import {program}"], check=False, capture_output=True
            ).returncode
        ):
            fetch = {"huggingface_hub": hub, "oras": oras}[program]
            rows[name] = partial(fetch, server)
            rows[f"{name}, then `openssl dgst`"] = partial(also_digest, fetch, server)
    return rows


def measure(rows: dict[str, Callable[[Path], None]], server: str, count: int, size: int, rounds: int) -> None:
    costs: dict[str, list[Cost]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, fetch in rows.items():
            with tempfile.TemporaryDirectory() as to:
                make_project(Path(to) / "project", server)
                warm(Path(to), size)
                os.sync()  # what others left to write is not this one's
                costs[name].append(clocked(partial(fetch, Path(to))))
    limit = best(next(iter(costs.values())))
    print(f"\nPull {size / 1e9:g} GB in {count} file{'s' if count > 1 else ''} over loopback:\n")
    print("| | s | ratio to the floor | processor s | ratio to the floor |\n|---|---|---|---|---|")
    for name, measured in costs.items():
        cost = best(measured)
        print(
            f"| {name} | {cost.clock_s:.2f} | {cost.clock_s / limit.clock_s:.2f} "
            f"| {cost.processor_s:.2f} | {cost.processor_s / limit.processor_s:.2f} |"
        )


def warm(folder: Path, size: int) -> None:
    """Fill the page cache and empty it: a virtual machine's first touch of a page costs more than the copy."""
    block = bytes(READ_BYTES)
    with (folder / "warm").open("wb", buffering=0) as file:
        for _ in range(size // READ_BYTES):
            file.write(block)
    (folder / "warm").unlink()


def floor(server: str, names: list[str], to: Path, *, sync: bool) -> None:
    """Receive each file with a bare socket, write and digest it: one process of its own, as the others."""
    quietly([sys.executable, str(FLOOR), server, str(to), str(int(sync)), *names])


def weighlock(to: Path) -> None:
    settings = to / "project" / "weighlock.yaml"
    quietly([*WEIGHLOCK, "-C", str(settings), "pull", f"hf:{REPOSITORY}@main"])


def curl(server: str, names: list[str], to: Path) -> None:
    quietly(
        ["curl", "-sS", "--remote-name-all", "--output-dir", str(to)]
        + [f"http://{server}/files/{name}" for name in names]
    )
    digest(to)


def hub(server: str, to: Path) -> None:
    program = (
        f"import huggingface_hub as h; h.snapshot_download({REPOSITORY!r}, local_dir={str(to / 'model')!r})"
    )
    variables = {
        "HF_ENDPOINT": f"http://{server}",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
    quietly([str(PEERS), "-c", program], **variables, HF_HOME=str(to / "home"))


def oras(server: str, to: Path) -> None:
    program = (
        "import oras.client; "
        f"oras.client.OrasClient(insecure=True).pull({f'{server}/{REPOSITORY}:main'!r}, outdir={str(to / 'model')!r})"
    )
    quietly([str(PEERS), "-c", program])


def also_digest(fetch: Callable[[str, Path], None], server: str, to: Path) -> None:
    fetch(server, to)
    digest(to)


def digest(to: Path) -> None:
    quietly(["openssl", "dgst", "-sha256", *map(str, sorted(to.rglob("part-*")))])


if __name__ == "__main__":
    main()
