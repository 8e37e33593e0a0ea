"""What the sandbox costs: time to a server's first answer, and bytes through the relay, as ratios in one run.

python benchmarks/sandbox_start.py [--rounds N]      prints a table as Markdown
"""

import argparse
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from weighlock import sandbox
from weighlock.sandbox import Launch, Tier, python_files

DOWNLOAD_BYTES = 256 << 20
PATIENCE_S = 30
PYTHON = Path(sys.executable)
COMMAND = (str(PYTHON), "-I", "-m", "http.server", "--bind", "127.0.0.1")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def unprotected(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    with subprocess.Popen(
        [*COMMAND, "-d", str(folder / "model"), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        yield "127.0.0.1", port
        server.terminate()


@contextlib.contextmanager
def protected(folder: Path, tier: Tier, capabilities: sandbox.Capabilities) -> Iterator[tuple[str, int]]:
    launch = Launch(
        argv=(*COMMAND, "-d", "{model}", "{port}"),
        env={},
        read_only=python_files(PYTHON),
        model=folder / "model",
        temporary=folder / "temporary",
        port=free_port(),
    )
    with sandbox.start(launch, tier=tier, capabilities=capabilities, output=bytes) as server:
        if server.address is None:
            raise TypeError
        yield server.address


def fetch(address: tuple[str, int], name: str) -> int:
    """Return how many bytes came, 0 if the server is not there yet."""
    received = 0
    with contextlib.suppress(ConnectionError), socket.create_connection(address, PATIENCE_S) as client:
        client.sendall(f"GET /{name} HTTP/1.0\r\n\r\n".encode())
        while content := client.recv(1 << 20):
            received += len(content)
    return received


def measure(folder: Path, tier: Tier | None, capabilities: sandbox.Capabilities) -> tuple[float, float]:
    """Return the seconds from start to first answer, and those of a large download."""
    started = time.perf_counter()
    opened = unprotected(folder) if tier is None else protected(folder, tier, capabilities)
    with opened as address:
        while not fetch(address, "small"):
            time.sleep(0.001)
        answered = time.perf_counter()
        received = fetch(address, "large")
        done = time.perf_counter()
    if received < DOWNLOAD_BYTES:
        raise ValueError(received)
    return answered - started, done - answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    detected = time.perf_counter()
    capabilities = sandbox.detect()
    detected = time.perf_counter() - detected
    kinds: list[Tier | None] = [None]
    kinds += [tier for tier in Tier if Tier.NONE < tier <= capabilities.tier]
    measured: dict[Tier | None, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "temporary").mkdir()
        (folder / "model").mkdir()
        (folder / "model" / "small").write_bytes(b"x")
        (folder / "model" / "large").write_bytes(bytes(DOWNLOAD_BYTES))
        for _ in range(rounds):  # interleaved, so that the machine's moods meet all alike
            for kind in kinds:
                measured[kind].append(measure(folder, kind, capabilities))
    print(
        f"Median of {rounds} interleaved rounds; finding out the capabilities took {detected * 1000:.0f} ms.\n"
    )
    print("| http.server | first answer | ratio | 256 MB | ratio |")
    print("|---|---|---|---|---|")
    for kind in kinds:
        columns = [statistics.median(column) for column in zip(*measured[kind], strict=True)]
        base = [statistics.median(column) for column in zip(*measured[None], strict=True)]
        label = "unprotected" if kind is None else kind.name.lower()
        cells = [
            f"{value * 1000:.0f} ms | {value / one:.2f}" for value, one in zip(columns, base, strict=True)
        ]
        print(f"| {label} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
