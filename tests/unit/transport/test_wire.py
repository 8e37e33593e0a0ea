"""Bytes of one connection: limits in size and in time, without waiting."""

import itertools
import socket
from collections.abc import Callable, Iterator

import pytest

from weighlock.core.error import DeniedError, UndecidedError, WeighlockError
from weighlock.transport.body import (
    MAX_CHUNK_LINE_BYTES,
    MAX_TRAILER_BYTES,
    ChunkedReader,
    LengthReader,
    Reader,
)
from weighlock.transport.head import MAX_HEAD_BYTES
from weighlock.transport.timing import Timing
from weighlock.transport.wire import Wire

Ends = tuple[socket.socket, Wire]


@pytest.fixture
def ends() -> Iterator[Ends]:
    near, far = socket.socketpair()
    with near, far:
        yield far, Wire(near, "a.example", Timing(silence_s=0.05))


def slow(near: socket.socket, step_s: float) -> Wire:
    """Return a wire whose clock goes on by ``step_s`` each time that it is looked at."""
    ticks = itertools.count(step=step_s)
    return Wire(near, "a.example", Timing(silence_s=0.05, window_s=30, monotonic=lambda: next(ticks)))


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(WeighlockError) as raised:
        act()
    assert raised.value.details["host"] == "a.example"
    return raised.value.code


def test_a_head_and_what_follows(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"one\r\n\r\ntwo\r\n\r\nbody")
    assert wire.read_head() == b"one"
    assert wire.read_head() == b"two"
    view = memoryview(bytearray(3))
    assert wire.receive_into(view) == 3
    assert bytes(view) == b"bod"
    far.close()
    assert wire.receive_into(view) == 1
    assert wire.receive_into(view) == 0


def test_a_head_in_pieces(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"a" * 100 + b"\r\n\r\n" + b"b" * 10 + b"\r")
    assert wire.read_head() == b"a" * 100
    far.sendall(b"\n\r")
    far.sendall(b"\n")
    assert wire.read_head() == b"b" * 10


def test_the_largest_head(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"first\r\n\r\n")
    far.sendall(b"a" * (MAX_HEAD_BYTES - 4) + b"\r\n\r\n")
    assert wire.read_head() == b"first"
    assert len(wire.read_head()) == MAX_HEAD_BYTES - 4


def test_a_head_without_end_is_refused(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"a" * MAX_HEAD_BYTES)
    assert code_of(wire.read_head) == "response_too_large"


def test_silence(ends: Ends) -> None:
    far, wire = ends
    assert code_of(wire.read_head) == "timed_out"
    far.sendall(b"HTTP/1.1 200")
    assert code_of(wire.read_head) == "timed_out"
    view = memoryview(bytearray(100))
    assert wire.receive_into(view) == 12
    assert code_of(lambda: wire.receive_into(view)) == "timed_out"


def test_the_end_before_an_answer(ends: Ends) -> None:
    far, wire = ends
    far.close()
    assert code_of(wire.read_head) == "host_unreachable"
    assert not wire.answered


def test_the_end_inside_a_head(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"HTTP/1.1 200 OK\r\n")
    far.close()
    assert code_of(wire.read_head) == "host_unreachable"
    assert wire.answered


def test_a_connection_that_is_reset(ends: Ends) -> None:
    far, wire = ends
    wire.send(memoryview(b"never read"))
    far.close()  # which resets it
    assert code_of(wire.read_head) == "host_unreachable"


def test_a_connection_that_is_reset_between_chunks(ends: Ends) -> None:
    far, wire = ends
    wire.send(memoryview(b"never read"))
    far.sendall(b"5\r\nhello")
    reader = ChunkedReader(wire)
    assert reader.receive_into(memoryview(bytearray(9))) == 5
    far.close()
    assert code_of(lambda: reader.receive_into(memoryview(bytearray(9)))) == "body_truncated"


def test_what_came_before_a_failure_is_kept(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"abc")
    view = memoryview(bytearray(10))
    assert wire.receive_into(view) == 3
    assert code_of(lambda: wire.receive_into(view)) == "timed_out"


