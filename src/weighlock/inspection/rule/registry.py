"""Every rule of the inspection: how bad, how sure, why it matters and what to do."""

from dataclasses import dataclass
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.finding import Confidence, Severity
from weighlock.core.jsontext import write_json
from weighlock.inspection.rule.pickle_global import ALLOWED, DANGEROUS_MODULES, DANGEROUS_NAMES, TRAPS

_INFO, _LOW, _MEDIUM, _HIGH, _CRITICAL = Severity
_GUESS, _LIKELY, _SURE = Confidence

_FETCH_AGAIN: Final = "do not load the file; fetch it again from its origin by digest, and report it there"
_CONVERT: Final = "convert it to safetensors in a sandbox, and release the result"
_REVIEW: Final = "review the code, or use a model that the serving engine supports without it"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that inspection can say of a file, and what to do about it."""

    id: str
    severity: Severity
    confidence: Confidence
    reason: str
    remedy: str
    references: tuple[str, ...] = ()


_TABLE: Final = (
    Rule("config-module-type", _HIGH, _SURE, "A configuration names a Python class outside the library that reads it; that library imports and calls it.", _REVIEW),
    Rule("config-remote-code", _HIGH, _SURE, "`auto_map` makes the loading library import Python code from this or another repository.", _REVIEW, ("CVE-2026-22807",)),
    Rule("config-target", _HIGH, _SURE, "A `_target_` key names a Python callable that hydra calls with arguments from the file.", _REVIEW, ("CVE-2025-23304",)),
    Rule("config-trust-remote-code", _HIGH, _SURE, "The configuration asks its reader to run code that comes with a model.", _REVIEW),
    Rule("gguf-bounds", _CRITICAL, _SURE, "A tensor lies outside the file: a loader that believes it reads or writes foreign memory.", _FETCH_AGAIN, ("CVE-2026-7482",)),
    Rule("gguf-header", _HIGH, _SURE, "The GGUF header or a metadata entry breaks the format, so loaders disagree about the file.", _FETCH_AGAIN),
    Rule("gguf-layout", _HIGH, _SURE, "Tensors overlap, or bytes belong to no tensor: payloads hide in such gaps.", _FETCH_AGAIN),
    Rule("gguf-tensor", _HIGH, _SURE, "A tensor's description breaks the format: name, dimensions, type or alignment.", _FETCH_AGAIN),
    Rule("json-invalid", _MEDIUM, _SURE, "A JSON file that readers understand differently, or not at all: two values for one key are an attack.", "correct the file at its source"),
    Rule("keras-lambda", _HIGH, _SURE, "A Keras Lambda layer carries Python code that runs when the model is loaded or called.", "rebuild the model without Lambda layers"),
    Rule("name-mismatch", _HIGH, _SURE, "The file name promises another format than the bytes have: a loader chosen by name is not the one that reads it.", "rename the file at its source, or do not use it"),
    Rule("native-code", _HIGH, _SURE, "An executable or a library in machine code has no place among weights.", "remove it from the model"),
    Rule("npy-header", _HIGH, _SURE, "A NumPy header breaks its format, or the data is not as long as it says.", _FETCH_AGAIN),
    Rule("npy-object-array", _HIGH, _SURE, "An array of Python objects is a pickle behind a NumPy header.", "store the array with a numeric type"),
    Rule("pickle-computed-call", _HIGH, _LIKELY, "A pickle calls something that it computed: what that is can be known only by running it.", _CONVERT),
    Rule("pickle-extension-code", _HIGH, _SURE, "A pickle calls by a number of the reader's copyreg registry: what it means depends on the reader.", _CONVERT),
    Rule("pickle-frame", _HIGH, _SURE, "A frame does not end where an operation does: readers of files and of memory run different operations.", _FETCH_AGAIN),
    Rule("pickle-global-changed", _HIGH, _SURE, "A pickle changes a class or function of the program that loads it.", _CONVERT),
    Rule("pickle-global-dangerous", _CRITICAL, _SURE, "A pickle imports what runs commands or code, or reaches files, the network or the interpreter.", _FETCH_AGAIN, ("CWE-502",)),
    Rule("pickle-global-trap", _HIGH, _SURE, "A pickle imports what looks harmless and is not with hostile arguments.", _CONVERT, ("CWE-502",)),
    Rule("pickle-global-unknown", _HIGH, _LIKELY, "A pickle imports a name that nobody has shown to be harmless.", _CONVERT, ("CWE-502",)),
    Rule("pickle-global-unresolved", _HIGH, _LIKELY, "A pickle imports a name that it computed, so that it cannot be read.", _CONVERT),
    Rule("pickle-persistent-id", _MEDIUM, _LIKELY, "A pickle hands an identifier to the loading program that is not a torch storage.", _CONVERT),
    Rule("pickle-present", _LOW, _SURE, "A pickle is a program for the loading process; weights need none.", _CONVERT),
    Rule("pickle-trailing-bytes", _MEDIUM, _SURE, "Bytes after the last pickle belong to nothing that was read.", _CONVERT),
    Rule("python-bytecode", _HIGH, _SURE, "Compiled Python cannot be reviewed and may differ from the source beside it.", "remove it from the model"),
    Rule("python-source", _MEDIUM, _SURE, "Python code travels with the model; a loader that trusts remote code runs it.", _REVIEW),
    Rule("safetensors-alignment", _INFO, _SURE, "The tensor data does not start at a multiple of eight bytes; readers may copy instead of map.", "write the file again with a current library"),
    Rule("safetensors-duplicate-key", _HIGH, _SURE, "A name occurs twice in the header: readers disagree about which tensor it is.", _FETCH_AGAIN),
    Rule("safetensors-header", _HIGH, _SURE, "The header breaks the format: its length, its first byte or its JSON.", _FETCH_AGAIN),
    Rule("safetensors-layout", _HIGH, _SURE, "Tensors overlap, or bytes belong to no tensor: payloads hide in such gaps.", _FETCH_AGAIN),
    Rule("safetensors-metadata", _MEDIUM, _SURE, "`__metadata__` must map text to text; anything else is for a reader nobody checked.", _FETCH_AGAIN),
    Rule("safetensors-padding", _MEDIUM, _SURE, "The header is padded with something else than spaces.", _FETCH_AGAIN),
    Rule("safetensors-tensor", _HIGH, _SURE, "A tensor's type, shape and byte range contradict each other.", _FETCH_AGAIN),
    Rule("script", _MEDIUM, _SURE, "A script for an interpreter has no place among weights.", "remove it from the model"),
    Rule("template-escape", _CRITICAL, _SURE, "A chat template reaches for Python's internals: rendered outside a sandbox it runs code.", _FETCH_AGAIN, ("CVE-2024-34359",)),
    Rule("template-include", _MEDIUM, _LIKELY, "A chat template reads other templates, which are not part of what was examined.", "inline the template"),
    Rule("template-obfuscated", _HIGH, _LIKELY, "A chat template builds or looks up attribute names in a way that hides them.", "replace the template by the base model's"),
    Rule("torchscript-code", _MEDIUM, _SURE, "A TorchScript archive carries code that the runtime executes.", _CONVERT),
    Rule("zip-structure", _HIGH, _SURE, "The archive's two directories disagree, or members overlap or leave its folder: readers see different files.", _FETCH_AGAIN),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in _TABLE}


def ruleset_digest() -> Digest:
    """Return the digest over every rule and every table they judge by: results name it."""
    rules = [
        [rule.id, int(rule.severity), int(rule.confidence), rule.reason, rule.remedy, list(rule.references)]
        for rule in _TABLE
    ]
    tables = [
        sorted([module, name, reason] for (module, name), reason in ALLOWED.items()),
        sorted([module, name, reason] for (module, name), reason in TRAPS.items()),
        sorted(DANGEROUS_MODULES),
        sorted([module, name] for module, name in DANGEROUS_NAMES),
    ]
    return Digest.of(write_json({"rules": rules, "tables": tables}))
