"""A name that a copy gives: what had it before, and whether the lock needs it for something else."""

from weighlock.core.digest import Digest
from weighlock.core.environment import EXPERIMENTATION
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.text import shown
from weighlock.service.lock_file import read_lock
from weighlock.service.workspace import Workspace
from weighlock.store.interface import Store
from weighlock.store.registry import RegistryStore


def find_name(store: Store, name: str | None) -> Digest | None:
    """Return the digest that has a name now, if one has."""
    if name is None:
        return None
    if isinstance(store, RegistryStore):
        return store.find_name(name)
    try:
        return store.resolve(name).digest
    except UsageError as error:
        if error.code != "artifact_unknown":
            raise
        return None


def check_name_free(workspace: Workspace, environment: str | None, name: str | None, digest: Digest) -> None:
    """Return unless the lock gives the name in experimentation to other bytes.

    Raises DeniedError ``name_taken``, ``lock_invalid``.
    """
    if environment != EXPERIMENTATION or name is None:
        return
    locked = read_lock(workspace.settings.lock).models.get(name)
    if locked is None or locked.manifest == digest:
        return
    raise DeniedError(
        "name_taken",
        f"the name {shown(name)} is that of a locked model, {locked.manifest}; this is {digest}",
        hint=f"choose another name (fetch: --name); `weighlock pull --update --name {shown(name)}` is what moves "
        "a locked one",
        details={"name": name, "locked": str(locked.manifest), "offered": str(digest)},
    )
