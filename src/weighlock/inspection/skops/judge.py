"""What a skops schema makes its reader import, make and call, held against the tables of names of pickles."""

from collections.abc import Mapping
from typing import Any, Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.pickle.check import Call, Seen, dotted
from weighlock.inspection.pickle.judge import check_named
from weighlock.inspection.pickle.table import TRUSTED, Entry, Tier, entry_of
from weighlock.inspection.pickle.value import Global, Sequence
from weighlock.inspection.report import Report
from weighlock.inspection.skops.node import (
    BIT_GENERATORS,
    EXPECTED,
    JUDGED,
    KEY_TYPES,
    Node,
    as_node,
    items_of,
    members_of,
    nodes_of,
    state_of,
    value_of,
)

MAX_IDENTITIES: Final = 1_000_000  # of one schema, held to compare
_DICTS: Final = frozenset(
    {
        ("builtins", "dict"),
        ("collections", "OrderedDict"),
        ("collections", "Counter"),
        ("builtins", "mappingproxy"),
    }
)
_RULES: Final = {
    Tier.DANGER: "skops-type-dangerous",
    Tier.TRAP: "skops-type-dangerous",
    Tier.UNKNOWN: "skops-type-unknown",
}


def examine_schema_file(file: File, document: Mapping[str, Any]) -> None:
    """Examine a schema that lies outside an archive, or in one of another kind; raises Unexamined."""
    examine_schema(file.report, document, file.options.allow)


def examine_schema(report: Report, document: Mapping[str, Any], allow: Mapping[tuple[str, str], str]) -> None:
    """Add what every node of a schema means; raises Unexamined."""
    judge = _Judge(report, allow)
    count = 0
    for node in nodes_of(document):
        count += 1
        judge.judge(node)
    report.fact("nodes", count)
    report.fact("skops", document.get("_skops_version"))


