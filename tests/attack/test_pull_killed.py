"""kill -9 in the middle of a download: the next pull reads what is there and fetches the rest, nothing twice."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hub import Hub
from hub_server import Exchange
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from web_authority import common_authority

CONTENT = os.urandom(9_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FIRST = 6_000_000  # bytes that the server sends before it stalls; several reads of a download
PATIENCE_S = 30


class Stalling:
    """A server of one file that stops after ``FIRST`` bytes of it until it is let go; ``starts`` are the ranges asked for."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.going = threading.Event()
        stalling = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = PATIENCE_S

            def do_GET(self) -> None:
                match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                start = int(match[1]) if match else 0
                end = min(int(match[2]) + 1, len(CONTENT)) if match and match[2] else len(CONTENT)
                self.send_response(206 if match else 200)
                self.send_header("Content-Length", str(end - start))
                self.send_header("ETag", '"1"')
                if match:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(CONTENT)}")
                self.end_headers()
                if end - start > 1:
                    stalling.starts.append(start)
                stalled = min(max(start, FIRST), end)
                self.wfile.write(CONTENT[start:stalled])
                if stalled < end:
                    stalling.going.wait(PATIENCE_S)
                self.wfile.write(CONTENT[stalled:end])

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing of clients that were killed."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.source = f"http://{self.host}/m.gguf#sha256={DIGEST}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.going.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(params=["https", "hf"])
def server(request: pytest.FixtureRequest, project: Project) -> Iterator[Stalling]:
    """A host of files that the settings trust, or the content host of a hub."""
    made = Stalling()
    settings: dict[str, Any] = {
        "version": 1,
        "sources": {"https": [made.host], "hf": ["acme"]},
        "network": {"plain_http": [made.host], "hosts": [made.host]},
        "pull": {"connections": 1},
    }
    hub = hub_before(made) if request.param == "hf" else None
    if hub:
        made.source = "hf:acme/m"
        settings["hf"] = {"origin": hub.url}
        settings["network"]["ca_file"] = str(common_authority().ca_file)
    (project.root / "weighlock.yaml").write_text(json.dumps(settings))
    yield made
    made.stop()
    if hub:
        hub.stop()


def hub_before(server: Stalling) -> Hub:
    """Return a hub whose content network is ``server``."""
    hub = Hub().start()
    hub.create("acme/m").commit({"m.gguf": CONTENT})

    def lead(exchange: Exchange) -> None:
        if "/resolve/" in exchange.path:
            exchange.headers["Location"] = f"http://{server.host}/m.gguf"

    hub.alter.append(lead)
    return hub


def begin(project: Project, server: Stalling, *options: str) -> subprocess.Popen[bytes]:
    """Start a pull, and return when it has all that the server sends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "weighlock", "pull", server.source, *options],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    partial = project.store_folder / "ingest" / f"{DIGEST}.partial"
    deadline = time.monotonic() + PATIENCE_S
    while not (partial.exists() and partial.stat().st_size >= FIRST // 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_pull_that_was_ended_goes_on(project: Project, server: Stalling, number: signal.Signals) -> None:
    process = begin(project, server)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert b"run the same command again: it goes on where it stopped" in err
    assert project.names() == {}
    kept = (project.store_folder / "ingest" / f"{DIGEST}.partial").stat().st_size
    assert kept >= FIRST // 2
    server.starts.clear()
    server.going.set()
    ran = project.run("pull", server.source, "--json")
    assert ran.status == 0, ran
    (facts,) = ran.facts["models"]
    assert facts["files"][0]["digest"] == f"sha256:{DIGEST}"
    assert (facts["transfer"]["resumed"], facts["transfer"]["fetched"]) == (kept, len(CONTENT) - kept)
    assert server.starts == [kept]


def test_a_second_process_waits_for_the_first(project: Project, server: Stalling) -> None:
    first = begin(project, server, "--name", "one")
    second = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "weighlock",
            "pull",
            server.source,
            "--name",
            "two",
        ],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
    )
    server.going.set()
    assert [first.wait(PATIENCE_S), second.wait(PATIENCE_S)] == [0, 0]
    first.communicate()
    assert sorted(project.names()) == ["one", "two"]
    assert server.starts == [0]
