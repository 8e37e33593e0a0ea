"""Requirements of Python packages: where they come from, and whether they are pinned."""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report

# options may stand anywhere in a line, long ones may be cut short, and a value may follow a short one at once
_INDEX: Final = re.compile(
    r"(?:^|\s)(?:-[if]|--(?:i|ex|f|t|proc)[a-z-]*)"
)  # index, extra index, find links, trusted host, install option
_SOURCE: Final = re.compile(
    r"(?:^|\s)(?:-e|--ed[a-z-]*)|://|^[^;]*@|^[./~]|^[^;\s=<>!]*[/\\]|^[^;]*\.(?:whl|zip|tgz|tar\.\w+)(?:\s|$)"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.\s-]*\])?\s*(.*)")


def examine_requirements(report: Report, text: str) -> None:
    """Add what a requirements file means (pip's "Requirements File Format")."""
    unpinned = 0
    for number, line in enumerate(re.sub(r"\\\r?\n", "", text).splitlines(), 1):
        unpinned += examine_requirement(report, line, number)
    if unpinned:
        report.find("config-requirement-unpinned", f"{unpinned} requirements are not pinned")


def examine_requirement(report: Report, line: str, number: int | None) -> bool:
    """Add what one line means; return whether it is a requirement that is not pinned."""
    text = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
    if not text:
        return False
    if _INDEX.search(text):
        report.find("config-requirement-index", f"{shown(_without_secret(text))}", line=number)
        return False
    if _SOURCE.search(text):
        report.find("config-requirement-source", f"{shown(_without_secret(text))}", line=number)
        return False
    named = _NAME.fullmatch(text.partition(";")[0].strip())
    return named is not None and "==" not in named[1] and not text.startswith("-")


def _without_secret(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//…@", text)
