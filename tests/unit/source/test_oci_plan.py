"""Which files a manifest stands for: all kinds, and manifests made to deceive."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.source.layer import Packing
from weighlock.source.oci_manifest import Manifest, choose_child, read_manifest
from weighlock.source.oci_plan import ModelKind, Plan, TarLayer, make_plan, needs_config

FILEPATH = "org.cncf.model.filepath"
TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"
WEIGHT = "application/vnd.cncf.model.weight.v1"
PACK = "application/vnd.cncf.model.manifest.v1+json"
PACK_CONFIG = "application/vnd.cncf.model.config.v1+json"
KIT_CONFIG = "application/vnd.kitops.modelkit.config.v1+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
FILE = "application/vnd.oci.image.layer.v1.tar"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def blob(content: str, media_type: str = FILE, **annotations: str) -> dict[str, Any]:
    digest = Digest.of(content.encode())
    made: dict[str, Any] = {"mediaType": media_type, "digest": str(digest), "size": len(content)}
    return {**made, "annotations": annotations} if annotations else made


def named(
    content: str, media_type: str = FILE, title: str | None = None, filepath: str | None = None
) -> dict[str, Any]:
    annotations = {key: value for key, value in ((TITLE, title), (FILEPATH, filepath)) if value is not None}
    return {**blob(content, media_type), "annotations": annotations}


def manifest_of(layers: list[dict[str, Any]], config_type: str = PACK_CONFIG, /, **fields: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": blob("{}", config_type),
        "layers": layers,
        **fields,
    }
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def plan_of(raw: bytes, config: Mapping[str, Any] | None = None) -> Plan:
    manifest = read_manifest(raw)
    assert isinstance(manifest, Manifest)
    assert needs_config(manifest) is (config is not None)
    return make_plan(manifest, config or {})


def refused(raw: bytes, config: Mapping[str, Any] | None = None) -> str:
    with pytest.raises(DeniedError) as caught:
        plan_of(raw, config)
    return caught.value.code


def test_a_modelpack_of_files_and_tars() -> None:
    layers = [
        named("a", f"{WEIGHT}.raw", "model.safetensors", "model.safetensors"),
        named("b", "application/vnd.cncf.model.weight.config.v1.raw", filepath="config.json"),
        named("c", "application/vnd.cncf.model.doc.v1.raw", title="README.md"),
        named("d", f"{WEIGHT}.tar", filepath="parts"),
        blob("e", "application/vnd.cncf.model.dataset.v1.tar+gzip"),
    ]
    plan = plan_of(manifest_of(layers, artifactType=PACK))
    assert plan.kind is ModelKind.MODELPACK
    assert [raw.path for raw in plan.raw] == ["model.safetensors", "config.json", "README.md"]
    assert [(tar.packing, tar.inside) for tar in plan.tars] == [(Packing.NONE, "parts"), (Packing.GZIP, "")]


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (named("a", f"{WEIGHT}.raw", "a.json", "b.json"), "path_disagreement"),
        (named("a", f"{WEIGHT}.tar", "a", "b"), "path_disagreement"),
        (named("a", f"{WEIGHT}.raw"), "manifest_invalid"),
        (named("a", f"{WEIGHT}.raw", "../x"), "path_invalid"),
        (named("a", f"{WEIGHT}.raw", "/etc/x"), "path_invalid"),
        (named("a", f"{WEIGHT}.raw", "a/../../x", "a/../../x"), "path_invalid"),
        (named("a", f"{WEIGHT}.tar", "../x"), "path_invalid"),
        (named("a", f"{WEIGHT}.raw", ""), "path_invalid"),
        (named("a", f"{WEIGHT}.tar+zstd", "a"), "layer_unsupported"),
        (named("a", "application/vnd.cncf.model.weight.v2.raw", "a"), "layer_unknown"),
        (named("a", "application/octet-stream", "a"), "layer_unknown"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "digest": "sha256:" + "A" * 64}, "digest_invalid"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "digest": "sha256:abc"}, "digest_invalid"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "digest": "sha256:../../x"}, "digest_invalid"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "digest": "sha512:" + "a" * 128}, "manifest_invalid"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "size": -1}, "manifest_invalid"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "urls": ["https://elsewhere.example/a"]}, "manifest_invalid"),
        ({**named("a", f"{WEIGHT}.raw", "a"), "data": "YQ=="}, "manifest_invalid"),
    ],
)
def test_layers_of_a_modelpack_that_lie(layer: dict[str, Any], code: str) -> None:
    if "data" in layer:
        layer = {**layer, "data": base64.b64encode(b"b").decode()}
    assert refused(manifest_of([layer])) == code


def test_oras_files_and_folders() -> None:
    packed = "application/vnd.oci.image.layer.v1.tar+gzip"
    layers = [
        named("a", FILE, "config.json"),  # ORAS calls every file a tar
        named("b", packed, "weights"),
        named("c", packed, "data/set.tar.gz"),
        {**named("d", packed, "deep/folder"), "annotations": {TITLE: "deep/folder", UNPACK: "true"}},
        named("e", packed, "deep/other"),
    ]
    plan = plan_of(manifest_of(layers, EMPTY))
    assert plan.kind is ModelKind.ORAS
    assert [raw.path for raw in plan.raw] == ["config.json", "data/set.tar.gz"]
    assert [(tar.folder, tar.inside) for tar in plan.tars] == [
        ("", "weights"),
        ("", "deep/folder"),
        ("deep", "deep/other"),
    ]


def test_oras_with_an_empty_config_in_the_descriptor() -> None:
    embedded = {**blob("{}", EMPTY), "data": "e30="}
    assert plan_of(manifest_of([named("a", FILE, "a")], EMPTY, config=embedded)).kind is ModelKind.ORAS
    for data in ("eyB9", "!", "e30", 7, "A" * 5000):
        lying = {**embedded, "data": data}
        assert refused(manifest_of([named("a", FILE, "a")], EMPTY, config=lying)) == "manifest_invalid"


def test_oras_with_the_config_of_an_image_that_is_none() -> None:
    assert plan_of(manifest_of([named("a", FILE, "a")], IMAGE_CONFIG), {}).kind is ModelKind.ORAS


@pytest.mark.parametrize(
    ("annotations", "code"),
    [
        ({TITLE: "a", UNPACK: "yes"}, "manifest_invalid"),
        ({TITLE: "../a", UNPACK: "true"}, "path_invalid"),
        ({TITLE: "a", FILEPATH: "b"}, "path_disagreement"),
        ({TITLE: "a", UNPACK: "true", "io.deis.oras.content.digest": "sha256:../x"}, "digest_invalid"),
        ({}, "artifact_kind_unknown"),
    ],
)
def test_oras_layers_that_lie(annotations: dict[str, str], code: str) -> None:
    assert refused(manifest_of([{**blob("a"), "annotations": annotations}], EMPTY)) == code


def kit_layer(content: str, kind: str, packing: str = "tar+gzip") -> dict[str, Any]:
    return blob(content, f"application/vnd.kitops.modelkit.{kind}.v1.{packing}")


def info(content: str, path: str) -> dict[str, str]:
    return {"path": path, "digest": str(Digest.of(content.encode())), "diffId": str(Digest.of(b"tar"))}


KITFILE: dict[str, Any] = {
    "manifestVersion": "1.0.0",
    "model": {"name": "m", **info("m", "./model"), "parts": [info("p", "adapter.gguf")]},
    "code": [info("c", ".")],
    "datasets": [info("s", "data/train.jsonl")],
    "docs": [info("d", "README.md")],
}
KIT = [
    kit_layer("m", "model"),
    kit_layer("p", "modelpart", "tar"),
    kit_layer("c", "code"),
    kit_layer("s", "dataset"),
    kit_layer("d", "docs"),
]


def test_all_parts_of_a_kit_are_taken() -> None:
    plan = plan_of(manifest_of(KIT, KIT_CONFIG, mediaType=None), KITFILE)
    assert plan.kind is ModelKind.MODELKIT
    assert [tar.inside for tar in plan.tars] == ["model", "adapter.gguf", "", "data/train.jsonl", "README.md"]
    assert [tar.packing for tar in plan.tars][:2] == [Packing.GZIP, Packing.NONE]
    assert {tar.folder for tar in plan.tars} == {""}
    assert {str(tar.diff_id) for tar in plan.tars} == {str(Digest.of(b"tar"))}


def test_an_old_kit_packs_each_part_under_its_last_name() -> None:
    plan = plan_of(manifest_of(KIT[:1], KIT_CONFIG), {"model": {"path": "models/tiny"}})
    assert plan.tars[0][2:] == ("models", "models/tiny", None)


@pytest.mark.parametrize(
    ("layers", "kitfile", "code"),
    [
        (KIT[:1], {"model": info("other", "model")}, "manifest_invalid"),
        (KIT[:1], {"model": {"name": "no path"}}, "manifest_invalid"),
        (KIT[:1], {"model": info("m", "../x")}, "path_invalid"),
        (KIT[:1], {"model": info("m", "/x")}, "path_invalid"),
        (KIT[:1], {"model": {**info("m", "x"), "diffId": "sha256:../x"}}, "digest_invalid"),
        (KIT[:1], {"model": [1]}, "manifest_invalid"),
        (KIT[2:3], {"code": {"path": "x"}}, "manifest_invalid"),
        (
            KIT[2:3],
            {"model": {"path": "registry.example/other:1"}, "code": [info("c", ".")]},
            "manifest_invalid",
        ),
        (KIT[:1], {}, "manifest_invalid"),
        ([kit_layer("m", "prompt")], KITFILE, "layer_unknown"),
        ([blob("m")], KITFILE, "layer_unknown"),
        ([kit_layer("m", "model", "tar+zstd")], KITFILE, "layer_unsupported"),
    ],
)
def test_kits_that_lie(layers: list[dict[str, Any]], kitfile: dict[str, Any], code: str) -> None:
    assert refused(manifest_of(layers, KIT_CONFIG), kitfile) == code


def image_config(*diff_ids: str) -> dict[str, Any]:
    return {"rootfs": {"type": "layers", "diff_ids": [str(Digest.of(each.encode())) for each in diff_ids]}}


def test_an_image_and_what_it_is_packed_in() -> None:
    types = [FILE, f"{FILE}+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip"]
    layers = [named(str(number), kind, "title") for number, kind in enumerate(types)]
    plan = plan_of(manifest_of(layers, IMAGE_CONFIG), image_config("a", "b", "c"))
    assert plan.kind is ModelKind.IMAGE
    assert [tar.packing for tar in plan.tars] == [Packing.NONE, Packing.GZIP, Packing.GZIP]
    assert plan.tars[1] == TarLayer(plan.tars[1].layer, Packing.GZIP, diff_id=Digest.of(b"b"))


@pytest.mark.parametrize(
    ("layer", "config", "code"),
    [
        (blob("a"), image_config(), "manifest_invalid"),
        (blob("a"), {"rootfs": []}, "manifest_invalid"),
        (blob("a"), {"rootfs": {"diff_ids": ["sha256:x"]}}, "digest_invalid"),
        (blob("a", f"{FILE}+zstd"), image_config("a"), "layer_unsupported"),
        (
            blob("a", "application/vnd.oci.image.layer.nondistributable.v1.tar"),
            image_config("a"),
            "layer_unknown",
        ),
        (blob("a", "application/vnd.ollama.image.model"), image_config("a"), "layer_unknown"),
        (blob("a"), {}, "artifact_kind_unknown"),
    ],
)
def test_images_that_lie(layer: dict[str, Any], config: dict[str, Any], code: str) -> None:
    assert refused(manifest_of([layer], IMAGE_CONFIG), config) == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"schemaVersion": 1}, "manifest_invalid"),
        ({"schemaVersion": True}, "manifest_invalid"),
        ({"mediaType": INDEX}, "manifest_invalid"),
        ({"mediaType": "text/html"}, "manifest_invalid"),
        ({"manifests": []}, "manifest_invalid"),
        ({"subject": blob("x", OCI)}, "manifest_invalid"),
        ({"layers": None}, "manifest_invalid"),
        ({"layers": {}}, "manifest_invalid"),
        ({"layers": []}, "artifact_empty"),
        ({"config": None}, "manifest_invalid"),
        ({"artifactType": "no type"}, "manifest_invalid"),
        ({"annotations": {"a": 1}}, "manifest_invalid"),
    ],
)
def test_manifests_that_are_none(fields: dict[str, Any], code: str) -> None:
    raw = manifest_of([named("a", f"{WEIGHT}.raw", "a")], **fields)
    assert refused(raw) == code


def test_a_manifest_with_far_too_many_layers() -> None:
    layers = [named(str(number), f"{WEIGHT}.raw", str(number)) for number in range(10_001)]
    assert refused(manifest_of(layers)) == "artifact_too_many_files"
    assert refused(manifest_of(layers * 10)) == "json_invalid"  # larger than any manifest


def test_json_that_two_readers_read_differently() -> None:
    raw = manifest_of([named("a", f"{WEIGHT}.raw", "a")])
    assert refused(raw[:-1] + b', "layers": []}') == "json_invalid"


def child(content: str, os: str = "", architecture: str = "", **fields: Any) -> dict[str, Any]:
    platform = {"platform": {"os": os, "architecture": architecture}} if os else {}
    return {**blob(content, OCI), **platform, **fields}


def index_of(*children: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(children), **fields}
    ).encode()


def chosen(raw: bytes) -> tuple[str, str]:
    found = read_manifest(raw)
    assert not isinstance(found, Manifest)
    picked = choose_child(found)
    return str(picked.descriptor.digest), picked.platform


AMD, ARM = child("amd", "linux", "amd64"), child("arm", "linux", "arm64")
ATTESTATION = child("attestation", "unknown", "unknown")


def test_the_child_of_an_index() -> None:
    assert chosen(index_of(ARM, ATTESTATION)) == (ARM["digest"], "linux/arm64")
    assert chosen(index_of(child("only"))) == (child("only")["digest"], "")
    assert chosen(index_of(ARM, AMD, ATTESTATION, child("pack"))) == (AMD["digest"], "linux/amd64")


@pytest.mark.parametrize(
    ("children", "code"),
    [
        ([], "platform_undecided"),
        ([ATTESTATION], "platform_undecided"),
        ([ARM, child("arm", "linux", "s390x")], "platform_undecided"),
        ([AMD, child("amd2", "linux", "amd64")], "platform_undecided"),
        (
            [AMD, child("v3", "linux", "amd64", platform={"os": "linux", "architecture": 3})],
            "manifest_invalid",
        ),
        ([AMD, child("x", platform="linux")], "manifest_invalid"),
        ([blob("nested", INDEX)], "manifest_invalid"),
        ([blob("layer")], "manifest_invalid"),
        ([{**AMD, "digest": "sha256:../../x"}], "digest_invalid"),
        ([{**AMD, "size": 1 << 40}], "manifest_invalid"),
        ([AMD] * 1001, "manifest_invalid"),
    ],
)
def test_indexes_without_one_child(children: list[dict[str, Any]], code: str) -> None:
    with pytest.raises(DeniedError) as caught:
        chosen(index_of(*children))
    assert caught.value.code == code
