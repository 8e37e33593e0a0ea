"""What a template does depending on the words of a message, the time, chance or the place in a conversation.

An ordinary template asks for roles, tools, the kind of a part and its own markers (``'</think>' in content``). One
that compares what people write with words was made to answer those words: a backdoor that needs no training.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.template import node as n
from weighlock.inspection.template.evaluate import CONTENT_NAMES, Evaluator
from weighlock.inspection.template.lookup import Hit
from weighlock.inspection.template.value import Mapping, Value
from weighlock.inspection.template.wording import Wording, is_sentence

MIN_TURN: Final = 3  # a place in the conversation that no ordinary template counts to
# of parts of a message's content, which `'image' in part` asks for
_PARTS: Final = frozenset(
    {"image", "image_url", "images", "video", "video_url", "videos", "audio", "audio_url", "input_audio", "text", "type",
     "value", "parts", "blocks", "chunks", "content", "name", "role", "file", "url", "thinking", "refusal", "output",
     "description", "properties", "required", "nullable", "input_text", "input_image", "output_text", "tool_reference", "tools", "tool_calls", "data", "source", "id"}
)  # fmt: skip
_MARKUP: Final = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\|[^|]*\||`{3}\w*")
_TAG: Final = re.compile(r"\s*[<\[].*[>\]]\s*")  # <|channel|>final<|message|>
_CODE: Final = re.compile(
    r"\s*\w+_\w+\s*"
)  # an identifier, such as transformers' own mark for a message to continue
# what users and system prompts write on purpose, as models' cards tell them: /think, detailed thinking on
_COMMAND: Final = re.compile(
    r"\s*(?:/[a-z_]+|(?:detailed\s)?(?:thinking|reasoning)(?:[\s_](?:on|off|mode|effort|strength|level))?:?)\s*",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W\d_]{2,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_SIGN: Final = re.compile(r"[^\W_]|[^\x00-\x7f]")  # any letter, digit or sign beyond ASCII
_SHAPES: Final = frozenset(
    {
        "wordcount",
        "int",
        "float",
        "isupper",
        "islower",
        "istitle",
        "isdigit",
        "isalpha",
        "isnumeric",
        "isalnum",
    }
)
_SHAPE_TESTS: Final = frozenset({"divisibleby", "upper", "lower"})
_COMPARED: Final = frozenset({"==", "!=", "in", "not in", "<", ">", "<=", ">="})
_TESTS: Final = frozenset(
    {"eq", "equalto", "ne", "in", "sameas", "lt", "gt", "le", "ge", "lessthan", "greaterthan"}
)
# methods and filters whose argument is looked for in the text
_SEARCHES: Final = frozenset(
    {"startswith", "endswith", "find", "rfind", "index", "rindex", "count", "split", "rsplit", "partition",
     "rpartition", "replace", "removeprefix", "removesuffix", "match", "search"}
)  # fmt: skip
_SELECTS: Final = frozenset({"select", "reject", "selectattr", "rejectattr"})
_PLACES: Final = frozenset({"index", "index0", "revindex", "revindex0", "length"})


def examine_behaviour(body: n.Body, values: Evaluator) -> Iterator[Hit]:
    """Return what depends on things that an ordinary template does not ask for."""
    for node in n.walk(body):
        yield from _dated(_deciding(node), values)
        match node:
            case n.Operation() if node.operators[0] in _COMPARED:
                yield from _comparison(node, values)
            case n.Test() if node.name in _TESTS and node.arguments.positional:
                yield from _pair(node.of, node.arguments.positional[0], node.line, values)
            case n.Call(target=n.Attribute(of=of, name=name)) if name in _SEARCHES:
                yield from _search(of, node.arguments, node.line, values)
            case n.Call(target=n.Attribute(of=of, name="get")) if node.arguments.positional:
                yield from _table(of, node.arguments.positional[0], node.line, values)
            case n.Filter():
                yield from _filter(node, values)
            case n.Item():
                yield from _table(node.of, node.key, node.line, values)
            case n.If():
                yield from _guards(node, values)
            case n.Conditional():
                yield from _guard(node.test, [node], values)
            case _:
                pass


def _deciding(node: n.Node) -> list[n.Expression]:
    """Return the expressions of a node that decide, cut or count."""
    match node:
        case n.If():
            return [branch.test for branch in node.branches]
        case n.Slice():
            return [each for each in (node.start, node.stop) if each is not None]
        case n.Operation() if "*" in node.operators:
            return node.operands
        case n.Call(target=n.Name(name="range")):
            return node.arguments.positional
    return []


def _dated(expressions: list[n.Expression], values: Evaluator) -> Iterator[Hit]:
    """A date in a condition or a count; a bare name only asks whether there is one."""
    waiting = list(expressions)
    while waiting:
        each = waiting.pop()
        if isinstance(each, n.Operation) and each.operators[0] in {"and", "or"}:
            waiting.extend(each.operands)
        elif not isinstance(each, n.Name) and values.value(each).date:
            yield Hit("template-date", "decides by the date", each.line)


def is_words(text: str) -> bool:
    """Return whether a text that content is compared with is language, not markup, a command or a part's name."""
    if text.strip() in _PARTS or any(each.fullmatch(text) for each in (_COMMAND, _CODE, _TAG)):
        return False
    return _WORD.search(_MARKUP.sub(" ", text)) is not None


