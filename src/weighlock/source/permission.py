"""Which sources a model may come from. Nothing is allowed that the settings do not name."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from weighlock.core.error import DeniedError, UsageError
from weighlock.core.hint import lines_for
from weighlock.core.reference import Reference
from weighlock.core.text import shown
from weighlock.source.address import Address
from weighlock.source.interface import SourceSpec
from weighlock.source.lookalike import find_lookalike
from weighlock.source.trusted import Parts, read_entry

SCHEMES: Final = ("path", "pypi", "hf", "oci", "ollama", "s3", "https")
PLAIN_HTTP: Final = "http"  # what sources.https and network.plain_http allow together
GRAMMAR: Final = (
    "path:FILE-OR-FOLDER, pypi:NAME==VERSION[:FOLDER-IN-THE-WHEEL], hf:OWNER/NAME[@REVISION][:PATTERNS], "
    "oci:REGISTRY/REPOSITORY[:TAG][@DIGEST], ollama:[NAMESPACE/]NAME[:TAG][@DIGEST], s3://BUCKET[/PREFIX] "
    "or https://HOST[:PORT]/FILE#sha256=DIGEST"
)
_SLASHED: Final = frozenset({"s3", "https", PLAIN_HTTP})  # written scheme://…
_NAMED: Final = frozenset({"pypi", "hf", "oci", "ollama", "s3"})  # by what others would show in a message
_LOGIN: Final = re.compile(r"[^/@:]*:[^/@]*@")
_OWNED: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)  # OWNER/NAME, as a hub has it
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
_USER: Final = re.compile(
    r"(?<=//)[^/]*@|(?<=:)[^/:@\s]+:[^/@\s]+@"
)  # what in an address may be a credential
_QUERY: Final = re.compile(r"(?<=[^\s/?])\?[^\s?]+")


def parse_source(text: str) -> SourceSpec:
    """Return the source that ``text`` names; raises UsageError ``source_invalid``."""
    scheme, colon, location = text.partition(":")
    if scheme in {*SCHEMES, PLAIN_HTTP} and location:
        wanted = (
            f"{scheme}://{shown(location)}"
            if scheme in _SLASHED
            else f"{scheme}:{shown(location.lstrip('/'))}"
        )
        if scheme == "path" or location.startswith("//") is (scheme in _SLASHED):
            _check_bare(scheme, location)
            return SourceSpec(scheme, location)
        raise _no_source(text, f"did you mean {wanted}?")
    close = (
        difflib.get_close_matches(scheme, SCHEMES, n=1, cutoff=0.5)
        if colon and location and _SCHEME.fullmatch(scheme)
        else []
    )
    raise _no_source(text, f"did you mean {close[0]}:{shown(location)}?" if close else _meant(text))


def _meant(text: str) -> str:
    if text.startswith(("/", ".", "~")):
        return f"did you mean path:{shown(text)}?"
    if _OWNED.fullmatch(text):
        return f"did you mean hf:{text}, or path:{text}?"
    return "for a file or folder write path:FOLDER"


def _check_bare(scheme: str, location: str) -> None:
    """Return unless somebody pasted an address where a name is expected; nothing of it is shown."""
    if scheme not in _NAMED:
        return
    name = location.partition(":")[0] if scheme == "hf" else location  # its patterns may have a ?
    if "://" in location or "?" in name or (scheme == "hf" and _LOGIN.match(location)):
        raise UsageError(
            "source_invalid",
            f"the {scheme}: source has an address, a user or a query in it, which may be a credential",
            hint=f"a source is {GRAMMAR}",
        )


def check_project(project: str, allowed: Sequence[str]) -> None:
    """Return if ``project``, a normalised name, is one of ``allowed``; raises DeniedError ``source_not_allowed``."""
    _check("pypi", "the PyPI project", (project,), allowed)


def check_hf(owner: str, name: str, allowed: Sequence[str]) -> None:
    """Return if ``owner`` or ``owner/name`` is allowed; both are compared letter by letter.

    Raises DeniedError ``source_not_allowed``, UsageError ``source_invalid`` for what cannot be a name.
    """
    _check("hf", "the Hugging Face model", _read("hf", f"{owner}/{name}"), allowed)


def check_oci(reference: Reference, allowed: Sequence[str]) -> None:
    """Return if the registry, or it with the beginning of the repository by whole components, is allowed.

    Raises DeniedError ``source_not_allowed``.
    """
    repository = _read("oci", f"{reference.registry}/{reference.repository}")
    _check("oci", "the repository", repository, allowed)


def check_ollama(namespace: str, name: str, allowed: Sequence[str]) -> None:
    """Return if ``namespace`` (``library`` for models without one) or ``namespace/name`` is allowed.

    Raises DeniedError ``source_not_allowed``, UsageError ``source_invalid`` for what cannot be a name.
    """
    _check("ollama", "the Ollama model", _read("ollama", f"{namespace}/{name}"), allowed)


def check_bucket(bucket: str, prefix: str, allowed: Sequence[str]) -> None:
    """Return if the bucket, or it with the beginning of the prefix by whole components, is allowed.

    Raises DeniedError ``source_not_allowed``, UsageError ``source_invalid`` for what cannot be a name.
    """
    _check("s3", "the bucket", _read("s3", f"{bucket}/{prefix}" if prefix else bucket), allowed)


def check_address(address: Address, allowed: Sequence[str]) -> None:
    """Return if the host (and port), or it with the beginning of the path by whole components, is allowed.

    Raises DeniedError ``source_not_allowed``; what is proposed there is the file's folder.
    """
    parts = (address.origin.authority, *address.components)
    _check("https", "the address", parts, allowed, proposed=parts[:-1] or parts)


def check_folder(location: Path, allowed: Sequence[str], base: Path) -> None:
    """Return if ``location``, without links, lies in an allowed folder; ``base`` is where relative ones begin.

    Raises DeniedError ``source_not_allowed``.
    """
    for text in allowed:
        if location.is_relative_to((base / Path(text).expanduser()).resolve()):
            return
    if not location.exists():  # trusting the folder above would be the wrong advice
        raise _denied(f"{shown(str(location))!r}", "nothing is there: check the path")
    folder = location if location.is_dir() else location.parent
    raise _denied(
        f"the folder {shown(str(folder))!r}",
        f"to allow it and everything in it, {_lines('path', str(folder))}",
    )


def _check(
    scheme: str, what: str, parts: Parts, allowed: Sequence[str], *, proposed: Parts | None = None
) -> None:
    known = [entry for text in allowed if (entry := _entry(scheme, text))]
    if any(parts[: len(entry)] == entry for entry in known):
        return
    close = find_lookalike(parts, known)
    warning = f"did you mean {shown(close)}? A name that close may be a trap; " if close else ""
    raise _denied(
        f"{what} {shown('/'.join(parts))!r}",
        f"{warning}to allow it, {_lines(scheme, '/'.join(proposed or parts))}",
    )


def _entry(scheme: str, text: str) -> Parts | None:
    try:
        return read_entry(scheme, text)
    except ValueError:
        return None  # the settings refuse it with its line; here it allows nothing


def _read(scheme: str, text: str) -> Parts:
    try:
        return read_entry(scheme, text)
    except ValueError as error:
        letters = "" if text.isascii() else "it has letters outside ASCII, which look like others; "
        raise UsageError(
            "source_invalid", f"{shown(text)!r} is no name of an {scheme}: source", hint=f"{letters}{error}"
        ) from error


def _no_source(text: str, meant: str) -> UsageError:
    return UsageError(
        "source_invalid",
        f"{shown(_without_secrets(text))!r} is not a source",
        hint=f"a source is {GRAMMAR}; {_without_secrets(meant)}",
    )


def _without_secrets(text: str) -> str:
    return _QUERY.sub("?…", _USER.sub("…@", text))


def _denied(what: str, hint: str) -> DeniedError:
    return DeniedError("source_not_allowed", f"{what} is not a trusted source", hint=hint)


def _lines(scheme: str, entry: str) -> str:
    return lines_for("sources", scheme, entry=entry)
