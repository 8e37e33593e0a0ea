"""What is uploaded: stretches of bytes that can be had again, digested on their first way out."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError

Piece: TypeAlias = bytes | memoryview


class Blob(NamedTuple):
    """Bytes in a registry: their digest and their size in bytes."""

    digest: Digest
    size: int


class Segment(Protocol):
    """A stretch of a blob that can be read again from any byte of it."""

    @property
    def start(self) -> int:
        """The position of its first byte in the blob."""

    @property
    def end(self) -> int:
        """The position after its last byte."""

    @property
    def read_to(self) -> int:
        """The position up to which its bytes may have been sent."""

    def read(self, start: int) -> Iterator[Piece]:
        """Yield the bytes from ``start`` to the end, each piece valid until the next is asked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rest of a segment as the body of a request."""

    segment: Segment
    start: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.segment.end - self.start

    def open(self) -> Iterator[Piece]:
        """Yield the bytes."""
        return self.segment.read(self.start)


@dataclass(frozen=True, slots=True)
class Held:
    """A segment in memory."""

    start: int
    data: bytearray

    @property
    def end(self) -> int:
        """The position after its last byte."""
        return self.start + len(self.data)

    @property
    def read_to(self) -> int:
        """The position up to which its bytes may have been sent."""
        return self.end

    def read(self, start: int) -> Iterator[Piece]:
        """Yield the bytes from ``start`` on."""
        yield memoryview(self.data)[start - self.start :]


class _Front:
    """The digest of a blob's contiguous beginning."""

    def __init__(self, digest: Digest | None, size: int | None) -> None:
        self.done = 0
        self._expected = digest
        self._size = size
        self._digest = hashlib.new("sha256" if digest is None else digest.algorithm)

    def update(self, piece: Piece) -> None:
        self._digest.update(piece)
        self.done += len(piece)

    def finish(self) -> Blob:
        """Return the blob; raises DeniedError ``size_mismatch``, ``digest_mismatch``."""
        if self._size is not None and self.done != self._size:
            raise DeniedError(
                "size_mismatch", f"what was to be uploaded has {self.done} bytes, not {self._size}"
            )
        made = Digest(self._digest.name, self._digest.hexdigest())
        if self._expected is not None and made != self._expected:
            raise DeniedError(
                "digest_mismatch",
                f"what was to be uploaded is {made}, not {self._expected}",
                hint="the bytes changed where they lie; nothing of them got a name in the registry",
                details={"expected": str(self._expected), "found": str(made)},
            )
        return Blob(made, self.done)


class OneWay:
    """A blob whose bytes come once: each segment is kept until it has arrived."""

    def __init__(self, chunks: Iterable[Piece], digest: Digest | None, size: int | None) -> None:
        self._chunks = chunks
        self._front = _Front(digest, size)

    def segments(self, size_bytes: int) -> Iterator[Held]:
        """Yield segments of ``size_bytes``, the last one shorter; one empty segment if there is nothing."""
        held = Held(0, bytearray())
        for chunk in self._chunks:
            self._front.update(chunk)
            rest = memoryview(chunk).cast("B")
            while rest:
                if len(held.data) == size_bytes:
                    yield held
                    held = Held(held.end, bytearray())
                room = size_bytes - len(held.data)
                held.data.extend(rest[:room])
                rest = rest[room:]
        yield held

    def finish(self) -> Blob:
        """Return what the chunks were, after the last segment; raises DeniedError ``size_mismatch``, ``digest_mismatch``."""
        return self._front.finish()


class Again:
    """A blob that can be read from any byte: ``chunks_from(start)``."""

    def __init__(self, chunks_from: Callable[[int], Iterable[Piece]], digest: Digest, size: int) -> None:
        self.blob = Blob(digest, size)
        self._chunks_from = chunks_from
        self._front = _Front(digest, size)

    def segments(self, size_bytes: int) -> Iterator["_Stretch"]:
        """Yield segments of ``size_bytes``, the last one shorter; one empty segment if there is nothing."""
        for start in range(0, max(self.blob.size, 1), max(size_bytes, 1)):
            yield _Stretch(self, start, min(start + size_bytes, self.blob.size))

    def read(self, start: int, end: int) -> Iterator[Piece]:
        """Yield the bytes from ``start`` to ``end``; the blob's last piece only if the whole is what was promised.

        Raises DeniedError ``size_mismatch``, ``digest_mismatch``.
        """
        position = start
        for chunk in self._chunks_from(start):
            piece = memoryview(chunk).cast("B")
            if position + len(piece) > self.blob.size:
                raise self._other_size(position + len(piece))
            piece = piece[: end - position]
            self._digest(position, piece)
            position += len(piece)
            if piece:
                yield piece
            if position == end < self.blob.size:
                return
        if position != end:
            raise self._other_size(position)
        if self.blob.size == 0:
            self._front.finish()

    @property
    def read_to(self) -> int:
        """The position up to which all bytes have been read."""
        return self._front.done

    def _digest(self, position: int, piece: memoryview) -> None:
        new = position + len(piece) - self._front.done
        if 0 < new <= len(piece):
            self._front.update(piece[len(piece) - new :])
        if self._front.done == self.blob.size:
            self._front.finish()  # before the last piece goes out, so that wrong bytes never become a blob

    def _other_size(self, found: int) -> DeniedError:
        return DeniedError(
            "size_mismatch",
            f"what was to be uploaded goes to byte {found} or beyond, not to {self.blob.size}",
            hint="it changed where it lies",
        )


@dataclass(frozen=True, slots=True)
class _Stretch:
    blob: Again
    start: int
    end: int

    @property
    def read_to(self) -> int:
        return max(self.start, min(self.end, self.blob.read_to))

    def read(self, start: int) -> Iterator[Piece]:
        return self.blob.read(start, self.end)
