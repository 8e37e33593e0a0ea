"""The one primitive that carries everything.

Grammar: OCI image-spec, descriptor.md, "Digests", narrowed to the algorithms that
we compute. A digest becomes part of file names, so anything else is refused
(CVE-2024-37032 was a path in a digest).
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

HEX_DIGITS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX: Final = re.compile(r"[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """An algorithm and lower-case hex of the exact length; prints ``sha256:…``."""

    algorithm: str
    hex: str

    def __post_init__(self) -> None:
        """Raise DeniedError ``digest_invalid`` unless the fields follow the grammar."""
        if len(self.hex) != HEX_DIGITS.get(self.algorithm) or not _HEX.fullmatch(self.hex):
            raise _invalid(f"{self.algorithm}:{self.hex}")

    @classmethod
    def parse(cls, text: object) -> Self:
        """Return the digest that ``text`` writes; raises DeniedError ``digest_invalid``."""
        if not isinstance(text, str):
            raise _invalid(repr(text))
        algorithm, colon, hex_digits = text.partition(":")
        if not colon:
            raise _invalid(text)
        return cls(algorithm, hex_digits)

    @classmethod
    def of(cls, data: bytes | memoryview) -> Self:
        """Return the SHA-256 digest of ``data``."""
        return cls("sha256", hashlib.sha256(data).hexdigest())

    @property
    def short(self) -> str:
        """The first 12 hex digits, for people; never compared."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def _invalid(text: str) -> DeniedError:
    return DeniedError(
        "digest_invalid",
        f"{shown(text)!r} is not a digest",
        hint="a digest is sha256: and 64 lower-case hexadecimal digits",
    )
