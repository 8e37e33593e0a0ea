"""Messages between us and the worker: four bytes of length, then JSON; or eight, then bare bytes."""

import json
import socket
from collections.abc import Callable
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024  # a reply is bounded by the limits of a report
MAX_BATCH: Final = (
    32  # files of one request: then a round trip shows no longer; sendmsg(2) takes 253 descriptors
)
LENGTH_BYTES: Final = 4  # before every message
DATA_LENGTH_BYTES: Final = 8  # before bare bytes
_PART_BYTES: Final = 1 << 20  # of one read


def frame(message: dict[str, Any]) -> bytes:
    """Return a message as it goes over the channel."""
    raw = json.dumps(message).encode()
    return len(raw).to_bytes(LENGTH_BYTES, "little") + raw


def receive(
    channel: socket.socket, wait: Callable[[], None] = lambda: None, *, length: int | None = None
) -> dict[str, Any]:
    """Return the next message, of ``length`` bytes if that was read already.

    ``wait`` is called before each read. Raises EOFError, ValueError, TypeError, OSError.
    """
    if length is None:
        length = int.from_bytes(receive_bytes(channel, LENGTH_BYTES, wait), "little")
    if length > MAX_MESSAGE_BYTES:
        raise ValueError("the message is too long")
    message = json.loads(receive_bytes(channel, length, wait))
    if not isinstance(message, dict):
        raise TypeError("the message is not an object")
    return message


def receive_bytes(channel: socket.socket, length: int, wait: Callable[[], None] = lambda: None) -> bytes:
    """Return exactly ``length`` bytes; raises EOFError if the other side closed before, OSError."""
    if not length:
        return b""
    wait()
    data = channel.recv(min(length, _PART_BYTES))
    if len(data) == length:
        return data
    parts = bytearray(data)
    while data and len(parts) < length:
        wait()
        data = channel.recv(min(length - len(parts), _PART_BYTES))
        parts += data
    if len(parts) < length:
        raise EOFError
    return bytes(parts)
