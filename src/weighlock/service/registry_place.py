"""What people write as a place in a registry: ``oci:REGISTRY/REPOSITORY[:TAG][@DIGEST]``."""

import re
from typing import Final

from weighlock.core.error import UsageError
from weighlock.core.reference import Reference
from weighlock.core.text import shown

OCI: Final = "oci:"
_HOST: Final = re.compile(
    r"(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]+)?|[a-z0-9-]+:[0-9]+|localhost)", re.ASCII | re.IGNORECASE
)


def parse_place(text: str) -> Reference:
    """Return what ``text`` names, whose registry is written out.

    Raises UsageError ``reference_invalid`` for Docker's short names, which nobody means to write to, and
    DeniedError ``reference_invalid``.
    """
    rest = text.removeprefix(OCI)
    head, slash, _ = rest.partition("/")
    if "@" in head and not head.partition("@")[2].startswith(("sha256:", "sha512:")):
        raise UsageError(
            "reference_invalid",
            "an oci: place has a user or a password in it, or something else before its registry",
            hint="write oci:REGISTRY/REPOSITORY; logins are those of docker, podman and skopeo",
        )
    found = Reference.parse(rest)
    if not slash or found.registry != head:
        raise UsageError(
            "reference_invalid",
            f"{shown(text)!r} does not name its registry",
            hint=f"write oci:REGISTRY/REPOSITORY; Docker's own would be {OCI}{found}",
        )
    return found


def is_registry_like(place: str) -> bool:
    """Return whether what is written as a folder may be meant as a repository: ``registry.example/models``."""
    head, slash, _ = place.partition("/")
    return bool(slash and _HOST.fullmatch(head))
