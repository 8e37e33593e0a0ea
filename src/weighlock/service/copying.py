"""Copy artifacts between environments and registries by digest, with all that refers to them.

1. both ends are read: an environment's store, or a repository that the settings allow
2. the source's name or tag is resolved once; from then on everything is named by digest
3. a plan: every manifest that belongs to it, verified
4. the blobs, then the manifests; what the target has already is not sent again

Nothing is copied into production: only ``promote`` decides what comes there.
"""

import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.environment import ENVIRONMENTS, EXPERIMENTATION, PRODUCTION
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.hint import lines_for
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.reference import Reference
from weighlock.core.store_reference import StoreReference, check_name, read_digits
from weighlock.core.text import shown
from weighlock.ledger.entry import Action
from weighlock.service.copy_name import check_name_free, find_name
from weighlock.service.registry_place import OCI, parse_place
from weighlock.service.workspace import Workspace
from weighlock.source.permission import check_oci
from weighlock.source.trusted import read_entry
from weighlock.store.copying import Copied, Plan, carry_out, plan_copy, would_copy
from weighlock.store.interface import Store
from weighlock.store.manifest import Child, read_manifest
from weighlock.store.registry import RegistryStore
from weighlock.store.registry_tag import name_of

DEFAULT_TAG: Final = "latest"  # what every tool takes where a reference names neither tag nor digest

End: TypeAlias = StoreReference | Reference


