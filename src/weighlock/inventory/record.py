"""Read RECORD, the list of files that an installer wrote (PEP 376, 427, 627).

RECORD is written by the installer and can be rewritten by whoever can write the files
beside it: it tells damage and carelessness, and only the locked wheels' digests tell more.
"""

import base64
import binascii
import csv
import posixpath
from typing import Final, NamedTuple

from weighlock.core.digest import HEX_DIGITS, Digest
from weighlock.core.installation import RecordedFile

MAX_RECORD_BYTES: Final = 64 * 1024 * 1024  # torch, with 12,000 files, has 1.5 MB
MAX_FIELD_CHARACTERS: Final = 4096  # PATH_MAX


class RecordProblem(NamedTuple):
    """A line that cannot be used, counted from 1, and why."""

    line: int
    why: str


class RecordError(Exception):
    """RECORD as a whole is unreadable; the text says why."""


def read_record(raw: bytes, *, folder: str) -> tuple[tuple[RecordedFile, ...], tuple[RecordProblem, ...]]:
    """Return the recorded files, paths relative to the root, and the lines that are refused.

    Args:
        raw: RECORD's bytes.
        folder: the package folder, relative to the root, that RECORD's paths start from.

    Raises RecordError.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError("it is not UTF-8") from error
    files: dict[str, RecordedFile] = {}
    problems: list[RecordProblem] = []
    for number, row in enumerate(_rows(text), start=1):
        if not row:
            continue
        read = _read_row(row, folder)
        if isinstance(read, RecordedFile) and read.path not in files:
            files[read.path] = read
        else:
            why = read if isinstance(read, str) else f"{read.path!r} is listed twice"
            problems.append(RecordProblem(number, why))
    return tuple(files.values()), tuple(problems)


def _rows(text: str) -> list[list[str]]:
    if "\0" in text:
        raise RecordError("it contains a NUL")
    try:
        return list(csv.reader(text.splitlines(keepends=True), strict=True))
    except csv.Error as error:
        raise RecordError(f"it is not CSV: {error}") from error


def _read_row(row: list[str], folder: str) -> RecordedFile | str:
    """Return the file of one row, or why the row is refused."""
    if len(row) != 3 or len(row[0]) > MAX_FIELD_CHARACTERS:
        return "it does not have a path, a digest and a size"
    name, digest_text, size_text = row
    path = posixpath.normpath(posixpath.join(folder, name))
    if not name or name.startswith("/") or "\\" in name or path == ".." or path.startswith("../"):
        return f"the path {name!r} leads out of the installation"
    if size_text and not (size_text.isascii() and size_text.isdigit() and len(size_text) <= 15):
        return f"the size of {name!r} is not a number"
    digest = _read_digest(digest_text) if digest_text else None
    if digest_text and digest is None:
        return f"the digest of {name!r} is malformed or of a weak kind"
    return RecordedFile(path, digest, int(size_text) if size_text else None)


def _read_digest(text: str) -> Digest | None:
    algorithm, equals, encoded = text.partition("=")
    if not equals or algorithm not in HEX_DIGITS:
        return None
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return Digest(algorithm, raw.hex()) if len(raw) * 2 == HEX_DIGITS[algorithm] else None
