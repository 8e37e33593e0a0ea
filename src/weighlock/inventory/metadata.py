"""Read what a metadata folder says of its package (PyPA, "Core metadata"; PEP 610 for direct_url.json)."""

import email.parser
import email.policy
import re
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object

MAX_METADATA_BYTES: Final = 8 * 1024 * 1024  # the description is a README, images excluded
MAX_LICENCE_CHARACTERS: Final = 200  # some projects paste the whole text into the field
MAX_DIRECT_URL_BYTES: Final = 64 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]*", re.ASCII)


class MetadataError(Exception):
    """The metadata cannot be used; the text says why."""


class Metadata(NamedTuple):
    """Name and version as written, the licence, and whether that is an SPDX expression."""

    name: str
    version: str
    licence: str
    licence_is_expression: bool


class Origin(NamedTuple):
    """What ``direct_url.json`` says: the URL, whether editable, the archive's digest if noted."""

    url: str
    editable: bool
    archive: Digest | None


def read_metadata(raw: bytes) -> Metadata:
    """Return the fields of METADATA or PKG-INFO; raises MetadataError.

    A name or version that is given twice is refused: readers differ in which they take.
    """
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(raw, headersonly=True)
    fields: dict[str, str] = {}
    for field, grammar in (("Name", _NAME), ("Version", _VERSION)):
        values = [str(value) for value in message.get_all(field, [])]
        if len(values) != 1:
            raise MetadataError(f"it has {len(values)} fields {field}, not one")
        if not grammar.fullmatch(values[0].strip()):
            raise MetadataError(f"its {field.lower()} is {values[0]!r}")
        fields[field] = values[0].strip()
    licence, is_expression = _licence(
        str(message.get("License-Expression", "")).strip(),
        str(message.get("License", "")).strip(),
        [str(value) for value in message.get_all("Classifier", [])],
    )
    return Metadata(fields["Name"], fields["Version"], licence, is_expression)


def _licence(expression: str, text: str, classifiers: list[str]) -> tuple[str, bool]:
    if expression:
        return expression[:MAX_LICENCE_CHARACTERS], True
    first = text.split("\n", 1)[0].strip()
    if first and first != "UNKNOWN":
        return first[:MAX_LICENCE_CHARACTERS], False
    named = [value.rpartition(" :: ")[2] for value in classifiers if value.startswith("License :: ")]
    return "; ".join(named)[:MAX_LICENCE_CHARACTERS], False


def read_origin(raw: bytes) -> Origin:
    """Return what ``direct_url.json`` says; raises MetadataError."""
    try:
        document = read_object(raw, what="direct_url.json", limit=MAX_DIRECT_URL_BYTES)
    except DeniedError as error:
        raise MetadataError(error.message) from error
    folder = document.get("dir_info")
    archive = document.get("archive_info")
    editable = isinstance(folder, dict) and folder.get("editable") is True
    return Origin(str(document.get("url", "")), editable, _archive_digest(archive))


def _archive_digest(archive: object) -> Digest | None:
    if not isinstance(archive, dict):
        return None
    digests = archive.get("hashes")
    text = digests.get("sha256") if isinstance(digests, dict) else None
    if text is None and isinstance(archive.get("hash"), str):
        text = str(archive["hash"]).removeprefix("sha256=")
    try:
        return Digest("sha256", str(text)) if text is not None else None
    except DeniedError:
        return None
