"""What one attack is, and the small writers that attacks share: pickles by opcode, zip and tar files with fixed dates.

Every payload would create a file named ``marker``; nothing here or elsewhere loads one.
Opcodes: CPython, Lib/pickle.py and Modules/_pickle.c.
"""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

COMMAND: Final = "touch marker"
CODE: Final = "open('marker','w')"
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)


class Attack(NamedTuple):
    """One file: the family it belongs to, its path within that family, its bytes, and one line that says why."""

    family: str
    path: str
    data: bytes
    why: str


class Name(NamedTuple):
    """A name that a pickle imports."""

    module: str
    name: str


class Raw(NamedTuple):
    """Opcodes that leave one value on the stack."""

    code: bytes


class Call(NamedTuple):
    """A call by REDUCE."""

    target: Any
    arguments: tuple[Any, ...]


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def imported(module: str, name: str) -> bytes:
    """Return an import: by GLOBAL where a plain name allows it, else by STACK_GLOBAL."""
    if "." in name or not (module + name).isascii():
        return text(module) + text(name) + b"\x93"
    return f"c{module}\n{name}\n".encode()


def put(value: Any) -> bytes:
    """Return the opcodes that put a value on the stack."""
    if isinstance(value, Raw):
        return value.code
    if isinstance(value, Name):
        return imported(value.module, value.name)
    if isinstance(value, Call):
        return put(value.target) + put(tuple(value.arguments)) + b"R"
    if isinstance(value, tuple | list | dict):
        return _container(value)
    return _constant(value)


def _container(value: tuple[Any, ...] | list[Any] | dict[Any, Any]) -> bytes:
    if isinstance(value, dict):
        return b"}(" + b"".join(put(part) for pair in value.items() for part in pair) + b"u"
    start, end = (b"(", b"t") if isinstance(value, tuple) else (b"](", b"e")
    return start + b"".join(map(put, value)) + end


def _constant(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return b"B" + struct.pack("<I", len(value)) + value
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def call(module: str, name: str, *arguments: Any) -> Call:
    return Call(Name(module, name), arguments)


def dump(value: Any, *, protocol: int = 4) -> bytes:
    """Return a whole pickle of a value."""
    return b"\x80" + bytes([protocol]) + put(value) + b"."


SYSTEM: Final = Name("os", "system")
RUN: Final = Call(SYSTEM, (COMMAND,))
EVIL: Final = dump(RUN)  # the plain attack, for containers


def zipped(members: Mapping[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data, method)
    return out.getvalue()


def tarred(members: Mapping[str, bytes], *, mode: str = "w") -> bytes:
    """Return a tar file, compressed as ``mode`` says."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]  # mode is a plain text here
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()
