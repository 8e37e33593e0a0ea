"""What a model of XGBoost says of its trees, held against what its reader believes.

Source: XGBoost 3, src/tree/tree_model.cc, src/gbm/gbtree_model.cc, src/learner.cc. The reader compares the lengths of
the arrays; it follows children, features, parents, groups and categories without looking whether they are there.
"""

from collections.abc import Sequence
from typing import Any, Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined
from weighlock.inspection.tree.arrays import length_of, whole_numbers
from weighlock.inspection.tree.shape import follow
from weighlock.inspection.tree.ubjson import RULE, Ubjson

MAX_CATEGORY: Final = 1 << 24  # XGBoost's own: a category is kept as a float
MAX_TOLD: Final = 20  # trees with a wrong index that are reported
MAX_COUNT: Final = 2**31 - 1  # what a count of XGBoost holds
_NODE_ARRAYS: Final = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_conditions",
    "default_left",
)
_STATISTICS: Final = ("loss_changes", "sum_hessian", "base_weights", "split_type")
_ROOTS: Final = frozenset({MAX_COUNT, -1})  # what the root has for a parent


class Checked:
    """A tree that was checked: its number, what is wrong, and the highest feature that it asks for."""

    __slots__ = ("feature", "number", "wrong")

    def __init__(self, number: object, wrong: str | None, feature: int) -> None:
        self.number = number
        self.wrong = wrong
        self.feature = feature


def examine_xgboost(file: File, document: dict[str, Any]) -> None:
    """Add what a model in JSON means; raises FormatError ``tree-structure``."""
    _examine_model(file.report, document)


def examine_ubjson(file: File) -> Reading[None]:
    """Account for every byte of a model in UBJSON. Raises FormatError ``tree-structure`` and Unexamined."""
    reader = Ubjson(file.size, lambda made: check_tree(made) if "left_children" in made else made)
    document = yield from reader.read()
    if not isinstance(document, dict):
        raise FormatError(RULE, "the UBJSON is no object")
    inner = document.get("Model", document)  # a booster that was pickled has its settings beside the model
    if not isinstance(inner, dict) or not isinstance(inner.get("learner"), dict):
        raise Unexamined("the UBJSON is no model of XGBoost")
    _examine_model(file.report, inner)
    rest = file.size - reader.window.at
    if rest:
        file.report.find(RULE, f"{rest} bytes follow the model", offset=reader.window.at)
        yield from file.part("what follows the model", reader.window.at, rest)


def _examine_model(report: Report, document: dict[str, Any]) -> None:
    learner = document["learner"]
    parameters = _object(learner, "learner_model_param")
    features = _count(parameters, "num_feature")
    groups = max(1, _count(parameters, "num_class", 0), _count(parameters, "num_target", 1))
    objective = learner.get("objective")
    report.fact("objective", shown(str(objective.get("name"))) if isinstance(objective, dict) else "none")
    booster = _object(learner, "gradient_booster")
    report.fact("booster", shown(str(booster.get("name"))))
    if isinstance(booster.get("gbtree"), dict):  # dart keeps the trees one level deeper
        booster = booster["gbtree"]
    model = _object(booster, "model")
    if "trees" in model:
        _examine_trees(report, model, features, groups)
    elif "weights" in model:
        _examine_weights(report, model, features, groups)
    else:
        raise FormatError(RULE, "the model has neither trees nor weights")


def _examine_weights(report: Report, model: dict[str, Any], features: int, groups: int) -> None:
    weights = length_of(model["weights"])
    report.fact("weights", weights)
    if weights != (features + 1) * groups:
        told = f"{weights} weights do not fit {features} features and {groups} groups"
        report.find("tree-index", told)


def _examine_trees(report: Report, model: dict[str, Any], features: int, groups: int) -> None:
    trees = model["trees"]
    count = _count(_object(model, "gbtree_model_param"), "num_trees")
    info = whole_numbers(model.get("tree_info"))
    if not isinstance(trees, list) or len(trees) != count or info is None or len(info) != count:
        raise FormatError(RULE, f"the model says that it has {count} trees, and lists another number")
    report.fact("trees", count)
    report.fact("features", features)
    for at, group in enumerate(info):
        if not 0 <= group < groups:
            report.find("tree-index", f"tree {at} adds to output {group} of {groups}")
            break
    _check_rounds(report, model, count)
    told = 0
    for at, tree in enumerate(trees):
        wrong = _wrong(tree, at, features)
        if wrong:
            report.find("tree-index", f"tree {at}: {wrong}")
            told += 1
            if told == MAX_TOLD:
                break