@dataclass(frozen=True, slots=True)
class Wish:
    """What to copy where; ``platform`` is one child of an index, ``referrers`` whether they come along."""

    origin: End
    target: End
    platform: str | None = None
    referrers: bool = True
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """What was copied, or with ``dry_run`` would be; the ends as they were resolved.

    ``name`` is the name or tag that was given, and ``moved_from`` what else had it before.
    """

    origin: str
    target: str
    dry_run: bool
    copied: Copied
    name: str | None = None
    moved_from: Digest | None = None
    seconds: float = 0.0

    @property
    def descriptor(self) -> Descriptor:
        """What was copied."""
        return self.copied.descriptor

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object."""
        return {
            "from": self.origin,
            "to": self.target,
            "digest": str(self.descriptor.digest),
            "media_type": self.descriptor.media_type,
            "dry_run": self.dry_run,
            "name": self.name,
            "moved_from": None if self.moved_from is None else str(self.moved_from),
            "seconds": round(self.seconds, 3),
            "manifests": self.copied.manifests,
            "referrers": self.copied.referrers,
            "blobs": {
                "sent": self.copied.sent._asdict(),
                "mounted": self.copied.mounted._asdict(),
                "present": self.copied.present._asdict(),
            },
        }


class _Source(NamedTuple):
    store: Store
    digest: Digest
    label: str


class _Target(NamedTuple):
    store: Store
    name: str | None
    label: str
    environment: str | None


def parse_end(text: str) -> End:
    """Return what ``[ENVIRONMENT:]NAME`` or ``oci:registry/repository[:tag][@digest]`` names.

    Raises UsageError ``name_invalid``, and as ``parse_registry``.
    """
    return parse_registry(text) if text.startswith(OCI) else StoreReference.parse(text)


def parse_registry(text: str) -> Reference:
    """Return what ``oci:registry/repository[:tag][@digest]`` names.

    Raises UsageError ``name_invalid`` if it is a name in a store, ``reference_invalid`` if it names no
    registry; DeniedError ``reference_invalid``.
    """
    if not text.startswith(OCI):
        raise UsageError(
            "name_invalid",
            f"{shown(text)!r} is not in a registry",
            hint="write oci:registry/repository:tag",
        )
    return parse_place(text)


def default_name(reference: Reference) -> str:
    """Return what an artifact of a repository is called here: the last part of the repository.

    Raises UsageError ``name_invalid``.
    """
    name = reference.repository.rpartition("/")[2]
    try:
        return check_name(name)
    except UsageError as error:
        hint = "choose a name with --name"
        raise UsageError(error.code, f"the artifact cannot be called {shown(name)!r}", hint=hint) from error


def copy(workspace: Workspace, wish: Wish, *, progress: Progress = NO_PROGRESS) -> Moved:
    """Copy and return what that came to.

    Raises DeniedError ``promotion_required``, ``source_not_allowed``, ``push_not_allowed``,
    ``name_taken``, ``digest_mismatch``; UsageError ``artifact_unknown``, ``platform_unknown``; and the stores' errors.
    """
    into_here = isinstance(wish.target, StoreReference) and not wish.dry_run
    try:
        moved = _copy(workspace, wish, progress)
    except WeighlockError as error:
        if into_here:
            try:
                workspace.note_decision(EXPERIMENTATION, Action.PULL, [], error=error, message=_shown(wish))
            except OSError as problem:  # a full disk has no room for the log either, and that says less
                raise error from problem
        raise
    if into_here:
        message = f"{moved.target} from {moved.origin}"
        workspace.note_decision(EXPERIMENTATION, Action.PULL, [moved.descriptor.digest], message=message)
    return moved


def _copy(workspace: Workspace, wish: Wish, progress: Progress) -> Moved:
    begun = time.monotonic()
    target = _open_target(workspace, wish.target)
    source = _open_source(workspace, wish.origin)
    digest = source.digest if wish.platform is None else _child(source, wish.platform)
    if isinstance(wish.target, Reference) and wish.target.digest not in {None, digest}:
        raise UsageError(
            "digest_mismatch",
            f"{source.label} is {digest}, and not the digest that is named for it at its target",
            hint="leave the digest out there: what is copied keeps its own",
        )
    label = target.label if _is_named(wish.target) else f"{target.label}@{digest}"
    check_name_free(workspace, target.environment, target.name, digest)
    plan = plan_copy(source.store, digest, with_referrers=wish.referrers)
    before = find_name(target.store, target.name)
    moved_from = None if before == digest else before
    if wish.dry_run:
        copied = would_copy(plan, target.store)
        return Moved(source.label, label, True, copied, target.name, moved_from)
    done = _carry_out(plan, source, target, progress)
    seconds = time.monotonic() - begun
    return Moved(source.label, label, False, done, target.name, moved_from, seconds)


def _carry_out(plan: Plan, source: _Source, target: _Target, progress: Progress) -> Copied:
    progress.begin("copying", plan.size)
    try:
        reread = not isinstance(target.store, RegistryStore)  # there it would be a download
        return carry_out(plan, source.store, target.store, name=target.name, reread=reread, progress=progress)
    finally:
        progress.end()


def _is_named(end: End) -> bool:
    return isinstance(end, StoreReference) or end.tag is not None or end.digest is not None


def _open_source(workspace: Workspace, end: End) -> _Source:
    if isinstance(end, StoreReference):
        store = workspace.store(end.environment)
        return _Source(store, _resolve(store, end), str(end))
    environment = _environment_of(workspace, end)
    if environment is None:
        check_oci(end, workspace.settings.names("sources.oci"))
        remote = workspace.repository(end)
    else:
        remote = workspace.registry_store(environment)  # which knows of evidence by its own tags, too
    digest = _resolve_tag(remote, end) if end.digest is None else _require(remote, end, end.digest)
    return _Source(remote, digest, f"{OCI}{end.registry}/{end.repository}@{digest}")


def _resolve(store: Store, end: StoreReference) -> Digest:
    try:
        return store.resolve(end.text).digest
    except UsageError as error:
        if end.environment != EXPERIMENTATION:  # which `ls` lists without being told
            error.hint = error.hint.replace("`weighlock ls`", f"`weighlock ls -e {end.environment}`")
        raise


def _require(remote: RegistryStore, end: Reference, digest: Digest) -> Digest:
    if remote.manifests.find(digest) is None:
        raise UsageError(
            "artifact_unknown",
            f"{OCI}{end.registry}/{end.repository} has no {digest}, or does not exist",
            hint="check the digest and the repository; one of a single platform may have been removed with its index",
        )
    return digest


def _resolve_tag(remote: RegistryStore, end: Reference) -> Digest:
    tag = end.tag or DEFAULT_TAG
    try:
        return remote.resolve_tag(tag)
    except UsageError as error:
        if error.code != "artifact_unknown":
            raise
        raise UsageError(
            error.code,
            f"{OCI}{end.registry}/{end.repository} has no tag {shown(tag)!r}, or does not exist",
            hint="write :TAG or @DIGEST; `skopeo list-tags` and the registry's own pages list the tags",
        ) from error


def _open_target(workspace: Workspace, end: End) -> _Target:
    environment = end.environment if isinstance(end, StoreReference) else _environment_of(workspace, end)
    check_environment(environment)
    if isinstance(end, StoreReference):
        return _Target(workspace.store(end.environment), _name(end), str(end), environment)
    if environment is None:
        check_push(workspace, end)
        return _Target(workspace.repository(end), end.tag, f"{OCI}{end}", None)
    return _Target(workspace.registry_store(environment), _name_in_tag(end), f"{OCI}{end}", environment)


def _name(end: StoreReference) -> str:
    if read_digits(end.text) is not None:
        raise UsageError(
            "name_invalid",
            f"{shown(end.text)!r} is a digest, and what is copied to an environment gets a name there",
            hint="write ENVIRONMENT:NAME",
        )
    return end.text


def _name_in_tag(end: Reference) -> str | None:
    name = None if end.tag is None else name_of(end.tag)
    if name is None and end.tag is not None:
        raise UsageError(
            "name_invalid",
            f"the tag {shown(end.tag)!r} is no name in the environment that this repository is",
            hint="write ENVIRONMENT:NAME",
        )
    return name


def _environment_of(workspace: Workspace, reference: Reference) -> str | None:
    """Return the environment whose store the repository is, also under another spelling of its registry."""
    wanted = _place(workspace, reference)
    for name in ENVIRONMENTS:
        repository = workspace.settings.environment(name).repository
        if repository is not None and _place(workspace, Reference.parse(repository)) == wanted:
            return name
    return None


def _place(workspace: Workspace, reference: Reference) -> tuple[str, int, str]:
    """Return which host is asked for a repository, at which port, and by which name; nobody is asked."""
    repository = workspace.repository(reference).repository
    return repository.endpoint.origin.host, repository.endpoint.origin.port, repository.name


def check_environment(environment: str | None) -> None:
    """Return unless it is production that something would be copied into; raises DeniedError ``promotion_required``."""
    if environment == PRODUCTION:
        raise DeniedError(
            "promotion_required",
            "nothing is copied into production: what comes there is approved, inspected and released",
            hint="`weighlock request` asks for it, and `weighlock promote` moves it",
        )


def check_push(workspace: Workspace, reference: Reference) -> None:
    """Return if ``push.oci`` names the repository, and it is not production's.

    Raises DeniedError ``promotion_required``, ``push_not_allowed``.
    """
    check_environment(_environment_of(workspace, reference))
    allowed = workspace.settings.names("push.oci")
    parts = read_entry("oci", f"{reference.registry}/{reference.repository}")
    if any(parts[: len(entry)] == entry for entry in (read_entry("oci", text) for text in allowed)):
        return
    raise DeniedError(
        "push_not_allowed",
        f"the settings name no repository {shown('/'.join(parts))} to push to",
        hint=f"to allow it, {lines_for('push', 'oci', entry='/'.join(parts))}",
    )


def _child(source: _Source, platform: str) -> Digest:
    children = read_manifest(source.store, source.digest).children
    found = [child for child in children if _fits(child, platform)]
    if len(found) != 1:
        known = ", ".join(shown(child.platform) for child in children if child.platform)
        raise UsageError(
            "platform_unknown",
            f"{source.label} has {len(found) or 'no'} manifests for {shown(platform)}",
            hint=f"it has {known}" if known else "it is no index of platforms: leave --platform out",
        )
    return found[0].descriptor.digest


def _fits(child: Child, platform: str) -> bool:
    # the first variant of an architecture is often left out: linux/arm64 is linux/arm64/v8 too
    return child.platform == platform or child.platform.startswith(f"{platform}/")


def _shown(wish: Wish) -> str:
    return f"{wish.target} from {wish.origin}"
