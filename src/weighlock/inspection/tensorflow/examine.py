"""What a SavedModel, a MetaGraphDef, a GraphDef and their companions mean (tensorflow/core/protobuf)."""

import re

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.onnx.location import escape_of
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.protobuf.read import read_message
from weighlock.inspection.protobuf.schema import Schema
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.tensorflow.graph import Entry, Graph, Use, judge_graph
from weighlock.inspection.tensorflow.keras_object import examine_keras_object
from weighlock.inspection.tensorflow.node import node_of, read_node
from weighlock.inspection.tensorflow.operator import judge_attributes, judge_operator
from weighlock.inspection.tensorflow.schema import (
    ASSET_FILENAME,
    ASSETS,
    COLLECTIONS,
    COO_SPARSE,
    FILENAME_TENSOR,
    FINGERPRINT,
    FUNCTION,
    GRAPH,
    IDENTIFIER,
    INFO,
    KERAS_IDENTIFIER,
    KERAS_METADATA,
    KERAS_METADATA_TEXT,
    KERAS_OBJECT,
    KEY,
    META_GRAPH,
    METADATA,
    NODE,
    OBJECTS,
    OP,
    RESTORE_OP,
    SAVE_TENSOR,
    SAVED_MODEL,
    SAVER_DEF,
    SIGNATURES,
    TAGS,
    TENSOR_INFO,
    USER_OBJECT,
    VALUE,
    VERSION,
)

_SAVER_SCOPE = re.compile(r"save(?:_\d+)?/")
# collections whose nodes run when the model is loaded
_INITIALISATION = frozenset({"saved_model_main_op", "legacy_init_op", "table_initializer", "init_op"})


def examine_saved_model(file: File) -> Reading[None]:
    """Account for every byte of a saved_model.pb. Raises FormatError and Unexamined."""
    yield from _examine(file, SAVED_MODEL)


def examine_meta_graph(file: File) -> Reading[None]:
    """Account for every byte of a MetaGraphDef, which a checkpoint of TensorFlow 1 has as ``.meta``."""
    yield from _examine(file, META_GRAPH)


def examine_graph(file: File) -> Reading[None]:
    """Account for every byte of a GraphDef: a frozen graph, mostly."""
    yield from _examine(file, GRAPH)


def examine_keras_metadata(file: File) -> Reading[None]:
    """Account for every byte of a keras_metadata.pb."""
    yield from _examine(file, KERAS_METADATA)


def examine_fingerprint(file: File) -> Reading[None]:
    """Account for every byte of a fingerprint.pb, which holds numbers."""
    yield from _examine(file, FINGERPRINT)


def _examine(file: File, schema: Schema) -> Reading[None]:
    visitor = _Visitor(file.report)
    whole = False
    try:
        yield from read_message(0, file.size, schema, visitor)
        whole = True
    finally:
        visitor.conclude(None, whole=whole)  # a graph that is broken at its end has said things before
    yield from examine_tail(file)


