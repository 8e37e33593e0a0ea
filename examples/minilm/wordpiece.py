"""BERT's tokenizer: text to the numbers of WordPiece tokens. Standard library only.

Source: Devlin et al. 2018 (arXiv:1810.04805), section 3, and google-research/bert,
``tokenization.py``, for what counts as a space, a sign, an ideograph or noise.
"""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

MAX_TOKENS: Final = 256  # sentence_bert_config.json: what the model was trained to take
MAX_WORD_CHARACTERS: Final = 100  # BERT's own rule: a longer word is unknown
SPACES: Final = "\t\n\r"  # beside Unicode's own, category Zs

# Each of these characters is a word of its own.
IDEOGRAPHS: Final = (
    range(0x4E00, 0xA000),
    range(0x3400, 0x4DC0),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2CEB0),
    range(0xF900, 0xFB00),
    range(0x2F800, 0x2FA20),
)


class Tokenizer:
    """Cuts words into the longest pieces that the vocabulary has, from left to right."""

    def __init__(self, tokens: Sequence[str], *, lowercase: bool) -> None:
        """Number ``tokens`` by their place in the list."""
        self._ids = {token: place for place, token in enumerate(tokens)}
        self._lowercase = lowercase

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the tokenizer of ``vocab.txt`` and ``tokenizer_config.json``."""
        settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        return cls(read_vocabulary(folder), lowercase=settings["do_lower_case"])

    def encode(self, text: str) -> list[int]:
        """Return the token ids of ``text`` between [CLS] and [SEP], MAX_TOKENS at most."""
        pieces = [piece for word in self._split(text) for piece in self._cut(word)]
        inner = pieces[: MAX_TOKENS - 2]
        return [self._ids[piece] for piece in ("[CLS]", *inner, "[SEP]")]

    def _split(self, text: str) -> list[str]:
        if self._lowercase:
            decomposed = unicodedata.normalize("NFD", text.lower())
            text = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
        return "".join(_space_out(character) for character in text).split(" ")

    def _cut(self, word: str) -> list[str]:
        if len(word) > MAX_WORD_CHARACTERS:
            return ["[UNK]"]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                if prefix + word[start:end] in self._ids:
                    break
            else:
                return ["[UNK]"]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces


def read_vocabulary(folder: Path) -> list[str]:
    """Return the tokens of ``vocab.txt``; a token's id is its place."""
    # not splitlines(): the vocabulary has tokens that Unicode takes for line ends
    return (folder / "vocab.txt").read_bytes().decode().removesuffix("\n").split("\n")


def _space_out(character: str) -> str:
    category = unicodedata.category(character)
    if character in SPACES or category == "Zs":
        return " "
    if character == "\ufffd" or category.startswith("C"):
        return ""
    if _is_sign(character, category) or any(ord(character) in block for block in IDEOGRAPHS):
        return f" {character} "
    return character


def _is_sign(character: str, category: str) -> bool:
    # BERT takes every ASCII sign, also "$" and "+", which Unicode calls symbols
    return category.startswith("P") or (character.isascii() and not character.isalnum())
