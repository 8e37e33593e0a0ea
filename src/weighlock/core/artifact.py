"""A model as one OCI artifact: a CNCF ModelPack manifest with one raw layer a file.

Source: modelpack/model-spec, docs/spec.md and docs/config.md. Identical files give
an identical manifest: layers in code-point order of their paths, no time, no source,
and the table path → media type below is frozen, because every digest that was ever
approved depends on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple, Self

from weighlock.core.descriptor import Descriptor, invalid_manifest
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_object, write_json
from weighlock.core.limit import MAX_FILES, MAX_MANIFEST_BYTES
from weighlock.core.media_type import MANIFEST_MEDIA_TYPE
from weighlock.core.path import check_paths
from weighlock.core.text import shown

ARTIFACT_TYPE: Final = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_MEDIA_TYPE: Final = "application/vnd.cncf.model.config.v1+json"
FILEPATH_ANNOTATION: Final = "org.cncf.model.filepath"
TITLE_ANNOTATION: Final = "org.opencontainers.image.title"

WEIGHT: Final = "application/vnd.cncf.model.weight.v1.raw"
WEIGHT_CONFIG: Final = "application/vnd.cncf.model.weight.config.v1.raw"
DOC: Final = "application/vnd.cncf.model.doc.v1.raw"
CODE: Final = "application/vnd.cncf.model.code.v1.raw"
LAYER_MEDIA_TYPES: Final = frozenset({WEIGHT, WEIGHT_CONFIG, DOC, CODE})

_BY_SUFFIX: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            ".json",
            ".yaml",
            ".yml",
            ".toml",
            ".jinja",
            ".model",
            ".tiktoken",
            ".vocab",
            ".cfg",
            ".ini",
            ".proto",
            ".pbtxt",
        ),
        WEIGHT_CONFIG,
    ),
    **dict.fromkeys((".md", ".rst", ".pdf", ".html", ".png", ".jpg", ".jpeg", ".svg"), DOC),
    **dict.fromkeys((".py", ".sh", ".ipynb", ".c", ".cpp", ".cu", ".js"), CODE),
}
_BY_NAME: Final[dict[str, str]] = {
    **dict.fromkeys(("LICENSE", "LICENSE.txt", "NOTICE", "README", "README.txt", "USE_POLICY.txt"), DOC),
    **dict.fromkeys(("vocab.txt", "merges.txt"), WEIGHT_CONFIG),
}  # fmt: skip


class ArtifactFile(NamedTuple):
    """One file of an artifact: its path, the digest of its bytes, its size in bytes."""

    path: str
    digest: Digest
    size: int


def media_type_of(path: str) -> str:
    """Return the layer media type for a path; unknown names are weights, the kind examined most."""
    name = PurePosixPath(path).name
    return _BY_NAME.get(name) or _BY_SUFFIX.get(PurePosixPath(path).suffix.lower(), WEIGHT)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model: its manifest's exact bytes, their digest, and its files by path in code-point order."""

    manifest: bytes
    digest: Digest
    config: Descriptor
    files: Mapping[str, Descriptor]

    @classmethod
    def build(cls, files: list[ArtifactFile]) -> "tuple[Artifact, bytes]":
        """Return the artifact of ``files`` and the bytes of its config blob.

        Raises DeniedError ``artifact_empty``, ``artifact_too_many_files``, ``path_invalid``
        or ``path_collision``.
        """
        by_path = {file.path: file for file in files}
        if len(by_path) != len(files):
            raise DeniedError("path_collision", "a file name occurs twice")
        _check_count(len(files))
        layers = [_layer(by_path[path]) for path in check_paths(by_path)]
        config = _config_blob([layer.digest for layer in layers])
        config_descriptor = Descriptor(CONFIG_MEDIA_TYPE, Digest.of(config), len(config))
        manifest = write_json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_MEDIA_TYPE,
                "artifactType": ARTIFACT_TYPE,
                "config": config_descriptor.to_json(),
                "layers": [layer.to_json() for layer in layers],
            }
        )
        return cls.parse(manifest), config

    @classmethod
    def parse(cls, manifest: bytes) -> Self:
        """Return the artifact that ``manifest`` describes, which need not be one that we wrote.

        Raises DeniedError ``manifest_invalid``, ``artifact_empty``, ``artifact_too_many_files``,
        ``path_disagreement``, ``path_invalid``, ``path_collision``, ``digest_invalid`` or ``json_invalid``.
        """
        document = read_object(manifest, what="the manifest", limit=MAX_MANIFEST_BYTES)
        _check_kind(document)
        layers = document.get("layers")
        if not isinstance(layers, list):
            raise invalid_manifest("it has no list of layers")
        _check_count(len(layers))
        files: dict[str, Descriptor] = {}
        for layer in layers:
            descriptor = Descriptor.from_json(layer)
            path = _path_of(descriptor)
            if path in files:
                raise DeniedError("path_collision", f"the file {shown(path)!r} is listed twice")
            files[path] = descriptor
        ordered = {path: files[path] for path in check_paths(files)}
        return cls(manifest, Digest.of(manifest), Descriptor.from_json(document.get("config")), ordered)

    @property
    def descriptor(self) -> Descriptor:
        """The descriptor of the manifest."""
        return Descriptor(MANIFEST_MEDIA_TYPE, self.digest, len(self.manifest), artifact_type=ARTIFACT_TYPE)

    @property
    def size(self) -> int:
        """The files' total size in bytes."""
        return sum(descriptor.size for descriptor in self.files.values())


