"""Build ZIP, tar and 7z files field by field, so that any field can be wrong. Nothing here unpacks one."""

import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DOS_DATE = 33  # 1 January 1980


@dataclass
class Item:
    """A member of a ZIP file; ``local`` and ``central`` replace fields of one header, ``both`` of both.

    Fields: version, flags, method, crc, packed, size, name, extra; in the directory also disk, external, header.
    """

    name: bytes
    data: bytes = b""
    method: int = 0
    both: Mapping[str, Any] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None  # the packed data, if not made from ``data``
    after: bytes = b""  # between this member and the next
    listed: bool = True
    at: int | None = None  # the header's place; None: where the member before ends

    def packed(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return deflated(self.data) if self.method == 8 else self.data

    def fields(self) -> dict[str, Any]:
        return {
            "version": 20, "flags": 0, "method": self.method, "crc": zlib.crc32(self.data), "packed": len(self.packed()),
            "size": len(self.data), "name": self.name, "extra": b"", "disk": 0, "external": 0, **self.both,
        }  # fmt: skip


def deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def local_header(item: Item) -> bytes:
    it = {**item.fields(), **item.local}
    head = struct.pack(
        "<4s5H3L2H", it.get("magic", b"PK\3\4"), it["version"], it["flags"], it["method"], 0, DOS_DATE, it["crc"],
        it["packed"], it["size"], len(it["name"]), len(it["extra"]),
    )  # fmt: skip
    return head + bytes(it["name"]) + bytes(it["extra"])


def central_entry(item: Item, place: int) -> bytes:
    it = {**item.fields(), "header": place, **item.central}
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 0x314, it["version"], it["flags"], it["method"], 0, DOS_DATE, it["crc"], it["packed"],
        it["size"], len(it["name"]), len(it["extra"]), 0, it["disk"], 0, it["external"], it["header"],
    )  # fmt: skip
    return head + bytes(it["name"]) + bytes(it["extra"])


def zip_file(items: Sequence[Item], *, gap: bytes = b"", comment: bytes = b"", **end: int) -> bytes:
    """Return an archive; ``end`` replaces fields of the end record: disk, first, here, count, size, offset, comment."""
    out = b""
    directory = b""
    for item in items:
        place = len(out) if item.at is None else item.at
        if item.at is None:
            out += local_header(item) + item.packed() + item.after
        if item.listed:
            directory += central_entry(item, place)
    listed = sum(item.listed for item in items)
    it = {
        "disk": 0, "first": 0, "here": listed, "count": listed, "size": len(directory), "offset": len(out) + len(gap),
        "comment": len(comment), **end,
    }  # fmt: skip
    tail = struct.pack("<4s4H2LH", b"PK\5\6", *(it[name] for name in ("disk", "first", "here", "count", "size", "offset", "comment")))  # fmt: skip
    return out + gap + directory + tail + comment


def tar_file(
    members: Sequence[tuple[str, bytes, Mapping[str, Any]]], form: int = tarfile.USTAR_FORMAT
) -> bytes:
    """Return a tar file of (name, content, fields of the header) with the two end blocks and nothing more."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data, fields in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in fields.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return unpadded(out.getvalue())


def unpadded(archive: bytes) -> bytes:
    """Return a tar file without the zeros that fill its last record, but for the two end blocks."""
    end = len(archive.rstrip(b"\0"))
    return archive[: -(-end // 512) * 512] + bytes(1024)


def tar_header(name: bytes, size: bytes, kind: bytes = b"0", **fields: bytes) -> bytes:
    """Return one header with a right sum; ``fields``: link, magic, prefix, mode."""
    block = bytearray(512)
    block[: len(name)] = name
    for key, at in (("mode", 100), ("link", 157), ("magic", 257), ("prefix", 345)):
        value = fields.get(key, b"ustar\x0000" if key == "magic" else b"")
        block[at : at + len(value)] = value
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def block_of(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax(records: Mapping[str, str], kind: bytes = b"x") -> bytes:
    """Return an extended header."""
    raw = b""
    for key, value in records.items():
        text = f" {key}={value}\n".encode()
        length = len(text)
        while len(str(length)) + len(text) != length:
            length = len(str(length)) + len(text)
        raw += str(length).encode() + text
    return tar_header(b"pax", b"%011o" % len(raw), kind) + block_of(raw)


def number_7z(value: int) -> bytes:
    """Return a number as 7z writes it: the first byte's leading ones say how many bytes follow."""
    for more in range(8):
        if value < 1 << 7 * (more + 1):
            first = (0xFF00 >> more & 0xFF) | value >> 8 * more
            return bytes([first]) + (value & (1 << 8 * more) - 1).to_bytes(more, "little")
    return b"\xff" + value.to_bytes(8, "little")


