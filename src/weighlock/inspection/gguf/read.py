"""Read a GGUF header, versions 1 to 3 in either byte order, and hold it against the file's size.

Source: ggml-org/ggml, docs/gguf.md; where the text leaves room, what gguf.cpp accepts.
CVE-2026-7482 was a tensor offset beyond the end of the file.
"""

import struct
from array import array
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.gguf.ggml_type import GGML_TYPES
from weighlock.inspection.span import FormatError, Reading, Unexamined, Window, read

MAGIC: Final = b"GGUF"
MAX_ENTRIES: Final = 65_536  # metadata entries; real files have about 40
MAX_TENSORS: Final = 250_000  # the largest mixtures of experts have about 100,000 before merging
MAX_NAME_BYTES: Final = 65_535  # of keys, by the specification
MAX_TENSOR_NAME_BYTES: Final = 63  # GGML_MAX_NAME less its NUL
MAX_STRING_BYTES: Final = 64 * 1024 * 1024  # gguf.cpp's own limit
MAX_STRINGS: Final = 8_000_000  # in arrays of all entries together; vocabularies have below a million
ARRAY_COST: Final = 8  # strings that take as long as an array in an array; it has as many bytes at least
MAX_ARRAY_DEPTH: Final = 4  # the specification permits nesting; no known file nests at all
MAX_DIMENSIONS: Final = 4  # GGML_MAX_DIMS
MAX_ALIGNMENT_BYTES: Final = 65_536  # 32 in practice; padding is read, so it must stay small
DEFAULT_ALIGNMENT_BYTES: Final = 32  # the specification's
MAX_SIZE: Final = 2**63 - 1  # sizes are signed in ggml
MAX_KEPT_BYTES: Final = 4 * 1024 * 1024  # a chat template is kept up to this; they have at most 100 KB
MAX_FACT_BYTES: Final = 4096  # of a text that is kept as a fact
MAX_TEMPLATES: Final = 64  # in one list; files have two or three
TOKENS: Final = "tokenizer.ggml.tokens"

_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_UINT32: Final = 4
_STRING: Final = 8
_ARRAY: Final = 9


class Tensor(NamedTuple):
    """A tensor's half-open byte range in the data section, its name and its type's number."""

    start: int
    end: int
    name: str
    type: int


class Array(NamedTuple):
    """An array of the metadata: the type of its elements, how many there are, and where they begin."""

    type: int
    length: int
    offset: int


class Gguf(NamedTuple):
    """What the header says: version, byte order, entries by kind, tensors by offset, rows of the embedding.

    ``token_offsets`` are the places of the vocabulary's texts in the file; the texts are not kept.
    """

    version: int
    little_endian: bool
    texts: dict[str, str]
    numbers: dict[str, int | float]
    tensors: list[Tensor]
    data_start: int
    alignment: int
    arrays: dict[str, Array]
    token_offsets: "array[int]"
    embedding_rows: int | None


