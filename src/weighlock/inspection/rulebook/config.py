"""Configuration: JSON, YAML and other texts that make a reader do something."""

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

_TARGET: Final = (
    "Hydra, NeMo, HyperPyYAML and MLflow import the dotted name that a configuration gives and call it with arguments "
    "from the same file: os.system with a text is enough. Classes of the packages in config_class.tsv, told by a capital, "
    "are ordinary; a name that runs programs or code, or reaches files or the network, is an attack; the rest must be reviewed."
)

RULES: Final = (
    Rule("config-module-type", HIGH, SURE, "A configuration names a Python class outside the library that reads it; that library imports and calls it.", REVIEW, controls=CODE_EXECUTION),
    Rule("config-remote-code", HIGH, SURE, "`auto_map` makes the loading library import Python code from this or another repository.", REVIEW, ("CVE-2026-22807",), controls=CODE_EXECUTION),
    Rule("config-target", HIGH, SURE, "A configuration names a Python callable that its reader imports and calls with arguments from the file.", REVIEW, ("CVE-2025-23304", "CWE-470"), _TARGET, CODE_EXECUTION),
    Rule("config-target-dangerous", CRITICAL, SURE, "A configuration names a callable that runs programs or code, or reaches files or the network.", FETCH_AGAIN, ("CVE-2025-23304", "CWE-470"), _TARGET, CODE_EXECUTION),
    Rule("config-target-known", INFO, SURE, "A configuration names a class of a known library, which its reader makes.", REVIEW, (), _TARGET, CODE_EXECUTION),
    Rule("config-own-code", HIGH, SURE, "A configuration makes its reader import Python code from a folder of the model.", REVIEW, controls=CODE_EXECUTION),
    Rule("config-pipeline-library", HIGH, SURE, "A pipeline takes a component from a module that is no library of its reader: it imports the model's own code, or another package.", REVIEW, controls=CODE_EXECUTION),
    Rule("config-path", HIGH, SURE, "A configuration names a file outside the model.", "correct the file at its source", ("CWE-22",), controls=TAMPERING),
    Rule("config-resolver", MEDIUM, LIKELY, "A value is computed by a resolver that the reader must have registered: what it does is not in the file.", REVIEW, controls=CODE_EXECUTION),
    Rule("config-environment", INFO, SURE, "A value is taken from the environment of the reader.", REVIEW, controls=TAMPERING),
    Rule("config-hidden-token", MEDIUM, LIKELY, "An added token contains characters that nobody sees, or that change the direction of text.", "use the tokenizer of the base model", controls=TAMPERING),
    Rule("config-requirement-index", LOW, SURE, "Requirements name a package index: who controls it, or a name that is free there, controls the code (dependency confusion).", "take packages from your own index, locked by digest", ("CWE-427",), controls=TAMPERING),
    Rule("config-requirement-source", LOW, SURE, "A requirement is fetched from an address or a repository, not from a package index.", "take packages from your own index, locked by digest", controls=TAMPERING),
    Rule("config-requirement-unpinned", INFO, SURE, "Requirements are not pinned: what is installed depends on the day.", "lock them by digest", controls=TAMPERING),
    Rule("config-logging", HIGH, LIKELY, "A logging configuration is evaluated as Python by its reader.", REVIEW, ("CWE-95",), controls=CODE_EXECUTION),
    Rule("yaml-python-tag", HIGH, SURE, "A YAML tag makes a Python loader build objects or import names.", FETCH_AGAIN, ("CVE-2020-14343", "CWE-502"), "`!!python/object`, `!!python/name`, `!!python/module` and `!!python/object/apply` are built by the unsafe loaders of PyYAML and ruamel.yaml; apply calls what it names. A safe loader refuses the file. Tuples and the plain types are not meant.", CODE_EXECUTION),
    Rule("yaml-tag", LOW, LIKELY, "A YAML tag belongs to a reader that was not told: what it constructs is not known.", REVIEW, controls=CODE_EXECUTION),
    Rule("yaml-include", MEDIUM, SURE, "A YAML file includes another, which its reader runs through the same constructors.", REVIEW, controls=CODE_EXECUTION),
    Rule("yaml-bomb", MEDIUM, SURE, "Aliases expand to far more values than the file has: a reader runs out of memory.", FETCH_AGAIN, ("CWE-776",), controls=TAMPERING),
    Rule("yaml-duplicate-key", MEDIUM, SURE, "A YAML mapping has a key twice: readers take the first or the last, or refuse it.", "correct the file at its source", controls=TAMPERING),
    Rule("config-trust-remote-code", HIGH, SURE, "The configuration asks its reader to run code that comes with a model.", REVIEW, controls=CODE_EXECUTION),
    Rule("json-invalid", MEDIUM, SURE, "A JSON file that readers understand differently, or not at all: two values for one key are an attack.", "correct the file at its source", controls=CODE_EXECUTION),
)  # fmt: skip
