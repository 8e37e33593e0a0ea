"""Models as artifacts in the test registry: all kinds, honest unless a test says otherwise."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from registry_server import RegistryServer
from tar_maker import packed
from weighlock.core.digest import Digest

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
PACK = "application/vnd.cncf.model.manifest.v1+json"
PACK_CONFIG = "application/vnd.cncf.model.config.v1+json"
KIT = "application/vnd.kitops.modelkit"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
RAW = "application/vnd.cncf.model.weight.v1.raw"
TAR = "application/vnd.oci.image.layer.v1.tar"
OLLAMA = "application/vnd.ollama.image."
TITLE = "org.opencontainers.image.title"
FILEPATH = "org.cncf.model.filepath"
UNPACK = "io.deis.oras.content.unpack"

GGUF = b"GGUF\3\0\0\0" + bytes(range(256)) * 300
FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 3000, "sub/README.md": b"# Model"}


class Pushed(NamedTuple):
    """What was pushed: the manifest's digest and the descriptors of its layers."""

    digest: str
    descriptor: dict[str, Any]
    layers: list[dict[str, Any]]


class Shelf:
    """One repository of the test registry."""

    def __init__(self, server: RegistryServer, name: str) -> None:
        self.server = server
        self.name = name
        self.source = f"oci:{server.name}/{name}"

    def blob(self, content: bytes, media_type: str = TAR, **fields: Any) -> dict[str, Any]:
        """Store a blob and return its descriptor."""
        digest = self.server.content.put_blob(self.name, content)
        return {"mediaType": media_type, "digest": digest, "size": len(content), **fields}

    def file(self, path: str, content: bytes, media_type: str = RAW) -> dict[str, Any]:
        """Store a layer that is a file under both of its names."""
        return self.blob(content, media_type, annotations={TITLE: path, FILEPATH: path})

    def push(
        self,
        layers: list[dict[str, Any]],
        tag: str = "v1",
        *,
        config: tuple[str, Any] = (PACK_CONFIG, {}),
        media_type: str = OCI,
        **fields: Any,
    ) -> Pushed:
        """Store a manifest under a tag, also one that no registry would take."""
        document = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": self.blob(json.dumps(config[1]).encode(), config[0]),
            "layers": layers,
            **fields,
        }
        descriptor = self.push_raw(json.dumps(document).encode(), tag, media_type)
        return Pushed(descriptor["digest"], descriptor, layers)

    def push_raw(self, raw: bytes, tag: str, media_type: str) -> dict[str, Any]:
        """Store bytes as a manifest and return the descriptor."""
        digest = str(Digest.of(raw))
        with self.server.content.lock:
            repository = self.server.content.repository(self.name)
            repository.manifests[digest] = (media_type, raw)
            repository.tags[tag] = digest
        return {"mediaType": media_type, "digest": digest, "size": len(raw)}

    def lie(self, digest: str, content: bytes) -> None:
        """Serve other bytes under a digest."""
        with self.server.content.lock:
            self.server.content.blobs[digest] = content

    def modelpack(self, files: Mapping[str, bytes] = FILES, tag: str = "v1") -> Pushed:
        """Push a model with a layer a file."""
        return self.push(
            [self.file(path, content) for path, content in files.items()], tag, artifactType=PACK
        )

    def image(self, *tars: bytes, tag: str = "v1") -> Pushed:
        """Push an image of these layers."""
        layers = [self.blob(packed(tar), f"{TAR}+gzip") for tar in tars]
        config = {"rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in tars]}}
        return self.push(layers, tag, config=(IMAGE_CONFIG, config))

    def kit(self, parts: Iterable[tuple[str, str, bytes]], tag: str = "v1") -> Pushed:
        """Push a ModelKit of (kind, path, tar); the kinds are ``model``, ``code``, ``dataset`` and ``docs``."""
        kitfile: dict[str, Any] = {"manifestVersion": "1.0.0"}
        layers = []
        for kind, path, tar in parts:
            layers.append(self.blob(packed(tar), f"{KIT}.{kind}.v1.tar+gzip"))
            entry = {"path": path, "digest": layers[-1]["digest"], "diffId": str(Digest.of(tar))}
            if kind == "model":
                kitfile["model"] = entry
            else:
                kitfile.setdefault({"dataset": "datasets"}.get(kind, kind), []).append(entry)
        return self.push(layers, tag, config=(f"{KIT}.config.v1+json", kitfile))

    def ollama(self, layers: Iterable[tuple[str, bytes]], tag: str = "1b", **fields: Any) -> Pushed:
        """Push an Ollama model of (kind, content)."""
        made = [self.blob(content, OLLAMA + kind) for kind, content in layers]
        config = (DOCKER_CONFIG, {"model_format": "gguf"})
        return self.push(made, tag, config=config, media_type=DOCKER, **fields)


LLAMA = (
    ("model", GGUF),
    ("template", b"{{ .Prompt }}"),
    ("params", b'{"stop":["x"]}'),
    ("license", b"MIT"),
    ("license", b"and more"),
)
