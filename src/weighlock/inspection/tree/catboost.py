"""Read models of CatBoost: a FlatBuffer of trees, and the parts behind it.

Source: CatBoost 1.2, catboost/libs/model: model.cpp, flatbuffers/*.fbs, static_ctr_provider.h and evaluation_interface.
The reader verifies the FlatBuffer; it does not look whether the numbers in it fit each other.
"""

import struct
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.flatbuffer.read import FlatBuffer, Table, Vector
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined, read, shifted
from weighlock.inspection.tree.catboost_table import check_holes, examine_tables, pass_combination

RULE: Final = "tree-structure"
INDEX: Final = "tree-index"
VERSION: Final = "FlabuffersModel_v1"
HEAD_BYTES: Final = 8  # the mark, and the size of the FlatBuffer
MAX_NODES: Final = 4_000_000  # splits of all trees; large models have some 100,000
MAX_DEPTH: Final = 16  # of a symmetric tree: CatBoost's own limit
_BIN: Final = 254  # borders of one feature that share a byte of the binarised data
NUL: Final = "\0"  # which ends the names of some parts
_TABLES_PART: Final = "static_provider_v1"
# slots of TModelCore and of TModelTrees
_FORMAT, _TREES, _INFO, _PARTS = 0, 1, 2, 3
(
    _DIMENSION,
    _SPLITS,
    _SIZES,
    _STARTS,
    _CATEGORIES,
    _FLOATS,
    _ONE_HOT,
    _CTRS,
    _LEAVES,
    _WEIGHTS,
    _STEPS,
    _LEAF_IDS,
) = range(12)
_TEXTS, _ESTIMATED, _BIAS, _REPACKED, _EMBEDDINGS = 12, 13, 16, 17, 18
# list of features → slots of its texts, lists of numbers and tables, with the width of the numbers
_BORDERS: Final = {_FLOATS: (3, 4), _ONE_HOT: (1, 4), _CTRS: (1, 4), _ESTIMATED: (3, 4)}
_NAMES: Final = {_CATEGORIES: 2, _FLOATS: 4, _TEXTS: 2, _EMBEDDINGS: 2}


def examine_catboost(file: File) -> Reading[None]:
    """Account for every byte of a model. Raises FormatError ``tree-structure`` and Unexamined."""
    if file.size < HEAD_BYTES:
        raise FormatError(RULE, "the model ends in its head")
    size = int.from_bytes((yield from read(4, 4)), "little")
    if size > file.size - HEAD_BYTES:
        raise FormatError(RULE, f"a core of {size} bytes reaches beyond the file", 4)
    core = FlatBuffer(size, RULE)
    parts = yield from shifted(HEAD_BYTES, _examine_core(file.report, core))
    at = HEAD_BYTES + size
    for part in parts:
        if part != _TABLES_PART:
            raise Unexamined(f"the part {shown(part.rstrip(NUL))} of the model has no parser")
        at += yield from shifted(at, examine_tables(file.report, file.size - at))
    if at < file.size:
        file.report.find(RULE, f"{file.size - at} bytes follow the model", offset=at)
        yield from file.part("what follows the model", at, file.size - at)


def _examine_core(report: Report, core: FlatBuffer) -> Reading[list[str]]:
    """Check the trees, and return the names of the parts that follow."""
    root = yield from core.root()
    version = yield from core.text(root, _FORMAT)
    if version != VERSION:
        raise Unexamined(f"the version {shown(str(version))} of CatBoost's format is not known")
    yield from _pass_information(core, root)
    parts = yield from core.texts(root, _PARTS)
    trees = yield from core.table(root, _TREES)
    if trees is None:
        raise FormatError(RULE, "the model has no trees")
    bins, groups = yield from _features(core, trees)
    yield from _examine_trees(report, core, trees, bins, groups)
    yield from check_holes(core)
    return parts


def _pass_information(core: FlatBuffer, root: Table) -> Reading[None]:
    for pair in (yield from core.tables(root, _INFO)):
        yield from core.text(pair, 0)
        value = yield from core.vector(pair, 1, 1)  # settings and metrics may be long; nothing loads them
        if value is not None:
            core.touch(value.at, value.length + 1)


