"""Hold a GGUF file's vocabulary against itself: counts, special tokens, and tokens that pretend to be text.

llama.cpp (``llama-vocab.cpp``) reads a score and a type for each token by its number, and the row of the embedding
that has it: what is too short is read beyond its end. Texts of tokens stay in the file but for the few that matter.
"""

import re
import struct
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.gguf.read import TOKENS, Gguf
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, read

MAX_CONTROL: Final = 4096  # tokens whose text is looked at; models reserve some hundred
MAX_TOKEN_BYTES: Final = 4096  # of a token; real ones have about 130
MAX_TYPES_BYTES: Final = 16 << 20  # four million tokens; the largest vocabularies have 260,000
_BESIDE: Final = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type")
_CONTROL: Final = 3  # LLAMA_TOKEN_TYPE_CONTROL: never shown, and parsed from a prompt only on purpose
_SPECIAL: Final = re.compile(r"tokenizer\.ggml\.\w+_token_id")
_NONE: Final = {0xFFFFFFFF, 2**64 - 1, -1}  # what writers put where there is no such token
_INT32: Final = 5
_WORD: Final = re.compile(r"[ \u2581\u0120]?[^\W\d_]{4,}")


def examine_vocabulary(report: Report, model: Gguf) -> Reading[None]:
    """Add findings about the vocabulary, if the file has one."""
    tokens = model.arrays.get(TOKENS)
    if tokens is None:
        return
    report.fact("tokens", tokens.length)
    for key in _BESIDE:
        beside = model.arrays.get(key)
        if beside and beside.length != tokens.length:
            told = f"{key} has {beside.length} elements for {tokens.length} tokens"
            report.find("gguf-vocabulary", told, offset=beside.offset)
    if model.embedding_rows is not None and model.embedding_rows < tokens.length:
        told = f"{tokens.length} tokens have {model.embedding_rows} rows of the embedding"
        report.find("gguf-vocabulary", told, offset=tokens.offset)
    for key, number in model.numbers.items():
        if _SPECIAL.fullmatch(key) and number not in _NONE and not 0 <= number < tokens.length:
            report.find("gguf-special-token", f"{shown(key)} is {number}, of {tokens.length} tokens")
    yield from _examine_control(report, model)


def _examine_control(report: Report, model: Gguf) -> Reading[None]:
    """A control token that is a word makes the word do what the token does, wherever special tokens are parsed."""
    types = model.arrays.get("tokenizer.ggml.token_type")
    count = len(model.token_offsets)
    if types is None or types.type != _INT32 or types.length != count or count * 4 > MAX_TYPES_BYTES:
        return
    raw = yield from read(types.offset, count * 4)
    order = "<" if model.little_endian else ">"
    control = [
        number for number, (kind,) in enumerate(struct.iter_unpack(order + "i", raw)) if kind == _CONTROL
    ]
    if len(control) > MAX_CONTROL:
        report.not_examined(f"the vocabulary has {len(control)} control tokens")
        return
    words: list[str] = []
    for number in control:
        text = yield from _token(model, model.token_offsets[number])
        if _WORD.fullmatch(text):
            words.append(text)
    if words:
        shown_words = ", ".join(shown(repr(word)) for word in words[:5])
        told = f"{len(words)} control tokens are ordinary words: {shown_words}"
        report.find("gguf-token", told, offset=types.offset)


def _token(model: Gguf, offset: int) -> Reading[str]:
    width = 4 if model.version == 1 else 8
    length = int.from_bytes((yield from read(offset, width)), "little" if model.little_endian else "big")
    if length > MAX_TOKEN_BYTES:
        return ""
    return (yield from read(offset + width, length)).decode("utf-8", "replace")
