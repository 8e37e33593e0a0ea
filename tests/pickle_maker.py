"""Write pickles by hand from a description of what they do: imports, calls, states. Nothing here loads one."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from model_file import framed

MARK: Final = b"("
HOW: Final = ("reduce", "newobj", "newobj-ex", "inst", "obj")


@dataclass(frozen=True)
class Name:
    """An imported name. ``memo``: its texts come from the memo (protocol 4)."""

    module: str
    name: str
    memo: bool = False


@dataclass(frozen=True)
class Call:
    """A call of ``target``: by REDUCE, NEWOBJ, NEWOBJ_EX, INST or OBJ."""

    target: Any
    arguments: tuple[Any, ...] = ()
    how: str = "reduce"
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """An object that gets states, and items of a dictionary or a list."""

    made: Any
    states: tuple[Any, ...] = ()
    items: Any = None


@dataclass(frozen=True)
class Persistent:
    """A persistent identifier."""

    identifier: Any


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    data: bytes


def new(module: str, name: str, *arguments: Any) -> Call:
    """Return an instance of a class, made without its __init__."""
    return Call(Name(module, name), arguments, "newobj")


def call(module: str, name: str, *arguments: Any) -> Call:
    """Return a call."""
    return Call(Name(module, name), arguments)


def instance(module: str, name: str, **state: Any) -> Built:
    """Return an instance with attributes."""
    return Built(new(module, name), (state,))


def pickled(value: Any, protocol: int = 2) -> bytes:
    """Return a pickle of ``value``."""
    body = write(value, protocol) + b"."
    if protocol >= 4:
        return framed(body, protocol)
    return (b"\x80" + bytes([protocol]) if protocol >= 2 else b"") + body


def write(value: Any, protocol: int) -> bytes:
    """Return the opcodes that push ``value``."""
    if isinstance(value, Raw):
        return value.data
    if isinstance(value, Persistent):
        text = isinstance(value.identifier, str)
        return b"P" + value.identifier.encode() + b"\n" if text else write(value.identifier, protocol) + b"Q"
    if isinstance(value, Name):
        return _name(value, protocol)
    if isinstance(value, Call):
        return _call(value, protocol)
    if isinstance(value, Built):
        return _built(value, protocol)
    return (_container if isinstance(value, tuple | list | set | dict) else _constant)(value, protocol)


def _name(value: Name, protocol: int) -> bytes:
    if protocol < 4:
        return f"c{value.module}\n{value.name}\n".encode()
    module, name = _text(value.module, 4), _text(value.name, 4)
    if value.memo:
        return module + b"\x940" + name + b"\x940h\x00h\x01\x93"
    return module + name + b"\x93"


def _call(value: Call, protocol: int) -> bytes:
    arguments = write(value.arguments, protocol)
    items = b"".join(write(each, protocol) for each in value.arguments)
    match value.how:
        case "inst":
            return MARK + items + f"i{value.target.module}\n{value.target.name}\n".encode()
        case "obj":
            return MARK + write(value.target, protocol) + items + b"o"
        case "newobj":
            return write(value.target, protocol) + arguments + b"\x81"
        case "newobj-ex":
            return write(value.target, protocol) + arguments + write(value.keywords, protocol) + b"\x92"
    return write(value.target, protocol) + arguments + b"R"


def _built(value: Built, protocol: int) -> bytes:
    data = write(value.made, protocol)
    match value.items:
        case dict() as items:
            data += MARK + _all([each for pair in items.items() for each in pair], protocol) + b"u"
        case list() as items:
            data += MARK + _all(items, protocol) + b"e"
    return data + b"".join(write(state, protocol) + b"b" for state in value.states)


def _container(value: Any, protocol: int) -> bytes:
    match value:
        case tuple():
            return MARK + _all(value, protocol) + b"t"
        case list():
            return (b"]" if protocol else b"(l") + MARK + _all(value, protocol) + b"e"
        case dict():
            items = [each for pair in value.items() for each in pair]
            return (b"}" if protocol else b"(d") + MARK + _all(items, protocol) + b"u"
    return b"\x8f" + MARK + _all(sorted(value), protocol) + b"\x90"


def _all(values: Sequence[Any], protocol: int) -> bytes:
    return b"".join(write(each, protocol) for each in values)


def _constant(value: Any, protocol: int) -> bytes:
    if value is None or isinstance(value, bool):
        old = {None: b"N", True: b"I01\n", False: b"I00\n"}
        return ({None: b"N", True: b"\x88", False: b"\x89"} if protocol >= 2 else old)[value]
    match value:
        case int():
            return b"J" + struct.pack("<i", value) if protocol else f"I{value}\n".encode()
        case float():
            return b"G" + struct.pack(">d", value) if protocol else f"F{value!r}\n".encode()
        case bytes() if protocol < 3:
            return write(Call(Name("_codecs", "encode"), (value.decode("latin-1"), "latin1")), protocol)
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
    return _text(value, protocol)


def _text(text: str, protocol: int) -> bytes:
    if not protocol:
        return b"V" + text.encode("raw-unicode-escape").replace(b"\n", b"\\u000a") + b"\n"
    raw = text.encode()
    if protocol >= 4 and len(raw) < 256:
        return b"\x8c" + bytes([len(raw)]) + raw
    return b"X" + struct.pack("<I", len(raw)) + raw
