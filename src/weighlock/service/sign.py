"""Sign a model: digest every file, write what they are, sign it (OpenSSF Model Signing v1.0)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weighlock.attestation.bundle import read_bundle, sign_statement
from weighlock.attestation.oms import DEFAULT_IGNORED, check_ignored, describe_model
from weighlock.attestation.signer import Signer
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.limit import MAX_BUNDLE_BYTES
from weighlock.core.progress import NO_PROGRESS, Progress
from weighlock.core.text import shown
from weighlock.service.file import read_limited, write_whole
from weighlock.service.target import Target


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as a bundle, and what it covers."""

    bundle: bytes
    name: str
    root: Digest
    files: int
    size_bytes: int
    ignored: tuple[str, ...]


def sign_model(
    target: Target,
    signer: Signer,
    *,
    certificates: Sequence[bytes] = (),
    ignore: Sequence[str] = (),
    progress: Progress = NO_PROGRESS,
) -> Signed:
    """Return the signature over every file of ``target``, read now: no cache is asked.

    ``ignored`` of the result lists the files that exist and are not covered. Raises UsageError
    ``ignore_invalid`` and what the target raises.
    """
    left_out = {*DEFAULT_IGNORED, *map(check_ignored, ignore)}
    links = target.has_links(left_out)
    files = target.digest_files(ignore=left_out, progress=progress)
    statement = describe_model(target.name, files, ignored=left_out, links=links)
    return Signed(
        bundle=sign_statement(statement, signer, certificates=certificates),
        name=target.name,
        root=Digest("sha256", statement.subjects[0].digest["sha256"]),
        files=len(files),
        size_bytes=sum(file.size for file in files.values()),
        ignored=tuple(target.list_ignored(left_out)),
    )


def write_signature(location: Path, bundle: bytes) -> None:
    """Write a bundle, replacing an older one but no other file; raises UsageError ``signature_exists``."""
    if location.exists() and not _is_bundle(location):
        raise UsageError(
            "signature_exists",
            f"{shown(str(location))!r} exists and is not a signature",
            hint="give another name with --signature",
        )
    write_whole(location, bundle)


def _is_bundle(location: Path) -> bool:
    try:
        read_bundle(read_limited(location, MAX_BUNDLE_BYTES, missing="signature_missing"))
    except DeniedError:
        return False
    return True
