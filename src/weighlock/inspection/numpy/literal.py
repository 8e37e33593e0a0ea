"""Read the Python literal in a NumPy header: what NumPy writes there, and nothing that is evaluated."""

import re
from typing import Final, TypeAlias

MAX_DEPTH: Final = 32  # of brackets in each other; types of fields in fields need few
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>u?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))|(?P<number>-?\d{1,40})L?|(?P<word>True|False|None)\b"
    r"|(?P<mark>[{}()\[\],:]))"
)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\\'\"nrtabfv])")
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WORDS: Final = {"True": True, "False": False, "None": None}
_CLOSING: Final = {"{": "}", "(": ")", "[": "]"}

Literal: TypeAlias = str | int | bool | tuple["Literal", ...] | list["Literal"] | dict[str, "Literal"] | None


def read_literal(text: str) -> Literal:
    """Return the value; raises ValueError for what NumPy does not write: it would read more than that."""
    value, at = _value(text, 0, 0)
    if text[at:].strip():
        raise ValueError("something follows the literal")
    return value


def _token(text: str, at: int) -> re.Match[str]:
    found = _TOKEN.match(text, at)
    if found is None:
        raise ValueError(f"character {at} is not of a literal")
    return found


def _value(text: str, at: int, depth: int) -> tuple[Literal, int]:
    found = _token(text, at)
    if found["text"]:
        return _unescaped(found["text"].removeprefix("u")[1:-1]), found.end()
    if found["number"]:
        return int(found["number"]), found.end()
    if found["word"]:
        return _WORDS[found["word"]], found.end()
    closing = _CLOSING.get(found["mark"])
    if closing is None or depth == MAX_DEPTH:
        raise ValueError(f"character {at} is not of a literal, or too deep in one")
    if closing == "}":
        return _mapping(text, found.end(), depth + 1)
    items, at, bare = _items(text, found.end(), closing, depth + 1)
    if closing == "]":
        return items, at
    return (items[0] if bare else tuple(items)), at


def _items(text: str, at: int, closing: str, depth: int) -> tuple[list[Literal], int, bool]:
    """Return the items, the place behind the bracket, and whether it is one item without a comma."""
    items: list[Literal] = []
    comma = True
    while (found := _token(text, at))["mark"] != closing:
        if not comma:
            raise ValueError(f"a comma is missing at character {at}")
        value, at = _value(text, at, depth)
        items.append(value)
        comma = _token(text, at)["mark"] == ","
        if comma:
            at = _token(text, at).end()
    return items, found.end(), len(items) == 1 and not comma


def _mapping(text: str, at: int, depth: int) -> tuple[dict[str, Literal], int]:
    found: dict[str, Literal] = {}
    comma = True
    while (token := _token(text, at))["mark"] != "}":
        key, at = _value(text, at, depth)
        colon = _token(text, at)
        if not comma or not isinstance(key, str) or key in found or colon["mark"] != ":":
            raise ValueError(f"a key is twice there, or malformed, before character {at}")
        found[key], at = _value(text, colon.end(), depth)
        comma = _token(text, at)["mark"] == ","
        if comma:
            at = _token(text, at).end()
    return found, token.end()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) == 1:
        return _LETTERS.get(code, code)
    number = int(code[1:], 16)
    if number > 0x10FFFF:
        raise ValueError("an escape is no character")
    return chr(number)
