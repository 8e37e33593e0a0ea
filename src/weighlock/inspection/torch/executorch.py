"""Account for an ExecuTorch program (``.pte``) or its tensors (``.ptd``).

Sources: schema/program.fbs, extension/flat_tensor/serialize/flat_tensor.fbs, and the page on the ``.pte`` file format.
A FlatBuffer comes first, with an extended header behind its own; segments follow, whose places it lists from a base.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.flatbuffer.read import FlatBuffer, Table
from weighlock.inspection.span import FormatError, Reading, Unexamined, read
from weighlock.inspection.torch.executorch_plan import Plans
from weighlock.inspection.torch.operator import find_operator

RULE: Final = "executorch-structure"
MAX_SEGMENTS: Final = 100_000  # one for each tensor of a large model, at most
MAX_HOLE_BYTES: Final = 64  # between the parts of a FlatBuffer: fields are aligned to 16 bytes at most
MAX_PADDING_BYTES: Final = 64 * 1024  # between segments, which may be aligned to pages
_HEAD_BYTES: Final = 48
_HEADER_AT: Final = 8
_SHORT_HEADER: Final = 24  # without the length of all segments
_VERSION, _PLANS, _BUFFERS, _INLINE, _SEGMENTS, _CONSTANTS, _MUTABLE, _NAMED = range(8)
_AOT: Final = ("Aoti", "Cuda", "Metal")  # backends whose parts are machine code
_TENSORS_VERSION, _TENSORS_SEGMENTS, _TENSORS_NAMED = range(3)


class _Region(NamedTuple):
    """A half-open range of the file in bytes."""

    start: int
    end: int


@dataclass(slots=True)
class _Layout:
    """The FlatBuffer and where segments begin, by the extended header."""

    size: int
    base: int
    segments: list[_Region] = field(default_factory=list)


def examine_executorch(file: File) -> Reading[None]:
    """Account for every byte of a program. Raises FormatError ``executorch-structure`` and Unexamined."""
    layout = yield from _read_header(file, b"eh00", 0)
    buffer = FlatBuffer(layout.size, RULE)
    program = yield from buffer.root()
    yield from _read_segments(file, buffer, program, _SEGMENTS, layout)
    plans = Plans(buffer)
    for table in (yield from buffer.tables(program, _PLANS)):
        yield from plans.read(table)
    yield from _check_constants(buffer, program, plans, layout.segments)
    inline = yield from _inline_parts(buffer, program)
    raw = yield from _raw_segments(buffer, program, len(layout.segments))
    for namespace, name in plans.operators:
        find_operator(file.report, namespace, name)
    file.report.fact("operators", len(plans.operators))
    _check_holes(buffer, 0)
    for delegate in plans.delegates:
        held = layout.segments if delegate.in_segment else inline
        if delegate.part >= len(held):
            raise FormatError(RULE, f"a delegate refers to part {delegate.part} of {len(held)}")
        yield from _examine_delegate(file, delegate.backend, held[delegate.part])
    raw |= {delegate.part for delegate in plans.delegates if delegate.in_segment}
    yield from _examine_segments(file, layout, raw)


def examine_executorch_tensors(file: File) -> Reading[None]:
    """Account for every byte of a file of tensors. Raises as ``examine_executorch``."""
    layout = yield from _read_header(file, b"FH01", 16)
    buffer = FlatBuffer(layout.size, RULE)
    tensors = yield from buffer.root()
    yield from _read_segments(file, buffer, tensors, _TENSORS_SEGMENTS, layout)
    plans = Plans(buffer)
    described = set()
    for table in (yield from buffer.tables(tensors, _TENSORS_NAMED)):
        yield from buffer.text(table, 0)
        index = yield from buffer.scalar(table, 1, "I")
        shape = yield from buffer.table(table, 2)
        if index >= len(layout.segments):
            raise FormatError(RULE, f"a tensor refers to segment {index} of {len(layout.segments)}", table.at)
        region = layout.segments[index]
        if shape and (yield from plans.layout_bytes(shape)) <= region.end - region.start:
            described.add(index)
        elif shape:
            raise FormatError(RULE, "a tensor is larger than its segment", table.at)
    _check_holes(buffer, _HEAD_BYTES)
    yield from _examine_segments(file, layout, described)


def _read_header(file: File, magic: bytes, sizes_at: int) -> Reading[_Layout]:
    """Return what the extended header says; ``sizes_at`` is the offset of the FlatBuffer's size in it, less 8."""
    if file.size < _HEAD_BYTES:
        raise FormatError(RULE, "the file is shorter than its header", 0)
    head = yield from read(0, _HEAD_BYTES)
    if head[_HEADER_AT : _HEADER_AT + 4] != magic:
        return _Layout(file.size, file.size)  # without segments
    length = int.from_bytes(head[12:16], "little")
    at = 16 + (8 if sizes_at else 0)
    size = int.from_bytes(head[at : at + 8], "little")
    base = int.from_bytes(head[at + 8 : at + 16], "little")
    if sizes_at:
        size += int.from_bytes(head[16:24], "little")
    if length < _SHORT_HEADER or not _HEAD_BYTES <= size <= file.size or (base and base < size):
        raise FormatError(RULE, "the extended header says what cannot be", _HEADER_AT)
    return _Layout(size, base or file.size)


