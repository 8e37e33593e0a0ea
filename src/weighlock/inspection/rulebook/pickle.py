"""Pickles."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CONVERT,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    INFO,
    LIKELY,
    MEDIUM,
    SURE,
    Rule,
)

RULES: Final = (
    Rule("pickle-computed-call", HIGH, LIKELY, "A pickle calls something that it computed: what that is can be known only by running it.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-extension-code", HIGH, SURE, "A pickle calls by a number of the reader's copyreg registry: what it means depends on the reader.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-frame", HIGH, SURE, "A frame does not end where an operation does: readers of files and of memory run different operations.", FETCH_AGAIN, controls=CODE_EXECUTION),
    Rule("pickle-global-changed", HIGH, SURE, "A pickle changes a class or function of the program that loads it.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-global-dangerous", CRITICAL, SURE, "A pickle imports what runs commands or code, or reaches files, the network or the interpreter.", FETCH_AGAIN, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("pickle-global-trap", HIGH, SURE, "A pickle imports what looks harmless and is not with hostile arguments.", CONVERT, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("pickle-global-unknown", HIGH, LIKELY, "A pickle imports a name that nobody has shown to be harmless.", CONVERT, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("pickle-global-unresolved", HIGH, LIKELY, "A pickle imports a name that it computed, so that it cannot be read.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-persistent-id", MEDIUM, LIKELY, "A pickle hands an identifier to the loading program that is not a torch storage.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-present", INFO, SURE, "A pickle is a program for the loading process; weights need none.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-state", HIGH, LIKELY, "A pickle gives an object a state or items that change what it is, or that its class does not have.", CONVERT, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("pickle-trailing-bytes", MEDIUM, SURE, "Bytes after the last pickle belong to nothing that was read.", CONVERT, controls=CODE_EXECUTION),
)  # fmt: skip
