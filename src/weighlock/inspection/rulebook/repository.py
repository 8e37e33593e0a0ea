"""What only a whole repository shows, and secrets."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    HIGH,
    INFO,
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
    Rule("repository-shard-missing", MEDIUM, SURE, "An index names a file that is not there: a loader fails, or fetches it from elsewhere.", "fetch the model again, whole, by digest", controls=TAMPERING),
    Rule("repository-shard-tensor", MEDIUM, LIKELY, "An index places tensors in a shard that does not hold them: loaders fail, or begin with other values.", "fetch the model again, whole, by digest", controls=TAMPERING),
    Rule("repository-shard-unlisted", LOW, LIKELY, "A shard belongs to a series whose index does not name it.", "remove the file, or correct the index at its source", controls=TAMPERING),
    Rule("repository-code-missing", MEDIUM, SURE, "A configuration names code that is not in the model, so that a loader gets it from elsewhere.", REVIEW, ("CVE-2026-22807",), controls=CODE_EXECUTION),
    Rule("repository-code-elsewhere", HIGH, SURE, "A configuration makes the loader fetch and run the code of another repository, which is no part of the release.", REVIEW, ("CVE-2026-22807",), "`auto_map` values such as `owner/name--module.Class` are fetched from that repository at whatever commit its main branch then has. Whoever can write there, now or later, runs code in every process that loads this model.", CODE_EXECUTION),
    Rule("repository-two-formats", INFO, SURE, "The same weights are there in a safe and in an unsafe format; which one is loaded depends on the loader.", "remove the pickles", controls=TAMPERING),
    Rule("repository-bytecode-alone", HIGH, SURE, "Compiled Python is there without its source, so that nobody can say what it does.", REMOVE, ("CWE-506",), controls=CODE_EXECUTION),
    Rule("repository-bytecode-differs", CRITICAL, LIKELY, "Compiled Python uses names or texts that its source does not have: Python runs what nobody can read.", REMOVE, ("CWE-506",), "Python runs a compiled file in place of its source if size and time in its header fit, or if the header says that nothing is to be compared. The rule reads the names and constants of every code object, without running them, and looks them up in the syntax tree of the source, whichever version compiled it.", CODE_EXECUTION),
    Rule("secret-present", MEDIUM, LIKELY, "A key or token is published with the model: whoever has the model can use it.", "revoke it where it was issued, then remove it from the model", ("CWE-798",), "Only shapes with a fixed beginning and length, or a full private key, are told; a random text alone is no secret. The finding gives kind and place and never the secret.", TAMPERING),
)  # fmt: skip
