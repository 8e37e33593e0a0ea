"""What a template reaches for: attributes and items by name, filters that look names up, and other templates.

In the terms of Jinja's sandbox: a name that begins with an underscore, or that of a frame, a code object or a
function's insides, is what every escape walks over (CVE-2024-34359 was a template rendered without a sandbox).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.template import node as n
from weighlock.inspection.template.evaluate import Evaluator
from weighlock.inspection.template.method import CHANGING
from weighlock.inspection.template.value import Value

INTERNALS: Final = frozenset(
    {
        "func_globals", "func_code", "func_closure", "func_defaults", "im_func", "im_self", "im_class",
        "gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "ag_frame", "ag_code", "ag_await",
        "tb_frame", "tb_next", "f_globals", "f_locals", "f_builtins", "f_back", "f_code", "co_code", "co_consts",
        "mro", "popen",
    }
)  # fmt: skip
# globals of Jinja and of web frameworks that chains of public advisories start from; no chat template needs one
_ROOTS: Final = frozenset(
    {"lipsum", "cycler", "joiner", "self", "request", "url_for", "get_flashed_messages", "builtins", "os", "sys",
     "subprocess", "importlib"}
)  # fmt: skip
FILTERS: Final = frozenset(
    {
        "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape",
        "filesizeformat", "first", "float", "forceescape", "format", "groupby", "indent", "int", "items", "join",
        "last", "length", "list", "lower", "map", "max", "min", "pprint", "random", "reject", "rejectattr", "replace",
        "reverse", "round", "safe", "select", "selectattr", "slice", "sort", "string", "striptags", "sum", "title",
        "tojson", "trim", "truncate", "unique", "upper", "urlencode", "urlize", "wordcount", "wordwrap", "xmlattr",
        "from_json", "fromjson", "keys", "lstrip", "rstrip", "split", "strip", "values",
    }
)  # fmt: skip
TESTS: Final = frozenset(
    {
        "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "escaped", "even", "false", "filter",
        "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping",
        "ne", "none", "None", "number", "odd", "sameas", "sequence", "string", "test", "true", "undefined", "upper",
        "True", "False",
    }
)  # fmt: skip
_OBJECTS: Final = frozenset(
    {"range", "dict", "namespace", "raise_exception", "strftime_now", "caller", "super"}
)
FUNCTIONS: Final = frozenset(
    {"range", "dict", "namespace", "raise_exception", "strftime_now", "loop", "caller", "super", "lipsum", "cycler", "joiner"}
)  # fmt: skip
_WITH_ATTRIBUTE: Final = frozenset({"map", "sum", "sort", "unique", "min", "max", "join", "groupby"})
_ATTRIBUTE_AT: Final = {
    "sum": 0,
    "join": 1,
    "unique": 1,
    "min": 1,
    "max": 1,
    "sort": 2,
}  # which argument it is
_BY_FILTER: Final = frozenset({"map"})  # the first argument is a filter
_BY_TEST: Final = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}  # which argument is a test
_FORMATS: Final = frozenset({"format", "format_map"})
_WORD: Final = re.compile(r"\w+")
_FORMAT_WALK: Final = re.compile(
    r"\{[^{}]*[.\[]\s*(_{1,2}\w|[a-z]{2,4}_\w+)"
)  # an attribute walk inside a format text
_SUSPECT: Final = re.compile(r"__\s*[a-zA-Z]\w*?\s*__")


class Hit(NamedTuple):
    """A rule that speaks, what it says, and the line."""

    rule: str
    what: str
    line: int


def examine_lookups(body: n.Body, values: Evaluator) -> Iterator[Hit]:
    """Return what a template reaches for that it should not."""
    called = {
        id(node.target) for node in n.walk(body) if isinstance(node, n.Call)
    }  # a method that is called at once is not handed on
    defined = _defined(body)
    functions = _OBJECTS | {node.name for node in n.walk(body) if isinstance(node, n.Macro)}
    for node in n.walk(body):
        match node:
            case n.Attribute():
                yield from _attribute(node, values, called)
            case n.Item():
                yield from _key(node, values)
            case n.Filter():
                yield from _filter(node, values)
            case n.Call():
                yield from _call(node, defined)
            case n.Const() if isinstance(node.value, str):
                yield from _literal(node, node.value)
            case _:
                yield from _strange(node, defined)
        if isinstance(node, n.Expression) and not isinstance(node, n.Const):
            yield from _computed(node, values)
        if isinstance(node, n.Attribute | n.Item):
            yield from _inside_function(node, functions)


def _computed(node: n.Expression, values: Evaluator) -> Iterator[Hit]:
    """Judge the texts that an expression makes of literals: as if they were written."""
    for constant in values.value(node).known if not isinstance(node, n.Name) else ():
        for text in constant if type(constant) is tuple else (constant,):
            internal = text in INTERNALS and "_" in str(text)
            if isinstance(text, str) and (internal or _walks(text) or _SUSPECT.search(text)):
                yield Hit("template-escape", f"puts {shown(text[:80])!r} together", node.line)


def _inside_function(node: n.Attribute | n.Item, functions: frozenset[str]) -> Iterator[Hit]:
    """A function of the renderer has nothing that a template needs; its globals are the way out."""
    if isinstance(node.of, n.Name) and node.of.name in functions:
        yield Hit("template-obfuscated", f"looks into the function {shown(node.of.name)}", node.line)


def _strange(node: n.Node, defined: frozenset[str]) -> Iterator[Hit]:
    """Return what no chat template needs."""
    match node:
        case n.Test() if node.name not in TESTS:
            yield Hit(
                "template-unknown", f"uses the test {shown(node.name)!r}, which engines lack", node.line
            )
        case n.Reads():
            yield Hit("template-include", f"reads another template with {node.word}", node.line)
        case n.Name() if node.name in _ROOTS and node.name not in defined:
            told = f"uses {shown(node.name)!r}, from which known escapes start"
            yield Hit("template-global", told, node.line)
        case n.Name() if not node.name.isascii() and unicodedata.normalize("NFKC", node.name) != node.name:
            told = f"has the variable {shown(node.name)}, which Python takes for another"
            yield Hit("template-obfuscated", told, node.line)
        case n.Scope() if node.word == "do":
            yield Hit("template-unknown", "uses the tag 'do', which transformers does not have", node.line)
        case _:
            pass


def _defined(body: n.Body) -> frozenset[str]:
    """Return the names that a template sets itself."""
    names: set[str] = set()
    for node in n.walk(body):
        if isinstance(node, n.Set | n.SetBlock | n.For):
            names.update(each.name for each in n.walk(node.target) if isinstance(each, n.Name))
        elif isinstance(node, n.Macro):
            names.update((node.name, *node.parameters))
    return frozenset(names)


def judge_name(name: str) -> str | None:
    """Return what is wrong with an attribute's or item's name: the rule, or None."""
    if name in INTERNALS or (name.startswith("_") and "__" in name and name.strip("_")):
        return "template-escape"
    return None


def _named(name: str, line: int) -> Iterator[Hit]:
    if judge_name(name):
        yield Hit("template-escape", f"reaches for {shown(name)}", line)


def _attribute(node: n.Attribute, values: Evaluator, called: set[int]) -> Iterator[Hit]:
    yield from _named(node.name, node.line)
    if node.name.startswith("_") and not judge_name(node.name) and not isinstance(node.of, n.Name):
        yield Hit("template-private", f"reaches for the private name {shown(node.name)}", node.line)
    if node.name == "format_map" or (node.name == "format" and id(node) not in called):
        yield Hit(
            "template-format",
            f"hands the method {node.name} on, whose fields can walk over attributes",
            node.line,
        )
    elif node.name in CHANGING and id(node) not in called:
        yield Hit("template-obfuscated", f"hands the method {node.name} on", node.line)
    elif node.name == "format":
        of = values.value(node.of)  # a text that it is for certain is judged by its fields
        if of.made or of.data:
            yield Hit("template-format", "formats a text that is not written in the template", node.line)


def _key(node: n.Item, values: Evaluator) -> Iterator[Hit]:
    if isinstance(node.key, n.Slice):
        return
    value = values.value(node.key)
    yield from _by_name(value, node.line, user_may_choose=True)
    pieces = not isinstance(node.key, n.Const) and any(
        isinstance(each, str) and each.startswith("_") and not judge_name(each) for each in value.known
    )
    if pieces and not value.made:
        yield Hit("template-obfuscated", "looks up a private name that it puts together", node.line)


def _by_name(value: Value, line: int, *, user_may_choose: bool) -> Iterator[Hit]:
    """Judge a lookup by a name that is a value: constants by what they are, made ones by being made."""
    for constant in value.known:
        if isinstance(constant, str):
            for part in (constant, *constant.split(".")):
                yield from _named(part.strip(), line)
    if value.made:
        yield Hit("template-obfuscated", "looks something up by a name that it puts together", line)
    elif value.data and not user_may_choose:
        yield Hit("template-obfuscated", "looks attributes up by a name that is not written in it", line)


def _filter(node: n.Filter, values: Evaluator) -> Iterator[Hit]:
    arguments, name = node.arguments, node.name
    if name not in FILTERS:
        yield Hit(
            "template-unknown", f"uses the filter {shown(name)!r}, which engines do not have", node.line
        )
    attributes = _attributes(name, arguments)
    if name == "attr" and any(set(values.value(each).known) & _FORMATS for each in attributes):
        yield Hit("template-format", "reaches for a text's format method by a filter", node.line)
    for attribute in attributes:
        yield from _by_name(values.value(attribute), node.line, user_may_choose=False)
    first = arguments.positional[:1]
    if name in _BY_FILTER and first:
        yield from _filter_by_name(node, values, first[0])
    if name in _BY_TEST and len(arguments.positional) > _BY_TEST[name]:
        yield from _test_by_name(values.value(arguments.positional[_BY_TEST[name]]), node.line)
    if arguments.star or arguments.double_star:
        yield Hit(
            "template-obfuscated",
            f"gives the filter {shown(name)} arguments that it puts together",
            node.line,
        )


def _attributes(name: str, arguments: n.Arguments) -> list[n.Expression]:
    """Return the arguments of a filter that are names of attributes."""
    if name == "attr":
        return [*arguments.positional, *arguments.values]
    found = [arguments.keyword("attribute")] if name in _WITH_ATTRIBUTE else []
    if name in _ATTRIBUTE_AT:
        found += arguments.positional[_ATTRIBUTE_AT[name] :][:1]
    return [each for each in found if each is not None]


def _filter_by_name(node: n.Filter, values: Evaluator, first: n.Expression) -> Iterator[Hit]:
    value = values.value(first)
    if not value.known or value.made or value.data:
        yield Hit("template-obfuscated", "names a filter by a text that is not written in it", node.line)
    for named in value.known:
        if named == "attr":
            yield Hit("template-obfuscated", "uses the filter 'attr' by its name", node.line)
        if isinstance(named, str) and named in FILTERS:
            rest = n.Arguments(node.line, node.arguments.positional[1:])
            yield from _filter(n.Filter(node.line, None, named, rest), values)
        else:
            yield Hit("template-unknown", f"uses the filter {shown(str(named))!r}", node.line)


def _test_by_name(value: Value, line: int) -> Iterator[Hit]:
    known_tests = TESTS | {"==", "!=", "<", ">", "<=", ">="}
    if value.made or value.data or not set(map(str, value.known)) <= known_tests:
        yield Hit(
            "template-unknown", "uses a test that engines do not have, or names it by a computed text", line
        )


def _call(node: n.Call, defined: frozenset[str]) -> Iterator[Hit]:
    target = node.target
    if isinstance(target, n.Name) and target.name not in FUNCTIONS and target.name not in defined:
        yield Hit("template-unknown", f"calls {shown(target.name)}, which engines do not have", node.line)
    elif isinstance(target, n.Item) and not isinstance(target.key, n.Slice):
        if not isinstance(target.key, n.Const) or isinstance(target.key.value, str):
            yield Hit("template-obfuscated", "calls what it looks up by a text", node.line)
    elif isinstance(target, n.Filter | n.Call | n.Conditional | n.Operation):
        yield Hit("template-obfuscated", "calls what an expression gives", node.line)


def _literal(node: n.Const, text: str) -> Iterator[Hit]:
    if _walks(text):
        yield Hit(
            "template-escape",
            f"has a format text that walks over attributes, {shown(text[:80])!r}",
            node.line,
        )
    elif found := _SUSPECT.search(text):
        yield Hit(
            "template-escape",
            f"has the text {shown(found.group())!r}, the name of Python's internals",
            node.line,
        )


def _walks(text: str) -> bool:
    """Return whether a format text has a field that reaches for internals."""
    return any(found[1][0] == "_" or found[1] in INTERNALS for found in _FORMAT_WALK.finditer(text))


def search_text(text: str) -> Iterator[Hit]:
    """Return what a text that cannot be parsed names of Python's internals: other engines may read on."""
    said: set[str] = set()
    for word in _WORD.finditer(text):
        name = word.group()
        internal = name in INTERNALS or (len(name) > 4 and name.startswith("__") and name.endswith("__"))
        if internal and name not in said and name.strip("_"):
            said.add(name)
            yield Hit("template-escape", f"reaches for {shown(name)}", 1 + text.count("\n", 0, word.start()))
