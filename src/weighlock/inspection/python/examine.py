"""What a Python file does when it is imported, what a loader makes it do, and what its functions reach."""

import ast
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.python.graph import CALLED, IMPORTED, LOADED, MAX_EVENTS, Event
from weighlock.inspection.python.source import (
    MAX_LINES,
    MAX_SOURCE_BYTES,
    decoded,
    encoding_of,
    hidden_in_text,
    hidden_in_tree,
    parse,
)
from weighlock.inspection.python.vocabulary import comparable, names_of_source
from weighlock.inspection.python.walk import MAX_NESTED, SCRIPT, Walk
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, Unexamined, read
from weighlock.inspection.summary import CODE_NAMES, add_summary

MAX_PAYLOADS: Final = 20  # constant pickles of one file that are examined
_WHEN: Final = {
    IMPORTED: "when the file is imported",
    LOADED: "when a loader uses it",
    CALLED: "when it is called",
}
_DOES: Final = {
    "process": "starts a program",
    "code": "runs text as code",
    "network": "talks to other machines",
    "download": "fetches from a model hub",
    "file": "writes, replaces or deletes files",
    "unpickle": "loads a pickle",
    "native": "loads machine code",
    "secret": "names a file of credentials",
    "interpreter": "changes how the interpreter goes on",
    "patch": "replaces a function of another module",
    "remote": "asks a library to run another repository's code",
    "thread": "starts something that runs on beside the loader",
}
_ALWAYS: Final = {
    "decoded": ("python-decoded-code", "runs code that it decodes or downloads"),
    "exfiltration": ("python-exfiltration", "sends the environment or credentials to other machines"),
    "hidden": ("python-hidden-call", "calls what it names by a text that it puts together"),
    "import": ("python-hidden-call", "imports a module by a text that it puts together"),
    "walk": ("python-internals", "walks to Python's internals"),
}
# what a function that nobody calls at load reaches, and milder things at load, are one finding worth knowing
_RULES: Final = {
    (effect, when): f"python-{when}-{effect}"
    for effect, times in {
        "process": (IMPORTED, LOADED, CALLED),
        "code": (IMPORTED, LOADED, CALLED),
        "network": (IMPORTED, LOADED),
        "download": (IMPORTED,),
        "file": (IMPORTED,),
        "unpickle": (IMPORTED, LOADED),
        "native": (IMPORTED, LOADED),
        "secret": (IMPORTED, LOADED, CALLED),
        "interpreter": (IMPORTED,),
        "patch": (IMPORTED,),
        "thread": (IMPORTED,),
        "remote": (IMPORTED, LOADED),
    }.items()
    for when in times
}


def examine_python(file: File) -> Reading[None]:
    """Add what a Python source file does; raises Unexamined."""
    if file.size > MAX_SOURCE_BYTES:
        raise Unexamined(f"Python source of {file.size} bytes is over the limit of {MAX_SOURCE_BYTES}")
    raw = yield from read(0, file.size)
    lines = raw.count(b"\n") + 1
    file.report.find("python-source", f"Python source, {lines} lines")
    if lines > MAX_LINES:
        raise Unexamined(f"Python source of {lines} lines is over the limit of {MAX_LINES}")
    text = decoded(raw)
    if text is None:
        file.report.find("python-encoding", f"the source declares the encoding {shown(encoding_of(raw))}")
        raise Unexamined("the source is not in an encoding in which ASCII is ASCII")
    examine_source(file, text)


def examine_source(file: File, text: str, *, program: bool = False) -> None:
    """Add what Python source does; a ``program`` runs when a person starts it, not when something imports it."""
    report = file.report
    for rule, what, line in hidden_in_text(text):
        report.find(rule, what, line=line)
    tree = parse(text)
    if tree is None:
        report.find("python-unparsed", "the source is not Python as this version reads it")
        raise Unexamined("the source does not parse: it may be of another version of Python, or broken")
    for rule, what, line in hidden_in_tree(text, tree):
        report.find(rule, what, line=line)
    try:
        walk = _walked(tree)
    except RecursionError as error:  # trees are walked as deep as they are
        raise Unexamined("the source nests too deep") from error
    _tell(report, walk, program=program)
    if not file.depth:  # what is in an archive is not held against its neighbours
        try:
            add_summary(report, CODE_NAMES, comparable(names_of_source(tree)))
        except RecursionError as error:  # as above
            raise Unexamined("the source nests too deep") from error
    for data, line in walk.evaluator.payloads[:MAX_PAYLOADS]:
        file.unpacked(f"line {line}", data)


def _walked(tree: ast.Module) -> Walk:
    """Return the walk; a second one if functions leave something that matters in variables, which others then call."""
    walk = Walk()
    walk.run(tree)
    left = walk.left_behind()
    if left is None:
        return walk
    again = Walk()
    again.begin_with(*left)
    again.run(tree)
    return again


def _tell(report: Report, walk: Walk, *, program: bool) -> None:
    reached: dict[str, None] = {}
    levels = walk.graph.levels()
    for key, function in walk.graph.functions.items():
        when = CALLED if program or key == SCRIPT else levels[key]
        for event in function.events:
            _tell_event(report, key, event, when, reached)
    if reached:
        report.find("python-reach", f"its functions reach {shown(', '.join(sorted(reached)))}")
    for dots, module in walk.imports:
        if dots:
            report.link("python-import", "." * dots + module)
    if (
        walk.graph.count > MAX_EVENTS
        or len(walk.evaluator.nested)
        or len(walk.evaluator.payloads) > MAX_PAYLOADS
    ):
        report.not_examined(
            f"it does more than is followed ({MAX_EVENTS} calls, {MAX_NESTED} texts run as code)"
        )


def _tell_event(report: Report, key: str, event: Event, when: str, reached: dict[str, None]) -> None:
    place = f" in {shown(key.lstrip('@'))}" if key else ""
    if event.effect in _ALWAYS:
        rule, does = _ALWAYS[event.effect]
        report.find(rule, f"{does}: {shown(event.what)}{place}, {_WHEN[when]}", line=event.line)
        return
    rule = _RULES.get((event.effect, when), "")
    if rule:
        report.find(rule, f"{_DOES[event.effect]}{place} {_WHEN[when]}: {shown(event.what)}", line=event.line)
    else:
        reached[event.what] = None
