"""Configuration: JSON, YAML and other texts that make a reader do something."""

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
    Rule("config-module-type", HIGH, SURE, "A configuration names a Python class outside the library that reads it; that library imports and calls it.", REVIEW, controls=CODE_EXECUTION),
    Rule("config-remote-code", HIGH, SURE, "`auto_map` makes the loading library import Python code from this or another repository.", REVIEW, ("CVE-2026-22807",), controls=CODE_EXECUTION),
    Rule("config-target", HIGH, SURE, "A `_target_` key names a Python callable that hydra calls with arguments from the file.", REVIEW, ("CVE-2025-23304",), controls=CODE_EXECUTION),
    Rule("config-trust-remote-code", HIGH, SURE, "The configuration asks its reader to run code that comes with a model.", REVIEW, controls=CODE_EXECUTION),
    Rule("json-invalid", MEDIUM, SURE, "A JSON file that readers understand differently, or not at all: two values for one key are an attack.", "correct the file at its source", controls=CODE_EXECUTION),
)  # fmt: skip
