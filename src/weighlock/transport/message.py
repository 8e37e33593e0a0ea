"""Requests and responses as callers see them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from weighlock.transport.body import Body, Reader
from weighlock.transport.credential import Credential
from weighlock.transport.failure import response_too_large
from weighlock.transport.host import Hosts
from weighlock.transport.url import Url
from weighlock.transport.wire import Wire

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, section 9.2.2
READ_BYTES: Final = 64 * 1024  # pieces of a document of unknown size
MAX_READ_BYTES: Final = 1 << 20  # a server's word alone reserves no more memory than this
# These are made here, or would let a caller say two things at once.
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask, and whom: ``hosts`` at all, ``redirects`` in addition when one of them sends us on.

    Args:
        accept: the statuses that are answers and not errors.
        retry: whether asking twice does no harm; by default what RFC 9110 says of the method.
        answer_s: the patience for the first byte of the answer, if a server has much to do first.
        watch: sees status and headers of each answer, redirects too, before anything is made of it; what it
            raises ends the request.
    """

    method: str
    url: str = field(repr=False)
    hosts: Hosts
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credential: Credential | None = None
    body: bytes | Body | None = field(default=None, repr=False)
    accept: frozenset[int] = frozenset({200})
    redirects: Hosts = field(default_factory=Hosts)
    retry: bool | None = None
    answer_s: float | None = None
    watch: Callable[[int, Mapping[str, str]], None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        wrong = _OURS.intersection(name.lower() for name in self.headers)
        if wrong:
            raise ValueError(f"the client itself sets {', '.join(sorted(wrong))}")

    @property
    def may_repeat(self) -> bool:
        """Whether the request may be sent again after a failure."""
        return self.method in IDEMPOTENT if self.retry is None else self.retry


class Response:
    """An answer that may be read; a context manager. The connection is free again when all is read.

    ``headers`` has lower-case names; ``url`` is where the answer came from, after redirects, and
    may carry a signature in its query; ``length`` is the size of the body in bytes if it is known:
    0 for the answer to HEAD, whose ``content-length`` is about what GET would get.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], url: Url, length: int | None, body: "Incoming"
    ) -> None:
        self.status = status
        self.headers = headers
        self.url = str(url)
        self.length = length
        self._url = url
        self._body = body

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Return how many bytes were put at the start of ``buffer``: 0 only when the body is at its end.

        Waits for some bytes, not always until the buffer is full. Raises UndecidedError ``body_truncated``,
        ``timed_out``; DeniedError ``response_invalid``.
        """
        return self._body.receive_into(memoryview(buffer).cast("B"))

    def read(self, limit_bytes: int) -> bytes:
        """Return the whole body; raises DeniedError ``response_too_large``, and as ``readinto``."""
        if self.length is not None and self.length > limit_bytes:
            raise response_too_large(self._url.origin.host, "the answer", limit_bytes)
        if self.length == 0:
            return b""
        body = bytearray()
        piece = memoryview(bytearray(min(limit_bytes + 1, self.length or READ_BYTES, MAX_READ_BYTES)))
        while count := self.readinto(piece):
            body += piece[:count]
            if len(body) > limit_bytes:
                raise response_too_large(self._url.origin.host, "the answer", limit_bytes)
        return bytes(body)

    def close(self) -> None:
        """Let go of the connection; it is closed if there is more to read."""
        self._body.close()

    def abort(self) -> None:
        """End the answer from another thread: whoever reads it gets UndecidedError ``body_truncated`` now."""
        self._body.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Response({self.status}, {self._url.shown!r})"


class Document(NamedTuple):
    """A small answer as a whole."""

    raw: bytes
    headers: Mapping[str, str]
    url: str
    status: int


class Incoming:
    """A body's reader with its connection, which is handed back once at the end, or closed."""

    def __init__(self, reader: Reader, release: Callable[[], None], wire: Wire) -> None:
        self._reader = reader
        self._release = release
        self._wire = wire
        self._open = True
        self._settle()

    def receive_into(self, view: memoryview) -> int:
        """Return as ``Reader.receive_into``."""
        if not self._open or not view:
            return 0
        try:
            count = self._reader.receive_into(view)
        except BaseException:
            self.close()
            raise
        if not count or self._reader.finished:
            self._settle()
            if not count:
                self.close()
        return count

    def close(self) -> None:
        """Close the connection, unless all was read and it was handed back."""
        if self._open:
            self._open = False
            self._wire.close()

    def abort(self) -> None:
        """Break the connection under whoever reads, unless it was handed back."""
        if self._open:
            self._wire.abort()

    def _settle(self) -> None:
        if self._reader.finished:
            self._open = False
            self._release()
