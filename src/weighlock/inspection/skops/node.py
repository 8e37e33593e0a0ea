"""The nodes of a skops schema, and what each kind makes its reader import and call.

Source: skops 0.15, skops/io (``_general``, ``_numpy``, ``_scipy``, ``_sklearn``, ``_audit`` and ``old``).
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from weighlock.core.jsontext import json_depth
from weighlock.inspection.pickle.value import UNKNOWN, Global, Sequence, Value
from weighlock.inspection.span import Unexamined

MAX_NODES: Final = 2_000_000  # of one schema; a forest of a thousand trees has some ten thousand
MAX_TEXT_CHARACTERS: Final = 4096  # of a constant that is looked at as a value
MAX_DEPTH: Final = 500  # of the JSON within a node, as for every JSON
_DTYPES: Final = (
    r"ndarray|bool_?|generic|number|(?:u?int|float|complex)(?:8|16|32|64|96|128|192|256|_|c|p)?"
    r"|u?(?:byte|short|intc|intp|long|longlong)|half|single|double|c?longdouble|csingle|cdouble"
    r"|str_|bytes_|object_|void|datetime64|timedelta64|record|matrix"
)
_LOSSES: Final = r"(?:Cy)?\w*(?:Loss|Error|Hinge|Insensitive|Huber|Log)\w*"

# kind of node → the classes that skops writes for it: "module name" as one text. The reader makes what the node
# names, or something fixed, so a node of another class is not what it says
_EXPECTED: Final = {
    "BytearrayNode": r"builtins bytearray",
    "BytesNode": r"builtins bytes",
    "DTypeNode": r"numpy(?:\.dtypes)? \w*[dD]type",
    "DefaultDictNode": r"collections defaultdict",
    "JsonNode": r"builtins str",
    "ListNode": r"builtins list",
    "LossNode": rf"(?:sklearn\._loss\.)?_loss {_LOSSES}|(?:sklearn\.linear_model\.)?_sgd_fast {_LOSSES}",
    "MaskedArrayNode": r"numpy\.ma(?:\.core)? MaskedArray",
    "NdArrayNode": rf"numpy (?:{_DTYPES})|numpy\.matrixlib\.defmatrix matrix|numpy(?:\.rec)? rec(?:array|ord)",
    "OperatorFuncNode": r"operator (?:attrgetter|itemgetter|methodcaller)",
    "PartialNode": r"functools partial",
    "QuantileForestNode": r"quantile_forest\._quantile_forest_fast QuantileForest",
    "RandomGeneratorNode": r"numpy\.random(?:\._generator)? Generator",
    "RandomStateNode": r"numpy\.random(?:\.mtrand)? RandomState",
    "SetNode": r"builtins (?:frozen)?set",
    "SliceNode": r"builtins slice",
    "SparseMatrixNode": r"scipy\.sparse(?:\.\w+)* \w+_(?:matrix|array)",
    "TreeNode": r"sklearn\.tree\._tree Tree",
    "_DictWithDeprecatedKeysNode": r"sklearn\.covariance\._graph_lasso _DictWithDeprecatedKeys",
}
EXPECTED: Final = {kind: re.compile(classes, re.ASCII) for kind, classes in _EXPECTED.items()}
# kinds whose class the tables decide
JUDGED: Final = frozenset(
    {
        "ConstructorFromReduceNode",
        "DictNode",
        "FunctionNode",
        "MethodNode",
        "ObjectNode",
        "TupleNode",
        "TypeNode",
    }
)
KEY_TYPES: Final = re.compile(
    rf"builtins (?:str|int|float|bool|bytes|tuple|NoneType)|numpy (?:{_DTYPES})", re.ASCII
)
BIT_GENERATORS: Final = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})


class Node(NamedTuple):
    """One node: its kind, the class that it names, and the object of the schema."""

    kind: str
    module: str
    name: str
    state: dict[str, Any]

    @property
    def target(self) -> Global:
        """The name that the reader looks up."""
        content = self.state.get("content")
        if self.kind == "FunctionNode" and isinstance(content, dict):  # protocol 0 kept the name there
            return Global(str(content.get("module_path")), str(content.get("function")))
        return Global(self.module, self.name)

    @property
    def label(self) -> str:
        """The class as ``EXPECTED`` writes it."""
        return f"{self.module} {self.name}"

    @property
    def identity(self) -> object:
        """The number by which other nodes refer to this one."""
        found = self.state.get("__id__")
        return found if isinstance(found, int | str) else None


def is_schema(document: object) -> bool:
    """Return whether a JSON document is a schema of skops: a node, at its root."""
    return (
        isinstance(document, dict) and isinstance(document.get("__loader__"), str) and "__class__" in document
    )


def nodes_of(document: object) -> Iterator[Node | None]:
    """Yield every node of a schema, wherever it is; None for one whose names are not text. Raises Unexamined."""
    waiting = [document]
    count = 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MAX_NODES:
            raise Unexamined(f"the schema has more than {MAX_NODES} parts")
        if isinstance(value, dict):
            if "__loader__" in value:
                yield as_node(value)
            waiting.extend(each for each in value.values() if isinstance(each, dict | list))
        elif isinstance(value, list):
            waiting.extend(each for each in value if isinstance(each, dict | list))


def as_node(value: object) -> Node | None:
    """Return the node that an object of the schema is; None if it is none, or its names are not text."""
    if not isinstance(value, dict):
        return None
    kind, module, name = value.get("__loader__"), value.get("__module__"), value.get("__class__")
    if kind == "CachedNode":
        return Node(kind, "", "", value)
    if not isinstance(kind, str) or not isinstance(module, str) or not isinstance(name, str):
        return None
    return Node(kind, module, name, value)


def members_of(node: Node) -> dict[str, Any]:
    """Return the items of a DictNode, whose keys are text in the schema."""
    content = node.state.get("content")
    return content if isinstance(content, dict) else {}


def items_of(node: Node | None) -> list[Any] | None:
    """Return the items of a node that is a list or tuple."""
    if node is None or node.kind not in {"ListNode", "TupleNode"}:
        return None
    content = node.state.get("content")
    return content if isinstance(content, list) else None


def value_of(state: object) -> Value:
    """Return what a node stands for as a value of a pickle, one level deep."""
    node = as_node(state)
    if node is None:
        return UNKNOWN
    if node.kind in {"FunctionNode", "TypeNode"}:
        return node.target
    if node.kind == "JsonNode":
        return _constant(node.state.get("content"))
    items = items_of(node)
    if items is not None:
        parts = [_leaf(item) for item in items]
        return Sequence("tuple" if node.kind == "TupleNode" else "list", parts)
    return UNKNOWN


def state_of(node: Node | None) -> Value:
    """Return the state that a DictNode gives an object, as a pickle would write it."""
    if node is None or node.kind != "DictNode":
        return value_of(node.state) if node else None
    pairs: list[Value] = []
    for key, item in members_of(node).items():
        pairs += (key, value_of(item))
    return Sequence("dict", pairs)


def _leaf(item: object) -> Value:
    node = as_node(item)
    if node is None or node.kind != "JsonNode":
        return node.target if node is not None and node.kind in {"FunctionNode", "TypeNode"} else UNKNOWN
    return _constant(node.state.get("content"))


def _constant(text: object) -> Value:
    if not isinstance(text, str) or len(text) > MAX_TEXT_CHARACTERS or json_depth(text.encode()) > MAX_DEPTH:
        return UNKNOWN
    try:
        value = json.loads(text)
    except ValueError:
        return UNKNOWN
    return value if value is None or isinstance(value, bool | int | str) else Sequence("list", [])
