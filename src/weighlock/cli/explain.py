"""``weighlock explain``, also reached as ``weighlock inspect explain``."""

import difflib
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from weighlock.cli.output import Output, common_options, pass_output, styled, table
from weighlock.core.error import UsageError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.inspection.rulebook.rule import Rule

MAX_CLOSE: Final = 4  # rules that are suggested for a name that is none


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from weighlock.inspection.rulebook.registry import all_rules

    del context, parameter  # click's signature
    return [
        CompletionItem(name, help=rule.reason)
        for name, rule in all_rules().items()
        if name.startswith(incomplete)
    ]


@click.command(short_help="Explain a rule of inspection: why it matters, how it decides, what to do.")
@click.argument("rule", required=False, shell_complete=_complete)
@common_options
@pass_output
def explain(output: Output, *, rule: str | None) -> None:
    """Explain a RULE of inspection: why it matters, how it decides, what to do.

    Without RULE, list all of them, the gravest first. `weighlock inspect explain` is the
    same; to inspect a file named explain, write ./explain.
    """
    from weighlock.inspection.rulebook.registry import all_rules

    rules = all_rules()
    if rule is None:
        ordered = sorted(rules.values(), key=lambda each: (-each.severity, each.id))
        output.facts({"rules": [_facts(each) for each in ordered]}, lambda: _list(ordered))
        return
    found = rules.get(rule)
    if found is None:
        raise _unknown(rule, list(rules))
    output.facts(_facts(found), lambda: _text(found))


def _unknown(rule: str, known: list[str]) -> UsageError:
    inside = [name for name in known if rule and rule.lower() in name]
    alike = difflib.get_close_matches(rule.lower(), known, n=MAX_CLOSE)
    close = list(dict.fromkeys([*alike, *inside]))[:MAX_CLOSE]
    return UsageError(
        "rule_unknown",
        f"there is no rule {shown(rule)!r}",
        hint=f"did you mean {' or '.join(close)}?" if close else "`weighlock explain` lists all rules",
    )


def _facts(rule: "Rule") -> dict[str, Any]:
    return {
        "rule": rule.id,
        "severity": rule.severity.name.lower(),
        "confidence": rule.confidence.name.lower(),
        "reason": rule.reason,
        "remedy": rule.remedy,
        "detail": rule.detail,
        "references": list(rule.references),
        "controls": list(rule.controls),
    }


def _list(rules: "list[Rule]") -> str:
    return table([(_severity(rule), rule.id, rule.reason) for rule in rules])


def _severity(rule: "Rule") -> str:
    grave = rule.severity.name in {"HIGH", "CRITICAL"}
    return styled(rule.severity.name.lower(), Outcome.FINDINGS if grave else Outcome.UNDECIDED)


def _text(rule: "Rule") -> str:
    parts = [f"{rule.id}: {_severity(rule)}, confidence {rule.confidence.name.lower()}", rule.reason]
    if rule.detail:
        parts.append(rule.detail)
    parts.append(f"What to do: {rule.remedy}.")
    for name, values in (("See", rule.references), ("Evidence for", rule.controls)):
        if values:
            parts.append(f"{name}: {', '.join(values)}")
    return "\n\n".join(click.wrap_text(part, width=100) for part in parts)
