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

_DANGEROUS: Final = (
    "A pickle may import any function by name and call it with arguments of its own; loading the file is enough, and "
    "nothing of the model has to be used. The rule speaks for names in the table of dangers: functions that start "
    "processes, run code, import modules, reach files or the network, load native code, load other pickles or change "
    "the interpreter, and everything in modules that have no other use. An import alone counts, since a call can be "
    "hidden from any reader; harmless names around it change nothing."
)
_TRAP: Final = (
    "Some functions that models need are harmless only with the arguments that models use: getattr finds a method, or "
    "walks to the interpreter; numpy.dtype names a type, or makes NumPy take bytes for pointers. Each has a check of "
    "its arguments. Functions that a fitted model keeps as values (numpy.log1p, a metric) are never called by an "
    "honest pickle, and classes never with arguments. The rule speaks if a check fails, if such a name is called, and "
    "if a function that needs a check is kept as a value, where somebody may call it unchecked later."
)
_STATE: Final = (
    "After an object is made, BUILD hands a state to its __setstate__ or puts the attributes of a dictionary into it. "
    "A name with two underscores changes what the object is; an attribute with the name of a method that __setstate__ "
    "calls is called with arguments of the pickle; SciPy's distributions run a template of their state as code. The "
    "rule speaks unless the state is a dictionary of ordinary attributes or passes the check of its class, if an "
    "object gets a second state, and if items are added to what is no container."
)
_UNKNOWN: Final = (
    "Importing a module runs it, and a class of a package that nobody has looked at may do anything when it is made. "
    "Names are known from tables: the language, NumPy, SciPy, pandas, torch, scikit-learn and packages around them. A "
    "class of your own that you have reviewed is allowed by name in the policy; then instances may be made without "
    "arguments and given attributes, and nothing else."
)

RULES: Final = (
    Rule("pickle-computed-call", HIGH, LIKELY, "A pickle calls something that it computed: what that is can be known only by running it.", CONVERT, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("pickle-extension-code", HIGH, SURE, "A pickle calls by a number of the reader's copyreg registry: what it means depends on the reader.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-frame", HIGH, SURE, "A frame does not end where an operation does: readers of files and of memory run different operations.", FETCH_AGAIN, controls=CODE_EXECUTION),
    Rule("pickle-global-changed", HIGH, SURE, "A pickle changes a class or function of the program that loads it.", CONVERT, ("CWE-502",), controls=CODE_EXECUTION),
    Rule("pickle-global-dangerous", CRITICAL, SURE, "A pickle imports what runs commands or code, or reaches files, the network or the interpreter.", FETCH_AGAIN, ("CWE-502",), _DANGEROUS, CODE_EXECUTION),
    Rule("pickle-global-trap", HIGH, SURE, "A pickle uses what is harmless in models in a way that is not.", CONVERT, ("CWE-502",), _TRAP, CODE_EXECUTION),
    Rule("pickle-global-unknown", HIGH, LIKELY, "A pickle imports a name that nobody has shown to be harmless.", "review the class and allow it by name in the policy, or convert the model to safetensors in a sandbox", ("CWE-502",), _UNKNOWN, CODE_EXECUTION),
    Rule("pickle-global-unresolved", HIGH, LIKELY, "A pickle imports a name that it computed, so that it cannot be read.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-persistent-id", MEDIUM, LIKELY, "A pickle hands an identifier to the loading program that is not a torch storage.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-present", INFO, SURE, "A pickle is a program for the loading process; weights need none.", CONVERT, controls=CODE_EXECUTION),
    Rule("pickle-state", HIGH, LIKELY, "A pickle gives an object a state or items that change what it is, or that its class does not have.", CONVERT, ("CWE-502",), _STATE, CODE_EXECUTION),
    Rule("pickle-trailing-bytes", MEDIUM, SURE, "Bytes after the last pickle belong to nothing that was read.", CONVERT, controls=CODE_EXECUTION),
)  # fmt: skip
