"""Whatever a PyTorch file holds, its examination ends, stays inside the file, and says something."""

import random
import zipfile
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from corpus.case import EIGHT, Case
from corpus.torch_case import archive, cases, method, numbers, script, state, tensor
from model_file import examine, rules_of, zip_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.torch.expression import is_expression
from weighlock.inspection.torch.value import Unreadable, read_values

CASES = [case for case in cases() if len(case.data) < 6000]
OPCODES = st.sampled_from(
    [
        bytes([code])
        for code in b"(.0123NQRSTUVXabcdeghijlopqrstu}])\x80\x81\x85\x86\x87\x88\x8a\x8c\x93\x94\x95"
    ]
)


def look(name: str, data: bytes) -> None:
    found = examine(name, data)
    assert found.outcome in {Outcome.CLEAN, Outcome.FINDINGS, Outcome.UNDECIDED}


@given(
    st.sampled_from(CASES),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_bytes_changed(case: Case, changes: list[tuple[int, int]]) -> None:
    data = bytearray(case.data)
    for at, value in changes:
        data[at % len(data)] = value
    look(case.path.rpartition("/")[2], bytes(data))


@given(st.sampled_from(CASES), st.integers(0, 6000), st.integers(0, 6000), st.binary(max_size=8))
def test_a_part_replaced(case: Case, start: int, end: int, middle: bytes) -> None:
    start, end = sorted((start % (len(case.data) + 1), end % (len(case.data) + 1)))
    look(case.path.rpartition("/")[2], case.data[:start] + middle + case.data[end:])


@given(st.sampled_from(CASES), st.randoms(use_true_random=False))
def test_members_changed_behind_a_sound_directory(case: Case, chance: random.Random) -> None:
    """The archive stays sound, so that what is inside is reached."""
    if not zipfile.is_zipfile(BytesIO(case.data)):
        return
    with zipfile.ZipFile(BytesIO(case.data)) as held:
        members = {name: held.read(name) for name in held.namelist()}
    name = chance.choice(sorted(members))
    data = bytearray(members[name])
    for _ in range(chance.randint(1, 5)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    members[name] = bytes(data[: chance.choice([len(data), chance.randint(0, len(data))])])
    look(case.path.rpartition("/")[2], zip_of(members))


@given(st.lists(OPCODES | st.binary(max_size=3), max_size=40))
def test_any_operations_end_or_are_refused(parts: list[bytes]) -> None:
    data = b"".join(parts)
    try:
        found = read_values(data)
    except Unreadable:
        return
    assert data[found.end - 1 : found.end] == b"."


@given(
    st.integers(0, 5),
    st.lists(st.integers(0, 4), max_size=3),
    st.lists(st.integers(0, 4), max_size=3),
    st.integers(0, 6),
)
def test_a_view_is_refused_exactly_if_it_leaves_its_storage(
    offset: int, size: list[int], stride: list[int], elements: int
) -> None:
    size = size[: len(stride)]
    stride = stride[: len(size)]
    reached = {offset}
    for extent, step in zip(size, stride, strict=True):
        reached = {at + index * step for at in reached for index in range(extent)}
    made = tensor(elements=elements, offset=offset, size=tuple(size), stride=tuple(stride))
    found = examine("a.pt", zip_of(archive(state(made)) | {"m/data/0": bytes(4 * elements)}))
    outside = any(at >= elements for at in reached)
    assert ("torch-view-bounds" in rules_of(found)) == outside
    assert (found.outcome is Outcome.CLEAN) != outside


@given(st.integers(0, 40))
def test_a_storage_has_exactly_the_size_that_is_said(size: int) -> None:
    found = examine("a.pt", zip_of(archive() | {"m/data/0": bytes(size)}))
    assert ("torch-storage-size" in rules_of(found)) == (size != len(EIGHT))


@given(st.text(max_size=80), st.booleans())
def test_any_expression(text: str, guard: bool) -> None:
    assert is_expression(text, guard=guard) in {True, False, None}


@given(st.lists(st.text("abxyz0123456789+*-%<=>() ", max_size=20), max_size=4), st.booleans())
def test_what_is_an_expression_has_no_way_out(parts: list[str], guard: bool) -> None:
    text = f"__import__({'+'.join(parts)})"
    assert not is_expression(text, guard=guard)
    assert not is_expression(f"[{'+'.join(parts)} for x in y]", guard=guard)


@given(st.text(max_size=200))
def test_any_torchscript(code: str) -> None:
    look("a.pt", script(code))


@given(
    st.text(max_size=40),
    st.sampled_from(["torch.save(x, y)", "ops.aten.from_file(y)", "t = ops", "(x).save(y)"]),
)
def test_what_is_around_a_call_does_not_hide_it(before: str, call: str) -> None:
    quoted = repr(before)
    found = examine("a.pt", script(method(f"s = {quoted}", f"z = {call}", "return x")))
    assert rules_of(found) & {"torch-operator-dangerous", "torchscript-hidden-operator"}


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4))
def test_numbers_are_read_as_written(values: list[int]) -> None:
    assert read_values(b"\x80\x02" + numbers(*values) + b".").top == tuple(values)
