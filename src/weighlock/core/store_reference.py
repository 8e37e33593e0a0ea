"""How people name what is in a store: ``[ENVIRONMENT:]NAME``, a digest, or its first digits.

Names follow OCI image-spec, annotations.md, ``org.opencontainers.image.ref.name``, without
the colon, which here ends the environment.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from weighlock.core.digest import HEX_DIGITS
from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import UsageError
from weighlock.core.text import shown

MIN_PREFIX_DIGITS: Final = 12  # 48 bits: by chance unique among millions of manifests
MAX_NAME_CHARACTERS: Final = 200  # a line on a screen; OCI tags end at 128
_COMPONENT: Final = r"[A-Za-z0-9]+(?:(?:[-._@+]|--)[A-Za-z0-9]+)*"
_NAME: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_ENVIRONMENT: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_DIGITS: Final = re.compile(rf"(?:sha256:)?([0-9a-f]{{{MIN_PREFIX_DIGITS},64}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class StoreReference:
    """An environment, and a name, digest or prefix in it."""

    environment: str
    text: str

    @classmethod
    def parse(cls, text: str, *, environment: str = EXPERIMENTATION) -> Self:
        """Return what ``text`` names, by default in ``environment``; raises UsageError ``name_invalid``."""
        head, colon, tail = text.partition(":")
        if colon and head not in HEX_DIGITS:
            if not _ENVIRONMENT.fullmatch(head):
                raise _invalid(text)
            environment, text = head, tail
        if read_digits(text) is None:
            check_name(text)
        return cls(environment, text)

    def within(self, environment: str) -> str:
        """Return the text, for what is done in ``environment`` alone; raises UsageError ``artifact_unknown``."""
        if self.environment != environment:
            raise UsageError(
                "artifact_unknown",
                f"{self} is not in {environment}, where this is done",
                hint=f"name an artifact of {environment}; `weighlock ls -e {environment}` lists them",
            )
        return self.text

    def __str__(self) -> str:
        return f"{self.environment}:{self.text}"


def read_digits(text: str) -> str | None:
    """Return the hex digits of a SHA-256 digest or of its beginning, or None if ``text`` is neither."""
    match = _DIGITS.fullmatch(text)
    return match[1] if match else None


def check_name(text: str) -> str:
    """Return ``text`` if it may name a manifest; raises UsageError ``name_invalid``."""
    if len(text) > MAX_NAME_CHARACTERS or not _NAME.fullmatch(text) or read_digits(text):
        raise _invalid(text)
    return text


def _invalid(text: str) -> UsageError:
    return UsageError(
        "name_invalid",
        f"{shown(text)!r} is not a name in a store",
        hint="a name is letters and digits joined by - . _ @ + and /, and not a run of hex digits; "
        f"a digest may be cut to {MIN_PREFIX_DIGITS} digits",
    )
