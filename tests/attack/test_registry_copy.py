"""push, fetch and copy through the command line: what they carry, and registries that lie to them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from oci_artifact import EMPTY, FILEPATH, INDEX, OCI, PACK, RAW, TITLE, Shelf
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from registry_access import write_docker_config
from registry_server import RegistryServer
from weighlock.core.digest import Digest
from weighlock.store.layout import LayoutStore

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ABSENT = str(Digest.of(b"absent"))


@pytest.fixture(name="server")
def server_fixture() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.fixture
def shelf(server: RegistryServer, project: Project) -> Shelf:
    """Return a repository that the project's settings trust, and may write."""
    settle(project, server)
    return Shelf(server, "team/model")


def settle(project: Project, server: RegistryServer, **more: Any) -> None:
    document = {
        "version": 1,
        "sources": {"oci": [f"{server.name}/team"], "path": ["models"]},
        "push": {"oci": [f"{server.name}/team"]},
        "network": {"plain_http": [server.name]},
        **more,
    }
    (project.root / "weighlock.yaml").write_text(json.dumps(document))


def evidence(shelf: Shelf, subject: dict[str, Any], content: bytes = b"{}") -> dict[str, Any]:
    """Push a referrer as oras does: without a tag, the empty config embedded."""
    config = shelf.blob(b"{}", EMPTY, data="e30=")
    fields = {"artifactType": BUNDLE, "config": config, "subject": subject}
    layers = [shelf.blob(content, BUNDLE)]
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI, "layers": layers, **fields}).encode()
    made = shelf.push_raw(raw, "temporary", OCI)
    del shelf.server.content.repository(shelf.name).tags["temporary"]
    return {**made, "artifactType": BUNDLE}


def fallback_index(shelf: Shelf, subject: str, entries: list[dict[str, Any]]) -> None:
    raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    shelf.push_raw(raw, subject.replace(":", "-"), INDEX)


def fetch(project: Project, shelf: Shelf, *more: str, at: str = ":v1") -> Ran:
    return project.run("fetch", f"{shelf.source}{at}", *more)


def refused(project: Project, shelf: Shelf, code: str, *more: str, status: int = 1) -> Ran:
    """Assert that a fetch ends with ``code``, and that nothing of it got a name."""
    ran = fetch(project, shelf, *more)
    assert (f"[{code}]" in ran.err, ran.status) == (True, status), ran
    assert project.names() == {}
    with LayoutStore.open(project.store_folder) as store:
        assert store.entries() == []
    return ran


# --- what is carried ---


