"""``weighlock.lock``: what was pulled, by digest, in the user's own repository.

People review this file, so it diffs well: JSON with sorted keys, one line a file. A
reader refuses what it does not know, and recomputes each manifest digest from the
files, so that one edited line cannot pass for an update.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_FILE_BYTES
from weighlock.core.store_reference import check_name
from weighlock.core.text import shown

VERSION: Final = 1
UNAVAILABLE: Final = "unavailable"  # an owner's id that the source does not tell
MAX_MODELS: Final = 1000
MAX_LOCK_BYTES: Final = 64 * 1024 * 1024  # a few models of 10,000 files
MAX_TEXT_CHARACTERS: Final = 4096  # a source may be a long path
GIT_FIELD: Final = "git_sha1"  # SHA-1 proves nothing today; it says which blob of the origin's history it was
VERSION_FIELD: Final = "version_id"  # which of its versions an object store is to hand out
_MARKS: Final = {
    GIT_FIELD: re.compile(r"[0-9a-f]{40}", re.ASCII),
    VERSION_FIELD: re.compile(
        r"[\x21-\x7e]{1,1024}", re.ASCII
    ),  # S3: opaque, at most 1,024 bytes, safe in a URL
}
_FIELDS: Final = frozenset({"source", "revision", "owner", "origin_confirmed", "manifest", "facts", "files"})


class Owner(NamedTuple):
    """Who answers for a source: in which scheme, under which lasting id, under which name."""

    scheme: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class LockedModel:
    """What a model must be: where it comes from, whose it is, every file's digest and size in bytes."""

    name: str
    source: str
    revision: str
    owner: Owner
    origin_confirmed: bool  # the digests come from the canonical origin, not from a mirror
    manifest: Digest
    files: Mapping[str, ArtifactFile]
    facts: Mapping[str, str] = field(default_factory=dict)  # what only this kind of source has
    # path → git's name of the blob, and the object store's of the version, where there is one
    git_sha1: Mapping[str, str] = field(default_factory=dict)
    version_ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The files' total size in bytes."""
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True, slots=True)
class Lock:
    """The models by name."""

    models: Mapping[str, LockedModel] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the lock that ``raw`` writes; raises DeniedError ``lock_invalid``."""
        try:
            document = read_object(raw, what="the lock file", limit=MAX_LOCK_BYTES)
            if type(document.get("version")) is not int or document["version"] != VERSION:
                raise _WrongError(f"its version is not {VERSION}")
            _only(document, {"version", "models"}, "it")
            models = _object(document["models"], "models")
            if len(models) > MAX_MODELS:
                raise _WrongError(f"it has more than {MAX_MODELS} models")
            return cls({name: _read_model(name, models[name]) for name in sorted(models)})
        except (_WrongError, WeighlockError) as error:
            why = error.message if isinstance(error, WeighlockError) else str(error)
            raise DeniedError(
                "lock_invalid",
                f"the lock file is refused: {why}",
                hint="take it back from version control, or delete the entry and pull again",
            ) from error

    def to_bytes(self) -> bytes:
        """Return the lock as text, one line a file, the same for the same content."""
        models = [_write_model(self.models[name]) for name in sorted(self.models)]
        body = "{\n" + ",\n".join(models) + "\n  }" if models else "{}"
        return f'{{\n  "version": {VERSION},\n  "models": {body}\n}}\n'.encode()

    def with_model(self, model: LockedModel) -> "Lock":
        """Return the lock in which ``model`` stands under its name."""
        return Lock({**self.models, model.name: model})


class Change(NamedTuple):
    """How one file differs: what it was and what it is; None where it is not."""

    path: str
    before: ArtifactFile | None
    after: ArtifactFile | None

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


def compare(before: Mapping[str, ArtifactFile], after: Mapping[str, ArtifactFile]) -> list[Change]:
    """Return how two lists of files differ, in code-point order of paths."""
    changes = (
        Change(path, before.get(path), after.get(path)) for path in sorted(before.keys() | after.keys())
    )
    return [change for change in changes if change.before != change.after]


class _WrongError(Exception):
    """What is wrong with a lock file."""


def _read_model(name: str, value: Any) -> LockedModel:
    check_name(name)
    fields = _object(value, name)
    _only(fields, _FIELDS, name)
    confirmed = fields["origin_confirmed"]
    if not isinstance(confirmed, bool):
        raise _WrongError(f"origin_confirmed of {name} is neither true nor false")
    files = _read_files(name, _object(fields["files"], f"files of {name}"))
    manifest = Digest.parse(fields["manifest"])
    if Artifact.build(list(files.values()))[0].digest != manifest:
        raise _WrongError(f"the files of {name} do not make up its manifest {manifest}: a line was edited")
    facts = _object(fields["facts"], f"facts of {name}")
    return LockedModel(
        name=name,
        source=_text(fields["source"], f"source of {name}"),
        revision=_text(fields["revision"], f"revision of {name}"),
        owner=_read_owner(name, fields["owner"]),
        origin_confirmed=confirmed,
        manifest=manifest,
        files=files,
        facts={key: _text(facts[key], f"{shown(key)} of {name}") for key in sorted(facts)},
        git_sha1=_read_marks(name, fields["files"], GIT_FIELD),
        version_ids=_read_marks(name, fields["files"], VERSION_FIELD),
    )


def _read_owner(name: str, value: Any) -> Owner:
    what = f"owner of {name}"
    fields = _object(value, what)
    _only(fields, Owner._fields, what)
    return Owner(**{key: _text(fields[key], what) for key in Owner._fields})


def _read_files(name: str, value: Mapping[str, Any]) -> dict[str, ArtifactFile]:
    files: dict[str, ArtifactFile] = {}
    for path in sorted(value):
        what = f"{shown(path)!r} of {name}"
        fields = _object(value[path], what)
        _only(fields, {"size", "sha256", *(fields.keys() & _MARKS.keys())}, what)
        size, digits = fields["size"], _text(fields["sha256"], what)
        if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
            raise _WrongError(f"the size of {what} is not a number of bytes")
        files[path] = ArtifactFile(path, Digest("sha256", digits), size)
    return files


def _read_marks(name: str, files: Mapping[str, Any], mark: str) -> dict[str, str]:
    marked = {path: files[path][mark] for path in sorted(files) if mark in files[path]}
    for path, value in marked.items():
        if not isinstance(value, str) or not _MARKS[mark].fullmatch(value):
            raise _WrongError(f"{mark} of {shown(path)!r} of {name} does not follow its grammar")
    return marked


def _write_model(model: LockedModel) -> str:
    lines = [
        f"    {json.dumps(model.name)}: {{",
        f'      "source": {_quoted(model.source)},',
        f'      "revision": {_quoted(model.revision)},',
        f'      "owner": {_quoted(model.owner._asdict())},',
        f'      "origin_confirmed": {_quoted(model.origin_confirmed)},',
        f'      "manifest": {_quoted(str(model.manifest))},',
        f'      "facts": {_quoted(dict(sorted(model.facts.items())))},',
        '      "files": {',
    ]
    files = [
        f"        {_quoted(path)}: {_quoted(_file(model, file))}"
        for path, file in sorted(model.files.items())
    ]
    return "\n".join([*lines, ",\n".join(files), "      }", "    }"])


def _file(model: LockedModel, file: ArtifactFile) -> dict[str, str | int]:
    marks = {GIT_FIELD: model.git_sha1.get(file.path), VERSION_FIELD: model.version_ids.get(file.path)}
    written = {name: mark for name, mark in marks.items() if mark is not None}
    return {"size": file.size, "sha256": file.digest.hex, **written}


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError(f"{what} is not an object")
    return value


def _only(fields: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    wanted = set(known)
    if unknown := fields.keys() - wanted:
        raise _WrongError(f"{what} has the unknown field {shown(min(unknown))!r}")
    if absent := wanted - fields.keys():
        raise _WrongError(f"{what} lacks the field {min(absent)!r}")


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARACTERS:
        raise _WrongError(f"{what} is not a text of 1 to {MAX_TEXT_CHARACTERS} characters")
    return value
