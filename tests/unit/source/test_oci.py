"""The source ``oci:`` over a registry in memory that is honest, and over some that are not."""

import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pytest

from tar_maker import entry, packed, tar_files, tar_of
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.progress import NO_PROGRESS
from weighlock.source.interface import Ranges, Resolved, SourceSpec
from weighlock.source.oci import OciSource, parse_oci

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
PACK_CONFIG = "application/vnd.cncf.model.config.v1+json"
KIT_CONFIG = "application/vnd.kitops.modelkit.config.v1+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
RAW = "application/vnd.cncf.model.weight.v1.raw"
TAR = "application/vnd.oci.image.layer.v1.tar"
TITLE = "org.opencontainers.image.title"
FILEPATH = "org.cncf.model.filepath"
NAME = "registry.example/team/model"


class MemoryRanges(NamedTuple):
    """Parts of bytes in memory."""

    raw: bytes

    def read(self, begin: int, end: int) -> bytes:
        return self.raw[begin:end]


class MemoryRemote:
    """A repository in memory. ``asked`` says what was asked for; ``lies`` are served instead of blobs."""

    def __init__(self, *, is_authentic: bool = True) -> None:
        self.is_authentic = is_authentic
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.lies: dict[str, bytes] = {}
        self.asked: list[str] = []

    def put(self, content: bytes, media_type: str = TAR, **annotations: str) -> dict[str, Any]:
        digest = str(Digest.of(content))
        self.blobs[digest] = content
        made: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(content)}
        return {**made, "annotations": annotations} if annotations else made

    def file(self, path: str, content: bytes, media_type: str = RAW) -> dict[str, Any]:
        return {**self.put(content, media_type), "annotations": {TITLE: path, FILEPATH: path}}

    def push(
        self,
        layers: list[dict[str, Any]],
        *,
        tag: str = "v1",
        config: tuple[str, Any] = (PACK_CONFIG, {}),
        **fields: Any,
    ) -> dict[str, Any]:
        written = self.put(json.dumps(config[1]).encode(), config[0])
        document = {"schemaVersion": 2, "mediaType": OCI, "config": written, "layers": layers, **fields}
        return self.push_document(document, tag)

    def push_document(self, document: dict[str, Any], tag: str) -> dict[str, Any]:
        raw = json.dumps(document).encode()
        digest = str(Digest.of(raw))
        self.manifests[digest] = raw
        self.tags[tag] = digest
        return {"mediaType": document["mediaType"], "digest": digest, "size": len(raw)}

    def manifest(self, reference: str | Digest) -> bytes:
        self.asked.append(str(reference))
        digest = self.tags.get(str(reference), str(reference))
        if digest not in self.manifests:
            raise UsageError("remote_missing", "no such manifest")
        return self.manifests[digest]

    def blob(self, blob: Descriptor) -> bytes:
        return b"".join(map(bytes, self.chunks(blob, "config", 0)))

    def ranges(self, blob: Descriptor, name: str) -> Ranges:
        self.asked.append(f"part of {name}")
        return MemoryRanges(self.blobs[str(blob.digest)])

    def chunks(self, blob: Descriptor, name: str, start: int) -> Iterator[memoryview]:
        del name
        self.asked.append(str(blob.digest))
        content = self.lies.get(str(blob.digest), self.blobs[str(blob.digest)])[start:]
        for at in range(0, len(content), 7000):
            yield memoryview(content)[at : at + 7000]


class MemoryStaging:
    """Verifies what it stages, as a store does."""

    def __init__(self) -> None:
        self.opened: list[BinaryIO] = []

    def stage(
        self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
    ) -> BinaryIO:
        content = b"".join(map(bytes, chunks_from(0)))
        if Digest.of(content) != digest or len(content) != size:
            raise DeniedError("digest_mismatch", "other bytes")
        self.opened.append(io.BytesIO(content))
        return self.opened[-1]


@pytest.fixture
def remote() -> MemoryRemote:
    return MemoryRemote()


