"""Python source, compiled Python and notebooks."""

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
    REMOVE,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

_WEAKNESS: Final = ("CWE-94",)
_IMPORT: Final = (
    "A loader that trusts remote code imports the file before anybody sees what it does. What runs then is the code at "
    "module level, in class bodies, decorators, default values and annotations, in metaclasses and the hooks of PEP 562, "
    "and every function of the file that such code calls. Names are followed through imports, assignments, getattr, "
    "__import__, globals() and texts that are put together. Importing libraries, registering classes, setting options "
    "and logging are not meant."
)
_LOAD: Final = (
    "Libraries and servers call some methods as soon as a class or handler is used: __init__ and the other special "
    "methods, forward, from_pretrained, preprocess, handle, predict and the like, and what these call. Code there runs "
    "nearly as surely as at import; but ordinary handlers do some of this on purpose, so that somebody must look."
)
_CALL: Final = "Nothing in the file makes this run when it is imported or loaded; another file, or a person, may call it."

RULES: Final = (
    Rule("python-import-process", CRITICAL, SURE, "Importing the file starts a program.", FETCH_AGAIN, ("CWE-78",), _IMPORT, CODE_EXECUTION),
    Rule("python-import-code", HIGH, SURE, "Importing the file runs text as code, so the file does not show what runs.", REVIEW, _WEAKNESS, _IMPORT, CODE_EXECUTION),
    Rule("python-import-network", HIGH, SURE, "Importing the file talks to other machines.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-download", LOW, SURE, "Importing the file fetches from a model hub: what it gets is not part of the release.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-file", HIGH, SURE, "Importing the file writes, replaces or deletes files.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-unpickle", MEDIUM, SURE, "Importing the file loads a pickle, which runs what that names.", REVIEW, ("CWE-502",), _IMPORT, CODE_EXECUTION),
    Rule("python-import-native", HIGH, SURE, "Importing the file loads or builds machine code.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-secret", HIGH, LIKELY, "Importing the file touches a place where credentials are kept.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-interpreter", LOW, SURE, "Importing the file changes where later imports come from, or leaves code to run later.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-patch", MEDIUM, SURE, "Importing the file replaces functions of another module for the whole process.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-thread", MEDIUM, SURE, "Importing the file starts code that goes on running beside the loader.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-import-remote", MEDIUM, SURE, "Importing the file makes a library run the code of another repository.", REVIEW, (), _IMPORT, CODE_EXECUTION),
    Rule("python-load-remote", LOW, LIKELY, "Code that loaders call makes a library run the code of another repository.", REVIEW, (), _LOAD, CODE_EXECUTION),
    Rule("python-load-process", HIGH, LIKELY, "Code that loaders call starts a program.", REVIEW, ("CWE-78",), _LOAD, CODE_EXECUTION),
    Rule("python-load-code", MEDIUM, LIKELY, "Code that loaders call runs text as code.", REVIEW, _WEAKNESS, _LOAD, CODE_EXECUTION),
    Rule("python-load-network", MEDIUM, LIKELY, "Code that loaders call talks to other machines.", REVIEW, (), _LOAD, CODE_EXECUTION),
    Rule("python-load-unpickle", LOW, LIKELY, "Code that loaders call loads a pickle.", REVIEW, ("CWE-502",), _LOAD, CODE_EXECUTION),
    Rule("python-load-native", MEDIUM, LIKELY, "Code that loaders call loads or builds machine code.", REVIEW, (), _LOAD, CODE_EXECUTION),
    Rule("python-load-secret", HIGH, LIKELY, "Code that loaders call touches a place where credentials are kept.", REVIEW, (), _LOAD, CODE_EXECUTION),
    Rule("python-call-process", LOW, SURE, "A function starts a program when it is called.", REVIEW, ("CWE-78",), _CALL, CODE_EXECUTION),
    Rule("python-call-code", LOW, SURE, "A function runs text as code when it is called.", REVIEW, _WEAKNESS, _CALL, CODE_EXECUTION),
    Rule("python-call-secret", LOW, SURE, "A function touches a place where credentials are kept when it is called.", REVIEW, (), _CALL, CODE_EXECUTION),
    Rule("python-decoded-code", CRITICAL, SURE, "The file runs code that it decodes or downloads: nobody who reads it sees that code.", FETCH_AGAIN, ("CWE-506",), "Text or bytes that come from base64, zlib, marshal or the network reach exec, eval or compile. Where the constant is in the file it is decoded here and read too. There is no ordinary reason for it in a model.", CODE_EXECUTION),
    Rule("python-exfiltration", CRITICAL, LIKELY, "The file sends the environment or credentials to other machines.", FETCH_AGAIN, ("CWE-506",), "The whole of os.environ, or what was read from a file of credentials, is an argument of a call that talks to other machines. A single variable, such as a token for a hub, is not meant.", CODE_EXECUTION),
    Rule("python-hidden-call", HIGH, LIKELY, "The file hides the name of what it calls or imports.", FETCH_AGAIN, ("CWE-506",), "A function that matters, or an attribute of a module such as os, is looked up by a text that is put together from pieces, reversed, decoded or spelled by numbers. getattr with a plain name is not meant.", CODE_EXECUTION),
    Rule("python-internals", HIGH, LIKELY, "The file walks through Python's internals to what it does not name.", REVIEW, (), "Subclasses of object, __builtins__ of a function and frames' globals lead to every function of the process without an import.", CODE_EXECUTION),
    Rule("python-hidden-text", HIGH, SURE, "The source shows its reader something else than Python reads.", FETCH_AGAIN, ("CVE-2021-42574", "CVE-2021-42694"), "Characters that change the direction of text, long runs of invisible ones, carriage returns alone, and names in letters that Python normalises to ASCII.", TAMPERING),
    Rule("python-look-alike", MEDIUM, LIKELY, "A name mixes letters of two scripts that look alike.", REVIEW, ("CVE-2021-42694",), controls=TAMPERING),
    Rule("python-hidden-layout", HIGH, LIKELY, "Code stands where a reader does not look: after a long run of blanks or empty lines.", FETCH_AGAIN, ("CWE-506",), controls=TAMPERING),
    Rule("python-encoding", HIGH, SURE, "The source declares an encoding in which text that looks harmless is code.", REVIEW, ("CWE-506",), controls=TAMPERING),
    Rule("python-unparsed", LOW, SURE, "The source is not Python of this version, so that nobody can say what it does.", REVIEW, controls=CODE_EXECUTION),
    Rule("python-bytecode", HIGH, SURE, "Compiled Python cannot be reviewed and may differ from the source beside it.", REMOVE, ("CWE-506",), controls=CODE_EXECUTION),
    Rule("python-bytecode-broken", HIGH, SURE, "Compiled Python breaks its format, or bytes follow it that Python does not read.", REMOVE, ("CWE-506",), controls=CODE_EXECUTION),
    Rule("notebook", INFO, SURE, "A notebook holds code that a person may run.", REVIEW, controls=CODE_EXECUTION),
    Rule("notebook-command", INFO, SURE, "A cell of a notebook runs commands of the shell.", REVIEW, controls=CODE_EXECUTION),
    Rule("notebook-active-output", INFO, SURE, "An output of a notebook holds script, which a browser runs if the notebook is trusted.", REVIEW, controls=CODE_EXECUTION),
    Rule("python-reach", INFO, SURE, "What the file's functions reach when they are called.", REVIEW, controls=CODE_EXECUTION),
    Rule("python-source", INFO, SURE, "Python code travels with the model; a loader that trusts remote code runs it.", REVIEW, controls=CODE_EXECUTION),
)  # fmt: skip
