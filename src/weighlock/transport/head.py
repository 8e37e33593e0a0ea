"""Write the head of a request and read the head of a response (RFC 9112); bytes in, facts out.

Answers that two programs could read differently are refused: that is how one answer is
smuggled inside another. There is no leniency for old or broken servers.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.text import shown
from weighlock.transport.credential import Secret
from weighlock.transport.field import TOKEN

MAX_HEAD_BYTES: Final = 64 * 1024  # a signed address in Location, and policies for browsers, take a few KB
MAX_HEADERS: Final = 128  # busy services send about 40
MAX_LENGTH_DIGITS: Final = 15  # a petabyte

_TOKEN: Final = re.compile(TOKEN, re.ASCII)
_TARGET: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_STATUS: Final = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_FIELD: Final = re.compile(rf"({TOKEN}):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*")
_BODYLESS: Final = frozenset({204, 304})
# headers that mean something only once; two different ones would be read in two ways
_SINGLE: Final = frozenset(
    {
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "docker-content-digest",
        "etag",
        "last-modified",
        "location",
        "retry-after",
        "transfer-encoding",
    }
)


class MalformedError(ValueError):
    """A peer's bytes are not HTTP as it should be; the text says why."""


class Head(NamedTuple):
    """A response's status and headers, names in lower case; ``persistent``: the connection may be used again."""

    status: int
    headers: Mapping[str, str]
    persistent: bool


class Framing(NamedTuple):
    """How the end of a body is known: its length in bytes, chunks, or (neither) the connection's end."""

    length: int | None
    chunked: bool


def write_head(method: str, target: str, headers: Sequence[tuple[str, Secret]]) -> memoryview:
    """Return the head of a request; raises DeniedError ``header_invalid`` if a part could end it early.

    Neither the arguments nor the result show a secret in a traceback that lists variables.
    """
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        raise _unsendable("request line")
    for name, secret in headers:
        if not _TOKEN.fullmatch(name):
            raise _unsendable("name of a header")
        if not _VALUE.fullmatch(secret.reveal()):
            raise _unsendable(f"header {name}")
    lines = (f"{name}: {secret.reveal()}\r\n" for name, secret in headers)
    return memoryview(f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1"))


def read_head(raw: bytes) -> Head:
    """Return what a response's head says, ``raw`` being all before the empty line; raises MalformedError."""
    first, *lines = raw.decode("latin-1").split("\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise MalformedError(f"it begins with {shown(repr(first[:40]))}")
    if len(lines) > MAX_HEADERS:
        raise MalformedError(f"it has more than {MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise MalformedError("a line is no header")
        _add(headers, field[1].lower(), field[2])
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    old = status[1] == "0"
    if old and "transfer-encoding" in headers:
        raise MalformedError("HTTP/1.0 has no chunks")
    persistent = "keep-alive" in options if old else "close" not in options
    return Head(int(status[2]), headers, persistent)


def read_framing(head: Head, method: str) -> Framing:
    """Return how the body after ``head`` ends (RFC 9112, section 6.3); raises MalformedError."""
    coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if coding is not None and length is not None:
        raise MalformedError("it has a Content-Length and a Transfer-Encoding")
    if length is not None and not (
        length.isascii() and length.isdecimal() and len(length) <= MAX_LENGTH_DIGITS
    ):
        raise MalformedError(f"its Content-Length is {shown(repr(length))}")
    if coding is not None and coding.lower() != "chunked":
        raise MalformedError(f"its Transfer-Encoding is {shown(repr(coding))}")
    if method == "HEAD" or head.status in _BODYLESS:
        return Framing(0, chunked=False)
    if coding is not None:
        return Framing(None, chunked=True)
    return Framing(None if length is None else int(length), chunked=False)


def _add(headers: dict[str, str], name: str, value: str) -> None:
    before = headers.get(name)
    if before is None:
        headers[name] = value
    elif name not in _SINGLE:
        headers[name] = f"{before}, {value}"
    elif before != value:
        raise MalformedError(f"it has two different headers {shown(name)}")


def _unsendable(what: str) -> DeniedError:
    return DeniedError(
        "header_invalid",
        f"the {what} of a request would contain characters that end it early or that no server accepts",
        hint="look for a line end in a token file, or for foreign characters in a name",
    )
