"""A model that Weighlock exports as a hub's cache is found by the real client without a network."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from hub import Hub
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name

pytestmark = pytest.mark.system

NAME = "acme/tiny"
FILES = {
    "config.json": b'{"model_type": "tiny"}',
    "a folder/text.txt": b"text",
    "weights/model.safetensors": bytes(range(256)) * 5000,
}
FIND = """
import sys
from huggingface_hub import hf_hub_download, snapshot_download
print(snapshot_download(sys.argv[1], revision=sys.argv[2], local_files_only=sys.argv[3] == "local"))
print(hf_hub_download(sys.argv[1], "config.json", revision=sys.argv[2], local_files_only=sys.argv[3] == "local"))
"""
SCAN = """
import json, sys
from huggingface_hub import scan_cache_dir
report = scan_cache_dir(sys.argv[1])
assert not report.warnings, report.warnings
print(json.dumps([[repo.repo_id, sorted(revision.commit_hash for revision in repo.revisions), sorted(repo.refs)]
                  for repo in report.repos]))
"""
Client: TypeAlias = Callable[..., list[str]]


@pytest.fixture(name="hub")
def hub_fixture(project: Project) -> Iterator[Hub]:
    made = Hub(tls=False).start()
    hosts = [made.server.host, made.cdn.host]
    settings = {
        "version": 1,
        "sources": {"hf": ["acme"]},
        "hf": {"origin": made.url},
        "network": {"hosts": hosts[1:], "plain_http": hosts},
        "pull": {"unconfirmed": True},
    }
    (project.root / "weighlock.yaml").write_text(json.dumps(settings))
    yield made
    made.stop()


@pytest.fixture(name="client")
def client_fixture(interop_python: Path, tmp_path: Path) -> Client:
    """Return a call of the real client; by default nothing answers it."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    own = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HOME": str(tmp_path / "home")}

    def call(program: str, *arguments: str, cache: Path, hub: str | None = None) -> list[str]:
        asked = {"HF_ENDPOINT": hub} if hub else {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:1"}
        done = subprocess.run(
            [interop_python, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**kept, **own, **asked, "HF_HUB_CACHE": str(cache)},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip().splitlines()

    return call


def layout(folder: Path) -> dict[str, str | bytes]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("revision", ["main", "v1.0", "commit"])
def test_the_real_client_finds_it_offline(project: Project, hub: Hub, client: Client, revision: str) -> None:
    repository = hub.create(NAME)
    commit = repository.commit(FILES)
    repository.tags["v1.0"] = commit
    revision = commit if revision == "commit" else revision
    ran = project.run("pull", f"hf:{NAME}@{revision}")
    assert ran.status == 0, ran
    cache = project.root / "cache"
    ran = project.run("export", "tiny", str(cache), "--as", "hf-cache")
    assert ran.status == 0, ran
    folder, config = map(Path, client(FIND, NAME, revision, "local", cache=cache))
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES
    assert config == folder / "config.json"
    assert json.loads(client(SCAN, str(cache), cache=cache)[0]) == [
        [NAME, [commit], [] if revision == commit else [revision]]
    ]


def test_it_is_the_layout_that_the_real_client_makes(project: Project, hub: Hub, client: Client) -> None:
    hub.create(NAME).commit(FILES)
    theirs, ours = project.root / "theirs", project.root / "ours"
    client(FIND, NAME, "main", "online", cache=theirs, hub=hub.url)
    assert project.run("pull", f"hf:{NAME}").status == 0
    assert project.run("export", "tiny", str(ours), "--as", "hf-cache").status == 0
    home = "models--acme--tiny"
    made = layout(theirs / home)
    assert layout(ours / home) == {path: made[path] for path in made if not path.startswith("trees/")}
    # the client also keeps the listing of the whole repository, which a pull of some of its files does not have;
    # into the client's own cache nothing is added, and from ours the client fetches nothing
    before = layout(theirs)
    assert project.run("export", "tiny", str(theirs), "--as", "hf-cache").status == 0
    assert layout(theirs) == before
    hub.cdn.exchanges.clear()
    client(FIND, NAME, "main", "online", cache=ours, hub=hub.url)
    assert hub.cdn.exchanges == []
