"""Show untrusted text safely (rule of trust 13)."""

import unicodedata
from typing import Final

MAX_SHOWN_CHARACTERS: Final = 300  # longer text hides the sentence around it
_UNSAFE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def shown(text: str, *, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """Return ``text`` on one line with control, invisible and direction-changing characters escaped."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(_shown_character(character) for character in cut)


def _shown_character(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
