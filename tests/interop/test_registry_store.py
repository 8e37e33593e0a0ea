"""Other people's clients and a registry that we fill: PyPI oras pulls what we push, and we fetch what it pushes."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from registry_server import RegistryServer
from registry_store import Repositories

pytestmark = pytest.mark.system

PULL = """
import sys
import oras.client
client = oras.client.OrasClient(hostname=sys.argv[1], insecure=True)
client.pull(target=f"{sys.argv[1]}/{sys.argv[2]}", outdir=sys.argv[3])
"""
PUSH = """
import sys
import oras.client
client = oras.client.OrasClient(hostname=sys.argv[1], insecure=True)
client.push(target=f"{sys.argv[1]}/{sys.argv[2]}", files=sys.argv[3:], disable_path_validation=True)
"""
FILES = {"config.json": b"{}", "sub/weights.bin": bytes(range(256)) * 5000}


@pytest.fixture(name="server")
def server_fixture(project: Project) -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        document = {
            "version": 1,
            "sources": {"oci": [server.name], "path": ["models"]},
            "push": {"oci": [server.name]},
            "network": {"plain_http": [server.name]},
            "environments": {"experimentation": {"repository": f"{server.name}/house/experimentation"}},
        }
        (project.root / "weighlock.yaml").write_text(json.dumps(document))
        for path, content in FILES.items():
            (project.root / "models" / "m" / path).parent.mkdir(exist_ok=True)
            (project.root / "models" / "m" / path).write_bytes(content)
        yield server


def oras(python: Path, program: str, *arguments: object, folder: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [str(each) for each in (python, "-c", program, *arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=kept, timeout=60
    )
    assert done.returncode == 0, done.stderr


def pulled(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_oras_pulls_a_name_of_an_environment(
    project: Project, server: RegistryServer, interop_python: Path, tmp_path: Path
) -> None:
    assert project.run("pull", "path:models/m", "--name", "team/m@1").status == 0
    oras(
        interop_python,
        PULL,
        server.name,
        "house/experimentation:team__m_.1",
        tmp_path / "out",
        folder=tmp_path,
    )
    assert pulled(tmp_path / "out") == FILES


def test_oras_pulls_what_we_push(
    project: Project, server: RegistryServer, interop_python: Path, tmp_path: Path
) -> None:
    project.run("pull", "path:models/m")
    assert project.run("push", "m", f"oci:{server.name}/team/m:v1").status == 0
    oras(interop_python, PULL, server.name, "team/m:v1", tmp_path / "out", folder=tmp_path)
    assert pulled(tmp_path / "out") == FILES


def test_we_fetch_what_oras_pushes(
    project: Project, server: RegistryServer, interop_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_bytes(b"a note")
    oras(interop_python, PUSH, server.name, "team/note:v1", "note.txt", folder=tmp_path)
    facts = project.run("fetch", f"oci:{server.name}/team/note:v1", "--json").facts
    opened = Repositories(server.name)
    with opened.client:
        store = opened.open("house/experimentation")
        assert str(store.resolve("note").digest) == facts["digest"]
        layers = json.loads(store.manifest_bytes(store.resolve("note").digest))["layers"]
        assert [server.content.blob("house/experimentation", each["digest"]) for each in layers] == [
            b"a note"
        ]
