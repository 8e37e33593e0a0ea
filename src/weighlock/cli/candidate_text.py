"""Show a person what a candidate would run, and what is known of it, before they sign."""

from typing import TYPE_CHECKING

from weighlock.cli.output import table
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.service.workspace import Workspace


def describe_candidate(workspace: "Workspace", text: str) -> tuple[str, str]:
    """Return what the candidate consists of and who said what about it, for a terminal, and its digest."""
    from weighlock.promotion.candidate import Installation
    from weighlock.service.approve import read_candidate
    from weighlock.service.evidence import gather
    from weighlock.settings import EXPERIMENTATION

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
        ("command", shown(" ".join(candidate.argv), limit=2000)),
        (
            "environment",
            shown(", ".join(f"{name}={value}" for name, value in candidate.env.items())) or "empty",
        ),
        ("sandbox", ", ".join(f"{name} {value}" for name, value in candidate.sandbox.to_json().items())),
        ("requested by", shown(candidate.requester)),
    ]
    known = [
        *gather(store, descriptor.digest, trust).evidence,
        *gather(store, candidate.model, trust).evidence,
    ]
    rows += [(str(each.kind), f"by {shown(each.principal)}: {_said(each.predicate)}") for each in known]
    return table(rows), str(descriptor.digest)


def _said(predicate: object) -> str:
    if not isinstance(predicate, dict):
        return "unreadable"
    words = [
        str(predicate[name]) for name in ("decision", "result", "outcome", "comment") if predicate.get(name)
    ]
    return shown(" ".join(words)) or "made"
