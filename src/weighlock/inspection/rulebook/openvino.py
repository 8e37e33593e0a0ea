"""OpenVINO models."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    LOW,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "openvino-entity", HIGH, SURE,
        "The XML declares a document type: readers that expand entities open files or run out of memory.",
        FETCH_AGAIN, ("CWE-611", "CWE-776"),
        "A document type may define entities: texts that are replaced by other texts, by files or by addresses. No "
        "writer of models declares one. Reading stops at it.",
        TAMPERING,
    ),
    Rule("openvino-custom-operator", MEDIUM, LIKELY, "A layer belongs to no operation set of OpenVINO: a native library must be loaded for it.", "convert the model with OpenVINO's own operations, or review the library that brings these", controls=CODE_EXECUTION),
    Rule("openvino-extension-operator", LOW, SURE, "The model needs openvino-tokenizers, a native library beside OpenVINO.", "pin that library in the release", controls=CODE_EXECUTION),
    Rule("openvino-tensor", HIGH, SURE, "A constant's range contradicts its shape and type, or no file has it: readers that believe it read foreign memory.", FETCH_AGAIN, ("CWE-125",), controls=TAMPERING),
    Rule("openvino-structure", HIGH, SURE, "The XML cannot be read, or is no model.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