def coder_7z(method: bytes, properties: bytes = b"") -> bytes:
    flags = len(method) | (0x20 if properties else 0)
    return bytes([flags]) + method + (number_7z(len(properties)) + properties if properties else b"")


LZMA2_7Z = coder_7z(b"\x21", b"\x10")
COPY_7Z = coder_7z(b"\0")


def lzma2(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])


def listing_7z(
    members: Mapping[str, bytes], packed: bytes, coders: Sequence[bytes], modes: Mapping[str, int]
) -> bytes:
    """Return the header of an archive in which all members are packed together behind the signature."""
    total = sum(map(len, members.values()))
    pairs = b"".join(number_7z(index + 1) + number_7z(index) for index in range(len(coders) - 1))
    out = b"\1\4\6" + number_7z(0) + number_7z(1) + b"\x09" + number_7z(len(packed)) + b"\0"
    out += b"\7\x0b" + number_7z(1) + b"\0" + number_7z(len(coders)) + b"".join(coders) + pairs
    out += b"\x0c" + number_7z(total) * len(coders) + b"\0"
    out += b"\x08\x0d" + number_7z(len(members)) + b"\x09"
    out += b"".join(number_7z(len(data)) for data in list(members.values())[:-1])
    out += b"\x0a\1" + b"".join(struct.pack("<L", zlib.crc32(data)) for data in members.values()) + b"\0\0"
    names = b"\0" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in members)
    out += b"\5" + number_7z(len(members)) + b"\x11" + number_7z(len(names)) + names
    if modes:
        values = b"\1\0" + b"".join(
            struct.pack("<L", modes.get(name, 0o100644) << 16 | 0x8000) for name in members
        )
        out += b"\x15" + number_7z(len(values)) + values
    return out + b"\0\0"


def sevenzip_file(packed: bytes, listing: bytes) -> bytes:
    """Return an archive: the signature, what is packed, the header."""
    start = struct.pack("<2QL", len(packed), len(listing), zlib.crc32(listing))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + packed + listing


def sevenzip(members: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> bytes:
    packed = lzma2(b"".join(members.values()))
    return sevenzip_file(packed, listing_7z(members, packed, [LZMA2_7Z], modes or {}))


def encoded_7z(members: Mapping[str, bytes]) -> bytes:
    """Return an archive whose header is packed too, as 7-Zip writes."""
    packed = lzma2(b"".join(members.values()))
    listing = listing_7z(members, packed, [LZMA2_7Z], {})
    header = lzma2(listing)
    streams = b"\x17\6" + number_7z(len(packed)) + number_7z(1) + b"\x09" + number_7z(len(header)) + b"\0"
    streams += b"\7\x0b" + number_7z(1) + b"\0" + number_7z(1) + LZMA2_7Z + b"\x0c" + number_7z(len(listing))
    streams += b"\x0a\1" + struct.pack("<L", zlib.crc32(listing)) + b"\0\0"
    return sevenzip_file(packed + header, streams)


def lz4_frame(*blocks: bytes, flags: int = 0x60, size: int = 0x40) -> bytes:
    """Return a frame of blocks as they are: each with its size, whose highest bit says that it is not packed."""
    return b"\x04\x22\x4d\x18" + bytes([flags, size, 0]) + b"".join(blocks) + bytes(4)


def lz4_plain(data: bytes) -> bytes:
    return struct.pack("<L", len(data) | 1 << 31) + data


def lz4_packed(data: bytes) -> bytes:
    return struct.pack("<L", len(data)) + data
