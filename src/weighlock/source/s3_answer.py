"""Read what object stores answer: pages of a listing, and errors, in XML; digests and versions, in headers.

Amazon S3 API reference, ListObjectsV2, HeadObject, "REST error responses". The XML has no
document type, no comments and no instructions, so it can define and fetch nothing.
"""

import base64
import binascii
import datetime as dt
import re
import xml.etree.ElementTree as ET  # _parse refuses what makes XML dangerous before it is parsed
from collections.abc import Mapping
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.core.text import shown

MAX_PAGE_BYTES: Final = 8 * 1024 * 1024  # 1,000 entries with keys of 1,024 bytes, each written as six
MAX_ERROR_BYTES: Final = 64 * 1024  # errors have less than 2 KB
MAX_DEPTH: Final = 8  # a listing has four levels
MAX_ELEMENTS: Final = 64_000  # 1,000 entries of a dozen fields, and room
_DECLARATION: Final = re.compile(r"\A\s*<\?xml [^<>]*\?>")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z", re.ASCII)
_SIZE: Final = re.compile(r"\d{1,15}", re.ASCII)


class Entry(NamedTuple):
    """One object as a listing has it; ``owner`` is empty where the server does not tell."""

    key: str
    size: int
    etag: str
    changed_at: dt.datetime
    owner: str
    storage_class: str


class Page(NamedTuple):
    """Some objects, and the token with which the next page is asked for, if there is one."""

    entries: list[Entry]
    next_token: str | None


class Failure(NamedTuple):
    """What a server says went wrong; ``region`` where it tells a better one."""

    code: str
    region: str


def read_page(raw: bytes) -> Page:
    """Return one page of a listing; raises DeniedError ``listing_invalid``."""
    root = _parse(raw, MAX_PAGE_BYTES)
    if root.tag != "ListBucketResult":
        raise invalid(f"it is {shown(repr(root.tag))}")
    token = root.findtext("NextContinuationToken")
    truncated = root.findtext("IsTruncated", "")
    if truncated not in {"true", "false"} or (truncated == "true") > bool(token):
        raise invalid("it does not say whether it goes on, or not where")
    return Page(
        [_read_entry(entry) for entry in root.findall("Contents")], token if truncated == "true" else None
    )


def read_failure(raw: bytes) -> Failure:
    """Return what an error document says; empty where it is none, for then it matters no more."""
    try:
        root = _parse(raw, MAX_ERROR_BYTES)
    except DeniedError:
        return Failure("", "")
    found = root if root.tag == "Error" else ET.Element("Error")
    return Failure(found.findtext("Code", "").strip(), found.findtext("Region", "").strip())


def read_digest(headers: Mapping[str, str]) -> Digest | None:
    """Return the SHA-256 of the whole object that the server keeps, if it does.

    A digest of parts' digests is another thing, as is an entity tag: its type is COMPOSITE, and where an
    older service tells no type, the number of parts follows it.
    """
    if headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() != "FULL_OBJECT":
        return None
    try:
        raw = base64.b64decode(headers.get("x-amz-checksum-sha256", ""), validate=True)
    except binascii.Error:
        return None
    return Digest("sha256", raw.hex()) if len(raw) == 32 else None


def bare(etag: str) -> str:
    """Return an entity tag without its quotes, which some services leave out."""
    return etag.strip().removeprefix('"').removesuffix('"')


def read_version(headers: Mapping[str, str]) -> str | None:
    """Return the version's id, if the bucket keeps versions."""
    found = headers.get("x-amz-version-id", "")
    usable = 0 < len(found) <= 1024 and found.isascii() and found.isprintable() and " " not in found
    return found if usable and found != "null" else None


def invalid(why: str) -> DeniedError:
    """Return the error for a listing that is not believed."""
    return DeniedError(
        "listing_invalid",
        f"the bucket's list of objects is refused: {why}",
        hint="what answers is no object store, or a broken one",
    )


class _Builder(ET.TreeBuilder):
    """A tree of bounded depth and size, without name spaces."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        """Open an element."""
        del attrs  # nothing in them is read
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise invalid("it nests too deep or has too many elements")
        return super().start(tag.rpartition("}")[2], {})

    def end(self, tag: str) -> ET.Element:
        """Close an element."""
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


def _parse(raw: bytes, limit: int) -> ET.Element:
    if len(raw) > limit:
        raise invalid(f"it is larger than {limit} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid("it is not UTF-8") from error
    body = _DECLARATION.sub("", text, count=1)
    if "<!" in body or "<?" in body:
        raise invalid("it has a document type, a comment or an instruction")
    parser = ET.XMLParser(target=_Builder())  # noqa: S314  # see above: nothing is left that could define an entity
    try:
        parser.feed(body)
        found = parser.close()
    except ET.ParseError as error:
        raise invalid(f"it is not well-formed ({shown(str(error))})") from error
    if not isinstance(found, ET.Element):
        raise invalid("it is empty")
    return found


def _read_entry(found: ET.Element) -> Entry:
    fields: dict[str, str] = {}
    for each in found:
        if each.tag in fields and each.tag in {"Key", "Size", "ETag", "LastModified"}:
            raise invalid(f"an entry has two of {each.tag}")
        fields[each.tag] = each.text or ""
    key = fields.get("Key", "")
    moment = _TIME.fullmatch(fields.get("LastModified", ""))
    size = fields.get("Size", "")
    if not key or moment is None or not _SIZE.fullmatch(size) or int(size) > MAX_FILE_BYTES:
        raise invalid(f"its entry {shown(repr(key))} lacks a key, size or time")
    try:
        changed_at = dt.datetime.fromisoformat(f"{moment[1]}+00:00")
    except ValueError as error:
        raise invalid(f"the time of {shown(repr(key))} is none") from error
    return Entry(
        key,
        int(size),
        fields.get("ETag", ""),
        changed_at,
        (found.findtext("Owner/ID") or "").strip(),
        fields.get("StorageClass", ""),
    )
