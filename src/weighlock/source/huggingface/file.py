"""One file of a repository: what is known of it, and what an answer may not contradict."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.text import shown
from weighlock.source.huggingface.answer import conflict
from weighlock.source.huggingface.hub import COMMIT_HEADER, mixed

ETAG_HEADER: Final = "x-linked-etag"  # the SHA-256 that git's pointer holds, or git's own name of the blob
SIZE_HEADER: Final = "x-linked-size"
MAX_POINTER_BYTES: Final = 1024  # git-lfs, docs/spec.md: "pointer files must be less than 1024 bytes"
_POINTER: Final = re.compile(rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n")
_OID: Final = re.compile(rb"^oid sha256:[0-9a-f]{64}$", re.MULTILINE)
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_ETAG: Final = re.compile(r'(?:W/)?"?([0-9a-f]{40}|[0-9a-f]{64})"?', re.ASCII)


class HubFile(NamedTuple):
    """A file and what is known of it: size in bytes, its digest (or only git's name of the blob), or both."""

    path: str
    size: int
    digest: Digest | None
    git_sha1: str | None


def check_answer(file: HubFile, commit: str, headers: Mapping[str, str]) -> None:
    """Return unless the headers of an answer, a redirect or the file itself, contradict what is known.

    Raises DeniedError ``revision_mixed``, ``metadata_conflict``.
    """
    found = headers.get(COMMIT_HEADER, commit)
    if found != commit:
        raise mixed(commit, found)
    size = headers.get(SIZE_HEADER, str(file.size))
    if not _DIGITS.fullmatch(size) or int(size) != file.size:
        raise conflict(repr(shown(file.path)), f"{file.size} bytes and {shown(size)}")
    known = {file.git_sha1, file.digest.hex if file.digest else None}
    etag = _ETAG.fullmatch(headers.get(ETAG_HEADER, ""))
    if etag and etag[1] not in known and {len(name) for name in known if name} >= {len(etag[1])}:
        raise conflict(repr(shown(file.path)), f"the digests {etag[1]} and {file.digest or file.git_sha1}")


def is_pointer(content: bytes) -> bool:
    """Return whether ``content`` is what Git LFS leaves in place of a file."""
    return _POINTER.match(content) is not None and _OID.search(content) is not None


def pointer_served(path: str) -> DeniedError:
    """Return the error for a pointer that was served instead of a file."""
    return DeniedError(
        "pointer_served",
        f"a Git LFS pointer was served instead of the file {shown(path)!r}",
        hint="the repository was uploaded without its large files, or the mirror does not serve them",
        details={"file": path},
    )
