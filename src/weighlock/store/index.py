"""The list of manifests, index.json: bytes in, entries out, and back. No I/O.

Source: OCI image-spec v1.1, image-index.md and image-layout.md, "index.json". A manifest
with several names has one line for each, as other tools expect. Two annotations are ours:
on a line the subject of a referrer, so that 10,000 manifests need not be opened to list
the evidence about one; on the index the digest of its lines, so that fsck sees a flipped
byte. Neither is trusted: ``referrers`` opens what it returns.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.media_type import INDEX_MEDIA_TYPE
from weighlock.core.store_reference import check_name, read_digits
from weighlock.core.text import shown
from weighlock.store.interface import Entry

NAME_ANNOTATION: Final = "org.opencontainers.image.ref.name"
SUBJECT_ANNOTATION: Final = "dev.weighlock.subject"
SEAL_ANNOTATION: Final = "dev.weighlock.digest"
MAX_CANDIDATES_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Index:
    """Every listed manifest by digest, oldest first. Changes return a new index."""

    by_digest: Mapping[Digest, Entry]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Return the index that ``raw`` writes; raises DeniedError ``index_damaged``."""
        try:
            document = read_object(raw, what="the index")
            lines = document.get("manifests")
            if document.get("schemaVersion") != 2 or not isinstance(lines, list):
                raise _damaged("it is not an OCI image index")
            return cls(_read_lines(lines))
        except WeighlockError as error:
            raise error if error.code == "index_damaged" else _damaged(error.message) from error

    def to_bytes(self) -> bytes:
        """Return index.json, the same bytes for the same entries."""
        lines = write_json([line for entry in self.by_digest.values() for line in _write_entry(entry)])
        frame = {
            "schemaVersion": 2,
            "mediaType": INDEX_MEDIA_TYPE,
            "manifests": [],
            "annotations": {SEAL_ANNOTATION: str(Digest.of(lines))},
        }
        # the lines are megabytes when there are thousands: they are written once, not twice
        return write_json(frame).replace(b"[]", lines, 1)

    def add(self, descriptor: Descriptor, *, name: str | None, subject: Digest | None) -> "Index":
        """Return the index with a manifest, and with ``name`` moved to it."""
        entries = dict(self.by_digest) if name is None else _without_name(self.by_digest, name)
        old = entries.get(descriptor.digest)
        names = old.names if old else ()
        if name is not None:
            names = (*names, name)
        entries[descriptor.digest] = Entry(_listed(descriptor), names, subject)
        return Index(entries)

    def tag(self, digest: Digest, name: str) -> "Index":
        """Return the index with ``name`` on a manifest; raises UsageError ``artifact_unknown``."""
        entry = self.require(digest)
        return self.add(entry.descriptor, name=name, subject=entry.subject)

    def untag(self, name: str) -> "Index":
        """Return the index without ``name``; raises UsageError ``artifact_unknown``."""
        if not any(name in entry.names for entry in self.by_digest.values()):
            raise self._unknown(name)
        return Index(_without_name(self.by_digest, name))

    def delete(self, digest: Digest) -> "Index":
        """Return the index without a manifest and without what refers to it; raises UsageError ``artifact_unknown``."""
        doomed = {self.require(digest).descriptor.digest}
        while more := {key for key, entry in self.by_digest.items() if entry.subject in doomed} - doomed:
            doomed |= more
        return Index({key: entry for key, entry in self.by_digest.items() if key not in doomed})

    def require(self, digest: Digest) -> Entry:
        """Return a manifest's entry; raises UsageError ``artifact_unknown``."""
        entry = self.by_digest.get(digest)
        if entry is None:
            raise self._unknown(str(digest))
        return entry

    def resolve(self, text: str) -> Entry:
        """Return the entry for a digest, a name, or at least 12 hex digits that fit one digest only.

        Raises UsageError ``artifact_unknown``, ``artifact_ambiguous``, ``name_invalid``.
        """
        digits = read_digits(text)
        if digits is None:
            check_name(text)
            fitting = [entry for entry in self.by_digest.values() if text in entry.names]
        else:
            fitting = [entry for key, entry in self.by_digest.items() if key.hex.startswith(digits)]
        if len(fitting) > 1:
            raise ambiguous(text, [entry.descriptor.digest for entry in fitting])
        if not fitting:
            raise self._unknown(text)
        return fitting[0]

    def _unknown(self, text: str) -> UsageError:
        return unknown(text, [name for entry in self.by_digest.values() for name in entry.names])


