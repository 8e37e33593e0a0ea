"""Servers that run inside the sandbox for the tests: ``python inner.py KIND PORT ...``. Standard library only."""

import hashlib
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path


def listening(port: str) -> socket.socket:
    return socket.create_server(("127.0.0.1", int(port)), backlog=128)


def answer(connection: socket.socket) -> None:
    """Say ``ready``, read to the end, answer with size and digest, end."""
    with connection:
        connection.sendall(b"ready\n")
        digest, size = hashlib.sha256(), 0
        while content := connection.recv(65536):
            digest.update(content)
            size += len(content)
        connection.sendall(f"{size} {digest.hexdigest()}".encode())


def digests(port: str, _mark: str) -> None:
    server = listening(port)
    while True:
        threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()


def steps(port: str, _mark: str) -> None:
    """Send one piece, and the next only when the client asks for it."""
    connection = listening(port).accept()[0]
    for number in range(3):
        connection.sendall(f"piece {number}\n".encode())
        if connection.recv(1) != b".":
            break
    connection.close()


def clinging(port: str, mark: str) -> None:
    """Leave processes behind in every way: other sessions, orphans, deaf to signals."""
    for deaf in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(deaf, signal.SIG_IGN)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    time.sleep(60)
            os._exit(0)
    digests(port, mark)


def status(number: str) -> None:
    sys.exit(int(number))


def memory(size: str) -> None:
    """Exit with 7 if so much memory cannot be had."""
    try:
        bytearray(int(size))
    except MemoryError:
        sys.exit(7)


def execute(program: str, *arguments: str) -> None:
    process = os.posix_spawn(program, [program, *arguments], {})
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def loopback() -> None:
    """Let a child answer over a port of its own; exit with 7 if connecting is refused."""
    server = socket.create_server(("127.0.0.1", 0))
    try:
        with socket.create_connection(server.getsockname()) as client:
            server.accept()[0].sendall(b"x")
            sys.exit(0 if client.recv(1) == b"x" else 8)
    except PermissionError:
        sys.exit(7)


def shared() -> None:
    path = Path("/dev/shm/shared")
    path.write_bytes(b"x" * 4096)
    try:
        path.write_bytes(b"x" * 10_000_000)
    except OSError:
        sys.exit(7)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
