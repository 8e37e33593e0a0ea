"""Whatever is done to an HDF5 file, inspection ends, and asks only for bytes that are there."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.case import Case
from corpus.keras_case import cases
from model_file import examine
from weighlock.core.outcome import Outcome

FILES = [case for case in cases() if "/hdf5/" in case.path]
WHOLE = [case for case in FILES if case.path.startswith("accept/")]


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=9)), max_size=6),
)
def test_changed_bytes_never_end_an_examination(case: Case, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(case.data)
    for place, value in changes:
        at = place % len(data)
        data[at : at + len(value)] = value
    assert examine("model.h5", bytes(data)).format


@given(st.sampled_from(WHOLE), st.data())
def test_a_file_that_was_cut_is_never_clean(case: Case, data: st.DataObject) -> None:
    length = data.draw(st.integers(9, len(case.data) - 1))
    assert examine("model.h5", case.data[:length]).outcome is not Outcome.CLEAN
