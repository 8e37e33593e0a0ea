"""Packages and containers of models: wheels, MAR, NeMo, MLflow, llamafile."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    INFO,
    LIKELY,
    LOW,
    MEDIUM,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("package-path-file-code", CRITICAL, LIKELY, "A .pth file has lines that Python runs whenever it starts, whatever is imported.", FETCH_AGAIN, ("CWE-506",), "The module site reads every .pth file in site-packages at start and executes the lines that begin with import. Releases 1.82.7 and 1.82.8 of a well-known package carried such a file in March 2026: every Python process of the machine ran it, without an import of the package. Editable installations write such lines too, but no wheel needs one.", CODE_EXECUTION),
    Rule("package-path-file", MEDIUM, SURE, "A .pth file adds a folder to where every Python process imports from.", REVIEW, ("CWE-427",), controls=CODE_EXECUTION),
    Rule("package-start-file", HIGH, SURE, "The package installs sitecustomize.py or usercustomize.py, which Python imports at every start.", REVIEW, ("CWE-506",), controls=CODE_EXECUTION),
    Rule("package-record", HIGH, SURE, "A wheel's RECORD does not agree with its files: something was added or changed after it was built.", FETCH_AGAIN, controls=TAMPERING),
    Rule("package-scripts", LOW, SURE, "The wheel installs programs into the folder that commands are found in.", REVIEW, controls=CODE_EXECUTION),
    Rule("package-entry-point", INFO, SURE, "The wheel registers code that other programs load by name.", REVIEW, controls=CODE_EXECUTION),
    Rule("package-handler", HIGH, SURE, "The archive's manifest names Python code that the server imports and runs.", REVIEW, controls=CODE_EXECUTION),
    Rule("package-manifest", MEDIUM, SURE, "The archive's manifest is missing, broken, or names a file that is not there.", FETCH_AGAIN, controls=TAMPERING),
    Rule("package-triton-python", MEDIUM, SURE, "A model of the Triton server has the Python backend: the server imports and runs model.py.", REVIEW, ("CVE-2025-23319",), controls=CODE_EXECUTION),
)  # fmt: skip
