"""Which operators a model uses, and who carries them out.

Operators that no library known here has need native code which comes with the model or its application; a
model's own functions are made of other operators and need none.
"""

from functools import cache
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.onnx.schema import (
    ATTRIBUTE_INTEGER,
    ATTRIBUTE_NAME,
    ATTRIBUTE_STRING,
    NODE_DOMAIN,
    NODE_NAME,
    OP_TYPE,
)
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.report import Report
from weighlock.inspection.rulebook.table import read_rows

STANDARD: Final = "ai.onnx"  # the domain that an empty name means
_MAX_OPERATORS: Final = 10_000  # different ones in a model; they have about 100


class Operator(NamedTuple):
    """An operator by its domain, written out, and its name."""

    domain: str
    name: str

    def __str__(self) -> str:
        return shown(f"{self.domain}.{self.name}")


def operator_of(node: Message) -> Operator:
    """Return the operator that a node is."""
    return Operator(node.text(NODE_DOMAIN) or STANDARD, node.text(OP_TYPE))


@cache
def standard_operators() -> frozenset[Operator]:
    """Return every operator of the specification."""
    return frozenset(Operator(domain, name) for domain, name, _ in read_rows("onnx_standard", 3))


@cache
def _marked() -> dict[Operator, tuple[str, str]]:
    return {Operator(domain, name): (rule, why) for domain, name, rule, why in read_rows("onnx_operator", 4)}


@cache
def _domains() -> dict[str, str]:
    return {domain: who for domain, who, _ in read_rows("onnx_domain", 3)}


class Operators:
    """The operators of one model, gathered while it is read; where each occurs first."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._first: dict[Operator, int] = {}
        self._more = False

    def add(self, node: Message) -> Operator:
        """Add a node's operator, and report what its arguments say."""
        operator = operator_of(node)
        if operator not in self._first:
            self._more = self._more or len(self._first) >= _MAX_OPERATORS
            if not self._more:
                self._first[operator] = node.offset
        if operator.name == "EPContext":
            _examine_context(self._report, node)
        return operator

    def conclude(self, functions: set[Operator]) -> None:
        """Report the operators that are not the model's own functions."""
        if self._more:
            self._report.not_examined(f"it uses more than {_MAX_OPERATORS} different operators")
        foreign: dict[str, list[Operator]] = {}
        for operator in self._first:
            marked = _marked().get(operator)
            if marked:
                told = f"{operator} {marked[1]}"
                self._report.find(marked[0], told, offset=self._first[operator])
            elif operator not in functions and _is_foreign(operator):
                foreign.setdefault(operator.domain, []).append(operator)
        for domain, operators in foreign.items():
            self._tell(domain, operators)

    def _tell(self, domain: str, operators: list[Operator]) -> None:
        names = shown(", ".join(sorted(operator.name for operator in operators)[:8]))
        more = f" and {len(operators) - 8} more" if len(operators) > 8 else ""
        extension = _domains().get(domain) == "extension"
        rule = "onnx-extension-operator" if extension else "onnx-custom-operator"
        told = f"operators of the domain {shown(domain)}: {names}{more}"
        self._report.find(rule, told, offset=self._first[operators[0]])


def _is_foreign(operator: Operator) -> bool:
    who = _domains().get(operator.domain)
    return who in {None, "extension"} or (who == "standard" and operator not in standard_operators())


def _examine_context(report: Report, node: Message) -> None:
    """A compiled context is in the node, or in a file that it names (embed_mode 0)."""
    attributes = {each.text(ATTRIBUTE_NAME): each for each in node.messages(5)}
    mode = attributes.get("embed_mode")
    cache_of = attributes.get("ep_cache_context")
    if mode is None or cache_of is None or mode.integer(ATTRIBUTE_INTEGER, 1):
        return
    path = b"".join(cache_of.data(ATTRIBUTE_STRING)).decode("utf-8", "backslashreplace")
    report.link("compiled-context", path)
    escape = escape_of(path)
    if escape:
        name = shown(node.text(NODE_NAME))
        told = f"node {name} names the compiled context {shown(path)!r}, which {escape}"
        report.find("onnx-external-path", told, offset=node.offset)
