"""Read what a hub's API answers: bytes in, facts out (huggingface_hub, ``hf_api.py``).

A hub is believed about nothing that bytes can prove, and its answers are hostile until they
are read: each field that is used has its type and its form, what is missing is a mistake.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_json
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.core.text import shown
from weighlock.source.huggingface.name import is_commit
from weighlock.transport.field import next_link

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024  # 1,000 entries of a tree, or a model card with all its metadata
MAX_VALUES: Final = 500_000  # in one answer: 16 MB of empty objects would be 500 MB in memory
MAX_ID_CHARACTERS: Final = 64  # the hub's ids have 24
_ID: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SHA1: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII)
_PART: Final = re.compile(r"[^\x00-\x1f\x7f\\]+")


class Model(NamedTuple):
    """What the hub says about a repository at a revision; ``id`` is lasting, or None."""

    repository: str
    id: str | None
    commit: str
    modified_at: dt.datetime | None
    disabled: bool


class Entry(NamedTuple):
    """A file in a tree: size in bytes, git's name of the blob, and the SHA-256 if git holds a pointer only."""

    path: str
    kind: str
    size: int
    git_sha1: str
    digest: Digest | None


class Commit(NamedTuple):
    """A commit, and when its author says that it was made."""

    id: str
    made_at: dt.datetime


