"""Whatever configurations, scripts and texts say: inspection ends, asks only for what is there, and never raises."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.case import Case
from corpus.config_case import cases as config_cases
from corpus.package_case import cases as package_cases
from corpus.text_case import cases as text_cases
from model_file import examine
from weighlock.core.outcome import Outcome
from weighlock.inspection.config.yaml import read_yaml
from weighlock.inspection.span import Unexamined

CASES = [*config_cases(), *package_cases(), *text_cases()]
PIECES = st.sampled_from(
    ["a", ":", " ", "\n", "- ", "  ", "[", "]", "{", "}", ",", "'", '"', "|", ">", "&x", "*x", "!t ", "#", "---", "...",
     "%Y", "\t", "\\", "!!python/name:os.system", "? ", "<<", "\r\n", "é"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["a.yaml", "MLmodel", "a.toml", "a.cfg", "requirements.txt", "a.sh", "a.svg", "a.jsonl", "model_index.json", "a.pth",
     "modules.json", "tokenizer.json", "a.ipynb", "x.so", ".gitattributes", "config.pbtxt"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_any_pieces_of_yaml(pieces: list[str]) -> None:
    try:
        documents, nodes = read_yaml("".join(pieces))
    except Unexamined:
        return
    assert len(documents) <= len(nodes)


@given(NAMES, st.lists(PIECES, max_size=30))
def test_any_text_under_a_name(name: str, pieces: list[str]) -> None:
    assert examine(name, "".join(pieces).encode()).outcome in set(Outcome)


@given(st.sampled_from(CASES), st.data())
def test_a_changed_file(case: Case, data: st.DataObject) -> None:
    raw = bytearray(case.data[:20_000])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    assert examine(case.path.rpartition("/")[2], bytes(raw)).outcome in set(Outcome)


@given(
    st.sampled_from([b"\x7fELF\2\1\1", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"]),
    st.binary(max_size=300),
)
def test_any_machine_code(head: bytes, tail: bytes) -> None:
    assert examine("x", head + tail).outcome in set(Outcome)
