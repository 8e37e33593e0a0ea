"""``hf:OWNER/NAME[@REVISION][:PATTERNS]``: models of a Hugging Face hub.

The origin's word counts: revision, list of files, sizes, digests, owner. A mirror serves bytes,
and only those that something better proves: the SHA-256 that the origin gives for files in LFS
or Xet, or the lock. For a file of which the origin has git's SHA-1 alone, the bytes come from
the origin itself.
"""

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.limit import MAX_FILES
from weighlock.core.lock import UNAVAILABLE, LockedModel, Owner
from weighlock.core.path import check_paths
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.huggingface.answer import Entry, Refs
from weighlock.source.huggingface.endpoint import Endpoint
from weighlock.source.huggingface.fetched import HubFiles, Place
from weighlock.source.huggingface.file import HubFile
from weighlock.source.huggingface.history import (
    COMMIT_FACT,
    REF_FACT,
    appeared_at,
    check_follows,
    find_commit,
)
from weighlock.source.huggingface.hub import Hub, too_many_files
from weighlock.source.huggingface.name import SCHEME, HubModel, is_commit, parse_model
from weighlock.source.interface import Resolved, SourceSpec, Staging
from weighlock.source.permission import check_hf
from weighlock.transport.client import Client
from weighlock.transport.credential import Credential
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

REPOSITORY_FACT: Final = "repository_id"  # in the lock: the hub's lasting id of the repository
OWNER_FACT: Final = "owner_id"
ORIGIN_FACT: Final = "origin"  # whose word the digests are: ``confirmed`` or ``unconfirmed``
_FACTS: Final = frozenset({COMMIT_FACT, REF_FACT, REPOSITORY_FACT, OWNER_FACT, ORIGIN_FACT})
_CONFIRMED: Final = {"confirmed": True, "unconfirmed": False}
_FILE_TYPE: Final = "file"  # what a tree calls a regular file


@dataclass(frozen=True, slots=True)
class HubOptions:
    """What the settings say: ``credential`` is for the origin alone, ``hosts`` are further places of redirects."""

    origin: Endpoint
    mirror: Endpoint | None = None
    credential: Credential | None = None
    allowed: Sequence[str] = ()
    hosts: Hosts = field(default_factory=Hosts)
    allow_unconfirmed: bool = False


