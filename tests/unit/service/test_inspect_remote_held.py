"""How much of a remote file is held in memory while it is examined."""

from weighlock.inspection.span import Span
from weighlock.service.inspect_remote import (
    HEAD_BYTES,
    MAX_HELD_BYTES,
    STEP_BYTES,
    TAIL_BYTES,
    _RemoteFile,
    _Tally,
)

SIZE = 3 * MAX_HELD_BYTES


class _Zeros:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def read(self, begin: int, end: int) -> bytes:
        self.asked.append((begin, end))
        return bytes(end - begin)


def test_a_large_file_that_is_read_to_its_end_is_not_held_in_memory() -> None:
    ranges = _Zeros()
    file = _RemoteFile("model.bin", SIZE, ranges, _Tally(), {})
    file.load(0, HEAD_BYTES)
    file.load(SIZE - TAIL_BYTES, SIZE)
    for at in range(0, SIZE, STEP_BYTES):
        assert len(file.fetch(Span(at, STEP_BYTES))) == STEP_BYTES
        assert sum(map(len, file.parts.values())) <= MAX_HELD_BYTES
    asked = len(ranges.asked)
    file.fetch(Span(0, HEAD_BYTES))
    file.fetch(Span(SIZE - TAIL_BYTES, TAIL_BYTES))
    assert len(ranges.asked) == asked  # the ends, where most parsers come back to, are kept


def test_one_part_that_is_larger_than_what_is_held() -> None:
    file = _RemoteFile("model.bin", SIZE, _Zeros(), _Tally(), {})
    assert len(file.fetch(Span(0, 2 * MAX_HELD_BYTES))) == 2 * MAX_HELD_BYTES
    assert not file.parts
