import json
from pathlib import Path

import pytest

from weights import MAX_HEADER_BYTES, Tensor, WeightsError, read_index

GOOD: dict[str, dict[str, object]] = {
    "b": {"dtype": "F32", "shape": [2, 1], "data_offsets": [8, 16]},
    "a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
    "__metadata__": {"format": "pt"},
}


def write(path: Path, header: object, data: bytes = bytes(16)) -> Path:
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)
    return path


def test_index_tells_type_shape_and_place_in_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "m", GOOD)
    start = path.stat().st_size - 16
    assert read_index(path) == {"a": Tensor("I64", (1,), start, 8), "b": Tensor("F32", (2, 1), start + 8, 8)}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"data_offsets": [4, 12]}, "should start at byte"),
        ({"data_offsets": [12, 20]}, "should start at byte"),
        ({"data_offsets": [8, 20]}, "disagrees with its shape"),
        ({"data_offsets": [16, 8]}, "disagrees with its shape"),
        ({"data_offsets": [8.0, 16]}, "no natural number"),
        ({"data_offsets": [True, 16]}, "no natural number"),
        ({"data_offsets": [-8, 0]}, "no natural number"),
        ({"data_offsets": [8, 16, 24]}, "malformed"),
        ({"data_offsets": "8,16"}, "malformed"),
        ({"shape": [2, True]}, "no natural number"),
        ({"shape": [2, -1]}, "no natural number"),
        ({"shape": [2**62, 4]}, "disagrees with its shape"),
        ({"shape": 2}, "malformed"),
        ({"dtype": "F64", "shape": [1]}, "does not use"),
        ({"dtype": None}, "malformed"),
    ],
)
def test_a_bad_entry_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    path = write(tmp_path / "m", GOOD | {"b": GOOD["b"] | change})
    with pytest.raises(WeightsError, match=problem):
        read_index(path)


@pytest.mark.parametrize("data", [bytes(15), bytes(17), b""])
def test_data_that_no_tensor_covers_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(WeightsError, match="the tensors end at byte"):
        read_index(write(tmp_path / "m", GOOD, data))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "truncated"),
        (b"\x02\0\0\0", "truncated"),
        ((3).to_bytes(8, "little") + b"{}", "truncated"),
        ((2**64 - 1).to_bytes(8, "little") + b"{}", "truncated"),
        ((2).to_bytes(8, "little") + b"{]", "not JSON"),
        ((2).to_bytes(8, "little") + b"[]", "not a JSON object"),
        ((2).to_bytes(8, "little") + b"\xff\xfe", "not JSON"),
        ((200_000).to_bytes(8, "little") + b"[" * 200_000, "not JSON"),
        ((15).to_bytes(8, "little") + b'{"a":{},"a":{}}', "occurs twice"),
    ],
)
def test_a_bad_header_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "m"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=problem):
        read_index(path)


def test_a_header_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with path.open("wb") as file:
        file.write((MAX_HEADER_BYTES + 1).to_bytes(8, "little"))
        file.truncate(MAX_HEADER_BYTES + 9)  # a hole: takes no space
    with pytest.raises(WeightsError, match="too large"):
        read_index(path)
