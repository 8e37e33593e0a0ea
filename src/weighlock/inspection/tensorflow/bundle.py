"""Read the index of a TensorFlow checkpoint: a table from the names of tensors to where their bytes are.

The table is LevelDB's: blocks of sorted entries, a block of handles to them, and a footer with a magic number at the
end (tensorflow/core/lib/io/table_format.txt). The value under the empty key says how many files hold the data; those
are named after the index.
"""

from pathlib import PurePosixPath
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.protobuf.read import read_message
from weighlock.inspection.protobuf.wire import varint
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined, drive, fetch_from, read
from weighlock.inspection.tensorflow.schema import BUNDLE_ENTRY, BUNDLE_HEADER

MAGIC: Final = 0xDB4775248B80FB57.to_bytes(8, "little")
FOOTER_BYTES: Final = 48
TRAILER_BYTES: Final = 5  # a block's compression and checksum
MAX_BLOCK_BYTES: Final = 64 * 1024 * 1024  # blocks have 256 KB, and one entry may be larger
MAX_ENTRIES: Final = 2_000_000  # tensors of one checkpoint
MAX_SHARDS: Final = 100_000
MAX_OFFSET: Final = 2**63 - 1
_RULE: Final = "tf-checkpoint"


class _Handle(NamedTuple):
    """Where a block is."""

    offset: int
    length: int


def examine_bundle(file: File) -> Reading[None]:
    """Account for every byte of a checkpoint's index. Raises FormatError and Unexamined."""
    if file.size < FOOTER_BYTES:
        raise FormatError(_RULE, "the index is shorter than its footer", 0)
    footer = yield from read(file.size - FOOTER_BYTES, FOOTER_BYTES)
    if not footer.endswith(MAGIC):
        raise Unexamined("the index of a checkpoint does not end in the magic number of its tables")
    meta, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    limit = file.size - FOOTER_BYTES
    blocks = [_handle(value, 0)[0] for _, value in (yield from _block(index, limit))]
    covered = sum(each.length + TRAILER_BYTES for each in (meta, index, *blocks))
    if covered != limit:
        raise FormatError(_RULE, f"blocks cover {covered} bytes of {limit}", 0)
    bundle = _Bundle(file.report)
    for block in blocks:
        for key, value in (yield from _block(block, limit)):
            bundle.add(key, value, block.offset)
    yield from _block(meta, limit)
    bundle.conclude(PurePosixPath(file.path).name.removesuffix(".index"))


def _handle(raw: bytes, at: int) -> tuple[_Handle, int]:
    offset = varint(raw, at, len(raw))
    length = varint(raw, offset.end, len(raw)) if offset else None
    if offset is None or length is None:
        raise FormatError(_RULE, "the place of a block is cut")
    return _Handle(offset.value, length.value), length.end


def _block(handle: _Handle, limit: int) -> Reading[list[tuple[bytes, bytes]]]:
    """Return the entries of a block: each key is what it shares with the one before, and the rest."""
    end = handle.offset + handle.length
    if end + TRAILER_BYTES > limit or handle.length < 4:
        raise FormatError(_RULE, "a block lies outside the index", handle.offset)
    if handle.length > MAX_BLOCK_BYTES:
        raise Unexamined(f"a block has more than {MAX_BLOCK_BYTES} bytes")
    raw = yield from read(handle.offset, handle.length + 1)
    if raw[-1]:
        raise Unexamined("the index is compressed")
    restarts = int.from_bytes(raw[-5:-1], "little")
    stop = handle.length - 4 - 4 * restarts
    if stop < 0:
        raise FormatError(_RULE, "a block has more restarts than bytes", handle.offset)
    found: list[tuple[bytes, bytes]] = []
    at, key = 0, b""
    while at < stop:
        numbers: list[int] = []
        for _ in range(3):
            number = varint(raw, at, stop)
            if number is None:
                raise FormatError(_RULE, "an entry is cut", handle.offset + at)
            numbers.append(number.value)
            at = number.end
        shared, added, length = numbers
        if shared > len(key) or added + length > stop - at:
            raise FormatError(_RULE, "an entry reaches beyond its block", handle.offset + at)
        key = key[:shared] + raw[at : at + added]
        found.append((key, raw[at + added : at + added + length]))
        at += added + length
    return found


class _Bundle:
    """The entries of an index."""

    rule = _RULE

    def __init__(self, report: Report) -> None:
        self._report = report
        self._shards = 0
        self._ends: dict[int, int] = {}
        self._entries = 0
        self._last: bytes | None = None

    def add(self, key: bytes, value: bytes, offset: int) -> None:
        """Take an entry, in the order of the keys."""
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise Unexamined(f"the checkpoint has more than {MAX_ENTRIES} tensors")
        if self._last is not None and key <= self._last:
            raise FormatError(_RULE, "the names of tensors are not in order, or one occurs twice", offset)
        self._last = key
        schema = BUNDLE_ENTRY if key else BUNDLE_HEADER
        message = drive(read_message(0, len(value), schema, self), fetch_from(value))
        if not key:
            self._shards = message.integer(1, 1)
            return
        start, length, shard = message.integer(4), message.integer(5), message.integer(3)
        name = shown(key.decode("utf-8", "backslashreplace"))
        if (
            min(start, length) < 0
            or start + length > MAX_OFFSET
            or not 0 <= shard < self._shards <= MAX_SHARDS
        ):
            told = f"tensor {name} has {length} bytes from {start} on in file {shard} of {self._shards}"
            raise FormatError(_RULE, told, offset)
        self._ends[shard] = max(self._ends.get(shard, 0), start + length)

    def conclude(self, prefix: str) -> None:
        """Note the files that hold the data."""
        if self._last is None or not self._shards:
            raise FormatError(_RULE, "the index does not say in how many files its tensors are", 0)
        self._report.fact("tensors", self._entries - 1)
        for shard, end in sorted(self._ends.items()):
            name = f"{prefix}.data-{shard:05d}-of-{self._shards:05d}"
            self._report.link("tensor-data", name)
            self._report.link("tensor-data-size", f"{end} {name}")

    def visit(self, message: Message) -> None:
        """Nothing lies in an entry that matters before it is complete."""

    def flaw(self, what: str, offset: int) -> None:
        """Report what readers may take differently."""
        self._report.find("tf-ambiguous", f"{what} (at byte {offset} of an entry)")

    def unknown(self, schema: str, number: int, offset: int) -> None:
        """A field of a later version, or bytes that hide: nobody here knows which."""
        self._report.not_examined(f"{schema} has the unknown field {number} at byte {offset} of an entry")