def source_of(remote: MemoryRemote, allowed: tuple[str, ...] = ("registry.example",)) -> OciSource:
    return OciSource(lambda _registry, _repository: remote, allowed=allowed)


def spec_of(location: str = f"{NAME}:v1") -> SourceSpec:
    return SourceSpec("oci", location)


def resolve(
    remote: MemoryRemote, location: str = f"{NAME}:v1", locked: Mapping[str, str] | None = None
) -> Resolved:
    return source_of(remote).resolve(spec_of(location), locked or {})


def pull(
    remote: MemoryRemote, location: str = f"{NAME}:v1", staging: MemoryStaging | None = None
) -> dict[str, bytes]:
    """Return the files, read from their second byte on as well."""
    source, spec = source_of(remote), spec_of(location)
    resolved = source.resolve(spec, {})
    with source.fetch(spec, resolved, None, staging or MemoryStaging(), NO_PROGRESS) as fetched:
        found = {item.path: b"".join(map(bytes, fetched.chunks(item.path))) for item in fetched.items}
        for item in fetched.items:
            assert len(found[item.path]) == item.size
            assert b"".join(map(bytes, fetched.chunks(item.path, 1))) == found[item.path][1:]
        assert [item.path for item in fetched.items] == sorted(found)
    return found


def refused(remote: MemoryRemote, location: str = f"{NAME}:v1") -> str:
    with pytest.raises(WeighlockError) as caught:
        pull(remote, location)
    return caught.value.code


FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 3000, "sub/README.md": b"# Model"}


def test_a_modelpack(remote: MemoryRemote) -> None:
    pushed = remote.push([remote.file(path, content) for path, content in FILES.items()])
    assert pull(remote) == FILES
    resolved = resolve(remote)
    assert resolved.revision == pushed["digest"]
    assert resolved.facts == {"manifest": pushed["digest"], "kind": "modelpack"}
    assert resolved.owner == ("oci", "unavailable", "registry.example/team")
    assert (resolved.pinned, resolved.origin_confirmed, resolved.changed_at) == (False, True, None)


def test_raw_layers_promise_their_digests_and_tars_do_not(remote: MemoryRemote) -> None:
    tar = remote.put(tar_files({"a.json": b"1"}), "application/vnd.cncf.model.weight.v1.tar")
    remote.push([remote.file("b.json", b"2"), tar])
    source = source_of(remote)
    with source.fetch(
        spec_of(), source.resolve(spec_of(), {}), None, MemoryStaging(), NO_PROGRESS
    ) as fetched:
        assert [item.promised for item in fetched.items] == [None, Digest.of(b"2")]
        names = [material.name for material in fetched.materials]
        assert names == ["manifest", "layer"]


def test_a_kit(remote: MemoryRemote) -> None:
    model, docs = tar_files({"model/a.gguf": b"a" * 20_000}), tar_files({"README.md": b"docs"})
    layers = [
        remote.put(packed(model), "application/vnd.kitops.modelkit.model.v1.tar+gzip"),
        remote.put(docs, "application/vnd.kitops.modelkit.docs.v1.tar"),
    ]
    kitfile = {
        "manifestVersion": "1.0.0",
        "model": {"path": "model", "digest": layers[0]["digest"], "diffId": str(Digest.of(model))},
        "docs": [{"path": "./README.md", "digest": layers[1]["digest"], "diffId": str(Digest.of(docs))}],
    }
    remote.push(layers, config=(KIT_CONFIG, kitfile))
    assert pull(remote) == {"model/a.gguf": b"a" * 20_000, "README.md": b"docs"}
    assert resolve(remote).facts["kind"] == "modelkit"
    kitfile["model"]["diffId"] = str(Digest.of(b"another tar"))  # type: ignore[index]  # it is an object
    remote.push(layers, config=(KIT_CONFIG, kitfile))
    assert refused(remote) == "digest_mismatch"


