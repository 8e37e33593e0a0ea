"""ONNX models."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    LOW,
    MEDIUM,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

_INLINE: Final = "export the model again with its data beside it or inside it, and do not load this one"
_STANDARD: Final = (
    "export the model with operators of the ONNX specification, or review the library that brings these"
)

RULES: Final = (
    Rule(
        "onnx-external-path", HIGH, SURE,
        "The data of a tensor lies outside the model's folder: the reader opens any file of the machine.",
        _INLINE,
        ("CVE-2022-25882", "CVE-2024-27318", "CVE-2025-51480", "CVE-2026-27489", "CWE-22"),
        "A tensor may name a file for its data, relative to the model. A path that is absolute, climbs by `..`, or names "
        "a drive or an address makes the reader take weights from a file of the machine, and a model that hands its "
        "weights out again hands out the file; tools that save the model write there. Checks were added and passed by "
        "several times: at the beginning of the path only, then links. This rule takes both separators of folders on "
        "every system and any `..`. Whether the file that is named is a link is judged where the folder is inspected. "
        "The same goes for compiled contexts that a node names.",
        TAMPERING,
    ),
    Rule(
        "onnx-external-memory", CRITICAL, SURE,
        "A tensor takes its data from an address in the memory of the process that loads it.",
        FETCH_AGAIN, ("CWE-822",),
        "ONNX Runtime marks tensors whose data it holds itself by a special name of a file; the offset is then a "
        "pointer. Versions that believe the mark in a file read memory at an address that the model chooses. No "
        "writer puts it into a file.",
        TAMPERING,
    ),
    Rule("onnx-external-data", MEDIUM, SURE, "What a tensor says of its external data contradicts itself, its shape, or the specification.", _INLINE, controls=TAMPERING),
    Rule(
        "onnx-python-operator", HIGH, SURE,
        "An operator calls a Python function of the loading process, by a name from the model.",
        REVIEW, ("CWE-470",),
        "Training builds of ONNX Runtime and onnxruntime-extensions have operators that look a function up by a name "
        "in the node and call it with values from the model. Which functions can be reached depends on the program "
        "that loads it. No exporter for inference writes such nodes.",
        CODE_EXECUTION,
    ),
    Rule(
        "onnx-network-operator", HIGH, SURE,
        "An operator sends the model's inputs to an address that the model names.",
        "remove the node, and call such a service from the application", ("CWE-918",),
        "onnxruntime-extensions has operators that call cloud services and inference servers. The address is an "
        "attribute of the node, so whoever wrote the model receives what users send, and their credentials.",
        CODE_EXECUTION,
    ),
    Rule("onnx-aten-operator", MEDIUM, SURE, "An operator calls any operator of PyTorch by a name from the model, past the ONNX specification.", _STANDARD, controls=CODE_EXECUTION),
    Rule(
        "onnx-custom-operator", MEDIUM, LIKELY,
        "The model needs native code that is not part of ONNX or its runtime.",
        _STANDARD, (),
        "An operator of an unknown domain, or an unknown name in a standard domain, works only after the application "
        "has loaded a library for it. Models that travel with such a library bring machine code. Operators that the "
        "model defines as functions of other operators need none and are not reported; domains of ONNX, ONNX Runtime "
        "and onnxruntime-extensions are known (`onnx_domain.tsv`, `onnx_standard.tsv`).",
        CODE_EXECUTION,
    ),
    Rule("onnx-extension-operator", LOW, SURE, "The model needs onnxruntime-extensions, a native library beside the runtime.", "pin that library in the release, or move tokenizing out of the model", controls=CODE_EXECUTION),
    Rule("onnx-compiled-context", MEDIUM, SURE, "A node carries a compiled program for an accelerator, which its driver runs and nobody here reads.", "release the model without compiled contexts, and compile it where it runs", controls=CODE_EXECUTION),
    Rule(
        "onnx-function-conflict", HIGH, SURE,
        "The model defines a function under the name of another one: runtimes choose differently between them.",
        FETCH_AGAIN, (),
        "A model may define functions. By onnx.proto it is left to the runtime whether a function of the model or the "
        "operator of that name counts, so one file computes different things in two runtimes, and what was evaluated "
        "is not what is served.",
        TAMPERING,
    ),
    Rule("onnx-function-recursion", MEDIUM, SURE, "A function calls itself: runtimes that inline functions do not end.", FETCH_AGAIN, ("CWE-674",), controls=TAMPERING),
    Rule(
        "onnx-metadata-code", HIGH, LIKELY,
        "The metadata holds Python code; some readers evaluate metadata.",
        FETCH_AGAIN, ("CWE-95",),
        "Programs around detection models keep the names of classes in the metadata as a Python literal, and some "
        "evaluate it. The rule looks for what no literal has: calls of eval, exec or getattr, double underscores, "
        "processes and sockets. Addresses and licences are ordinary.",
        CODE_EXECUTION,
    ),
    Rule("onnx-tensor", HIGH, SURE, "A tensor holds more or less data than its shape and type need: readers that believe the shape read foreign memory.", FETCH_AGAIN, ("CWE-125",), controls=TAMPERING),
    Rule("onnx-ambiguous", MEDIUM, SURE, "Something is said twice or in a form that no writer uses, so readers may take it differently.", FETCH_AGAIN, controls=TAMPERING),
    Rule("onnx-structure", HIGH, SURE, "The file breaks the protobuf encoding, or is no model.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
