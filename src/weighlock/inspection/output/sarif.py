"""Write a result as SARIF 2.1.0, which code review tools show.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
"""

import re
from typing import Any, Final
from urllib.parse import quote

from weighlock.core.finding import Finding, Severity
from weighlock.inspection.result import InspectedFile, InspectionResult
from weighlock.inspection.rulebook.registry import find_rule
from weighlock.inspection.rulebook.rule import Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
_SCORES: Final = {
    Severity.INFO: "0.0",
    Severity.LOW: "2.0",
    Severity.MEDIUM: "5.0",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.8",
}
_OFFSET: Final = re.compile(r"@(\d+)\Z")
_LINE: Final = re.compile(r":(\d+)\Z")


def to_sarif(result: InspectionResult) -> dict[str, Any]:
    """Return the SARIF log: one run, findings as results, files not examined as notifications."""
    used = sorted({finding.rule for finding in result.findings})
    notes = [_notification(file) for file in result.files if file.examined.not_examined is not None]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "weighlock",
                        "semanticVersion": result.tool_version,
                        "rules": [_rule(find_rule(name)) for name in used],
                    }
                },
                "results": [
                    _result(finding, file.examined.path, used)
                    for file in result.files
                    for finding in file.examined.findings
                ],
                "invocations": [{"executionSuccessful": not notes, "toolExecutionNotifications": notes}],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.reason},
        "help": {"text": f"What to do: {rule.remedy}."},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"security-severity": _SCORES[rule.severity], "tags": ["security", *rule.references]},
    }


def _result(finding: Finding, path: str, used: list[str]) -> dict[str, Any]:
    where: dict[str, Any] = {"artifactLocation": {"uri": quote(path)}}
    offset = _OFFSET.search(finding.location)
    # an offset within an archive's member is not one in the file: it stands in the message only
    if offset and "!" not in finding.location:
        where["region"] = {"byteOffset": int(offset[1])}
    line = _LINE.search(finding.location)
    if line and "!" not in finding.location:
        where["region"] = {"startLine": int(line[1])}
    return {
        "ruleId": finding.rule,
        "ruleIndex": used.index(finding.rule),
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.location}: {finding.message}. What to do: {finding.remedy}."},
        "locations": [{"physicalLocation": where}],
    }


def _notification(file: InspectedFile) -> dict[str, Any]:
    return {
        "level": "warning",
        "message": {"text": f"not examined: {file.examined.not_examined}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(file.examined.path)}}}],
    }
