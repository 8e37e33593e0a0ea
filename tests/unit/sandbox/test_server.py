"""Real servers in the sandbox: answers through the relay, limits, and an end that leaves nothing."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from unit.sandbox.cage import HERE, launch
from weighlock import sandbox
from weighlock.core.error import UndecidedError
from weighlock.sandbox import Capabilities, Server, Tier
from weighlock.sandbox import server as server_module

READY_S = 20
INNER = str(HERE / "inner.py")
CLIENTS = 50
MEGABYTE = 1 << 20

pytestmark = pytest.mark.enable_socket


def free_port() -> int:
    """Return a port that nobody listens on; below the range from which the system picks."""
    for port in range(20_000 + os.getpid() * 61 % 10_000, 32_000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError


@contextlib.contextmanager
def serving(folder: Path, tier: Tier, kind: str) -> Iterator[tuple[Server, tuple[str, int]]]:
    """Yield a ready server of ``inner.py``, whose command line names ``folder``, and its address outside."""
    wanted = launch(folder, INNER, kind, "{port}", str(folder), port=free_port())
    with sandbox.start(wanted, tier=tier, output=bytes) as server:
        assert server.ready(READY_S)
        assert server.address is not None
        yield server, server.address


def ask(address: tuple[str, int], content: bytes) -> bytes:
    with socket.create_connection(address, READY_S) as client:
        client.sendall(content)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def expected(content: bytes) -> bytes:
    return f"ready\n{len(content)} {hashlib.sha256(content).hexdigest()}".encode()


def left_over(mark: str) -> list[int]:
    """Return the processes whose command line names ``mark``, but this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "cmdline").read_bytes() and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def gone(mark: str) -> bool:
    """Return whether everything named ``mark`` ends within a bounded time."""
    deadline = time.monotonic() + READY_S
    while left_over(mark):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_http_server_answers(tier: Tier, folder: Path) -> None:
    port = free_port()
    served = launch(folder, "-m", "http.server", "--bind", "127.0.0.1", "-d", "{model}", "{port}", port=port)
    with sandbox.start(served, tier=tier, output=bytes) as server:
        assert server.ready(READY_S)
        assert server.address is not None
        with urllib.request.urlopen(f"http://127.0.0.1:{server.address[1]}/weights") as response:
            assert response.read() == b"weights"
    assert server.poll() == -signal.SIGTERM


def test_half_close_large_bodies_and_many_at_once(tier: Tier, folder: Path) -> None:
    with serving(folder, tier, "digests") as (_, address):
        content = os.urandom(8 * MEGABYTE)
        assert ask(address, content) == expected(content)
        clients = [socket.create_connection(address, READY_S) for _ in range(CLIENTS)]
        for client in clients:  # all are open in the server at the same time
            assert client.recv(6) == b"ready\n"
        for number, client in reversed(list(enumerate(clients))):
            with client:
                client.sendall(bytes(number))
                client.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: client.recv(65536), b""))  # noqa: B023 - used up at once
                assert b"ready\n" + answer == expected(bytes(number))


def test_streamed_pieces_pass_at_once(tier: Tier, folder: Path) -> None:
    # the server waits for an answer to each piece: a relay that held one back would wait for ever.
    # No ready() here: it would be this server's one connection
    wanted = launch(folder, INNER, "steps", "{port}", str(folder), port=free_port())
    with sandbox.start(wanted, tier=tier, output=bytes) as server:
        client = connect_when_ready(server)
        with client, client.makefile("rb") as lines:
            for number in range(3):
                assert lines.readline() == f"piece {number}\n".encode()
                client.sendall(b".")
            assert lines.read() == b""


def connect_when_ready(server: Server) -> socket.socket:
    """Return the first connection that the server keeps open."""
    assert server.address is not None
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        client = socket.create_connection(server.address, READY_S)
        with contextlib.suppress(ConnectionError):
            if client.recv(1, socket.MSG_PEEK):
                return client
        client.close()
    raise AssertionError


