"""What an ONNX model means: its operators, its tensors, its functions, and the files that it names.

Graphs lie in graphs (If, Loop, Scan), in functions and in training information; all of them are walked alike.
"""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.onnx.metadata import examine_metadata
from weighlock.inspection.onnx.operator import STANDARD, Operator, Operators, standard_operators
from weighlock.inspection.onnx.schema import (
    DIMS,
    FUNCTION,
    FUNCTION_DOMAIN,
    FUNCTION_NAME,
    FUNCTION_OVERLOAD,
    GRAPH,
    IR_VERSION,
    MODEL,
    MODEL_GRAPH,
    MODEL_PROPS,
    NODE,
    OPSETS,
    PRODUCER,
    PRODUCER_VERSION,
    SPARSE,
    SPARSE_INDICES,
    SPARSE_VALUES,
    TENSOR,
    TENSOR_NAME,
)
from weighlock.inspection.onnx.tensor import examine_tensor
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.protobuf.read import read_message
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading

_MAX_NAMES: Final = (
    200_000  # initializers of one graph whose names are compared; mixtures of experts have 100,000
)


def examine_onnx(file: File) -> Reading[None]:
    """Account for every byte of an ONNX model. Raises FormatError and Unexamined."""
    visitor = _Visitor(file.report)
    try:
        model = yield from read_message(0, file.size, MODEL, visitor)
    finally:
        visitor.conclude()  # a model that is broken at its end has said things before
    if not model.messages(MODEL_GRAPH):
        raise FormatError("onnx-structure", "the model has no graph")
    _add_facts(file.report, model)
    yield from examine_tail(file)


def _add_facts(report: Report, model: Message) -> None:
    report.fact("ir version", model.integer(IR_VERSION))
    producer = f"{model.text(PRODUCER)} {model.text(PRODUCER_VERSION)}".strip()
    if producer:
        report.fact("producer", producer)
    for opset in model.messages(OPSETS):
        report.fact(f"operator set {shown(opset.text(1) or STANDARD)}", opset.integer(2))
    examine_metadata(report, model.messages(MODEL_PROPS))


class _Visitor:
    """What a walk over the model gathers."""

    rule = "onnx-structure"

    def __init__(self, report: Report) -> None:
        self._report = report
        self._operators = Operators(report)
        self._functions: dict[Operator, set[Operator]] = {}
        self._ends: dict[str, int] = {}
        self._unknown: set[tuple[str, int]] = set()
        self._nodes = self._tensors = 0

    def visit(self, message: Message) -> None:
        """Take a message by its type."""
        schema = message.schema
        if schema is NODE:
            self._nodes += 1
            operator = self._operators.add(message)
            self._note_call(message, operator)
        elif schema is TENSOR:
            self._tensors += 1
            examine_tensor(self._report, message, self._ends)
            self._note_name(message)
        elif schema is SPARSE:
            self._examine_sparse(message)
        elif schema is FUNCTION:
            self._add_function(message)

    def flaw(self, what: str, offset: int) -> None:
        """Report what readers may take differently."""
        self._report.find("onnx-ambiguous", what, offset=offset)

    def unknown(self, schema: str, number: int, offset: int) -> None:
        """A field of a later version, or bytes that hide: nobody here knows which."""
        if (schema, number) not in self._unknown:
            self._unknown.add((schema, number))
            self._report.not_examined(f"{schema} has the unknown field {number} at byte {offset}")

    def conclude(self) -> None:
        """Report what needs the whole model."""
        self._operators.conclude(set(self._functions))
        self._check_functions()
        for location, end in self._ends.items():
            self._report.link("tensor-data", location)
            self._report.link("tensor-data-size", f"{end} {location}")
        self._report.fact("nodes", self._nodes)
        self._report.fact("tensors", self._tensors)

    def _note_name(self, tensor: Message) -> None:
        """Two initializers of one name in a graph: which one counts depends on the reader."""
        graph = tensor.parent
        if graph is None or graph.schema is not GRAPH:
            return
        name = tensor.text(TENSOR_NAME)
        names = graph.notes.setdefault("initializers", {})
        if name in names:
            told = f"two initializers are named {shown(name)!r}"
            self._report.find("onnx-ambiguous", told, offset=tensor.offset)
        elif len(names) < _MAX_NAMES:
            names[name] = None

    def _note_call(self, node: Message, operator: Operator) -> None:
        around = node.parent
        while around is not None and around.schema is not FUNCTION:
            around = around.parent
        if around is not None:
            around.notes.setdefault("calls", {})[operator] = None

    def _add_function(self, function: Message) -> None:
        own = Operator(function.text(FUNCTION_DOMAIN) or STANDARD, function.text(FUNCTION_NAME))
        overload = function.text(FUNCTION_OVERLOAD)
        calls = {call for call in function.notes.get("calls", {}) if isinstance(call, Operator)}
        if own in standard_operators():
            told = f"the model defines {own}, which the specification defines"
            self._report.find("onnx-function-conflict", told, offset=function.offset)
        if own in self._functions and not overload:
            told = f"the model defines {own} twice"
            self._report.find("onnx-function-conflict", told, offset=function.offset)
        self._functions.setdefault(own, set()).update(calls)

    def _check_functions(self) -> None:
        """Find functions that call themselves, in however many steps, by taking away those that do not."""
        left = {name: calls & self._functions.keys() for name, calls in self._functions.items()}
        callers: dict[Operator, list[Operator]] = {}
        for name, calls in left.items():
            for call in calls:
                callers.setdefault(call, []).append(name)
        waiting = {name: len(calls) for name, calls in left.items()}
        ready = [name for name, count in waiting.items() if not count]
        while ready:
            done = ready.pop()
            del waiting[done]
            for caller in callers.get(done, ()):
                waiting[caller] -= 1
                if not waiting[caller]:
                    ready.append(caller)
        for name in sorted(waiting)[:8]:
            self._report.find(
                "onnx-function-recursion", f"the function {name} calls itself, or one that does"
            )

    def _examine_sparse(self, sparse: Message) -> None:
        values, indices = sparse.message(SPARSE_VALUES), sparse.message(SPARSE_INDICES)
        if values is None or indices is None:
            self._report.find("onnx-tensor", "a sparse tensor lacks values or indices", offset=sparse.offset)
        elif values.integers(DIMS)[:1] != indices.integers(DIMS)[:1]:
            told = "a sparse tensor has not as many indices as values"
            self._report.find("onnx-tensor", told, offset=sparse.offset)
