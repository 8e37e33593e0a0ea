"""What ``hf:OWNER/NAME[@REVISION][:PATTERNS]`` names.

Names follow the hub's own rules (huggingface_hub, ``validate_repo_id``), narrower where two
spellings of one repository could differ. Revisions follow git-check-ref-format(1).
"""

import re
from typing import Final, NamedTuple

from weighlock.core.error import UsageError
from weighlock.core.text import shown
from weighlock.source.huggingface.pattern import Selection, parse_selection
from weighlock.source.interface import SourceSpec

SCHEME: Final = "hf"
DEFAULT_REVISION: Final = "main"  # what every repository of a hub has
MAX_REPOSITORY_CHARACTERS: Final = 96  # the hub's own limit on OWNER/NAME
MAX_REVISION_CHARACTERS: Final = 200  # longer than any branch that people type
_PART: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_COMMIT_ANY_CASE: Final = re.compile(r"[0-9A-Fa-f]{40}", re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/+@-]*[A-Za-z0-9_+])?", re.ASCII)
_KINDS: Final = frozenset({"models", "datasets", "spaces", "kernels", "buckets", "api"})  # paths, not owners
_FORM: Final = (
    "write hf:OWNER/NAME@REVISION, or hf:OWNER/NAME@REVISION:PATTERN,!PATTERN for some of the files"
)


class HubModel(NamedTuple):
    """A repository of a hub, a revision in it, and which of its files count."""

    owner: str
    name: str
    revision: str
    selection: Selection

    @property
    def repository(self) -> str:
        """``OWNER/NAME``, the hub's id of the repository."""
        return f"{self.owner}/{self.name}"

    @property
    def names_commit(self) -> bool:
        """Whether the revision is a commit, which never moves."""
        return _COMMIT.fullmatch(self.revision) is not None

    @property
    def location(self) -> str:
        """The location of a source as the lock writes it."""
        patterns = str(self.selection)
        return f"{self.repository}@{self.revision}" + (f":{patterns}" if patterns else "")


def parse_model(spec: SourceSpec) -> HubModel:
    """Return what ``spec`` names; raises UsageError ``source_invalid``."""
    head, colon, patterns = spec.location.partition(":")
    repository, at, revision = head.partition("@")
    if (colon and not patterns) or (at and not revision):
        raise _invalid(spec, "something is missing at its end", _FORM)
    owner, name = _parse_repository(spec, repository)
    revision = _check_revision(spec, revision or DEFAULT_REVISION)
    return HubModel(owner, name, revision, parse_selection(patterns))


def is_commit(text: object) -> bool:
    """Return whether ``text`` is a commit's full name: 40 lower-case hex digits."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None


def _parse_repository(spec: SourceSpec, repository: str) -> tuple[str, str]:
    owner, slash, name = repository.partition("/")
    if not slash:
        why = "a name without an owner leads wherever the hub redirects it"
        raise _invalid(spec, why, f"look up whose model it is, and {_FORM}")
    if owner in _KINDS:
        raise _invalid(spec, f"{owner}/ is not an owner; only models can be pulled", _FORM)
    for part in (owner, name):
        if not _PART.fullmatch(part) or "--" in part or ".." in part or part.endswith(".git"):
            raise _invalid(spec, f"{shown(part)!r} is not a name on a hub", _FORM)
    if len(repository) > MAX_REPOSITORY_CHARACTERS:
        raise _invalid(spec, f"OWNER/NAME has more than {MAX_REPOSITORY_CHARACTERS} characters", _FORM)
    return owner, name


def _check_revision(spec: SourceSpec, revision: str) -> str:
    if _COMMIT_ANY_CASE.fullmatch(revision) and not _COMMIT.fullmatch(revision):
        raise _invalid(spec, "a commit is written in lower case", f"write @{revision.lower()}")
    if revision.startswith("refs/"):
        why = "a pull request is written by whoever opened it, not by the owner"
        raise _invalid(spec, why, "name a branch, a tag or a commit of 40 hex digits")
    components = revision.split("/")
    if (
        len(revision) > MAX_REVISION_CHARACTERS
        or not _REVISION.fullmatch(revision)
        or any(text in revision for text in ("..", "@{", "//"))
        or any(part.startswith((".", "-")) or part.endswith((".", ".lock")) for part in components)
    ):
        why = f"{shown(revision)!r} is no revision"
        raise _invalid(spec, why, "name a branch, a tag or a commit of 40 hex digits")
    return revision


def _invalid(spec: SourceSpec, why: str, hint: str) -> UsageError:
    return UsageError("source_invalid", f"{shown(str(spec))!r} names no model of a hub: {why}", hint=hint)
