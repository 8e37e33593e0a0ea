"""List what a store holds, and show one artifact with what is known about it."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from weighlock.core.artifact import ARTIFACT_TYPE, TITLE_ANNOTATION
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import kind_of
from weighlock.core.outcome import Outcome
from weighlock.service.evidence import PREDICATE_ANNOTATION
from weighlock.store.base import CREATED_ANNOTATION
from weighlock.store.interface import Entry, Store
from weighlock.store.manifest import read_manifest

_OWN_TYPE: Final = re.compile(r"application/vnd\.weighlock\.([a-z-]+)\.v[0-9]+\+json", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listed:
    """One artifact of a store; ``size`` is that of its blobs in bytes, ``damage`` the code of what is wrong."""

    digest: Digest
    names: tuple[str, ...]
    kind: str
    size: int
    referrers: int
    damage: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "digest": str(self.digest),
            "names": list(self.names),
            "kind": self.kind,
            "size": self.size,
            "referrers": self.referrers,
            "damage": self.damage,
        }


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One blob of an artifact and its path, empty for what is not a file."""

    path: str
    digest: Digest
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class ListedReferrer:
    """Something that refers to an artifact: what its *label* says it is. Only a verified bundle is evidence."""

    digest: Digest
    kind: str
    created: str
    referrers: "tuple[ListedReferrer, ...]"


@dataclass(frozen=True, slots=True)
class Shown:
    """An artifact, its manifest verified."""

    digest: Digest
    names: tuple[str, ...]
    kind: str
    files: tuple[ListedFile, ...]
    referrers: tuple[ListedReferrer, ...]

    @property
    def size(self) -> int:
        """The files' total size in bytes."""
        return sum(file.size for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        files = [
            {"path": each.path, "digest": str(each.digest), "size": each.size, "media_type": each.media_type}
            for each in self.files
        ]
        return {
            "digest": str(self.digest),
            "names": list(self.names),
            "kind": self.kind,
            "size": self.size,
            "files": files,
            "referrers": _referrers_json(self.referrers),
        }


def list_artifacts(store: Store) -> list[Listed]:
    """Return every artifact that is not evidence about another, named ones first, then by age."""
    entries = store.entries()
    referrers = Counter(entry.subject for entry in entries)
    listed = [
        _list_entry(store, entry, referrers[entry.descriptor.digest])
        for entry in entries
        if entry.subject is None
    ]
    return sorted(listed, key=lambda each: (not each.names, each.names))


def outcome_of_listing(listed: list[Listed]) -> Outcome:
    """Return FINDINGS if something listed is damaged."""
    return Outcome.FINDINGS if any(each.damage for each in listed) else Outcome.CLEAN


def show_artifact(store: Store, text: str) -> Shown:
    """Return the artifact that ``text`` names; raises the store's errors."""
    digest = store.resolve(text).digest
    manifest = read_manifest(store, digest)
    names = next((entry.names for entry in store.entries() if entry.descriptor.digest == digest), ())
    files = tuple(
        ListedFile(blob.annotations.get(TITLE_ANNOTATION, ""), blob.digest, blob.size, blob.media_type)
        for blob in manifest.blobs[1:]  # the first is the config
    )
    return Shown(digest, names, kind_text(manifest.artifact_type), files, _list_referrers(store, digest))


def kind_text(artifact_type: str | None) -> str:
    """Return a word for an artifact type, or the type itself."""
    own = _OWN_TYPE.fullmatch(artifact_type or "")
    if own:
        return own[1]
    return "model" if artifact_type == ARTIFACT_TYPE else artifact_type or "unknown"


def _list_entry(store: Store, entry: Entry, referrers: int) -> Listed:
    damage = None
    size = 0
    try:
        manifest = read_manifest(store, entry.descriptor.digest)
        size = sum(blob.size for blob in manifest.blobs[1:])
    except DeniedError as error:
        damage = error.code  # the others are worth listing all the same
    kind = kind_text(entry.descriptor.artifact_type)
    return Listed(entry.descriptor.digest, entry.names, kind, size, referrers, damage)


def _list_referrers(store: Store, subject: Digest) -> tuple[ListedReferrer, ...]:
    found = []
    for descriptor in store.referrers(subject):
        predicate_type = descriptor.annotations.get(PREDICATE_ANNOTATION, "")
        found.append(
            ListedReferrer(
                descriptor.digest,
                kind_of(predicate_type) or predicate_type or kind_text(descriptor.artifact_type),
                descriptor.annotations.get(CREATED_ANNOTATION, ""),
                _list_referrers(store, descriptor.digest),
            )
        )
    return tuple(found)


def _referrers_json(referrers: tuple[ListedReferrer, ...]) -> list[dict[str, Any]]:
    return [
        {
            "digest": str(each.digest),
            "kind": str(each.kind),
            "created": each.created,
            "referrers": _referrers_json(each.referrers),
        }
        for each in referrers
    ]
