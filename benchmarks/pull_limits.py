"""Pulls at the edges: 5,000 small files, one file of 8 GB, a pull that was killed at 90 %, a bad line.

    python benchmarks/pull_limits.py [small] [large] [killed] [line] [--folder DIR]

Prints Markdown. The bad line needs root and iproute2; what is missing is left out, and said.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.cost import clocked, make_files, quietly
from bench.link import ADDRESSES, lossy_link
from bench.project import WEIGHLOCK, make_project, serving
from bench.server import REPOSITORY

PEERS = Path(__file__).parents[1] / ".venv" / "interop" / "python" / "bin" / "python"
SMALL_FILES, SMALL_BYTES = 5_000, 4_000
LARGE_BYTES = 8_000_000_000
KILLED_BYTES, KILLED_AT = 1_000_000_000, 0.9
LINE_BYTES, ONE_WAY_S, LOSS = 16_000_000, 0.05, 0.01


def main() -> None:
    parts = {"small": small, "large": large, "killed": killed, "line": line}
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="*", choices=[*parts, []], default=list(parts))
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder by default")
    options = parser.parse_args()
    for name in options.part:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            parts[name](Path(folder))


def pull(project: Path) -> list[str]:
    return [*WEIGHLOCK, "-C", str(project / "weighlock.yaml"), "pull", f"hf:{REPOSITORY}@main", "--json"]


def small(folder: Path) -> None:
    """Many small files: what a request costs."""
    served = folder / "served"
    served.mkdir()
    make_files(served, SMALL_FILES, SMALL_BYTES)
    with serving(served) as server:
        make_project(folder / "project", server)
        ours = clocked(lambda: quietly(pull(folder / "project")))
        print(f"\n{SMALL_FILES} files of {SMALL_BYTES} bytes:\n\n| | s | processor s |\n|---|---|---|")
        print(f"| `weighlock pull hf:` | {ours.clock_s:.1f} | {ours.processor_s:.1f} |")
        if PEERS.is_file():
            code = f"import huggingface_hub as h; h.snapshot_download({REPOSITORY!r}, local_dir={str(folder / 'model')!r})"
            variables = {
                "HF_ENDPOINT": f"http://{server}",
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_DISABLE_TELEMETRY": "1",
            }
            peer = clocked(
                lambda: quietly([str(PEERS), "-c", code], **variables, HF_HOME=str(folder / "home"))
            )
            print(f"| `huggingface_hub` | {peer.clock_s:.1f} | {peer.processor_s:.1f} |")


def large(folder: Path) -> None:
    """One large file: is memory flat?"""
    print("\nPeak memory of a pull:\n\n| file | MB |\n|---|---|")
    for size in (10_000_000, 1_000_000_000, LARGE_BYTES):
        served = folder / "served"
        served.mkdir()
        make_sparse(served, size)
        with serving(served) as server:
            make_project(folder / "project", server)
            print(f"| {size / 1e6:.0f} MB | {peak_bytes(pull(folder / 'project')) / 1e6:.1f} |", flush=True)
        shutil.rmtree(served)
        shutil.rmtree(folder / "project")


def killed(folder: Path) -> None:
    """A pull that is killed and begun again: how much comes over the line twice?"""
    served = folder / "served"
    served.mkdir()
    make_files(served, 1, KILLED_BYTES)
    with serving(served) as server:
        project = folder / "project"
        make_project(project, server)
        whole = clocked(lambda: quietly(pull(project)))
        shutil.rmtree(project)
        make_project(project, server)
        running = subprocess.Popen(pull(project), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        kept = wait_for_bytes(project, int(KILLED_BYTES * KILLED_AT))
        running.kill()
        running.wait()
        done: list[str] = []
        again = clocked(
            lambda: done.append(
                subprocess.run(pull(project), check=True, capture_output=True, text=True).stdout
            )
        )
    fetched = json.loads(done[0])["models"][0]["transfer"]["fetched"]
    print(
        f"\nKilled with {kept / KILLED_BYTES:.0%} of {KILLED_BYTES / 1e9:g} GB there: the next pull fetched "
        f"{fetched / KILLED_BYTES:.1%} of it and took {again.clock_s / whole.clock_s:.2f} of the time of a whole one."
    )


def line(folder: Path) -> None:
    """A line of 100 ms that loses one packet in a hundred: do ranges win?"""
    if os.geteuid() or not shutil.which("ip"):
        print("\nThe bad line needs root and iproute2.")
        return
    served = folder / "served"
    served.mkdir()
    make_files(served, 1, LINE_BYTES)
    rows = {}
    with (
        lossy_link(delay_s=ONE_WAY_S, loss=LOSS) as (far, near),
        serving(served, prefix=("ip", "netns", "exec", far), host=ADDRESSES[0], congestion="cubic") as server,
    ):
        inside = ["ip", "netns", "exec", near]
        for count in (1, 8):
            make_project(folder / str(count), server, pull={"connections": count})
            rows[f"`weighlock pull`, {count} connection{'s'[: count > 1]}"] = clocked(
                partial(quietly, [*inside, *pull(folder / str(count))])
            ).clock_s
        address = f"http://{server}/files/part-0000.safetensors"
        rows["`curl`"] = clocked(
            lambda: quietly([*inside, "curl", "-sS", "-o", str(folder / "file"), address])
        ).clock_s
    print(
        f"\n{LINE_BYTES / 1e6:g} MB over {2 * ONE_WAY_S * 1e3:.0f} ms and {LOSS:.0%} loss each way (cubic):\n"
    )
    print("| | s | times `curl`'s rate |\n|---|---|---|")
    for name, seconds in rows.items():
        print(f"| {name} | {seconds:.1f} | {rows['`curl`'] / seconds:.1f} |")


def make_sparse(folder: Path, size: int) -> None:
    """Make a file of zeros that takes no room, and list it."""
    name, running, block = "part-0000.safetensors", hashlib.sha256(), bytes(1 << 24)
    with (folder / name).open("wb") as file:
        file.truncate(size)
    for done in range(0, size, len(block)):
        running.update(block[: size - done])
    (folder / "digests.json").write_text(json.dumps({name: (running.hexdigest(), size)}))


def peak_bytes(line: list[str]) -> int:
    """Return the peak resident set of a command of ours, asked of the process itself, in bytes."""
    program = "import sys\nfrom weighlock.cli.main import run\nassert run(sys.argv[1:]) == 0\n"
    program += "print(open('/proc/self/status').read())"
    done = subprocess.run(
        [sys.executable, "-c", program, *line[len(WEIGHLOCK) :]], check=True, capture_output=True, text=True
    )
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found
    return int(found[1]) * 1024


def wait_for_bytes(project: Path, wanted: int) -> int:
    """Return the size of the largest partial file as soon as it has ``wanted`` bytes."""
    ingest = project / ".weighlock" / "experimentation" / "ingest"
    for _ in range(60_000):
        sizes = [file.stat().st_size for file in ingest.glob("*") if file.exists()] if ingest.is_dir() else []
        if max(sizes, default=0) >= wanted:
            return max(sizes)
        time.sleep(0.002)
    sys.exit("the pull never got that far")


if __name__ == "__main__":
    main()
