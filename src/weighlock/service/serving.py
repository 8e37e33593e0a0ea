"""What serves a release: the package lock and the listing of the installation that people approved."""

from pathlib import Path
from typing import NamedTuple

from weighlock.core.environment import PRODUCTION
from weighlock.core.error import UsageError
from weighlock.core.limit import MAX_DOCUMENT_BYTES
from weighlock.core.package_lock import MAX_LOCK_BYTES, PackageLock
from weighlock.promotion.candidate import Installation
from weighlock.service.drift import DriftReport
from weighlock.service.gatekeeper import VerifiedRelease, observe, verify_release
from weighlock.service.installation import compare_installation, inner_program
from weighlock.service.workspace import Workspace
from weighlock.store.interface import Store


class Approved(NamedTuple):
    """The package lock and the listing of a release, and the first word of its command."""

    lock: PackageLock
    listing: bytes
    program: str


def read_approved(store: Store, verified: VerifiedRelease) -> Approved:
    """Return what a release's installation must be; raises UsageError ``release_is_image``."""
    serving = verified.candidate.serving
    if not isinstance(serving, Installation):
        raise UsageError(
            "release_is_image",
            f"{verified.entry.alias} runs in the image {serving}",
            hint="start it with a container runtime, by that digest; `weighlock check` checks the workload",
        )
    return read_serving(store, serving, verified.candidate.argv[0])


def read_serving(store: Store, serving: Installation, program: str) -> Approved:
    """Return what an installation must be, as the store has it.

    Raises UsageError ``program_unbound``, DeniedError ``package_lock_invalid`` or the store's codes.
    """
    inner_program(program)
    lock = PackageLock.parse(store.read_blob(serving.package_lock, limit=MAX_LOCK_BYTES))
    listing = store.read_blob(serving.packages, limit=MAX_DOCUMENT_BYTES)
    return Approved(lock, listing, program)


def find_release_drift(workspace: Workspace, wanted: str, installation: Path) -> DriftReport:
    """Return how an installation differs from the one that a release was approved with.

    Raises what ``observe`` and ``verify_release`` raise: a release that may not run has no baseline.
    """
    situation = observe(workspace, PRODUCTION)
    approved = read_approved(situation.store, verify_release(situation, wanted))
    return compare_installation(installation.absolute(), *approved)
