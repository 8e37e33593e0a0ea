"""Fetch the layers of a model in a registry, and hand out its files."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from weighlock.core.chunk import ended
from weighlock.core.descriptor import Descriptor, invalid_manifest
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.limit import MAX_FILES
from weighlock.core.path import check_paths
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.source.inflating import MAX_STATES
from weighlock.source.interface import Item, Material, Ranges, Staging
from weighlock.source.layer import Layer, Packing, Staged
from weighlock.source.oci_files import Place, apply_layers, is_of_image, join_layers
from weighlock.source.oci_manifest import Manifest
from weighlock.source.oci_plan import ModelKind, Plan, TarLayer
from weighlock.source.oci_remote import Remote
from weighlock.source.tar_index import MAX_KEPT, too_many_members
from weighlock.source.threads import in_threads

MAX_THREADS: Final = 4  # layers fetched at once; each may use several connections
CLAIMS: Final = ("title", "version", "vendor", "authors", "licenses", "source", "revision", "created")
MAX_CLAIM_CHARACTERS: Final = 500
MAX_TARS: Final = 256  # each is an open file and an inflater; images have at most 127 layers
_CLAIM_PREFIX: Final = "org.opencontainers.image."  # OCI image-spec, annotations.md


class OciFiles:
    """The files of a model: layers that are files, and members of layers that are tars."""

    def __init__(
        self,
        remote: Remote,
        raw: Mapping[str, Descriptor],
        places: Mapping[str, Place],
        layers: Sequence[Layer],
        materials: Sequence[Material],
    ) -> None:
        self.materials = materials
        self._remote = remote
        self._raw = raw
        self._places = places
        self._layers = layers
        self.items = [self._item(path) for path in check_paths([*raw, *places])]

    def with_index(self, index: Digest | None) -> "OciFiles":
        """Return the files, with the index by which they were found among what they were taken from."""
        if index is None:
            return self
        materials = [Material("index", index, {}), *self.materials]
        return OciFiles(self._remote, self._raw, self._places, self._layers, materials)

    def chunks(self, path: str, start: int = 0) -> Iterator[memoryview]:
        """Yield the bytes of one file."""
        if path in self._raw:
            return self._remote.chunks(self._raw[path], path, start)
        place = self._places[path]
        return self._layers[place.layer].chunks(place.member, start)

    def ranges(self, path: str) -> Ranges | None:
        """Return what reads parts of one file; None for a member of a tar layer."""
        return self._remote.ranges(self._raw[path], path) if path in self._raw else None

    def _item(self, path: str) -> Item:
        if path in self._raw:
            return Item(path, self._raw[path].size, self._raw[path].digest)
        return Item(path, self._places[path].member.size)


@contextlib.contextmanager
def open_files(
    remote: Remote, manifest: Manifest, plan: Plan, staging: Staging, progress: Progress
) -> Iterator[OciFiles]:
    """Yield the files of a model; the layers that are tars are fetched whole and closed in the end.

    Raises DeniedError ``digest_mismatch``, ``archive_invalid``, ``archive_too_large``, ``path_invalid``,
    ``path_collision``, ``path_disagreement``, ``link_refused``, ``file_special``, ``artifact_empty``,
    ``artifact_too_many_files`` or ``manifest_invalid``, and what the remote and the staging raise.
    """
    raw: dict[str, Descriptor] = {}
    for file in plan.raw:
        if file.path in raw:
            raise _twice(file.path)
        raw[file.path] = file.layer
    check_paths(raw)  # before anything is fetched
    with contextlib.ExitStack() as closing:
        layers = _Stage(remote, plan, staging, progress, closing).layers()
        members = [layer.members for layer in layers]
        places = apply_layers(members) if plan.kind is ModelKind.IMAGE else join_layers(plan.tars, members)
        _check(raw, places)
        yield OciFiles(remote, raw, places, layers, _materials(manifest, plan))


class _Kept(NamedTuple):
    """What makes one layer the same as another."""

    layer: Digest
    packing: Packing
    diff_id: Digest | None


class _Stage:
    """Fetches the tar layers of one plan, several at a time."""

    def __init__(
        self, remote: Remote, plan: Plan, staging: Staging, progress: Progress, closing: contextlib.ExitStack
    ) -> None:
        self._remote = remote
        self._plan = plan
        self._staging = staging
        self._progress = progress
        self._closing = closing
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._kept = 0  # members in memory

    def layers(self) -> list[Layer]:
        """Return the layers in the manifest's order; an image may have one several times."""
        if not self._plan.tars:
            return []
        if len(self._plan.tars) > MAX_TARS:
            raise invalid_manifest(f"{len(self._plan.tars)} layers are tars; the limit is {MAX_TARS}")
        wanted = {_key(tar): tar for tar in self._plan.tars}
        self._progress.begin("fetching layers", sum(tar.layer.size for tar in wanted.values()))
        try:
            count = min(MAX_THREADS, len(os.sched_getaffinity(0)) + 1, len(wanted))
            opened = in_threads(self._open, wanted.values(), threads=count, stopped=self._stopped)
        finally:
            self._progress.end()
        by_key = dict(zip(wanted, opened, strict=True))
        return [by_key[_key(tar)] for tar in self._plan.tars]

    def _open(self, tar: TarLayer) -> Layer:
        digest, size = tar.layer.digest, tar.layer.size
        passage = _Passage(self._remote, tar.layer, self._progress, self._stopped)
        try:
            file = self._staging.stage(digest, size, passage.chunks_from)
        finally:
            passage.end()
        layer = Layer(
            Staged(file, digest, size),
            tar.packing,
            diff_id=tar.diff_id,
            keep=is_of_image if self._plan.kind is ModelKind.IMAGE else _all,
            max_states=MAX_STATES // len(self._plan.tars),
        )
        with self._lock:
            self._closing.callback(layer.close)
            self._kept += len(layer.members)
            if self._kept > MAX_KEPT:
                raise too_many_members(MAX_KEPT)
        return layer


