"""Read the execution plans of an ExecuTorch program: values, operators, delegates and instructions.

Source: schema/program.fbs. The runtime takes indexes and sizes as they are in release builds.
"""

from typing import Final, NamedTuple

from weighlock.inspection.flatbuffer.read import FlatBuffer, Table
from weighlock.inspection.span import FormatError, Reading

RULE: Final = "executorch-structure"
MAX_DIMENSIONS: Final = 64  # of a tensor; the runtime takes 16
MAX_NUMBERS: Final = 1_000_000  # of one list of indexes
MAX_BYTES: Final = 2**63 - 1  # no tensor is longer

_NAME, _CONTAINER, _VALUES, _INPUTS, _OUTPUTS, _CHAINS, _OPERATORS, _DELEGATES, _SIZES = range(9)
_TENSOR, _STRING = 5, 6  # of the union of values
_EXTERNAL: Final = 1  # the data is in another file
_LISTS: Final = {7: ("q", False), 8: ("d", False), 9: ("?", False), 10: ("i", True), 11: ("i", True)}
_KERNEL, _DELEGATE, _MOVE, _JUMP, _FREE = range(1, 6)  # of the union of instructions
_WIDTHS: Final = {
    **dict.fromkeys((2, 5, 15, 22, 27), 2),
    **dict.fromkeys((3, 6, 14, 28), 4),
    **dict.fromkeys((4, 7, 29), 8),
}  # of scalar types, in bytes; all others have one


class Delegate(NamedTuple):
    """A part that a backend gets: the backend's name, and which segment or inline part."""

    backend: str
    in_segment: bool
    part: int


class Constant(NamedTuple):
    """A tensor whose data is in the program: the number of its place, and its size in bytes."""

    place: int
    size: int
    at: int


class Plans:
    """The operators and delegates of all plans, gathered while they are read."""

    def __init__(self, buffer: FlatBuffer) -> None:
        self._buffer = buffer
        self.operators: dict[tuple[str, str], None] = {}
        self.delegates: dict[Delegate, None] = {}
        self.constants: list[Constant] = []

    def read(self, plan: Table) -> Reading[None]:
        """Read one plan. Raises FormatError."""
        buffer = self._buffer
        yield from buffer.text(plan, _NAME)
        container = yield from buffer.table(plan, _CONTAINER)
        if container:
            yield from self._texts(container, 2)
        values = yield from buffer.tables(plan, _VALUES)
        for value in values:
            yield from self._value(value, len(values))
        for slot in (_INPUTS, _OUTPUTS):
            yield from self._indexes(plan, slot, len(values))
        operators = yield from buffer.tables(plan, _OPERATORS)
        for operator in operators:
            yield from self._operator(operator)
        delegates = yield from buffer.tables(plan, _DELEGATES)
        for delegate in delegates:
            yield from self._delegate(delegate)
        yield from buffer.vector(plan, _SIZES, 8)
        for chain in (yield from buffer.tables(plan, _CHAINS)):
            yield from self._chain(chain, len(values), len(operators), len(delegates))

    def layout_bytes(self, layout: Table, sizes: int = 1) -> Reading[int]:
        """Return the length in bytes of a tensor by its type and sizes; dimensions' order follows the sizes."""
        kind = yield from self._buffer.scalar(layout, 0, "b")
        total = _WIDTHS.get(kind, 1)
        for extent in (yield from self._buffer.numbers(layout, sizes, "i", MAX_DIMENSIONS)):
            if extent < 0:
                raise FormatError(RULE, "a tensor has a negative size", layout.at)
            total *= extent
            if total > MAX_BYTES:
                raise FormatError(RULE, "a tensor's size overflows", layout.at)
        yield from self._buffer.vector(layout, sizes + 1, 1)
        return total

    def _value(self, value: Table, count: int) -> Reading[None]:
        buffer = self._buffer
        kind = yield from buffer.scalar(value, 0, "B")
        table = yield from buffer.table(value, 1)
        if table is None:
            return
        if kind == _TENSOR:
            yield from self._tensor(table)
        elif kind == _STRING:
            yield from buffer.text(table, 0)
        elif kind in _LISTS:
            code, refers = _LISTS[kind]
            if refers:
                yield from self._indexes(table, 0, count, least=-1)
            else:
                yield from buffer.numbers(table, 0, code, MAX_NUMBERS)

    def _tensor(self, tensor: Table) -> Reading[None]:
        size = yield from self.layout_bytes(tensor, 2)
        place = yield from self._buffer.scalar(tensor, 5, "I")
        planned = yield from self._buffer.table(tensor, 6)
        extra = yield from self._buffer.table(tensor, 9)
        outside = False
        if extra:
            yield from self._buffer.text(extra, 1)
            outside = (yield from self._buffer.scalar(extra, 2, "b")) == _EXTERNAL
        if place and planned is None and not outside:
            self.constants.append(Constant(place, size, tensor.at))

    def _operator(self, operator: Table) -> Reading[None]:
        name = (yield from self._buffer.text(operator, 0)) or ""
        yield from self._buffer.text(operator, 1)
        namespace, _, inner = name.rpartition("::")
        self.operators[namespace or "aten", inner] = None

    def _delegate(self, delegate: Table) -> Reading[None]:
        buffer = self._buffer
        backend = (yield from buffer.text(delegate, 0)) or ""
        data = yield from buffer.table(delegate, 1)
        for spec in (yield from buffer.tables(delegate, 2)):
            yield from buffer.text(spec, 0)
            yield from buffer.vector(spec, 1, 1)
        if data is None:
            raise FormatError(RULE, "a delegate has no part", delegate.at)
        place = yield from buffer.scalar(data, 0, "b")
        index = yield from buffer.scalar(data, 1, "I")
        self.delegates[Delegate(backend, place == 1, index)] = None

    def _chain(self, chain: Table, values: int, operators: int, delegates: int) -> Reading[None]:
        buffer = self._buffer
        for slot in (0, 1):
            yield from self._indexes(chain, slot, values)
        instructions = yield from buffer.tables(chain, 2)
        for instruction in instructions:
            kind = yield from buffer.scalar(instruction, 0, "B")
            table = yield from buffer.table(instruction, 1)
            if table is None or kind not in range(_KERNEL, _FREE + 1):
                raise FormatError(
                    RULE, f"an instruction is of kind {kind}, which does not exist", instruction.at
                )
            limits = {
                _KERNEL: (operators,), _DELEGATE: (delegates,), _MOVE: (values, values),
                _JUMP: (values, len(instructions) + 1), _FREE: (values,),
            }[kind]  # fmt: skip
            for slot, limit in enumerate(limits):
                index = yield from buffer.scalar(table, slot, "i")
                self._check_index(index, limit, table.at)
            if kind in {_KERNEL, _DELEGATE}:
                yield from self._indexes(table, 1, values)
        for frames in (yield from buffer.tables(chain, 3)):
            for frame in (yield from buffer.tables(frames, 0)):
                for slot in (0, 2, 3):
                    yield from buffer.text(frame, slot)

    def _indexes(self, table: Table, slot: int, count: int, *, least: int = 0) -> Reading[None]:
        for index in (yield from self._buffer.numbers(table, slot, "i", MAX_NUMBERS)):
            self._check_index(index, count, table.at, least=least)

    def _check_index(self, index: int, count: int, at: int, *, least: int = 0) -> None:
        if not least <= index < count:
            raise FormatError(RULE, f"an index is {index}, and there are {count}", at)

    def _texts(self, table: Table, count: int) -> Reading[None]:
        for slot in range(count):
            yield from self._buffer.text(table, slot)
