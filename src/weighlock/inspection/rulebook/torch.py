"""PyTorch archives and TorchScript."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CONVERT,
    MEDIUM,
    SURE,
    Rule,
)

RULES: Final = (
    Rule("torchscript-code", MEDIUM, SURE, "A TorchScript archive carries code that the runtime executes.", CONVERT, controls=CODE_EXECUTION),
)  # fmt: skip
