"""Lay a model out in Ollama's own store, so that ``ollama run`` finds it without a network.

Source: ollama/ollama, ``server/modelpath.go`` and ``server/manifest.go``::

    blobs/sha256-HEX                        layers and config
    manifests/HOST/NAMESPACE/NAME/TAG       the manifest, whose digests they are
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.ollama import HOST, LIBRARY, NAME_PATTERN
from weighlock.core.progress import Progress
from weighlock.core.text import shown
from weighlock.store.export_cache import Cache
from weighlock.store.folder import told
from weighlock.store.interface import Store
from weighlock.store.threads import in_order
from weighlock.store.verifying import MAX_THREADS

_PART: Final = re.compile(NAME_PATTERN, re.ASCII)
_HOST: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", re.ASCII
)  # without a port: file names have no colon
_NAME: Final = re.compile(r"(?:(?:([^/]+)/)?([^/:]+)/)?([^/:]+)(?::([^/:]+))?", re.ASCII)


class OllamaPlace(NamedTuple):
    """What Ollama calls a model."""

    host: str
    namespace: str
    name: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> "OllamaPlace":
        """Return what ``[[HOST/]NAMESPACE/]NAME[:TAG]`` names; raises UsageError ``name_invalid``."""
        match = _NAME.fullmatch(text)
        place = cls(match[1] or HOST, match[2] or LIBRARY, match[3], match[4] or "latest") if match else None
        if place is None or not _HOST.fullmatch(place.host) or not all(map(_PART.fullmatch, place[1:])):
            raise UsageError(
                "name_invalid",
                f"{shown(text)!r} is no name of a model in Ollama",
                hint="write NAME, NAME:TAG or NAMESPACE/NAME:TAG; give one with --called",
            )
        return place

    def __str__(self) -> str:
        parts = [self.host, self.namespace, self.name]
        if self.host == HOST:
            parts = parts[2:] if self.namespace == LIBRARY else parts[1:]
        return f"{'/'.join(parts)}:{self.tag}"


@dataclass(frozen=True, slots=True)
class OllamaFiles:
    """What goes into Ollama's store: a manifest, blobs that our store has, and small ones that it has not."""

    manifest: bytes
    blobs: Mapping[str, Descriptor]  # by any name
    made: tuple[bytes, ...] = ()

    @property
    def digest(self) -> Digest:
        """The digest of the manifest."""
        return Digest.of(self.manifest)


def export_ollama(
    store: Store, files: OllamaFiles, root: Path, place: OllamaPlace, *, move: bool, progress: Progress
) -> Digest:
    """Add a model to the store of Ollama in ``root``, and return the manifest that its name leads to now.

    That is another one if the name was taken and ``move`` does not say to move it. ``progress`` is advanced
    only. Raises UsageError ``destination_exists``; the errors of ``Cache``; UndecidedError ``io_failed``.
    """
    with told(f"export into {shown(str(root))}"), Cache(root, progress=progress) as writer:
        blobs = {blob.digest.hex: blob for blob in files.blobs.values()}
        in_order(
            lambda name: writer.put_blob(store, blobs[name], f"blobs/sha256-{name}"),
            blobs,
            threads=MAX_THREADS,
        )
        for raw in files.made:
            writer.put_bytes(raw, f"blobs/sha256-{Digest.of(raw).hex}")
        return Digest.of(writer.point(f"manifests/{'/'.join(place)}", files.manifest, move=move))
