"""Digest and count bytes as they pass, and hold them against what was promised."""

import hashlib
from typing import Self

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.store.interface import Blob


class Tally:
    """The digest and size of a stream; ``what`` names it in errors."""

    def __init__(
        self, what: str, *, expected: Digest | None = None, expected_size: int | None = None
    ) -> None:
        check_algorithm(expected)
        self._what = what
        self._expected = expected
        self._expected_size = expected_size
        self._digest = hashlib.sha256()
        self._size = 0

    def update(self, chunk: bytes | memoryview) -> Self:
        """Digest and count a chunk; raises DeniedError ``size_mismatch`` as soon as there is too much."""
        self.count(len(chunk))
        self._digest.update(chunk)
        return self

    def count(self, size: int) -> None:
        """Count bytes that somebody else digests; raises DeniedError ``size_mismatch`` as soon as there are too many."""
        self._size += size
        if self._expected_size is not None and self._size > self._expected_size:
            raise self._wrong_size(f"more than {self._size - size}")

    def reset(self) -> None:
        """Begin again."""
        self._digest = hashlib.sha256()
        self._size = 0

    def finish(self) -> Blob:
        """Return what the bytes are; raises DeniedError ``size_mismatch`` or ``digest_mismatch``."""
        if self._expected_size is not None and self._size != self._expected_size:
            raise self._wrong_size(str(self._size))
        found = Digest("sha256", self._digest.hexdigest())
        if self._expected is not None and found != self._expected:
            raise mismatch(self._what, expected=self._expected, found=found)
        return Blob(found, self._size)

    def _wrong_size(self, found: str) -> DeniedError:
        return DeniedError(
            "size_mismatch",
            f"{self._what} has {found} bytes where {self._expected_size} were promised",
            hint="the bytes are refused; ask whoever promised the size",
        )


def mismatch(what: str, *, expected: Digest, found: Digest) -> DeniedError:
    """Return the error for bytes that are not what their digest says."""
    return DeniedError(
        "digest_mismatch",
        f"{what} has the digest {found}, not {expected}",
        hint="the bytes are refused; in a store, `weighlock fsck` names every damaged file",
        details={"expected": str(expected), "found": str(found)},
    )


def check_algorithm(digest: Digest | None) -> None:
    """Raise DeniedError ``digest_invalid`` unless ``digest`` is SHA-256, which alone names blobs here."""
    if digest is not None and digest.algorithm != "sha256":
        raise DeniedError("digest_invalid", f"blobs have SHA-256 digests, not {digest.algorithm}")
