"""Show a person what a candidate would run, and what is known of it, before they sign."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weighlock.cli.output import table
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.workspace import Workspace


def describe_candidate(workspace: "Workspace", text: str) -> tuple[str, str]:
    """Return what the candidate consists of and who said what about it, for a terminal, and its digest."""
    from weighlock.core.environment import EXPERIMENTATION
    from weighlock.core.evidence import Kind
    from weighlock.promotion.candidate import Installation
    from weighlock.service.approve import read_candidate
    from weighlock.service.evidence import gather

    store, trust = workspace.store(EXPERIMENTATION), workspace.trust_for(EXPERIMENTATION)
    candidate, descriptor = read_candidate(store, text)
    serving = candidate.serving
    rows = [
        ("candidate", str(descriptor.digest)),
        ("name", candidate.name),
        ("model", str(candidate.model)),
        (
            "served by",
            f"package lock {serving.package_lock}" if isinstance(serving, Installation) else str(serving),
        ),
        ("environment", "below" if candidate.env else "empty"),
        ("sandbox", ", ".join(f"{name} {value}" for name, value in candidate.sandbox.to_json().items())),
        ("requested by", shown(candidate.requester)),
    ]
    known = [
        *gather(store, descriptor.digest, trust).evidence,
        *gather(store, candidate.model, trust).evidence,
    ]
    rows += [(str(each.kind), f"by {shown(each.principal)}: {_said(each.predicate)}") for each in known]
    findings = [line for each in known if each.kind is Kind.INSPECTION for line in _findings(each.predicate)]
    command = [line for argument in candidate.argv for line in _argument(argument)]
    variables = [line for name, value in candidate.env.items() for line in _argument(f"{name}={value}")]
    parts = [table(rows), "command:", *command]
    parts += [
        *(["environment:", *variables] if variables else []),
        *(["inspection:", *findings] if findings else []),
    ]
    return "\n".join(parts), str(descriptor.digest)


def _argument(argument: str) -> list[str]:
    """Return an argument whole, a line of it a line: what is cut off cannot be approved."""
    first, *rest = [shown(line, limit=len(line) + 1) for line in argument.split("\n")]
    return [f"  - {first}", *(f"    {line}" for line in rest)]


def _findings(predicate: Mapping[str, Any]) -> list[str]:
    """Return what an inspection has to say of each file that is not clean."""
    lines = []
    files = predicate.get("files")
    for file in files if isinstance(files, list) else []:
        path = shown(str(file.get("path")))
        lines += [
            f"  {shown(str(finding.get('severity')))}: {path}: {shown(str(finding.get('message')))}"
            for finding in file.get("findings", [])
        ]
        if file.get("notExamined") is not None:
            lines.append(f"  not examined: {path}: {shown(str(file['notExamined']))}")
    return lines


def _said(predicate: object) -> str:
    if not isinstance(predicate, dict):
        return "unreadable"
    words = [
        str(predicate[name])
        for name in ("decision", "result", "outcome", "waived", "reason", "comment")
        if predicate.get(name)
    ]
    return shown(" ".join(words)) or "made"