class _StoppedError(Exception):
    """Another layer failed; nobody is told of this."""


class _Passage:
    """One layer on its way to where it is staged."""

    def __init__(
        self, remote: Remote, layer: Descriptor, progress: Progress, stopped: threading.Event
    ) -> None:
        self._remote = remote
        self._layer = layer
        self._name = f"layer {layer.digest.short}"
        self._stopped = stopped
        self._part = progress.part(self._name, layer.size)
        self._told = 0  # bytes that the progress was told of

    def chunks_from(self, start: int) -> Iterator[memoryview]:
        """Yield the layer's bytes from ``start`` on; asked again, it begins again."""
        self._tell(start)
        with ended(self._remote.chunks(self._layer, self._name, start)) as chunks:
            for chunk in chunks:
                if self._stopped.is_set():
                    raise _StoppedError
                yield chunk
                self._tell(self._told + len(chunk))

    def end(self) -> None:
        """End the layer's bar, done or not; one that was there already was not told of."""
        if not self._told:
            self._tell(self._layer.size)
        self._part.end()

    def _tell(self, done: int) -> None:
        self._part.advance(done - self._told)
        self._told = done


def _key(tar: TarLayer) -> _Kept:
    return _Kept(tar.layer.digest, tar.packing, tar.diff_id)


def _all(path: str) -> bool:
    del path
    return True


def _check(raw: Mapping[str, Descriptor], places: Mapping[str, Place]) -> None:
    if both := raw.keys() & places.keys():
        raise _twice(min(both))
    if not raw and not places:
        raise DeniedError("artifact_empty", "the layers hold no files", hint="it is no model")
    if len(raw) + len(places) > MAX_FILES:
        raise DeniedError(
            "artifact_too_many_files",
            f"the model has {len(raw) + len(places)} files; the limit is {MAX_FILES}",
        )


def _materials(manifest: Manifest, plan: Plan) -> list[Material]:
    """Return the manifest with its maker's claims, and the layers that are not files of the model themselves."""
    claims = {
        name: shown(manifest.annotations[_CLAIM_PREFIX + name], limit=MAX_CLAIM_CHARACTERS)
        for name in CLAIMS
        if manifest.annotations.get(_CLAIM_PREFIX + name)
    }
    made: Iterable[Material] = (Material("layer", digest, {}) for digest in _digests(plan))
    return [Material("manifest", manifest.digest, claims), *made]


def _digests(plan: Plan) -> list[Digest]:
    return list(dict.fromkeys(tar.layer.digest for tar in plan.tars))


def _twice(path: str) -> DeniedError:
    return DeniedError(
        "path_collision",
        f"the file {shown(path)!r} occurs twice",
        hint="two readers would take two different ones; report it to whoever published it",
    )
