"""The reviewed file of waivers, and what it does to a result.

It is a map of ``version: 1`` and ``waivers``, a list of entries with rule, digest, owner, reason, ticket, expires and,
if it is only about one place of the file, path. An example stands in docs/inspection-waivers.md.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from weighlock.core.text import shown
from weighlock.core.waiver import Waiver, WaiverError
from weighlock.inspection.result import InspectedFile, InspectionResult, Waived
from weighlock.inspection.rulebook.registry import all_rules
from weighlock.yamltext import Node, YamlError, read_yaml, wrong

VERSION: Final = 1
MAX_WAIVERS: Final = 1000  # more are not reviewed one by one


def read_waivers(raw: bytes, *, file: object) -> tuple[Waiver, ...]:
    """Return the waivers of a file; raises UsageError ``waivers_invalid`` naming ``file`` and the line."""
    try:
        return _read(read_yaml(raw))
    except YamlError as error:
        raise wrong("waivers_invalid", file, error, "docs/inspection-waivers.md has an example") from error


def _read(document: Node) -> tuple[Waiver, ...]:
    top = document.value if isinstance(document.value, dict) else {}
    if set(top) != {"version", "waivers"} or top["version"].value is not VERSION:
        raise YamlError(document.line, f"the file must be a map of version: {VERSION} and waivers")
    entries = top["waivers"]
    if not isinstance(entries.value, list) or len(entries.value) > MAX_WAIVERS:
        raise YamlError(entries.line, f"waivers must be a list of at most {MAX_WAIVERS}")
    return tuple(_waiver(entry) for entry in entries.value)


def _waiver(entry: Node) -> Waiver:
    fields = entry.value if isinstance(entry.value, dict) else {}
    try:
        return Waiver.read({name: node.value for name, node in fields.items()})
    except WaiverError as error:
        line = fields[error.field].line if error.field in fields else entry.line
        raise YamlError(line, error.why) from error


def apply_waivers(
    result: InspectionResult, waivers: Sequence[Waiver], today: dt.date
) -> tuple[InspectionResult, list[str]]:
    """Return the result with waived findings set apart, and a sentence for each waiver that does nothing."""
    good = [waiver for waiver in waivers if waiver.refusal(today) is None]
    used: set[Waiver] = set()
    files = tuple(_apply(file, good, used) for file in result.files)
    found = {finding.rule for finding in result.findings}
    notes = [
        f"a waiver does not count: {shown(waiver.rule)} of {waiver.digest.short}: "
        f"{waiver.refusal(today) or _idle(waiver, found)}"
        for waiver in waivers
        if waiver not in used
    ]
    return replace(result, files=files), notes


def _apply(file: InspectedFile, waivers: Iterable[Waiver], used: set[Waiver]) -> InspectedFile:
    left, waived = [], list(file.waived)
    for finding in file.examined.findings:
        for waiver in waivers:
            if waiver.covers(finding, file.digest, file.examined.path):
                used.add(waiver)
                waived.append(Waived(finding, waiver))
                break
        else:
            left.append(finding)
    examined = replace(file.examined, findings=tuple(left))
    return replace(file, examined=examined, waived=tuple(waived))


def _idle(waiver: Waiver, found: set[str]) -> str:
    if waiver.rule in found:
        return "other bytes than it names were found by that rule, or the finding is critical"
    if waiver.rule not in all_rules():
        return "there is no such rule (`weighlock explain` lists them)"
    return "that rule found nothing"
