"""Sound safetensors files are clean, changed ones are not, and the header is read as a JSON parser reads it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from model_file import examine, safetensors
from weighlock.core.outcome import Outcome
from weighlock.inspection.safetensors.scan import HeaderScan
from weighlock.inspection.span import FormatError, Unexamined

DTYPES = {"U8": 1, "F16": 2, "F32": 4, "I64": 8}


@st.composite
def layouts(draw: st.DrawFn) -> tuple[dict[str, object], bytes]:
    header: dict[str, object] = {}
    at = 0
    for index, dtype in enumerate(draw(st.lists(st.sampled_from(sorted(DTYPES)), min_size=1, max_size=5))):
        shape = draw(st.lists(st.integers(1, 3), max_size=3))
        size = DTYPES[dtype]
        for extent in shape:
            size *= extent
        header[f"t{index}"] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return header, bytes(at)


@given(layouts(), st.data())
def test_sound_safetensors_are_clean_and_shifted_ones_are_not(
    made: tuple[dict[str, object], bytes], data: st.DataObject
) -> None:
    header, body = made
    assert examine("a.safetensors", safetensors(header, body)).outcome is Outcome.CLEAN
    name = data.draw(st.sampled_from(sorted(header)))
    side = data.draw(st.integers(0, 1))
    changed = json.loads(json.dumps(header))
    changed[name]["data_offsets"][side] += data.draw(st.sampled_from([-1, 1, 2**63, -(2**63)]))
    assert examine("a.safetensors", safetensors(changed, body)).outcome is not Outcome.CLEAN
    assert examine("a.safetensors", safetensors(header, body + b"x")).outcome is not Outcome.CLEAN


def by_json(raw: bytes) -> object:
    """Return the header as Python's own parser reads it; None if a name occurs twice or it is none."""

    def distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=distinct)
    except (ValueError, AssertionError):
        return None


FIELDS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["U8", "F32", "f\u00fcr", "\U0001f600"]),
        "shape": st.lists(st.integers(0, 2**63), max_size=3),
        "data_offsets": st.lists(st.integers(0, 2**63), min_size=2, max_size=2),
    }
)
HEADERS = st.dictionaries(st.text(max_size=8), FIELDS, max_size=4)


@given(HEADERS, st.booleans(), st.sampled_from([None, 1]), st.dictionaries(st.text(), st.text(), max_size=3))
def test_what_a_json_writer_writes_is_read_alike(
    header: dict[str, dict[str, object]], ascii_only: bool, indent: int | None, metadata: dict[str, str]
) -> None:
    header.pop("__metadata__", None)
    raw = json.dumps({"__metadata__": metadata, **header}, ensure_ascii=ascii_only, indent=indent)
    scan = HeaderScan(raw.encode("utf-8", "replace"), 8)
    found = {
        entry.name: {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": list(entry.offsets),
        }
        for entry in scan.entries()
    }
    assert found == header
    assert scan.metadata == metadata


@given(HEADERS, st.data())
def test_what_is_read_of_a_changed_header_is_what_json_reads(
    header: dict[str, dict[str, object]], data: st.DataObject
) -> None:
    raw = bytearray(json.dumps(header).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(
            st.sampled_from(list(b'{}[]":,0129e.-\\u \n\0\xff'))
        )
    scan = HeaderScan(bytes(raw), 8)
    try:
        entries = list(scan.entries())
    except (FormatError, Unexamined):
        return
    document = by_json(bytes(raw[: scan.end]))
    assert isinstance(document, dict)
    document.pop("__metadata__", None)
    assert {entry.name for entry in entries} == document.keys()
    for entry in entries:
        assert [entry.dtype, [*entry.shape], [*entry.offsets]] == [
            document[entry.name][field] for field in ("dtype", "shape", "data_offsets")
        ]
