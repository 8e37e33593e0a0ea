"""A Hugging Face hub on loopback, and its content network on another port. Real clients accept it.

    hub = Hub(); hub.start()
    model = hub.create("acme/tiny")
    commit = model.commit({"config.json": b"{}", "model.safetensors": b"..."})

It behaves as the real one in what clients can see: pages with Link headers, commits, branches and
tags, gated and private repositories, renamed ones, owners with lasting ids, redirects to signed
addresses that expire. A test that wants it to lie or to break puts a function into ``alter``.
"""

import datetime as dt
import hashlib
import itertools
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from hub_server import Exchange, HubServer
from web_authority import loopback_context

LFS_SUFFIXES = (".safetensors", ".gguf", ".bin", ".pt")
EPOCH = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
COMMON = frozenset({"x-repo-commit", "x-linked-size", "x-linked-etag"})


class Stored(NamedTuple):
    """A file of a commit as the hub keeps it."""

    content: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def pointer(self) -> bytes:
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return text.encode()

    @property
    def in_git(self) -> bytes:
        return self.pointer if self.lfs else self.content

    @property
    def git_sha1(self) -> str:
        raw = self.in_git
        return hashlib.sha1(b"blob %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest()


class Revision(NamedTuple):
    """A commit: its parents, its date, its files."""

    id: str
    parents: tuple[str, ...]
    date: dt.datetime
    files: Mapping[str, Stored]


@dataclass
class Repository:
    """One model repository; ``id`` is the hub's lasting one."""

    name: str
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, Revision] = field(default_factory=dict)
    modified_at: dt.datetime = EPOCH
    private: bool = False
    gated: str | bool = False
    disabled: bool = False

    def commit(
        self,
        files: Mapping[str, bytes],
        *,
        branch: str | None = "main",
        parents: tuple[str, ...] | None = None,
        date: dt.datetime | None = None,
        lfs: tuple[str, ...] = LFS_SUFFIXES,
    ) -> str:
        """Add a commit that holds exactly ``files`` and return its id; ``branch`` then points to it."""
        head = self.branches.get(branch) if branch else None
        before = ((head,) if head else ()) if parents is None else parents
        made = date or EPOCH + dt.timedelta(hours=len(self.revisions))
        stored = {path: Stored(raw, path.endswith(lfs)) for path, raw in files.items()}
        seed = json.dumps(
            [self.id, before, made.isoformat(), {path: each.git_sha1 for path, each in stored.items()}]
        )
        commit = hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest()
        self.revisions[commit] = Revision(commit, before, made, stored)
        self.modified_at = max(self.modified_at, made)
        if branch:
            self.branches[branch] = commit
        return commit

    def find(self, revision: str) -> Revision | None:
        """Return what a branch, tag or commit stands for."""
        return self.revisions.get(self.branches.get(revision) or self.tags.get(revision) or revision)

    def history(self, commit: str) -> Iterator[Revision]:
        """Yield a commit and all before it, newest first."""
        waiting, seen = [commit], set()
        while waiting:
            waiting.sort(key=lambda each: self.revisions[each].date)
            current = waiting.pop()
            if current not in seen:
                seen.add(current)
                yield self.revisions[current]
                waiting.extend(self.revisions[current].parents)


