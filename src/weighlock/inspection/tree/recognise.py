"""Tell formats that have no magic number, or no parser here, by their first bytes; some only by their name.

Light: detection asks this for every file that nothing else claimed.
"""

import re
from pathlib import PurePosixPath
from typing import Final

_SHAPES: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("fasttext", re.compile(rb"\xba\x16\x4f\x2f[\x0b\x0c]\0\0\0")),  # 793712314, and the version
    ("mxnet-params", re.compile(rb"\x12\x01\0{6}\0{8}")),  # 0x112 and what is reserved
    ("ctranslate2", re.compile(rb"[\x01-\x10]\0\0\0.\0\w{3,60}Spec\0", re.DOTALL)),
    ("torch7", re.compile(rb"\x04\0\0\0.{4}(?:.{4})?\x03\0\0\0V 1|[34]\n\d+\n\d+\n|\x03\0\0\0\x01\0\0\0.{4}[\x01\x02]\0\0\0", re.DOTALL)),
    ("r-data", re.compile(rb"RD[ABX][23]\n|[XB]\n\0\0\0[\x01-\x03]|A\n[23]\n\d{4,6}\n")),
    ("rknn", re.compile(rb"RKNN|VPMN")),
    ("tensorrt", re.compile(rb"[fp]trt")),
    ("paddle-params", re.compile(rb"\0{4}[\x00-\x04]\0{11}.[\x00-\x01]\0\0\x08", re.DOTALL)),
    ("ggml", re.compile(rb"fmgg|algg|ggml|ggmf|ggla")),
)  # fmt: skip
# names of files whose bytes look like nothing, or like any protobuf
_SUFFIXES: Final = {
    ".engine": "tensorrt",
    ".plan": "tensorrt",
    ".trt": "tensorrt",
    ".pdmodel": "paddle",
    ".pdiparams": "paddle-params",
    ".msgpack": "msgpack",
}
_NAMES: Final = {"__model__": "paddle", "__params__": "paddle-params"}
_TEXTS: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("lightgbm", re.compile(rb"(?:\xef\xbb\xbf)?tree[ \t\r]*\n[^\0]{0,4000}?^(?:tree_sizes|max_feature_idx|num_class)=", re.MULTILINE)),
    ("pmml", re.compile(rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,2000}-->\s*)*<(?:\w+:)?PMML[\s>]")),
    ("torch7", re.compile(rb"4\n\d{1,9}\n3\nV 1\n")),
    ("r-data", re.compile(rb"RDA[23]\nA\n|A\n[23]\n\d{4,6}\n")),
)  # fmt: skip
_CONSTANTS: Final = frozenset({b"\xc0", b"\xc2", b"\xc3"})
_KEY_BYTES: Final = 200  # of the first key of a checkpoint


def binary_format(head: bytes) -> str | None:
    """Return the format that bytes begin as; None if it is none of these."""
    for name, shape in _SHAPES:
        if shape.match(head):
            return name
    return "msgpack" if _is_map(head) else None


def text_model(head: bytes) -> str | None:
    """Return the format of a model that is text; None if it is none of these."""
    return next((name for name, shape in _TEXTS if shape.match(head)), None)


def named_format(path: str) -> str | None:
    """Return the format that a name stands for, for bytes that nothing else claims."""
    name = PurePosixPath(path)
    return _NAMES.get(name.name) or _SUFFIXES.get(name.suffix.lower())


def _is_map(head: bytes) -> bool:
    """Return whether bytes begin as a map of MessagePack whose first key is a word, before another map or an array."""
    first = head[:1]
    if b"\x81" <= first <= b"\x8f":
        at = 1
    elif first in {b"\xde", b"\xdf"}:
        at = 3 if first == b"\xde" else 5
    else:
        return False
    mark = head[at : at + 1]
    if b"\xa1" <= mark <= b"\xbf":
        length, start = mark[0] & 31, at + 1
    elif mark == b"\xd9":
        length, start = int.from_bytes(head[at + 1 : at + 2], "big"), at + 2
    else:
        return False
    key = head[start : start + length]
    after = head[start + length : start + length + 1]
    # a number, map, list, extension, nothing or truth: parameters have no texts at their root
    is_value = after < b"\xa0" or b"\xc7" <= after <= b"\xd8" or after >= b"\xdc" or after in _CONSTANTS
    return (
        0 < len(key) == length <= _KEY_BYTES
        and key.isascii()
        and key.decode().isprintable()
        and bool(after)
        and is_value
    )
