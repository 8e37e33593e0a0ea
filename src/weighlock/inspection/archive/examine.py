"""What an archive's members mean: torch, NumPy and Keras put models into ZIP files."""

import re
from typing import Final

from weighlock.inspection.archive.zip import DEFLATED, ENCRYPTED, STORED, Member, inflate, read_zip
from weighlock.inspection.file import File
from weighlock.inspection.numpy.npy import MAGIC
from weighlock.inspection.span import FormatError, Reading, Unexamined, read

_STORAGE: Final = re.compile(r"[^/]+/data/\d+")
_TORCH_INERT: Final = re.compile(
    r"[^/]+/(?:version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id)"
)
_TORCH_CODE: Final = re.compile(r"[^/]+/code/.+\.py")
_TORCH_PICKLE: Final = re.compile(r"[^/]+/(?:data|constants|attributes)\.pkl|[^/]+/code/.+\.debug_pkl")
MAX_INERT_BYTES: Final = 64  # a number, a word or an identifier


def examine_zip_file(file: File) -> Reading[None]:
    """Examine every member of an archive. Raises FormatError ``zip-structure`` and Unexamined."""
    report = file.report
    members = yield from read_zip(file.size)
    report.format = kind_of(members)
    report.fact("members", len(members))
    report.fact("bytes in members", sum(member.size for member in members))
    torch = report.format == "torch-zip"
    code = {member for member in members if torch and _TORCH_CODE.fullmatch(member.name)}
    if code:
        report.find("torchscript-code", f"{len(code)} of its members are TorchScript code")
        report.not_examined("what TorchScript code does is not analysed")
    for member in members:
        if member in code or (torch and _is_inert(member) and not (yield from _is_array(member))):
            continue
        yield from _examine_member(file, member)


def kind_of(members: list[Member]) -> str:
    """Return which program's archive this is: torch-zip, npz, keras-zip or just zip."""
    names = {member.name for member in members}
    if any(_TORCH_PICKLE.fullmatch(name) for name in names):
        return "torch-zip"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    return "keras-zip" if {"config.json", "metadata.json"} <= names else "zip"


def _is_inert(member: Member) -> bool:
    """Whether torch reads the member as raw tensor data, or as a short text that it compares."""
    if member.method != STORED or member.flags & ENCRYPTED:
        return False
    if _STORAGE.fullmatch(member.name):
        return True
    return bool(_TORCH_INERT.fullmatch(member.name)) and member.size <= MAX_INERT_BYTES


def _is_array(member: Member) -> Reading[bool]:
    """Whether NumPy, which takes any archive and goes by the first bytes of a member, would read an array."""
    return (yield from read(member.data, min(member.size, len(MAGIC)))) == MAGIC


def _examine_member(file: File, member: Member) -> Reading[None]:
    try:
        if member.flags & ENCRYPTED:
            raise Unexamined("the member is encrypted")
        if member.method == STORED:
            yield from file.part(member.name, member.data, member.size)
        elif member.method == DEFLATED:
            file.budget.expand(member.size)
            file.unpacked(member.name, (yield from inflate(member)))
        else:
            raise Unexamined(f"the member is packed with method {member.method}")
    except FormatError as error:
        inner = file.report.member(member.name)
        inner.find(error.rule, error.message, offset=error.offset)
        inner.not_examined(error.message)
    except Unexamined as limit:
        file.report.member(member.name).not_examined(limit.reason)
