"""Scripts, build files and source code in other languages than Python, and markup that carries script.

These languages are not parsed: that such a file is there is the finding, and telling lines make it a graver one.
"""

import re
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.detect import is_text
from weighlock.inspection.file import File
from weighlock.inspection.report import Report
from weighlock.inspection.repository.secret import find_secrets
from weighlock.inspection.span import Reading, Unexamined, read

MAX_SCRIPT_BYTES: Final = 4 * 1024 * 1024  # written by hand
_SHELLS: Final = r"(?:ba|z|da|k|fi)?sh|python[\d.]*|perl|ruby|node|iex|invoke-expression|powershell"
# what comes over the network or out of an encoding goes straight to an interpreter
_TELLING: Final = tuple(
    (what, re.compile(shape, re.IGNORECASE))
    for what, shape in (
        ("downloads and runs", rf"\b(?:curl|wget|fetch)\b[^\n|;]{{0,400}}\|\s*(?:sudo\s+)?(?:{_SHELLS})\b"),
        ("downloads and runs", rf"\b(?:{_SHELLS})\b[^\n]{{0,40}}[<$]\(\s*(?:curl|wget)\b"),
        (
            "downloads and runs",
            r"\b(?:iex|invoke-expression)\b[^\n]{0,100}\b(?:downloadstring|iwr|invoke-webrequest|irm)\b",
        ),
        ("decodes and runs", rf"\b(?:base64|openssl|xxd)\b[^\n|;]{{0,200}}\|\s*(?:{_SHELLS}|eval)\b"),
        ("decodes and runs", rf"\|\s*base64\s+(?:-d|-D|--decode)[^\n]{{0,40}}\|\s*(?:{_SHELLS})\b"),
        (
            "decodes and runs",
            r"\bpowershell(?:\.exe)?\b[^\n]{0,100}\s-e(?:nc|ncodedcommand)?\s+[A-Za-z0-9+/=]{40}",
        ),
        ("decodes and runs", r"\beval\b[^\n]{0,60}\b(?:base64|atob|unescape)\b"),
        (
            "opens a shell to another machine",
            r"/dev/tcp/[\w.]+/\d+|\bnc(?:at)?\b[^\n]{0,60}\s-e\s|\bbash\s+-i\s+>&",
        ),
    )
)
_ACTIVE: Final = re.compile(
    r"<script\b|<iframe\b|<object\b|<embed\b|<foreignObject\b|\bon[a-z]{3,20}\s*=\s*[\"']|javascript:"
    r"|<[a-z][^<>]{0,2000}[\s/]on[a-z]{3,20}\s*=|http-equiv\s*=\s*[\"']?refresh",
    re.IGNORECASE,
)
_MARKUP_SUFFIXES: Final = frozenset({".html", ".htm", ".xhtml", ".svg", ".xml"})
# a model in PMML, or one of OpenVINO behind a comment so long that it was not recognised
_MODEL: Final = re.compile(r"<(?:[\w-]+:)?PMML\b|<net\s")
_ENTITY: Final = re.compile(
    r"<!ENTITY\s+(?:%\s+)?[\w.-]+\s+(?:SYSTEM|PUBLIC)\b|<!DOCTYPE[^>\[]{0,300}\b(?:SYSTEM|PUBLIC)\s+[\"'](?!http://www\.w3\.org/|-//)"
)
_ENTITIES: Final = re.compile(r"<!ENTITY\b")
_MANY_ENTITIES: Final = 20  # declared: expansion of entities in each other is the attack


def examine_script(file: File) -> Reading[None]:
    """Report a script, and what it tells of itself; raises Unexamined."""
    file.report.find("script", "the file is a script")
    examine_commands(file.report, (yield from _search(file)))
    raise Unexamined("what a script does is not analysed")


def examine_native_source(file: File) -> Reading[None]:
    """Report source code of a compiled language: libraries such as torch build and load it."""
    file.report.find("native-source", "the file is source code of a compiled language")
    examine_commands(file.report, (yield from _search(file)))
    raise Unexamined("what source code of a compiled language does is not analysed")


def examine_markup(file: File) -> Reading[None]:
    """Report script and outside entities in HTML, SVG and XML; raises Unexamined."""
    text = yield from _search(file)
    report = file.report
    if not is_text((yield from read(0, file.size)), whole=True):
        report.not_examined("the file begins as markup and goes on as something else")
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix not in _MARKUP_SUFFIXES or _MODEL.search(text):
        report.not_examined(f"no rule says what a loader makes of markup named {shown(file.path)}")
    if found := _ACTIVE.search(text):
        report.find("script-in-markup", f"it has {shown(found.group().strip())}", line=_line(text, found))
    if found := _ENTITY.search(text):
        report.find("script-entity", "it declares an entity outside the file", line=_line(text, found))
    elif len(_ENTITIES.findall(text)) > _MANY_ENTITIES:
        report.find("script-entity", f"it declares more than {_MANY_ENTITIES} entities")


def examine_commands(report: Report, text: str) -> bool:
    """Add what lines of a shell tell: code that is downloaded or decoded and run. Returns whether there are any."""
    told = False
    for what, shape in _TELLING:
        if found := shape.search(text):
            report.find("script-fetches-code", f"it {what}: {shown(found.group())}", line=_line(text, found))
            told = True
    return told


def _search(file: File) -> Reading[str]:
    if file.size > MAX_SCRIPT_BYTES:
        raise Unexamined(f"a script of {file.size} bytes is over the limit of {MAX_SCRIPT_BYTES}")
    text = (yield from read(0, file.size)).decode("utf-8", "replace")
    find_secrets(file.report, text)
    return text


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1
