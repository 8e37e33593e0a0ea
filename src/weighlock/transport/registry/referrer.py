"""What refers to a manifest: the union of the referrers API and of the tags that stand in for it.

Source: OCI distribution-spec v1.1, "Listing Referrers", "Referrers Tag Schema".

Registries without the API keep an index of referrers under the tag ``sha256-HEX``. It is read,
changed and written by every client, without a lock, so that of two at once one may lose its entry.
Therefore each referrer also gets a tag of its own, ``sha256-HEX.ref-HEX``, which nobody else
writes: what that names is a referrer, whatever became of the index.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from weighlock.core.descriptor import Descriptor, check_media_type, read_annotations
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_FILES, MAX_MANIFEST_BYTES
from weighlock.core.media_type import INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE
from weighlock.core.text import shown
from weighlock.transport.registry.header import invalid_answer
from weighlock.transport.registry.manifest import ManifestBytes

MAX_REFERRERS: Final = MAX_FILES  # of one manifest; a model released weekly for years has about 2,000
MAX_ATTEMPTS: Final = 8  # to add to the index while others do the same
TAG_HEX_DIGITS: Final = 64  # "Referrers Tag Schema": the encoded part is cut there
OWN_HEX_DIGITS: Final = 48  # 192 bits of the referrer's digest; tags have at most 128 characters


class Listed(NamedTuple):
    """The subject that a manifest names, and how others list that manifest."""

    subject: Descriptor
    descriptor: Descriptor


def fallback_tag(subject: Digest) -> str:
    """Return the tag under which registries without the API keep the index of a manifest's referrers."""
    return f"{subject.algorithm}-{subject.hex[:TAG_HEX_DIGITS]}"


def own_tag(subject: Digest, referrer: Digest) -> str:
    """Return the tag that one referrer has for itself."""
    return own_tag_prefix(subject) + referrer.hex[:OWN_HEX_DIGITS]


def own_tag_prefix(subject: Digest) -> str:
    """Return what all tags begin with that referrers of ``subject`` have for themselves."""
    return f"{fallback_tag(subject)}.ref-"


def read_index(raw: bytes) -> list[Descriptor]:
    """Return what an index lists, all or nothing.

    Raises DeniedError ``json_invalid``, ``manifest_invalid``, ``digest_invalid``, ``registry_answer_invalid``.
    """
    document = read_object(raw, what="the list of referrers")
    listed = document.get("manifests")
    if document.get("schemaVersion") != 2 or document.get("mediaType", INDEX_MEDIA_TYPE) != INDEX_MEDIA_TYPE:
        raise invalid_answer("a list of referrers is no OCI index")
    if not isinstance(listed, list) or len(listed) > MAX_REFERRERS:
        raise invalid_answer(f"a list of referrers has no entries, or more than {MAX_REFERRERS}")
    return [Descriptor.from_json(each) for each in listed]


def write_index(listed: Iterable[Descriptor]) -> bytes:
    """Return the index of ``listed``."""
    return write_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_MEDIA_TYPE,
            "manifests": [each.to_json() for each in listed],
        }
    )


def join(*lists: Iterable[Descriptor]) -> list[Descriptor]:
    """Return each referrer once, as the first list that has it describes it, in that order.

    Raises DeniedError ``registry_answer_invalid`` if two lists disagree on what a digest is.
    """
    found: dict[Digest, Descriptor] = {}
    for each in (each for listed in lists for each in listed):
        before = found.setdefault(each.digest, each)
        if (before.size, before.media_type) != (each.size, each.media_type):
            raise invalid_answer(f"its lists of referrers disagree on what {each.digest} is")
    if len(found) > MAX_REFERRERS:
        raise invalid_answer(f"a manifest has more than {MAX_REFERRERS} referrers")
    return list(found.values())


def describe(manifest: ManifestBytes) -> Listed | None:
    """Return how a manifest with a subject is listed, or None if it has none.

    Raises DeniedError ``manifest_invalid``, ``digest_invalid``, ``json_invalid``.
    """
    document = read_object(manifest.raw, what="the manifest", limit=MAX_MANIFEST_BYTES)
    if document.get("subject") is None:
        return None
    descriptor = Descriptor(
        manifest.media_type,
        manifest.digest,
        len(manifest.raw),
        read_annotations(document.get("annotations")),
        _artifact_type(manifest.media_type, document),
    )
    return Listed(Descriptor.from_json(document["subject"]), descriptor)


def change_index(
    read: Callable[[], list[Descriptor]],
    write: Callable[[list[Descriptor]], object],
    change: Callable[[list[Descriptor]], list[Descriptor]],
    *,
    pause: Callable[[int], None],
) -> None:
    """Change an index that others change, too: until a reading after the writing shows the change.

    ``pause`` waits longer the more attempts there were. Raises UndecidedError ``referrers_conflict``.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        before = read()
        wanted = change(before)
        if wanted == before:
            return
        write(wanted)
        after = read()
        if change(after) == after:
            return
        pause(attempt)
    raise UndecidedError(
        "referrers_conflict",
        f"the registry's list of referrers was changed by others {MAX_ATTEMPTS} times while it was written",
        hint="try again; nothing that was pushed is lost",
    )


def _artifact_type(media_type: str, document: Mapping[str, Any]) -> str | None:
    # "Listing Referrers": the config's media type stands in for an absent artifact type
    found = document.get("artifactType")
    if not found and media_type == MANIFEST_MEDIA_TYPE and isinstance(document.get("config"), dict):
        found = document["config"].get("mediaType")
    return check_media_type(found) if found else None


def wrong_subject(tag: str) -> DeniedError:
    """Return the error for a referrer's own tag that names something else."""
    return invalid_answer(f"the tag {shown(tag)} does not name a referrer of what it says")
