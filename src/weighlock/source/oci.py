"""``oci:REGISTRY/REPOSITORY[:TAG][@DIGEST]``: a model in any registry that speaks OCI.

The steps: the tag is resolved once, to a digest → manifests are asked for by digest from then on
→ the manifest says which kind of artifact it is and which layers hold which files
(``weighlock.source.oci_plan``) → layers that are files are fetched as such, layers that are tars
are kept whole first, verified, then read (``weighlock.source.layer``). Against a lock the tag is
never asked for: moving it changes nothing.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.jsontext import read_object
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.progress import Progress
from weighlock.core.reference import Reference
from weighlock.core.text import shown
from weighlock.source.interface import Resolved, SourceSpec, Staging
from weighlock.source.oci_fetch import OciFiles, open_files
from weighlock.source.oci_manifest import Child, Manifest, choose_child, read_manifest
from weighlock.source.oci_plan import MAX_CONFIG_BYTES, ModelKind, Plan, make_plan, needs_config
from weighlock.source.oci_remote import OpenRepository, Remote
from weighlock.source.permission import check_oci

MANIFEST_FACT: Final = "manifest"  # in the lock: the digest of the manifest that lists the layers
KIND_FACT: Final = "kind"  # and which kind of artifact it is
INDEX_FACT: Final = "index"  # where an index was named: its digest
PLATFORM_FACT: Final = "platform"  # and which of its children was taken
_FACTS: Final = frozenset({MANIFEST_FACT, KIND_FACT})
_INDEX_FACTS: Final = frozenset({INDEX_FACT, PLATFORM_FACT})
_ANY_PLATFORM: Final = "none"  # of a child that names none


class _Found(NamedTuple):
    """What a reference led to: the manifest, its plan, and the index that it is a child of."""

    manifest: Manifest
    plan: Plan
    parent: Digest | None
    platform: str

    @property
    def facts(self) -> dict[str, str]:
        facts = {MANIFEST_FACT: str(self.manifest.digest), KIND_FACT: str(self.plan.kind)}
        if self.parent is not None:
            facts |= {INDEX_FACT: str(self.parent), PLATFORM_FACT: self.platform}
        return facts


def parse_oci(spec: SourceSpec) -> Reference:
    """Return what ``spec`` names, with the tag ``latest`` if it names none, and no digest.

    Raises UsageError ``source_invalid``.
    """
    registry, slash, path = spec.location.partition("/")
    hint = "write oci:REGISTRY/REPOSITORY:TAG, with @sha256:… behind it to pin the manifest; Docker's own is docker.io"
    if "@" in registry:
        raise UsageError(
            "source_invalid", "an oci: source has a user or password in it, or no repository", hint=hint
        )
    try:
        found = Reference.parse(f"{registry.lower()}{slash}{path}")
    except DeniedError as error:
        raise UsageError("source_invalid", error.message, hint=hint) from error
    if found.registry != registry.lower():  # a short name, which would become Docker's
        raise UsageError("source_invalid", f"{shown(str(spec))!r} does not name its registry", hint=hint)
    if found.digest is not None and found.digest.algorithm != "sha256":
        raise UsageError(
            "source_invalid", f"{shown(str(spec))!r} is pinned by a digest that is not SHA-256", hint=hint
        )
    tag = "latest" if found.tag is None and found.digest is None else found.tag
    return Reference(found.registry, found.repository, tag, found.digest)


class OciSource:
    """Models in registries.

    Args:
        open_repository: gives access to a repository of a registry.
        allowed: registries, or registry/repository or its beginning, that the settings trust.
    """

    remote = True

    def __init__(self, open_repository: OpenRepository, *, allowed: Sequence[str]) -> None:
        self._open = open_repository
        self._allowed = allowed
        self._found: dict[tuple[str, str, Digest], _Found] = {}  # what was verified of the manifests seen

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the source with its registry in lower case, and with a tag or digest."""
        del base  # a registry is nowhere
        return SourceSpec(spec.scheme, str(parse_oci(spec)))

    def name_of(self, spec: SourceSpec) -> str:
        """Return the last component of the repository."""
        return parse_oci(spec).repository.rpartition("/")[2]

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings name the registry, or the beginning of the repository."""
        check_oci(parse_oci(spec), self._allowed)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return the manifest that is locked, or pinned, or else the one that the tag names now."""
        reference = parse_oci(spec)
        remote = self._remote(reference)
        if locked:
            found = self._find(remote, reference, _locked_digest(locked), Digest.parse(locked[MANIFEST_FACT]))
        else:
            found = self._find(remote, reference, reference.digest, None)
        namespace = reference.repository.rpartition("/")[0]
        return Resolved(
            revision=str(found.parent or found.manifest.digest),
            owner=Owner(
                spec.scheme,
                UNAVAILABLE,
                f"{reference.registry}/{namespace}" if namespace else reference.registry,
            ),
            # the registry's word counts if it is really the registry; what is locked is compared, whoever serves it
            origin_confirmed=reference.digest is not None or (not locked and remote.is_authentic),
            facts=found.facts,
            pinned=reference.digest is not None,
        )

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return: a registry keeps no history of a tag."""

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator[OciFiles]:
        """Yield the files; layers that are tars are fetched, verified and listed first."""
        del locked  # the manifest says it all, and is what the lock demands
        reference = parse_oci(spec)
        remote = self._remote(reference)
        facts = resolved.facts
        found = self._find(remote, reference, _locked_digest(facts), Digest.parse(facts[MANIFEST_FACT]))
        with open_files(remote, found.manifest, found.plan, staging, progress) as files:
            yield files.with_index(found.parent)

    def _remote(self, reference: Reference) -> Remote:
        return self._open(reference.registry, reference.repository)

    def _find(self, remote: Remote, reference: Reference, top: Digest | None, child: Digest | None) -> _Found:
        """Return what ``top``, or else the tag, leads to; of an index, to ``child`` if one is demanded."""
        key = (reference.registry, reference.repository)
        known = self._found.get((*key, top)) if top is not None else None
        if known is not None and child in {None, known.manifest.digest}:
            return known
        raw = remote.manifest(reference.tag or "" if top is None else top)
        found = self._read(remote, raw, child)
        self._found[(*key, Digest.of(raw))] = found
        return found

    def _read(self, remote: Remote, raw: bytes, wanted: Digest | None) -> _Found:
        manifest, index, platform = read_manifest(raw), None, ""
        if not isinstance(manifest, Manifest):
            child = choose_child(manifest) if wanted is None else _find_child(manifest, wanted)
            index, platform = Digest.of(raw), child.platform or _ANY_PLATFORM
            manifest = _read_child(remote, child)
        config = {}
        if needs_config(manifest):
            if manifest.config.size > MAX_CONFIG_BYTES:
                raise DeniedError("manifest_invalid", "the manifest is refused: its config is too large")
            config = read_object(remote.blob(manifest.config), what="the config", limit=MAX_CONFIG_BYTES)
        return _Found(manifest, make_plan(manifest, config), index, platform)


def _read_child(remote: Remote, child: Child) -> Manifest:
    raw = remote.manifest(child.descriptor.digest)
    found = read_manifest(raw)
    if not isinstance(found, Manifest) or len(raw) != child.descriptor.size:
        raise DeniedError(
            "manifest_invalid", "the manifest is refused: it is not the one that the index describes"
        )
    return found


def _find_child(children: Sequence[Child], digest: Digest) -> Child:
    found = [child for child in children if child.descriptor.digest == digest]
    if not found:
        raise _lock_invalid("names a manifest that is not in its index")
    return found[0]


def _locked_digest(locked: Mapping[str, str]) -> Digest:
    """Return the digest of what was named when the model was locked: an index or a manifest."""
    names = locked.keys()
    if names not in ({*_FACTS}, {*_FACTS, *_INDEX_FACTS}) or locked[KIND_FACT] not in set(ModelKind):
        raise _lock_invalid("does not say by its digest which manifest it is")
    return Digest.parse(locked.get(INDEX_FACT, locked[MANIFEST_FACT]))


def _lock_invalid(why: str) -> DeniedError:
    return DeniedError(
        "lock_invalid",
        f"the lock {why}",
        hint="take it back from version control, or delete the entry and pull again",
    )