def test_oras(remote: MemoryRemote) -> None:
    folder = packed(
        tar_of([entry("data", kind=tarfile.DIRTYPE), entry("data/x.txt", b"x"), entry("data/y/z", b"z")])
    )
    layers = [
        remote.file("config.json", b"{}", TAR),
        {
            **remote.put(folder, f"{TAR}+gzip"),
            "annotations": {TITLE: "data", "io.deis.oras.content.unpack": "true"},
        },
    ]
    remote.push(layers, config=(EMPTY, {}), artifactType="application/vnd.example+type")
    assert pull(remote) == {"config.json": b"{}", "data/x.txt": b"x", "data/y/z": b"z"}


def image_of(remote: MemoryRemote, *tars: bytes, tag: str = "v1") -> dict[str, Any]:
    layers = [remote.put(packed(tar), f"{TAR}+gzip") for tar in tars]
    config = {"rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar)) for tar in tars]}}
    return remote.push(layers, config=(IMAGE_CONFIG, config), tag=tag)


BASE = tar_of(
    [
        entry("bin/sh", kind=tarfile.SYMTYPE, linkname="busybox"),
        entry("dev/null", kind=tarfile.CHRTYPE),
        entry("usr/share/man/A::B.3", b"man"),
        entry("usr/share/man/A::B.3", b"twice"),
    ]
)


def test_an_image(remote: MemoryRemote) -> None:
    image_of(
        remote,
        BASE,
        tar_files({"models/config.json": b"old", "models/old.bin": b"old", "models/sub/x": b"x"}),
        BASE,
        tar_files({"models/config.json": b"{}", "models/.wh.old.bin": b"", "etc/x": b""}),
    )
    assert pull(remote) == {"config.json": b"{}", "sub/x": b"x"}
    assert resolve(remote).facts["kind"] == "image"


def test_an_image_without_models(remote: MemoryRemote) -> None:
    image_of(remote, BASE)
    assert refused(remote) == "artifact_empty"


@pytest.mark.parametrize(
    ("tar", "code"),
    [
        (tar_files({"models/../etc/passwd": b"x"}), "path_invalid"),
        (tar_files({"/models/x": b"x"}), "path_invalid"),
        (tar_of([entry("models/x", kind=tarfile.LNKTYPE, linkname="../../etc/shadow")]), "link_refused"),
        (tar_of([entry("models/x", kind=tarfile.SYMTYPE, linkname="/etc/passwd")]), "link_refused"),
        (tar_of([entry("models", kind=tarfile.SYMTYPE, linkname="/etc")]), "link_refused"),
        (tar_files({"models/a": b"", "models/A": b""}), "path_collision"),
        (tar_files({"models/a:b": b""}), "path_invalid"),
        (b"PK\x03\x04" + bytes(1000), "archive_invalid"),
    ],
)
def test_images_made_to_deceive(remote: MemoryRemote, tar: bytes, code: str) -> None:
    image_of(remote, tar_files({"models/ok": b"ok"}), tar)
    assert refused(remote) == code


def test_an_image_whose_layer_is_another_than_its_config_says(remote: MemoryRemote) -> None:
    tar = tar_files({"models/x": b"x"})
    layers = [remote.put(packed(tar), f"{TAR}+gzip")]
    config = {"rootfs": {"type": "layers", "diff_ids": [str(Digest.of(b"other"))]}}
    remote.push(layers, config=(IMAGE_CONFIG, config))
    assert refused(remote) == "digest_mismatch"


def test_the_child_of_an_index(remote: MemoryRemote) -> None:
    amd = {
        **image_of(remote, tar_files({"models/x": b"amd"})),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    arm = {
        **image_of(remote, tar_files({"models/x": b"arm"})),
        "platform": {"os": "linux", "architecture": "arm64"},
    }
    index = remote.push_document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [arm, amd]}, "v1")
    assert pull(remote) == {"x": b"amd"}
    resolved = resolve(remote)
    assert resolved.revision == index["digest"]
    assert resolved.facts == {
        "index": index["digest"],
        "platform": "linux/amd64",
        "manifest": amd["digest"],
        "kind": "image",
    }
    assert resolve(remote, locked=resolved.facts).facts == resolved.facts
    assert pull(remote, f"{NAME}@{arm['digest']}") == {"x": b"arm"}


