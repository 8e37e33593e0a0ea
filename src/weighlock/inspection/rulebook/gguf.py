"""GGUF files."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("gguf-bounds", CRITICAL, SURE, "A tensor lies outside the file: a loader that believes it reads or writes foreign memory.", FETCH_AGAIN, ("CVE-2026-7482",), controls=TAMPERING),
    Rule("gguf-header", HIGH, SURE, "The GGUF header or a metadata entry breaks the format, so loaders disagree about the file.", FETCH_AGAIN, controls=TAMPERING),
    Rule("gguf-layout", HIGH, SURE, "Tensors overlap, or bytes belong to no tensor: payloads hide in such gaps.", FETCH_AGAIN, controls=TAMPERING),
    Rule("gguf-tensor", HIGH, SURE, "A tensor's description breaks the format: name, dimensions, type or alignment.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
