"""What a chat template may not contain.

Templates are Jinja, rendered by the serving engine; outside a sandbox an attribute walk
reaches Python (CVE-2024-34359). Nothing is rendered here: the text is searched, for names of
Python's internals and for every way to make such a name out of something else.
"""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report

_DUNDER: Final = re.compile(r"__\s*[a-zA-Z]\w*?\s*__")
_INTERNAL: Final = re.compile(
    r"\b(?:func_globals|func_code|gi_frame|gi_code|cr_frame|cr_code|f_globals|f_builtins|f_back|tb_frame|"
    r"ag_frame|ag_code|im_func|mro|os\.popen|subprocess|popen|sys\.modules)\b"
)
_HIDDEN: Final = re.compile(r"\\x5f|\\137|\\u005f|\\N\{LOW LINE\}|%5f", re.IGNORECASE)
_FILTER_BY_NAME: Final = re.compile(r"\(\s*[\"']attr[\"']")  # map("attr", name)
_EDGE: Final = re.compile(r"(?<![A-Za-z0-9_])__|__(?![A-Za-z0-9_])")  # of a name or a text
_INCLUDE: Final = re.compile(r"\{%[-+]?\s*(?:include|import|from|extends)\b")
# a text ends where Jinja's own lexer ends it; one that never ends reaches to the end, so nothing is searched twice
_STRING: Final = r"(?:'(?:[^'\\]|\\.|\\\Z)*(?:'|\Z)|\"(?:[^\"\\]|\\.|\\\Z)*(?:\"|\Z))"
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_PARTS: Final = re.compile(
    r"\{#.*?(?:#\}|\Z)|\{%[-+]?\s*raw\s*[-+]?%\}.*?(?:\{%[-+]?\s*endraw\b|\Z)"
    rf"|(\{{\{{(?:{_STRING}|(?!\}}\}})[^'\"])*(?:\}}\}}|\Z)|\{{%(?:{_STRING}|(?!%\}})[^'\"])*(?:%\}}|\Z))",
    re.DOTALL,
)

# In what follows every text is written '': what it holds was searched before.
_OF_TEXT: Final = "map|selectattr|rejectattr|groupby|sum"
_LOOKUP: Final = re.compile(
    rf"\|\s*attr\b|\battribute\s*=\s*(?!''\s*[,)])"
    rf"|\|\s*(?:{_OF_TEXT})\s*\(\s*(?!''\s*[,)])(?!attribute\b|start\b|default\b|\))"
)
_MAKES_TEXT: Final = (
    r"~|''\s*(?:[+*%\[]|'')|[+*]\s*''|\|\s*(?:join|replace|reverse|format|lower|upper|title|capitalize|truncate|"
    r"wordwrap|string|trim|striptags|urlencode|e|escape|xmlattr|pprint|center|indent|safe|tojson)\b|"
    r"\.\s*(?:join|replace|format|lower|upper|title|strip|lstrip|rstrip|decode|translate)\b"
)
_MADE: Final = re.compile(_MAKES_TEXT)
_SUBSCRIPT: Final = re.compile(r"(?<=[\w)\]'])\s*\[([^\[\]]*)\]")
_ASSIGNED: Final = re.compile(r"\{%[-+]?\s*(set|with|for|macro)\b((?:(?!%\}).)*)", re.DOTALL)
_NUMBERS: Final = re.compile(r"\s*range\s*\([^()]*\)[\s+-]*")
_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_MAX_ROUNDS: Final = 8  # of names made from names


def examine_template(report: Report, name: str, text: str) -> None:
    """Add what there is to say about the template ``name``: its presence as a fact, and findings."""
    report.fact("chat template", f"{name}, {len(text)} characters")
    code = "\n".join(part for part in _PARTS.findall(text) if part)
    bare = _STRINGS.sub("''", code)
    for found in dict.fromkeys([*_DUNDER.findall(code), *_INTERNAL.findall(code)]):
        report.find("template-escape", f"the template {shown(name)} reaches for {shown(found)}")
    for hit, what in (
        (_HIDDEN.search(code), "writes an underscore as an escape"),
        (_LOOKUP.search(bare) or _FILTER_BY_NAME.search(code), "looks attributes up by name"),
        (_EDGE.search(_DUNDER.sub("x", code)) or _looks_up_made_name(bare), "joins names out of pieces"),
    ):
        if hit:
            report.find("template-obfuscated", f"the template {shown(name)} {what}")
    if _INCLUDE.search(code):
        report.find("template-include", f"the template {shown(name)} includes another")


def _looks_up_made_name(bare: str) -> bool:
    """Return whether something is looked up (``x[y]``) by a text that the template makes, here or in a variable."""
    keys = _SUBSCRIPT.findall(bare)
    if any(map(_MADE.search, keys)):
        return True
    made = _made_names(bare)
    return made is None or any(
        made & {name, name.partition(".")[0]} for key in keys for name in _NAME.findall(key)
    )


def _made_names(bare: str) -> set[str] | None:
    """Return the variables that hold a text that the template makes; None if they follow from each other endlessly."""
    assigned = [_assignment(word, rest) for word, rest in _ASSIGNED.findall(bare)]
    made: set[str] = set()
    for _ in range(_MAX_ROUNDS):
        grown = made.union(*(names for names, makes, parts in assigned if makes or parts & made))
        if grown == made:
            return made
        made = grown
    return None


def _assignment(word: str, rest: str) -> tuple[set[str], bool, set[str]]:
    """Return the names that a statement sets, whether it makes a text, and the names that it makes them from."""
    target, equals, made = rest.partition(" in " if word == "for" else "=")
    if word == "macro" or not equals:  # what stands between it and its end is rendered to a text
        return set(_NAME.findall(target)[:1]), True, set()
    if _NUMBERS.fullmatch(made):
        return set(), False, set()
    return set(_NAME.findall(target)), bool(_MADE.search(made)), set(_NAME.findall(made))
