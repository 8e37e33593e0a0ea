"""Read JSON strictly and write it in one way.

Two readers that disagree about a document are an attack (RFC 8259, section 4): so
duplicate keys, NaN and Infinity, invalid UTF-8, lone surrogates, excessive depth
and trailing bytes are refused.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_DOCUMENT_BYTES, MAX_JSON_DEPTH
from weighlock.core.text import shown

MAX_SAFE_INTEGER: Final = 2**63 - 1
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b'"[]{}'))
_BRACKETS: Final = re.compile(rb'"[^"]*"|[\[{]+|[\]}]+')


def read_json(raw: bytes, *, what: str, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """Return the value of the UTF-8 JSON text ``raw``; ``what`` names it in errors.

    Raises DeniedError ``json_invalid``.
    """
    if len(raw) > limit:
        raise _invalid(what, f"{len(raw)} bytes are more than the limit of {limit}")
    if json_depth(raw) > MAX_JSON_DEPTH:
        raise _invalid(what, f"it nests deeper than {MAX_JSON_DEPTH}")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=distinct_keys,
            parse_constant=refuse_constant,
            parse_int=_integer,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be encoded
    except (ValueError, RecursionError) as error:
        raise _invalid(what, shown(str(error))) from error
    return value


def read_object(raw: bytes, *, what: str, limit: int = MAX_DOCUMENT_BYTES) -> dict[str, Any]:
    """Return the JSON object of ``raw``; raises DeniedError ``json_invalid`` for any other value."""
    value = read_json(raw, what=what, limit=limit)
    if not isinstance(value, dict):
        raise _invalid(what, "it is not an object")
    return value


def write_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return ``value`` as UTF-8 JSON: sorted keys, no needless spaces unless ``indent`` is given."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=separators, indent=indent, allow_nan=False
    )
    return text.encode("utf-8")


class DuplicateKeyError(ValueError):
    """An object has a key twice; ``key`` is that one."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} occurs twice")
        self.key = key


def distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of ``pairs``; raises DuplicateKeyError. A hook for ``json.loads``."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DuplicateKeyError(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return made


def refuse_constant(name: str) -> Any:
    """Raise ValueError for NaN and Infinity. A hook for ``json.loads``."""
    raise ValueError(f"{name} is not JSON")


def objects_of(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a parsed document, itself first if it is one."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(item for item in value.values() if isinstance(item, dict | list))
        elif isinstance(value, list):
            waiting.extend(item for item in value if isinstance(item, dict | list))


def json_depth(raw: bytes) -> int:
    """Return how deep the arrays and objects of a JSON text nest, without parsing it."""
    # Escapes go first, then all but quotes and brackets; two adjacent quotes leave what is inside
    # a string inside. So megabytes of ordinary text are not walked token by token.
    bare = raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_STRUCTURE).replace(b'""', b"")
    deepest = depth = 0
    for match in _BRACKETS.finditer(bare):
        run = match.group()
        if run[0] in b"[{":
            depth += len(run)
            deepest = max(deepest, depth)
        elif run[0] in b"]}":
            depth -= len(run)
    return deepest


def _integer(text: str) -> int:
    value = int(text) if len(text) <= 20 else MAX_SAFE_INTEGER + 1
    if abs(value) > MAX_SAFE_INTEGER:
        raise ValueError("an integer does not fit in 64 bits")
    return value


def _invalid(what: str, why: str) -> DeniedError:
    return DeniedError("json_invalid", f"{what} is not acceptable JSON: {why}")
