"""Judge a Go template of Ollama's: what it calls and reads, what hangs on the words of a message, what it says.

The language reaches nothing but the values that Ollama gives it and a handful of functions, so there is no escape to
look for. What is left is behaviour, and what a reader of the text does not see.
"""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.ollama.go_parser import Action, Argument, Pipe, parse_go_template
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined
from weighlock.inspection.template.behaviour import MIN_TURN, is_words
from weighlock.inspection.template.examine import MAX_CHARACTERS
from weighlock.inspection.template.exhaust import MAX_RANGE
from weighlock.inspection.template.lexer import TemplateError
from weighlock.inspection.template.lookup import Hit
from weighlock.inspection.template.wording import Wording, examine_wording, is_sentence

_FUNCTIONS: Final = frozenset(
    {
        "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "eq", "ne", "lt", "le", "gt", "ge",
        "html", "js", "urlquery", "json", "currentDate", "yesterdayDate", "toTypeScriptType", "true", "false", "nil",
    }
)  # fmt: skip
_FIELDS: Final = frozenset(
    {
        "Messages", "Tools", "Prompt", "Suffix", "System", "Response", "Think", "ThinkLevel", "IsThinkSet", "Query",
        "Document", "Instruction", "First", "Role", "Content", "Thinking", "Images", "ToolCalls", "ToolName",
        "ToolCallID", "ID", "Function", "Name", "Arguments", "Index", "Type", "Description", "Parameters", "Required",
        "Properties", "Items", "Enum", "Defs", "AnyOf", "Options", "CurrentDate", "Last", "Tool", "String",
        "MessagesBySystem", "LastMessage", "Title", "Default", "Format", "ToTypeScriptType", "IsLast",
    }
)  # fmt: skip
_CONTENT: Final = frozenset(
    {"Content", "Prompt", "System", "Query", "Document", "Instruction", "Suffix", "Thinking", "Response"}
)
_COMPARE: Final = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
_DOT: Final = "."  # among the variables: what it stands for where an action has set it
_REBIND: Final = frozenset({"with", "block", "template"})
_DATES: Final = frozenset({"currentDate", "yesterdayDate", "CurrentDate"})
_WIDTH: Final = re.compile(r"%[-+# 0]*(\d{5,}|\*)")


def examine_go_template(report: Report, name: str, text: str) -> None:
    """Add what there is to say about the Go template ``name``: its presence as a fact, and findings by line."""
    report.fact("chat template", f"{name}, {len(text)} characters of Go")
    try:
        if len(text) > MAX_CHARACTERS:
            raise Unexamined(f"it has more than {MAX_CHARACTERS} characters")
        judge = _Judge(parse_go_template(text))
    except TemplateError as error:
        message = f"the template {shown(name)} cannot be parsed: {error.message}"
        report.find("template-syntax", message, line=error.line)
        report.not_examined(message)
        examine_wording(report, name, [Wording(1, text)])
        return
    except Unexamined as limit:
        report.not_examined(f"the template {shown(name)}: {limit.reason}")
        return
    for hit in judge.hits():
        report.find(hit.rule, f"the template {shown(name)} {hit.what}", line=hit.line)
    examine_wording(report, name, judge.wordings())


