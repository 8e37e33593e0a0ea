"""Whatever the bytes are: inspection ends, asks only for what is there, and says something."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from corpus.make import cases
from model_file import examine, npy, rules_of, zip_of
from weighlock.core.finding import Examined
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown
from weighlock.inspection.report import MAX_FINDINGS

CASES = cases()
NAMES = st.sampled_from(
    [
        "a.safetensors",
        "a.gguf",
        "a.pkl",
        "a.pt",
        "a.bin",
        "a.npy",
        "a.npz",
        "a.json",
        "a.txt",
        "a.py",
        "a",
        "a.h5",
    ]
)
HEADS = st.sampled_from(
    [
        b"",
        b"GGUF\3\0\0\0",
        b"PK\3\4",
        b"\x93NUMPY\1\0",
        b"\x80\4",
        b"\x80\2",
        b"{",
        b"c",
        b"(",
        b"\x10\0\0\0\0\0\0\0{",
    ]
)


def check(examined: Examined) -> None:
    assert examined.outcome in {Outcome.CLEAN, Outcome.FINDINGS, Outcome.UNDECIDED}
    assert len(examined.findings) <= MAX_FINDINGS
    assert examined.format
    for finding in examined.findings:
        assert shown(finding.message, limit=10_000) == finding.message
        assert shown(finding.location, limit=10_000) == finding.location


@given(NAMES, HEADS, st.binary(max_size=400))
@example("a.pkl", b"", b"\x80\x04r\xff\xff\xff\xff")
def test_any_bytes(name: str, head: bytes, tail: bytes) -> None:
    check(examine(name, head + tail))


@given(st.sampled_from(CASES), st.integers(0, 10_000), st.integers(0, 255))
def test_one_byte_changed(case: object, at: int, value: int) -> None:
    assert hasattr(case, "data")
    data = bytearray(case.data)
    if data:
        data[at % len(data)] = value
    check(examine(case.path.rsplit("/", 1)[-1], bytes(data)))  # type: ignore[attr-defined]  # a Case; see sampled_from


@given(st.sampled_from(CASES), st.integers(0, 10_000), st.binary(max_size=20))
def test_cut_and_extended(case: object, at: int, tail: bytes) -> None:
    assert hasattr(case, "data")
    data = case.data[: at % (len(case.data) + 1)] + tail
    check(examine(case.path.rsplit("/", 1)[-1], data))  # type: ignore[attr-defined]  # as above


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}\.txt", fullmatch=True), st.just(b"text\n"), min_size=1),
    st.data(),
)
def test_sound_archives_are_clean_and_changed_directories_are_not(
    members: dict[str, bytes], data: st.DataObject
) -> None:
    whole = zip_of(members)
    assert examine("a.zip", whole).outcome is Outcome.CLEAN
    directory = whole.index(b"PK\1\2")
    at = data.draw(st.integers(directory + 42, directory + 45))  # the place of the local header
    changed = whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]
    assert "zip-structure" in rules_of(examine("a.zip", changed))


@given(st.text(max_size=60), st.text(max_size=20))
def test_numpy_headers_are_never_evaluated(descr: str, shape: str) -> None:
    check(
        examine(
            "a.npy",
            npy(descr.encode("utf-8", "replace").decode(), shape.encode("utf-8", "replace").decode(), b""),
        )
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json(value: object) -> None:
    check(examine("a.json", json.dumps(value).encode()))
