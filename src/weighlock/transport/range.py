"""What answers say about themselves: which bytes they are, of how many, and of which version (RFC 9110, sections 8.8 and 14)."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})", re.IGNORECASE)
_UNSATISFIED: Final = re.compile(r"bytes \*/([0-9]{1,18})", re.IGNORECASE)
_STRONG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')  # a weak one says only that it means the same


class ContentRange(NamedTuple):
    """The bytes from ``first`` to ``last``, both included, of ``total``."""

    first: int
    last: int
    total: int


def write_range(begin: int, end: int) -> str:
    """Return the value of ``Range`` for the bytes from ``begin`` to before ``end``."""
    return f"bytes={begin}-{end - 1}"


def read_content_range(headers: Mapping[str, str]) -> ContentRange | None:
    """Return what ``Content-Range`` says, or None if it does not say all of it in the form that RFC 9110 demands."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    return ContentRange(*map(int, found.groups())) if found else None


def read_total(headers: Mapping[str, str]) -> int | None:
    """Return how many bytes there are, as an answer 416 says it, or None."""
    found = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    return int(found[1]) if found else None


class Version(NamedTuple):
    """What tells two versions of a file apart: a strong ``ETag``, ``Last-Modified``; None is "not said"."""

    etag: str | None = None
    modified: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self:
        """Return what an answer says."""
        etag = headers.get("etag", "").strip()
        return cls(etag if _STRONG.fullmatch(etag) else None, headers.get("last-modified") or None)

    def agrees_with(self, other: Self) -> bool:
        """Return whether both may be of one version: nothing that both say differs."""
        pairs = zip(self, other, strict=True)
        return all(mine == theirs for mine, theirs in pairs if mine is not None and theirs is not None)

    def joined(self, other: Self) -> "Version":
        """Return what the two say together, this one first."""
        return Version(self.etag or other.etag, self.modified or other.modified)
