"""Whatever is done to a tree model, a checkpoint or a schema, inspection ends, and asks only for bytes that are there."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.case import Case
from corpus.skops_case import cases as skops_cases
from corpus.tree_case import cases
from model_file import examine
from weighlock.core.outcome import Outcome

FILES = [*cases(), *skops_cases()]
# text of which the end may be left out is not among them
WHOLE = [
    case
    for case in FILES
    if case.path.startswith("accept/") and case.path.endswith((".ubj", ".cbm", ".msgpack", ".ftz"))
]


def name_of(case: Case) -> str:
    return case.path.rpartition("/")[2]


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=9)), max_size=6),
)
def test_changed_bytes_never_end_an_examination(case: Case, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(case.data)
    for place, value in changes:
        at = place % len(data)
        data[at : at + len(value)] = value
    assert examine(name_of(case), bytes(data)).format


@given(st.sampled_from(WHOLE), st.data())
def test_a_model_that_was_cut_is_never_clean(case: Case, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(case.data) - 1))
    assert examine(name_of(case), case.data[:size]).outcome is not Outcome.CLEAN


@given(st.sampled_from(WHOLE), st.binary(min_size=1, max_size=40))
def test_bytes_behind_a_model_are_never_clean(case: Case, more: bytes) -> None:
    assert examine(name_of(case), case.data + more).outcome is not Outcome.CLEAN


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_mark_end(body: bytes) -> None:
    for name, mark in (
        ("m.ubj", b"{L\0\0\0\0\0\0\0\x07learner"),
        ("m.cbm", b"CBM1"),
        ("m.bin", b"\xba\x16\x4f\x2f\x0c\0\0\0"),
        ("m.msgpack", b"\x81\xa6params"),
        ("m.txt", b"tree\nversion=v4\ntree_sizes=1\n\n"),
    ):
        assert examine(name, mark + body).outcome is not Outcome.CLEAN or name == "m.msgpack"
