"""What is said of the texts that a template puts in front of the model: hidden, far away, or reaching out.

Used for Jinja and for Go templates alike.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.report import Report

MAX_FACTS: Final = 8  # texts that are shown as facts; a template has one or two default prompts
_SHOWN: Final = 60  # characters of a text in a message


class Wording(NamedTuple):
    """A text that a template emits: the line, and whether a computed value follows it at once."""

    line: int
    text: str
    continues: bool = False


# Characters that nobody sees: soft hyphen, joiners, fillers, directions, invisible operators, tags, selectors
_HIDDEN: Final = re.compile(
    "[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200e\\u200f\\u202a-\\u202e"
    "\\u2060-\\u206f\\u3164\\ufff9-\\ufffb\\uffa0\\ufeff\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff\\ud800-\\udfff"
    "\\U000f0000-\\U0010ffff\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]"
    "|(?<![^\\x00-\\x7f])[\\u200c\\u200d]|[\\u200c\\u200d](?![^\\x00-\\x7f])|[\\ufe00-\\ufe0f]{2}"
)
_BLANK: Final = re.compile(r"[ \t\u00a0\u2000-\u200a\u3000]{100,}+|\n[ \t\r\n]{40,}+")
_CONCEALED: Final = re.compile(
    r"<!--|\[(?://|comment)\]:\s*#|display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d]*[1-9])",
    re.IGNORECASE,
)
_IMAGE: Final = re.compile(
    r"!\[[^\]\n]{0,200}\]\(\s*<?(?:https?:|//|data:|ftp:)|<(?:img|script|iframe|object|embed|link)\s[^>]{0,200}"
    r"(?:src|href|data)\s*=",
    re.IGNORECASE,
)
_LINK: Final = re.compile(
    r"\b(?:https?|ftp|wss?)://[^\s<>\"'`]{1,200}|\bwww\.[\w.-]{3,100}|\bjavascript:", re.IGNORECASE
)
_OPEN_LINK: Final = re.compile(r"\b(?:https?|ftp|wss?)://[^\s<>\"'`]{0,400}\Z", re.IGNORECASE)
_BLOB: Final = re.compile(r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/_-]{80,}={0,2}|(?:\\x[0-9a-f]{2}){16,})")
_OVERRIDE: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:(?:all|any|the|your|of|these|every)\s+){0,3}"
    r"(?:previous|prior|above|earlier|preceding|system|safety|user'?s?)\b"
    r"|\b(?:do\s+not|don'?t|never|without)\s+(?:tell(?:ing)?|inform(?:ing)?|alert(?:ing)?|warn(?:ing)?|notify(?:ing)?)"
    r"\s+(?:the\s+|your\s+)?(?:user|human|operator|developer|anyone)\b(?!\s+about\s+(?:the\s+)?(?:function|tool))"
    r"|\bsecretly\b|\bcovertly\b|\bwithout\s+the\s+user\s+(?:knowing|noticing)",
    re.IGNORECASE,
)
_SENTENCE: Final = re.compile(  # every quantifier is possessive: a long word is walked once
    r"(?<![^\W\d_])(?:[^\W\d_]++[ ,;:'\u2019-]{1,3}+){3}[^\W\d_]|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{8}"
)


def is_sentence(text: str) -> bool:
    """Return whether a text says something: four words in a row, or eight characters of a script without spaces."""
    return _SENTENCE.search(text) is not None


def examine_wording(report: Report, name: str, wordings: Iterable[Wording]) -> None:
    """Add findings about the texts of the template ``name``, and its longer texts as facts."""
    told: dict[str, None] = {}
    for wording in wordings:
        for rule, what in _judge(wording):
            report.find(rule, f"the template {shown(name)} {what}", line=wording.line)
        if is_sentence(wording.text):
            told[wording.text.strip()] = None
    for text in list(told)[:MAX_FACTS]:
        report.fact("template text", text)


def _judge(wording: Wording) -> Iterable[tuple[str, str]]:
    text = wording.text
    hidden = _HIDDEN.search(text, 1 if wording.line == 1 and text[:1] == "\ufeff" else 0)
    if hidden:
        around = text[max(0, hidden.start() - 10) : hidden.end() + 10]
        yield (
            "template-hidden-text",
            f"has the unseen character U+{ord(hidden.group()[0]):04X} in {shown(around)!r}",
        )
    for found, what in (
        (_gap(text), "puts text behind much white space"),
        (_CONCEALED.search(text), "has text that is not displayed"),
    ):
        if found:
            yield "template-concealed", f"{what}, {_near(text, found)}"
    image, link, opened = _IMAGE.search(text), _LINK.search(text), _OPEN_LINK.search(text)
    if image or (opened and wording.continues):
        found = image or opened
        yield (
            "template-exfiltration",
            f"has an address that a computed value or an image completes, {_near(text, found)}",
        )
    elif link:
        yield "template-link", f"has the address {shown(link.group()[:_SHOWN])!r} in what the model reads"
    blob = _BLOB.search(text)
    if blob and _is_mixed(blob.group()):
        yield "template-blob", f"has {len(blob.group())} characters of encoded data, {_near(text, blob)}"
    if override := _OVERRIDE.search(text):
        yield "template-override", f"says {shown(override.group())!r}"


def _gap(text: str) -> "re.Match[str] | None":
    """Return the first long stretch of white space that text follows."""
    last = len(text.rstrip())
    return next((found for found in _BLANK.finditer(text) if found.end() < last), None)


def _is_mixed(text: str) -> bool:
    return (
        any(c.isdigit() for c in text) and any(c.isupper() for c in text) and any(c.islower() for c in text)
    )


def _near(text: str, match: "re.Match[str] | None") -> str:
    if match is None:
        return ""
    return f"near {shown(text[match.start() : match.start() + _SHOWN].strip())!r}"
