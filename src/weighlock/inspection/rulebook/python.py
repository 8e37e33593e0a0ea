"""Python source and compiled Python."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    HIGH,
    MEDIUM,
    REVIEW,
    SURE,
    Rule,
)

RULES: Final = (
    Rule("python-bytecode", HIGH, SURE, "Compiled Python cannot be reviewed and may differ from the source beside it.", "remove it from the model", controls=CODE_EXECUTION),
    Rule("python-source", MEDIUM, SURE, "Python code travels with the model; a loader that trusts remote code runs it.", REVIEW, controls=CODE_EXECUTION),
)  # fmt: skip
