"""Tree ensembles and other small formats: XGBoost, LightGBM, CatBoost, Flax."""

from typing import Final

from weighlock.inspection.rulebook.rule import Rule

RULES: Final[tuple[Rule, ...]] = ()
