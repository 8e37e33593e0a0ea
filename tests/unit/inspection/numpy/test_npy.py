"""NumPy headers beyond what the corpus holds."""

import pytest

from model_file import examine, npy, rules_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.numpy.dtype import Layout, elements_of, layout_of
from weighlock.inspection.numpy.literal import Literal, read_literal


@pytest.mark.parametrize(
    ("descr", "size", "objects"),
    [
        ("<f8", 8, False), ("|b1", 1, False), ("?", 1, False), ("<U3", 12, False), ("|S0", 0, False), ("<m8[25s]", 8, False),
        ("|O", 8, True), ("O8", 8, True), (("<f4", (2, 3)), 24, False), ([("a", "<f4"), ("b", "|O")], 12, True),
        ([("a", [("x", "<i2")], (3,)), ("", "|V2")], 8, False), ([], 0, False),
    ],
)  # fmt: skip
def test_layouts(descr: Literal, size: int, objects: bool) -> None:
    assert layout_of(descr) == Layout(size, objects)


@pytest.mark.parametrize(
    "descr",
    ["f", "<f", "float32", "i4,f4", "3i4", "<x4", 3, None, ("<f4",), [("a",)], [("a", "<f4", (1,), 2)], [(1, "<f4")], [("a", "<f4", (-1,))],
     [("a", "|V999999999999999999", (99,))]],
)  # fmt: skip
def test_types_that_are_refused(descr: Literal) -> None:
    with pytest.raises(ValueError, match=r"type|shape|field"):
        layout_of(descr)


def test_shapes() -> None:
    assert elements_of(()) == 1
    assert elements_of((2, 3)) == 6
    assert elements_of((0, 3)) == 0
    for shape in ((True,), (-1,), ("2",), [2], 1 << 63, (1 << 40, 1 << 40)):
        with pytest.raises(ValueError, match="shape"):
            elements_of(shape)  # type: ignore[arg-type]  # what a header may hold


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': (1, 2L,), \"b\": [True, None]}", {"a": (1, 2), "b": [True, None]}), ("(1)", 1), ("(1,)", (1,)), ("()", ()),
        ("'it\\'s \\x41\\u00e9\\n'", "it's Aé\n"), ("u'x'", "x"), (" -3 ", -3),
    ],
)  # fmt: skip
def test_literals(text: str, value: Literal) -> None:
    assert read_literal(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f()",
        "1 2",
        "(1 2)",
        "{1: 2}",
        "{'a' 1}",
        "{'a': 1 'b': 2}",
        "{'a': 1, 'a': 2}",
        "[",
        "(" * 99,
        "1.5",
        "'\\U99999999'",
    ],
)
def test_what_is_no_literal(text: str) -> None:
    with pytest.raises(ValueError, match=r"literal|comma|key|escape"):
        read_literal(text)


def test_a_header_of_many_fields_is_read() -> None:
    fields = [(f"field{number}", "<f4") for number in range(1000)]
    assert examine("a.npy", npy(repr(fields), "(1,)", bytes(4000), 2)).outcome is Outcome.CLEAN


def test_a_header_over_the_limit_is_not() -> None:
    examined = examine("a.npy", npy("'<f4'", "(" + "1, " * 400_000 + ")", bytes(4), 2))
    assert "over the limit" in str(examined.not_examined)
    assert rules_of(examined) == set()


def test_arrays_behind_each_other_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.inspection.numpy.examine.MAX_ARRAYS", 3)
    one = npy("'|u1'", "(1,)", b"x")
    assert examine("a.npy", one * 3).outcome is Outcome.CLEAN
    assert examine("a.npy", one * 4).outcome is not Outcome.CLEAN
