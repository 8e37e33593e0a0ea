"""What a file is, whatever it holds."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    LOW,
    MEDIUM,
    REMOVE,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("name-mismatch", HIGH, SURE, "The file name promises another format than the bytes have: a loader chosen by name is not the one that reads it.", "rename the file at its source, or do not use it", controls=TAMPERING),
    Rule("native-code", HIGH, SURE, "An executable or a library in machine code has no place among weights.", REMOVE, controls=CODE_EXECUTION),
    Rule("native-source", LOW, SURE, "Source code of a compiled language travels with the model; libraries build it and load the result.", REVIEW, controls=CODE_EXECUTION),
    Rule("native-header", HIGH, SURE, "The header of an executable contradicts the file.", REMOVE, controls=TAMPERING),
    Rule("script", MEDIUM, SURE, "A script for an interpreter has no place among weights.", REMOVE, controls=CODE_EXECUTION),
    Rule("script-fetches-code", CRITICAL, LIKELY, "A command downloads or decodes something and runs it, or opens a shell to another machine.", FETCH_AGAIN, ("CWE-494", "CWE-506"), "What curl, wget or base64 give goes straight into a shell or an interpreter, so that nobody sees what runs.", CODE_EXECUTION),
    Rule("script-git-filter", LOW, LIKELY, "git attributes name a filter or driver, a program that git runs on check-out where it is set up.", REVIEW, controls=CODE_EXECUTION),
    Rule("script-in-markup", MEDIUM, LIKELY, "Markup carries script or active content, which runs where somebody views it.", REVIEW, ("CWE-79",), controls=CODE_EXECUTION),
    Rule("script-entity", HIGH, LIKELY, "XML declares entities that reach outside the file or expand.", FETCH_AGAIN, ("CWE-611", "CWE-776"), controls=TAMPERING),
)  # fmt: skip
