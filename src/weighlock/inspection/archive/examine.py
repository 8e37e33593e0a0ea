"""What an archive's members mean: torch, NumPy and Keras put models into ZIP files."""

import re
from typing import Final

from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.kind import kind_of, reader_of
from weighlock.inspection.archive.zip import ENCRYPTED, STORED, Member, read_zip
from weighlock.inspection.file import File
from weighlock.inspection.numpy.npy import MAGIC
from weighlock.inspection.span import Reading, read

_STORAGE: Final = re.compile(r"[^/]+/data/\d+")
_TORCH_INERT: Final = re.compile(
    r"[^/]+/(?:version|byteorder|\.format_version|\.storage_alignment|\.data/serialization_id)"
)
_TORCH_CODE: Final = re.compile(r"[^/]+/code/.+\.py")
MAX_INERT_BYTES: Final = 64  # a number, a word or an identifier


def examine_zip_file(file: File) -> Reading[None]:
    """Examine every member of an archive. Raises FormatError ``zip-structure`` and Unexamined."""
    report = file.report
    members = yield from read_zip(file.size)
    report.format = kind_of(frozenset(member.name for member in members))
    report.fact("members", len(members))
    report.fact("bytes in members", sum(member.size for member in members))
    yield from reader_of(report.format)(file, Archive(file, members))


def examine_members(_file: File, archive: Archive) -> Reading[None]:
    """Examine every member by what it is."""
    for member in archive.members:
        yield from archive.examine(member)


def examine_torch(file: File, archive: Archive) -> Reading[None]:
    """Examine what torch would interpret; its storages are raw data."""
    code = {member for member in archive.members if _TORCH_CODE.fullmatch(member.name)}
    if code:
        file.report.find("torchscript-code", f"{len(code)} of its members are TorchScript code")
        file.report.not_examined("what TorchScript code does is not analysed")
    for member in archive.members:
        if member not in code and not (_is_inert(member) and not (yield from _is_array(member))):
            yield from archive.examine(member)


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
