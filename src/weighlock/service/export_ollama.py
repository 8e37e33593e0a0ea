"""What Ollama's store needs of a model: its own manifest again, or one made for a GGUF file from elsewhere."""

import io
import re
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.artifact import Artifact
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.jsontext import write_json
from weighlock.core.limit import MAX_MANIFEST_BYTES
from weighlock.core.media_type import DOCKER_MANIFEST_MEDIA_TYPE
from weighlock.core.ollama import (
    CONFIG_FILE,
    CONFIG_MEDIA_TYPE,
    LAYER_PREFIX,
    MANIFEST_FILE,
    read_ollama_manifest,
)
from weighlock.core.text import shown
from weighlock.service.inspection_process import InspectionProcess
from weighlock.store.export_ollama import OllamaFiles
from weighlock.store.interface import Store

_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
# the beginning of a file's name, in lower case, and its end → which layer it is; in the manifest's order
_KINDS: Final = (
    ("projector", ("mmproj", "projector"), ".gguf"),
    ("adapter", ("adapter",), ".gguf"),
    ("template", ("template",), ".gotmpl"),
    ("system", ("system",), ".txt"),
    ("params", ("params",), ".json"),
    ("messages", ("messages",), ".json"),
    ("license", ("license",), ""),
)


def ollama_files(store: Store, artifact: Artifact) -> OllamaFiles:
    """Return what of a model goes into Ollama's store.

    Raises UsageError ``layout_unsuitable``; DeniedError ``manifest_invalid`` if a manifest from Ollama's
    registry does not fit the files beside it; the store's errors.
    """
    if MANIFEST_FILE in artifact.files:
        return _as_pulled(store, artifact)
    return _made(store, artifact)


def _as_pulled(store: Store, artifact: Artifact) -> OllamaFiles:
    raw = store.read_blob(artifact.files[MANIFEST_FILE].digest, limit=MAX_MANIFEST_BYTES)
    model = read_ollama_manifest(raw)
    blobs = {CONFIG_FILE: model.config, **model.layers}
    for path, blob in blobs.items():
        file = artifact.files.get(path)
        if file is None or (file.digest, file.size) != (blob.digest, blob.size):
            raise DeniedError(
                "manifest_invalid",
                f"Ollama's manifest lists {blob.digest} as {shown(path)!r}, and the model has other bytes",
                hint="pull the model again from where it came",
            )
    return OllamaFiles(raw, blobs)


def _made(store: Store, artifact: Artifact) -> OllamaFiles:
    layers = _layers(artifact)
    model, _ = layers[0]
    architecture = _architecture(store, model, artifact.files[model])
    config = write_json(
        {
            "model_format": "gguf",
            "model_family": architecture,
            "model_families": [architecture] if architecture else [],
            "model_type": "",
            "file_type": "",
            "architecture": "amd64",  # of no meaning for a model; what Ollama itself writes everywhere
            "os": "linux",
            "rootfs": {
                "type": "layers",
                "diff_ids": [str(artifact.files[path].digest) for path, _ in layers],
            },
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST_MEDIA_TYPE,
        "config": Descriptor(CONFIG_MEDIA_TYPE, Digest.of(config), len(config)).to_json(),
        "layers": [
            Descriptor(LAYER_PREFIX + kind, artifact.files[path].digest, artifact.files[path].size).to_json()
            for path, kind in layers
        ],
    }
    blobs = {path: artifact.files[path] for path, _ in layers}
    return OllamaFiles(write_json(manifest), blobs, made=(config,))


def _layers(artifact: Artifact) -> list[tuple[str, str]]:
    """Return the files that Ollama reads, and which layers they are; the weights first."""
    kinds = {path: kind for path in artifact.files if (kind := _kind(path)) is not None}
    weights = [path for path in artifact.files if path.lower().endswith(".gguf") and path not in kinds]
    if len(weights) != 1:
        found = f"it has {len(weights)} GGUF files" if weights else "it has no GGUF file"
        raise UsageError(
            "layout_unsuitable",
            f"the model cannot be laid out for Ollama: {found}, and one is the model",
            hint="pull one quantisation alone, such as hf:OWNER/NAME:*Q4_K_M.gguf",
        )
    order = [kind for kind, *_ in _KINDS]
    others = sorted(kinds.items(), key=lambda each: (order.index(each[1]), each[0]))
    return [(weights[0], "model"), *others]


def _kind(path: str) -> str | None:
    name = PurePosixPath(path).name.lower()
    for kind, beginnings, end in _KINDS:
        if name.startswith(beginnings) and name.endswith(end):
            return kind
    return None


def _architecture(store: Store, path: str, file: Descriptor) -> str:
    """Return what the GGUF file says it is, read in a process of its own; empty if that cannot be told."""
    with store.open_blob(file.digest) as stream:
        if not isinstance(stream, io.FileIO):
            return ""
        with InspectionProcess() as process:
            facts = dict(process.examine(path, file.size, stream.fileno()).examined.facts)
    found = facts.get("general.architecture", "")
    return found if _ARCHITECTURE.fullmatch(found) else ""
