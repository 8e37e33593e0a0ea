"""Archives, compressed files and NumPy arrays."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    FETCH_AGAIN,
    HIGH,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("npy-header", HIGH, SURE, "A NumPy header breaks its format, or the data is not as long as it says.", FETCH_AGAIN, controls=TAMPERING),
    Rule("npy-object-array", HIGH, SURE, "An array of Python objects is a pickle behind a NumPy header.", "store the array with a numeric type", controls=TAMPERING),
    Rule("zip-structure", HIGH, SURE, "The archive's two directories disagree, or members overlap or leave its folder: readers see different files.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
