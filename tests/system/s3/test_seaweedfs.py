"""A real S3 service, filled by other people's client."""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import missing
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.store.layout import LayoutStore

ROOT = Path(__file__).parents[3]
HOME = ROOT / ".venv" / "s3"
KEY, SECRET = "AKIAEXAMPLE", "a/secret+access/key"
PORTS = ("master", "volume", "filer", "s3")
PATIENCE_S = 60.0  # it is up within 3 s on a quiet machine
WEIGHTS = bytes(range(256)) * 4096

pytestmark = pytest.mark.system


class Service:
    """The service, as its administrator sees it."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"

    def call(self, method: str, **arguments: Any) -> dict[str, str] | None:
        """Return what botocore returns, or None if it fails."""
        if isinstance(body := arguments.get("Body"), bytes):
            arguments["Body"] = base64.b64encode(body).decode()
        done = subprocess.run(
            [
                HOME / "bin" / "python",
                Path(__file__).parent / "client.py",
                f"http://{self.host}",
                KEY,
                SECRET,
                method,
            ],
            input=json.dumps(arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return dict(json.loads(done.stdout)) if done.returncode == 0 else None

    def put(self, bucket: str, key: str, raw: bytes, **arguments: str) -> dict[str, str]:
        answer = self.call("put_object", Bucket=bucket, Key=key, Body=raw, **arguments)
        assert answer is not None
        return answer


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    done = subprocess.run(
        [Path(__file__).parent / "setup"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable},
    )
    if done.returncode:
        missing(f"tests/system/s3/setup failed: {done.stderr[-300:]}")
    folder = tmp_path_factory.mktemp("seaweedfs")
    actions = ["Admin", "Read", "Write", "List"]
    identity = {"name": "me", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": actions}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    ports = _free_ports(2 * len(PORTS))
    flags = [f"-{name}.port={port}" for name, port in zip(PORTS, ports, strict=False)]
    flags += [f"-{name}.port.grpc={port}" for name, port in zip(PORTS, ports[len(PORTS) :], strict=True)]
    flags += [
        "-s3",
        f"-s3.config={folder}/s3.json",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    flags += ["-volume.max=10", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]
    command = [
        str(HOME / "bin" / "weed"),
        "server",
        f"-dir={folder}/data",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, *flags], stdout=log, stderr=log, cwd=folder)
    try:
        made = Service(ports[PORTS.index("s3")])
        deadline = time.monotonic() + PATIENCE_S
        while made.call("create_bucket", Bucket="models") is None:
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
        assert made.call("create_bucket", Bucket="plain") is not None
        enabled = {"Status": "Enabled"}
        assert (
            made.call("put_bucket_versioning", Bucket="models", VersioningConfiguration=enabled) is not None
        )
        yield made
    finally:
        server.kill()  # it takes half a minute to end politely, and nothing of it is kept
        server.wait()
        for port in ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


@pytest.fixture
def trusting(project: Project, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project that trusts both buckets, with the keys where people have them."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        f"[house]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    )
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_PROFILE", "house")
    document = {
        "version": 1,
        "sources": {"s3": ["models", "plain"]},
        "network": {"plain_http": [service.host]},
        "pull": {"unconfirmed": True},  # it is asked without TLS
        "s3": {"endpoint": f"http://{service.host}"},
    }
    (project.root / "weighlock.yaml").write_text(json.dumps(document))
    return project


def entry(project: Project, name: str) -> dict[str, Any]:
    return dict(json.loads(project.lock.read_text())["models"][name])


def forget_store(project: Project) -> None:
    shutil.rmtree(project.store_folder)
    LayoutStore.create(project.store_folder)


def test_versions_are_locked_and_pulled_again(service: Service, trusting: Project) -> None:
    promised = base64.b64encode(hashlib.sha256(WEIGHTS).digest()).decode()
    kept = service.put("models", "tiny/sub dir/w+ä(1).bin", WEIGHTS, ChecksumSHA256=promised)
    first = service.put("models", "tiny/config.json", b'{"a": 1}')
    service.put("models", "tiny/folder/", b"")
    service.put("models", "tiny-other/config.json", b"no")
    ran = trusting.run("pull", "s3://models/tiny")
    assert ran.status == 0, ran
    files = entry(trusting, "tiny")["files"]
    assert set(files) == {"config.json", "sub dir/w+ä(1).bin"}
    assert files["sub dir/w+ä(1).bin"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert files["sub dir/w+ä(1).bin"]["version_id"] == kept["VersionId"]
    assert files["config.json"]["version_id"] == first["VersionId"]

    second = service.put("models", "tiny/config.json", b'{"a": 2}')
    forget_store(trusting)
    ran = trusting.run("pull", "--locked")
    assert ran.status == 0, ran
    assert trusting.run("pull", "s3://models/tiny", "--update", "--yes").status == 0
    assert entry(trusting, "tiny")["files"]["config.json"]["version_id"] == second["VersionId"]

    assert service.call(
        "delete_object", Bucket="models", Key="tiny/config.json", VersionId=second["VersionId"]
    )
    forget_store(trusting)
    trusting.run("pull", "--locked").denied("revision_vanished")


def test_a_bucket_without_versions_is_held_against_the_lock(service: Service, trusting: Project) -> None:
    service.put("plain", "m/config.json", b'{"a": 1}')
    ran = trusting.run("pull", "s3://plain/m/config.json", "--name", "m")
    assert ran.status == 0, ran
    forget_store(trusting)
    assert trusting.run("pull", "--locked").status == 0
    forget_store(trusting)
    service.put("plain", "m/config.json", b'{"a": 9}')
    trusting.run("pull", "--locked").denied("digest_mismatch")


def test_what_it_refuses_is_explained(trusting: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = trusting.run("pull", "s3://models/nothing-there")
    assert (ran.status, "[source_missing]" in ran.err) == (2, True), ran
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    ran = trusting.run("pull", "s3://models/tiny")
    assert (ran.status, "[access_refused]" in ran.err) == (3, True), ran
    assert "the secret access key is wrong" in ran.err
    assert "wrong-secret" not in ran.err
