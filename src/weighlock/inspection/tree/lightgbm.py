"""Read LightGBM's models, which are lines of text, and follow their trees.

Source: LightGBM 4, src/boosting/gbdt_model_text.cpp and src/io/tree.cpp: a head of ``key=value`` lines, trees whose
sizes in bytes the head tells, importances, settings, and a line of JSON that the Python package adds. The reader
follows children, features and categories without looking whether they are there.
"""

import re
from typing import Final

from weighlock.core.jsontext import json_depth
from weighlock.core.text import shown
from weighlock.inspection.config.examine import parse_json
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined, read
from weighlock.inspection.tree.shape import follow

RULE: Final = "tree-structure"
MAX_HEAD_BYTES: Final = (
    32 * 1024 * 1024
)  # a line for each feature name and range; models have up to some 10,000
MAX_TREE_BYTES: Final = 32 * 1024 * 1024  # a tree of 100,000 leaves has some 15 MB
MAX_TAIL_BYTES: Final = 32 * 1024 * 1024  # importances, settings and categories
MAX_LEAVES: Final = 1_000_000  # of one tree
MAX_TOLD: Final = 20  # trees with a wrong index that are reported
_PANDAS: Final = b"pandas_categorical:"
_END: Final = b"end of trees"
_WHOLE: Final = re.compile(r"-?\d{1,10}", re.ASCII)
_CATEGORICAL: Final = 1  # bit 0 of a decision type
# lists of a tree with one item for each split, of which the reader takes as many as there are leaves less one
_SPLITS: Final = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")


def examine_lightgbm(file: File) -> Reading[None]:
    """Account for every byte of a model. Raises FormatError ``tree-structure`` and Unexamined."""
    report = file.report
    head, at = yield from _read_head(file.size)
    features = _count(head, "max_feature_idx") + 1
    report.fact("features", features)
    report.fact("objective", head.get("objective", "none"))
    names = head.get("feature_names", "").split(" ")
    if len(names) != features:
        raise FormatError(RULE, f"the model has {features} features and {len(names)} names")
    sizes = _whole_numbers(head, "tree_sizes") if head.get("tree_sizes") else []
    report.fact("trees", len(sizes))
    told = 0
    for number, size in enumerate(sizes):
        if size <= 0 or size > file.size - at:
            raise FormatError(RULE, f"tree {number} of {size} bytes reaches beyond the file", at)
        if size > MAX_TREE_BYTES:
            raise Unexamined(f"a tree of {size} bytes is over the limit of {MAX_TREE_BYTES}")
        text = _decode((yield from read(at, size)), at)
        wrong = _check_tree(_fields(text, at), number, features, at)
        if wrong and told < MAX_TOLD:
            report.find("tree-index", f"tree {number}: {wrong}", offset=at)
            told += 1
        at += size
    yield from _examine_tail(file, at)


def _read_head(size: int) -> Reading[tuple[dict[str, str], int]]:
    """Return the lines before the first tree, and where it begins."""
    raw = yield from read(0, min(size, MAX_HEAD_BYTES))
    end = raw.find(b"\n\n")
    if end < 0:
        raise FormatError(RULE, "the head of the model does not end")
    fields = _fields(_decode(raw[:end], 0), 0)
    if "tree_sizes" not in fields:
        raise Unexamined("a model without the sizes of its trees, as LightGBM wrote them until 2017")
    return fields, end + 2


def _decode(raw: bytes, at: int) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(RULE, "the model is not UTF-8 text", at) from error


def _fields(text: str, at: int) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        key, _, value = line.partition("=")
        if key in fields and key:
            raise FormatError(RULE, f"{shown(key)} stands there twice", at)
        fields[key] = value.rstrip("\r")
    return fields


def _count(fields: dict[str, str], name: str, at: int = 0) -> int:
    value = fields.get(name, "")
    if not _WHOLE.fullmatch(value):
        raise FormatError(RULE, f"{name} is no number: {shown(value)}", at)
    return int(value)


def _whole_numbers(fields: dict[str, str], name: str, at: int = 0) -> list[int]:
    try:
        return [int(each) for each in fields.get(name, "").split()]
    except ValueError as error:
        raise FormatError(RULE, f"{name} holds something else than whole numbers", at) from error


