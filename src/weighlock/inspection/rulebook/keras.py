"""Keras models."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    HIGH,
    SURE,
    Rule,
)

RULES: Final = (
    Rule("keras-lambda", HIGH, SURE, "A Keras Lambda layer carries Python code that runs when the model is loaded or called.", "rebuild the model without Lambda layers", controls=CODE_EXECUTION),
)  # fmt: skip
