"""What a node of a graph says: its operator, what it calls, and the texts that decide what it reaches."""

import re
from typing import Final, NamedTuple

from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.tensorflow.schema import (
    ATTRIBUTES,
    INPUT,
    KEY,
    LIST_BYTES,
    LIST_FUNCTIONS,
    NODE_NAME,
    OP,
    STRING_VALUES,
    VALUE,
    VALUE_BYTES,
    VALUE_FUNCTION,
    VALUE_LIST,
    VALUE_TENSOR,
)

# a path that does not lie beside the model: from the root, a home, a drive, an address, or climbing
_OUTSIDE: Final = re.compile(
    rb"/|~|[A-Za-z]:[/\\]|\\\\|[A-Za-z][A-Za-z0-9+.-]*://|(?:.*[/\\])?\.\.(?:[/\\]|$)", re.DOTALL
)


class Node(NamedTuple):
    """A node: name, operator, inputs by node, functions that it calls, and a constant path outside, if it is one."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    functions: tuple[str, ...]
    path: bytes
    offset: int


def read_node(message: Message) -> Node:
    """Return what a NodeDef says."""
    values = attributes_of(message)
    called = [each for value in values.values() for each in _called(value)]
    path = b""
    if message.text(OP) == "Const" and "value" in values:
        tensor = values["value"].message(VALUE_TENSOR)
        texts = tensor.data(STRING_VALUES) if tensor else []
        path = next((each for each in texts if _OUTSIDE.match(each)), b"")
    inputs = tuple(node_of(each) for each in message.texts(INPUT))
    return Node(message.text(NODE_NAME), message.text(OP), inputs, tuple(called), path[:200], message.offset)


def attributes_of(message: Message) -> dict[str, Message]:
    """Return the attributes of a node by name."""
    found: dict[str, Message] = {}
    for entry in message.messages(ATTRIBUTES):
        value = entry.message(VALUE)
        if value is not None:
            found[entry.text(KEY)] = value
    return found


def texts_of(value: Message | None) -> list[bytes]:
    """Return the byte strings of an attribute."""
    if value is None:
        return []
    listed = value.message(VALUE_LIST)
    return value.data(VALUE_BYTES) + (listed.data(LIST_BYTES) if listed else [])


def node_of(tensor: str) -> str:
    """Return the name of the node that makes a tensor, which is named ``^node`` or ``node:output:0``."""
    return tensor.removeprefix("^").partition(":")[0]


def _called(value: Message) -> list[str]:
    listed = value.message(VALUE_LIST)
    functions = value.messages(VALUE_FUNCTION) + (listed.messages(LIST_FUNCTIONS) if listed else [])
    return [each.text(1) for each in functions]
