"""References to images and artifacts: ``registry/repository[:tag][@digest]``.

Grammar: distribution/reference, regexp.go. A gate accepts ``PinnedReference`` only,
and only ``Reference.pinned`` makes one.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.text import shown

MAX_REPOSITORY_CHARACTERS: Final = 255  # distribution/reference NameTotalLengthMax
DEFAULT_REGISTRY: Final = "docker.io"
_HOST: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[0-9a-fA-F:]+\]"
_REGISTRY: Final = re.compile(rf"(?:{_HOST})(?::[0-9]{{1,5}})?", re.ASCII)
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PinnedReference:
    """A reference that names exact bytes."""

    registry: str
    repository: str
    digest: Digest

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference as people write it; Docker's short names are expanded as Docker does."""

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the reference that ``text`` writes; raises DeniedError ``reference_invalid``."""
        rest, at, digest_text = text.partition("@")
        digest = _parse_digest(text, digest_text) if at else None
        head, slash, tail = rest.partition("/")
        has_registry = bool(slash) and (
            "." in head or ":" in head or head == "localhost" or head != head.lower()
        )
        registry, path = (head, tail) if has_registry else (DEFAULT_REGISTRY, rest)
        repository, colon, tag = path.partition(":")
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"library/{repository}"
        _check(text, registry, repository, tag if colon else None)
        return cls(registry, repository, tag if colon else None, digest)

    @property
    def pinned(self) -> PinnedReference:
        """This reference by digest; raises DeniedError ``reference_not_pinned`` if it has none."""
        if self.digest is None:
            raise DeniedError(
                "reference_not_pinned",
                f"{self} does not name a digest: whoever can write the registry decides what it is",
                hint="write it as registry/repository@sha256:…",
            )
        return PinnedReference(self.registry, self.repository, self.digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def _check(text: str, registry: str, repository: str, tag: str | None) -> None:
    port = registry.rpartition(":")[2] if re.search(r":[0-9]+\Z", registry) else "1"
    if not _REGISTRY.fullmatch(registry) or int(port) not in range(1, 65536):
        raise _invalid(text, "the registry is not a host name with an optional port")
    if len(repository) > MAX_REPOSITORY_CHARACTERS or not _REPOSITORY.fullmatch(repository):
        raise _invalid(text, "the repository is not lower-case words joined by . _ - and /")
    if tag is not None and not _TAG.fullmatch(tag):
        raise _invalid(text, "the tag has a character that tags cannot have, or is too long")


def _parse_digest(text: str, digest_text: str) -> Digest:
    try:
        return Digest.parse(digest_text)
    except DeniedError as error:
        raise _invalid(text, error.message) from error


def _invalid(text: str, why: str) -> DeniedError:
    return DeniedError("reference_invalid", f"{shown(text)!r} is not a reference: {why}")
