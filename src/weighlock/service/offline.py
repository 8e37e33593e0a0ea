"""Pull what is locked from the store and a mirror alone: no source is asked for anything.

The lock says what every file must be, so nothing is believed of the mirror: what it has is
digested on the way in. What is missing is said for all models before anything is copied.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError, UsageError
from weighlock.core.lock import LockedModel
from weighlock.core.text import shown
from weighlock.service.pull_arrival import PullPlace, describe
from weighlock.service.pull_model import is_present, keep_model
from weighlock.service.pull_task import Pulled, Status
from weighlock.service.sink import StoreSink, holds
from weighlock.service.transfer import MIRROR, Demand, Traffic, Transfer
from weighlock.source.interface import Item, Material
from weighlock.store.copying import copy_referrers, skip
from weighlock.store.folder import read_chunks
from weighlock.store.interface import Store

MAX_NAMED: Final = 5  # missing files of a model that a message names; --json has them all


class MirrorFiles:
    """The files of a locked model as a mirror has them; a ``Fetched``."""

    def __init__(self, model: LockedModel, mirror: Store) -> None:
        self._files = model.files
        self._mirror = mirror
        self.items: Sequence[Item] = [
            Item(file.path, file.size, file.digest, model.git_sha1.get(file.path))
            for file in model.files.values()
        ]
        self.materials: Sequence[Material] = ()

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of a file from byte ``start`` on."""
        file = self._files[path]
        with self._mirror.open_blob(file.digest) as stream:
            skip(stream, start)
            yield from read_chunks(stream, size=file.size - start)


def check_offline(place: PullPlace, models: Sequence[LockedModel], mirror: Store | None) -> None:
    """Return if store and mirror together have every file of ``models``, unread.

    Raises UndecidedError ``offline_missing``, which names all that lack something.
    """
    missing = {model.name: lacking for model in models if (lacking := _lacking(place.store, mirror, model))}
    if not missing:
        return
    told = [_missing_text(model, missing[model.name]) for model in models if model.name in missing]
    raise UndecidedError(
        "offline_missing",
        f"{len(missing)} of {len(models)} models cannot be pulled offline: {'; '.join(told)}",
        hint="fill a mirror where there is a network, `weighlock mirror DESTINATION`, bring it here and name it "
        "with --mirror; its lock file must be this one",
        details={"missing": missing},
    )


def pull_offline(place: PullPlace, model: LockedModel, mirror: Store | None) -> Pulled:
    """Bring a locked model from the mirror into the store, every byte held against the lock.

    Raises the errors of ``Transfer`` and of the store.
    """
    begun = time.monotonic()
    dry_run = place.request.dry_run
    if is_present(place.store, model, place.progress):
        if not dry_run:
            place.store.tag(model.manifest, model.name)
        present = describe(model, Status.PRESENT, dry_run=dry_run, traffic=Traffic(present=model.size))
        return replace(present, seconds=time.monotonic() - begun)
    result = describe(model, Status.VERIFIED, dry_run=dry_run, traffic=Traffic())
    if dry_run:
        return result
    files = MirrorFiles(model, mirror or place.store)
    sink = StoreSink(place.store, resume=True)
    transfer = Transfer(files, sink, Demand(MIRROR, model.files), place.progress, interrupt=place.interrupt)
    transfer.move(files.items)
    keep_model(place.store, model)
    if mirror is not None:
        _bring_evidence(mirror, place.store, model.manifest)
    return replace(result, traffic=transfer.traffic, seconds=time.monotonic() - begun)


def _bring_evidence(mirror: Store, store: Store, manifest: Digest) -> None:
    """Copy what is known about a model, if the mirror lists it: a mirror may be filled with blobs only."""
    try:
        mirror.resolve(str(manifest))
    except UsageError as error:
        if error.code != "artifact_unknown":
            raise
        return
    copy_referrers(mirror, store, manifest)


def _lacking(store: Store, mirror: Store | None, model: LockedModel) -> list[str]:
    places = [store] if mirror is None else [store, mirror]
    return [
        file.path
        for file in model.files.values()
        if not any(holds(place, file.digest, file.size) for place in places)
    ]


def _missing_text(model: LockedModel, paths: Sequence[str]) -> str:
    if len(paths) == len(model.files):
        return f"{model.name} lacks all of its {len(paths)} files"
    named = ", ".join(shown(path) for path in paths[:MAX_NAMED])
    more = len(paths) - MAX_NAMED
    return f"{model.name} lacks {named}" + (f" and {more} more" if more > 0 else "")