def _check_kind(document: dict[str, Any]) -> None:
    if document.get("schemaVersion") != 2 or document.get("mediaType") != MANIFEST_MEDIA_TYPE:
        raise invalid_manifest("it is not an OCI image manifest of schema version 2")
    if document.get("artifactType") != ARTIFACT_TYPE:
        raise invalid_manifest("its artifact type is not that of a model")
    if "subject" in document:
        raise invalid_manifest("a model has a subject")
    if Descriptor.from_json(document.get("config")).media_type != CONFIG_MEDIA_TYPE:
        raise invalid_manifest("its config is not that of a model")


def annotated_path(layer: Descriptor) -> str | None:
    """Return what a layer's annotations call its file, unchecked, or None if they do not.

    Raises DeniedError ``path_disagreement``: two tools would see two models.
    """
    names = {
        layer.annotations[key] for key in (FILEPATH_ANNOTATION, TITLE_ANNOTATION) if key in layer.annotations
    }
    if len(names) > 1:
        first, second = sorted(names)
        raise DeniedError(
            "path_disagreement",
            f"a layer's annotations call its file {shown(first)!r} and {shown(second)!r}",
            hint="two readers would see two models; report it to whoever published it",
        )
    return names.pop() if names else None


def _path_of(descriptor: Descriptor) -> str:
    if descriptor.media_type not in LAYER_MEDIA_TYPES:
        raise invalid_manifest(
            f"a layer has the media type {shown(descriptor.media_type)}, which is not a raw file"
        )
    if descriptor.digest.algorithm != "sha256":
        raise invalid_manifest(
            f"a layer has a {descriptor.digest.algorithm} digest; a file's digest is SHA-256"
        )
    path = annotated_path(descriptor)
    if path is None or not {FILEPATH_ANNOTATION, TITLE_ANNOTATION} <= descriptor.annotations.keys():
        raise invalid_manifest("a layer lacks one of the two annotations for the file name")
    return path


def _layer(file: ArtifactFile) -> Descriptor:
    annotations = {FILEPATH_ANNOTATION: file.path, TITLE_ANNOTATION: file.path}
    return Descriptor(media_type_of(file.path), file.digest, file.size, annotations)


def _config_blob(layers: list[Digest]) -> bytes:
    # Raw layers are their own uncompressed form, so diffIds are the layers' digests.
    return write_json(
        {
            "descriptor": {},
            "modelfs": {"type": "layers", "diffIds": [str(digest) for digest in layers]},
            "config": {},
        }
    )


def _check_count(count: int) -> None:
    if count == 0:
        raise DeniedError(
            "artifact_empty", "the model has no files", hint="check the folder, the pattern or the source"
        )
    if count > MAX_FILES:
        raise DeniedError("artifact_too_many_files", f"the model has {count} files; the limit is {MAX_FILES}")
