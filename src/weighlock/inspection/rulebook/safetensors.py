"""safetensors files and indexes."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    FETCH_AGAIN,
    HIGH,
    INFO,
    LIKELY,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("safetensors-alignment", INFO, SURE, "The tensor data does not start at a multiple of eight bytes; readers may copy instead of map.", "write the file again with a current library", controls=TAMPERING),
    Rule("safetensors-code", MEDIUM, LIKELY, "An entry of the metadata holds code, which no reader of tensors needs.", "remove the entry, and ask who wrote it", controls=TAMPERING),
    Rule("safetensors-duplicate-key", HIGH, SURE, "A name occurs twice in the header: readers disagree about which tensor it is.", FETCH_AGAIN, controls=TAMPERING),
    Rule("safetensors-header", HIGH, SURE, "The header breaks the format: its length, its first byte or its JSON.", FETCH_AGAIN, controls=TAMPERING),
    Rule("safetensors-layout", HIGH, SURE, "Tensors overlap, or bytes belong to no tensor: payloads hide in such gaps.", FETCH_AGAIN, controls=TAMPERING),
    Rule("safetensors-metadata", MEDIUM, SURE, "`__metadata__` must map text to text; anything else is for a reader nobody checked.", FETCH_AGAIN, controls=TAMPERING),
    Rule("safetensors-name", MEDIUM, LIKELY, "A tensor's name is empty, a path or not printable: loaders make attributes and files of names.", FETCH_AGAIN, ("CWE-22",), controls=TAMPERING),
    Rule("safetensors-padding", MEDIUM, SURE, "The header is padded with something else than spaces.", FETCH_AGAIN, controls=TAMPERING),
    Rule("safetensors-tensor", HIGH, SURE, "A tensor's type, shape and byte range contradict each other.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
