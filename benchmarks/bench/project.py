"""A project in a folder that may pull from one server on loopback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WEIGHLOCK = [sys.executable, "-m", "weighlock"]
BENCH = Path(__file__).resolve().parent.parent


@contextmanager
def serving(
    folder: Path, *, prefix: tuple[str, ...] = (), host: str = "127.0.0.1", congestion: str = ""
) -> Iterator[str]:
    """Yield ``host:port`` of a server of ``folder``, started by ``prefix`` (``ip netns exec NAME``)."""
    line = [*prefix, sys.executable, "-m", "bench.server", str(folder), "--host", host]
    line += ["--congestion", congestion] if congestion else []
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=BENCH
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield f"{host}:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()
            server.wait()


def make_project(folder: Path, server: str, **settings: dict[str, Any]) -> Path:
    """Make an empty project that trusts ``server`` as hub and registry; return its settings file."""
    subprocess.run([*WEIGHLOCK, "init", str(folder)], check=True, capture_output=True)
    file = folder / "weighlock.yaml"
    pull = {"unconfirmed": True, **settings.pop("pull", {})}  # the server has no TLS
    file.write_text(
        json.dumps(
            {
                "version": 1,
                "sources": {"hf": ["bench"], "oci": [server], "https": [server]},
                "network": {"hosts": [server], "plain_http": [server]},
                "hf": {"origin": f"http://{server}"},
                "pull": pull,
                **settings,
            }
        )
    )
    return file
