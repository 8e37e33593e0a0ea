"""``hf:OWNER/NAME[@REVISION][:PATTERNS]``: models of a Hugging Face hub.

The origin's word, over TLS, counts: revision, list of files, sizes, digests, owner. A mirror serves bytes,
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
from weighlock.source.huggingface.identity import (
    BY_MIRROR,
    BY_ORIGIN,
    BY_PLAIN_ORIGIN,
    ORIGIN_FACT,
    OWNER_FACT,
    REPOSITORY_FACT,
    TELLERS,
    check_identity,
    mirror_alone,
    plain_origin,
    unidentified,
)
from weighlock.source.huggingface.name import SCHEME, HubModel, is_commit, parse_model
from weighlock.source.interface import Resolved, SourceSpec, Staging
from weighlock.source.permission import check_hf
from weighlock.transport.client import Client
from weighlock.transport.credential import Credential
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts

_FACTS: Final = frozenset({COMMIT_FACT, REF_FACT, REPOSITORY_FACT, OWNER_FACT, ORIGIN_FACT})
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
        hub, refs, teller = self._ask(model)
        found = hub.model(model.repository, find_commit(hub, model, refs))
        if found.disabled:
            raise _disabled(model)
        made_at = hub.commit(model.repository, found.commit).made_at
        facts = {
            COMMIT_FACT: found.commit,
            REPOSITORY_FACT: self._known(found.id, f"the repository {model.repository}", teller),
            OWNER_FACT: self._known(hub.owner_id(model.owner), model.owner, teller),
            ORIGIN_FACT: teller,
        }
        if not model.names_commit:
            facts[REF_FACT] = model.revision
        return _resolved(model, facts, appeared_at(found, made_at))

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        """Return if ``resolved`` goes on from what is locked: same repository, its revision still there and passed.

        Raises DeniedError ``origin_unconfirmed``, ``owner_unidentified``, ``owner_changed``,
        ``revision_vanished``, ``history_rewritten``.
        """
        model = parse_model(spec)
        scheme, _, location = before.source.partition(":")
        if scheme != SCHEME:
            return  # another kind of source has another history
        same = parse_model(SourceSpec(scheme, location)).repository == model.repository
        check_identity(model, before, resolved, same_repository=same)
        if same and before.revision != resolved.revision:
            check_follows(self._teller(resolved), model, before, resolved.revision)

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

    def _ask(self, model: HubModel) -> tuple[Hub, Refs, str]:
        """Return who says what a model is, its refs, and what that word is worth, one of ``TELLERS``."""
        proven = self._options.origin.is_authentic
        if not proven and not self._options.allow_unconfirmed:
            raise plain_origin(model, self._options.origin.base)
        try:
            refs = self._origin.refs(model.repository)
        except UndecidedError as error:
            if self._options.mirror in {None, self._options.origin} or error.code == "access_refused":
                raise
            if not self._options.allow_unconfirmed:
                raise mirror_alone(model, error) from error
        else:
            return self._origin, refs, BY_ORIGIN if proven else BY_PLAIN_ORIGIN
        mirror = self._mirror()
        return mirror, mirror.refs(model.repository), BY_MIRROR

    def _teller(self, resolved: Resolved) -> Hub:
        return self._mirror() if resolved.facts[ORIGIN_FACT] == BY_MIRROR else self._origin

    def _mirror(self) -> Hub:
        endpoint = self._options.mirror or self._options.origin
        same = endpoint.origin == self._options.origin.origin
        return Hub(self._client, endpoint, self._options.credential if same else None)

    def _known(self, found: str | None, what: str, teller: str) -> str:
        if found is not None and teller != BY_MIRROR:
            return found
        if self._options.allow_unconfirmed:
            return UNAVAILABLE  # a mirror's word about an identity is no identity
        raise unidentified(what)

    def _listed_files(self, model: HubModel, resolved: Resolved) -> list[HubFile]:
        hub = self._teller(resolved)
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
            origin=self._teller(resolved),
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
    if not known or not is_commit(facts[COMMIT_FACT]) or facts[ORIGIN_FACT] not in TELLERS:
        raise _edited(model)
    if facts.get(REF_FACT, facts[COMMIT_FACT]) != model.revision:
        raise _edited(model)
    return _resolved(model, dict(facts), None)


def _resolved(model: HubModel, facts: dict[str, str], changed_at: dt.datetime | None) -> Resolved:
    return Resolved(
        revision=facts[COMMIT_FACT],
        owner=Owner(SCHEME, facts[OWNER_FACT], model.owner),
        origin_confirmed=facts[ORIGIN_FACT] == BY_ORIGIN,
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
