"""PyTorch archives, legacy files, TorchScript, exported programs, packages and ExecuTorch."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CONVERT,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    MEDIUM,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

_EXPORT_AGAIN: Final = "export the model again from its reviewed source, and release that"

RULES: Final = (
    Rule(
        "executorch-structure", HIGH, SURE, "An ExecuTorch file contradicts itself about where its parts lie: runtimes that believe it read foreign memory.",
        FETCH_AGAIN, ("CWE-125",), controls=TAMPERING,
    ),
    Rule(
        "torch-export-expression", CRITICAL, SURE, "A symbolic expression of an exported program is Python code, and loading evaluates it.", FETCH_AGAIN, ("CVE-2026-4538", "CWE-95"),
        detail="torch.export.load gives each size expression to sympy, which evaluates the text as Python, and makes a function "
        "of the guards that it runs. Expressions that torch writes are sums, products, comparisons and calls of sympy's own "
        "functions; anything else, an attribute, a lookup or a call of another name, is what this rule finds.",
        controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-export-import", HIGH, SURE, "An exported program names a Python module and attribute that loading imports.", _EXPORT_AGAIN, ("CWE-470",),
        detail="The description of inputs and outputs may name an enumeration or the factory of a default dictionary; torch "
        "imports the module and takes the attribute. Members of torch and of the standard containers are ordinary.",
        controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-export-object", HIGH, SURE, "An exported program carries a Python object that loading unpickles without restriction.", _EXPORT_AGAIN, ("CVE-2026-4538", "CWE-502"), controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-export-target", CRITICAL, SURE, "A node of an exported program calls a Python function instead of an operator.", FETCH_AGAIN, ("CWE-470",),
        detail="torch resolves a target by walking attributes from torch, operator or math. Below torch.ops these are operators; "
        "elsewhere the walk reaches any module that torch has imported, and the node calls what it finds.",
        controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-legacy-layout", MEDIUM, SURE, "What follows the pickles of a legacy file is not what they say: payloads hide in such bytes.", FETCH_AGAIN, controls=TAMPERING,
    ),
    Rule(
        "torch-legacy-tar", HIGH, SURE, "A file in PyTorch's oldest format: before torch 2.6 its pickles run without restriction even when only weights are asked for.",
        CONVERT, ("CVE-2025-32434", "GHSA-53q9-r3pm-6pq6", "CWE-502"),
        detail="torch.load tries the format of before 0.1.12 first, a tar archive. Up to torch 2.5.1 weights_only=True did not reach "
        "the pickles in it; later versions refuse the format with that setting. Nobody has written such files since 2017.",
        controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-native-code", CRITICAL, SURE, "An AOTInductor package carries machine code or its source, which loading it runs.", REVIEW, ("CWE-829",), controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-operator-class", MEDIUM, LIKELY, "A compiled model uses a class of a library outside PyTorch.", "find out which library registers it, and review that", controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-operator-custom", MEDIUM, LIKELY, "A compiled model calls an operator of a library outside PyTorch, which has to be loaded with it.",
        "find out which library registers it, and review that", controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-operator-dangerous", CRITICAL, SURE, "A compiled model calls an operator that reaches files, the network, other processes or Python.", FETCH_AGAIN, ("CWE-73",),
        detail="Compiled models run without Python, and PyTorch's operators include some that write or map any file and that call "
        "functions on other machines. In TorchScript a __setstate__ method runs them while the model is being loaded.",
        controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-operator-unsafe", HIGH, SURE, "A compiled model calls an operator that works on raw memory without checks.", FETCH_AGAIN, ("CWE-787",), controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-package-call",
        CRITICAL,
        SURE,
        "A pickle of a torch.package archive makes its loader call a function by a persistent identifier.",
        FETCH_AGAIN,
        ("CWE-502",),
        detail="The loader of packages understands identifiers that name a function and arguments, and calls it: no "
        "operation of the pickle shows a call. PyTorch itself uses this for two functions of its own.",
        controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-package-code", HIGH, SURE, "A torch.package archive carries Python modules that run when the model is loaded.", REVIEW, ("CWE-829",), controls=CODE_EXECUTION,
    ),
    Rule(
        "torch-polyglot", HIGH, SURE, "The file is valid in two of PyTorch's formats, and which one is read depends on the loader.", FETCH_AGAIN, controls=TAMPERING,
    ),
    Rule(
        "torch-record", MEDIUM, SURE, "A short record of a torch archive does not hold what torch writes there.", FETCH_AGAIN, controls=TAMPERING,
    ),
    Rule(
        "torch-storage-missing", MEDIUM, SURE, "A pickle names storages that the archive does not have: loading fails.", FETCH_AGAIN, controls=TAMPERING,
    ),
    Rule(
        "torch-storage-size", HIGH, SURE, "A storage has not the size that the pickle says: loaders read beyond it, or leave bytes unread.", FETCH_AGAIN, ("CVE-2026-24747", "GHSA-63cw-57p8-fm3p", "CWE-125"),
        detail="Before 2.10 torch took the size of a storage from the pickle and its memory from the member without comparing "
        "them, so a short member exposes the heap behind it; with mmap=True a tensor covers whatever follows in the file, in every version.",
        controls=TAMPERING,
    ),
    Rule(
        "torch-storage-unnamed", MEDIUM, SURE, "A storage of the archive is named by no pickle: payloads hide in such members.", FETCH_AGAIN, controls=TAMPERING,
    ),
    Rule(
        "torch-view-bounds", HIGH, SURE, "A tensor reaches outside its storage.", FETCH_AGAIN, ("CWE-125", "CWE-787"),
        detail="Current versions refuse such a tensor, and older TorchScript readers set offset, size and stride without a check, "
        "so that the model reads and writes foreign memory.",
        controls=TAMPERING,
    ),
    Rule(
        "torchscript-hidden-operator", HIGH, LIKELY, "TorchScript code reaches operators in a way that torch never writes, which hides their names.", FETCH_AGAIN, controls=CODE_EXECUTION,
    ),
)  # fmt: skip