class Hub:
    """The hub. ``alter`` sees each answer before it is sent, from either server, and may change it.

    It has a certificate of the common authority (``web_authority``), or with ``tls=False`` none.
    """

    def __init__(self, *, page: int = 1000, tls: bool = True) -> None:
        context = loopback_context() if tls else None
        self.page = page
        self.repositories: dict[str, Repository] = {}
        self.owners: dict[str, tuple[str, str]] = {}  # name → (kind of owner, id)
        self.renamed: dict[str, str] = {}
        self.tokens: dict[str, set[str]] = {}  # token → gated repositories whose terms it accepted
        self.alter: list[Callable[[Exchange], None]] = []
        self.signature_uses: int | None = None  # how often one signed address works
        self._signed: dict[str, int] = {}
        self._epoch = 0
        self._serial = itertools.count(1)
        self.server = HubServer("hub", self._answer, self._altered, context)
        self.cdn = HubServer("cdn", self._answer_cdn, self._altered, context)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def requests(self) -> list[Exchange]:
        """What was asked of the hub itself."""
        return self.server.exchanges

    def start(self) -> "Hub":
        self.server.start()
        self.cdn.start()
        return self

    def stop(self) -> None:
        self.server.stop()
        self.cdn.stop()

    def add_owner(self, name: str, *, kind: str = "organizations", id: str | None = None) -> str:  # noqa: A002  # the API's word
        """Register an owner, anew if the name was taken; return the id."""
        self.owners[name] = (kind, id or secrets.token_hex(12))
        return self.owners[name][1]

    def create(self, name: str, **facts: Any) -> Repository:
        """Make a repository, anew if there was one; its owner is registered if nobody is."""
        owner = name.partition("/")[0]
        if owner not in self.owners:
            self.add_owner(owner)
        self.repositories[name] = Repository(name, **facts)
        return self.repositories[name]

    def rename(self, old: str, new: str) -> None:
        """Move a repository; the old name redirects."""
        moved = self.repositories.pop(old)
        moved.name = new
        self.repositories[new] = moved
        self.renamed[old] = new

    def expire(self) -> None:
        """Let all signed addresses that were given out so far stop working."""
        self._epoch += 1

    def _altered(self, exchange: Exchange) -> None:
        for change in self.alter:
            change(exchange)

    def _answer(self, exchange: Exchange) -> None:
        parts = [unquote(part) for part in exchange.path.strip("/").split("/")]
        if parts[:1] == ["api"] and parts[-1] == "overview" and len(parts) == 4:
            self._owner(exchange, parts[1], parts[2])
        elif parts[:2] == ["api", "models"] and len(parts) >= 4:
            self._model(exchange, "/".join(parts[2:4]), parts[4:])
        elif parts[:3] == ["api", "resolve-cache", "models"] and len(parts) >= 7:
            self._cached(exchange, "/".join(parts[3:5]), parts[5], "/".join(parts[6:]))
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._resolve(exchange, "/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            exchange.fail(404, "Sorry, we can't find the page you are looking for.")

    def _owner(self, exchange: Exchange, kind: str, name: str) -> None:
        found = self.owners.get(name)
        if found is None or found[0] != kind:
            exchange.fail(404, "This user does not exist")
            return
        label = "user" if kind == "users" else "name"
        exchange.send_json({"_id": found[1], label: name, "fullname": name.title(), "avatarUrl": "/a.svg"})

    def _model(self, exchange: Exchange, name: str, rest: list[str]) -> None:
        repository = self._enter(exchange, name, gate=rest[:1] == ["commits"])
        if repository is None:
            return
        call, revision = rest[0] if rest else "revision", rest[1] if len(rest) > 1 else "main"
        if call == "refs":
            exchange.send_json(_refs(repository))
            return
        found = repository.find(revision)
        if found is None:
            exchange.fail(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
        elif call == "revision":
            exchange.send_json(_model_info(repository, found))
        elif call == "tree":
            self._send_page(exchange, _tree(found), "cursor")
        elif call == "commits":
            self._send_page(exchange, [_commit_info(each) for each in repository.history(found.id)], "p")
        else:
            exchange.fail(404, "Not found")

    def _enter(self, exchange: Exchange, name: str, *, gate: bool) -> Repository | None:
        """Return the repository that the asker may see, or answer why not."""
        if name in self.renamed:
            target = exchange.target.replace(name, self.renamed[name], 1)
            exchange.redirect(307, target)
            return None
        token = exchange.asked.get("authorization", "").removeprefix("Bearer ")
        if token and token not in self.tokens:
            exchange.fail(401, "Invalid credentials in Authorization header")
            return None
        repository = self.repositories.get(name)
        if repository is None or (repository.private and not token):
            # anonymous askers are not told which names exist
            exchange.fail(
                404 if token else 401,
                "Repository not found" if token else "Invalid username or password.",
                code="RepoNotFound" if token else None,
            )
            return None
        if repository.gated and gate and name not in self.tokens.get(token, ()):
            exchange.fail(403 if token else 401, f"Access to model {name} is restricted.", code="GatedRepo")
            return None
        return repository

    def _resolve(self, exchange: Exchange, name: str, revision: str, path: str) -> None:
        repository = self._enter(exchange, name, gate=True)
        if repository is None:
            return
        found = repository.find(revision)
        if found is None:
            exchange.fail(404, f"Invalid rev id: {revision}", code="RevisionNotFound")
            return
        exchange.headers["X-Repo-Commit"] = found.id
        stored = found.files.get(path)
        if stored is None:
            exchange.fail(404, "Entry not found", code="EntryNotFound")
            return
        etag = stored.sha256 if stored.lfs else stored.git_sha1
        exchange.headers |= {"X-Linked-Size": str(len(stored.content)), "X-Linked-ETag": f'"{etag}"'}
        if stored.lfs:
            exchange.redirect(302, self._sign(stored.sha256))
        else:
            query = urlencode({"etag": f'"{etag}"'})
            exchange.redirect(307, f"/api/resolve-cache/models/{name}/{found.id}/{quote(path)}?{query}")

    def _cached(self, exchange: Exchange, name: str, commit: str, path: str) -> None:
        repository = self._enter(exchange, name, gate=True)
        if repository is None:
            return
        stored = repository.revisions[commit].files[path]
        exchange.headers |= {"X-Repo-Commit": commit, "ETag": f'"{stored.git_sha1}"'}
        exchange.send_file(stored.content)

    def _sign(self, sha256: str) -> str:
        signature = f"{self._epoch}-{next(self._serial)}-{secrets.token_hex(8)}"
        self._signed[signature] = self.signature_uses or 1_000_000
        return f"{self.cdn.url}/blobs/{sha256}?{urlencode({'Expires': '1714565000', 'Signature': signature})}"

    def _answer_cdn(self, exchange: Exchange) -> None:
        signature = parse_qs(exchange.query).get("Signature", [""])[0]
        left = self._signed.get(signature, 0)
        if left < 1 or signature.split("-")[0] != str(self._epoch):
            exchange.fail(403, "Request has expired")
            return
        self._signed[signature] = left - 1
        wanted = urlsplit(exchange.target).path.removeprefix("/blobs/")
        for repository in self.repositories.values():
            for revision in repository.revisions.values():
                for stored in revision.files.values():
                    if stored.lfs and stored.sha256 == wanted:
                        exchange.headers["ETag"] = f'"{wanted[:32]}"'
                        exchange.send_file(stored.content)
                        return
        exchange.fail(404, "NoSuchKey")

    def _send_page(self, exchange: Exchange, items: list[dict[str, Any]], key: str) -> None:
        asked = parse_qs(exchange.query)
        number = int(asked.get(key, ["0"])[0])
        size = min(self.page, int(asked.get("limit", [str(self.page)])[0]))
        if (number + 1) * size < len(items):
            following = urlencode({**{name: values[0] for name, values in asked.items()}, key: number + 1})
            exchange.headers["Link"] = f'<{self.url}{exchange.path}?{following}>; rel="next"'
        exchange.send_json(items[number * size : (number + 1) * size])


def _refs(repository: Repository) -> dict[str, Any]:
    def listed(names: Mapping[str, str], kind: str) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}
            for name, commit in names.items()
        ]

    return {
        "branches": listed(repository.branches, "heads"),
        "tags": listed(repository.tags, "tags"),
        "converts": [],
    }


