"""What is said of one file, as JSON: between processes, and in results."""

from typing import Any, Final

from weighlock.core.finding import Confidence, Examined, Finding, Link, Severity
from weighlock.core.text import shown

MAX_TEXT_CHARACTERS: Final = 10_000  # of a message or a place in a file: what a report says is far shorter


def examined_json(examined: Examined) -> dict[str, Any]:
    """Return one file's result as a worker hands it over; ``examined_from`` reads it back."""
    return {
        "path": examined.path,
        "format": examined.format,
        "findings": [finding.to_json() for finding in examined.findings],
        "facts": [list(fact) for fact in examined.facts],
        "links": [[link.kind, link.target, link.member] for link in examined.links],
        "notExamined": examined.not_examined,
        "skipped": list(examined.skipped),
        "parts": examined.parts,
        "formats": list(examined.formats),
        "templates": [list(template) for template in examined.templates],
    }


def examined_from(message: dict[str, Any]) -> Examined:
    """Return the result that ``examined_json`` wrote; raises KeyError, TypeError, ValueError or OverflowError for others.

    Whoever wrote it may have been taken over by a file, so every text for people is made safe again.
    """
    reason = message["notExamined"]
    return Examined(
        path=str(message["path"]),
        format=_text(message["format"]),
        findings=tuple(finding_from(item) for item in message["findings"]),
        facts=tuple((_text(name), _text(value)) for name, value in message["facts"]),
        links=tuple(Link(str(kind), str(target), str(member)) for kind, target, member in message["links"]),
        not_examined=None if reason is None else _text(reason),
        skipped=tuple(_text(each) for each in message["skipped"]),
        parts=int(message["parts"]),
        formats=tuple(_text(name) for name in message["formats"]),
        templates=tuple((str(name), str(text)) for name, text in message["templates"]),
    )


def finding_from(item: dict[str, Any]) -> Finding:
    """Return the finding that ``to_json`` wrote; raises KeyError, TypeError or ValueError for anything else."""
    from weighlock.inspection.rulebook.registry import find_rule  # noqa: PLC0415  # a clean file does not need it

    return Finding(
        rule=find_rule(str(item["rule"])).id,
        severity=Severity[str(item["severity"]).upper()],
        confidence=Confidence[str(item["confidence"]).upper()],
        location=_text(item["location"]),
        message=_text(item["message"]),
        remedy=_text(item["remedy"]),
    )


def _text(value: object) -> str:
    return shown(str(value), limit=MAX_TEXT_CHARACTERS)
