"""OpenSSF Model Signing v1.0: which files a signature covers (ossf/model-signing-spec, spec/v1.0.md).

``describe_model`` makes the statement to sign. ``read_model`` takes an attestation, so
a signature that was verified, and gives the files; ``SignedModel.compare`` holds them
against what is there. This module does no I/O.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from weighlock.attestation.bundle import Attestation
from weighlock.attestation.statement import Statement, Subject
from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.limit import MAX_FILE_BYTES, MAX_FILES
from weighlock.core.path import check_path, check_paths
from weighlock.core.text import shown

PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
DEFAULT_IGNORED: Final = (".git", ".gitattributes", ".github", ".gitignore")  # section 6.2
MAX_RESOURCES: Final = 10 * MAX_FILES  # shards: ten to a file on average
MAX_IGNORED: Final = 1_000
MIN_SHARD_BYTES: Final = 1_000  # smaller shards make the signature larger than the model
_SHARD: Final = re.compile(r"(.+):(0|[1-9][0-9]{0,15}):([1-9][0-9]{0,15})", re.ASCII | re.DOTALL)

Pieces = Mapping[str, tuple[Digest, ...]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the files that are there differ from the signed ones: names, in code-point order."""

    missing: tuple[str, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return not (self.missing or self.added or self.changed)


@dataclass(frozen=True, slots=True)
class SignedModel:
    """The files that a verified signature covers.

    ``files`` gives each file's digest, or with ``shard_size`` the digests of its consecutive
    parts of that many bytes. ``root`` covers the digests but not the names.
    """

    name: str
    root: Digest
    files: Pieces
    shard_size: int | None
    ignored: tuple[str, ...]
    allow_links: bool

    def compare(self, found: Pieces) -> Comparison:
        """Return the differences between the signed files and ``found``, digested in the same parts.

        An empty file has no shards and cannot be listed (section 6.3.2), so with shards
        an empty file that is not listed is not a difference.
        """
        return Comparison(
            missing=tuple(sorted(self.files.keys() - found.keys())),
            added=tuple(sorted(path for path in found.keys() - self.files.keys() if found[path])),
            changed=tuple(
                sorted(path for path in self.files.keys() & found.keys() if self.files[path] != found[path])
            ),
        )


def describe_model(
    name: str, files: Mapping[str, ArtifactFile], *, ignored: Iterable[str] = (), links: bool = False
) -> Statement:
    """Return the statement about a model.

    Args:
        name: the model's name, for people.
        files: every file by path.
        ignored: what was left out besides the default, relative paths of files or folders; one
            under which a file is listed is not recorded, for that file is covered.
        links: whether symbolic links were followed.

    Raises DeniedError ``artifact_empty``, ``path_invalid`` or ``path_collision``; UsageError ``ignore_invalid``.
    """
    if not files:
        raise DeniedError("artifact_empty", "the model has no files, so there is nothing to sign")
    ordered = [files[path] for path in check_paths(files)]
    resources = [{"name": file.path, "algorithm": "sha256", "digest": file.digest.hex} for file in ordered]
    root = _root_of(file.digest for file in ordered)
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": links,
        "ignore_paths": _recorded({*DEFAULT_IGNORED, *map(check_ignored, ignored)}, files),
    }
    return Statement(
        (Subject.of(name, root),), PREDICATE_TYPE, {"resources": resources, "serialization": serialization}
    )


def check_ignored(path: str) -> str:
    """Return ``path`` if it may be ignored when signing; raises UsageError ``ignore_invalid``."""
    try:
        return check_path(path.rstrip("/"))
    except DeniedError as error:
        raise UsageError(
            "ignore_invalid",
            f"{shown(path)!r} cannot be ignored: {error.message}",
            hint="give a path relative to the model's folder; there are no patterns",
        ) from error


def read_model(attestation: Attestation) -> SignedModel:
    """Return what a verified OMS signature covers.

    Raises DeniedError ``oms_invalid``, ``oms_root_mismatch``, ``oms_unsupported``, ``artifact_empty``,
    ``artifact_too_many_files``, ``path_invalid`` or ``path_collision``.
    """
    statement = attestation.statement
    if statement.predicate_type != PREDICATE_TYPE:
        raise _invalid(
            f"the statement is a {shown(statement.predicate_type, limit=80)}, not a model signature"
        )
    name, root = _read_subject(statement)
    shard_size, ignored, allow_links = _read_serialization(statement.predicate.get("serialization"))
    resources = _read_resources(statement.predicate.get("resources"))
    # The reference implementation lists by path component, the specification by code
    # point, so the order is the signer's and the root is recomputed in it (section 6.5.1).
    if _root_of(digest for _, digest in resources) != root:
        raise DeniedError(
            "oms_root_mismatch", "the signed root digest is not that of the files listed beside it"
        )
    files = _whole_files(resources, name) if shard_size is None else _shards(resources, shard_size)
    check_paths(files)
    if len(files) > MAX_FILES:
        raise DeniedError(
            "artifact_too_many_files", f"the signature lists {len(files)} files; the limit is {MAX_FILES}"
        )
    _check_not_ignored(files, ignored)
    return SignedModel(name, root, files, shard_size, ignored, allow_links)


