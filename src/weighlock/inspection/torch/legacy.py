"""Account for every byte of a file in PyTorch's format of before 1.6: five pickles, then raw storages.

Source: torch/serialization.py, ``_legacy_save`` and ``_legacy_load``; torch/csrc/serialization.cpp
(``THPStorage_writeFileRaw``): before the elements of each storage stands their number as a signed 64-bit
integer. Both are little-endian, whatever the machine.
"""

from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.archive.tar_header import BLOCK_BYTES, is_header
from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.pickle.examine import examine_pickles
from weighlock.inspection.span import Reading, read
from weighlock.inspection.torch.storage import Storage, check_views, collect_storages, named
from weighlock.inspection.torch.value import Unreadable, Value, Values, read_values

MAGIC: Final = 0x1950A86A20F9469CFC6C
PROTOCOL: Final = 1001
PICKLES: Final = 5  # magic number, protocol, system, object, keys of the storages
COUNT_BYTES: Final = 8  # before the elements of each storage
FIRST_BYTES: Final = 256 * 1024  # read at first; a model's pickles have a hundred bytes a tensor
MAX_PICKLE_BYTES: Final = 32 * 1024 * 1024  # of all five


class _Head(NamedTuple):
    """The five pickles, and the offset after the last."""

    pickles: list[Values]
    end: int


def examine_legacy_torch(file: File) -> Reading[None]:
    """Account for every byte of a legacy file."""
    report = file.report
    head = yield from _read_head(file.size)
    if isinstance(head, str):
        yield from examine_pickles(file, file.size)
        report.not_examined(f"its storages cannot be told: {head}")
        return
    yield from examine_pickles(file, head.end)
    yield from _check_other_formats(file)
    magic, protocol, system, _, keys = (pickle.top for pickle in head.pickles)
    if magic != MAGIC or protocol != PROTOCOL:
        report.find("torch-legacy-layout", "the magic number or the protocol is not torch's", offset=0)
    if isinstance(system, dict) and system.get("little_endian") is False:
        report.fact("byte order of the writer", "big-endian")
    described = head.pickles[3]
    tensors = check_views(report, described)
    storages = collect_storages(report, described)
    if storages is not None:
        report.fact("tensors", f"{tensors} over {len(storages)} storages")
        yield from _check_storages(file, head.end, storages, keys)


def _read_head(size: int) -> Reading[_Head | str]:
    """Return the five pickles, or why they cannot be read."""
    length = min(size, FIRST_BYTES)
    while True:
        data = yield from read(0, length)
        try:
            return _head_of(data)
        except Unreadable as error:
            if not error.short or length == size:
                return str(error)
            if length >= MAX_PICKLE_BYTES:
                return f"its pickles have more than {MAX_PICKLE_BYTES} bytes"
        length = min(size, 4 * length)


def _head_of(data: bytes) -> _Head:
    pickles = []
    at = 0
    for _ in range(PICKLES):
        pickles.append(read_values(data, at))
        at = pickles[-1].end
    return _Head(pickles, at)


def _check_storages(file: File, at: int, storages: dict[str, Storage], keys: Value) -> Reading[None]:
    """Go from storage to storage in the order of their keys, to the end of the file."""
    report = file.report
    order = [_key(key) for key in keys] if isinstance(keys, list) else []
    if set(order) != set(storages) or len(order) != len(storages):
        report.find(
            "torch-storage-missing",
            f"the list of storages is not that of the object: {named(set(order) ^ set(storages))}",
        )
    for key in order:
        storage = storages.get(key)
        if storage is None:
            break
        if at + COUNT_BYTES > file.size:
            report.not_examined("the file ends before its storages do")
            return
        count = int.from_bytes((yield from read(at, COUNT_BYTES)), "little", signed=True)
        if count != storage.elements:
            told = (
                f"the storage {shown(key)!r} has {count} elements here, and {storage.elements} in the pickle"
            )
            report.find("torch-storage-size", told, offset=at)
            break
        at += COUNT_BYTES + storage.size
    yield from _check_end(file, at)


def _check_end(file: File, at: int) -> Reading[None]:
    if at > file.size:
        file.report.not_examined(f"the file ends {at - file.size} bytes before its storages do")
    elif at < file.size:
        rest = file.size - at
        file.report.find("torch-legacy-layout", f"{rest} bytes follow the storages", offset=at)
        file.report.not_examined(f"{rest} bytes follow the storages")
        yield from file.part(f"bytes {at} to {file.size}", at, rest)


def _key(key: Value) -> str:
    """Return the key of a storage as text; the empty one, which no storage has, for what is none."""
    if isinstance(key, bytes):
        return key.decode("latin-1")
    return key if isinstance(key, str) else ""


def _check_other_formats(file: File) -> Reading[None]:
    """Say that the file is a tar archive as well, which torch.load tries first, or a ZIP archive."""
    if file.size >= BLOCK_BYTES and is_header((yield from read(0, BLOCK_BYTES))):
        file.report.find(
            "torch-polyglot", "its first block is a tar header too: torch.load reads a tar file", offset=0
        )
        file.report.not_examined("it is a tar file too")
    yield from examine_tail(file)
