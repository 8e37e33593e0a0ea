"""What may stand in the settings about sources: one grammar a scheme, compared by whole components.

An entry allows what it names and everything below it: ``owner`` also ``owner/name``, but
never ``owner2``. There are no wildcards, and nothing outside ASCII where names are
people's to choose, so that no letter can pass for another.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.ollama import NAME_PATTERN
from weighlock.core.reference import Reference
from weighlock.core.text import shown
from weighlock.source.address import Address
from weighlock.transport.host import Hosts

Parts: TypeAlias = tuple[str, ...]

_PROJECT: Final = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII
)  # PyPA, "Names and normalization"
_HUB_NAME: Final = re.compile(
    r"(?![-.])(?!.*(?:--|\.\.))[A-Za-z0-9._-]{1,96}(?<![-.])", re.ASCII
)  # huggingface_hub, validate_repo_id
_OLLAMA_NAME: Final = re.compile(NAME_PATTERN, re.ASCII)
# Amazon S3 user guide, "General purpose bucket naming rules"; others' servers keep them as well
_BUCKET: Final = re.compile(r"(?!.*\.\.)(?![0-9.]+\Z)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)

_REGION: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


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
    return (address.origin.authority, *address.components)


def check_entry(scheme: str, text: str) -> None:
    """Return if ``sources.SCHEME`` may have the entry ``text``; raises ValueError naming it."""
    try:
        read_entry(scheme, text)
    except ValueError as error:
        entry = "an entry" if "@" in text else shown(repr(text))  # what is before an @ may be a password
        raise ValueError(f"{entry} is refused: {error}") from error


def read_host_rule(text: str) -> str:
    """Return ``host[:port]`` or ``*.domain``; raises ValueError."""
    if text == "*":
        raise ValueError("'*' would be every host: name each one, or a domain as '*.example.org'")
    try:
        Hosts.of([text])
    except UsageError as error:
        raise ValueError(error.message) from error
    return text


def read_plain_host(text: str) -> str:
    """Return ``host[:port]``; raises ValueError."""
    if "*" in text:
        raise ValueError(
            f"{shown(repr(text))}: where there is no TLS each host is named, as host or host:port"
        )
    return read_host_rule(text)


def read_service(text: str) -> Address:
    """Return the address of a service, such as a hub; raises ValueError without showing what may be a credential."""
    address = Address.parse(text)
    if address.fragment is not None:
        raise ValueError("the address of a service has no fragment")
    return address


def read_region(text: str) -> str:
    """Return the name of a region, which becomes part of a host's name; raises ValueError."""
    if not _REGION.fullmatch(text):
        raise ValueError("a region is lower-case letters, digits and hyphens")
    return text


def read_store(text: str) -> Parts:
    """Return a registry and the components of a whole repository; raises ValueError."""
    parts = read_repository(text)
    if len(parts) < 2:
        raise ValueError("write registry/repository")
    return parts


def read_mirror(text: str) -> str:
    """Return a folder, or ``oci:registry/repository``; raises ValueError."""
    if text.startswith("oci:"):
        read_store(text.removeprefix("oci:"))
    elif "://" in text:
        raise ValueError("write a folder, or oci:registry/repository")
    return text


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
