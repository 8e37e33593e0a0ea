"""PyPI oras and our client, over docker-registry and over the test registry: what one pushes the other pulls."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from docker_registry import PASSWORD, USER, docker_registry
from registry_access import Access
from registry_server import RegistryServer
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.jsontext import read_object
from weighlock.core.media_type import MANIFEST_MEDIA_TYPE
from weighlock.transport.client import Client, Network
from weighlock.transport.credential import Secret
from weighlock.transport.download import Downloader
from weighlock.transport.host import Hosts
from weighlock.transport.registry.client import Endpoint, Registry
from weighlock.transport.registry.docker_config import Login

pytestmark = pytest.mark.system

NAME = "team/model"
FILES = {"weights.bin": bytes(range(256)) * 40_000, "config.json": b"{}", "README.md": b"# model"}
ORAS = """
import sys
import oras.client
verb, registry, target, user, password, *files = sys.argv[1:]
client = oras.client.OrasClient(hostname=registry, insecure=True, auth_backend="token")
if user:
    client.auth.set_basic_auth(user, password)
if verb == "push":
    client.push(target=target, files=files, disable_path_validation=True)
else:
    client.pull(target=target, outdir=files[0])
"""


class Robot:
    """Has the login of the registries that want one."""

    def find(self, registry: str, repository: str) -> Login:
        del registry, repository
        return Login(USER, Secret(PASSWORD))


@pytest.fixture(params=["docker-registry", "test registry", "test registry with tokens"])
def name(request: pytest.FixtureRequest, tmp_path: Path, needs: Callable[..., None]) -> Iterator[str]:
    with ExitStack() as stack:
        if request.param == "docker-registry":
            needs("docker-registry")
            yield stack.enter_context(docker_registry(tmp_path / "registry"))
        else:
            tokens = request.param.endswith("tokens")
            users = {USER: PASSWORD} if tokens else {}
            # oras asks for another token after a 403 only
            access = Access(users=users, tokens=tokens, insufficient_status=403)
            yield stack.enter_context(RegistryServer(access=access)).name


@pytest.fixture
def registry(name: str) -> Iterator[Registry]:
    plain = Hosts.of([name])
    with Client(Network(plain_http=plain)) as client:
        endpoint = Endpoint.of(name, realms=Hosts(), redirects=Hosts(), plain_http=plain)
        yield Registry(client, endpoint, Robot())


@pytest.fixture
def oras(
    interop_python: Path, request: pytest.FixtureRequest, name: str, tmp_path: Path
) -> Callable[..., None]:
    user, password = (USER, PASSWORD) if "tokens" in request.node.name else ("", "")
    folder = tmp_path / "oras"
    folder.mkdir()

    def call(verb: str, *files: object) -> None:
        command = [interop_python, "-c", ORAS, verb, name, f"{name}/{NAME}:v1", user, password, *files]
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False, cwd=folder, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return call


def test_oras_pulls_what_we_push(registry: Registry, oras: Callable[..., None], tmp_path: Path) -> None:
    repository = registry.repository(NAME)
    artifact, config = Artifact.build(
        [ArtifactFile(path, Digest.of(data), len(data)) for path, data in FILES.items()]
    )
    for data in (config, *FILES.values()):
        repository.upload([data])
    repository.put_manifest(artifact.manifest, MANIFEST_MEDIA_TYPE, "v1")
    oras("pull", tmp_path / "out")
    assert {path: (tmp_path / "out" / path).read_bytes() for path in FILES} == FILES


def test_we_pull_what_oras_pushes(registry: Registry, oras: Callable[..., None], tmp_path: Path) -> None:
    folder = tmp_path / "oras"
    for path, data in FILES.items():
        (folder / path).write_bytes(data)
    oras("push", *FILES)
    repository = registry.repository(NAME)
    assert repository.tags() == ["v1"]
    layers = [
        Descriptor.from_json(each) for each in read_object(repository.manifest("v1").raw, what="it")["layers"]
    ]
    titles = {each.annotations["org.opencontainers.image.title"]: each for each in layers}
    downloader = Downloader(registry.client)
    for path, data in FILES.items():
        remote = repository.blob(titles[path].digest, titles[path].size)
        assert b"".join(map(bytes, downloader.chunks(remote))) == data
