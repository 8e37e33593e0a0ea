"""Registries that lie, through the command line: each attack has its code, and nothing of it is listed or locked."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oci_artifact import FILEPATH, FILES, IMAGE_CONFIG, INDEX, OCI, RAW, TAR, TITLE, UNPACK, Shelf
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from registry_server import RegistryServer
from tar_maker import END, entry, extended, header, packed, padded, pax_record, tar_files, tar_of
from weighlock.core.digest import Digest
from weighlock.core.lock import Lock

Layer = dict[str, Any]


@pytest.fixture(name="server")
def server_fixture() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture
def shelf(server: RegistryServer, project: Project) -> Shelf:
    """Return a repository that the project's settings trust."""
    settle(project, server)
    return Shelf(server, "team/model")


def settle(project: Project, server: RegistryServer, **more: Any) -> None:
    document = {
        "version": 1,
        "sources": {"oci": [f"{server.name}/team"]},
        "network": {"plain_http": [server.name]},
        "pull": {"unconfirmed": True},  # the test registry has no TLS
        **more,
    }
    (project.root / "weighlock.yaml").write_text(json.dumps(document))


def pull(project: Project, shelf: Shelf, *more: str) -> Ran:
    return project.run("pull", f"{shelf.source}:v1", *more)


def refused(project: Project, shelf: Shelf, code: str) -> Ran:
    ran = pull(project, shelf).denied(code)
    project.assert_untouched()
    return ran


def files_of(project: Project) -> dict[str, Digest]:
    (model,) = Lock.parse(project.lock.read_bytes()).models.values()
    return {path: file.digest for path, file in model.files.items()}


def forget(project: Project, content: bytes) -> None:
    """Have the store lose a file, so that the next pull has to ask for it."""
    (project.store_folder / "blobs" / "sha256" / Digest.of(content).hex).unlink()


# ── what is honest works


def kinds() -> dict[str, Callable[[Shelf], object]]:
    tar = tar_files(FILES)
    oras = {"annotations": {TITLE: "m", UNPACK: "true"}}
    folder = packed(tar_files({f"m/{path}": content for path, content in FILES.items()}))
    return {
        "modelpack": lambda shelf: shelf.modelpack(),
        "modelpack of a tar": lambda shelf: shelf.push(
            [shelf.blob(tar, "application/vnd.cncf.model.weight.v1.tar")]
        ),
        "modelkit": lambda shelf: shelf.kit([("model", ".", tar)]),
        "oras": lambda shelf: shelf.push(
            [shelf.file(path, content, TAR) for path, content in FILES.items()],
            config=("application/vnd.oci.empty.v1+json", {}),
        ),
        "oras of a folder": lambda shelf: shelf.push(
            [shelf.blob(folder, f"{TAR}+gzip", **oras)], config=("application/vnd.oci.empty.v1+json", {})
        ),
        "image": lambda shelf: shelf.image(
            tar_files({f"models/{path}": each for path, each in FILES.items()})
        ),
    }


@pytest.mark.parametrize("kind", kinds())
def test_each_kind_is_pulled_and_locked(project: Project, shelf: Shelf, kind: str) -> None:
    kinds()[kind](shelf)
    ran = pull(project, shelf)
    assert ran.status == 0, ran
    below = "m/" if kind == "oras of a folder" else ""
    assert files_of(project) == {below + path: Digest.of(content) for path, content in FILES.items()}
    (model,) = Lock.parse(project.lock.read_bytes()).models.values()
    assert model.facts["kind"] == kind.split(" ", maxsplit=1)[0]
    assert model.owner == ("oci", "unavailable", f"{shelf.server.name}/team")
    forget(project, FILES["config.json"])
    shelf.server.requests.clear()
    again = project.run("pull", "--locked")
    assert again.status == 0, again
    assert "verified" in again.out
    assert shelf.server.asked("GET", "/manifests/v1") == []


# ── who is asked


