"""Gather what a graph and its functions use, and decide which of it runs when the model serves.

A SavedModel saves and restores itself with operators that write and read any file. They are ordinary where only
the saver reaches them: the nodes that its SaverDef names, the functions that these call, and nothing that a
signature, the initialisation or the object graph reaches as well. A constant path outside the model's folder
among them is not ordinary.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined
from weighlock.inspection.tensorflow.node import Node
from weighlock.inspection.tensorflow.operator import ASSET, CUSTOM, SAVE, Judged

MAX_NODES: Final = 400_000  # of the outer graph, whose names are held; large ones have some ten thousand
MAX_FUNCTIONS: Final = 100_000  # of a library; large models have some thousand


@dataclass(slots=True, eq=False)
class Use:
    """What a function, or the outer graph, uses: operators with something to say, and functions."""

    operators: dict[str, tuple[Judged, int]] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    path: bytes = b""


class Graph:
    """A graph with its functions. The outer graph's nodes are kept by name, those of functions only as ``Use``."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.judged: dict[str, Judged] = {}  # of outer nodes
        self.functions: dict[str, Use] = {}
        self.count = 0

    def add_node(self, node: Node, judged: Judged | None) -> None:
        """Add a node of the outer graph; raises Unexamined."""
        if len(self.nodes) >= MAX_NODES:
            raise Unexamined(f"the graph has more than {MAX_NODES} nodes")
        self.nodes[node.name] = node
        if judged:
            self.judged[node.name] = judged

    def add_function(self, name: str, use: Use) -> None:
        """Add a function of the library; raises Unexamined."""
        if len(self.functions) >= MAX_FUNCTIONS:
            raise Unexamined(f"the graph has more than {MAX_FUNCTIONS} functions")
        self.functions[name] = use

    def before(self, names: Iterable[str]) -> set[str]:
        """Return the outer nodes that these nodes need, and they themselves."""
        waiting = [name for name in names if name in self.nodes]
        found = set(waiting)
        while waiting:
            for name in self.nodes[waiting.pop()].inputs:
                if name in self.nodes and name not in found:
                    found.add(name)
                    waiting.append(name)
        return found

    def called(self, names: Iterable[str]) -> set[str]:
        """Return the functions that these call, and they themselves."""
        waiting = [name for name in names if name in self.functions]
        found = set(waiting)
        while waiting:
            for name in self.functions[waiting.pop()].functions:
                if name in self.functions and name not in found:
                    found.add(name)
                    waiting.append(name)
        return found


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a graph is entered: the saver's nodes, what signatures and initialisation name, functions of objects."""

    saver: frozenset[str]
    served: frozenset[str]
    functions: frozenset[str]
    assets: int


def judge_graph(report: Report, graph: Graph, entry: Entry) -> None:
    """Report the operators of a graph that reach more than tensors."""
    saving = graph.before(entry.saver) - graph.before(entry.served)
    serving = graph.nodes.keys() - saving
    served = graph.called(_functions(graph, serving) | entry.functions)
    own = graph.called(_functions(graph, saving)) - served  # what only the saver reaches
    paths = [graph.nodes[name].path for name in saving] + [graph.functions[name].path for name in own]
    path = next(filter(None, paths), b"").decode("utf-8", "backslashreplace")
    told: dict[tuple[str, str], tuple[Judged, str, int]] = {}
    for name, judged in graph.judged.items():
        node = graph.nodes[name]
        where = "the saver's part of the graph" if name in saving else f"node {shown(name)}"
        if not _is_ordinary(node.operator, judged, graph, entry, saver=name in saving and not path):
            told.setdefault((judged.rule, node.operator), (judged, where, node.offset))
    for name, use in graph.functions.items():
        for operator, (judged, offset) in use.operators.items():
            if not _is_ordinary(operator, judged, graph, entry, saver=name in own and not path):
                told.setdefault((judged.rule, operator), (judged, f"function {shown(name)}", offset))
    for (rule, operator), (judged, where, offset) in told.items():
        found = "tf-file-operator" if rule in {SAVE, ASSET} else rule
        reach = f", with the path {shown(path)}" if rule == SAVE and path else ""
        report.find(found, f"{shown(operator)} in {where} {judged.why}{reach}", offset=offset)


def _functions(graph: Graph, nodes: Iterable[str]) -> set[str]:
    """Return the functions that nodes name; a node may also have a function's name as its operator."""
    found: set[str] = set()
    for name in nodes:
        node = graph.nodes[name]
        found.update((*node.functions, node.operator))
    return found


def _is_ordinary(operator: str, judged: Judged, graph: Graph, entry: Entry, *, saver: bool) -> bool:
    if judged.rule == CUSTOM:
        return operator in graph.functions
    if judged.rule == ASSET:
        return entry.assets > 0
    return judged.rule == SAVE and saver
