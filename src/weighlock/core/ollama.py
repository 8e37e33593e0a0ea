"""How an Ollama model lies in an artifact: one file a layer, and what Ollama's own store needs besides.

A model of Ollama is a manifest of the Docker registry's schema 2, a config, and layers whose
media types say what they are (ollama/ollama, ``server/images.go``, ``GetModel``). The files of
the artifact are named by that, and by their order where there may be several; the manifest and
config are files too, byte for byte. So an Ollama store can be made of the artifact again: the
manifest under ``manifests/HOST/NAMESPACE/NAME/TAG``, every blob under ``blobs/sha256-HEX``.

``MANIFEST_FILE``        the manifest as the registry served it
``CONFIG_FILE``          its config
``model.gguf``           the weights; several are ``model-00001-of-00003.gguf`` and so on, as llama.cpp
                         names the parts of a split file, in the manifest's order
``projector.gguf``       and ``adapter.gguf``; several are ``projector-1.gguf``, ``projector-2.gguf`` …
``draft.gguf``           the draft model for speculative decoding
``template.gotmpl``      the chat template, in Go's template language
``system.txt``, ``params.json``, ``messages.json``
``license.txt``          several are ``license-1.txt``, ``license-2.txt`` …
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from weighlock.core.descriptor import Descriptor, invalid_manifest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object
from weighlock.core.limit import MAX_FILES, MAX_MANIFEST_BYTES
from weighlock.core.media_type import DOCKER_MANIFEST_MEDIA_TYPE
from weighlock.core.text import shown

MANIFEST_FILE: Final = "ollama/manifest.json"
CONFIG_FILE: Final = "ollama/config.json"
CONFIG_MEDIA_TYPE: Final = "application/vnd.docker.container.image.v1+json"
LAYER_PREFIX: Final = (
    "application/vnd.ollama.image."  # of a layer's media type; what follows says which it is
)
HOST: Final = "registry.ollama.ai"  # whom Ollama means where a name has no host
LIBRARY: Final = "library"  # and no namespace
NAME_PATTERN: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}"  # of a namespace, name or tag (types/model/name.go)
_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "model": ("model", ".gguf"),
    "projector": ("projector", ".gguf"),
    "adapter": ("adapter", ".gguf"),
    "draft": ("draft", ".gguf"),
    "template": ("template", ".gotmpl"),
    "prompt": ("template", ".gotmpl"),  # what a template was called before 2024
    "system": ("system", ".txt"),
    "params": ("params", ".json"),
    "messages": ("messages", ".json"),
    "license": ("license", ".txt"),
}
_SEVERAL: Final = frozenset({"model", "projector", "adapter", "license"})


class OllamaModel(NamedTuple):
    """What a manifest lists: its config, and its layers by the names of their files, in the manifest's order."""

    config: Descriptor
    layers: Mapping[str, Descriptor]


def read_ollama_manifest(raw: bytes) -> OllamaModel:
    """Return what the manifest ``raw`` lists.

    Raises DeniedError ``manifest_invalid``, ``digest_invalid``, ``json_invalid``, ``artifact_empty``,
    ``artifact_too_many_files`` or ``layer_unknown``.
    """
    document = read_object(raw, what="the manifest", limit=MAX_MANIFEST_BYTES)
    if document.get("schemaVersion") != 2 or document.get("mediaType") != DOCKER_MANIFEST_MEDIA_TYPE:
        raise invalid_manifest("it is not that of one model: a list for several runners, or another document")
    if "manifests" in document:
        raise invalid_manifest("it is a manifest and a list in one")
    layers = document.get("layers")
    if not isinstance(layers, list):
        raise invalid_manifest("it has no list of layers")
    if len(layers) > MAX_FILES:
        raise DeniedError(
            "artifact_too_many_files", f"the manifest has {len(layers)} layers; the limit is {MAX_FILES}"
        )
    config = _blob(document.get("config"))
    if config.media_type != CONFIG_MEDIA_TYPE:
        raise invalid_manifest(f"its config is a {shown(config.media_type)}")
    blobs = [_blob(layer) for layer in layers]
    names = name_layers([blob.media_type for blob in blobs])
    if not any(name.startswith("model") for name in names):
        raise DeniedError(
            "artifact_empty",
            "the manifest has no layer with a model",
            hint="models that run in Ollama's cloud have none; pull one that runs on your own machine",
        )
    return OllamaModel(config, dict(zip(names, blobs, strict=True)))


def name_layers(media_types: Sequence[str]) -> list[str]:
    """Return the names of the files of layers of these media types, in their order.

    Raises DeniedError ``layer_unknown``, or ``manifest_invalid`` for two of what Ollama reads one of.
    """
    kinds = [_kind(media_type) for media_type in media_types]
    totals = Counter(_NAMES[kind][0] for kind in kinds)
    seen: Counter[str] = Counter()
    names = []
    for kind in kinds:
        stem, suffix = _NAMES[kind]
        seen[stem] += 1
        if totals[stem] > 1 and kind not in _SEVERAL:
            raise invalid_manifest(f"it has {totals[stem]} layers of {stem}, of which there is one")
        names.append(_name(stem, seen[stem], totals[stem]) + suffix)
    return names


def _name(stem: str, number: int, total: int) -> str:
    if total == 1:
        return stem
    return f"{stem}-{number:05}-of-{total:05}" if stem == "model" else f"{stem}-{number}"


def _kind(media_type: str) -> str:
    kind = media_type.removeprefix(LAYER_PREFIX)
    if kind == media_type or kind not in _NAMES:
        raise DeniedError(
            "layer_unknown",
            f"a layer has the media type {shown(media_type)}, which is none that an Ollama model has as a file",
            hint="nothing is left out silently; models of single tensors (for MLX) are not supported",
        )
    return kind


def _blob(value: Any) -> Descriptor:
    descriptor = Descriptor.from_json(value)
    if descriptor.digest.algorithm != "sha256":
        raise invalid_manifest(f"it has a {descriptor.digest.algorithm} digest; Ollama's are SHA-256")
    return descriptor
