"""What may stand in the settings under ``sources``: one grammar a scheme, compared by whole components.

An entry allows what it names and everything below it: ``owner`` also ``owner/name``, but
never ``owner2``. There are no wildcards, and nothing outside ASCII where names are
people's to choose, so that no letter can pass for another.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from weighlock.core.error import DeniedError
from weighlock.core.reference import Reference
from weighlock.source.address import Address

Parts: TypeAlias = tuple[str, ...]

_PROJECT: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII
)  # PyPA, "Names and normalization"
_HUB_NAME: Final = re.compile(
    r"(?![-.])(?!.*(?:--|\.\.))[A-Za-z0-9._-]{1,96}(?<![-.])", re.ASCII
)  # huggingface_hub, validate_repo_id
_OLLAMA_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}", re.ASCII)  # ollama, types/model/name.go
# Amazon S3 user guide, "General purpose bucket naming rules"; others' servers keep them as well
_BUCKET: Final = re.compile(r"(?!.*\.\.)(?![0-9.]+\Z)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)


def read_project(text: str) -> Parts:
    """Return a project of the package index, normalised (PEP 503); raises ValueError."""
    if not _PROJECT.fullmatch(text):
        raise ValueError("a project is letters, digits and . _ - between them")
    return (re.sub(r"[-_.]+", "-", text).lower(),)


def read_hub(text: str) -> Parts:
    """Return ``owner`` or ``owner/name``; raises ValueError."""
    return _named(text, _HUB_NAME, "write owner, or owner/name, as the hub spells them")


def read_ollama(text: str) -> Parts:
    """Return ``namespace`` or ``namespace/name``; raises ValueError."""
    return _named(
        text, _OLLAMA_NAME, "write namespace, or namespace/name; models without one are library/name"
    )


def read_repository(text: str) -> Parts:
    """Return a registry and the components of a repository, or of its beginning; raises ValueError."""
    registry, _, path = text.partition("/")
    expected = "write registry, or registry/repository; Docker's short names are docker.io/library/name"
    if not {".", ":"} & set(registry) and registry != "localhost":
        raise ValueError(expected)
    try:
        # two components, lest one be taken for a short name
        found = Reference.parse(f"{registry}/a/{path.removesuffix('/') or 'a'}")
    except DeniedError as error:
        raise ValueError(expected) from error
    if found.tag is not None or found.digest is not None:
        raise ValueError("an entry names no tag and no digest")
    return (registry.lower(), *(path.removesuffix("/").split("/") if path else ()))


def read_bucket(text: str) -> Parts:
    """Return a bucket and the components of a prefix; raises ValueError."""
    bucket, _, prefix = text.removesuffix("/").partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(
            "a bucket is 3 to 63 lower-case letters, digits, dots and hyphens: write bucket, or bucket/prefix"
        )
    components = prefix.split("/") if prefix else []
    if any(each in {"", ".", ".."} or not each.isprintable() for each in components):
        raise ValueError("a prefix has no empty component, no `.`, no `..` and nothing invisible")
    return (bucket, *components)


def read_host(text: str) -> Parts:
    """Return ``host[:port]`` and the components of a path; raises ValueError."""
    if "://" in text:
        raise ValueError("write the host without https://")
    address = Address.parse(f"https://{text}")
    if address.fragment is not None:
        raise ValueError("a host has no fragment")
    return (address.authority, *address.components)


def read_folder(text: str) -> Parts:
    """Return the folder as it is written; raises ValueError."""
    if not text.isprintable():
        raise ValueError("it has an invisible character")
    return (text,)


READERS: Final[Mapping[str, Callable[[str], Parts]]] = {
    "path": read_folder,
    "pypi": read_project,
    "hf": read_hub,
    "oci": read_repository,
    "ollama": read_ollama,
    "s3": read_bucket,
    "https": read_host,
}


def read_entry(scheme: str, text: str) -> Parts:
    """Return what an entry of ``sources.SCHEME`` names, in one spelling; raises ValueError with a sentence."""
    if not text or "*" in text:
        raise ValueError("there are no wildcards: name each one" if text else "it is empty")
    return READERS[scheme](text)


def _named(text: str, name: re.Pattern[str], expected: str) -> Parts:
    parts = tuple(text.split("/"))
    if len(parts) > 2 or not all(map(name.fullmatch, parts)):
        raise ValueError(expected)
    return parts
