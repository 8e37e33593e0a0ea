"""Strict reading of our own signed JSON records.

A record is stored once, as exact bytes under its digest, and never canonicalised
again. Unknown fields are refused: a reader that skips what it does not understand
can be told two stories.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object
from weighlock.core.text import shown

MAX_RECORD_BYTES: Final = 1024 * 1024  # argv and environment are the largest parts
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


def read_record(raw: bytes, *, what: str, fields: frozenset[str]) -> dict[str, Any]:
    """Return the record's object, which has exactly ``fields`` and version 1; raises DeniedError."""
    value = read_object(raw, what=what, limit=MAX_RECORD_BYTES)
    if value.keys() != fields:
        odd = sorted(value.keys() ^ fields)
        raise invalid(what, f"it lacks or adds {shown(', '.join(odd))}")
    if value["version"] != 1 or isinstance(value["version"], bool):
        raise invalid(what, "its version is not 1")
    return value


def invalid(what: str, why: str) -> DeniedError:
    """Return the error for a record that is refused because of ``why``."""
    return DeniedError("record_invalid", f"{what} is refused: {why}")


def text(value: Any, *, what: str, field: str) -> str:
    """Return ``value`` if it is non-empty text."""
    if not isinstance(value, str) or not value:
        raise invalid(what, f"{field} is not text")
    return value


def check_name(value: Any, *, what: str) -> str:
    """Return ``value`` if it can name a release: lower-case letters, digits, dot, hyphen, underscore."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise invalid(what, f"{shown(repr(value))} is not a name of lower-case letters, digits, . _ -")
    return value


def number(value: Any, *, what: str, field: str, low: int = 1) -> int:
    """Return ``value`` if it is a whole number not below ``low``."""
    if type(value) is not int or value < low:
        raise invalid(what, f"{field} is not a number from {low} on")
    return value


def texts(value: Any, *, what: str, field: str) -> tuple[str, ...]:
    """Return ``value`` as a tuple of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(what, f"{field} is not a list of texts")
    return tuple(value)


def text_map(value: Any, *, what: str, field: str) -> Mapping[str, str]:
    """Return ``value`` as a map of texts."""
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid(what, f"{field} is not a map of texts")
    return value


def digests(value: Any, *, what: str, field: str) -> tuple[Digest, ...]:
    """Return ``value`` as a tuple of digests."""
    return tuple(Digest.parse(item) for item in texts(value, what=what, field=field))
