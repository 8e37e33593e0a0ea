"""Whatever Python, notebooks and compiled files say: inspection ends, asks only for what is there, and never raises."""

from hypothesis import example, given
from hypothesis import strategies as st

from corpus.case import Case
from corpus.python_case import cases
from model_file import examine
from weighlock.core.outcome import Outcome

CASES = cases()
PIECES = st.sampled_from(
    [
        "import os\n", "from os import system as s\n", "os", "getattr(", "'system'", ")", "(", "=", "\n", "    ",
        "def f(a=1):\n    ", "class A:\n    ", "lambda: ", "[", "]", "for x in ", "exec(", "b'x'", "+", "[::-1]", ".a",
        "@f\n", "if x:\n    ", "return ", "yield ", "*", "**", "{", "}", ":", "1", "x", "f'{x}'", "''.join(", "chr(65)",
        "base64.b64decode(", "globals()['x']", "__import__('os')", "try:\n    ", "except:\n    ", "with x as y:\n    ",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
@example(["x", "=", "lambda: ", "x", "\n", "x", "(", ")"])
def test_any_pieces_of_python(pieces: list[str]) -> None:
    assert examine("x.py", "".join(pieces).encode()).outcome in set(Outcome)


@given(st.sampled_from(CASES), st.data())
def test_a_changed_file(case: Case, data: st.DataObject) -> None:
    raw = bytearray(case.data)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    name = case.path.rpartition("/")[2]
    assert examine(name, bytes(raw)).outcome in set(Outcome)


@given(st.binary(max_size=300))
def test_any_compiled_file(tail: bytes) -> None:
    raw = (3495).to_bytes(2, "little") + b"\r\n" + bytes(12) + tail
    assert examine("x.pyc", raw).outcome is Outcome.FINDINGS