def test_two_children_of_one_index_are_locked_apart(remote: MemoryRemote) -> None:
    one, two = (
        {
            **image_of(remote, tar_files({"models/x": name.encode()})),
            "platform": {"os": "linux", "architecture": name},
        }
        for name in ("amd64", "arm64")
    )
    index = remote.push_document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [one, two]}, "v1")
    source = source_of(remote)
    for child, name in ((one, "amd64"), (two, "arm64"), (one, "amd64")):
        facts = {
            "index": index["digest"],
            "platform": f"linux/{name}",
            "manifest": child["digest"],
            "kind": "image",
        }
        assert source.resolve(spec_of(), facts).facts == facts


def test_an_index_that_lists_another_size_or_an_index(remote: MemoryRemote) -> None:
    child = remote.push([remote.file("a", b"a")], tag="child")
    document = {"schemaVersion": 2, "mediaType": INDEX}
    remote.push_document({**document, "manifests": [{**child, "size": 3}]}, "v1")
    assert refused(remote) == "manifest_invalid"
    inner = remote.push_document({**document, "manifests": [child]}, "inner")
    remote.push_document({**document, "manifests": [{**inner, "mediaType": OCI}]}, "v1")
    assert refused(remote) == "manifest_invalid"


def test_a_moved_tag_changes_nothing_against_a_lock(remote: MemoryRemote) -> None:
    first = remote.push([remote.file("a", b"first")])
    locked = resolve(remote)
    second = remote.push([remote.file("a", b"second")])
    remote.asked.clear()
    again = resolve(remote, locked=locked.facts)
    assert again.revision == first["digest"]
    assert remote.asked == [first["digest"]]
    assert resolve(remote).revision == second["digest"]


def test_the_tag_is_asked_for_once(remote: MemoryRemote) -> None:
    pushed = remote.push([remote.file("a", b"a")])
    source = source_of(remote)
    resolved = source.resolve(spec_of(), {})
    remote.push([remote.file("a", b"moved meanwhile")])
    with source.fetch(spec_of(), resolved, None, MemoryStaging(), NO_PROGRESS) as fetched:
        assert fetched.items[0].promised == Digest.of(b"a")
    assert [asked for asked in remote.asked if asked in {"v1", pushed["digest"]}] == ["v1"]


def test_a_pinned_digest_decides_and_the_tag_is_not_asked_for(remote: MemoryRemote) -> None:
    pushed = remote.push([remote.file("a", b"a")])
    remote.push([remote.file("a", b"moved")])
    remote.asked.clear()
    resolved = resolve(remote, f"{NAME}:v1@{pushed['digest']}")
    assert (resolved.revision, resolved.pinned, remote.asked) == (pushed["digest"], True, [pushed["digest"]])
    assert resolved.origin_confirmed


def test_a_registry_without_tls_confirms_nothing_but_what_is_pinned() -> None:
    remote = MemoryRemote(is_authentic=False)
    pushed = remote.push([remote.file("a", b"a")])
    assert not resolve(remote).origin_confirmed
    assert resolve(remote, f"{NAME}@{pushed['digest']}").origin_confirmed


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "zip"},
        {"index": "sha256:" + "a" * 64},
        {"index": "x", "platform": "y"},
        {"manifest": "sha256:../../x"},
        {"more": "x"},
    ],
)
def test_facts_of_a_lock_that_was_edited(remote: MemoryRemote, change: dict[str, str]) -> None:
    remote.push([remote.file("a", b"a")])
    facts = {**resolve(remote).facts, **change}
    with pytest.raises(DeniedError) as caught:
        resolve(remote, locked=facts)
    assert caught.value.code in {"lock_invalid", "digest_invalid"}


