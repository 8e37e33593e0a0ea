"""Examine a chat template: parse it, and judge what it reaches for, does and says. Nothing is rendered."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined
from weighlock.inspection.template.behaviour import computed_wordings, examine_behaviour, wordings
from weighlock.inspection.template.evaluate import Evaluator
from weighlock.inspection.template.exhaust import examine_effort
from weighlock.inspection.template.lexer import TemplateError
from weighlock.inspection.template.lookup import examine_lookups, search_text
from weighlock.inspection.template.parser import parse_template
from weighlock.inspection.template.wording import Wording, examine_wording

MAX_CHARACTERS: Final = 300_000  # of a template; the longest real ones have about 60,000


def examine_template(report: Report, name: str, text: str) -> None:
    """Add what there is to say about the template ``name``: its presence as a fact, and findings by line."""
    report.fact("chat template", f"{name}, {len(text)} characters")
    if not report.template(name, text):
        report.not_examined(f"the template {shown(name)} comes after more than are examined in one file")
        return
    if len(text) > MAX_CHARACTERS:
        report.not_examined(f"the template {shown(name)} has more than {MAX_CHARACTERS} characters")
        return
    try:
        _examine(report, name, text)
    except TemplateError as error:
        message = f"the template {shown(name)} cannot be parsed: {shown(error.message)}"
        report.find("template-syntax", message, line=error.line)
        report.not_examined(message)
        _search(report, name, text)
    except Unexamined as limit:
        report.not_examined(f"{shown(name)}: {limit.reason}")
        _search(report, name, text)


def _examine(report: Report, name: str, text: str) -> None:
    body = parse_template(text)
    values = Evaluator(body)
    for examine in (examine_lookups, examine_behaviour, examine_effort):
        for hit in examine(body, values):
            report.find(hit.rule, f"the template {shown(name)} {hit.what}", line=hit.line)
    examine_wording(report, name, [*wordings(body), *computed_wordings(body, values)])


def _search(report: Report, name: str, text: str) -> None:
    """Say what can be said of a text without its syntax tree: some engine may take what we do not."""
    for hit in search_text(text):
        report.find(hit.rule, f"the template {shown(name)} {hit.what}", line=hit.line)
    examine_wording(report, name, [Wording(1, text)])
