"""A layer that is a tar: what it holds, and the bytes of each file, read from its verified bytes.

Nothing is unpacked. The media type says how the tar is packed, and the bytes must agree: a
reader that looks at the bytes and one that looks at the type would else see two archives.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import BinaryIO, Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import READ_BYTES
from weighlock.core.text import shown
from weighlock.source.inflating import MAX_STATES, Inflating
from weighlock.source.tar_header import Kind, invalid
from weighlock.source.tar_index import Member, read_members

_GZIP_MAGIC: Final = b"\x1f\x8b"


class Packing(StrEnum):
    """How a tar lies in a layer."""

    NONE = "tar"
    GZIP = "tar+gzip"


class Staged(NamedTuple):
    """A layer's bytes in a file, whose digest and size in bytes were verified."""

    file: BinaryIO
    digest: Digest
    size: int


class Layer:
    """A tar layer; ``members`` are what it holds, in the tar's order.

    Args:
        staged: the bytes, in a file that the layer closes.
        packing: what the media type says.
        diff_id: the digest of the tar inside, if something vouches for it.
        keep: which paths matter.
        max_states: how many states of an inflater may be remembered.

    Raises DeniedError ``archive_invalid``, ``archive_too_large``, ``path_invalid`` or ``digest_mismatch``.
    """

    def __init__(
        self,
        staged: Staged,
        packing: Packing,
        *,
        diff_id: Digest | None = None,
        keep: Callable[[str], bool] = lambda _: True,
        max_states: int = MAX_STATES,
    ) -> None:
        self._file, digest, size = staged
        self._lock = threading.Lock()
        self._inflating: Inflating | None = None
        try:
            if packing is Packing.GZIP:
                self._check_gzip()
                self._inflating = Inflating(self._file, size, lock=self._lock, max_states=max_states)
                self.members, found = _read_packed(self._inflating, diff_id, keep)
            else:
                self.members, found = read_members(_Plain(self._file, size), keep=keep), digest
            _check_same(found, diff_id)
        except BaseException:
            self._file.close()
            raise

    def chunks(self, member: Member, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of a file from byte ``start`` on, from any thread; raises DeniedError ``archive_invalid``."""
        check_regular(member)
        offset, size = member.offset + start, max(0, member.size - start)
        if self._inflating is not None:
            yield from self._inflating.chunks(offset, size)
            return
        while size:
            with self._lock:
                self._file.seek(offset)
                chunk = self._file.read(min(READ_BYTES, size))
            if not chunk:
                raise invalid("it gives fewer bytes than before")
            offset += len(chunk)
            size -= len(chunk)
            yield memoryview(chunk)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _check_gzip(self) -> None:
        self._file.seek(0)
        if self._file.read(len(_GZIP_MAGIC)) != _GZIP_MAGIC:
            raise invalid("it should be a gzip and is none")


def check_regular(member: Member) -> None:
    """Return if a member is a regular file; raises DeniedError ``link_refused`` or ``file_special``."""
    if member.kind is Kind.FILE:
        return
    link = member.kind in {Kind.SYMBOLIC_LINK, Kind.HARD_LINK}
    raise DeniedError(
        "link_refused" if link else "file_special",
        f"{shown(member.path)!r} in the archive is a {member.kind}, not a regular file",
        hint="a model consists of regular files; whoever published it should pack the files themselves",
    )


def _read_packed(
    inflating: Inflating, diff_id: Digest | None, keep: Callable[[str], bool]
) -> tuple[list[Member], Digest | None]:
    stream = _Inflated(inflating.first_pass(), diff_id)
    return read_members(stream, keep=keep), stream.digest()


def _check_same(found: Digest | None, diff_id: Digest | None) -> None:
    if diff_id is None or found == diff_id:
        return
    raise DeniedError(
        "digest_mismatch",
        f"the tar in a layer has the digest {found}, and {diff_id} was promised of it",
        hint="nothing of it was kept; report it to whoever published it",
        details={"expected": str(diff_id), "found": str(found)},
    )


class _Plain:
    """A ``Stream`` over a file: what is skipped is not read."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.position = 0

    def read(self, size: int) -> bytes:
        self._file.seek(self.position)
        raw = self._file.read(min(size, self._size - self.position))
        self.position += len(raw)
        return raw

    def skip(self, size: int) -> None:
        if size > self._size - self.position:
            raise invalid("it is cut off")
        self.position += size


class _Inflated:
    """A ``Stream`` over what an inflater gives, digested as it passes if somebody promised a digest."""

    def __init__(self, chunks: Iterator[bytes], promised: Digest | None) -> None:
        self._chunks = chunks
        self._digest = None if promised is None else hashlib.new(promised.algorithm)
        self._rest = memoryview(b"")
        self.position = 0

    def read(self, size: int) -> bytes:
        parts = []
        while size and self._fill():
            part = self._take(size)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size:
            if not self._fill():
                raise invalid("it is cut off")
            size -= len(self._take(size))

    def digest(self) -> Digest | None:
        """Return the digest of all that passed."""
        return None if self._digest is None else Digest(self._digest.name, self._digest.hexdigest())

    def _take(self, size: int) -> memoryview:
        part, self._rest = self._rest[:size], self._rest[size:]
        self.position += len(part)
        return part

    def _fill(self) -> bool:
        if not self._rest:
            chunk = next(self._chunks, b"")
            if self._digest is not None:
                self._digest.update(chunk)
            self._rest = memoryview(chunk)
        return bool(self._rest)