def _features(core: FlatBuffer, trees: Table) -> Reading[tuple[int, int]]:
    """Return how many binary features there are, and in how many bytes of the binarised data they lie."""
    bins = groups = 0
    for slot in (_CATEGORIES, _FLOATS, _ONE_HOT, _CTRS, _TEXTS, _ESTIMATED, _EMBEDDINGS):
        for feature in (yield from core.tables(trees, slot)):
            if slot in _NAMES:
                yield from core.text(feature, _NAMES[slot])
            if slot in _BORDERS:
                borders = yield from core.vector(feature, *_BORDERS[slot])
                count = borders.length if borders else 0
                bins += count
                groups += -(-count // _BIN)
            if slot == _ONE_HOT:
                yield from core.texts(feature, 2)
            if slot == _CTRS:
                yield from _pass_ctr(core, feature)
    return bins, groups


def _pass_ctr(core: FlatBuffer, feature: Table) -> Reading[None]:
    ctr = yield from core.table(feature, 0)
    base = (yield from core.table(ctr, 0)) if ctr else None
    if base is not None:
        yield from pass_combination(core, base)


def _examine_trees(report: Report, core: FlatBuffer, trees: Table, bins: int, groups: int) -> Reading[None]:
    dimension = yield from core.scalar(trees, _DIMENSION, "i")
    splits = yield from core.numbers(trees, _SPLITS, "i", MAX_NODES)
    sizes = yield from core.numbers(trees, _SIZES, "i", MAX_NODES)
    starts = yield from core.numbers(trees, _STARTS, "i", MAX_NODES)
    leaves = yield from core.vector(trees, _LEAVES, 8)
    for slot in (_WEIGHTS, _BIAS):
        yield from core.vector(trees, slot, 8)
    report.fact("trees", len(sizes))
    report.fact("features", groups)
    values = leaves.length if leaves else 0
    if dimension <= 0 or min(sizes, default=0) < 0 or sum(sizes) != len(splits) or len(starts) != len(sizes):
        raise FormatError(RULE, "the sizes of the trees do not fit their splits")
    wrong = _misplaced(sizes, starts)
    if wrong:
        report.find(INDEX, wrong)
    steps = yield from core.vector(trees, _STEPS, 4)
    yield from _check_repacked(report, core, trees, groups, len(splits))
    if steps is not None and steps.length:
        yield from _check_steps(report, core, trees, steps, sizes, values)
    else:
        yield from core.vector(trees, _LEAF_IDS, 4)
        _check_symmetric(report, sizes, values, dimension)
    used = set(splits)
    if used and not 0 <= min(used) <= max(used) < max(bins, 1):
        report.find(
            INDEX, f"a split asks for binary feature {max(used) if min(used) >= 0 else min(used)} of {bins}"
        )


def _misplaced(sizes: tuple[int, ...], starts: tuple[int, ...]) -> str | None:
    at = 0
    for size, start in zip(sizes, starts, strict=True):
        if start != at:
            return f"a tree begins at split {start}, and the one before it ends at {at}"
        at += size
    return None


def _check_symmetric(report: Report, sizes: tuple[int, ...], values: int, dimension: int) -> None:
    if max(sizes, default=0) > MAX_DEPTH:
        report.find(INDEX, f"a symmetric tree is {max(sizes)} deep")
    elif sum(1 << size for size in sizes) * dimension != values:
        wanted = sum(1 << size for size in sizes) * dimension
        report.find(INDEX, f"the trees have {wanted} leaf values, and the model {values}")


def _check_repacked(
    report: Report, core: FlatBuffer, trees: Table, groups: int, splits: int
) -> Reading[None]:
    """Each split again as the evaluator takes it: byte of the binarised data (16 bits), mask, border."""
    bins = yield from core.vector(trees, _REPACKED, 4)
    if bins is None:
        return
    if bins.length != splits:
        report.find(INDEX, f"{bins.length} repacked splits stand for {splits}")
        return
    raw = yield from core.data(bins.at, 4 * bins.length) if bins.length else _nothing()
    highest = max((feature for feature, _ in struct.iter_unpack("<HH", raw)), default=-1)
    if highest >= max(groups, 1):
        report.find(INDEX, f"a repacked split reads byte {highest} of {groups}")


def _nothing() -> Reading[bytes]:
    yield from ()
    return b""


def _check_steps(
    report: Report, core: FlatBuffer, trees: Table, steps: Vector, sizes: tuple[int, ...], values: int
) -> Reading[None]:
    """A node of another tree says how far on its children are; one without has the number of a leaf."""
    nodes = sum(sizes)
    leaf_ids = yield from core.numbers(trees, _LEAF_IDS, "I", MAX_NODES)
    if steps.length != nodes or len(leaf_ids) != nodes:
        report.find(INDEX, f"{nodes} nodes have {steps.length} steps and {len(leaf_ids)} leaves")
        return
    pairs = list(struct.iter_unpack("<HH", (yield from core.data(steps.at, 4 * nodes))))
    at = 0
    for number, size in enumerate(sizes):
        end = at + size
        for node in range(at, end):
            left, right = pairs[node]
            if node + max(left, right) >= end:
                report.find(INDEX, f"tree {number}: node {node - at} leads beyond its {size} nodes")
                return
            if not (left and right) and not leaf_ids[node] < values:
                report.find(
                    INDEX, f"tree {number}: node {node - at} leads to leaf value {leaf_ids[node]} of {values}"
                )
                return
        at = end
