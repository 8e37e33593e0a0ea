"""The store in a real registry: the contract, and the release path, on Debian's docker-registry."""

import inspect
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract import test_store as contract
from docker_registry import docker_registry
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from registry_house import RegistryHouse, move_into
from registry_store import Repositories
from release_house import (  # noqa: F401
    NAME,
    House,
    requested_fixture,
    stages_fixture,
)
from weighlock.core.digest import Digest
from weighlock.store.interface import Store

pytestmark = pytest.mark.system

Needs = Callable[..., None]


# what every store does, this one does too; what a folder alone can do asks for another fixture
globals().update(
    {
        name: test
        for name, test in vars(contract).items()
        if name.startswith("test_") and "keeping" not in inspect.signature(test).parameters
    }
)


@pytest.fixture(name="server", scope="session")
def server_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the name of a registry that all tests share, each with repositories of its own."""
    with docker_registry(tmp_path_factory.mktemp("registry") / "registry") as name:
        yield name


@pytest.fixture
def opened(needs: Needs, request: pytest.FixtureRequest) -> Iterator[Repositories]:
    needs("docker-registry")
    made = Repositories(request.getfixturevalue("server"))
    with made.client:
        yield made


@pytest.fixture
def make(opened: Repositories, request: pytest.FixtureRequest) -> Callable[[str], Store]:
    own = Digest.of(request.node.nodeid.encode()).short
    return lambda name: opened.open(f"contract/{own}/{name}")


@pytest.fixture
def store(make: Callable[[str], Store]) -> Store:
    return make("store")


def skopeo(*arguments: object) -> str:
    command = ["skopeo", "--insecure-policy", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def settle(project: Project, server: str) -> None:
    document = {
        "version": 1,
        "sources": {"oci": [server], "path": ["models"]},
        "push": {"oci": [server]},
        "network": {"plain_http": [server]},
    }
    (project.root / "weighlock.yaml").write_text(json.dumps(document))


def test_what_we_push_skopeo_pulls(
    project: Project, opened: Repositories, needs: Needs, server: str, tmp_path: Path
) -> None:
    del opened
    needs("skopeo")
    settle(project, server)
    content = bytes(range(256)) * 20_000
    (project.root / "models" / "m" / "weights.bin").write_bytes(content)
    assert project.run("pull", "path:models/m").status == 0
    pushed = project.run("push", "m", f"oci:{server}/skopeo/model:v1", "--json").facts
    skopeo(
        "copy",
        "--preserve-digests",
        "--src-tls-verify=false",
        f"docker://{server}/skopeo/model:v1",
        f"dir:{tmp_path / 'out'}",
    )
    assert str(Digest.of((tmp_path / "out" / "manifest.json").read_bytes())) == pushed["digest"]
    assert (tmp_path / "out" / Digest.of(content).hex).read_bytes() == content


def test_what_skopeo_pushes_we_fetch(
    project: Project, opened: Repositories, needs: Needs, server: str
) -> None:
    del opened
    needs("skopeo")
    settle(project, server)
    (project.root / "models" / "m" / "weights.bin").write_bytes(b"weights")
    project.run("pull", "path:models/m")
    layout = f"oci:{project.store_folder}:m"
    skopeo(
        "copy", "--preserve-digests", "--dest-tls-verify=false", layout, f"docker://{server}/skopeo/pushed:v1"
    )
    fetched = project.run("fetch", f"oci:{server}/skopeo/pushed:v1", "--name", "back", "--json").facts
    assert fetched["blobs"]["sent"]["blobs"] == 0
    assert project.names()["back"] == project.names()["m"] == fetched["digest"]


def test_the_release_path(requested: House, opened: Repositories, server: str) -> None:
    house = RegistryHouse(requested.root, opened)
    move_into(house, server)
    house.release(house.candidate)
    house.gates_allow()
    assert house.run("fsck", "-e", "production").status == 0
    tags = opened.open("house/production").repository.tags()
    assert f"{NAME}_.1" in tags
    assert "state" in tags
    house.ok("revoke", str(house.file_digest()), "--reason", "test", "--key", house.key("ana"))
    house.gates_deny("revoked")