class HuggingFaceSource:
    """Repositories of a hub, by its HTTP API."""

    remote = True

    def __init__(self, client: Client, downloader: Downloader, options: HubOptions) -> None:
        self._client = client
        self._downloader = downloader
        self._options = options
        self._origin = Hub(client, options.origin, options.credential)

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        """Return the source with its revision written out and its patterns sorted."""
        del base  # a hub is nowhere
        return SourceSpec(SCHEME, parse_model(spec).location)

    def name_of(self, spec: SourceSpec) -> str:
        """Return the name of the repository, without its owner."""
        return parse_model(spec).name

    def check_allowed(self, spec: SourceSpec) -> None:
        """Return if the settings name the owner or the repository."""
        model = parse_model(spec)
        check_hf(model.owner, model.name, self._options.allowed)

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        """Return the commit that ``spec`` stands for now; of a locked model, the locked one, asking nobody.

        Raises UsageError ``source_missing``; DeniedError ``origin_unconfirmed``, ``source_renamed``,
        ``source_disabled``, ``owner_unidentified``, those of ``find_commit`` and ``Hub``.
        """
        model = parse_model(spec)
        if locked:
            return _from_facts(model, locked)
        hub, refs = self._ask(model)
        confirmed = hub is self._origin
        found = hub.model(model.repository, find_commit(hub, model, refs))
        if found.disabled:
            raise _disabled(model)
        made_at = hub.commit(model.repository, found.commit).made_at
        repository_id = self._known(found.id, f"the repository {model.repository}", confirmed=confirmed)
        owner_id = self._known(hub.owner_id(model.owner), model.owner, confirmed=confirmed)
        facts = {
            COMMIT_FACT: found.commit,
            REPOSITORY_FACT: repository_id,
            OWNER_FACT: owner_id,
            ORIGIN_FACT: "confirmed" if confirmed else "unconfirmed",
        }
        if not model.names_commit:
            facts[REF_FACT] = model.revision
        return _resolved(model, facts, appeared_at(found, made_at))

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return if ``resolved`` goes on from what is locked: same repository, its revision still there and passed.

        Raises DeniedError ``owner_changed``, ``revision_vanished``, ``history_rewritten``.
        """
        model = parse_model(spec)
        scheme, _, location = before.source.partition(":")
        if scheme != SCHEME or parse_model(SourceSpec(scheme, location)).repository != model.repository:
            return  # the person names another repository; its owner was compared already
        was, now = (facts.get(REPOSITORY_FACT) for facts in (before.facts, resolved.facts))
        if was != now:
            raise DeniedError(
                "owner_changed",
                f"{model.repository} is another repository than the locked one, under the same name "
                f"({shown(str(was))}, now {shown(str(now))})",
                hint="somebody deleted it and made it again; find out why, and pull it under another --name",
            )
        if before.revision != resolved.revision:
            hub = self._origin if resolved.origin_confirmed else self._mirror()
            check_follows(hub, model, before, resolved.revision)

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator[HubFiles]:
        """Yield the files; with ``locked`` they are those of the lock, and nobody is asked which there are."""
        del staging, progress  # the files are served one by one, and nothing is read before they are
        model = parse_model(spec)
        files = _locked_files(locked) if locked else self._listed_files(model, resolved)
        yield HubFiles(self._client, self._downloader, self._place(model, resolved), files)

    def _ask(self, model: HubModel) -> tuple[Hub, Refs]:
        """Return who says what a model is, and its refs: the origin, or a mirror if the settings accept that."""
        try:
            return self._origin, self._origin.refs(model.repository)
        except UndecidedError as error:
            if self._options.mirror in {None, self._options.origin} or error.code == "access_refused":
                raise
            if not self._options.allow_unconfirmed:
                raise _unconfirmed(model, error) from error
        mirror = self._mirror()
        return mirror, mirror.refs(model.repository)

    def _mirror(self) -> Hub:
        endpoint = self._options.mirror or self._options.origin
        same = endpoint.origin == self._options.origin.origin
        return Hub(self._client, endpoint, self._options.credential if same else None)

    def _known(self, found: str | None, what: str, *, confirmed: bool) -> str:
        if found is not None and confirmed:
            return found
        if self._options.allow_unconfirmed:
            return UNAVAILABLE  # a mirror's word about an identity is no identity
        raise DeniedError(
            "owner_unidentified",
            f"the hub does not tell the lasting id of {shown(what)}, so a change of hands would go unnoticed",
            hint="to accept a name alone, set pull.unconfirmed: true",
        )

    def _listed_files(self, model: HubModel, resolved: Resolved) -> list[HubFile]:
        hub = self._origin if resolved.origin_confirmed else self._mirror()
        entries = {entry.path: entry for entry in hub.entries(model.repository, resolved.revision)}
        taken = [path for path in entries if model.selection.takes(path)]
        if len(taken) > MAX_FILES:
            raise too_many_files(str(len(taken)))
        if not taken:
            raise _empty(model, len(entries))
        return [_file(entries[path]) for path in check_paths(taken)]

    def _place(self, model: HubModel, resolved: Resolved) -> Place:
        mirror = self._mirror()
        return Place(
            repository=model.repository,
            commit=resolved.revision,
            origin=self._origin if resolved.origin_confirmed else mirror,
            proven=mirror,
            # mirrors send on to the origin's content network, or to the origin itself
            redirects=self._options.hosts
            | mirror.endpoint.content_hosts
            | self._options.origin.content_hosts
            | self._options.origin.hosts,
        )


def _file(entry: Entry) -> HubFile:
    if entry.kind != _FILE_TYPE:
        raise DeniedError(
            "file_special",
            f"{shown(entry.path)!r} is a {shown(entry.kind)} in the repository, not a regular file",
            hint=f"leave it out: hf:OWNER/NAME@REVISION:!{shown(entry.path)}",
        )
    return HubFile(entry.path, entry.size, entry.digest, None if entry.digest else entry.git_sha1)


def _locked_files(locked: LockedModel) -> list[HubFile]:
    return [
        HubFile(path, file.size, file.digest, locked.git_sha1.get(path))
        for path, file in sorted(locked.files.items())
    ]


def _from_facts(model: HubModel, facts: Mapping[str, str]) -> Resolved:
    """Return what a lock says; the caller holds it against the rest of the entry."""
    known = facts.keys() == _FACTS or facts.keys() == _FACTS - {REF_FACT}
    if not known or not is_commit(facts[COMMIT_FACT]) or facts[ORIGIN_FACT] not in _CONFIRMED:
        raise _edited(model)
    if facts.get(REF_FACT, facts[COMMIT_FACT]) != model.revision:
        raise _edited(model)
    return _resolved(model, dict(facts), None)


def _resolved(model: HubModel, facts: dict[str, str], changed_at: dt.datetime | None) -> Resolved:
    return Resolved(
        revision=facts[COMMIT_FACT],
        owner=Owner(SCHEME, facts[OWNER_FACT], model.owner),
        origin_confirmed=_CONFIRMED[facts[ORIGIN_FACT]],
        facts=facts,
        changed_at=changed_at,
        pinned=model.names_commit,
    )


def _edited(model: HubModel) -> DeniedError:
    return DeniedError(
        "lock_conflict",
        f"the facts that the lock keeps of {model.repository} do not fit its source",
        hint="a line of the lock was edited: take it back from version control, or change the lock with --update",
    )


def _disabled(model: HubModel) -> DeniedError:
    return DeniedError(
        "source_disabled",
        f"the hub has withdrawn {model.repository}",
        hint="hubs do that to repositories that break the law or carry malware: find out why before using a copy",
    )


def _empty(model: HubModel, count: int) -> DeniedError:
    why = f"the patterns take none of its {count} files" if count else "it holds no files"
    return DeniedError(
        "artifact_empty",
        f"{model.repository}@{shown(model.revision)} gives no model: {why}",
        hint="* matches slashes too, and case counts",
    )


def _unconfirmed(model: HubModel, error: UndecidedError) -> DeniedError:
    return DeniedError(
        "origin_unconfirmed",
        f"the origin cannot be asked what {model.repository} is, and a mirror's word is not enough: {error.message}",
        hint="pull it once where the origin can be reached and commit the lock; or set pull.unconfirmed: true",
        details={"cause": error.code},
    )
