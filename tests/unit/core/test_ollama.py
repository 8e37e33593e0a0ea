import json
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.media_type import DOCKER_MANIFEST_MEDIA_TYPE
from weighlock.core.ollama import CONFIG_MEDIA_TYPE, name_layers, read_ollama_manifest

IMAGE = "application/vnd.ollama.image."


def blob(content: str, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content.encode())), "size": len(content)}


MODEL = blob("m", f"{IMAGE}model")


def manifest_of(*layers: dict[str, Any], **fields: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST_MEDIA_TYPE,
        "config": blob("{}", CONFIG_MEDIA_TYPE),
        "layers": list(layers),
    }
    return json.dumps({**document, **fields}).encode()


def test_names_say_what_a_layer_is() -> None:
    kinds = ["model", "projector", "adapter", "draft", "template", "system", "params", "messages", "license"]
    assert name_layers([IMAGE + kind for kind in kinds]) == [
        "model.gguf",
        "projector.gguf",
        "adapter.gguf",
        "draft.gguf",
        "template.gotmpl",
        "system.txt",
        "params.json",
        "messages.json",
        "license.txt",
    ]


def test_several_of_a_kind_are_counted_in_their_order() -> None:
    kinds = ["model", "license", "model", "projector", "license", "projector", "adapter", "adapter"]
    assert name_layers([IMAGE + kind for kind in kinds]) == [
        "model-00001-of-00002.gguf",
        "license-1.txt",
        "model-00002-of-00002.gguf",
        "projector-1.gguf",
        "license-2.txt",
        "projector-2.gguf",
        "adapter-1.gguf",
        "adapter-2.gguf",
    ]


def test_a_manifest_is_its_config_and_layers() -> None:
    layers = [{**MODEL, "from": "/root/.ollama/models/blobs/sha256-x"}, blob("t", f"{IMAGE}prompt")]
    model = read_ollama_manifest(manifest_of(*layers))
    assert model.config.digest == Digest.of(b"{}")
    assert {name: str(layer.digest) for name, layer in model.layers.items()} == {
        "model.gguf": str(Digest.of(b"m")),
        "template.gotmpl": str(Digest.of(b"t")),
    }


@pytest.mark.parametrize("kind", ["embed", "tensor", "json", "", "model2", "../model", "config"])
def test_layers_that_ollama_models_do_not_have_as_files(kind: str) -> None:
    with pytest.raises(DeniedError) as caught:
        name_layers([IMAGE + kind])
    assert caught.value.code == "layer_unknown"
    with pytest.raises(DeniedError) as caught:
        name_layers(["application/octet-stream"])
    assert caught.value.code == "layer_unknown"


@pytest.mark.parametrize(
    "kinds", [["template", "template"], ["template", "prompt"], ["system"] * 2, ["draft"] * 2]
)
def test_two_of_what_there_is_one_of(kinds: list[str]) -> None:
    with pytest.raises(DeniedError) as caught:
        name_layers([IMAGE + kind for kind in kinds])
    assert caught.value.code == "manifest_invalid"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (manifest_of(), "artifact_empty"),
        (manifest_of(blob("l", f"{IMAGE}license")), "artifact_empty"),
        (manifest_of(MODEL, schemaVersion=1), "manifest_invalid"),
        (manifest_of(MODEL, mediaType="application/vnd.ollama.manifest.list.v2+json"), "manifest_invalid"),
        (manifest_of(MODEL, manifests=[]), "manifest_invalid"),
        (manifest_of(MODEL, layers={}), "manifest_invalid"),
        (manifest_of(MODEL, config=blob("{}", "text/plain")), "manifest_invalid"),
        (manifest_of(MODEL, config=None), "manifest_invalid"),
        (manifest_of({**MODEL, "digest": "sha256:../../../../etc/passwd"}), "digest_invalid"),
        (manifest_of({**MODEL, "digest": "sha256-" + "a" * 64}), "digest_invalid"),
        (manifest_of({**MODEL, "digest": "sha256:" + "A" * 64}), "digest_invalid"),
        (manifest_of({**MODEL, "digest": "sha256:" + "a" * 63}), "digest_invalid"),
        (manifest_of({**MODEL, "digest": "sha512:" + "a" * 128}), "manifest_invalid"),
        (manifest_of({**MODEL, "mediaType": f"{IMAGE}model; type=x"}), "manifest_invalid"),
        (manifest_of({**MODEL, "size": 1.0}), "manifest_invalid"),
        (manifest_of(*[MODEL] * 10_001), "artifact_too_many_files"),
        (b"<html>", "json_invalid"),
    ],
)
def test_manifests_that_lie(raw: bytes, code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        read_ollama_manifest(raw)
    assert caught.value.code == code
