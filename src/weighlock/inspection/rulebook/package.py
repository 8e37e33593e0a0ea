"""Packages and containers of models: wheels, MAR, NeMo, MLflow, llamafile."""

from typing import Final

from weighlock.inspection.rulebook.rule import Rule

RULES: Final[tuple[Rule, ...]] = ()