def _read_segments(
    file: File, buffer: FlatBuffer, holder: Table, slot: int, layout: _Layout
) -> Reading[None]:
    """Note the segments, which lie behind each other up to the end of the file with zeros between them."""
    tables = yield from buffer.tables(holder, slot)
    if len(tables) > MAX_SEGMENTS:
        raise Unexamined(f"it has {len(tables)} segments, over the limit of {MAX_SEGMENTS}")
    for table in tables:
        start = layout.base + (yield from buffer.scalar(table, 0, "Q"))
        size = yield from buffer.scalar(table, 1, "Q")
        if start + size > file.size:
            raise FormatError(RULE, f"a segment of {size} bytes reaches beyond the file", start)
        layout.segments.append(_Region(start, start + size))
    reached = layout.size
    for region in [*sorted(layout.segments), _Region(file.size, file.size)]:
        if region.start < reached and region.end > region.start:
            raise FormatError(RULE, "two segments overlap", region.start)
        yield from _check_padding(reached, region.start)
        reached = max(reached, region.end)


def _check_padding(start: int, end: int) -> Reading[None]:
    if end - start > MAX_PADDING_BYTES:
        raise FormatError(RULE, f"{end - start} bytes belong to no segment", start)
    if end > start and (yield from read(start, end - start)).strip(b"\0"):
        raise FormatError(RULE, "the padding between segments is not zero", start)


def _raw_segments(buffer: FlatBuffer, program: Table, count: int) -> Reading[set[int]]:
    """Return the segments that hold tensors of the program itself."""
    found = set()
    constants = yield from buffer.table(program, _CONSTANTS)
    mutable = yield from buffer.tables(program, _MUTABLE)
    for table in [*mutable, *([constants] if constants else [])]:
        index = yield from buffer.scalar(table, 0, "I")
        offsets = yield from buffer.vector(table, 1, 8)
        if offsets and offsets.length and index >= count:
            raise FormatError(RULE, f"tensors refer to segment {index} of {count}", table.at)
        found.add(index)
    for table in (yield from buffer.tables(program, _NAMED)):
        yield from buffer.text(table, 0)
        yield from buffer.scalar(table, 1, "I")
    return found


def _examine_segments(file: File, layout: _Layout, known: set[int]) -> Reading[None]:
    """Examine what lies in segments that are neither tensors nor a delegate's part."""
    for index, region in enumerate(layout.segments):
        if index not in known:
            yield from file.part(f"segment {index}", region.start, region.end - region.start)


def _inline_parts(buffer: FlatBuffer, program: Table) -> Reading[list[_Region]]:
    found = []
    for table in (yield from buffer.tables(program, _INLINE)):
        vector = yield from buffer.vector(table, 0, 1)
        found.append(_Region(vector.at, vector.at + vector.length) if vector else _Region(0, 0))
    return found


def _check_constants(
    buffer: FlatBuffer, program: Table, plans: Plans, segments: list[_Region]
) -> Reading[None]:
    """Hold every tensor whose data is in the program against its place: the runtime gives out a pointer."""
    places = yield from _inline_places(buffer, program)
    places += yield from _segment_places(buffer, program, segments)
    for constant in plans.constants:
        if constant.place >= len(places) or constant.size > places[constant.place]:
            told = f"a tensor of {constant.size} bytes does not fit into its place"
            raise FormatError(RULE, told, constant.at)


def _inline_places(buffer: FlatBuffer, program: Table) -> Reading[list[int]]:
    """Return the sizes of tensors' places in the FlatBuffer itself, by their numbers."""
    found = []
    for table in (yield from buffer.tables(program, _BUFFERS)):
        vector = yield from buffer.vector(table, 0, 1)
        found.append(vector.length if vector else 0)
    return found


def _segment_places(buffer: FlatBuffer, program: Table, segments: list[_Region]) -> Reading[list[int]]:
    """Return how many bytes there are from each tensor's place to the end of its segment, by their numbers."""
    constants = yield from buffer.table(program, _CONSTANTS)
    if constants is None:
        return []
    index = yield from buffer.scalar(constants, 0, "I")
    offsets = yield from buffer.numbers(constants, 1, "Q", MAX_SEGMENTS)
    size = segments[index].end - segments[index].start if index < len(segments) else 0
    if any(offset > size for offset in offsets):
        raise FormatError(RULE, "a tensor's place is behind the end of its segment", constants.at)
    return [size - offset for offset in offsets]


def _examine_delegate(file: File, backend: str, region: _Region) -> Reading[None]:
    name = shown(backend, limit=60)
    if backend.startswith(_AOT):
        file.report.find("torch-native-code", f"a part for {name} is machine code", offset=region.start)
    yield from file.part(f"part for {name}", region.start, region.end - region.start)
    file.report.not_examined(
        f"what the backend {name} does with its part of {region.end - region.start} bytes is not known"
    )


def _check_holes(buffer: FlatBuffer, start: int) -> None:
    """Find bytes of the FlatBuffer that nothing refers to."""
    reached = max(start, _HEAD_BYTES)
    for begin, end in [*sorted(buffer.touched), (buffer.size, buffer.size)]:
        if begin - reached > MAX_HOLE_BYTES:
            raise FormatError(RULE, f"{begin - reached} bytes belong to no part of the program", reached)
        reached = max(reached, end)
