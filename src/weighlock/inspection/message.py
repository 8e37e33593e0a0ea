"""What is said of one file, as JSON: between processes, and in results."""

from typing import Any

from weighlock.core.finding import Confidence, Examined, Finding, Link, Severity


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
    }


def examined_from(message: dict[str, Any]) -> Examined:
    """Return the result that ``examined_json`` wrote; raises KeyError, TypeError or ValueError for anything else."""
    reason = message["notExamined"]
    return Examined(
        path=str(message["path"]),
        format=str(message["format"]),
        findings=tuple(finding_from(item) for item in message["findings"]),
        facts=tuple((str(name), str(value)) for name, value in message["facts"]),
        links=tuple(Link(str(kind), str(target), str(member)) for kind, target, member in message["links"]),
        not_examined=None if reason is None else str(reason),
        skipped=tuple(str(each) for each in message["skipped"]),
        parts=int(message["parts"]),
        formats=tuple(str(name) for name in message["formats"]),
    )


def finding_from(item: dict[str, Any]) -> Finding:
    """Return the finding that ``to_json`` wrote; raises KeyError, TypeError or ValueError for anything else."""
    return Finding(
        rule=str(item["rule"]),
        severity=Severity[str(item["severity"]).upper()],
        confidence=Confidence[str(item["confidence"]).upper()],
        location=str(item["location"]),
        message=str(item["message"]),
        remedy=str(item["remedy"]),
    )
