"""Tars made on the spot, well formed or not. Nothing is ever unpacked."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping

from weighlock.core.digest import Digest
from weighlock.source.layer import Layer, Packing, Staged

PAX = tarfile.PAX_FORMAT


def entry(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    """Return one member; ``fields`` are attributes of its TarInfo."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar_of(entries: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = PAX) -> bytes:
    """Return a tar of ``entries``, as the standard library writes it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def tar_files(files: Mapping[str, bytes], form: int = PAX) -> bytes:
    """Return a tar of regular files."""
    return tar_of([entry(name, content) for name, content in files.items()], form)


def packed(tar: bytes) -> bytes:
    """Return ``tar`` as a gzip, the same each time."""
    return gzip.compress(tar, 6, mtime=0)


def header(
    name: bytes,
    size: int = 0,
    kind: bytes = b"0",
    *,
    magic: bytes = b"ustar\x0000",
    size_field: bytes | None = None,
) -> bytes:
    """Return one header of 512 bytes with a right sum."""
    block = bytearray(512)
    block[0 : len(name)] = name
    block[100:108] = block[108:116] = block[116:124] = b"0000644\0"
    block[124:136] = b"%011o\0" % size if size_field is None else size_field
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[257:265] = magic
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def pax_record(key: str, value: str) -> bytes:
    """Return a record of an extended header with its right length."""
    body = f" {key}={value}\n".encode()
    size = len(body) + 1
    while len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def extended(records: bytes, kind: bytes = b"x") -> bytes:
    """Return an extended header and its records."""
    return header(b"././@PaxHeader", len(records), kind) + padded(records)


END = bytes(1024)


def layer_of(raw: bytes, packing: Packing = Packing.NONE, **options: object) -> Layer:
    """Return the layer that ``raw`` is."""
    staged = Staged(io.BytesIO(raw), Digest.of(raw), len(raw))
    return Layer(staged, packing, **options)  # type: ignore[arg-type]  # options of the constructor


def files_of(layer: Layer) -> dict[str, bytes]:
    """Return the files of a layer, read."""
    return {member.path: b"".join(map(bytes, layer.chunks(member))) for member in layer.members}
