"""CoreML models and packages."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    FETCH_AGAIN,
    HIGH,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "coreml-custom-code", MEDIUM, SURE,
        "A layer or the model is carried out by a class of the application that loads it.",
        "convert the model without custom layers, or review the class that comes with it",
        ("CWE-470",),
        "A custom layer or model names a class; the framework makes an instance of it by name and hands it parameters "
        "from the file. The class is native code that must come from somewhere: from the application, or along with "
        "the model.",
        CODE_EXECUTION,
    ),
    Rule("coreml-linked-model", MEDIUM, SURE, "The model is a link to another one, which is sought by name on the machine that loads it.", "release the model that it links to", controls=TAMPERING),
    Rule("coreml-path", HIGH, SURE, "Weights, a linked model or an item of the package lie outside the model's folder.", FETCH_AGAIN, ("CWE-22",), controls=TAMPERING),
    Rule("coreml-weights", HIGH, SURE, "The weights file contradicts itself: blobs lie elsewhere, beyond the file, or bytes belong to none.", FETCH_AGAIN, controls=TAMPERING),
    Rule("coreml-ambiguous", MEDIUM, SURE, "Something is said twice or in a form that no writer uses, so readers may take it differently.", FETCH_AGAIN, controls=TAMPERING),
    Rule("coreml-structure", HIGH, SURE, "The file breaks the protobuf encoding, or is no model.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