class _Judge:
    def __init__(self, report: Report, allow: Mapping[tuple[str, str], str]) -> None:
        self._report = report
        self._allow = allow
        self._seen: dict[object, tuple[str, str, str]] = {}
        self._told: set[tuple[str, str]] = set()

    def judge(self, node: Node | None) -> None:
        """Judge one node by itself."""
        if node is None:
            self._find("skops-structure", "a node has no kind, module or class")
        elif node.kind != "CachedNode":
            self._identify(node)
            self._judge(node)

    def _find(self, rule: str, message: str) -> None:
        if (rule, message) not in self._told:
            self._told.add((rule, message))
            self._report.find(rule, message)

    def _identify(self, node: Node) -> None:
        """The reader takes the first node of a number for every later one with the same."""
        identity = node.identity
        if identity is None:
            return
        names = (node.kind, node.module, node.name)
        if len(self._seen) < MAX_IDENTITIES:
            first = self._seen.setdefault(identity, names)
            if first != names:
                told = f"the number {identity} is {_label(*first)} at first, and {_label(*names)} later"
                self._find("skops-identity", told)
        elif identity not in self._seen:
            self._report.not_examined(f"the schema has more than {MAX_IDENTITIES} numbered nodes")

    def _judge(self, node: Node) -> None:
        name = dotted(node.target)
        expected = EXPECTED.get(node.kind)
        if expected is None and node.kind not in JUDGED:
            self._find("skops-loader", f"{name} has the unknown loader {shown(node.kind)}")
        self._judge_name(node)
        if expected is not None and not expected.fullmatch(node.label):
            self._find("skops-loader", f"a {shown(node.kind)} names {name}, which is nothing of its kind")
        match node.kind:
            case "DictNode":
                self._dict(node)
            case "TupleNode":
                self._called(node, {("builtins", "tuple")}, "a tuple")
            case "ObjectNode":
                self._object(node)
            case "ConstructorFromReduceNode":
                self._constructor(node)
            case "MethodNode":
                self._method(node)
            case "RandomGeneratorNode":
                self._generator(node)
            case "FunctionNode" | "TypeNode":
                self._carried(node)

    def _entry(self, name: Global) -> Entry:
        return entry_of(name.module, name.name, self._allow)

    def _judge_name(self, node: Node) -> None:
        """Report a name that is not trusted, unless the kind of node has a fixed class and this is it."""
        expected = EXPECTED.get(node.kind)
        if node.kind == "TypeNode":
            expected = KEY_TYPES
        if expected is not None and expected.fullmatch(node.label):
            return
        entry = self._entry(node.target)
        if entry.tier not in TRUSTED:
            told = f"a {shown(node.kind)} imports {dotted(node.target)}: {entry.reason}"
            self._find(_RULES[entry.tier], told)

    def _carried(self, node: Node) -> None:
        if node.kind == "TypeNode" and KEY_TYPES.fullmatch(node.label):
            return
        entry = self._entry(node.target)
        if entry.tier in TRUSTED and not entry.carried:
            told = f"keeps {dotted(node.target)} as a value, which something may call: {entry.reason}"
            self._find("skops-type-dangerous", told)

    def _called(
        self, node: Node, plain: set[tuple[str, str]] | frozenset[tuple[str, str]], what: str
    ) -> None:
        """A container's class is called, so it must be a class that takes items."""
        if (node.module, node.name) in plain:
            return
        entry = self._entry(node.target)
        if entry.tier in TRUSTED and entry.tier not in {Tier.ANY, Tier.CLASS} and "items" not in entry.words:
            self._find("skops-loader", f"{dotted(node.target)} is called as if it were {what}")

    def _dict(self, node: Node) -> None:
        self._called(node, _DICTS, "a dictionary")
        if "key_types" not in node.state:
            return
        kinds = as_node(node.state["key_types"])
        items = items_of(kinds)
        if items is None:
            self._find("skops-structure", "a dictionary has no list of the types of its keys")
            return
        for item in items:
            kind = as_node(item)
            if kind is None or kind.kind != "TypeNode" or not KEY_TYPES.fullmatch(kind.label):
                named = dotted(kind.target) if kind else "nothing"
                self._find("skops-loader", f"the type of a key is {named}: it is called with the key")

    def _object(self, node: Node) -> None:
        entry = self._entry(node.target)
        if entry.tier not in TRUSTED or entry.tier is Tier.ANY:
            return
        if entry.tier is Tier.REFERENCE or (entry.tier is Tier.CHECKED and not entry.carried):
            self._find("skops-loader", f"an object is made of {dotted(node.target)}: {entry.reason}")
            return
        content = node.state.get("content")
        if content is None:
            return
        name = entry.words.get("build") or ("attributes" if entry.tier is Tier.CLASS else "")
        state = state_of(as_node(content))
        why = (
            check_named(name)(Call(node.target, state, None, entry.words, self._allow, Seen()))
            if name and isinstance(state, Sequence) and state.kind == "dict"
            else None
        )
        if why:
            self._find("skops-state", f"gives {dotted(node.target)} a state: {why}")

    def _constructor(self, node: Node) -> None:
        entry = self._entry(node.target)
        if entry.tier is Tier.ANY or entry.tier not in TRUSTED:
            return
        arguments = value_of(node.state.get("content"))
        named = entry.words.get("call") or entry.words.get("new")
        call = Call(node.target, arguments, None, entry.words, self._allow, Seen())
        why = check_named(named)(call) if named else "instances of this class are not made by a call"
        if why:
            self._find("skops-loader", f"calls {dotted(node.target)}: {why}")

    def _method(self, node: Node) -> None:
        content = members_of(node)
        owner, name = as_node(content.get("obj")), content.get("func")
        if owner is None or not isinstance(name, str):
            self._find("skops-structure", "a method has no object or no name")
            return
        told = f"the method {shown(name)} of {dotted(node.target)} is kept as a value"
        if (owner.module, owner.name) != (node.module, node.name):
            told = f"a method of {dotted(node.target)} is looked up on {dotted(owner.target)}"
            self._find("skops-loader", told)
        elif name.startswith("_") or not name.isidentifier():
            self._find("skops-loader", f"{told}: it leads to the interpreter's own")
        else:
            self._find("skops-method", told)

    def _generator(self, node: Node) -> None:
        content = members_of(node).get("bit_generator")
        inner = as_node(content)
        named = (
            value_of(members_of(inner).get("bit_generator"))
            if inner
            else (content or {}).get("bit_generator")
        )
        if named not in BIT_GENERATORS:
            told = "a generator of random numbers calls another name of numpy.random than one of its bit generators"
            self._find("skops-loader", told)


def _label(kind: str, module: str, name: str) -> str:
    return f"{shown(module)}.{shown(name)} ({shown(kind)})"
