"""Which files a model in a registry consists of, and which layers they are in. No I/O.

Four ways to put a model into a registry, told apart by their manifests:

ModelPack   modelpack/model-spec: a layer is a file (``.raw``) or a tar
ModelKit    kitops: the config is the Kitfile, every layer a tar of one of its parts
ORAS        oras.land: a layer is a file by the name in its title, or a packed folder
image       KServe's modelcar: an ordinary image whose model lies under ``/models``

All of a kit is taken, code and data sets too: whoever serves it gets nothing that was not
examined. A layer of an unknown kind is refused, not skipped.
"""

import posixpath
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from weighlock.core.artifact import ARTIFACT_TYPE, CONFIG_MEDIA_TYPE, TITLE_ANNOTATION, annotated_path
from weighlock.core.descriptor import Descriptor, invalid_manifest
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.path import check_path
from weighlock.core.text import shown
from weighlock.source.layer import Packing
from weighlock.source.oci_manifest import Manifest

KIT_CONFIG: Final = "application/vnd.kitops.modelkit.config.v1+json"
IMAGE_CONFIGS: Final = frozenset(
    {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
)
UNPACK_ANNOTATION: Final = "io.deis.oras.content.unpack"
CONTENT_ANNOTATION: Final = "io.deis.oras.content.digest"
ORAS_FOLDER: Final = (
    "application/vnd.oci.image.layer.v1.tar+gzip"  # what oras-py gives a folder, without a word
)
MAX_CONFIG_BYTES: Final = 4 * 1024 * 1024  # an image's history, or a Kitfile with its parameters
_MODELPACK: Final = re.compile(
    r"application/vnd\.cncf\.model\.(?:weight|weight\.config|doc|code|dataset)\.v1\.(raw|tar|tar\+\w+)",
    re.ASCII,
)
_KIT: Final = re.compile(r"application/vnd\.kitops\.modelkit\.(\w+)\.v1\.(tar|tar\+\w+)", re.ASCII)
_IMAGE_LAYERS: Final = {
    "application/vnd.oci.image.layer.v1.tar": "tar",
    "application/vnd.oci.image.layer.v1.tar+gzip": "tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar": "tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "tar+zstd",
}
_PACKED_NAMES: Final = (".tar.gz", ".tgz")


class ModelKind(StrEnum):
    """How a model lies in a registry."""

    MODELPACK = "modelpack"
    MODELKIT = "modelkit"
    ORAS = "oras"
    IMAGE = "image"


class RawLayer(NamedTuple):
    """A layer that is a file."""

    path: str
    layer: Descriptor


class TarLayer(NamedTuple):
    """A layer that is a tar of files: its members stand below ``folder``, and all lie at or below ``inside``."""

    layer: Descriptor
    packing: Packing
    folder: str = ""
    inside: str = ""
    diff_id: Digest | None = None


class Plan(NamedTuple):
    """What to take: files that are layers, and layers with files, in the manifest's order."""

    kind: ModelKind
    raw: tuple[RawLayer, ...] = ()
    tars: tuple[TarLayer, ...] = ()


def needs_config(manifest: Manifest) -> bool:
    """Return whether the config is needed to tell which files there are."""
    return manifest.config.media_type in {KIT_CONFIG, *IMAGE_CONFIGS} and not _is_modelpack(manifest)


def make_plan(manifest: Manifest, config: Mapping[str, Any]) -> Plan:
    """Return what the model of ``manifest`` is made of; ``config`` is that of a kit or image, or empty.

    Raises DeniedError ``artifact_kind_unknown``, ``layer_unknown``, ``layer_unsupported``,
    ``path_disagreement``, ``path_invalid`` or ``manifest_invalid``.
    """
    if _is_modelpack(manifest):
        return _plan_of(ModelKind.MODELPACK, [_modelpack_layer(layer) for layer in manifest.layers])
    if manifest.config.media_type == KIT_CONFIG:
        return _plan_of(ModelKind.MODELKIT, _kit_layers(manifest, config))
    if manifest.config.media_type in IMAGE_CONFIGS and "rootfs" in config:
        return _plan_of(ModelKind.IMAGE, _image_layers(manifest, config))
    if all(TITLE_ANNOTATION in layer.annotations for layer in manifest.layers):
        return _plan_of(ModelKind.ORAS, [_oras_layer(layer) for layer in manifest.layers])
    named = shown(manifest.artifact_type or manifest.config.media_type)
    raise DeniedError(
        "artifact_kind_unknown",
        f"the manifest is of no kind that a model comes in: {named}, with layers that have no file name",
        hint="oci: takes ModelPack, KitOps ModelKits, ORAS artifacts and images with /models; "
        "a model of Ollama's registry is ollama:name:tag",
    )


def _plan_of(kind: ModelKind, layers: list[RawLayer | TarLayer]) -> Plan:
    raw = tuple(layer for layer in layers if isinstance(layer, RawLayer))
    return Plan(kind, raw, tuple(layer for layer in layers if isinstance(layer, TarLayer)))


def _is_modelpack(manifest: Manifest) -> bool:
    return manifest.artifact_type == ARTIFACT_TYPE or manifest.config.media_type == CONFIG_MEDIA_TYPE


def _modelpack_layer(layer: Descriptor) -> RawLayer | TarLayer:
    match = _MODELPACK.fullmatch(layer.media_type)
    if match is None:
        raise _unknown(layer)
    path = _annotated_path(layer)
    if match[1] != "raw":
        return TarLayer(layer, _packing(match[1]), inside=path or "")
    if path is None:
        raise invalid_manifest("a layer that is a file has no annotation with its name")
    return RawLayer(path, layer)


def _annotated_path(layer: Descriptor) -> str | None:
    path = annotated_path(layer)
    return None if path is None else check_path(path)


def _oras_layer(layer: Descriptor) -> RawLayer | TarLayer:
    title = _annotated_path(layer) or ""
    unpack = layer.annotations.get(UNPACK_ANNOTATION, "false")
    if unpack not in {"true", "false"}:
        raise invalid_manifest(f"a layer's {UNPACK_ANNOTATION} is {shown(repr(unpack))}")
    content = layer.annotations.get(CONTENT_ANNOTATION)
    diff_id = None if content is None else Digest.parse(content)
    if unpack == "true":
        if layer.media_type.endswith("+zstd"):
            raise _unsupported("tar+zstd")
        return TarLayer(layer, Packing.GZIP, inside=title, diff_id=diff_id)
    silent = UNPACK_ANNOTATION not in layer.annotations and layer.media_type == ORAS_FOLDER
    if silent and not title.lower().endswith(_PACKED_NAMES):
        # oras-py packs a folder under its last name only, and unpacks it in the folder of the title
        return TarLayer(layer, Packing.GZIP, folder=posixpath.dirname(title), inside=title)
    return RawLayer(title, layer)


def _kit_layers(manifest: Manifest, kitfile: Mapping[str, Any]) -> list[RawLayer | TarLayer]:
    model = kitfile.get("model") or {}
    waiting = {
        "model": [model] if isinstance(model, dict) else [],
        "modelpart": _entries(model, "parts"),
        "code": _entries(kitfile, "code"),
        "dataset": _entries(kitfile, "datasets"),
        "docs": _entries(kitfile, "docs"),
    }
    layers: list[RawLayer | TarLayer] = []
    for layer in manifest.layers:
        match = _KIT.fullmatch(layer.media_type)
        if match is None or match[1] not in waiting:
            raise _unknown(layer)
        if not waiting[match[1]]:
            raise invalid_manifest(f"the Kitfile has fewer entries of {match[1]} than there are layers")
        layers.append(_kit_layer(layer, waiting[match[1]].pop(0), _packing(match[2])))
    left = [entry for entries in waiting.values() for entry in entries if entry.get("path")]
    if left:
        raise invalid_manifest(
            f"the Kitfile names {shown(str(left[0]['path']))!r}, which no layer holds: part of it is in another kit"
        )
    return layers


def _entries(holder: Any, name: str) -> list[Any]:
    entries = (holder.get(name) or []) if isinstance(holder, dict) else []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise invalid_manifest(f"{name} of the Kitfile is not a list of objects")
    return list(entries)


def _kit_layer(layer: Descriptor, entry: Mapping[str, Any], packing: Packing) -> TarLayer:
    path = entry.get("path")
    if not isinstance(path, str):
        raise invalid_manifest("an entry of the Kitfile has no path")
    inside = path.removeprefix("./").rstrip("/") if path not in {".", "./", ""} else ""
    if inside:
        check_path(inside)
    if "digest" not in entry:  # kits before 1.0: a tar begins with the last name of its path
        return TarLayer(layer, packing, folder=posixpath.dirname(inside), inside=inside)
    if entry["digest"] != str(layer.digest):
        raise invalid_manifest(f"the Kitfile gives the layer of {shown(path)!r} another digest")
    diff_id = entry.get("diffId")
    return TarLayer(layer, packing, inside=inside, diff_id=Digest.parse(diff_id) if diff_id else None)


def _image_layers(manifest: Manifest, config: Mapping[str, Any]) -> list[RawLayer | TarLayer]:
    rootfs = config["rootfs"]
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(manifest.layers):
        raise invalid_manifest("the image's config does not list the digests of its layers")
    layers: list[RawLayer | TarLayer] = []
    for layer, diff_id in zip(manifest.layers, diff_ids, strict=True):
        if layer.media_type not in _IMAGE_LAYERS:
            raise _unknown(layer)
        packing = _packing(_IMAGE_LAYERS[layer.media_type])
        layers.append(TarLayer(layer, packing, diff_id=Digest.parse(diff_id)))
    return layers


def _packing(text: str) -> Packing:
    try:
        return Packing(text)
    except ValueError as error:
        raise _unsupported(text) from error


def _unsupported(packing: str) -> DeniedError:
    return DeniedError(
        "layer_unsupported",
        f"a layer is packed as {shown(packing)}, which Weighlock does not read",
        hint="publish the model with layers that are files, tar or tar+gzip",
    )


def _unknown(layer: Descriptor) -> DeniedError:
    return DeniedError(
        "layer_unknown",
        f"a layer has the media type {shown(layer.media_type)}, which such a model does not have",
        hint="nothing is left out silently; report it to whoever published it",
    )
