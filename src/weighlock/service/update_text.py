"""Say what differs in a text that decides how a model is used: a template, a configuration, its code.

JSON is compared key by key, so that a template in one long line is shown as the lines that it has;
everything else line by line. What is returned is untrusted text, bounded: whoever shows it escapes it.
"""

import difflib
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_json
from weighlock.service.pull_task import TextDifference

MAX_TEXT_BYTES: Final = (
    1 << 20
)  # configurations and templates have a few kilobytes; a vocabulary is not for people
MAX_LINES: Final = 60  # of one file, on a screen
MAX_LINE_CHARACTERS: Final = 200
MAX_TEXT_LINES: Final = 20_000  # difflib takes the square of that in the worst case
_CONTEXT_LINES: Final = 2
_NAMES: Final = frozenset({"special_tokens_map.json", "chat_template.json", "modelfile", "kitfile"})
_OLLAMA: Final = frozenset({"template", "params", "system"})  # layers of an Ollama model, as files
_SUFFIXES: Final = (".jinja", ".jinja2", ".gotmpl", ".tmpl", ".py", "config.json", "params.json")
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def is_telling(path: str) -> bool:
    """Return whether a file of that name decides how a model is used, and people can read it."""
    name = PurePosixPath(path).name.lower()
    return name in _NAMES or name.endswith(_SUFFIXES) or name.split(".")[0] in _OLLAMA


def compare_texts(path: str, before: bytes | None, after: bytes | None) -> TextDifference:
    """Return how two versions of a file differ; None is a file that is not there."""
    lines = _difference(before, after)
    shown = [line[:MAX_LINE_CHARACTERS] for line in islice(lines, MAX_LINES)]
    return TextDifference(path, shown, sum(1 for _ in lines))


def _difference(before: bytes | None, after: bytes | None) -> Iterator[str]:
    if before is not None and after is not None:
        values = _value(before), _value(after)
        if isinstance(values[0], dict) and isinstance(values[1], dict):
            return _differing_keys(values[0], values[1])
    return _differing_lines(_text(before), _text(after))


def _value(raw: bytes) -> Any:
    try:
        return read_json(raw, what="the file")
    except DeniedError:  # then it is compared as the text that it is
        return None


def _text(raw: bytes | None) -> str:
    return "" if raw is None else raw.decode("utf-8", "backslashreplace")


def _differing_lines(before: str, after: str) -> Iterator[str]:
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MAX_TEXT_LINES:
        return iter(("(too many lines to compare)",))
    unified = difflib.unified_diff(old, new, lineterm="", n=_CONTEXT_LINES)
    return (line for line in unified if not line.startswith(("---", "+++", "@@")))


def _differing_keys(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    for key in sorted(old.keys() | new.keys()):
        was, is_now = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if was == is_now and type(was) is type(is_now):
            continue
        if _is_long(was) or _is_long(is_now):
            yield f"  {key}:"
            yield from (f"  {line}" for line in _differing_lines(_plain(was), _plain(is_now)))
            continue
        if was is not _ABSENT:
            yield f"- {key}: {_written(was)}"
        if is_now is not _ABSENT:
            yield f"+ {key}: {_written(is_now)}"


class _Absent:
    """No value under a key."""


_ABSENT: Final = _Absent()


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            name = key if _PLAIN_KEY.fullmatch(key) else _written(key)
            yield from _leaves(f"{prefix}.{name}" if prefix else name, inner)
    elif prefix:  # without one it is an empty document, which has no key
        yield prefix, value


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _plain(value: Any) -> str:
    return "" if value is _ABSENT else value if isinstance(value, str) else _written(value)


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
