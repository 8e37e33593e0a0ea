"""ONNX models."""

from typing import Final

from weighlock.inspection.rulebook.rule import Rule

RULES: Final[tuple[Rule, ...]] = ()