def test_stop_leaves_nothing(tier: Tier, folder: Path) -> None:
    with serving(folder, tier, "clinging") as (server, _):
        assert left_over(str(folder))
        assert server.stop(grace_s=0.1) == -signal.SIGKILL
        assert not left_over(str(folder))


def test_end_of_the_server_ends_its_children(tier: Tier, folder: Path) -> None:
    with serving(folder, tier, "clinging") as (server, _):
        os.kill(server.pid, signal.SIGKILL)
        assert server.wait(READY_S) == -signal.SIGKILL
        assert not left_over(str(folder))


def test_killed_supervisor_leaves_nothing(tier: Tier, folder: Path) -> None:
    command = [sys.executable, str(HERE / "supervise.py"), str(folder), tier.name, str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"ready\n"
        assert len(left_over(str(folder))) > 1
        supervisor.kill()
    assert gone(str(folder))


def test_killed_guard_takes_the_server_with_it(tier: Tier, folder: Path) -> None:
    with serving(folder, tier, "digests") as (server, _):
        assert server._guard is not None
        server._guard.process.kill()
        assert server.wait(READY_S) == -signal.SIGKILL
        assert gone(str(folder))


def test_server_outlives_the_thread_that_started_it(tier: Tier, folder: Path) -> None:
    """A death signal comes when the parent *thread* ends."""
    servers: list[Server] = []
    wanted = launch(folder, INNER, "digests", "{port}", str(folder), port=free_port())
    thread = threading.Thread(target=lambda: servers.append(sandbox.start(wanted, tier=tier)))
    thread.start()
    thread.join()
    with servers[0] as server:
        assert server.ready(READY_S)
        assert server.address is not None
        assert ask(server.address, b"x") == expected(b"x")


def test_exit_status_is_told(tier: Tier, folder: Path) -> None:
    server = sandbox.start(launch(folder, INNER, "status", "5"), tier=tier)
    assert server.wait(READY_S) == 5
    assert server.address is None
    assert not server.ready(0.1)
    assert server.stop() == 5


def test_memory_limit_holds(tier: Tier, folder: Path) -> None:
    limited = launch(folder, INNER, "memory", str(4096 * MEGABYTE), memory_bytes=1024 * MEGABYTE)
    server = sandbox.start(limited, tier=tier)
    assert server.wait(READY_S) == 7
    assert {one.name: one.holds for one in server.protections}["memory_limit"]


def test_programs_start_only_when_allowed(tier: Tier, folder: Path) -> None:
    arguments = (INNER, "execute", sys.executable, "-I", "-c", "raise SystemExit(5)")
    allowed = sandbox.start(launch(folder, *arguments, allow_exec=True), tier=tier, output=bytes)
    assert allowed.wait(READY_S) == 5
    assert not {one.name: one.holds for one in allowed.protections}["no_exec"]
    assert sandbox.start(launch(folder, *arguments), tier=tier, output=bytes).wait(READY_S) == 1


def test_unlisted_program_does_not_start_even_when_allowed(tier: Tier, folder: Path) -> None:
    shell = launch(folder, INNER, "execute", "/bin/sh", "-c", "exit 5", allow_exec=True)
    assert sandbox.start(shell, tier=tier, output=bytes).wait(READY_S) == 1


def test_loopback_only_in_an_own_network(tier: Tier, folder: Path) -> None:
    wanted = launch(folder, INNER, "loopback", loopback=True)
    if tier is Tier.LANDLOCK:
        with pytest.raises(UndecidedError) as caught:
            sandbox.start(wanted, tier=tier)
        assert caught.value.code == "sandbox_too_weak"
    else:
        assert sandbox.start(wanted, tier=tier).wait(READY_S) == 0
        shut = sandbox.start(replace(wanted, loopback=False, port=free_port()), tier=tier, output=bytes)
        assert shut.wait(READY_S) != 0


def test_shared_memory_is_private_and_limited(tier: Tier, folder: Path) -> None:
    wanted = launch(folder, INNER, "shared", shared_memory_bytes=MEGABYTE)
    if tier is not Tier.BUBBLEWRAP:
        with pytest.raises(UndecidedError) as caught:
            sandbox.start(wanted, tier=tier)
        assert caught.value.code == "sandbox_too_weak"
    else:
        assert sandbox.start(wanted, tier=tier).wait(READY_S) == 7
        assert not Path("/dev/shm/shared").exists()


def test_missing_path_is_an_error_that_names_it(tier: Tier, folder: Path) -> None:
    wanted = launch(folder, INNER, "status", "0")
    lost = replace(wanted, read_only=(*wanted.read_only, folder / "lost"))
    with pytest.raises(UndecidedError, match="lost") as caught:
        sandbox.start(lost, tier=tier, output=bytes)
    assert caught.value.code == "sandbox_failed"


def test_missing_program_is_an_error(tier: Tier, folder: Path) -> None:
    wanted = replace(launch(folder), argv=("/nonexistent/server",))
    with pytest.raises(UndecidedError, match="No such file") as caught:
        sandbox.start(wanted, tier=tier, output=bytes)
    assert caught.value.code == "sandbox_failed"


def test_taken_address_is_an_error(folder: Path, capabilities: Capabilities) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = launch(
            folder, INNER, "digests", "{port}", str(folder), port=free_port(), listen=taken.getsockname()
        )
        with pytest.raises(UndecidedError) as caught:
            sandbox.start(wanted, capabilities=capabilities)
    assert caught.value.code == "address_unusable"


@pytest.mark.parametrize("lacking", ["landlock", "seccomp", "no_new_privileges"])
def test_below_the_minimum_nothing_starts(lacking: str, folder: Path, capabilities: Capabilities) -> None:
    weak = replace(
        capabilities,
        landlock_abi=0 if lacking == "landlock" else capabilities.landlock_abi,
        seccomp=lacking != "seccomp",
        no_new_privileges=lacking != "no_new_privileges",
    )
    assert weak.tier is Tier.NONE
    wanted = launch(folder, INNER, "status", "0")
    for asked in (None, Tier.LANDLOCK, Tier.BUBBLEWRAP):
        with pytest.raises(UndecidedError) as caught:
            sandbox.start(wanted, capabilities=weak, tier=asked, minimum=Tier.NONE)
        assert caught.value.code == "sandbox_too_weak"


def test_minimum_is_kept(folder: Path, capabilities: Capabilities) -> None:
    weaker = replace(capabilities, bubblewrap=None, namespaces=False)
    with pytest.raises(UndecidedError, match="bubblewrap") as caught:
        sandbox.start(launch(folder, INNER, "status", "0"), capabilities=weaker, minimum=Tier.BUBBLEWRAP)
    assert caught.value.code == "sandbox_too_weak"


def test_what_a_server_writes_does_nothing_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape sequences move the cursor, forge lines of ours and write the clipboard; also in two pieces."""
    written: list[bytes] = []
    monkeypatch.setattr(os, "isatty", lambda _: True)
    monkeypatch.setattr(server_module, "_write_to_standard_error", written.append)
    output = server_module._to_standard_error()
    for piece in (
        b"ready\r\n\x1b[2J\x1b]52;c;ZXZpbA==\x07",
        b"\xc2",
        b"\x9b1A\n",
        b"\xe2\x80\xaetfel\n\xff\x08\n",
        "größer\tals\n".encode(),
    ):
        output(piece)
    lines = b"".join(written).decode().split("\n")
    assert lines[:2] == ["ready", "\\x1b[2J\\x1b]52;c;ZXZpbA==\\x07\\x9b1A"]
    assert lines[2:] == ["\\u202etfel", "\\xff\\x08", "größer    als", ""]


def test_elsewhere_it_is_passed_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: False)
    assert server_module._to_standard_error() is server_module._write_to_standard_error
