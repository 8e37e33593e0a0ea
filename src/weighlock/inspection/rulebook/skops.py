"""Models that skops wrote."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

_REVIEW: Final = "review that class or function before it is listed as trusted, or leave it out of the model"

RULES: Final = (
    Rule("skops-identity", HIGH, SURE, "A number stands for two different nodes: the reader takes the first for both, whatever the second says.", FETCH_AGAIN, ("CWE-351",), "The reader keeps nodes by their number and gives the first one back for every later node of the same number, without looking at that. So a harmless type in the schema can stand for a function.", CODE_EXECUTION),
    Rule(
        "skops-loader", HIGH, SURE,
        "A node names a class that its kind never has, so what skops lists for approval is not what it calls.",
        FETCH_AGAIN, ("CVE-2025-54412", "CWE-351"),
        "Each kind of node makes its object in its own way: some call the class that they name, some look an attribute up "
        "or call something fixed. skops asks people to trust names, and a node whose name does not fit its kind shows them "
        "another name than the one that is called. The rule holds every node against the classes that skops writes for its "
        "kind, a method against the class of its object, and the types of dictionary keys against plain types.",
        CODE_EXECUTION,
    ),
    Rule("skops-method", MEDIUM, SURE, "A method of an object is kept as a value, to be called later: somebody has to see that it is harmless.", _REVIEW, controls=CODE_EXECUTION),
    Rule("skops-state", HIGH, LIKELY, "An object gets a state that changes what it is, or that its class runs.", FETCH_AGAIN, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("skops-structure", MEDIUM, SURE, "A node of the schema lacks what its kind needs: the reader fails, or another version reads something else.", FETCH_AGAIN, controls=TAMPERING),
    Rule(
        "skops-type-dangerous", CRITICAL, SURE,
        "The schema names what runs commands or code, or reaches files, the network or the interpreter.",
        FETCH_AGAIN, ("CWE-502", "CVE-2024-37065"),
        "skops imports the module and looks the name up before anything else, and calls it for many kinds of nodes. It "
        "refuses names that are not in its list unless the caller trusts them; callers commonly trust whatever the file "
        "names, and until version 0.10 could trust everything. Names are judged by the tables that pickles are judged by.",
        CODE_EXECUTION,
    ),
    Rule("skops-type-unknown", MEDIUM, LIKELY, "The schema names a class or function that nobody has shown to be harmless.", _REVIEW, ("CWE-502",), controls=CODE_EXECUTION),
)  # fmt: skip