def test_a_lock_that_names_another_child(remote: MemoryRemote) -> None:
    child = remote.push([remote.file("a", b"a")], tag="child")
    other = remote.push([remote.file("a", b"other")], tag="other")
    remote.push_document({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}, "v1")
    facts = {**resolve(remote).facts, "manifest": other["digest"]}
    with pytest.raises(DeniedError) as caught:
        resolve(remote, locked=facts)
    assert caught.value.code == "lock_invalid"


def test_the_same_name_in_two_layers(remote: MemoryRemote) -> None:
    remote.push([remote.file("a", b"1"), remote.file("a", b"2")])
    assert refused(remote) == "path_collision"
    tar = remote.put(tar_files({"a": b"1"}), "application/vnd.cncf.model.weight.v1.tar")
    remote.push([tar, remote.file("a", b"1")])
    assert refused(remote) == "path_collision"
    remote.push([tar, {**tar, "annotations": {FILEPATH: "a"}}])
    assert refused(remote) == "path_collision"
    remote.push([remote.file("a", b"1"), remote.file("A", b"2")])
    assert refused(remote) == "path_collision"
    remote.push([remote.file("a", b"1"), remote.file("a/b", b"2")])
    assert refused(remote) == "path_collision"


def test_a_layer_that_is_other_bytes_of_the_same_size(remote: MemoryRemote) -> None:
    tar = tar_files({"models/x": b"x"})
    image_of(remote, tar)
    gzip = packed(tar)
    remote.lies[str(Digest.of(gzip))] = gzip[:-1] + bytes([gzip[-1] ^ 1])
    assert refused(remote) == "digest_mismatch"


def test_layers_are_closed_whatever_happens(remote: MemoryRemote) -> None:
    image_of(remote, tar_files({"models/x": b"x"}), tar_files({"models/y": b"y"}))
    staging = MemoryStaging()
    pull(remote, staging=staging)
    image_of(remote, tar_files({"models/x": b"x"}), b"no tar")
    with pytest.raises(DeniedError):
        pull(remote, staging=staging)
    assert len(staging.opened) >= 3
    assert all(opened.closed for opened in staging.opened)


def test_a_config_that_is_too_large(remote: MemoryRemote) -> None:
    remote.push([remote.put(b"x")], config=(IMAGE_CONFIG, {"x": "x" * 5_000_000}))
    assert refused(remote) == "manifest_invalid"
    assert all(asked == "v1" for asked in remote.asked)


def test_what_is_staged_already_is_not_asked_for(remote: MemoryRemote) -> None:
    class Present(MemoryStaging):
        def stage(
            self, digest: Digest, size: int, chunks_from: Callable[[int], Iterable[memoryview]]
        ) -> BinaryIO:
            del size, chunks_from
            return io.BytesIO(remote.blobs[str(digest)])

    image_of(remote, tar_files({"models/x": b"x"}))
    done: list[int] = []

    class Told:
        def begin(self, label: str, total_bytes: int) -> None:
            assert label == "fetching layers"
            done.append(-total_bytes)

        def advance(self, size_bytes: int) -> None:
            done.append(size_bytes)

        def end(self) -> None:
            """Nothing more."""

        def part(self, label: str, total_bytes: int) -> "Told":
            del label, total_bytes
            return self

    source, spec = source_of(remote), spec_of()
    resolved = source.resolve(spec, {})
    remote.asked.clear()
    with source.fetch(spec, resolved, None, Present(), Told()) as fetched:
        assert [item.path for item in fetched.items] == ["x"]
    assert remote.asked == []
    assert sum(done) == 0