def read_gguf(size: int) -> Reading[Gguf]:
    """Return the header of a file of ``size`` bytes whose every byte is accounted for.

    Raises FormatError ``gguf-header``, ``-tensor``, ``-bounds`` or ``-layout``, and Unexamined
    for an unknown version or tensor type.
    """
    reader = _Reader(size)
    yield from reader.start()
    tensor_count = yield from reader.count("tensors", MAX_TENSORS)
    entry_count = yield from reader.count("metadata entries", MAX_ENTRIES)
    for _ in range(entry_count):
        yield from reader.entry()
    alignment = _alignment(reader.numbers.get("general.alignment", DEFAULT_ALIGNMENT_BYTES))
    names: set[str] = set()
    tensors: list[Tensor] = []
    for _ in range(tensor_count):
        tensor = yield from reader.tensor(alignment)
        if tensor.name in names:
            raise FormatError(
                "gguf-tensor", f"two tensors are named {shown(tensor.name)!r}", reader.window.at
            )
        names.add(tensor.name)
        tensors.append(tensor)
    header_end = reader.window.at
    data_start = -(-header_end // alignment) * alignment
    tensors.sort()
    yield from _check_cover(tensors, header_end, data_start, size, alignment)
    return Gguf(
        reader.version,
        reader.order == "<",
        reader.texts,
        reader.numbers,
        tensors,
        data_start,
        alignment,
        reader.arrays,
        reader.token_offsets,
        reader.embedding_rows,
    )


class _Reader:
    """A place in the header; every method moves it, and asks for bytes when it must."""

    def __init__(self, size: int) -> None:
        self.window = Window(size)
        self.order = "<"
        self.version = 0
        self.texts: dict[str, str] = {}
        self.numbers: dict[str, int | float] = {}
        self.arrays: dict[str, Array] = {}
        self.token_offsets: array[int] = array("Q")
        self.embedding_rows: int | None = None
        self._keys: set[str] = set()
        self._strings = 0

    def start(self) -> Reading[None]:
        """Read magic and version; the version tells the byte order, because no version is that large."""
        raw = yield from self.bytes(8)
        little, big = int.from_bytes(raw[4:], "little"), int.from_bytes(raw[4:], "big")
        self.order, self.version = ("<", little) if little <= big else (">", big)
        if raw[:4] != MAGIC or self.version == 0:
            raise FormatError("gguf-header", "the file does not start as GGUF does", 0)
        if self.version > 3:
            raise Unexamined(f"GGUF version {self.version} is not known")

    def bytes(self, length: int) -> Reading[bytes]:
        """Return the next ``length`` bytes."""
        window = self.window
        if not (yield from window.need(length)):
            raise FormatError(
                "gguf-header", f"the header ends in the middle, at byte {window.size}", window.at
            )
        start = window.at - window.base
        window.at += length
        return window.data[start : start + length]

    def number(self, code: str) -> Reading[int | float]:
        """Return the next scalar of a ``struct`` code, in the file's byte order."""
        raw = yield from self.bytes(struct.calcsize("<" + code))
        if code == "?" and raw not in {b"\0", b"\1"}:
            raise FormatError("gguf-header", "a truth value is neither 0 nor 1", self.window.at - 1)
        value: int | float = struct.unpack(self.order + code, raw)[0]
        return value

    def length(self) -> Reading[int]:
        """Return a count or a length: 32 bits in version 1, 64 bits after."""
        return int((yield from self.number("I" if self.version == 1 else "Q")))

    def count(self, what: str, limit: int) -> Reading[int]:
        """Return a count of the header."""
        at = self.window.at
        value = yield from self.length()
        if value > limit:
            raise FormatError("gguf-header", f"{value} {what} are more than the limit of {limit}", at)
        return value

    def text(self, limit: int) -> Reading[str]:
        """Return a string; bytes that are not UTF-8 are refused."""
        at = self.window.at
        length = yield from self.length()
        if length > limit:
            raise FormatError("gguf-header", f"a string of {length} bytes is over the limit of {limit}", at)
        raw = yield from self.bytes(length)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError("gguf-header", "a name or text is not UTF-8", at) from error

    def entry(self) -> Reading[None]:
        """Read one metadata entry; texts that matter and numbers are kept."""
        at = self.window.at
        key = yield from self.text(MAX_NAME_BYTES)
        if key in self._keys:
            raise FormatError("gguf-header", f"the key {shown(key)!r} occurs twice", at)
        self._keys.add(key)
        kind = int((yield from self.number("I")))
        if kind == _STRING:
            yield from self._string_entry(key)
        elif kind == _ARRAY:
            yield from self._array_entry(key)
        elif kind in _SCALARS:
            self.numbers[key] = yield from self.number(_SCALARS[kind])
            if key == "general.alignment" and kind != _UINT32:
                raise FormatError("gguf-header", "general.alignment is not a 32-bit number", at)
        else:
            raise FormatError("gguf-header", f"the key {shown(key)!r} has the unknown type {kind}", at)

    def _string_entry(self, key: str) -> Reading[None]:
        if "template" in key:
            self.texts[key] = yield from self.text(MAX_KEPT_BYTES)
            return
        at = self.window.at
        length = yield from self.length()
        self.window.at = at
        if key.startswith(("general.", "adapter.", "split.")) and length <= MAX_FACT_BYTES:
            self.texts[key] = yield from self.text(MAX_FACT_BYTES)
        else:
            yield from self._skip_string()

    def _array_entry(self, key: str) -> Reading[None]:
        at = self.window.at
        kind = int((yield from self.number("I")))
        count = yield from self.length()
        self.arrays[key] = Array(kind, count, self.window.at)
        if kind == _STRING and "template" in key:
            if count > MAX_TEMPLATES:
                raise Unexamined(f"the key {shown(key)!r} has {count} templates")
            for number in range(count):
                self.texts[f"{key}.{number}"] = yield from self.text(MAX_KEPT_BYTES)
            return
        self.window.at = at
        yield from self._array(1, self.token_offsets if key == TOKENS else None)

    def _array(self, depth: int, offsets: "array[int] | None" = None) -> Reading[None]:
        at = self.window.at
        kind = int((yield from self.number("I")))
        count = yield from self.length()
        if kind == _ARRAY:
            if depth == MAX_ARRAY_DEPTH:
                raise FormatError("gguf-header", f"arrays nest deeper than {MAX_ARRAY_DEPTH}", at)
            self._count_strings(count * ARRAY_COST, at)
            for _ in range(count):
                yield from self._array(depth + 1)
        elif kind == _STRING:
            self._count_strings(count, at)
            yield from self._skip_strings(count, offsets)
        elif kind in _SCALARS:
            self._skip(count * struct.calcsize("<" + _SCALARS[kind]))
        else:
            raise FormatError("gguf-header", f"an array has the unknown type {kind}", at)

    def _count_strings(self, count: int, at: int) -> None:
        self._strings += count
        if self._strings > MAX_STRINGS:
            raise FormatError("gguf-header", f"arrays hold more than {MAX_STRINGS} elements", at)
        self._check_left(count)  # each needs a byte at least

    def _check_left(self, length: int) -> None:
        if length > self.window.size - self.window.at:
            raise FormatError("gguf-header", f"{length} bytes do not fit in the file", self.window.at)

    def _skip(self, length: int) -> None:
        self._check_left(length)
        self.window.at += length

    def _skip_string(self) -> Reading[None]:
        at = self.window.at
        length = yield from self.length()
        if length > MAX_STRING_BYTES:
            raise FormatError("gguf-header", f"a string of {length} bytes is over the limit", at)
        self._skip(length)

    def _skip_strings(self, count: int, offsets: "array[int] | None") -> Reading[None]:
        """Skip strings inside the window without a generator each: vocabularies have 100,000s."""
        window = self.window
        width = 4 if self.version == 1 else 8
        unpack = struct.Struct(self.order + ("I" if width == 4 else "Q")).unpack_from
        left = count
        while left:
            at, end = window.at - window.base, len(window.data) - width
            while left and 0 <= at <= end:
                (length,) = unpack(window.data, at)
                if length > MAX_STRING_BYTES:
                    raise FormatError(
                        "gguf-header", f"a string of {length} bytes is over the limit", window.base + at
                    )
                if offsets is not None:
                    offsets.append(window.base + at)
                at += width + length
                left -= 1
            window.at = window.base + at
            self._check_left(0)
            if left and not (yield from window.need(width)):
                raise FormatError("gguf-header", "the header ends in the middle of a string", window.at)
        if window.at > window.size:
            raise FormatError("gguf-header", "a string reaches beyond the file", window.size)

    def tensor(self, alignment: int) -> Reading[Tensor]:
        """Read one tensor's description; its range is computed, not believed."""
        at = self.window.at
        name = yield from self.text(MAX_TENSOR_NAME_BYTES)
        rank = int((yield from self.number("I")))
        if rank > MAX_DIMENSIONS:
            raise FormatError("gguf-tensor", f"tensor {shown(name)!r} has {rank} dimensions", at)
        extents = [0] * rank
        for axis in range(rank):
            extents[axis] = yield from self.length()
        if 0 in extents:
            raise FormatError("gguf-tensor", f"tensor {shown(name)!r} has a dimension of 0", at)
        if name == "token_embd.weight" and rank > 1:
            self.embedding_rows = extents[1]
        kind = int((yield from self.number("I")))
        start = int((yield from self.number("Q")))
        if start % alignment:
            raise FormatError(
                "gguf-tensor", f"tensor {shown(name)!r} starts at data byte {start}, unaligned", at
            )
        return Tensor(start, start + _tensor_bytes(name, extents, kind, at), name, kind)


def _tensor_bytes(name: str, extents: list[int], kind: int, at: int) -> int:
    about = GGML_TYPES.get(kind)
    if about is None:
        raise Unexamined(f"tensor {shown(name)!r} has the type {kind}, which is not known")
    elements = 1
    for extent in extents:
        elements *= extent
        if elements > MAX_SIZE:
            raise FormatError("gguf-tensor", f"tensor {shown(name)!r} has a size that overflows", at)
    row = extents[0] if extents else 1
    if row % about.block_elements:
        raise FormatError(
            "gguf-tensor", f"tensor {shown(name)!r} has rows that are not whole {about.name} blocks", at
        )
    return elements // about.block_elements * about.block_bytes


def _alignment(value: float) -> int:
    if not isinstance(value, int) or not 0 < value <= MAX_ALIGNMENT_BYTES or value & (value - 1):
        raise FormatError(
            "gguf-header", f"an alignment of {value} is not a power of two up to {MAX_ALIGNMENT_BYTES}"
        )
    return value


def _check_cover(
    tensors: list[Tensor], header_end: int, data_start: int, size: int, alignment: int
) -> Reading[None]:
    """Check that tensors follow each other with nothing but zero padding between and after them."""
    for tensor in tensors:
        if data_start + tensor.end > size:
            raise FormatError(
                "gguf-bounds",
                f"tensor {shown(tensor.name)!r} ends at byte {data_start + tensor.end} of a file of {size}",
            )
    covered = header_end
    for tensor in tensors:
        if tensor.start == tensor.end:
            continue
        start = data_start + tensor.start
        if start < covered:
            raise FormatError(
                "gguf-layout", f"tensor {shown(tensor.name)!r} overlaps what is before it", start
            )
        yield from _check_padding(covered, start, alignment)
        covered = data_start + tensor.end
    yield from _check_padding(covered, size, alignment)


def _check_padding(start: int, end: int, alignment: int) -> Reading[None]:
    if end - start >= alignment:
        raise FormatError("gguf-layout", f"{end - start} bytes belong to no tensor", start)
    if (yield from read(start, end - start)).strip(b"\0"):
        raise FormatError("gguf-layout", "padding is not zero", start)
