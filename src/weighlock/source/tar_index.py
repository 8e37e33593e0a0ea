"""List what a tar holds and where its bytes are, in one pass, without unpacking anything.

Two readers that disagree about an archive are an attack, so the tar is exactly its members,
one after the other, then zeros to the end. What may not be a model's file is listed with
its kind, and refused by whoever asks for it: an image's other folders are full of links.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_FILES
from weighlock.core.path import MAX_PATH_BYTES
from weighlock.core.text import shown
from weighlock.source.tar_header import (
    BLOCK_BYTES,
    EXTENSIONS,
    Extension,
    Header,
    Kind,
    check_global,
    invalid,
    member_size,
    read_extended,
    read_header,
    read_long_name,
)

MAX_MEMBERS: Final = 300_000  # of one layer; an image with a whole toolkit has 100,000
MAX_KEPT: Final = 5 * MAX_FILES  # of these in memory, folders and what other layers remove included
MAX_TRAILING_BYTES: Final = 1024 * 1024  # zeros at the end; GNU tar fills up to 10 KiB, tapes had more
_ZEROS: Final = bytes(BLOCK_BYTES)


class Stream(Protocol):
    """The bytes of a tar, from the beginning to the end, once."""

    @property
    def position(self) -> int:
        """How many bytes were read or skipped."""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, or what there is of them."""

    def skip(self, size: int) -> None:
        """Go on ``size`` bytes further; raises DeniedError ``archive_invalid`` if there are fewer."""


class Member(NamedTuple):
    """One entry: its path, what it is, where its bytes begin in the tar, and how many they are."""

    path: str
    kind: Kind
    offset: int
    size: int


def read_members(stream: Stream, *, keep: Callable[[str], bool] = lambda _: True) -> list[Member]:
    """Return the members whose paths ``keep`` accepts, in the tar's order; the root folder is ``""``.

    Raises DeniedError ``archive_invalid``, ``archive_too_large``, or ``path_invalid`` for a path
    that leads out of the archive, also if ``keep`` was not going to accept it.
    """
    members: list[Member] = []
    for count, member in enumerate(_members(stream), start=1):
        if count > MAX_MEMBERS:
            raise too_many_members(MAX_MEMBERS)
        if keep(member.path):
            _check_length(member.path)
            members.append(member)
        if len(members) > MAX_KEPT:
            raise too_many_members(MAX_KEPT)
    return members


def too_many_members(limit: int) -> DeniedError:
    """Return the error for an archive, or several together, of more members than are listed."""
    return DeniedError(
        "archive_too_large",
        f"the archive is refused: it has more than {limit} members",
        hint="nothing of it was kept; no model looks like this",
    )


def _check_length(path: str) -> None:
    if len(path) > MAX_PATH_BYTES:  # an extended header could hold 64 KB for each
        raise DeniedError(
            "path_invalid",
            f"a name in the archive, {shown(path[:60])!r}…, is longer than {MAX_PATH_BYTES} bytes",
            hint="nothing of it was kept; report it to whoever published it",
        )


def _members(stream: Stream) -> Iterator[Member]:
    while (header := _next_header(stream)) is not None:
        extension = Extension()
        while header.kind in EXTENSIONS:
            extension = _extended(header, _content(stream, header.size), extension)
            following = _next_header(stream)
            if following is None:
                raise invalid("an extended header extends nothing")
            header = following
        size = member_size(header, extension)
        if header.kind is not Kind.FILE and size:
            raise invalid(f"a {header.kind} has bytes of its own")
        path = _plain(header.name if extension.path is None else extension.path, header.kind)
        yield Member(path, header.kind, stream.position, size)
        stream.skip(size)
        _check_padding(stream, size)


def _extended(header: Header, raw: bytes, before: Extension) -> Extension:
    """Return what is known of the next member after one more extension of it."""
    if header.kind is Kind.GLOBAL:
        check_global(raw)
        return before
    if header.kind is Kind.LONG_LINK:
        return before  # where a link leads does not matter: no link is followed
    if before != Extension():
        raise invalid("a member is extended twice")
    if header.kind is Kind.LONG_NAME:
        return Extension(read_long_name(raw))
    return read_extended(raw)


def _next_header(stream: Stream) -> Header | None:
    """Return the next header, or None after the end, which two blocks of zeros make."""
    block = _block(stream)
    if block != _ZEROS:
        return read_header(block)
    if _block(stream) != _ZEROS:
        raise invalid("something follows the end of it")
    trailing = 0
    while chunk := stream.read(BLOCK_BYTES * 16):
        trailing += len(chunk)
        if chunk.strip(b"\0") or trailing > MAX_TRAILING_BYTES:
            raise invalid("something follows the end of it")
    return None


def _block(stream: Stream) -> bytes:
    block = stream.read(BLOCK_BYTES)
    if len(block) < BLOCK_BYTES:
        raise invalid("it is cut off")
    return block


def _content(stream: Stream, size: int) -> bytes:
    raw = stream.read(size)
    if len(raw) < size:
        raise invalid("it is cut off")
    _check_padding(stream, size)
    return raw


def _check_padding(stream: Stream, size: int) -> None:
    padding = -size % BLOCK_BYTES
    found = stream.read(padding) if padding else b""
    if len(found) < padding:
        raise invalid("it is cut off")
    if found.strip(b"\0"):
        raise invalid("something hides between two members")


def _plain(name: str, kind: Kind) -> str:
    """Return a member's path without the ``./`` and the last slash that some writers add."""
    path = name.removesuffix("/") if kind is Kind.FOLDER else name
    if path == "." and kind is Kind.FOLDER:
        return ""
    path = path.removeprefix("./")
    if path.startswith("/") or not {"", ".", ".."}.isdisjoint(path.split("/")):
        raise DeniedError(
            "path_invalid",
            f"the name {shown(name)!r} in the archive is refused: it is not a plain relative path",
            hint="nothing of it was kept; report it to whoever published it",
        )
    return path