def _model_info(repository: Repository, found: Revision) -> dict[str, Any]:
    return {
        "_id": repository.id,
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.name.split("/")[0],
        "sha": found.id,
        "lastModified": _time(repository.modified_at),
        "createdAt": _time(EPOCH),
        "private": repository.private,
        "gated": repository.gated,
        "disabled": repository.disabled,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "siblings": [{"rfilename": path} for path in found.files],
    }


def _tree(found: Revision) -> list[dict[str, Any]]:
    folders = sorted(
        {"/".join(path.split("/")[:depth]) for path in found.files for depth in range(1, path.count("/") + 1)}
    )
    made: list[dict[str, Any]] = [
        {"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in folders
    ]
    for path, stored in found.files.items():
        item = {"type": "file", "oid": stored.git_sha1, "size": len(stored.content), "path": path}
        if stored.lfs:
            item["lfs"] = {
                "oid": stored.sha256,
                "size": len(stored.content),
                "pointerSize": len(stored.pointer),
            }
            item["xetHash"] = hashlib.sha256(b"xet" + stored.content).hexdigest()
        made.append(item)
    return made


def _commit_info(found: Revision) -> dict[str, Any]:
    return {
        "id": found.id,
        "title": "Update",
        "message": "",
        "authors": [{"user": "someone"}],
        "date": _time(found.date),
    }


def _time(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
