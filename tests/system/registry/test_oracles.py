"""What we push others pull, what they push we pull: skopeo, against Debian's docker-registry and against our test registry."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from docker_registry import PASSWORD, USER
from registry_material import EMPTY, manifest_of, referrer_of
from system.registry.conftest import Connect, Start
from system.registry.relay import relay_to
from unit.transport.registry.test_upload import pieces
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import UndecidedError
from weighlock.core.media_type import INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE
from weighlock.transport.credential import Secret
from weighlock.transport.download import Downloader
from weighlock.transport.registry.client import DockerConfig, Registry, Repository
from weighlock.transport.registry.docker_config import Login
from weighlock.transport.registry.referrer_list import ReferrerLists

pytestmark = pytest.mark.system

NAME = "team/model"
WEIGHTS = os.urandom(20_000_000)  # more than one chunk
CONFIG = b'{"architecture": "test"}'
Needs = Callable[..., None]


def skopeo(*arguments: object) -> str:
    command = ["skopeo", "--insecure-policy", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_model(repository: Repository) -> Artifact:
    files = {"weights.bin": WEIGHTS, "config.json": CONFIG}
    artifact, config = Artifact.build(
        [ArtifactFile(path, Digest.of(data), len(data)) for path, data in files.items()]
    )
    repository.upload(pieces(WEIGHTS, 1 << 20))
    repository.upload_from(lambda start: [CONFIG[start:]], digest=Digest.of(CONFIG), size=len(CONFIG))
    repository.upload([config])
    repository.put_manifest(artifact.manifest, MANIFEST_MEDIA_TYPE, "v1")
    return artifact


def download(registry: Registry, digest: Digest, size: int) -> bytes:
    remote = registry.repository(NAME).blob(digest, size)
    return b"".join(map(bytes, Downloader(registry.client).chunks(remote)))


def log_in(folder: Path, name: str) -> DockerConfig:
    """Write a login as skopeo does, and return what reads it."""
    path = folder / "auth.json"
    skopeo("login", "--tls-verify=false", "--authfile", path, "-u", USER, "-p", PASSWORD, name)
    return DockerConfig((path,), {})


@pytest.mark.parametrize("login", [False, True])
def test_skopeo_pulls_what_we_push(
    start: Start, connect: Connect, tmp_path: Path, needs: Needs, login: bool
) -> None:
    needs("skopeo")
    name = start(login=login)
    credentials = log_in(tmp_path, name) if login else None
    artifact = put_model(connect(name, credentials).repository(NAME))
    more = ("--src-creds", f"{USER}:{PASSWORD}") if login else ()
    pulled = tmp_path / "pulled"
    skopeo(
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        *more,
        f"docker://{name}/{NAME}:v1",
        f"dir:{pulled}",
    )
    assert (pulled / "manifest.json").read_bytes() == artifact.manifest
    assert (pulled / Digest.of(WEIGHTS).hex).read_bytes() == WEIGHTS
    assert (pulled / Digest.of(CONFIG).hex).read_bytes() == CONFIG


@pytest.mark.parametrize("login", [False, True])
def test_we_pull_what_skopeo_pushes(
    start: Start, connect: Connect, tmp_path: Path, needs: Needs, login: bool
) -> None:
    needs("skopeo")
    name = start(login=login)
    credentials = log_in(tmp_path, name) if login else None
    more = ("--dest-creds", f"{USER}:{PASSWORD}") if login else ()
    layer = {"mediaType": "application/vnd.test.raw", "digest": str(Digest.of(WEIGHTS)), "size": len(WEIGHTS)}
    raw = manifest_of(layers=[layer])
    pushed = tmp_path / "pushed"
    pushed.mkdir()
    for file, data in {"version": b"Directory Transport Version: 1.1\n", "manifest.json": raw, Digest.of(EMPTY).hex: EMPTY, Digest.of(WEIGHTS).hex: WEIGHTS}.items():  # fmt: skip
        (pushed / file).write_bytes(data)
    skopeo(
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        *more,
        f"dir:{pushed}",
        f"docker://{name}/{NAME}:v7",
    )
    registry = connect(name, credentials)
    repository = registry.repository(NAME)
    assert repository.tags() == ["v7"]
    assert repository.manifest("v7").raw == raw
    assert repository.manifest(Digest.of(raw)).raw == raw
    assert repository.has_blob(Digest.of(WEIGHTS)) == len(WEIGHTS)
    assert download(registry, Digest.of(WEIGHTS), len(WEIGHTS)) == WEIGHTS


def test_a_wrong_password(start: Start, connect: Connect) -> None:
    class Wrong:
        def find(self, registry: str, repository: str) -> Login:
            del registry, repository
            return Login(USER, Secret("wrong"))

    with pytest.raises(UndecidedError) as caught:
        connect(start(login=True), Wrong()).repository(NAME).upload([b"x"])
    assert caught.value.code == "access_refused"


def test_an_index_and_its_children(start: Start, connect: Connect, needs: Needs, tmp_path: Path) -> None:
    needs("skopeo")
    name = start()
    repository = connect(name).repository(NAME)
    repository.upload([EMPTY])
    children = [manifest_of(artifactType=f"application/vnd.test.{arch}") for arch in ("amd64", "arm64")]
    listed = [
        {**repository.put_manifest(raw, MANIFEST_MEDIA_TYPE).descriptor.to_json(), "platform": {"os": "linux", "architecture": arch}}
        for raw, arch in zip(children, ("amd64", "arm64"), strict=True)
    ]  # fmt: skip
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": listed}).encode()
    repository.put_manifest(index, INDEX_MEDIA_TYPE, "v1")
    assert repository.manifest("v1") == (index, INDEX_MEDIA_TYPE, Digest.of(index))
    skopeo(
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        f"docker://{name}/{NAME}:v1",
        f"dir:{tmp_path / 'out'}",
    )
    assert (tmp_path / "out" / "manifest.json").read_bytes() == index


def test_referrers(start: Start, connect: Connect, needs: Needs) -> None:
    needs("skopeo")
    name = start()
    repository = connect(name).repository(NAME)
    repository.upload([EMPTY])
    subject = manifest_of()
    repository.put_manifest(subject, MANIFEST_MEDIA_TYPE, "v1")
    evidence = [referrer_of(subject, number) for number in range(6)]
    threads = [
        threading.Thread(target=repository.put_referrer, args=(raw, MANIFEST_MEDIA_TYPE)) for raw in evidence
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = repository.referrers(Digest.of(subject))
    assert {each.digest for each in found} == {Digest.of(raw) for raw in evidence}
    for each in found:
        reference = f"docker://{name}/{NAME}@{each.digest}"
        assert skopeo("inspect", "--raw", "--tls-verify=false", reference).encode() in evidence
    repository.delete_manifest(found[0].digest)
    ReferrerLists(repository).remove(Digest.of(subject), found[0].digest)
    left = {each.digest for each in repository.referrers(Digest.of(subject))}
    assert left == {each.digest for each in found[1:]}


def test_mounting_and_deleting(start: Start, connect: Connect) -> None:
    registry = connect(start())
    repository, other = registry.repository(NAME), registry.repository("team/other")
    blob = repository.upload([WEIGHTS])
    repository.upload([EMPTY])
    assert other.has_blob(blob.digest) is None
    assert other.mount(blob.digest, NAME)
    assert other.has_blob(blob.digest) == blob.size
    raw = manifest_of()
    repository.put_manifest(raw, MANIFEST_MEDIA_TYPE, "v1")
    repository.put_manifest(raw, MANIFEST_MEDIA_TYPE, "v2")
    deleted = repository.delete_tag("v1")
    assert ("v1" in repository.tags()) is not deleted
    repository.delete_manifest(Digest.of(raw))
    assert repository.tags() == []
    assert repository.has_manifest("v2") is None


def test_what_is_not_there(start: Start, connect: Connect) -> None:
    repository = connect(start()).repository("team/none")
    assert repository.tags() == []
    assert repository.has_manifest("v1") is None
    assert repository.has_manifest(Digest.of(b"")) is None
    assert repository.has_blob(Digest.of(b"")) is None
    assert repository.referrers(Digest.of(b"")) == []


@pytest.mark.parametrize("cuts", [[5_000_000], [100_000, 18_000_000]])
def test_an_upload_over_a_connection_that_breaks(start: Start, connect: Connect, cuts: list[int]) -> None:
    with relay_to(start()) as relay:
        relay.cuts = cuts.copy()
        repository = connect(relay.name).repository(NAME)
        repository.upload_from(lambda start: [WEIGHTS[start:]], digest=Digest.of(WEIGHTS), size=len(WEIGHTS))
        assert repository.has_blob(Digest.of(WEIGHTS)) == len(WEIGHTS)
        assert relay.cuts == []


def test_docker_registry_forgets_what_broke_off(debian: str, connect: Connect) -> None:
    """Version 2.8 cannot go on in the middle of a chunk: what can be read again is sent from the start."""
    with relay_to(debian) as relay:
        relay.cuts = [5_000_000]
        repository = connect(relay.name).repository(NAME)
        with pytest.raises(UndecidedError) as caught:
            repository.upload(pieces(WEIGHTS, 1 << 20))
        assert caught.value.code == "upload_failed"
        repository.upload(pieces(WEIGHTS, 1 << 20))
        assert repository.has_blob(Digest.of(WEIGHTS)) == len(WEIGHTS)
