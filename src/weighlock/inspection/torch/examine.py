"""What a torch archive means: pickles, the storages that they name, and the code of compiled models."""

import re
from dataclasses import replace
from typing import Final

from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.member import Member
from weighlock.inspection.file import File
from weighlock.inspection.span import Reading
from weighlock.inspection.torch.layout import Layout, check_records, read_layout
from weighlock.inspection.torch.operator import find_class
from weighlock.inspection.torch.storage import named
from weighlock.inspection.torch.tensor import Tally, examine_tensors
from weighlock.inspection.torch.value import Global, Values

_PICKLE: Final = re.compile(r"[^/]+\.pkl")
# pickles whose storages lie elsewhere than in a folder of their name
_PLACES: Final = {
    "attributes.pkl": ("attributes/{}", "tensors/{}"),
    "bytecode.pkl": ("constants/{}", "bytecode/{}", "data/{}"),
}
_STORAGE: Final = re.compile(r"(?:data|constants|attributes|bytecode)/\d+")
_PACKAGE: Final = ".data/extern_modules"  # by this torch.load tells a torch.package archive from others
_CLASSES: Final = "__torch__.torch.classes."
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
    objects = yield from _examine_exported(layout)
    names = yield from _examine_tensors(layout)
    names.update(objects)
    for name in names:
        if name.module.startswith(_CLASSES):
            find_class(file.report, f"{name.module.removeprefix(_CLASSES)}.{name.name}")
    is_script = _SCRIPT in layout.members
    yield from _examine_package(layout)
    yield from _examine_code(layout)
    if is_script or objects:
        archive = _allowing(archive, names)
    for member in layout.rest.values():
        yield from archive.examine(member)


def _examine_exported(layout: Layout) -> Reading[dict[Global, None]]:
    """Examine an exported program, if it is one; returns the names in pickles of TorchScript that it holds."""
    if any(name.startswith(("models/", "data/aotinductor/", "serialized_")) for name in layout.members):
        from weighlock.inspection.torch.exported import (  # noqa: PLC0415  # rare, and it imports Python's parser
            examine_exported,
        )

        return (yield from examine_exported(layout))
    return {}


def _examine_package(layout: Layout) -> Reading[None]:
    if _PACKAGE in layout.members:
        from weighlock.inspection.torch.package import examine_package  # noqa: PLC0415  # few archives are packages

        yield from examine_package(layout)


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
    tally = Tally()
    for pickle in sorted(layout.matching(_PICKLE)):
        member = layout.members[pickle]
        places = _PLACES.get(pickle, (pickle.removesuffix(".pkl") + "/{}",))
        values = yield from examine_tensors(layout, member, places, tally)
        if values is None:
            continue
        names.update(values.names)
        if pickle == "bytecode.pkl":
            _examine_bytecode(layout, member, values)
    tally.report(layout.file.report)
    unnamed = layout.matching(_STORAGE)
    if unnamed:
        told = f"no pickle names {len(unnamed)} of the storages: {named(unnamed)}"
        layout.file.report.find("torch-storage-unnamed", told)
    return names


def _examine_bytecode(layout: Layout, member: Member, values: Values) -> None:
    from weighlock.inspection.torch.mobile import examine_bytecode  # noqa: PLC0415  # few archives have any

    examine_bytecode(layout.file.report.member(member.name), values.top)


def _allowing(archive: Archive, names: dict[Global, None]) -> Archive:
    """Return the archive with the classes of TorchScript, which are no imports, allowed to its pickles."""
    allow = {
        (name.module, name.name): _SCRIPT_NAMES for name in names if name.module.split(".")[0] == "__torch__"
    }
    allow.update(dict.fromkeys(_HELPERS, _SCRIPT_NAMES))
    options = replace(archive.file.options, allow={**allow, **archive.file.options.allow})
    return replace(archive, file=replace(archive.file, options=options))
