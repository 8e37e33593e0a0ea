"""Read the header of a 7z archive from memory (7-Zip, DOC/7zFormat.txt)."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from weighlock.inspection.span import FormatError, Unexamined

MAX_FILES: Final = 100_000  # as in other archives
MAX_CODERS: Final = 4  # 7-Zip's own limit is 32; compressors with a filter have two
RULE: Final = "archive-corrupt"
_END, _HEADER, _PROPERTIES, _EXTRA_STREAMS, _STREAMS, _FILES = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05
_PACK, _UNPACK, _SUBSTREAMS, _SIZE, _DIGEST, _FOLDER, _CODER_SIZES, _COUNTS = 6, 7, 8, 9, 10, 11, 12, 13
_EMPTY, _NAMES, _ATTRIBUTES = 0x0E, 0x11, 0x15
ENCODED: Final = 0x17
_UNIX: Final = 0x8000  # attribute bit: the upper half is the Unix mode


class Coder(NamedTuple):
    """A method by its id, its properties, and how many bytes come out of it."""

    method: bytes
    properties: bytes
    size: int


@dataclass(slots=True)
class Folder:
    """Streams packed together: the coders from packed to content, the packed size, and the parts by size and CRC."""

    coders: list[Coder]
    packed: int
    sizes: list[int]
    digests: list[int | None]

    @property
    def size(self) -> int:
        """How many bytes the content has."""
        return self.coders[-1].size


class Entry(NamedTuple):
    """A file: its name, its Unix mode if known, and whether it has content."""

    name: str
    mode: int
    content: bool


@dataclass(slots=True)
class Streams:
    """The folders, whose packed bytes lie behind each other from ``start`` on, counted from byte 32."""

    start: int = 0
    folders: list[Folder] = field(default_factory=list)


class _Cursor:
    """Bytes that are read forward."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, length: int) -> bytes:
        if length > self.left:
            raise FormatError(RULE, "the 7z header ends too early")
        self._at += length
        return self._data[self._at - length : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """Return a number of one to nine bytes: the leading ones of the first say how many more."""
        first = self.byte()
        more = 8 - (first ^ 0xFF).bit_length()
        high = first & ((1 << (7 - more)) - 1) if more < 7 else 0
        return int.from_bytes(self.take(more), "little") | high << 8 * more

    def count(self, limit: int = MAX_FILES) -> int:
        """Return a number of things that follow; raises Unexamined over ``limit``."""
        found = self.number()
        if found > limit:
            raise Unexamined(f"the 7z header lists {found} things where {limit} are the limit")
        return found

    def bits(self, count: int) -> list[bool]:
        raw = self.take(-(-count // 8))
        return [bool(raw[index // 8] & 0x80 >> index % 8) for index in range(count)]

    def defined(self, count: int) -> list[bool]:
        return [True] * count if self.byte() else self.bits(count)

    def digests(self, count: int) -> list[int | None]:
        return [int.from_bytes(self.take(4), "little") if there else None for there in self.defined(count)]

    def expect(self, kind: int) -> None:
        if self.byte() != kind:
            raise FormatError(RULE, "the 7z header is malformed")


def read_encoded(raw: bytes) -> Streams:
    """Return where the packed header is; ``raw`` follows the byte that says that it is packed."""
    return _streams(_Cursor(raw))


def read_listing(raw: bytes) -> tuple[Streams, list[Entry]]:
    """Return the streams and the files of an archive's header; raises FormatError and Unexamined."""
    cursor = _Cursor(raw)
    cursor.expect(_HEADER)
    streams, files = Streams(), []
    while (kind := cursor.byte()) != _END:
        if kind == _STREAMS:
            streams = _streams(cursor)
        elif kind == _FILES:
            files = _files(cursor)
        else:  # properties or more streams, which no version of 7-Zip writes
            raise Unexamined("the 7z header has parts that nobody writes")
    return streams, files


def _streams(cursor: _Cursor) -> Streams:
    found = Streams()
    packed: list[int] = []
    while (kind := cursor.byte()) != _END:
        if kind == _PACK:
            found.start, packed = _pack_sizes(cursor)
        elif kind == _UNPACK:
            found.folders = _folders(cursor)
        elif kind == _SUBSTREAMS:
            _substreams(cursor, found.folders)
        else:
            raise FormatError(RULE, "the 7z header is malformed")
    if len(packed) != len(found.folders):
        raise FormatError(RULE, "the 7z header has other packed streams than folders")
    for folder, size in zip(found.folders, packed, strict=True):
        folder.packed = size
    return found


def _pack_sizes(cursor: _Cursor) -> tuple[int, list[int]]:
    start, count = cursor.number(), cursor.count()
    sizes: list[int] = []
    while (kind := cursor.byte()) != _END:
        if kind == _SIZE:
            sizes = [cursor.number() for _ in range(count)]
        elif kind == _DIGEST:
            cursor.digests(count)
        else:
            raise FormatError(RULE, "the 7z header is malformed")
    return start, sizes


def _folders(cursor: _Cursor) -> list[Folder]:
    cursor.expect(_FOLDER)
    count = cursor.count()
    cursor.expect(0)  # 1: they stand elsewhere, which nobody writes
    chains = [_chain(cursor) for _ in range(count)]
    cursor.expect(_CODER_SIZES)
    folders = []
    for coders, order in chains:
        sizes = [cursor.number() for _ in coders]
        chain = [coders[index]._replace(size=sizes[index]) for index in order]
        folders.append(Folder(chain, 0, [chain[-1].size], [None]))
    if (kind := cursor.byte()) == _DIGEST:
        for folder, digest in zip(folders, cursor.digests(count), strict=True):
            folder.digests = [digest]
        kind = cursor.byte()
    if kind != _END:
        raise FormatError(RULE, "the 7z header is malformed")
    return folders


def _chain(cursor: _Cursor) -> tuple[list[Coder], list[int]]:
    """Return a folder's coders, and their order from the packed bytes to the content."""
    coders = []
    for _ in range(cursor.count(MAX_CODERS)):
        flags = cursor.byte()
        method = cursor.take(flags & 0x0F)
        if flags & 0x10 and (cursor.number(), cursor.number()) != (1, 1):
            raise Unexamined("a coder of the archive has several inputs or outputs")
        properties = cursor.take(cursor.count(1024)) if flags & 0x20 else b""
        coders.append(Coder(method, properties, 0))
    # a pair: the coder that is fed, and the one whose output it is fed with
    feeds = dict[int, int]()
    for _ in range(len(coders) - 1):
        fed, feeding = cursor.number(), cursor.number()
        feeds[feeding] = fed
    first = next((index for index in range(len(coders)) if index not in feeds.values()), None)
    order: list[int] = []
    at: int | None = first
    while at is not None and at < len(coders) and at not in order:
        order.append(at)
        at = feeds.get(at)
    if not coders or len(order) != len(coders):
        raise FormatError(RULE, "the coders of a 7z folder are no chain")
    return coders, order


def _substreams(cursor: _Cursor, folders: list[Folder]) -> None:
    counts = [1] * len(folders)
    kind = cursor.byte()
    if kind == _COUNTS:
        counts = [cursor.count() for _ in folders]
        if sum(counts) > MAX_FILES:
            raise Unexamined(f"the 7z header lists more than {MAX_FILES} streams")
        kind = cursor.byte()
    for folder, count in zip(folders, counts, strict=True):
        known = [cursor.number() for _ in range(count - 1)] if kind == _SIZE else []
        folder.sizes = [*known, folder.size - sum(known)] if count else []
        if any(size < 0 for size in folder.sizes) or len(folder.sizes) != count:
            raise FormatError(RULE, "the sizes in a 7z folder do not add up")
        if count != 1:
            folder.digests = [None] * count
    kind = cursor.byte() if kind == _SIZE else kind
    if kind == _DIGEST:
        _stream_digests(cursor, folders)
        kind = cursor.byte()
    if kind != _END:
        raise FormatError(RULE, "the 7z header is malformed")


def _stream_digests(cursor: _Cursor, folders: list[Folder]) -> None:
    unknown = [folder for folder in folders if len(folder.sizes) != 1 or folder.digests[0] is None]
    digests = cursor.digests(sum(len(folder.sizes) for folder in unknown))
    for folder in unknown:
        folder.digests, digests = digests[: len(folder.sizes)], digests[len(folder.sizes) :]


def _files(cursor: _Cursor) -> list[Entry]:
    count = cursor.count()
    names = [""] * count
    modes = [0] * count
    empty = [False] * count
    while (kind := cursor.number()) != _END:
        part = _Cursor(cursor.take(cursor.number()))
        if kind == _EMPTY:
            empty = part.bits(count)
        elif kind == _NAMES:
            part.expect(0)
            names = part.take(part.left).decode("utf-16-le", "replace").split("\0")[:count]
            names += [""] * (count - len(names))
        elif kind == _ATTRIBUTES:
            there = part.defined(count)
            part.expect(0)
            values = [int.from_bytes(part.take(4), "little") if each else 0 for each in there]
            modes = [value >> 16 if value & _UNIX else 0 for value in values]
    return [Entry(*each[:2], content=not each[2]) for each in zip(names, modes, empty, strict=True)]
