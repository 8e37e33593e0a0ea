"""The process that parses untrusted files: it gets open descriptors and gives back findings.

It opens nothing but our own modules, writes nothing and knows no secret: its parent starts it with an empty
environment and passes each file as a descriptor, or answers for the bytes of a file that lies elsewhere. A parser
that crashes, hangs or fills the memory takes only this process with it, and what it had found is with the parent
already. Nothing but our own parsers and the standard library is imported here.

The parent's messages are batches of files; the answers, for each file in turn: ``{"found": …}`` as soon as
something is found, ``{"span": [offset, length]}`` for bytes that only the parent has, and at the end
``{"done": …}`` or ``{"broken": REASON}``. The first message of all is
``{"confined": …, "engine": …}``.
"""

import gc
import os
import socket
import sys
from typing import Any, Final

from weighlock.core.finding import Finding, Severity
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.message import examined_json
from weighlock.inspection.options import Options
from weighlock.inspection.pickle import is_compiled
from weighlock.inspection.span import Span, drive
from weighlock.service.inspection_channel import (
    DATA_LENGTH_BYTES,
    LENGTH_BYTES,
    MAX_BATCH,
    frame,
    receive,
    receive_bytes,
)
from weighlock.service.inspection_confinement import confine, end_with_parent
from weighlock.service.inspection_start import CHANNEL

COLLECT_EVERY: Final = 20_000  # objects more: a large JSON document makes a million, and no cycles
MAX_TOLD: Final = 200  # findings of one file that are told before its end; more only if they are graver


def main() -> None:
    """Answer requests on the channel until it closes. The program's arguments: root, bytes of memory, our parent."""
    memory_bytes, parent = int(sys.argv[2]), int(sys.argv[3])
    end_with_parent(parent)
    os.closerange(CHANNEL + 1, 65_536)  # what our parent had inherited itself
    confinement = confine(memory_bytes)
    gc.freeze()  # what was imported lives as long as the process: no collection need look at it
    gc.set_threshold(COLLECT_EVERY)
    gc.enable()
    with socket.socket(fileno=CHANNEL) as channel:
        engine = "compiled" if is_compiled() else "interpreted"
        channel.sendall(frame({"confined": confinement, "engine": engine}))
        while (batch := _receive(channel)) is not None:
            _examine_all(channel, *batch)


def _receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its files, or None when the parent closed the channel."""
    head, descriptors, _, _ = socket.recv_fds(channel, LENGTH_BYTES, MAX_BATCH)
    if not head:
        return None
    if len(head) < LENGTH_BYTES:
        head += receive_bytes(channel, LENGTH_BYTES - len(head))
    return receive(channel, length=int.from_bytes(head, "little")), descriptors


def _examine_all(channel: socket.socket, request: dict[str, Any], descriptors: list[int]) -> None:
    allow = {(module, name): reason for module, name, reason in request["allow"]}
    options = Options(
        allow=allow,
        elsewhere=not descriptors,
        keep_templates=bool(request["keepTemplates"]),
        base=None if request["base"] is None else tuple((name, text) for name, text in request["base"]),
    )
    for index, (path, size) in enumerate(request["files"]):
        descriptor = descriptors[index] if descriptors else None
        source = _Source(channel, descriptor)
        try:
            reply = _examine(channel, source, path, size, options)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        channel.sendall(frame(reply))


def _examine(
    channel: socket.socket, source: "_Source", path: str, size: int, options: Options
) -> dict[str, Any]:
    tell = _Teller(channel)
    try:
        examined = drive(inspect_file(path, size, options, tell.tell), source.fetch)
    except MemoryError:
        return {"broken": "it needs more memory than an examination may have", "bytesRead": source.read_bytes}
    except RecursionError:
        return {"broken": "it nests deeper than an examination can follow", "bytesRead": source.read_bytes}
    return {"done": examined_json(examined), "bytesRead": source.read_bytes}


class _Teller:
    """Tells the parent what is found at once: what comes after may kill this process."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._told = 0
        self._gravest = Severity.INFO

    def tell(self, finding: Finding, format_name: str) -> None:
        """Tell one finding, unless it is one of many."""
        if finding.severity is Severity.INFO or (
            self._told >= MAX_TOLD and finding.severity <= self._gravest
        ):
            return
        self._told += 1
        self._gravest = max(self._gravest, finding.severity)
        self._channel.sendall(frame({"found": finding.to_json(), "format": format_name}))


class _Source:
    """The bytes of one file: behind a descriptor, or asked of the parent."""

    def __init__(self, channel: socket.socket, descriptor: int | None) -> None:
        self._channel = channel
        self._descriptor = descriptor
        self.read_bytes = 0

    def fetch(self, span: Span) -> bytes:
        """Return the bytes of the span, fewer only at the end of the file."""
        data = self._ask(span) if self._descriptor is None else _read(self._descriptor, span)
        self.read_bytes += len(data)
        return data

    def _ask(self, span: Span) -> bytes:
        self._channel.sendall(frame({"span": list(span)}))
        length = int.from_bytes(receive_bytes(self._channel, DATA_LENGTH_BYTES), "little")
        return receive_bytes(self._channel, length)


def _read(descriptor: int, span: Span) -> bytes:
    data = os.pread(descriptor, span.length, span.offset)
    if len(data) == span.length or not data:
        return data
    parts = [data]
    read = len(data)
    while read < span.length and (data := os.pread(descriptor, span.length - read, span.offset + read)):
        parts.append(data)  # one read does 2 GiB at most, and a signal may cut it short
        read += len(data)
    return b"".join(parts)
