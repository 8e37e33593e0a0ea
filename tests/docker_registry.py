"""Debian's docker-registry, running on loopback for one test; it has no referrers API."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

USER, PASSWORD = "robot", "p4ssw0rd"
_HTPASSWD = (
    "robot:$2b$05$ltLUZ30cLu5QhX.EQ1q/YuvFnDtHNTnPZERuuBqbl9l49IM3QREWS\n"  # bcrypt of the password above
)
_START_S = 20.0


@contextlib.contextmanager
def docker_registry(folder: Path, *, login: bool = False) -> Iterator[str]:
    """Yield the host and port of a registry that keeps all in ``folder``; with ``login``, for USER alone."""
    folder.mkdir()
    port = _free_port()
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "of the tests"},
    }
    if login:
        (folder / "htpasswd").write_text(_HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log, env=environ
        )
        with process:
            try:
                _wait(process, port)
                yield f"127.0.0.1:{port}"
            finally:
                process.kill()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/v2/")
                if connection.getresponse().status in {200, 401}:
                    return
            except OSError:
                pass  # it is not up yet
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"docker-registry did not start: {process.returncode}")
        time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