def _wrong(tree: object, at: int, features: int) -> str | None:
    checked = check_tree(tree) if isinstance(tree, dict) else tree
    if not isinstance(checked, Checked):
        raise FormatError(RULE, f"tree {at} is no tree")
    if checked.wrong:
        return checked.wrong
    if checked.number not in {None, at}:
        return f"it says that it is tree {shown(str(checked.number))}"
    return f"it asks for feature {checked.feature} of {features}" if checked.feature >= features else None


def _check_rounds(report: Report, model: dict[str, Any], count: int) -> None:
    """The reader takes the trees of a round from one number of this list to the next."""
    if "iteration_indptr" not in model:
        return
    rounds = whole_numbers(model["iteration_indptr"])
    if (
        rounds is None
        or (list(rounds) != sorted(rounds))
        or (rounds and (rounds[0] != 0 or rounds[-1] != count))
    ):
        report.find("tree-index", "the rounds of training name trees that are not there")


def check_tree(tree: dict[str, Any]) -> Checked:
    """Return what is wrong with one tree; raises FormatError ``tree-structure``."""
    number = tree.get("id")
    parameters = _object(tree, "tree_param")
    nodes = _count(parameters, "num_nodes")
    several = _count(parameters, "size_leaf_vector", 1) > 1
    if not nodes:
        raise FormatError(RULE, "a tree has no nodes")
    for name in _NODE_ARRAYS + (() if several else _STATISTICS):
        if length_of(tree.get(name)) != nodes and (name in tree or name in _NODE_ARRAYS):
            raise FormatError(RULE, f"a tree of {nodes} nodes has {length_of(tree.get(name))} of {name}")
    left, right, parents, split = (
        _numbers(tree, name) for name in ("left_children", "right_children", "parents", "split_indices")
    )
    if several:
        right = [-1 if each == -1 else other for each, other in zip(left, right, strict=True)]
    wrong = follow(left, right) or _parents(parents) or _categories(tree, nodes)
    used = (index for index, child in zip(split, left, strict=True) if child != -1)
    lowest = min(split, default=0)
    if (
        wrong is None
        and lowest < 0
        and any(index < 0 for index, child in zip(split, left, strict=True) if child != -1)
    ):
        wrong = f"it asks for feature {lowest}"
    return Checked(number, wrong, max(used, default=-1))


def _parents(parents: Sequence[int]) -> str | None:
    nodes = len(parents)
    if parents[0] not in _ROOTS and not 0 <= parents[0] < nodes:
        return f"the root has the parent {parents[0]}"
    for node in range(1, nodes):
        parent = parents[node]
        if not 0 <= parent < nodes:
            return f"node {node} has the parent {parent} of {nodes} nodes"
    return None


def _categories(tree: dict[str, Any], nodes: int) -> str | None:
    if "categories_nodes" not in tree:
        return None
    holders, starts, sizes, values = (
        _numbers(tree, name)
        for name in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    if not len(holders) == len(starts) == len(sizes):
        return "the lists of its categories have different lengths"
    for holder, start, size in zip(holders, starts, sizes, strict=True):
        if not 0 <= holder < nodes or start < 0 or size <= 0 or start + size > len(values):
            return f"node {holder} takes its categories from {start} on, and there are {len(values)}"
    if len(values) and not 0 <= min(values) <= max(values) < MAX_CATEGORY:
        return "a category is negative or too large"
    return None


def _numbers(tree: dict[str, Any], name: str) -> Sequence[int]:
    found = whole_numbers(tree.get(name))
    if found is None:
        raise FormatError(RULE, f"a tree has something else than whole numbers as {name}")
    return found


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    found = holder.get(name)
    if not isinstance(found, dict):
        raise FormatError(RULE, f"the model has no {name}")
    return found


def _count(holder: dict[str, Any], name: str, default: int | None = None) -> int:
    """Return a count, which XGBoost writes as text."""
    value = holder.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
        raise FormatError(RULE, f"the model has no count {name}")
    return value