def test_drops_now_and_then_are_too_few() -> None:
    near, far = socket.socketpair()
    with near, far:
        wire = slow(near, step_s=11)
        view = memoryview(bytearray(10))
        for _ in range(3):
            far.sendall(b"x" * 10)
            assert wire.receive_into(view) == 10
        far.sendall(b"x" * 10)
        assert code_of(lambda: wire.receive_into(view)) == "timed_out"


def test_a_head_in_drops_is_too_slow() -> None:
    near, far = socket.socketpair()
    with near, far:
        wire = slow(near, step_s=31)
        far.sendall(b"HTTP/1.1 200 OK\r\n")
        with pytest.raises(UndecidedError) as raised:
            _feed(wire, far)
        assert raised.value.code == "timed_out"
        assert "moved only" in raised.value.message


def _feed(wire: Wire, far: socket.socket) -> None:
    original = wire._receive

    def receive(view: memoryview) -> int:
        count = original(view[:1])
        far.sendall(b"y")
        return count

    wire._receive = receive
    wire.read_head()


def test_enough_in_each_window_is_fine() -> None:
    near, far = socket.socketpair()
    with near, far:
        wire = slow(near, step_s=1)
        view = memoryview(bytearray(2048))
        for _ in range(100):
            far.sendall(bytes(2048))
            assert wire.receive_into(view) == 2048


def test_nobody_takes_what_is_sent() -> None:
    near, far = socket.socketpair()
    with near, far:
        wire = Wire(near, "a.example", Timing(silence_s=0.05))
        assert code_of(lambda: wire.send(memoryview(bytes(1 << 22)))) == "timed_out"
        far.close()
        assert code_of(lambda: wire.send(memoryview(b"x"))) == "host_unreachable"


def read_all(reader: Reader, size: int = 7) -> bytes:
    view = memoryview(bytearray(size))
    body = b""
    while not reader.finished:
        count = reader.receive_into(view)
        body += view[:count]
    return body


def test_a_body_of_known_length(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"0123456789next")
    assert read_all(LengthReader(wire, 10)) == b"0123456789"
    assert wire.speaks(), "what comes after belongs to nobody here"
    assert LengthReader(wire, 0).finished


def test_a_body_that_is_cut(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"0123")
    far.close()
    with pytest.raises(UndecidedError, match="4 of 10 bytes") as raised:
        read_all(LengthReader(wire, 10))
    assert raised.value.code == "body_truncated"


def test_chunks(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b'5\r\nhello\r\n00A;name="value"\r\n, big worl\r\n1 \r\nd\r\n0\r\nTrailer: x\r\n\r\n')
    assert read_all(ChunkedReader(wire)) == b"hello, big world"
    assert not wire.speaks()


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b" 1\r\n",
        b"1000000000000000\r\n",
        b"1\n\r\n",
        b"1;a\nb\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\r\r\n",
        b"0\r\n" + b"T: x\r\n" * (MAX_TRAILER_BYTES // 4 + 1),
    ],
)
def test_chunks_that_are_wrong(ends: Ends, raw: bytes) -> None:
    far, wire = ends
    far.sendall(raw)
    assert code_of(lambda: read_all(ChunkedReader(wire))) == "response_invalid"


def test_a_line_between_chunks_that_is_too_long(ends: Ends) -> None:
    far, wire = ends
    far.sendall(b"1;" + b"a" * MAX_CHUNK_LINE_BYTES + b"\r\n")
    with pytest.raises(DeniedError) as raised:
        read_all(ChunkedReader(wire))
    assert raised.value.code == "response_too_large"


@pytest.mark.parametrize(
    "raw", [b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n", b"0\r\n", b"0\r\nT: x\r\n"]
)
def test_chunks_that_are_cut(ends: Ends, raw: bytes) -> None:
    far, wire = ends
    far.sendall(raw)
    far.close()
    assert code_of(lambda: read_all(ChunkedReader(wire))) == "body_truncated"