def test_one_layer_that_fails_stops_the_others(remote: MemoryRemote) -> None:
    started, failed = threading.Event(), threading.Event()
    tars = [tar_files({f"models/{name}": name.encode() * 50_000}) for name in "ab"]
    image_of(remote, *tars)
    first, second = (str(Digest.of(packed(tar))) for tar in tars)
    real = remote.chunks

    def chunks(blob: Descriptor, name: str, start: int) -> Iterator[memoryview]:
        if str(blob.digest) == second:
            assert started.wait(10)
            failed.set()
            raise DeniedError("redirect_refused", "elsewhere")
        if str(blob.digest) == first:
            yield memoryview(b"begun")
            started.set()
            assert failed.wait(10)
            while True:  # for ever, if nobody stops it
                yield memoryview(b"more")
        yield from real(blob, name, start)

    remote.chunks = chunks  # type: ignore[method-assign]  # this registry is slow
    assert refused(remote) == "redirect_refused"


def test_too_many_files_in_tars(remote: MemoryRemote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.source.oci_fetch.MAX_FILES", 3)
    image_of(remote, tar_files({f"models/{number}": b"" for number in range(4)}))
    assert refused(remote) == "artifact_too_many_files"


def test_tars_without_files(remote: MemoryRemote) -> None:
    remote.push([remote.put(tar_files({}), "application/vnd.cncf.model.weight.v1.tar")])
    assert refused(remote) == "artifact_empty"


def test_claims_of_the_maker_are_kept_as_such(remote: MemoryRemote) -> None:
    claims = {
        "org.opencontainers.image.licenses": "MIT\n" + "x" * 900,
        "org.opencontainers.image.title": "",
        "own": "x",
    }
    remote.push([remote.file("a", b"a")], annotations=claims)
    source = source_of(remote)
    with source.fetch(
        spec_of(), source.resolve(spec_of(), {}), None, MemoryStaging(), NO_PROGRESS
    ) as fetched:
        (material,) = fetched.materials
    assert list(material.claims) == ["licenses"]
    assert material.claims["licenses"].startswith("MIT\\x0a")
    assert len(material.claims["licenses"]) < 510


@pytest.mark.parametrize(
    ("written", "canonical", "name"),
    [
        ("Registry.Example/team/model", "registry.example/team/model:latest", "model"),
        ("localhost/m:v2", "localhost/m:v2", "m"),
        ("127.0.0.1:5000/a/b/c@sha256:" + "a" * 64, "127.0.0.1:5000/a/b/c@sha256:" + "a" * 64, "c"),
        ("docker.io/library/model:1", "docker.io/library/model:1", "model"),
    ],
)
def test_how_a_source_is_written(remote: MemoryRemote, written: str, canonical: str, name: str) -> None:
    source = source_of(remote)
    found = source.canonical(spec_of(written), Path())
    assert found == spec_of(canonical)
    assert source.canonical(found, Path()) == found
    assert source.name_of(found) == name


@pytest.mark.parametrize(
    "location",
    [
        "",
        "model",
        "team/model",
        "registry.example",
        "registry.example/",
        "registry.example/Model",
        "registry.example/../x",
        "registry.example/a//b",
        "registry.example/m:../../x",
        "registry.example/m@sha256:" + "A" * 64,
        "registry.example/m@sha256:abc",
        "registry.example/m@sha256:../../x",
        "registry.example/m@sha512:" + "a" * 128,
        "user:secret@registry.example/m",
        "//registry.example/m",
        "https://registry.example/m",
    ],
)
def test_what_is_not_a_reference(location: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_oci(spec_of(location))
    assert caught.value.code == "source_invalid"
    assert "secret" not in caught.value.message


def test_only_what_the_settings_name() -> None:
    remote = MemoryRemote()
    source_of(remote, ("registry.example/team",)).check_allowed(spec_of())
    with pytest.raises(DeniedError) as caught:
        source_of(remote, ("registry.example/tea",)).check_allowed(spec_of())
    assert caught.value.code == "source_not_allowed"


def test_a_registry_keeps_no_history(remote: MemoryRemote) -> None:
    remote.push([remote.file("a", b"a")])
    source_of(remote).check_continues(spec_of(), None, resolve(remote))  # type: ignore[arg-type]  # it looks at nothing
