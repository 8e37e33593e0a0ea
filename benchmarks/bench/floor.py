"""The least that fetching with verification can cost in Python: recv into a buffer, write, SHA-256.

python benchmarks/bench/floor.py HOST:PORT FOLDER NAME…
"""

import hashlib
import os
import socket
import sys
from pathlib import Path

READ_BYTES = 1 << 20


def main() -> None:
    server, folder, sync, *names = sys.argv[1:]
    host, _, port = server.partition(":")
    buffer = memoryview(bytearray(READ_BYTES))
    for name in names:
        with (
            socket.create_connection((host, int(port))) as connection,
            (Path(folder) / name).open("wb", buffering=0) as file,
        ):
            connection.sendall(
                f"GET /files/{name} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n".encode()
            )
            running, head = hashlib.sha256(), b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            length = int(head.lower().partition(b"content-length:")[2].split(None, 1)[0])
            body = head.partition(b"\r\n\r\n")[2]
            running.update(body)
            left = length - file.write(body)
            while left:
                count = connection.recv_into(buffer[: min(left, READ_BYTES)])
                running.update(buffer[:count])
                left -= file.write(buffer[:count])
            running.hexdigest()
            if int(sync):
                os.fsync(file.fileno())


if __name__ == "__main__":
    main()
