"""Ask one hub: its API for facts, each answer read strictly and held against what was asked.

No call follows a redirect to another name: a hub sends whoever asks for a repository that was
renamed, given away, or taken by somebody else to where the name leads now.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.limit import MAX_FILES
from weighlock.core.text import shown
from weighlock.source.huggingface.answer import (
    MAX_ANSWER_BYTES,
    Commit,
    Entry,
    Model,
    Refs,
    listing_invalid,
    read_commits,
    read_entries,
    read_model,
    read_next,
    read_owner,
    read_refs,
    renamed,
)
from weighlock.source.huggingface.endpoint import Endpoint
from weighlock.source.huggingface.refusal import REFUSED, explain
from weighlock.transport.client import Client, Document, Request
from weighlock.transport.credential import Credential
from weighlock.transport.url import parse_url

MAX_ENTRIES: Final = 100_000  # files and folders of a tree; ten times what a model may have
MAX_COMMITS: Final = 100_000  # of a history; the longest of a model have a few thousand
MAX_PAGES: Final = 2_000  # of a list: MAX_ENTRIES at 50 a page, the fewest that hubs put on one
MAX_LIST_BYTES: Final = 256 * 1024 * 1024  # of all its pages: MAX_ENTRIES with 2 KB for each
PAGE_COMMITS: Final = 1_000  # asked for; a hub may send fewer
COMMIT_HEADER: Final = "x-repo-commit"


class Hub:
    """The API of one hub; ``credential`` is for its origin only, or None."""

    def __init__(self, client: Client, endpoint: Endpoint, credential: Credential | None) -> None:
        self.endpoint = endpoint
        self.credential = credential
        self._client = client

    def model(self, repository: str, commit: str) -> Model:
        """Return the facts of a repository at a commit.

        Raises UsageError ``source_missing``; DeniedError ``source_renamed``, ``revision_mixed``,
        ``listing_invalid``; UndecidedError ``access_refused`` and the errors of the client.
        """
        url = self.endpoint.api("models", repository, "revision", commit)
        found = read_model(self._get(url, f"{repository}@{commit}").raw)
        if found.repository != repository:
            raise renamed(repository, found.repository)
        if found.commit != commit:
            raise mixed(commit, found.commit)
        return found

    def refs(self, repository: str) -> Refs:
        """Return where its branches and tags point; raises as ``model``."""
        return read_refs(self._get(self.endpoint.api("models", repository, "refs"), repository).raw)

    def entries(self, repository: str, commit: str) -> list[Entry]:
        """Return the files of a commit, in any order; raises as ``model``, ``metadata_conflict``, ``digest_invalid``."""
        url = self.endpoint.api("models", repository, "tree", commit)
        found: dict[str, Entry] = {}
        for page in self._pages(url, "recursive=true", f"{repository}@{commit}", commit):
            for entry in read_entries(page.raw):
                if found.setdefault(entry.path, entry) is not entry:
                    raise listing_invalid(f"it lists {shown(entry.path)!r} twice")
            if len(found) > MAX_ENTRIES:
                raise too_many_files(f"more than {MAX_ENTRIES}")
        return list(found.values())

    def commit(self, repository: str, commit: str) -> Commit:
        """Return one commit; raises as ``model``."""
        url = self.endpoint.api("models", repository, "commits", commit)
        found = read_commits(self._get(f"{url}?limit=1", f"{repository}@{commit}").raw)
        if not found:
            raise listing_invalid("it lists no commit")
        if found[0].id != commit:
            raise mixed(commit, found[0].id)
        return found[0]

    def commits(self, repository: str, commit: str) -> Iterator[Commit]:
        """Yield a commit and those before it; raises as ``model``."""
        url = self.endpoint.api("models", repository, "commits", commit)
        count = 0
        for page in self._pages(url, f"limit={PAGE_COMMITS}", f"{repository}@{commit}", commit):
            for item in read_commits(page.raw):
                if count == 0 and item.id != commit:
                    raise mixed(commit, item.id)
                count += 1
                yield item
            if count > MAX_COMMITS:
                raise listing_invalid(f"it lists more than {MAX_COMMITS} commits")

    def owner_id(self, name: str) -> str | None:
        """Return the lasting id of an organization or user, or None if the hub does not tell.

        Raises DeniedError ``source_renamed``, ``listing_invalid``, and the errors of the client.
        """
        for kind in ("organizations", "users"):
            document = self._ask(self.endpoint.api(kind, name, "overview"))
            if document.status == 200:
                return read_owner(document.raw, name)
        return None

    def explain(self, what: str, status: int, headers: Mapping[str, str]) -> WeighlockError:
        """Return the error for an answer that refuses ``what``; a token that the hub repeats is left out."""
        told = {name: self._without_token(text) for name, text in headers.items()}
        return explain(what, status, told, with_token=self.credential is not None)

    def _without_token(self, text: str) -> str:
        shown_to_it = self.credential.headers_for(self.endpoint.origin) if self.credential else {}
        for secret in shown_to_it.values():
            text = text.replace(secret.rpartition(" ")[2], "…")
        return text

    def _pages(self, url: str, query: str, what: str, commit: str) -> Iterator[Document]:
        path = unquote(parse_url(url).path).removeprefix(unquote(parse_url(self.endpoint.base).path))
        asked: set[str] = set()
        received = 0
        while query not in asked and len(asked) < MAX_PAGES and received <= MAX_LIST_BYTES:
            asked.add(query)
            page = self._get(f"{url}?{query}", what)
            received += len(page.raw)
            if page.headers.get(COMMIT_HEADER, commit) != commit:
                raise mixed(commit, page.headers[COMMIT_HEADER])
            yield page
            following = read_next(page.headers.get("link"), path)
            if following is None:
                return
            query = following
        raise listing_invalid("its pages repeat or do not end")

    def _get(self, url: str, what: str) -> Document:
        document = self._ask(url)
        if document.status in REFUSED:
            raise self.explain(shown(what), document.status, document.headers)
        return document

    def _ask(self, url: str) -> Document:
        request = Request(
            "GET",
            url,
            self.endpoint.hosts,
            headers={"Accept": "application/json"},
            credential=self.credential,
            accept=frozenset({200}) | REFUSED,
        )
        document = self._client.document(request, limit_bytes=MAX_ANSWER_BYTES)
        asked, answered = parse_url(url), parse_url(str(document.url))
        if answered.path != asked.path:
            raise renamed(_name_in(asked.path), self._without_token(_name_in(answered.path)))
        return document


def mixed(commit: str, found: str) -> DeniedError:
    """Return the error for an answer about another commit than was asked for."""
    return DeniedError(
        "revision_mixed",
        f"the hub was asked about the commit {commit} and answers about {shown(found)}",
        hint="try again; if it stays so, the hub or the mirror mixes revisions: do not use it",
    )


def too_many_files(count: str) -> DeniedError:
    """Return the error for a repository of more files than a model may have."""
    return DeniedError(
        "artifact_too_many_files",
        f"the repository holds {count} files, and a model at most {MAX_FILES}",
        hint="name the files that belong to the model: hf:OWNER/NAME@REVISION:PATTERN,PATTERN",
    )


def _name_in(path: str) -> str:
    """Return OWNER/NAME, or OWNER, out of the path of a call."""
    parts = unquote(path).partition("/api/")[2].split("/")
    return "/".join(parts[1:3]) if parts[0] == "models" else parts[1] if len(parts) > 1 else unquote(path)