def unknown(text: str, names: Sequence[str]) -> UsageError:
    """Return the error for what a store with these names does not list."""
    close = difflib.get_close_matches(text, names, n=MAX_CANDIDATES_SHOWN)
    hint = f"did you mean {', '.join(close)}?" if close else "`weighlock ls` lists what is there"
    return UsageError("artifact_unknown", f"the store has no {shown(text)!r}", hint=hint)


def ambiguous(text: str, fitting: Sequence[Digest]) -> UsageError:
    """Return the error for digits that fit several digests."""
    some = ", ".join(map(str, fitting[:MAX_CANDIDATES_SHOWN]))
    return UsageError("artifact_ambiguous", f"{shown(text)!r} fits {some}", hint="give more digits")


def is_sealed(raw: bytes) -> bool:
    """Return whether ``raw`` is an index exactly as we write it: any other byte makes this false."""
    try:
        return Index.parse(raw).to_bytes() == raw
    except WeighlockError:
        return False


def _listed(descriptor: Descriptor) -> Descriptor:
    ours = {NAME_ANNOTATION, SUBJECT_ANNOTATION}
    annotations = {key: value for key, value in descriptor.annotations.items() if key not in ours}
    return Descriptor(
        descriptor.media_type, descriptor.digest, descriptor.size, annotations, descriptor.artifact_type
    )


def _without_name(entries: Mapping[Digest, Entry], name: str) -> dict[Digest, Entry]:
    return {
        key: entry._replace(names=tuple(each for each in entry.names if each != name))
        if name in entry.names
        else entry
        for key, entry in entries.items()
    }


def _write_entry(entry: Entry) -> list[dict[str, Any]]:
    line = entry.descriptor.to_json()
    annotations = dict(entry.descriptor.annotations)
    if entry.subject is not None:
        annotations[SUBJECT_ANNOTATION] = str(entry.subject)
    if not entry.names:
        return [line | ({"annotations": annotations} if annotations else {})]
    return [line | {"annotations": annotations | {NAME_ANNOTATION: name}} for name in entry.names]


def _read_lines(lines: list[Any]) -> dict[Digest, Entry]:
    entries: dict[Digest, Entry] = {}
    seen: set[str] = set()
    for line in lines:
        name, subject = _take(line, NAME_ANNOTATION), _take(line, SUBJECT_ANNOTATION)
        descriptor = Descriptor.from_json(line)
        entry = Entry(descriptor, (), None if subject is None else Digest.parse(subject))
        old = entries.setdefault(descriptor.digest, entry)
        if (old.descriptor, old.subject) != (entry.descriptor, entry.subject):
            raise _damaged(f"it lists {descriptor.digest} in two different ways")
        if name is not None:
            if check_name(name) in seen:
                raise _damaged(f"the name {shown(name)!r} occurs twice")
            seen.add(name)
            entries[descriptor.digest] = old._replace(names=(*old.names, name))
    return entries


def _take(line: Any, annotation: str) -> str | None:
    """Take an annotation out of a line that is read for the first and last time."""
    annotations = line.get("annotations") if isinstance(line, dict) else None
    value = annotations.pop(annotation, None) if isinstance(annotations, dict) else None
    if value is not None and not isinstance(value, str):
        raise _damaged("an annotation is not text")
    return value


def _damaged(why: str) -> DeniedError:
    return DeniedError(
        "index_damaged",
        f"index.json of the store is damaged: {why}",
        hint="put the folder back from a backup; `weighlock fsck` says what else is damaged",
    )