class Refs(NamedTuple):
    """Where branches and tags point: name → commit."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]


def read_model(raw: bytes) -> Model:
    """Return the answer of ``/api/models/ID/revision/REVISION``; raises DeniedError ``listing_invalid``."""
    fields = _object(_read(raw, "what the hub says about the model"), "it")
    return Model(
        repository=_text(fields.get("id"), "the id of the repository"),
        id=read_id(fields.get("_id")),
        commit=_commit(fields.get("sha")),
        modified_at=_time(fields["lastModified"]) if fields.get("lastModified") is not None else None,
        disabled=fields.get("disabled") is True,
    )


def read_entries(raw: bytes) -> list[Entry]:
    """Return one page of ``/api/models/ID/tree/COMMIT``, folders left out.

    Raises DeniedError ``listing_invalid``, ``path_invalid`` for what git cannot hold, ``digest_invalid``,
    ``metadata_conflict`` if two statements about one file disagree.
    """
    page = _list(_read(raw, "the list of files"), "the list of files")
    entries = [_object(item, "a file") for item in page]
    return [_entry(item) for item in entries if item.get("type") != "directory"]


def read_commits(raw: bytes) -> list[Commit]:
    """Return one page of ``/api/models/ID/commits/REVISION``; raises DeniedError ``listing_invalid``."""
    page = _list(_read(raw, "the list of commits"), "the list of commits")
    items = [_object(item, "a commit") for item in page]
    return [Commit(_commit(item.get("id")), _time(item.get("date"))) for item in items]


def read_refs(raw: bytes) -> Refs:
    """Return the answer of ``/api/models/ID/refs``; raises DeniedError ``listing_invalid``."""
    fields = _object(_read(raw, "the list of branches and tags"), "it")
    return Refs(_targets(fields.get("branches")), _targets(fields.get("tags")))


def read_owner(raw: bytes, name: str) -> str | None:
    """Return the lasting id of an organization or user, or None if the answer has none.

    Raises DeniedError ``source_renamed`` if the answer is about somebody else than ``name``.
    """
    fields = _object(_read(raw, "what the hub says about the owner"), "it")
    found = fields.get("name") if "user" not in fields else fields["user"]
    if found != name:
        raise renamed(name, found if isinstance(found, str) else "nobody")
    return read_id(fields.get("_id"))


def read_id(value: Any) -> str | None:
    """Return ``value`` if it is an id as hubs give them, else None."""
    if isinstance(value, str) and len(value) <= MAX_ID_CHARACTERS and _ID.fullmatch(value):
        return value
    return None


def read_next(link: str | None, path: str) -> str | None:
    """Return the query of the next page that a ``Link`` header names (RFC 8288), or None if there is none.

    Only the query is taken: the next page is asked for where this one was. ``path`` ends every
    address of this list; raises DeniedError ``listing_invalid`` if the link leads elsewhere, or is malformed: what
    cannot be read is no end.
    """
    try:
        target = next_link(link or "")
    except ValueError as error:
        raise listing_invalid(str(error)) from error
    if target is None:
        return None
    address, mark, query = target.partition("?")
    if not mark or not query or not unquote(address).endswith(path):
        raise listing_invalid("its next page is another list")
    return query


def renamed(asked: str, found: str) -> DeniedError:
    """Return the error for an answer about something else than was asked for."""
    return DeniedError(
        "source_renamed",
        f"{shown(asked)} is now {shown(found)} on the hub: a name that leads elsewhere proves nothing",
        hint=f"if you trust that owner, pull hf:{shown(found)} and allow it in weighlock.yaml",
    )


def _entry(item: Mapping[str, Any]) -> Entry:
    path = _path(item.get("path"))
    what = f"{shown(path)!r}"
    size = _size(item.get("size"), what)
    git_sha1 = item.get("oid")
    if not isinstance(git_sha1, str) or not _SHA1.fullmatch(git_sha1):
        raise listing_invalid(f"git's name of {what} is not 40 hex digits")
    lfs = item.get("lfs")
    digest = None if lfs is None else _pointed(_object(lfs, what), size, git_sha1, what)
    return Entry(path, _text(item.get("type"), f"the kind of {what}"), size, git_sha1, digest)


def _pointed(lfs: Mapping[str, Any], size: int, git_sha1: str, what: str) -> Digest:
    """Return the digest of a file that git holds a pointer to (git-lfs, docs/spec.md, "The Pointer").

    The pointer follows from digest and size, so its own name in git must fit; one with extensions does not follow.
    """
    digest = Digest("sha256", _text(lfs.get("oid"), f"the digest of {what}"))
    if _size(lfs.get("size"), what) != size:
        raise conflict(what, "two sizes")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {size}\n".encode()
    name = hashlib.sha1(b"blob %d\0%b" % (len(pointer), pointer), usedforsecurity=False).hexdigest()
    if lfs.get("pointerSize") == len(pointer) and name != git_sha1:
        raise conflict(what, "a digest that its pointer in git does not hold")
    return digest


def conflict(what: str, why: str) -> DeniedError:
    """Return the error for two statements about a file that cannot both be true."""
    return DeniedError(
        "metadata_conflict",
        f"the hub says two things about {what}: {why}",
        hint="try again later; if it stays so, report it to the hub, or to whoever runs the mirror",
    )


def _path(value: Any) -> str:
    path = _text(value, "the path of a file", limit=4096)
    parts = path.split("/")
    if not _PART.fullmatch(path) or not {"", ".", ".."}.isdisjoint(parts):
        raise DeniedError(
            "path_invalid",
            f"the hub lists {shown(path)!r}, which no git repository can hold",
            hint="do not pull from there: a list like that is made to attack programs",
        )
    return path


def _size(value: Any, what: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_FILE_BYTES:
        raise listing_invalid(f"the size of {what} is not a number of bytes")
    return value


def _targets(value: Any) -> dict[str, str]:
    items = [_object(item, "a branch or tag") for item in _list(value, "the branches or tags")]
    found = {_text(item.get("name"), "a name"): _commit(item.get("targetCommit")) for item in items}
    if len(found) != len(items):
        raise listing_invalid("a branch or tag is listed twice")
    return found


def _commit(value: Any) -> str:
    if not is_commit(value):
        raise listing_invalid("a commit is not 40 hex digits")
    return str(value)


def _time(value: Any) -> dt.datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise listing_invalid("a time is not written as 2026-01-31T12:00:00.000Z")
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise listing_invalid("a time does not exist") from error


def _read(raw: bytes, what: str) -> Any:
    if raw.count(b",") >= MAX_VALUES:
        raise listing_invalid(f"{what} has more than {MAX_VALUES} values")
    try:
        return read_json(raw, what=what, limit=MAX_ANSWER_BYTES)
    except DeniedError as error:
        raise listing_invalid(error.message) from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise listing_invalid(f"{what} is not an object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise listing_invalid(f"{what} is not an array")
    return value


def _text(value: Any, what: str, *, limit: int = 1024) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise listing_invalid(f"{what} is not a text of 1 to {limit} characters")
    return value


def listing_invalid(why: str) -> DeniedError:
    """Return the error for an answer that is malformed, repeats itself or does not end."""
    return DeniedError(
        "listing_invalid",
        f"an answer of the hub is refused: {why}",
        hint="check that the address is a hub's; nothing of the answer was used",
    )
