"""What do push and fetch of 1 GB cost, against skopeo and the same registry?

    python benchmarks/registry.py [--bytes N] [--rounds N] [--folder DIR]

Prints Markdown. The registry is Debian's docker-registry on loopback; its own costs are not counted.
skopeo copies between an OCI layout and the registry. Needs docker-registry and skopeo.
"""

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.cost import Cost, best, clocked, make_files, quietly
from bench.project import WEIGHLOCK, make_project

FILES = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to put the files; a temporary folder by default")
    options = parser.parse_args()
    if missing := [name for name in ("docker-registry", "skopeo") if not shutil.which(name)]:
        sys.exit(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        make_files(folder, FILES, options.bytes // FILES)
        measure(folder, options.bytes, options.rounds)


def measure(folder: Path, size: int, rounds: int) -> None:
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds):
        work = folder / f"round-{number}"
        with registry(work / "registry") as server:
            for name, cost in one_round(folder, work, server).items():
                costs.setdefault(name, []).append(cost)
        shutil.rmtree(work)
    print(f"\n{size / 1e9:g} GB in {FILES} files, to and from a registry on loopback:\n")
    print("| | s | processor s | ratio to skopeo |\n|---|---|---|---|")
    for verb in ("push", "fetch"):
        peer = best(costs[f"skopeo {verb}"])
        for who in ("weighlock", "skopeo"):
            cost = best(costs[f"{who} {verb}"])
            print(
                f"| `{who}`, {verb} | {cost.clock_s:.2f} | {cost.processor_s:.2f} "
                f"| {cost.clock_s / peer.clock_s:.2f}, processor {cost.processor_s / peer.processor_s:.2f} |"
            )


def one_round(folder: Path, work: Path, server: str) -> dict[str, Cost]:
    here, there = make(work / "here", folder, server), make(work / "there", folder, server)
    quietly([*WEIGHLOCK, "-C", str(here), "pull", f"path:{here.parent / 'model'}", "--name", "model"])
    layout = here.parent / ".weighlock" / "experimentation"
    plain = ["--src-tls-verify=false", "--dest-tls-verify=false", "-q"]
    copied = work / "copied"
    return {
        "weighlock push": clocked(
            lambda: quietly([*WEIGHLOCK, "-C", str(here), "push", "model", f"oci:{server}/a/model:1"])
        ),
        "skopeo push": clocked(
            lambda: quietly(["skopeo", "copy", *plain, f"oci:{layout}:model", f"docker://{server}/b/model:1"])
        ),
        "weighlock fetch": clocked(
            lambda: quietly(
                [*WEIGHLOCK, "-C", str(there), "fetch", f"oci:{server}/a/model:1", "--name", "model"]
            )
        ),
        "skopeo fetch": clocked(
            lambda: quietly(["skopeo", "copy", *plain, f"docker://{server}/b/model:1", f"oci:{copied}:model"])
        ),
    }


def make(project: Path, files: Path, server: str) -> Path:
    settings = make_project(project, server, sources={"path": ["."], "oci": [server]}, push={"oci": [server]})
    (project / "model").mkdir()
    for file in files.glob("part-*"):
        (project / "model" / file.name).hardlink_to(file)
    return settings


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """Yield the address of a new registry that keeps its blobs in ``folder``."""
    folder.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    with subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait(address)
            yield address
        finally:
            server.terminate()


def wait(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, int(port))):
            return
        time.sleep(0.05)
    sys.exit("the registry does not answer")


if __name__ == "__main__":
    main()
