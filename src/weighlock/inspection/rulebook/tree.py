"""Tree ensembles and other small formats: XGBoost, LightGBM, CatBoost, fastText, Flax."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    FETCH_AGAIN,
    HIGH,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final[tuple[Rule, ...]] = (
    Rule("flax-array", HIGH, SURE, "An array's bytes do not fit its shape and type, or its type holds Python objects.", FETCH_AGAIN, ("CWE-125",), "Flax makes an array from a shape, the name of a type and bytes. Readers that believe the shape read foreign memory. A type of objects would make addresses of the bytes.", TAMPERING),
    Rule("flax-extension", MEDIUM, SURE, "The checkpoint holds values of a kind that Flax does not write: a reader with extensions of its own runs them.", "find out which program wrote them, or save the parameters again with Flax", controls=TAMPERING),
    Rule("flax-structure", HIGH, SURE, "The MessagePack cannot be read to its end, or says something twice: readers disagree about it or crash.", FETCH_AGAIN, ("CWE-20",), controls=TAMPERING),
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