def is_under(path: str, folders: Iterable[str]) -> bool:
    """Return whether ``path`` is one of ``folders`` or lies in one (section 6.2.1)."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _recorded(ignored: set[str], files: Iterable[str]) -> list[str]:
    return sorted(folder for folder in ignored if not any(is_under(path, (folder,)) for path in files))


def _root_of(digests: Iterable[Digest]) -> Digest:
    # section 6.5.1; always SHA-256, whatever the files' own algorithm
    return Digest(
        "sha256", hashlib.sha256(b"".join(bytes.fromhex(digest.hex) for digest in digests)).hexdigest()
    )


def _read_subject(statement: Statement) -> tuple[str, Digest]:
    if len(statement.subjects) != 1:
        raise _invalid(f"it has {len(statement.subjects)} subjects, and a model is one")
    subject = statement.subjects[0]
    if not subject.name or "sha256" not in subject.digest:
        raise _invalid("its subject has no name or no SHA-256 digest")
    return subject.name, Digest("sha256", subject.digest["sha256"])


def _read_serialization(value: Any) -> tuple[int | None, tuple[str, ...], bool]:
    if not isinstance(value, dict):
        raise _invalid("it does not say how the model was serialized")
    if value.get("hash_type") != "sha256":
        raise _unsupported("it digests files with another algorithm than SHA-256")
    allow_links = value.get("allow_symlinks")
    if not isinstance(allow_links, bool):
        raise _invalid("it does not say whether links were followed")
    return _read_method(value), _read_ignored(value.get("ignore_paths")), allow_links


def _read_method(value: Mapping[str, Any]) -> int | None:
    method, shard_size = value.get("method"), value.get("shard_size")
    if method == "files" and shard_size is None:
        return None
    if method != "shards":
        raise _unsupported("its serialization method is neither files nor shards")
    if type(shard_size) is not int or not MIN_SHARD_BYTES <= shard_size <= MAX_FILE_BYTES:
        raise _invalid(f"its shards are not of between {MIN_SHARD_BYTES} and {MAX_FILE_BYTES} bytes")
    return shard_size


def _read_ignored(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if (
        not isinstance(value, list)
        or len(value) > MAX_IGNORED
        or not all(isinstance(each, str) for each in value)
    ):
        raise _invalid("its ignored paths are not a list of texts")
    return tuple(map(check_path, value))


def _read_resources(value: Any) -> list[tuple[str, Digest]]:
    if not isinstance(value, list):
        raise _invalid("it has no list of resources")
    if not value:
        raise DeniedError("artifact_empty", "the signature covers no file")
    if len(value) > MAX_RESOURCES:
        raise _invalid(f"it lists more than {MAX_RESOURCES} resources")
    return list(map(_read_resource, value))


def _read_resource(value: Any) -> tuple[str, Digest]:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise _invalid("a resource has no name")
    if value.get("algorithm") != "sha256" or not isinstance(value.get("digest"), str):
        raise _invalid("a resource has no SHA-256 digest")
    return value["name"], Digest("sha256", value["digest"])


def _whole_files(resources: list[tuple[str, Digest]], name: str) -> Pieces:
    if len(resources) == 1 and resources[0][0] == ".":
        # model-signing 1.1.1 names a single file "."; the specification wants its name (section 6.1.2)
        return {name: (resources[0][1],)}
    files = {path: (digest,) for path, digest in resources}
    if len(files) != len(resources):
        raise _invalid("it lists a file twice")
    return files


def _shards(resources: list[tuple[str, Digest]], shard_size: int) -> Pieces:
    ranges: dict[str, list[tuple[int, int, Digest]]] = {}
    for name, digest in resources:
        match = _SHARD.fullmatch(name)
        if match is None:
            raise _invalid(f"the resource {shown(name)!r} is not a range of a file")
        ranges.setdefault(match[1], []).append((int(match[2]), int(match[3]), digest))
    return {path: _consecutive(path, sorted(parts), shard_size) for path, parts in ranges.items()}


def _consecutive(path: str, parts: list[tuple[int, int, Digest]], shard_size: int) -> tuple[Digest, ...]:
    *whole, last = parts
    for number, (start, end, _) in enumerate(whole):
        if (start, end) != (number * shard_size, (number + 1) * shard_size):
            raise _invalid(f"the ranges of {shown(path)!r} leave a gap or overlap")
    start, end, _ = last
    if start != len(whole) * shard_size or not start < end <= start + shard_size:
        raise _invalid(f"the ranges of {shown(path)!r} leave a gap or overlap")
    return tuple(digest for _, _, digest in parts)


def _check_not_ignored(files: Pieces, ignored: tuple[str, ...]) -> None:
    for path in files:
        if is_under(path, ignored):
            raise _invalid(f"it lists {shown(path)!r} and ignores it too")


def _invalid(why: str) -> DeniedError:
    return DeniedError("oms_invalid", f"the model signature is refused: {why}")


def _unsupported(why: str) -> DeniedError:
    return DeniedError(
        "oms_unsupported",
        f"the model signature is not supported: {why}",
        hint="sign again with SHA-256 over files",
    )
