"""The process that parses untrusted files: it gets open descriptors and gives back findings.

It opens nothing, writes nothing and knows no secret: its parent starts it with an empty
environment and passes each file as a descriptor. A parser that crashes, hangs or fills the
memory takes only this process with it. Nothing but our own parsers and the standard library is imported here.
"""

import json
import os
import resource
import socket
from typing import Any, Final

from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.result import examined_json
from weighlock.inspection.span import Span, drive

MAX_MEMORY_BYTES: Final = 1 << 30  # address space; the largest honest need is a JSON of 64 MB
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # a reply is bounded by the limits of a report
MAX_DESCRIPTORS: Final = 16  # standard streams, channel, one file
LENGTH_BYTES: Final = 4  # before every message


def main(channel_fd: int, memory_bytes: int) -> None:
    """Answer requests on the channel until it closes; ``memory_bytes`` of address space are all there is."""
    _confine(memory_bytes)
    with socket.socket(fileno=channel_fd) as channel:
        while True:
            request, descriptor = _receive(channel)
            if request is None:
                return
            try:
                reply = _examine(str(request["path"]), int(request["size"]), descriptor)
            finally:
                os.close(descriptor)
            raw = json.dumps(reply).encode()
            channel.sendall(len(raw).to_bytes(LENGTH_BYTES, "little") + raw)


def _confine(memory_bytes: int) -> None:
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _receive(channel: socket.socket) -> tuple[dict[str, Any] | None, int]:
    """Return the next request and its file, or None when the parent closed the channel."""
    data, descriptors, _, _ = socket.recv_fds(channel, 65_536, 1)
    if not data:
        return None, -1
    while len(data) < LENGTH_BYTES or len(data) < LENGTH_BYTES + int.from_bytes(
        data[:LENGTH_BYTES], "little"
    ):
        more = channel.recv(65_536)
        if not more:
            return None, -1
        data += more
    request: dict[str, Any] = json.loads(data[LENGTH_BYTES:])
    return request, descriptors[0]


def _examine(path: str, size: int, descriptor: int) -> dict[str, Any]:
    read_bytes = 0

    def fetch(span: Span) -> bytes:
        nonlocal read_bytes
        data = _read(descriptor, span)
        read_bytes += len(data)
        return data

    examined = drive(inspect_file(path, size), fetch)
    return {"examined": examined_json(examined), "bytesRead": read_bytes}


def _read(descriptor: int, span: Span) -> bytes:
    """Return the bytes of the span, fewer only at the end of the file."""
    parts = []
    offset, left = span
    while left:
        part = os.pread(descriptor, left, offset)
        if not part:
            break
        parts.append(part)
        offset, left = offset + len(part), left - len(part)
    return b"".join(parts)
