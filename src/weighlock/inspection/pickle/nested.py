"""Pickles inside the constants of a pickle, and of any bytes at hand what they do as a pickle."""

import binascii
import codecs
from typing import Final

from weighlock.inspection.pickle.effect import WORD, Part, Stream
from weighlock.inspection.pickle.machine import Machine
from weighlock.inspection.pickle.opcode import STEP
from weighlock.inspection.span import Reading, read

HEAD_BYTES: Final = 4096  # of a constant that is looked at
PROBE_OPERATIONS: Final = 100_000  # more than the bytes at hand can hold
MAX_DECODED_BYTES: Final = 1 << 20  # of a constant that is a text; of a longer one the head is examined
_BASE64_UNIT: Final = 4  # characters for three bytes


def probe_pickle(head: bytes, size: int) -> Stream:
    """Return what the bytes at hand do when they are read as a pickle; ``size`` is the file's."""
    stream = Stream(0)
    machine = Machine(stream, size, frozenset(), max(PROBE_OPERATIONS, len(head)))
    machine.feed(head, 0)
    machine.run()
    stream.stopped = machine.stopped
    return stream


def confirmed_parts(parts: list[Part], size: int) -> Reading[tuple[Part, ...]]:
    """Return those parts that are loaded, or whose head imports a name as a pickle."""
    found: dict[object, Part] = {}
    for part in parts:
        if part.data is None and part.offset + part.length > size:
            continue
        confirmed = part if part.loaded else (yield from _confirm(part))
        if confirmed is None:
            continue
        key = part.data if part.data is not None else (part.offset, part.length)
        if key in found:  # the constant looks like a pickle, and is loaded
            confirmed = found[key]._replace(loaded=found[key].loaded or confirmed.loaded)
        found[key] = confirmed
    return tuple(found.values())


def _confirm(part: Part) -> Reading[Part | None]:
    head = (
        part.data if part.data is not None else (yield from read(part.offset, min(part.length, HEAD_BYTES)))
    )
    if imports(head, part.length):
        return part
    decoded = _decoded(head)
    if decoded is None or not imports(decoded, part.length):
        return None
    if part.data is None and part.length <= MAX_DECODED_BYTES:
        decoded = _decoded((yield from read(part.offset, part.length)))
    return part._replace(data=decoded)


def imports(head: bytes, length: int) -> bool:
    """Return whether ``length`` bytes that begin with ``head`` import something when they are read as a pickle."""
    if not head or not STEP[head[0]]:
        return False
    return any(WORD.fullmatch(f"{name.module}.{name.name}") for name in probe_pickle(head, length).names)


def _decoded(head: bytes) -> bytes | None:
    """Return the bytes that a text stands for: Base64, or one character a byte; None if it is neither."""
    try:
        if head[:2] == b"gA":
            return binascii.a2b_base64(head[: len(head) // _BASE64_UNIT * _BASE64_UNIT])
        if head[:1] != b"\xc2":
            return None
        return (
            codecs.getincrementaldecoder("utf-8")().decode(head).encode("latin-1")
        )  # the last character may be cut
    except (binascii.Error, UnicodeError):
        return None