class _Visitor:
    """What a walk over the model gathers; a SavedModel has one graph for each set of tags."""

    rule = "tf-structure"

    def __init__(self, report: Report) -> None:
        self._report = report
        self._graph = Graph()
        self._unknown: set[tuple[str, int]] = set()

    def visit(self, message: Message) -> None:
        """Take a message by its type."""
        schema = message.schema
        if schema is NODE:
            self._add_node(message)
        elif schema is FUNCTION:
            self._add_function(message)
        elif schema is META_GRAPH:
            self._add_facts(message)
            self.conclude(message, whole=True)
        elif schema is USER_OBJECT:
            self._examine_object(message, IDENTIFIER, METADATA)
        elif schema is KERAS_OBJECT:
            self._examine_object(message, KERAS_IDENTIFIER, KERAS_METADATA_TEXT)

    def flaw(self, what: str, offset: int) -> None:
        """Report what readers may take differently."""
        self._report.find("tf-ambiguous", what, offset=offset)

    def unknown(self, schema: str, number: int, offset: int) -> None:
        """A field of a later version, or bytes that hide: nobody here knows which."""
        if (schema, number) not in self._unknown:
            self._unknown.add((schema, number))
            self._report.not_examined(f"{schema} has the unknown field {number} at byte {offset}")

    def conclude(self, meta: Message | None, *, whole: bool) -> None:
        """Judge the graph that was gathered, and begin another."""
        if self._graph.nodes or self._graph.functions:
            judge_graph(self._report, self._graph, _entry(self._graph, meta, whole=whole))
            self._report.fact("nodes", self._graph.count)
            self._report.fact("functions", len(self._graph.functions))
        self._graph = Graph()

    def _add_node(self, message: Message) -> None:
        self._graph.count += 1
        judged = judge_operator(message.text(OP))
        if judged:
            judged = judge_attributes(message, judged)
        node = read_node(message)
        around = message.parent
        if around is None or around.schema is not FUNCTION:
            self._graph.add_node(node, judged)
            return
        use = around.notes.setdefault("use", {})
        held = next(iter(use), None)
        if not isinstance(held, Use):
            held = Use()
            use[held] = None
        held.functions.update((*node.functions, node.operator))
        held.path = held.path or node.path
        if judged:
            held.operators.setdefault(node.operator, (judged, node.offset))

    def _add_function(self, message: Message) -> None:
        signature = message.message(1)
        held = next(iter(message.notes.get("use", {})), None)
        name = signature.text(1) if signature else ""
        if name in self._graph.functions:
            told = f"two functions are named {shown(name)}"
            self._report.find("tf-ambiguous", told, offset=message.offset)
        self._graph.add_function(name, held if isinstance(held, Use) else Use())

    def _examine_object(self, message: Message, identifier: int, metadata: int) -> None:
        if message.extents(metadata):
            self._report.not_examined("the description of a Keras object is too large")
        if message.text(identifier).startswith("_tf_keras"):
            examine_keras_object(self._report, message.text(metadata), message.offset)

    def _add_facts(self, meta: Message) -> None:
        info = meta.message(INFO)
        if info:
            self._report.fact("tags", ", ".join(info.texts(TAGS)))
            self._report.fact("tensorflow", info.text(VERSION))
        self._report.fact("signatures", ", ".join(each.text(KEY) for each in meta.messages(SIGNATURES)))
        for asset in meta.messages(ASSETS):
            self._add_asset(asset.text(ASSET_FILENAME), asset.offset)

    def _add_asset(self, name: str, offset: int) -> None:
        self._report.link("asset", f"assets/{name}")
        escape = escape_of(name)
        if escape:
            self._report.find("tf-asset-path", f"the asset {shown(name)!r} {escape}", offset=offset)


def _entry(graph: Graph, meta: Message | None, *, whole: bool) -> Entry:
    """Return where a graph is entered.

    Without signatures any node may be asked for, except those that savers of TensorFlow 1 leave under their name.
    """
    scoped = frozenset(
        name for name in graph.nodes if _SAVER_SCOPE.match(name) or (meta is None and not whole)
    )
    if meta is None:
        return Entry(scoped, frozenset(graph.nodes) - scoped, frozenset(), 0)
    definition = meta.message(SAVER_DEF)
    fields = (FILENAME_TENSOR, SAVE_TENSOR, RESTORE_OP)
    named = frozenset(node_of(definition.text(each)) for each in fields) if definition else frozenset()
    objects = meta.message(OBJECTS)
    functions = frozenset(each.text(KEY) for each in objects.messages(2)) if objects else frozenset()
    served = frozenset(_served(meta))
    if not meta.messages(SIGNATURES):
        served |= frozenset(graph.nodes) - scoped - named
    return Entry(scoped | named, served, functions, len(meta.messages(ASSETS)))


def _served(meta: Message) -> list[str]:
    found: list[str] = []
    for entry in meta.messages(SIGNATURES):
        signature = entry.message(VALUE)
        outputs = signature.messages(2) if signature else []
        infos = [info for each in outputs for info in each.messages(VALUE)]
        found += [node_of(name) for info in infos for name in _tensors(info)]
    for entry in meta.messages(COLLECTIONS):
        collection = entry.message(VALUE)
        nodes = collection.message(1) if collection else None
        if entry.text(KEY) in _INITIALISATION and nodes:
            found += [node_of(name) for name in nodes.texts(1)]
    return found


def _tensors(info: Message) -> list[str]:
    """Return the tensors of a TensorInfo: one, or those of a sparse or composite value."""
    found: list[str] = []
    waiting = [info]
    while waiting:
        message = waiting.pop()
        if message.schema is TENSOR_INFO or message.schema is COO_SPARSE:
            found += [name for field in (1, 2, 3) for name in message.texts(field)]
        waiting += [each for field in (2, 4, 5) for each in message.messages(field)]
    return found
