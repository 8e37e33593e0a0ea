"""Chat templates."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    MEDIUM,
    SURE,
    Rule,
)

RULES: Final = (
    Rule("template-escape", CRITICAL, SURE, "A chat template reaches for Python's internals: rendered outside a sandbox it runs code.", FETCH_AGAIN, ("CVE-2024-34359",), controls=CODE_EXECUTION),
    Rule("template-include", MEDIUM, LIKELY, "A chat template reads other templates, which are not part of what was examined.", "inline the template", controls=CODE_EXECUTION),
    Rule("template-obfuscated", HIGH, LIKELY, "A chat template builds or looks up attribute names in a way that hides them.", "replace the template by the base model's", controls=CODE_EXECUTION),
)  # fmt: skip
