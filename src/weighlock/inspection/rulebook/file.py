"""What a file is, whatever it holds."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    HIGH,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("name-mismatch", HIGH, SURE, "The file name promises another format than the bytes have: a loader chosen by name is not the one that reads it.", "rename the file at its source, or do not use it", controls=TAMPERING),
    Rule("native-code", HIGH, SURE, "An executable or a library in machine code has no place among weights.", "remove it from the model", controls=TAMPERING),
    Rule("script", MEDIUM, SURE, "A script for an interpreter has no place among weights.", "remove it from the model", controls=TAMPERING),
)  # fmt: skip
