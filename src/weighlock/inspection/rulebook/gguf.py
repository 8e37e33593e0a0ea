"""GGUF files."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CRITICAL,
    FETCH_AGAIN,
    GUESS,
    HIGH,
    LIKELY,
    MEDIUM,
    SURE,
    TAMPERING,
    Rule,
)

RULES: Final = (
    Rule("gguf-bounds", CRITICAL, SURE, "A tensor lies outside the file: a loader that believes it reads or writes foreign memory.", FETCH_AGAIN, ("CVE-2026-7482",), controls=TAMPERING),
    Rule("gguf-header", HIGH, SURE, "The GGUF header or a metadata entry breaks the format, so loaders disagree about the file.", FETCH_AGAIN, controls=TAMPERING),
    Rule("gguf-layout", HIGH, SURE, "Tensors overlap, or bytes belong to no tensor: payloads hide in such gaps.", FETCH_AGAIN, controls=TAMPERING),
    Rule("gguf-name", MEDIUM, LIKELY, "A tensor's or entry's name is empty, a path or not printable.", FETCH_AGAIN, ("CWE-22",), controls=TAMPERING),
    Rule("gguf-special-token", MEDIUM, SURE, "A special token lies outside of the vocabulary.", FETCH_AGAIN, ("CWE-129",), controls=TAMPERING),
    Rule("gguf-split", MEDIUM, SURE, "A part of a split file contradicts its name or itself: a loader takes other parts than those that were meant.", "fetch all parts again from their origin by digest", controls=TAMPERING),
    Rule("gguf-tensor", HIGH, SURE, "A tensor's description breaks the format: name, dimensions, type or alignment.", FETCH_AGAIN, controls=TAMPERING),
    Rule(
        "gguf-token", MEDIUM, GUESS, "A control token is an ordinary word: whoever writes the word in a prompt that is parsed for special tokens gives the model a command.", "compare the vocabulary with the base model's", controls=TAMPERING,
        detail="Control tokens start and end turns and mark tools. Their texts are chosen so that nobody writes them by chance, such as <|im_start|>. The rule looks at tokens of the type control whose text is only letters.",
    ),
    Rule("gguf-vocabulary", HIGH, SURE, "The vocabulary's arrays or the embedding are too short for its tokens: a loader reads beyond their end.", FETCH_AGAIN, ("CWE-125",), controls=TAMPERING),
)  # fmt: skip