class _Judge:
    def __init__(self, actions: list[Action]) -> None:
        self.roots = actions
        self.actions = list(_walk(actions))
        self.content: set[str] = set()  # variables that hold words of a message
        self.dates: set[str] = set()
        for action in self.actions * 2:  # twice, for variables that follow from each other
            for pipe in _pipes(action.pipe):
                if pipe.variables and self.holds(pipe, _CONTENT, self.content) and action.word != "range":
                    self.content.update(pipe.variables)
                if action.word in _REBIND and self.holds(pipe, _CONTENT, self.content):
                    self.content.add(_DOT)
                if pipe.variables and self.holds(pipe, _DATES, self.dates):
                    self.dates.update(pipe.variables)

    def holds(self, pipe: Pipe, names: frozenset[str], variables: set[str]) -> bool:
        """Return whether the value of a pipeline may be what one of these fields, functions or variables holds."""
        last = pipe.commands[-1]
        if last[0].kind == "word" and last[0].text in {*_COMPARE, "len", "not"}:
            return False
        return any(self.reaches(each, names, variables) for command in pipe.commands for each in command)

    def reaches(self, argument: Argument, names: frozenset[str], variables: set[str]) -> bool:
        if argument.fields:
            return argument.fields[-1] in names
        if argument.pipe:
            return self.holds(argument.pipe, names, variables)
        if argument.kind == "dot":
            return _DOT in variables
        return argument.text in variables if argument.kind == "variable" else argument.text in names & _DATES

    def hits(self) -> Iterator[Hit]:
        """Return what the rules say."""
        defined = {action.text for action in self.actions if action.word in {"define", "block"}}
        for action in self.actions:
            if action.word == "template" and action.text not in defined:
                yield Hit("template-include", f"reads the template {shown(action.text)!r}", action.line)
            if action.word in {"define", "block"} and action.text in _used(action):
                yield Hit(
                    "template-exhaustion",
                    f"has a template, {shown(action.text)!r}, that uses itself",
                    action.line,
                )
            for pipe in _pipes(action.pipe):
                for number, command in enumerate(pipe.commands):
                    yield from self.command(action, command, piped=number > 0)
            yield from self.guard(action)

    def command(self, action: Action, command: list[Argument], *, piped: bool) -> Iterator[Hit]:
        for argument in command:
            if argument.kind == "word" and argument.text not in _FUNCTIONS:
                yield Hit(
                    "template-unknown",
                    f"calls {shown(argument.text)!r}, which Ollama does not have",
                    action.line,
                )
            for name in argument.fields:
                if name not in _FIELDS:
                    yield Hit(
                        "template-unknown",
                        f"reads the field {shown(name)!r}, which Ollama does not give",
                        action.line,
                    )
            if argument.kind == "string" and _WIDTH.search(argument.text) and command[0].text == "printf":
                yield Hit("template-exhaustion", "pads a text without end", action.line)
        if action.word == "range" and command[0].kind == "number" and _number(command[0]) > MAX_RANGE:
            yield Hit("template-exhaustion", "counts up to a huge number", action.line)
        if command[0].kind == "word" and command[0].text in _COMPARE:
            yield from self.comparison(action, command[1:], piped=piped)
        elif (
            command[0].text == "index"
            and len(command) > 2
            and self.reaches(command[-1], _CONTENT, self.content)
        ):
            yield Hit("template-trigger", "chooses by the words of a message", action.line)

    def comparison(self, action: Action, given: list[Argument], *, piped: bool) -> Iterator[Hit]:
        content = [each for each in given if self.reaches(each, _CONTENT, self.content)]
        if any(self.reaches(each, _DATES, self.dates) for each in given):
            yield Hit("template-date", "compares the date with something", action.line)
        if content or piped:
            for each in given:
                if each in content:
                    continue
                if each.kind == "string" and is_words(each.text):
                    yield Hit(
                        "template-trigger",
                        f"asks whether a message has the words {shown(each.text[:80])!r}",
                        action.line,
                    )
                elif content and each.kind == "pipe" and any(_strings(each)):
                    yield Hit(
                        "template-trigger",
                        "compares a message with a text that it puts together",
                        action.line,
                    )
        measured = any(each.pipe and self.measures(each.pipe) for each in given)
        if measured and any(_number(each) >= MIN_TURN for each in given):
            yield Hit("template-trigger", "asks how long a message is", action.line)

    def measures(self, pipe: Pipe) -> bool:
        first = pipe.commands[0]
        return first[0].text == "len" and any(
            self.reaches(each, _CONTENT, self.content) for each in first[1:]
        )

    def guard(self, action: Action) -> Iterator[Hit]:
        """A sentence that hangs on a marker in a message, or on a late place in the conversation."""
        if action.word != "if" or action.pipe is None:
            return
        compared = [
            command[1:]
            for pipe in _pipes(action.pipe)
            for command in pipe.commands
            if command[0].kind == "word" and command[0].text in _COMPARE
        ]
        says = any(
            is_sentence(each.text) for each in _walk([*action.body, *action.otherwise]) if each.word == "text"
        )
        for given in compared if says else []:
            if any(self.reaches(each, _CONTENT, self.content) for each in given) and any(
                each.text.strip('"') for each in given if each.kind == "string"
            ):
                yield Hit(
                    "template-trigger",
                    "says something only under a condition on the content of a message",
                    action.line,
                )
            elif any(_number(each) >= MIN_TURN for each in given):
                yield Hit("template-turn", "says something only at a place of the conversation", action.line)

    def wordings(self) -> Iterator[Wording]:
        """Return the texts that are emitted."""
        for action, following in zip_longest(self.actions, self.actions[1:]):
            if action.word == "text":
                yield Wording(
                    action.line, action.text, continues=following is not None and following.word != "text"
                )
            for pipe in _pipes(action.pipe):
                for command in pipe.commands:
                    for text in (each.text for each in command if each.kind == "string"):
                        yield Wording(action.line, text)
        run: list[Action] = []
        for action in [*self.actions, Action("end", 0)]:
            if _constant(action) is not None:
                run.append(action)
                continue
            if len(run) > 1:
                yield Wording(run[0].line, "".join(_constant(each) or "" for each in run))
            run = []


def _walk(actions: list[Action]) -> Iterator[Action]:
    waiting = list(reversed(actions))
    while waiting:
        action = waiting.pop()
        yield action
        waiting.extend(reversed([*action.body, *action.otherwise]))


def _constant(action: Action) -> str | None:
    """Return the text that an action emits for certain."""
    if action.word == "text":
        return action.text
    commands = action.pipe.commands if action.pipe and action.word == "emit" else []
    alone = len(commands) == 1 and len(commands[0]) == 1 and commands[0][0].kind == "string"
    return commands[0][0].text if alone else None


def _pipes(pipe: Pipe | None) -> Iterator[Pipe]:
    waiting = [pipe] if pipe else []
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(argument.pipe for command in each.commands for argument in command if argument.pipe)


def _strings(argument: Argument) -> Iterator[str]:
    for pipe in _pipes(argument.pipe):
        for command in pipe.commands:
            yield from (each.text for each in command if each.kind == "string")


def _used(action: Action) -> set[str]:
    return {each.text for each in _walk(action.body) if each.word == "template"}


def _number(argument: Argument) -> float:
    if argument.kind != "number":
        return -1
    digits = argument.text.replace("_", "").rstrip("i")
    try:
        return float(digits) if "x" not in digits.lower() else float(int(digits, 16))
    except ValueError:
        return float("inf")
