"""A source in memory: what it promises, how it answers and where it breaks off is up to the test."""

import contextlib
import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.core.lock import LockedModel, Owner
from weighlock.core.progress import Progress
from weighlock.service import sources
from weighlock.source.interface import Item, Resolved, SourceSpec, Staging

CHUNK = 64 * 1024
SPEC = "hf:acme/tiny"


def git_name(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class FakeSource:
    """Serves ``files``; ``asked`` are the paths and starts of every read. Digests are promised unless in ``unsaid``."""

    remote = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.served: dict[str, bytes] = {}  # other bytes than those that are promised
        self.unsaid: set[str] = set()  # paths that git alone names
        self.nameless: set[str] = set()  # paths that nobody names at all
        self.revision = "r1"
        self.owner = Owner("hf", "id-1", "acme")
        self.origin_confirmed = True
        self.changed_at: dt.datetime | None = None
        self.pinned = False
        self.facts: dict[str, str] = {}  # what the lock is to keep besides the commit
        self.vanished = False
        self.asked: list[tuple[str, int]] = []
        self.resolved = 0
        self.break_at: dict[str, int] = {}  # path → after how many bytes the connection is lost
        self.before_chunk: Callable[[str, int], None] = lambda _path, _position: None
        self._mutex = threading.Lock()

    @property
    def items(self) -> list[Item]:
        made = []
        for path in sorted(self.files):
            content = self.files[path]
            unsaid = path in self.unsaid
            promised = None if unsaid or path in self.nameless else Digest.of(content)
            made.append(Item(path, len(content), promised, git_name(content) if unsaid else None))
        return made

    def canonical(self, spec: SourceSpec, base: Path) -> SourceSpec:
        del base
        return spec

    def name_of(self, spec: SourceSpec) -> str:
        return spec.location.rpartition("/")[2].partition("@")[0]

    def check_allowed(self, spec: SourceSpec) -> None:
        if spec.location.startswith("evil/"):
            raise DeniedError("source_not_allowed", "not allowed")

    def resolve(self, spec: SourceSpec, locked: Mapping[str, str]) -> Resolved:
        del spec
        self.resolved += 1
        return Resolved(
            revision=locked.get("commit", self.revision),
            owner=self.owner,
            origin_confirmed=self.origin_confirmed,
            facts={**self.facts, "commit": locked.get("commit", self.revision)},
            changed_at=self.changed_at,
            pinned=self.pinned,
        )

    def check_continues(self, spec: SourceSpec, before: LockedModel, resolved: Resolved) -> None:
        del spec
        if self.vanished:
            raise DeniedError("revision_vanished", f"{before.revision} is gone, {resolved.revision} is there")

    @contextlib.contextmanager
    def fetch(
        self,
        spec: SourceSpec,
        resolved: Resolved,
        locked: LockedModel | None,
        staging: Staging,
        progress: Progress,
    ) -> Iterator["FakeSource"]:
        del spec, resolved, locked, staging, progress
        yield self

    materials = ()

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        with self._mutex:
            self.asked.append((path, start))
        content = self.served.get(path, self.files[path])
        for position in range(start, len(content), CHUNK):
            self.before_chunk(path, position)
            if position >= self.break_at.get(path, len(content) + 1):
                raise UndecidedError("host_unreachable", "the connection was lost")
            yield memoryview(content)[position : position + CHUNK]

    def install(self, monkeypatch: pytest.MonkeyPatch, scheme: str = "hf") -> "FakeSource":
        """Stand for a scheme in this test."""
        monkeypatch.setitem(sources._MAKERS, scheme, lambda _: self)  # type: ignore[call-overload, unused-ignore]  # a dict, and Final says Mapping
        return self
