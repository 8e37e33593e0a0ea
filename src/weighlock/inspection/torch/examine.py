"""What a torch archive means: pickles, the storages that they name, and the code of compiled models."""

import re
from dataclasses import replace
from typing import Final

from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.member import ENCRYPTED, STORED, Member
from weighlock.inspection.file import File
from weighlock.inspection.numpy.npy import MAGIC
from weighlock.inspection.span import Reading, read
from weighlock.inspection.torch.layout import Layout, check_records, read_layout
from weighlock.inspection.torch.storage import Storage, check_views, collect_storages, named
from weighlock.inspection.torch.value import Global, Unreadable, Values, read_values

MAX_PICKLE_BYTES: Final = 64 * 1024 * 1024  # of one pickle; a hundred bytes a tensor
_PICKLE: Final = re.compile(r"[^/]+\.pkl")
# pickles whose storages lie elsewhere than in a folder of their name
_FOLDERS: Final = {
    "attributes.pkl": ("attributes", "tensors"),
    "bytecode.pkl": ("constants", "bytecode", "data"),
}
_STORAGE: Final = re.compile(r"(?:data|constants|attributes|bytecode)/\d+")
_SCRIPT: Final = "constants.pkl"  # by this torch.load tells a TorchScript archive (torch/serialization.py)
_SCRIPT_CODE: Final = re.compile(r"code/.+\.py")
_SCRIPT_NAMES: Final = (
    "the TorchScript reader makes an object of a class that the archive defines, and imports nothing"
)
# functions of that reader, which it resolves itself (torch/csrc/jit/serialization/unpickler.cpp)
_HELPERS: Final = tuple(
    ("torch.jit._pickle", f"{verb}_{what}")
    for verb, what in (
        ("build", "boollist"), ("build", "doublelist"), ("build", "intlist"), ("build", "tensor_from_id"),
        ("build", "tensorlist"), ("restore", "type_tag"),
    )
)  # fmt: skip


def examine_torch(file: File, archive: Archive) -> Reading[None]:
    """Examine every member by what torch would do with it."""
    layout = read_layout(file, archive)
    yield from check_records(layout)
    yield from _examine_exported(layout)
    names = yield from _examine_tensors(layout)
    is_script = _SCRIPT in layout.members
    yield from _examine_code(layout)
    if is_script:
        archive = _allowing(archive, names)
    for member in layout.rest.values():
        yield from archive.examine(member)


def _examine_exported(layout: Layout) -> Reading[None]:
    if any(name.startswith(("models/", "data/aotinductor/", "serialized_")) for name in layout.members):
        from weighlock.inspection.torch.exported import (  # noqa: PLC0415  # rare, and it imports Python's parser
            examine_exported,
        )

        yield from examine_exported(layout)


def _examine_code(layout: Layout) -> Reading[None]:
    code = [layout.rest.pop(name) for name in layout.matching(_SCRIPT_CODE)]
    if code:
        from weighlock.inspection.torch.script import (  # noqa: PLC0415  # less common, and it imports Python's parser
            examine_code,
        )

        yield from examine_code(layout, code)


def _examine_tensors(layout: Layout) -> Reading[dict[Global, None]]:
    """Hold tensors, storages and members against each other; returns every name that the pickles import."""
    names: dict[Global, None] = {}
    tensors = 0
    stored: dict[str, int] = {}
    for pickle in sorted(layout.matching(_PICKLE)):
        member = layout.members[pickle]
        values = yield from _read_values(layout, member)
        if values is None:
            continue
        names.update(values.names)
        tensors += check_views(layout.file.report.member(member.name), values)
        storages = collect_storages(layout.file.report.member(member.name), values)
        folders = _FOLDERS.get(pickle, (pickle.removesuffix(".pkl"),))
        yield from _account(layout, storages or {}, folders, stored)
        if pickle == "bytecode.pkl":
            _examine_bytecode(layout, member, values)
    if tensors:
        layout.file.report.fact(
            "tensors", f"{tensors} over {len(stored)} storages of {sum(stored.values())} bytes"
        )
    _find_unnamed(layout)
    return names


def _read_values(layout: Layout, member: Member) -> Reading[Values | None]:
    data = yield from layout.read(member, MAX_PICKLE_BYTES)
    if data is None:
        return None
    try:
        return read_values(data)
    except Unreadable as error:
        layout.file.report.member(member.name).not_examined(f"its tensors cannot be told: {error}")
    return None


def _account(
    layout: Layout, storages: dict[str, Storage], folders: tuple[str, ...], stored: dict[str, int]
) -> Reading[None]:
    """Hold every storage against its member: torch before 2.10 reads as many bytes as the pickle says."""
    missing = []
    for storage in storages.values():
        name = next(
            (f"{folder}/{storage.key}" for folder in folders if f"{folder}/{storage.key}" in layout.members),
            None,
        )
        if name is None:
            missing.append(storage.key)
            continue
        member = layout.members[name]
        _check_size(layout, member, storage)
        stored[name] = member.size
        if layout.take(name) is None:
            continue
        if (yield from _is_array(member)):
            yield from layout.archive.examine(member)
        else:
            yield from layout.archive.account(member)
    if missing:
        layout.file.report.find("torch-storage-missing", f"no member holds the storages {named(missing)}")


def _check_size(layout: Layout, member: Member, storage: Storage) -> None:
    if storage.size == member.size:
        return
    said = f"the pickle says that the storage has {storage.size} bytes, and it has {member.size}"
    layout.file.report.member(member.name).find("torch-storage-size", said)


def _find_unnamed(layout: Layout) -> None:
    unnamed = layout.matching(_STORAGE)
    if unnamed:
        layout.file.report.find(
            "torch-storage-unnamed", f"no pickle names {len(unnamed)} of the storages: {named(unnamed)}"
        )


def _examine_bytecode(layout: Layout, member: Member, values: Values) -> None:
    from weighlock.inspection.torch.mobile import examine_bytecode  # noqa: PLC0415  # few archives have any

    examine_bytecode(layout.file.report.member(member.name), values.top)


def _is_array(member: Member) -> Reading[bool]:
    """Whether NumPy, which takes any archive and goes by the first bytes of a member, would read an array."""
    if member.method != STORED or member.flags & ENCRYPTED:
        return False
    return (yield from read(member.data, min(member.size, len(MAGIC)))) == MAGIC


def _allowing(archive: Archive, names: dict[Global, None]) -> Archive:
    """Return the archive with the classes of TorchScript, which are no imports, allowed to its pickles."""
    allow = {
        (name.module, name.name): _SCRIPT_NAMES for name in names if name.module.split(".")[0] == "__torch__"
    }
    allow.update(dict.fromkeys(_HELPERS, _SCRIPT_NAMES))
    options = replace(archive.file.options, allow={**allow, **archive.file.options.allow})
    return replace(archive, file=replace(archive.file, options=options))
