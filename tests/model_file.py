"""Build small model files by hand, sound and broken, for tests. Nothing here loads one."""

import io
import json
import struct
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from weighlock.core.finding import Examined
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.span import Span, drive

TEXT, ARRAY, U32, BOOL = 8, 9, 4, 7
LONG_AGO = (1980, 1, 1, 0, 0, 0)


def examine(name: str, data: bytes) -> Examined:
    """Return what inspection says of a file of these bytes; every request must lie inside the file."""

    def fetch(span: Span) -> bytes:
        assert span.offset >= 0
        assert span.length > 0
        assert span.offset + span.length <= len(data)
        return data[span.offset : span.offset + span.length]

    return drive(inspect_file(name, len(data)), fetch)


def rules_of(examined: Examined) -> set[str]:
    return {finding.rule for finding in examined.findings}


def tensor(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def safetensors(header: Mapping[str, Any] | bytes, data: bytes = b"", *, pad: bool = True) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    if pad:
        raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + data


class GgufFile:
    """A GGUF file in pieces: entries and tensors as raw bytes, so that any of them can be wrong."""

    def __init__(self, version: int = 3, order: str = "<") -> None:
        self.version = version
        self.order = order
        self.entries: list[bytes] = []
        self.tensors: list[bytes] = []

    def pack(self, code: str, value: float) -> bytes:
        return struct.pack(self.order + code, value)

    def size(self, value: int) -> bytes:
        return self.pack("I" if self.version == 1 else "Q", value)

    def text(self, value: str | bytes) -> bytes:
        raw = value.encode() if isinstance(value, str) else value
        return self.size(len(raw)) + raw

    def entry(self, key: str, kind: int, value: bytes) -> "GgufFile":
        self.entries.append(self.text(key) + self.pack("I", kind) + value)
        return self

    def string(self, key: str, value: str) -> "GgufFile":
        return self.entry(key, TEXT, self.text(value))

    def array(self, key: str, kind: int, items: Iterable[bytes]) -> "GgufFile":
        items = list(items)
        return self.entry(key, ARRAY, self.pack("I", kind) + self.size(len(items)) + b"".join(items))

    def tensor(self, name: str, shape: list[int], kind: int, offset: int) -> "GgufFile":
        extents = b"".join(map(self.size, shape))
        head = self.text(name) + self.pack("I", len(shape)) + extents
        self.tensors.append(head + self.pack("I", kind) + self.pack("Q", offset))
        return self

    def header(self) -> bytes:
        counts = self.size(len(self.tensors)) + self.size(len(self.entries))
        return b"GGUF" + self.pack("I", self.version) + counts + b"".join(self.entries + self.tensors)

    def bytes(self, data: bytes = b"", alignment: int = 32) -> bytes:
        header = self.header()
        return header + b"\0" * (-len(header) % alignment if data else 0) + data


def zip_of(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return an archive with fixed times, so that the bytes are the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.compress_type = method
            info.create_system = 3
            archive.writestr(info, data)
    return out.getvalue()


def npy(descr: str, shape: str, data: bytes, version: int = 1) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    width = 2 if version == 1 else 4
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(width, "little") + text + data


def short_text(text: str) -> bytes:
    """Return the opcode that pushes a short text."""
    raw = text.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def framed(body: bytes, protocol: int = 4) -> bytes:
    """Return a pickle of protocol 4 or 5 with one frame around ``body``."""
    return b"\x80" + bytes([protocol]) + b"\x95" + struct.pack("<Q", len(body)) + body


def torch_pickle() -> bytes:
    """Return what torch writes for {"w": a tensor of two floats}, opcode by opcode."""
    return (
        b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02(("
        b"X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05"
        b"X\x03\x00\x00\x00cpuq\x06K\x02tq\x07QK\x00K\x02\x85q\x08K\x01\x85q\x09\x89"
        b"ccollections\nOrderedDict\nq\n)Rq\x0btq\x0cRq\rs."
    )