def _check_tree(fields: dict[str, str], number: int, features: int, at: int) -> str | None:
    """Return what is wrong with the numbers of one tree; raises FormatError for one that contradicts its counts."""
    if fields.get("Tree") != str(number):
        raise FormatError(RULE, f"tree {number} does not begin where the sizes say", at)
    leaves = _count(fields, "num_leaves", at)
    if not 1 <= leaves <= MAX_LEAVES:
        raise FormatError(RULE, f"tree {number} has {leaves} leaves", at)
    _check_length(fields, "leaf_value", leaves, number, at)
    for name in ("leaf_weight", "leaf_count", "leaf_const", "num_features"):
        if fields.get(name, "").strip() and leaves > 1:
            _check_length(fields, name, leaves, number, at)
    wrong = _linear(fields, leaves, features, at)
    if leaves == 1 or wrong:
        return wrong
    for name in _SPLITS:
        if name in fields or name != "split_gain":
            _check_length(fields, name, leaves - 1, number, at)
    left, right = _whole_numbers(fields, "left_child", at), _whole_numbers(fields, "right_child", at)
    split = _whole_numbers(fields, "split_feature", at)
    if not 0 <= min(split) <= max(split) < features:
        return f"it asks for feature {max(split) if min(split) >= 0 else min(split)} of {features}"
    return follow(left, right, leaves_below=leaves) or _categories(fields, at)


def _check_length(fields: dict[str, str], name: str, wanted: int, number: int, at: int) -> None:
    found = len(fields.get(name, "").split())
    if found != wanted:
        raise FormatError(RULE, f"tree {number} has {found} of {name}, and {wanted} are needed", at)


def _categories(fields: dict[str, str], at: int) -> str | None:
    """A split by category has the number of a range of bits for its threshold."""
    count = _count(fields, "num_cat", at)
    kinds = _whole_numbers(fields, "decision_type", at)
    chosen = [
        threshold
        for threshold, kind in zip(fields["threshold"].split(), kinds, strict=True)
        if kind & _CATEGORICAL
    ]
    if any(not _WHOLE.fullmatch(each) or not 0 <= int(each) < count for each in chosen):
        return f"a split takes its categories from a range that is not there; there are {count}"
    if not count:
        return None
    borders, bits = _whole_numbers(fields, "cat_boundaries", at), _whole_numbers(fields, "cat_threshold", at)
    if len(borders) != count + 1 or borders[0] != 0 or borders != sorted(borders) or borders[-1] != len(bits):
        return f"the ranges of its categories do not fit the {len(bits)} numbers that they divide"
    return None


def _linear(fields: dict[str, str], leaves: int, features: int, at: int) -> str | None:
    """Leaves of linear trees name features of their own."""
    if fields.get("is_linear", "0") != "1":
        return None
    counts = _whole_numbers(fields, "num_features", at)
    named = _whole_numbers(fields, "leaf_features", at)
    factors = len(fields.get("leaf_coeff", "").split())
    if leaves > 1 and (min(counts, default=0) < 0 or sum(counts) != len(named) or factors != len(named)):
        return "its leaves have other numbers of features and factors than they say"
    if named and not 0 <= min(named) <= max(named) < features:
        return f"a leaf asks for a feature that is not among the {features}"
    return None


def _examine_tail(file: File, at: int) -> Reading[None]:
    if file.size - at > MAX_TAIL_BYTES:
        raise Unexamined(f"{file.size - at} bytes follow the trees; the limit is {MAX_TAIL_BYTES}")
    raw = yield from read(at, file.size - at)
    if not raw.startswith(_END):
        raise FormatError(RULE, "the trees do not end where their sizes say", at)
    if b"\nTree=" in raw:
        raise FormatError(RULE, "more trees follow the end of the trees", at + raw.find(b"\nTree="))
    if b"\nparameters:" in raw and b"\nend of parameters" not in raw:
        raise FormatError(RULE, "the settings of the model do not end", at)
    text, mark, categories = raw.rpartition(_PANDAS)
    _decode(raw, at)
    if mark:
        _examine_categories(file.report, categories, at + len(text))
    elif b"\x00" in raw:
        raise FormatError(RULE, "the settings of the model hold a zero byte", at)


def _examine_categories(report: Report, raw: bytes, at: int) -> None:
    """The Python package reads the last line as JSON."""
    try:
        document = parse_json(raw.strip())
    except FormatError as error:
        raise FormatError(RULE, f"its line of categories cannot be read: {error.message}", at) from error
    if document is not None and not (isinstance(document, list) and json_depth(raw) <= 3):
        report.find(RULE, "its line of categories is no list of lists", offset=at)