def test_a_model_comes_with_its_evidence_and_goes_on(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    about = evidence(shelf, pushed.descriptor)
    evidence(shelf, about, b"about that")
    facts = fetch(project, shelf, "--json").facts
    assert (facts["digest"], facts["manifests"], facts["referrers"]) == (pushed.digest, 3, 2)
    sent = facts["blobs"]["sent"]
    assert sent["blobs"] == 4  # two files, what is {} (four things), and a bundle
    assert project.names() == {"model": pushed.digest}
    again = fetch(project, shelf, "--name", "again", "--json").facts
    assert again["blobs"] == {
        "sent": {"blobs": 0, "size": 0},
        "mounted": {"blobs": 0, "size": 0},
        "present": sent,
    }
    assert project.run("push", "model", f"oci:{shelf.server.name}/team/copy:v1").status == 0
    copied = shelf.server.content.repository("team/copy")
    assert copied.tags == {"v1": pushed.digest}
    assert set(copied.manifests) == set(shelf.server.content.repository(shelf.name).manifests)


def test_referrers_can_be_left_out(project: Project, shelf: Shelf) -> None:
    evidence(shelf, shelf.modelpack().descriptor)
    assert fetch(project, shelf, "--no-referrers", "--json").facts["manifests"] == 1


def test_a_push_where_there_is_no_referrers_api_is_found_by_others(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    about = evidence(shelf, pushed.descriptor)
    fetch(project, shelf)
    shelf.server.switches.referrers_api = False
    assert project.run("push", "model", f"oci:{shelf.server.name}/team/copy:v1").status == 0
    tag = pushed.digest.replace(":", "-")
    _, _, raw = shelf.server.content.manifest("team/copy", tag)
    assert [each["digest"] for each in json.loads(raw)["manifests"]] == [about["digest"]]


def test_a_dry_run_sends_and_writes_nothing(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    told = fetch(project, shelf, "--dry-run").out
    assert pushed.digest in told
    assert "would be copied" in told
    assert "to copy 3, " in told
    assert project.names() == {}
    fetch(project, shelf)
    before = len(shelf.server.requests)
    assert project.run("push", "model", f"oci:{shelf.server.name}/team/copy:v1", "--dry-run").status == 0
    assert {each.method for each in shelf.server.requests[before:]} <= {"GET", "HEAD"}


def test_a_push_without_a_tag_says_by_what_it_is_fetched(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    fetch(project, shelf)
    pushed = project.run("push", "model", f"oci:{shelf.server.name}/team/copy", "--json").facts
    assert pushed["to"] == f"oci:{shelf.server.name}/team/copy@{pushed['digest']}"
    assert project.run("fetch", pushed["to"], "--name", "back").status == 0


def test_a_copy_within_a_registry_moves_no_bytes(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    ran = project.run("copy", f"{shelf.source}:v1", f"oci:{shelf.server.name}/team/copy:v2")
    assert "mounted 3" in ran.out
    assert shelf.server.content.repository("team/copy").tags == {"v2": pushed.digest}
    assert shelf.server.asked("PUT", "/blobs/") == []


def test_a_copy_between_names_of_one_environment(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    fetch(project, shelf)
    assert project.run("copy", "model", "experimentation:other").status == 0
    assert project.names() == {"model": pushed.digest, "other": pushed.digest}


def children(shelf: Shelf) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    listed = []
    for number, platform in enumerate(
        ({"architecture": "amd64"}, {"architecture": "arm64", "variant": "v8"})
    ):
        pushed = shelf.modelpack({"a": b"%d" % number}, tag=f"child{number}")
        listed.append({**pushed.descriptor, "platform": {"os": "linux", **platform}})
    raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    return shelf.push_raw(raw, "v1", INDEX), listed


def test_an_index_comes_with_all_its_platforms(project: Project, shelf: Shelf) -> None:
    index, listed = children(shelf)
    evidence(shelf, {key: listed[1][key] for key in ("mediaType", "digest", "size")})
    facts = fetch(project, shelf, "--json").facts
    assert (facts["digest"], facts["manifests"], facts["referrers"]) == (index["digest"], 4, 1)


@pytest.mark.parametrize("platform", ["linux/arm64", "linux/arm64/v8"])
def test_one_platform_of_an_index(project: Project, shelf: Shelf, platform: str) -> None:
    _, listed = children(shelf)
    assert fetch(project, shelf, "--platform", platform, "--json").facts["digest"] == listed[1]["digest"]


@pytest.mark.parametrize("platform", ["linux/s390x", "linux", "linux/arm"])
def test_a_platform_that_is_not_there(project: Project, shelf: Shelf, platform: str) -> None:
    children(shelf)
    ran = refused(project, shelf, "platform_unknown", "--platform", platform, status=2)
    if platform != "linux":
        assert "linux/amd64, linux/arm64/v8" in ran.err


# --- what the settings and the house do not allow ---


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("fetch", "oci:{server}/other/model:v1"), "source_not_allowed"),
        (("push", "model", "oci:{server}/other/model:v1"), "push_not_allowed"),
        (("push", "model", "oci:{server}/teams:v1"), "push_not_allowed"),
        (("copy", "model", "production:model"), "promotion_required"),
        (("copy", "oci:{server}/team/model:v1", "production:model"), "promotion_required"),
        (("push", "model", "oci:{server}/team/house/production:v1"), "promotion_required"),
        (("copy", "model", "oci:{server}/team/house/production"), "promotion_required"),
    ],
)
def test_what_is_not_allowed(project: Project, shelf: Shelf, arguments: tuple[str, ...], code: str) -> None:
    shelf.modelpack()
    fetch(project, shelf)
    repository = f"{shelf.server.name}/team/house/production"
    settle(project, shelf.server, environments={"production": {"repository": repository}})
    before = len(shelf.server.requests)
    ran = project.run(*(each.format(server=shelf.server.name) for each in arguments)).denied(code)
    assert "hint:" in ran.err
    assert len(shelf.server.requests) == before


def test_a_repository_whose_name_is_no_name(project: Project, shelf: Shelf) -> None:
    Shelf(shelf.server, "team/abcdefabcdef").modelpack()
    ran = project.run("fetch", f"oci:{shelf.server.name}/team/abcdefabcdef:v1")
    assert (ran.status, "--name" in ran.err) == (2, True)


def test_a_registry_that_is_an_environment(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    repository = f"{shelf.server.name}/team/house"
    settle(project, shelf.server, environments={"experimentation": {"repository": repository}})
    for target, name in (("experimentation:team/m@1", "team__m_.1"), (f"oci:{repository}:v__2", "v__2")):
        assert project.run("copy", f"{shelf.source}:v1", target).status == 0
        assert shelf.server.content.repository("team/house").tags[name] == pushed.digest
    ran = project.run("copy", f"{shelf.source}:v1", f"oci:{repository}:a...b")
    assert (ran.status, "[name_invalid]" in ran.err) == (2, True)
    assert project.run("copy", f"oci:{repository}:v__2", f"oci:{shelf.server.name}/team/out:v1").status == 0
    listed = json.loads(project.run("ls", "--json").out)["artifacts"]
    assert [each["names"] for each in listed] == [["team/m@1", "v/2"]]


def test_what_is_no_place(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    for arguments in (
        ("fetch", "model"),
        ("push", "model", "experimentation:x"),
        ("copy", f"{shelf.source}:v1", "../x"),
        ("copy", f"{shelf.source}:v1", ABSENT),
    ):
        ran = project.run(*arguments)
        assert (ran.status, "[name_invalid]" in ran.err) == (2, True), ran
    for place, tag in ((f"{shelf.source}:none", "none"), (shelf.source, "latest")):
        ran = project.run("fetch", place)
        assert (ran.status, "[artifact_unknown]" in ran.err) == (2, True), ran
        assert f"{shelf.source} has no tag '{tag}'" in ran.err
    project.run("fetch", f"oci:{shelf.server.name}/team/model@sha256:../../x").denied("reference_invalid")


# --- names that had something else ---


def test_a_tag_that_moves_is_told(project: Project, shelf: Shelf) -> None:
    first, second = shelf.modelpack(), shelf.modelpack({"b": b"b"}, tag="v2")
    fetch(project, shelf)
    target = f"oci:{shelf.server.name}/team/copy:v1"
    facts = project.run("push", "model", target, "--json").facts
    assert (facts["name"], facts["moved_from"]) == ("v1", None)
    assert project.run("push", "model", target, "--json").facts["moved_from"] is None
    fetch(project, shelf, "--name", "other", at=":v2")
    assert (
        f"name       v1 would be moved, from {first.digest}"
        in project.run("push", "other", target, "--dry-run").out
    )
    assert f"name       v1 was {first.digest}" in project.run("push", "other", target).out
    assert shelf.server.content.repository("team/copy").tags == {"v1": second.digest}
    assert project.run("copy", "model", target, "--json").facts["moved_from"] == second.digest


def test_a_name_in_the_store_that_moves_is_told(project: Project, shelf: Shelf) -> None:
    first = shelf.modelpack()
    shelf.modelpack({"b": b"b"}, tag="v2")
    fetch(project, shelf)
    assert fetch(project, shelf, "--json", at=":v2").facts["moved_from"] == first.digest


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_a_name_that_is_locked_stays(project: Project, shelf: Shelf, dry_run: tuple[str, ...]) -> None:
    shelf.modelpack()
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x")
    assert project.run("pull", "path:models/m", "--name", "tiny").status == 0
    before = project.names()
    ran = fetch(project, shelf, "--name", "tiny", *dry_run).denied("name_taken")
    assert "--name" in ran.err
    assert before["tiny"] in ran.err
    project.run("copy", f"{shelf.source}:v1", "experimentation:tiny", *dry_run).denied("name_taken")
    assert project.names() == before
    assert fetch(project, shelf, "--name", "free").status == 0
    project.run("copy", "free", "tiny", *dry_run).denied("name_taken")
    assert project.run("copy", before["tiny"], "tiny").status == 0, "the locked bytes may have it"


def test_a_locked_name_in_a_repository_stays(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    repository = f"{shelf.server.name}/team/house"
    settle(project, shelf.server, environments={"experimentation": {"repository": repository}})
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x")
    assert project.run("pull", "path:models/m", "--name", "tiny").status == 0
    before = dict(shelf.server.content.repository("team/house").tags)
    for target in ("experimentation:tiny", f"oci:{repository}:tiny"):
        project.run("copy", f"{shelf.source}:v1", target).denied("name_taken")
    assert shelf.server.content.repository("team/house").tags == before


def test_hints_that_lead_on(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    LayoutStore.create(project.root / ".weighlock" / "production").close()
    for place, hint in (
        ("production:nope", "`weighlock ls -e production` lists"),
        ("nope", "`weighlock ls` lists"),
    ):
        ran = project.run("push", place, f"oci:{shelf.server.name}/team/copy:v1")
        assert (ran.status, "[artifact_unknown]" in ran.err, hint in ran.err) == (2, True, True), ran
    ran = fetch(project, shelf, at=f"@{ABSENT}")
    assert (ran.status, "[artifact_unknown]" in ran.err, "fsck" in ran.err) == (2, True, False), ran
    assert f"{shelf.source} has no {ABSENT}" in ran.err


def test_what_broke_off_goes_on(project: Project, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.transport.timing.pause", lambda _: None)
    shelf.modelpack()
    fetch(project, shelf)
    target = f"oci:{shelf.server.name}/team/copy:v1"
    shelf.server.answer("PUT", "/manifests/", 503, times=5)  # as often as it is tried
    ran = project.run("push", "model", target)
    assert (ran.status, "[server_failed]" in ran.err) == (3, True), ran
    assert "run the same command again: finished files are not sent again" in ran.err
    facts = project.run("push", "model", target, "--json").facts
    assert (facts["blobs"]["sent"]["blobs"], facts["blobs"]["present"]["blobs"]) == (0, 3)
    shelf.server.answer("PUT", "/manifests/", 503, times=5)
    assert "run the same" not in project.run("push", "model", target, "--quiet").err


def test_the_summary_says_how_long_it_took(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    told = fetch(project, shelf).out
    assert re.search(r"\n  time       [\d.]+ s\n", told), told  # too little for a rate
    assert isinstance(fetch(project, shelf, "--json").facts["seconds"], float)
    assert "  time " not in fetch(project, shelf, "--dry-run").out


# --- registries that lie ---


def test_another_manifest_under_a_digest(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    other = shelf.modelpack({"b": b"b"}, tag="other")
    repository = shelf.server.content.repository(shelf.name)
    repository.manifests[pushed.digest] = repository.manifests[other.digest]
    ran = fetch(project, shelf, at=f"@{pushed.digest}")
    assert "[digest_mismatch]" in ran.err
    assert project.names() == {}


def test_a_tag_that_moves_while_it_is_copied(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    other = shelf.modelpack({"b": b"b"}, tag="other")
    tags = shelf.server.content.repository(shelf.name).tags
    shelf.server.before("GET", "/blobs/", lambda: tags.update(v1=other.digest))
    assert fetch(project, shelf, "--json").facts["digest"] == pushed.digest
    assert project.names() == {"model": pushed.digest}


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"weightz", "digest_mismatch"), (b"weigh", "size_mismatch"), (b"weights!", "size_mismatch")],
)
def test_other_bytes_for_a_blob(project: Project, shelf: Shelf, content: bytes, code: str) -> None:
    pushed = shelf.modelpack({"a.bin": b"weights", "b.bin": b"others"})
    shelf.lie(pushed.layers[0]["digest"], content)
    refused(project, shelf, code)


def test_a_layer_that_lies_about_its_size(project: Project, shelf: Shelf) -> None:
    layer = shelf.file("a.bin", b"weights")
    shelf.push([{**layer, "size": 5}], artifactType=PACK)
    refused(project, shelf, "size_mismatch")


def test_other_bytes_for_evidence(project: Project, shelf: Shelf) -> None:
    about = evidence(shelf, shelf.modelpack().descriptor, b'{"revoked": true}')
    payload = json.loads(shelf.server.content.manifest(shelf.name, about["digest"])[2])["layers"][0]
    shelf.lie(payload["digest"], b'{"revoked":false}')
    refused(project, shelf, "digest_mismatch")


def test_evidence_that_is_listed_and_not_given(project: Project, shelf: Shelf) -> None:
    about = evidence(shelf, shelf.modelpack().descriptor)
    shelf.server.answer("GET", f"/manifests/{about['digest']}", 404)
    refused(project, shelf, "blob_missing")
    assert fetch(project, shelf, "--json").facts["referrers"] == 1  # now it is given


def test_a_manifest_that_is_missing_and_then_there(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    shelf.server.answer("GET", "/manifests/v1", 404)
    refused(project, shelf, "artifact_unknown", status=2)
    assert fetch(project, shelf, "--json").facts["digest"] == pushed.digest


@pytest.mark.parametrize("list_answered", ["/referrers/", "/manifests/sha256-"])
def test_a_list_of_referrers_that_is_missing_and_then_there(
    project: Project, shelf: Shelf, list_answered: str
) -> None:
    """No answer is remembered, and one list that is missing hides nothing that the other has."""
    pushed = shelf.modelpack()
    about = evidence(shelf, pushed.descriptor)
    if list_answered == "/referrers/":
        fallback_index(shelf, pushed.digest, [about])
    shelf.server.answer("GET", list_answered, 404)
    assert fetch(project, shelf, "--json").facts["referrers"] == 1
    late = evidence(shelf, pushed.descriptor, b"late")
    shelf.server.answer("GET", "/referrers/", 404)
    fetch(project, shelf)
    assert fetch(project, shelf, "--json").facts["referrers"] == 2
    with LayoutStore.open(project.store_folder) as store:
        found = {str(each.digest) for each in store.referrers(Digest.parse(pushed.digest))}
    assert found == {about["digest"], late["digest"]}


def test_a_list_of_referrers_that_fails_is_not_an_empty_one(project: Project, shelf: Shelf) -> None:
    evidence(shelf, shelf.modelpack().descriptor)
    shelf.server.answer("GET", "/referrers/", 403)
    refused(project, shelf, "access_refused", status=3)


def test_a_list_of_referrers_that_nobody_can_read(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    shelf.server.answer("GET", "/referrers/", 200, body=b"<html>")
    refused(project, shelf, "json_invalid")


def test_evidence_about_something_else(project: Project, shelf: Shelf) -> None:
    pushed = shelf.modelpack()
    other = evidence(shelf, shelf.modelpack({"b": b"b"}, tag="other").descriptor)
    fallback_index(shelf, pushed.digest, [other])
    refused(project, shelf, "index_damaged")


def test_two_names_for_one_file(project: Project, shelf: Shelf) -> None:
    layer = shelf.blob(b"weights", RAW, annotations={TITLE: "model.safetensors", FILEPATH: "model.pkl"})
    shelf.push([layer], artifactType=PACK)
    refused(project, shelf, "path_disagreement")


WRONG_DIGESTS = [
    "sha256:../../x",
    "sha256:" + "A" * 64,
    "sha256:" + "a" * 63,
    "sha256:" + "a" * 65,
    "md5:" + "a" * 32,
    "x",
]


@pytest.mark.parametrize("wrong", WRONG_DIGESTS)
@pytest.mark.parametrize("where", ["layer", "child", "subject", "fallback"])
def test_what_is_no_digest(project: Project, shelf: Shelf, wrong: str, where: str) -> None:
    pushed = shelf.modelpack()
    entry = {**pushed.descriptor, "digest": wrong}
    if where == "layer":
        shelf.push([{**shelf.file("a.bin", b"a"), "digest": wrong}], artifactType=PACK)
    elif where == "child":
        raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
        shelf.push_raw(raw, "v1", INDEX)
    elif where == "subject":
        shelf.push(pushed.layers, artifactType=PACK, subject=entry)
    else:
        fallback_index(shelf, pushed.digest, [entry])
    refused(project, shelf, "digest_invalid")


def test_an_index_of_a_hundred_thousand(project: Project, shelf: Shelf) -> None:
    descriptor = shelf.modelpack().descriptor
    raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor] * 100_000}).encode()
    shelf.push_raw(raw, "v1", INDEX)
    refused(project, shelf, "response_too_large")


def test_an_index_of_a_thousand_and_one(project: Project, shelf: Shelf) -> None:
    descriptor = shelf.modelpack().descriptor
    raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor] * 1001}).encode()
    shelf.push_raw(raw, "v1", INDEX)
    refused(project, shelf, "manifest_invalid")


def test_indexes_in_indexes(project: Project, shelf: Shelf) -> None:
    descriptor = shelf.modelpack().descriptor
    for _ in range(12):
        raw = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]}).encode()
        descriptor = shelf.push_raw(raw, "v1", INDEX)
    refused(project, shelf, "copy_too_large")


def test_a_child_of_another_size(project: Project, shelf: Shelf) -> None:
    descriptor = shelf.modelpack().descriptor
    listed = [{**descriptor, "size": descriptor["size"] + 1}]
    shelf.push_raw(
        json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode(), "v1", INDEX
    )
    ran = fetch(project, shelf)
    assert "[child_missing]" in ran.err
    assert project.names() == {}


def test_a_push_to_a_registry_that_says_it_has_what_it_has_not(project: Project, shelf: Shelf) -> None:
    shelf.modelpack()
    fetch(project, shelf)
    shelf.server.answer("HEAD", "/v2/team/copy/blobs/", 200, body=b"xx", times=100)
    ran = project.run("push", "model", f"oci:{shelf.server.name}/team/copy:v1")
    assert ran.status == 1
    assert "[size_mismatch]" in ran.err
    assert shelf.server.content.repository("team/copy").tags == {}


def test_a_push_over_a_connection_that_breaks(project: Project, shelf: Shelf) -> None:
    content = bytes(range(256)) * 4096
    pushed = shelf.modelpack({"model.safetensors": content})
    fetch(project, shelf)
    half = len(content) // 2
    shelf.server.cut("PUT", f"/v2/team/copy/blobs/uploads/.*{Digest.of(content).hex}", after=half)
    ran = project.run("push", "model", f"oci:{shelf.server.name}/team/copy:v1")
    assert ran.status == 0, ran
    assert shelf.server.content.repository("team/copy").tags == {"v1": pushed.digest}
    assert [each.body_bytes[0] for each in shelf.server.asked("PATCH", "/team/copy/")] == [
        half
    ]  # the other one


def test_secrets_stay_where_they_belong(
    project: Project, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.modelpack()
    shelf.server.access.users = {"user": "s3cret-pass"}
    (project.root / "docker").mkdir()
    config = write_docker_config(shelf.server.name, "user", "s3cret-pass")
    (project.root / "docker" / "config.json").write_text(config)
    monkeypatch.setenv("DOCKER_CONFIG", str(project.root / "docker"))
    ran = fetch(project, shelf, "--json")
    assert ran.status == 0
    shelf.server.access.users = {"user": "another"}
    denied = fetch(project, shelf, "--json", "--name", "b")
    assert denied.status == 3
    assert "s3cret-pass" not in ran.out + ran.err + denied.out + denied.err


@pytest.mark.parametrize(
    ("production", "alias"),
    [
        ("registry.invalid/house/production", "registry.invalid:443/house/production"),
        ("registry.invalid:443/house/production", "Registry.invalid/house/production"),
        ("docker.io/house/production", "registry-1.docker.io/house/production"),
    ],
)
def test_production_under_another_spelling(
    project: Project, shelf: Shelf, production: str, alias: str
) -> None:
    shelf.modelpack()
    fetch(project, shelf)
    allowed = [alias.partition("/")[0]]
    settle(
        project,
        shelf.server,
        environments={"production": {"repository": production}},
        push={"oci": allowed},
    )
    for arguments in (("push", "model"), ("copy", "model")):
        project.run(*arguments, f"oci:{alias}:v1").denied("promotion_required")