def _texts(value: Value) -> Iterator[str]:
    for constant in value.known:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, Mapping):
            yield from (each for each in constant.keys if isinstance(each, str))
        elif isinstance(constant, tuple):
            yield from (each for each in constant if isinstance(each, str))


def _against(value: Value, line: int) -> Iterator[Hit]:
    """Judge what the words of a message are compared with."""
    for text in _texts(value):
        if is_words(text):
            yield Hit("template-trigger", f"asks whether a message has the words {shown(text[:80])!r}", line)
            return
    if value.made and not (value.data or value.content):
        yield Hit("template-trigger", "compares a message with a text that it puts together", line)


def _pair(left: n.Expression, right: n.Expression, line: int, values: Evaluator) -> Iterator[Hit]:
    one, other = values.value(left), values.value(right)
    if one.content:
        yield from _against(other, line)
    if other.content:
        yield from _against(one, line)


def _comparison(node: n.Operation, values: Evaluator) -> Iterator[Hit]:
    dated = False
    for left, right in pairwise(node.operands):
        yield from _pair(left, right, node.line, values)
        dated = dated or values.value(left).date or values.value(right).date
    if dated:
        yield Hit("template-date", "compares the date with something", node.line)


def _search(of: n.Expression, arguments: n.Arguments, line: int, values: Evaluator) -> Iterator[Hit]:
    value = values.value(of)
    if value.date:
        yield Hit("template-date", "looks for something in the date", line)
    if value.content:
        for argument in arguments.positional[:1]:
            yield from _against(values.value(argument), line)


def _table(of: n.Expression, key: n.Expression, line: int, values: Evaluator) -> Iterator[Hit]:
    """A table of answers: what is looked up in a literal by the words of a message, or by the date."""
    if isinstance(key, n.Slice):
        return
    table, by = values.value(of), values.value(key)
    if by.date:
        yield Hit("template-date", "chooses by the date", line)
    if by.content and (isinstance(of, n.Dict) or any(isinstance(each, Mapping) for each in table.known)):
        yield Hit("template-trigger", "chooses by the words of a message", line)


def _filter(node: n.Filter, values: Evaluator) -> Iterator[Hit]:
    arguments = node.arguments.positional
    if node.name == "random":
        yield Hit("template-random", "chooses at random", node.line)
    if node.of is None:
        return
    if node.name in _SELECTS and values.value(node.of).date:
        yield Hit("template-date", "selects by the date", node.line)
    if node.name in _SEARCHES:
        yield from _search(node.of, node.arguments, node.line, values)
    elif node.name in _SELECTS and arguments:
        by_attribute = node.name.endswith("attr")
        named = values.value(arguments[0]).text or ""
        about = named.rpartition(".")[2] in CONTENT_NAMES if by_attribute else values.value(node.of).content
        for argument in arguments[2 if by_attribute else 1 :]:
            if about:
                yield from _against(values.value(argument), node.line)
            elif values.value(argument).content:
                yield from _against(values.value(node.of), node.line)


def _guards(node: n.If, values: Evaluator) -> Iterator[Hit]:
    for position, branch in enumerate(node.branches):
        last = position == len(node.branches) - 1
        yield from _guard(branch.test, [*branch.body, *(node.otherwise if last else [])], values)


def _guard(test: n.Expression, guarded: list[n.Node], values: Evaluator) -> Iterator[Hit]:
    """Judge a condition by what it guards: a marker or a place is ordinary unless whole sentences hang on it."""
    rule = _asks(test, values)
    if rule and any(is_sentence(text) for text in _emitted(guarded)):
        what = "the content of a message" if rule == "template-trigger" else "the place in the conversation"
        yield Hit(rule, f"says something only under a condition on {what}", test.line)


