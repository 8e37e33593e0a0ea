"""Tree ensembles and other small formats: XGBoost, LightGBM, CatBoost, fastText, Flax."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    FETCH_AGAIN,
    HIGH,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "tree-index", HIGH, SURE,
        "A tree leads to a node, feature, output or category that is not there, or back to itself.",
        FETCH_AGAIN, ("CWE-125", "CWE-787", "CWE-835"),
        "Libraries of trees compare the lengths of lists and then follow what the lists say while they predict. A child, "
        "feature or output beyond the end makes the serving process read or write foreign memory; a child that is its own "
        "ancestor makes it run forever. The rule follows every tree from its root.",
        TAMPERING,
    ),
    Rule("tree-structure", HIGH, SURE, "The model contradicts its own counts, or cannot be read to its end: readers disagree about it or crash.", FETCH_AGAIN, ("CWE-20",), controls=TAMPERING),
)  # fmt: skip
