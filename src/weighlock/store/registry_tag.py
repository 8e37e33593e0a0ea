"""How a repository's tags carry what a store lists: names, and bookkeeping of our own. No I/O.

A registry lists nothing but tags. So a name is a tag, written so that every name has one and no two
have the same; and each listed manifest has a tag of ours, which says all that the list must know:

    _m.1767225600000.<64 hex>.<12 hex>   a manifest: when it was listed, its digest, its type
    _r.1767225600000.<64 hex>.<32 hex>   a referrer: when, its digest, the beginning of its subject's

No name begins with an underscore. ``sha256-<hex>`` is what every tool calls the list of referrers
(OCI distribution-spec v1.1, "Referrers Tag Schema"), so it is no name here.
"""

import re
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.store_reference import check_name
from weighlock.core.text import shown

MAX_TAG_CHARACTERS: Final = 128  # OCI distribution-spec, "Pulling manifests"
TYPE_DIGITS: Final = 12  # of the digest of a type: which few manifests to read, never what they are
SUBJECT_DIGITS: Final = 32  # 128 bits; what they lead to is read and must name the whole subject
MANIFEST_KIND: Final = "m"
REFERRER_KIND: Final = "r"
# In a name separators never meet, but for "--": these pairs are free.
_WRITTEN: Final = {"/": "__", "@": "_.", "+": "._"}
_READ: Final = {written: separator for separator, written in _WRITTEN.items()}
_SEPARATORS: Final = re.compile(r"[^A-Za-z0-9]+", re.ASCII)
_FALLBACK: Final = re.compile(r"sha(?:256|384|512)-[0-9a-f]{64,}.*", re.ASCII)
_LISTING: Final = re.compile(
    rf"_(?:(m)\.([0-9]{{13}})\.([0-9a-f]{{64}})\.([0-9a-f]{{{TYPE_DIGITS}}})"
    rf"|(r)\.([0-9]{{13}})\.([0-9a-f]{{64}})\.([0-9a-f]{{{SUBJECT_DIGITS}}}))",
    re.ASCII,
)


class Listing(NamedTuple):
    """What one bookkeeping tag says: when a manifest was listed, which, and the digits of its type or subject."""

    time_ms: int
    digest: Digest
    kind: str
    about: str

    @property
    def tag(self) -> str:
        """The tag that says it."""
        return f"_{self.kind}.{self.time_ms:013}.{self.digest.hex}.{self.about}"


def tag_of(name: str) -> str:
    """Return the tag for a name; raises UsageError ``name_invalid``."""
    check_name(name)
    tag = _SEPARATORS.sub(lambda match: _WRITTEN.get(match[0], match[0]), name)
    if len(tag) > MAX_TAG_CHARACTERS or _FALLBACK.fullmatch(tag):
        raise UsageError(
            "name_invalid",
            f"{shown(name)!r} cannot be a name in a registry",
            hint=f"written as a tag it must have at most {MAX_TAG_CHARACTERS} characters, and sha256-… is taken",
        )
    return tag


def name_of(tag: str) -> str | None:
    """Return the name that a tag stands for, or None if it is no name's."""
    if tag.startswith("_") or _FALLBACK.fullmatch(tag):
        return None  # thousands of tags are; an error for each would take longer than all else
    name = _SEPARATORS.sub(lambda match: _READ.get(match[0], match[0]), tag)
    try:
        return name if tag_of(name) == tag else None
    except UsageError:
        return None


def manifest_listing(digest: Digest, artifact_type: str, time_ms: int) -> Listing:
    """Return what is noted of a manifest that is no referrer."""
    return Listing(time_ms, digest, MANIFEST_KIND, type_digits(artifact_type))


def referrer_listing(digest: Digest, subject: Digest, time_ms: int) -> Listing:
    """Return what is noted of a referrer."""
    return Listing(time_ms, digest, REFERRER_KIND, subject_digits(subject))


def type_digits(artifact_type: str) -> str:
    """Return the digits that stand for a type."""
    return Digest.of(artifact_type.encode()).hex[:TYPE_DIGITS]


def subject_digits(subject: Digest) -> str:
    """Return the digits that stand for a subject."""
    return subject.hex[:SUBJECT_DIGITS]


def read_listing(tag: str) -> Listing | None:
    """Return what a bookkeeping tag says, or None if the tag is something else.

    Raises DeniedError ``index_damaged`` for one that is malformed: it may have been evidence.
    """
    if not tag.startswith((f"_{MANIFEST_KIND}.", f"_{REFERRER_KIND}.")):
        return None
    match = _LISTING.fullmatch(tag)
    if match is None:
        raise DeniedError(
            "index_damaged",
            f"the repository has the tag {shown(tag)!r}, which lists nothing and looks as if it did",
            hint="find out who made it, then delete the tag",
        )
    kind, time_ms, hex_digits, about = (each for each in match.groups() if each is not None)
    return Listing(int(time_ms), Digest("sha256", hex_digits), kind, about)
