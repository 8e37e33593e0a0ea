"""Pickles: what is read and what is not, and budgets."""

import pickle
import struct

import pytest

from corpus.pickle_case import pickles
from model_file import examine, framed, rules_of, short_text
from weighlock.core.outcome import Outcome
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.pickle import stream as pickle_stream
from weighlock.inspection.pickle.opcode import OPCODES
from weighlock.inspection.span import Span, drive

SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."


def test_every_opcode_of_this_python_is_known() -> None:
    names = [name for name in vars(pickle) if name.isupper() and isinstance(getattr(pickle, name), bytes)]
    codes = {getattr(pickle, name)[0] for name in names if len(getattr(pickle, name)) == 1}
    assert codes == set(OPCODES)


def test_a_large_payload_is_skipped_and_not_read() -> None:
    size = 10_000_000
    head, tail = b"\x80\x04\x8e" + struct.pack("<Q", size), b"0" + SYSTEM
    read = 0

    def fetch(span: Span) -> bytes:
        nonlocal read
        read += span.length
        whole = head.ljust(len(head) + size, b"x") + tail
        return whole[span.offset : span.offset + span.length]

    examined = drive(inspect_file("a.pkl", len(head) + size + len(tail)), fetch)
    assert "pickle-global-dangerous" in rules_of(examined)
    assert examined.not_examined is None
    assert read < 1_000_000


def test_a_stream_longer_than_a_window_is_read_to_its_end() -> None:
    body = (b"K\x01" + short_text("padding" * 20) + b"00") * 20_000
    examined = examine("a.pkl", b"\x80\x04" + body + short_text("os") + short_text("system") + b"\x93.")
    assert "pickle-global-dangerous" in rules_of(examined)
    assert examined.not_examined is None


def test_a_long_line_is_read_in_growing_windows() -> None:
    data = b"S'" + b"x" * 7_000_000 + b"'\n0" + SYSTEM
    read = 0

    def fetch(span: Span) -> bytes:
        nonlocal read
        read += span.length
        return data[span.offset : span.offset + span.length]

    examined = drive(inspect_file("a.pkl", len(data)), fetch)
    assert read < 8 * len(data)
    assert "pickle-global-dangerous" in rules_of(examined)
    assert examined.not_examined is None


@pytest.mark.parametrize("name", ["a.bin", "a.txt", "a.json", "a", "a.py"])
def test_a_long_line_before_the_payload_does_not_hide_it_under_any_name(name: str) -> None:
    assert "pickle-global-dangerous" in rules_of(
        examine(name, b"S'" + b"x" * 100_000 + b"'\n0" + SYSTEM + b".")
    )
    assert "pickle-global-dangerous" in rules_of(examine(name, b"V" + b"x" * 100_000 + b"\n0" + SYSTEM))


def test_a_long_text_is_a_text() -> None:
    assert examine("a.txt", b"S" + b"x" * 100_000).outcome is Outcome.CLEAN
    assert examine("a.txt", b"Some text\n" * 10_000).outcome is Outcome.CLEAN


def test_a_budget_that_is_used_up_is_not_clean_and_keeps_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pickle_stream, "MAX_OPERATIONS", 20_000)
    examined = examine("a.pkl", SYSTEM[:-1] + b"N0" * 20_000 + b".")
    assert examined.not_examined is not None
    assert "operations" in examined.not_examined
    assert "pickle-global-dangerous" in rules_of(examined)


def test_the_budget_is_the_files_not_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_stream, "MAX_OPERATIONS", 1000)
    assert examine("a.pkl", b"\x80\x02N0N0N0N." * 200).not_examined is not None
    assert examine("a.pkl", b"\x80\x02N0N0N0N." * 100).not_examined is None


def test_too_many_pickles_are_said() -> None:
    examined = examine("a.pkl", b"\x80\x02N." * 1001)
    assert examined.not_examined == "more than 1000 pickles"


def test_too_many_names_are_said_and_dangerous_ones_are_kept() -> None:
    names = b"".join(b"cm%d\nn\n0" % number for number in range(10_001))
    examined = examine("a.pkl", b"\x80\x02cos\nsystem\n0" + names + b"N.")
    assert "pickle-global-dangerous" in rules_of(examined)
    assert "a pickle imports more than 10000 names" in examined.skipped


def test_many_harmless_findings_do_not_push_out_a_grave_one() -> None:
    names = b"".join(b"cm%d\nn\n0" % number for number in range(500))
    examined = examine("a.pkl", b"\x80\x02" + names + b"cos\nsystem\n.")
    assert examined.findings[0].rule == "pickle-global-dangerous"
    assert ("findings left out", "302") in examined.facts


def test_the_place_of_an_import_is_its_offset() -> None:
    examined = examine("a.pkl", b"\x80\x02N0cos\nsystem\n.")
    assert [each.location for each in examined.findings] == ["a.pkl@4", "a.pkl"]


def test_hostile_names_are_escaped() -> None:
    examined = examine("a\x1b[2J.pkl", framed(short_text("o\x1b[2J\u202es") + short_text("x\n") + b"\x93."))
    assert all(finding.message.isprintable() for finding in examined.findings)
    assert all(finding.location.isprintable() for finding in examined.findings)
    assert all(value.isprintable() for _, value in examined.facts)


def test_an_unpickler_written_in_python_would_run_a_truncated_frame() -> None:
    whole = next(case.data for case in pickles() if case.path.endswith("stack-global.pkl"))
    assert "pickle-global-dangerous" in rules_of(examine("a.pkl", whole[:-2]))


def test_a_tuple_that_nests_deep_does_not_exhaust_the_stack() -> None:
    examined = examine("a.pkl", b"\x80\x02)" + b"\x85" * 500_000 + b".")
    assert examined.not_examined is None


def test_a_pickle_of_plain_data_is_clean_and_said_to_be_one() -> None:
    examined = examine("a.pkl", pickle.dumps({"a": 1}))
    assert examined.outcome is Outcome.CLEAN
    assert rules_of(examined) == {"pickle-present"}
