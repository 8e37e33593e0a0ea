"""Manifests of other people's tools, and those that nobody should believe."""

import base64
from typing import Any

import pytest

from unit.store.storing import put_model, refused
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.jsontext import write_json
from weighlock.core.media_type import DOCKER_LIST_MEDIA_TYPE, INDEX_MEDIA_TYPE
from weighlock.store.manifest import EMPTY_DESCRIPTOR, MAX_CHILDREN, Manifest, write_referrer
from weighlock.store.memory import MemoryStore

CHILD: dict[str, Any] = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": str(Digest.of(b"child")),
    "size": 5,
}


def index(*children: Any, **more: Any) -> bytes:
    return write_json(
        {"schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": list(children), **more}
    )


def image(**more: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "config": EMPTY_DESCRIPTOR.to_json(), "layers": [], **more}


def test_the_platform_of_a_child() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "1"}
    found = Manifest.parse(index(CHILD | {"platform": platform}, CHILD | {"platform": None}, CHILD))
    assert [child.platform for child in found.children] == ["linux/arm/v7", "", ""]
    assert found.blobs == ()


@pytest.mark.parametrize(
    "raw",
    [
        index(CHILD | {"platform": "linux/amd64"}),
        index(CHILD | {"platform": {"os": 1}}),
        index(CHILD | {"mediaType": "text/plain"}),
        index(CHILD | {"size": -1}),
        index(*[CHILD] * (MAX_CHILDREN + 1)),
        index(CHILD, config=EMPTY_DESCRIPTOR.to_json()),
        index(CHILD, layers=[]),
        index(CHILD, mediaType="application/vnd.oci.image.manifest.v1+json"),
        index(CHILD, schemaVersion=1),
        write_json(image(mediaType=DOCKER_LIST_MEDIA_TYPE)),
        write_json({"schemaVersion": 2}),
    ],
)
def test_what_is_neither_manifest_nor_index(raw: bytes) -> None:
    with refused("manifest_invalid"):
        Manifest.parse(raw)


@pytest.mark.parametrize(
    "wrong", ["sha256:../../x", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32]
)
def test_a_child_named_by_no_digest(wrong: str) -> None:
    with refused("digest_invalid"):
        Manifest.parse(index(CHILD | {"digest": wrong}))


def test_a_hundred_thousand_children_are_not_read() -> None:
    with refused("json_invalid"):
        Manifest.parse(index(*[CHILD] * 100_000))


def test_the_media_type_may_be_absent() -> None:
    assert Manifest.parse(write_json(image())).media_type == "application/vnd.oci.image.manifest.v1+json"
    absent = write_json({"schemaVersion": 2, "manifests": [CHILD]})
    assert Manifest.parse(absent).media_type == INDEX_MEDIA_TYPE


def embedded(data: Any, **more: Any) -> bytes:
    config = EMPTY_DESCRIPTOR.to_json() | {"data": data} | more
    return write_json(image(config=config))


def test_embedded_data_that_is_what_the_digest_names() -> None:
    assert Manifest.parse(embedded("e30=")).blobs == (EMPTY_DESCRIPTOR,)
    long = Digest("sha512", "b" * 128)
    with refused("manifest_invalid"):
        Manifest.parse(embedded("e30=", digest=str(long)))


@pytest.mark.parametrize("data", ["e3s=", "e30", "e30=\n", "é", 1, None, base64.b64encode(b"{} ").decode()])
def test_embedded_data_that_is_something_else(data: Any) -> None:
    with refused("manifest_invalid"):
        Manifest.parse(embedded(data))


def test_bytes_from_elsewhere_are_refused() -> None:
    with refused("manifest_invalid"):
        Manifest.parse(write_json(image(layers=[CHILD | {"urls": ["https://example.org/x"]}])))


def test_a_referrer_that_oras_wrote_is_read() -> None:
    store = MemoryStore()
    model = put_model(store, {"a": b"a"})
    store.write_blob([b"{}"])
    payload = Descriptor("text/plain", *store.write_blob([b"note"]))
    plain = write_referrer(
        model, "text/plain", payload, {"org.opencontainers.image.created": "2026-01-01T00:00:00Z"}
    )
    raw = plain.replace(b'"config":{', b'"config":{"data":"e30=",')
    assert raw != plain
    made = store.put_manifest(raw)
    assert store.referrers(model.digest) == [made]
