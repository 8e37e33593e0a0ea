"""safetensors headers: what they cost, and where they are broken."""

import struct
import tracemalloc

import pytest

from model_file import examine, rules_of, safetensors, tensor
from weighlock.core.outcome import Outcome
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.safetensors.header import read_header
from weighlock.inspection.safetensors.scan import MAX_TENSORS
from weighlock.inspection.span import FormatError, Span, Unexamined, drive, fetch_from


def test_a_header_costs_its_bytes_and_both_ends_of_the_file() -> None:
    header = safetensors({"a": tensor("U8", [1 << 40], 0, 1 << 40)})
    asked: list[Span] = []

    def fetch(span: Span) -> bytes:
        asked.append(span)
        return header[span.offset : span.offset + span.length].ljust(span.length, b"\0")

    examined = drive(inspect_file("a.safetensors", len(header) + (1 << 40)), fetch)
    assert examined.outcome is Outcome.CLEAN
    assert sum(span.length for span in asked) < 200_000


@pytest.mark.parametrize(
    "head",
    [
        b'{"__metadata__":{' + b",".join(b'"%d":""' % each for each in range(400_000)) + b"}}",
        b'{"a":{"dtype":"U8","shape":[' + b"1," * 3_000_000 + b'0],"data_offsets":[0,0]}}',
        b'{"a":[' + b"[]," * 2_000_000 + b"[]]}",
        b'{"a":' + b"[" * 5_000_000,
        b'{"' + b"a" * 5_000_000 + b'":1}',
        b'{"a":{"dtype":"' + b"\\n" * 3_000_000,
    ],
    ids=["entries", "shape", "lists", "depth", "name", "text"],
)
def test_a_hostile_header_costs_little_more_than_its_bytes(head: bytes) -> None:
    data = safetensors(head, pad=False)
    tracemalloc.start()
    with pytest.raises((FormatError, Unexamined)):
        drive(read_header(len(data)), fetch_from(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(data) + (24 << 20)


def test_more_tensors_than_anyone_has_are_not_examined() -> None:
    entry = b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    head = b"{" + b",".join(entry % each for each in range(MAX_TENSORS + 2)) + b"}"
    data = safetensors(head, pad=False)
    with pytest.raises(Unexamined, match="more entries"):
        drive(read_header(len(data)), fetch_from(data))


def test_a_broken_tensor_is_told_with_its_place() -> None:
    head = b'{"good":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"bad":{"dtype":"U8","shape":[1.0],"data_offsets":[1,2]}}'
    (finding,) = examine("a.safetensors", safetensors(head, b"xy")).findings
    assert finding.rule == "safetensors-tensor"
    assert finding.location == f"a.safetensors@{8 + head.index(b'[1.0')}"


def test_bytes_that_are_not_utf8_are_told_wherever_they_are() -> None:
    head = b'{"__metadata__":{"a":"' + b"x" * (1 << 20) + b'\xff"}}'
    assert rules_of(examine("a.safetensors", safetensors(head))) == {"safetensors-header"}


def test_a_character_across_two_steps_of_the_check_is_whole() -> None:
    text = "x" * ((1 << 20) - len('{"__metadata__":{"a":"') - 1) + "層"
    head = b'{"__metadata__":{"a":"' + text.encode() + b'"}}'
    assert examine("a.safetensors", safetensors(head)).outcome is Outcome.CLEAN


def test_a_length_over_the_limit_reads_nothing_of_the_header() -> None:
    data = struct.pack("<Q", 100_000_001) + b"{}"
    with pytest.raises(FormatError, match="format's limit"):
        drive(read_header(1 << 40), fetch_from(data))