def _asks(test: n.Expression, values: Evaluator) -> str:
    """Return the rule that a condition may break: it looks into a message's content, or counts far."""
    for node in n.walk(test):
        if isinstance(node, n.Operation) and node.operators[0] in _COMPARED:
            sides = [(values.value(each), each) for each in node.operands]
            if any(_asks_words(one, other) for (one, _), (other, _) in pairwise(sides)):
                return "template-trigger"
            counted = [each for value, _ in sides for each in value.known if isinstance(each, int)]
            if max(counted, default=0) >= MIN_TURN and any(_is_place(each) for _, each in sides):
                return "template-turn"
        elif _looks_into_content(node, values):
            return "template-trigger"
        elif _is_far(node, values):
            return "template-turn"
    return ""


def _is_far(node: n.Node, values: Evaluator) -> bool:
    match node:
        case n.Item(of=n.Name(name="messages")):
            return any(isinstance(each, int) and each >= MIN_TURN for each in values.value(node.key).known)
        case n.Test(name="divisibleby", of=of):
            return _is_place(of)
    return False


def _looks_into_content(node: n.Node, values: Evaluator) -> bool:
    match node:
        case n.Call(target=n.Attribute(of=of, name=name)):
            return name in _SEARCHES | _SHAPES and values.value(of).content
        case n.Filter(of=n.Expression() as of, name=name):
            return name in _SHAPES and values.value(of).content
        case n.Test(of=of, name=name):
            return name in _SHAPE_TESTS and any(
                values.value(each).content for each in n.walk(of) if isinstance(each, n.Expression)
            )
        case n.Name() | n.Attribute():  # a comparison that was kept
            value = values.value(node)
            return value.content and value.number and not value.data
    return False


def _asks_words(one: Value, other: Value) -> bool:
    return any(
        side.content and any(_SIGN.search(text) for text in _texts(against))
        for side, against in ((one, other), (other, one))
    )


def _is_place(expression: n.Expression) -> bool:
    """Return whether an expression counts turns: ``loop.index``, or how many messages there are."""
    for node in n.walk(expression):
        if isinstance(node, n.Attribute) and isinstance(node.of, n.Name) and node.of.name == "loop":
            return node.name in _PLACES
        if isinstance(node, n.Filter) and node.name in {"length", "count"}:
            return any(isinstance(each, n.Name) and "messages" in each.name for each in n.walk(node))
    return False


def _emitted(nodes: list[n.Node]) -> Iterator[str]:
    """Return the texts in statements, but for what is only an error's message or a condition."""
    for node in nodes:
        for wording in wordings([node]):
            yield wording.text


def computed_wordings(body: n.Body, values: Evaluator) -> Iterator[Wording]:
    """Return the texts that come from several pieces or from expressions of constants, as they are emitted."""
    bodies = [body]
    while bodies:
        run: list[str] = []
        pieces = line = 0
        for node in [*bodies.pop(), n.Output(0, n.Name(0, ""))]:
            bodies += n.bodies(node)
            text = node.text if isinstance(node, n.Text) else None
            if isinstance(node, n.Output):
                text = values.value(node.value).text
                pieces += text is not None
            if text is not None:
                line = line or node.line
                run.append(text)
                continue
            if pieces:
                yield Wording(line, "".join(run), continues=isinstance(node, n.Output) and node.line > 0)
            run, pieces, line = [], 0, 0


def wordings(nodes: "list[n.Node] | n.Body") -> Iterator[Wording]:
    """Return all texts that may be emitted, each with whether a computed value follows at once."""
    waiting: list[n.Node] = list(reversed(nodes))
    continued: set[int] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, n.Text):
            following = waiting[-1] if waiting else None
            yield Wording(node.line, node.text, continues=isinstance(following, n.Output | n.If | n.For))
        elif isinstance(node, n.Operation):
            continued.update(_continued(node))
        elif isinstance(node, n.Const) and isinstance(node.value, str):
            yield Wording(node.line, node.value, continues=id(node) in continued)
        if (
            isinstance(node, n.Call)
            and isinstance(node.target, n.Name)
            and node.target.name == "raise_exception"
        ):
            continue
        waiting.extend(reversed(list(n.children(node))))


def _continued(node: n.Operation) -> Iterator[int]:
    """Return the identities of the texts that something computed is appended to."""
    for left, right in pairwise(node.operands):
        if isinstance(left, n.Const) and not isinstance(right, n.Const):
            yield id(left)