@pytest.mark.parametrize("allowed", ["{}/tea", "{}/team/mode", "{}/model", "other.example/team"])
def test_a_repository_that_the_settings_do_not_name(project: Project, shelf: Shelf, allowed: str) -> None:
    shelf.modelpack()
    settle(project, shelf.server, sources={"oci": [allowed.format(shelf.server.name)]})
    refused(project, shelf, "source_not_allowed")
    assert shelf.server.requests == []


def test_a_registry_without_tls_that_the_settings_do_not_name_as_such(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    settle(project, shelf.server, network={})
    ran = pull(project, shelf)
    assert (ran.status, "[tls_failed]" in ran.err) == (3, True), ran
    assert shelf.server.requests == []
    project.assert_untouched()


def test_a_first_pull_without_tls_confirms_nothing(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    settle(project, shelf.server, pull={})
    refused(project, shelf, "origin_unconfirmed")
    ran = project.run("pull", f"{shelf.source}@{pushed.digest}")
    assert ran.status == 0, ran  # the person vouches for the digest


def test_blobs_that_are_sent_for_elsewhere(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    with RegistryServer() as elsewhere:
        shelf.server.switches.blob_redirect = f"{elsewhere.url}/v2/team/model/blobs/"
        refused(project, shelf, "redirect_refused")
        assert elsewhere.requests == []


def test_a_repository_that_moved_is_another_source(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    other = Shelf(shelf.server, "team/other")
    other.modelpack()
    assert pull(project, shelf).status == 0
    project.run("pull", f"{other.source}:v1", "--name", "model").denied("lock_conflict")


# ── what a tag and a digest name


def test_a_moved_tag_changes_nothing_until_an_update(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    assert pull(project, shelf).status == 0
    locked = project.lock.read_bytes()
    moved = shelf.modelpack({**FILES, "config.json": b'{"evil": 1}'})
    forget(project, FILES["model.safetensors"])
    assert "verified" in pull(project, shelf).out
    assert project.lock.read_bytes() == locked
    facts = project.run("pull", "--update", "--json", "--yes").facts["models"][0]
    assert [(change["path"], change["kind"]) for change in facts["changes"]] == [("config.json", "changed")]
    assert Lock.parse(project.lock.read_bytes()).models["model"].revision == moved.digest


def test_a_manifest_that_was_replaced_under_its_digest(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    assert pull(project, shelf).status == 0
    locked = project.lock.read_bytes()
    forget(project, FILES["model.safetensors"])
    evil = shelf.modelpack({**FILES, "config.json": b'{"evil": 1}'})
    manifests = shelf.server.content.repository(shelf.name).manifests
    manifests[pushed.digest] = manifests[evil.digest]
    pull(project, shelf).denied("digest_mismatch")
    assert project.lock.read_bytes() == locked


def test_a_locked_manifest_that_vanished(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    assert pull(project, shelf).status == 0
    shelf.modelpack({"other.json": b"{}"})
    del shelf.server.content.repository(shelf.name).manifests[pushed.digest]
    forget(project, FILES["model.safetensors"])
    ran = pull(project, shelf)
    assert (ran.status, "[remote_missing]" in ran.err) == (2, True), ran


@pytest.mark.parametrize(
    "location",
    ["m@sha256:" + "A" * 64, "m@sha256:" + "a" * 63, "m@sha256:../../x", "../m", "m:../x", "M", "u:p@h/m"],
)
def test_references_that_are_none(project: Project, shelf: Shelf, location: str) -> None:
    ran = project.run("pull", f"oci:{shelf.server.name}/{location}")
    assert (ran.status, "[source_invalid]" in ran.err) == (2, True), ran
    assert shelf.server.requests == []


@pytest.mark.parametrize(
    "digest", ["sha256:" + "A" * 64, "sha256:abc", "sha256:../../x", "sha256:" + "a" * 64 + "/../x"]
)
@pytest.mark.parametrize("where", ["layers", "config"])
def test_digests_in_a_manifest_that_are_none(project: Project, shelf: Shelf, where: str, digest: str) -> None:
    layer, config = shelf.file("a", b"a"), shelf.blob(b"{}", "application/vnd.cncf.model.config.v1+json")
    document = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {**config, "digest": digest} if where == "config" else config,
        "layers": [{**layer, "digest": digest} if where == "layers" else layer],
    }
    shelf.push_raw(json.dumps(document).encode(), "v1", OCI)
    refused(project, shelf, "digest_invalid")
    assert shelf.server.asked("GET", "/blobs/") == []


def test_an_index_that_hides_another_platform(project: Project, shelf: Shelf) -> None:
    one, two = shelf.modelpack(), shelf.modelpack({"other": b"x"})
    platform = {"os": "linux", "architecture": "amd64"}
    children = [{**one.descriptor, "platform": platform}, {**two.descriptor, "platform": platform}]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": children}
    shelf.push_raw(json.dumps(index).encode(), "v1", INDEX)
    refused(project, shelf, "platform_undecided")


def test_a_manifest_and_an_index_in_one(project: Project, shelf: Shelf) -> None:
    layers = [shelf.file("a", b"a")]
    shelf.push(layers, manifests=[])
    refused(project, shelf, "manifest_invalid")


def test_an_edited_lock_names_another_manifest(project: Project, shelf: Shelf) -> None:
    pushed, other = shelf.modelpack(), shelf.modelpack({**FILES, "config.json": b"[]"}, tag="other")
    assert pull(project, shelf).status == 0
    project.lock.write_text(project.lock.read_text().replace(pushed.digest, other.digest))
    forget(project, FILES["model.safetensors"])
    pull(project, shelf).denied("digest_mismatch")


# ── what layers hold


def evil(shelf: Shelf, content: bytes) -> None:
    """Serve ``content``'s blob with one bit of another kind."""
    shelf.lie(str(Digest.of(content)), content[:-1] + bytes([content[-1] ^ 1]))


def test_a_file_of_other_bytes_and_the_same_size(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    evil(shelf, FILES["model.safetensors"])
    ran = refused(project, shelf, "digest_mismatch")
    assert "model.safetensors" in ran.err


def test_a_file_of_another_size(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    shelf.lie(str(Digest.of(FILES["model.safetensors"])), b"short")
    refused(project, shelf, "size_mismatch")


def test_a_tar_or_config_of_other_bytes_and_the_same_size(project: Project, shelf: Shelf) -> None:
    pushed = shelf.image(tar_files({"models/x": b"x"}))
    tar = shelf.server.content.blobs[pushed.layers[0]["digest"]]
    evil(shelf, tar)
    refused(project, shelf, "digest_mismatch")
    shelf.lie(str(Digest.of(tar)), tar)
    raw = shelf.server.content.manifest(shelf.name, "v1")[2]
    evil(shelf, shelf.server.content.blobs[json.loads(raw)["config"]["digest"]])
    refused(project, shelf, "digest_mismatch")


@pytest.mark.parametrize(
    ("annotations", "code"),
    [
        ({TITLE: "../../etc/passwd"}, "path_invalid"),
        ({TITLE: "/etc/passwd"}, "path_invalid"),
        ({FILEPATH: "a/../../x", TITLE: "a/../../x"}, "path_invalid"),
        ({TITLE: "a\\..\\x"}, "path_invalid"),
        ({TITLE: "safe\u202egnp.exe"}, "path_invalid"),
        ({FILEPATH: "model.safetensors", TITLE: "model.py"}, "path_disagreement"),
    ],
)
def test_names_of_layers(project: Project, shelf: Shelf, annotations: dict[str, str], code: str) -> None:
    shelf.push([shelf.blob(b"a", RAW, annotations=annotations)])
    refused(project, shelf, code)
    assert shelf.server.asked("GET", "/blobs/") == []


@pytest.mark.parametrize(
    "names", [("a", "a"), ("Model.bin", "model.bin"), ("ﬁle", "file"), ("a", "a/b"), ("A/x", "a/y")]
)
def test_names_that_collide(project: Project, shelf: Shelf, names: tuple[str, str]) -> None:
    shelf.push([shelf.file(name, name.encode()) for name in names])
    refused(project, shelf, "path_collision")
    assert shelf.server.asked("GET", "/blobs/") == []


@pytest.mark.parametrize(
    ("count", "code"), [(10_001, "artifact_too_many_files"), (100_000, "response_too_large")]
)
def test_far_too_many_layers(project: Project, shelf: Shelf, count: int, code: str) -> None:
    layer = shelf.blob(b"a", RAW)
    shelf.push([layer] * count)
    refused(project, shelf, code)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.cncf.model.weight.v1.zip",
        "application/octet-stream",
        "application/vnd.oci.image.layer.v1.tar",
    ],
)
def test_a_layer_of_an_unknown_kind_is_not_left_out(project: Project, shelf: Shelf, media_type: str) -> None:
    shelf.push([shelf.file("a", b"a"), shelf.file("b", b"b", media_type)])
    refused(project, shelf, "layer_unknown")


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("evil.pkl", b"x" * 700)
    return made.getvalue()


DISGUISES = {
    "zip": _zip(),
    "tar": tar_files({"evil": b"x"}),
    "gzip": packed(b"x" * 900),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(600),
}


@pytest.mark.parametrize("kind", DISGUISES)
@pytest.mark.parametrize("path", ["model.safetensors", "config.json", "modeling.py"])
def test_an_archive_in_disguise(project: Project, shelf: Shelf, path: str, kind: str) -> None:
    shelf.push([shelf.file(path, DISGUISES[kind])])
    refused(project, shelf, "archive_disguised")


def test_an_archive_in_disguise_within_a_tar(project: Project, shelf: Shelf) -> None:
    shelf.image(tar_files({"models/config.json": DISGUISES["zip"]}))
    refused(project, shelf, "archive_disguised")


def test_a_zip_that_says_it_is_a_tar(project: Project, shelf: Shelf) -> None:
    shelf.push([shelf.blob(DISGUISES["zip"], "application/vnd.cncf.model.weight.v1.tar")])
    refused(project, shelf, "archive_invalid")
    shelf.push([shelf.blob(packed(tar_files({"a": b""})), "application/vnd.cncf.model.weight.v1.tar")])
    refused(project, shelf, "archive_invalid")
    shelf.push([shelf.blob(tar_files({"a": b""}), "application/vnd.cncf.model.weight.v1.tar+gzip")])
    refused(project, shelf, "archive_invalid")


SMUGGLED = extended(pax_record("size", "512")) + header(b"models/a", 3) + padded(b"abc") + END
TARS = {
    "a link": (tar_of([entry("models/a", kind=tarfile.SYMTYPE, linkname="/etc/passwd")]), "link_refused"),
    "a hard link to outside": (
        tar_of([entry("models/a", kind=tarfile.LNKTYPE, linkname="etc/shadow")]),
        "link_refused",
    ),
    "a device": (tar_of([entry("models/a", kind=tarfile.CHRTYPE)]), "file_special"),
    "a FIFO": (tar_of([entry("models/a", kind=tarfile.FIFOTYPE)]), "file_special"),
    "a path out of it": (tar_files({"models/../etc/passwd": b"x"}), "path_invalid"),
    "another path out of it": (tar_files({"etc/../models/a": b"x"}), "path_invalid"),
    "an absolute path": (tar_files({"/models/a": b"x"}), "path_invalid"),
    "a name twice": (tar_of([entry("models/a", b"1"), entry("models/a", b"2")]), "path_collision"),
    "names that collide": (tar_files({"models/a": b"1", "models/A": b"2"}), "path_collision"),
    "two sizes": (SMUGGLED, "archive_invalid"),
    "something at the end": (tar_files({"models/a": b"x"}) + b"hidden" + bytes(506), "archive_invalid"),
    "cut off": (tar_files({"models/a": bytes(9000)})[:5000], "archive_invalid"),
    "a whiteout of nothing": (tar_files({"models/.wh...": b"", "models/a": b"x"}), "archive_invalid"),
    "a file in a whiteout": (tar_files({"models/.wh.x/a": b"x"}), "archive_invalid"),
    "a whiteout with bytes": (tar_files({"models/.wh.x": b"hidden", "models/a": b"x"}), "archive_invalid"),
    "everything whited out": (tar_files({".wh.models": b""}), "artifact_empty"),
    "models is a link": (tar_of([entry("models", kind=tarfile.SYMTYPE, linkname="etc")]), "link_refused"),
    "no models": (tar_files({"model/a": b"x", "Models/a": b"x", "usr/models/a": b"x"}), "artifact_empty"),
}


@pytest.mark.parametrize("name", TARS)
def test_tars_made_to_deceive(project: Project, shelf: Shelf, name: str) -> None:
    tar, code = TARS[name]
    shelf.image(tar)
    refused(project, shelf, code)


def test_a_whiteout_cannot_bring_back_what_was_below(project: Project, shelf: Shelf) -> None:
    below = tar_files(
        {"models/config.json": b"old", "models/evil.py": b"evil", "models/sub/evil.py": b"evil"}
    )
    above = tar_files(
        {"models/.wh.evil.py": b"", "models/sub/.wh..wh..opq": b"", "models/config.json": b"{}"}
    )
    shelf.image(below, above)
    assert pull(project, shelf).status == 0
    assert files_of(project) == {"config.json": Digest.of(b"{}")}


def test_a_bomb(project: Project, shelf: Shelf) -> None:
    pushed = shelf.image(tar_files({"models/zeros.bin": bytes(70_000_000)}))
    assert pushed.layers[0]["size"] < 200_000
    refused(project, shelf, "archive_too_large")


def test_a_gzip_with_a_second_one_behind_it(project: Project, shelf: Shelf) -> None:
    raw = packed(tar_files({"models/a": b"x"})) + packed(tar_files({"models/b": b"hidden"}))
    config = {"rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar_files({"models/a": b"x"})))]}}
    shelf.push([shelf.blob(raw, f"{TAR}+gzip")], config=(IMAGE_CONFIG, config))
    refused(project, shelf, "archive_invalid")


def test_a_layer_whose_tar_is_another_than_the_config_says(project: Project, shelf: Shelf) -> None:
    layer = shelf.blob(packed(tar_files({"models/a": b"x"})), f"{TAR}+gzip")
    config = {"rootfs": {"type": "layers", "diff_ids": [str(Digest.of(b"other"))]}}
    shelf.push([layer], config=(IMAGE_CONFIG, config))
    refused(project, shelf, "digest_mismatch")


def test_a_kit_whose_layer_holds_another_part(project: Project, shelf: Shelf) -> None:
    shelf.kit([("model", "model", tar_files({"code/evil.py": b"evil"}))])
    refused(project, shelf, "path_disagreement")


def test_a_kit_that_takes_its_model_from_another_kit(project: Project, shelf: Shelf) -> None:
    kit = "application/vnd.kitops.modelkit"
    layer = shelf.blob(packed(tar_files({"a.py": b""})), f"{kit}.code.v1.tar+gzip")
    kitfile = {
        "model": {"path": "elsewhere.example/kit:latest"},
        "code": [{"path": ".", "digest": layer["digest"]}],
    }
    shelf.push([layer], config=(f"{kit}.config.v1+json", kitfile))
    refused(project, shelf, "manifest_invalid")


def test_more_tars_than_files_can_be_open(project: Project, shelf: Shelf) -> None:
    """Each would be an open file and an inflater, and an image's layers are applied one to the other."""
    tars = [
        shelf.blob(tar_files({f"{number}.json": b"{}"}), "application/vnd.cncf.model.weight.v1.tar")
        for number in range(257)
    ]
    shelf.push(tars)
    refused(project, shelf, "manifest_invalid")
    assert shelf.server.asked("GET", "/blobs/") == []


def test_names_that_would_fill_the_memory(project: Project, shelf: Shelf) -> None:
    """300,000 members with names of 64 KB each are a tar of 20 GB, and a gzip of 100 MB."""
    long_name = "/".join(["a" * 200] * 300)
    tar = extended(pax_record("path", long_name)) + header(b"a/", kind=b"5") + END
    shelf.push([shelf.blob(packed(tar), "application/vnd.cncf.model.weight.v1.tar+gzip")])
    refused(project, shelf, "path_invalid")
