"""The test hub is one that the real huggingface_hub accepts, and both clients see the same in it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from hub import Hub as House
from hub_server import Exchange
from weighlock.source.huggingface.endpoint import parse_endpoint
from weighlock.source.huggingface.hub import Hub
from weighlock.transport.client import Client, Network
from weighlock.transport.host import Hosts

pytestmark = pytest.mark.system

NAME = "acme/tiny"
WEIGHTS = bytes(range(256)) * 5000
FILES = {
    ".gitattributes": b"*.safetensors filter=lfs\n",
    "config.json": b'{"model_type": "tiny"}',
    "a folder/ünïcode+name.txt": b"text",
    "empty.txt": b"",
    "weights/model.safetensors": WEIGHTS,
}
LIST = """
import json, sys
from huggingface_hub import HfApi
api, name = HfApi(), sys.argv[1]
refs = api.list_repo_refs(name)
info = api.model_info(name, revision="main")
print(json.dumps({
    "id": info._id, "name": info.id, "sha": info.sha, "modified": info.last_modified.isoformat(),
    "branches": {ref.name: ref.target_commit for ref in refs.branches},
    "tags": {ref.name: ref.target_commit for ref in refs.tags},
    "commits": [[each.commit_id, each.created_at.isoformat()] for each in api.list_repo_commits(name, revision=info.sha)],
    "files": sorted([each.path, each.size, each.blob_id, each.lfs.sha256 if each.lfs else None]
                    for each in api.list_repo_tree(name, revision=info.sha, recursive=True) if hasattr(each, "size")),
    "owner": [api.get_organization_overview(name.split("/")[0]).name],
}))
"""
SNAPSHOT = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download(sys.argv[1], revision=sys.argv[2]))
"""
FAILURE = """
import sys
from huggingface_hub import hf_hub_download
try:
    hf_hub_download(*sys.argv[1:3], revision=sys.argv[3])
except Exception as error:
    print(type(error).__name__)
"""
Script: TypeAlias = Callable[..., str]


@pytest.fixture(name="house")
def house_fixture() -> Iterator[House]:
    made = House(tls=False).start()
    yield made
    made.stop()


@pytest.fixture(name="script")
def script_fixture(house: House, interop_python: Path, tmp_path: Path) -> Script:
    """Return a call of the real client: the program and its arguments; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}

    def call(program: str, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        own = {"HF_ENDPOINT": house.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        done = subprocess.run(
            [interop_python, "-c", program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**kept, **own, "HF_HUB_DISABLE_TELEMETRY": "1", **(environ or {})},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    return call


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_snapshot_is_what_was_committed(house: House, script: Script) -> None:
    house.page = 3
    repository = house.create(NAME)
    first = repository.commit({"config.json": b"{}"})
    commit = repository.commit(FILES)
    repository.tags["v1"] = first
    folder = Path(script(SNAPSHOT, NAME, "main"))
    assert contents(folder) == FILES
    assert folder.name == commit
    found = repository.revisions[commit].files["weights/model.safetensors"]
    assert (folder / "weights/model.safetensors").resolve().name == found.sha256
    assert contents(Path(script(SNAPSHOT, NAME, "v1"))) == {"config.json": b"{}"}


def test_both_clients_read_the_same_facts(house: House, script: Script) -> None:
    house.page = 2
    repository = house.create(NAME)
    repository.tags["v1"] = repository.commit({"config.json": b"{}"})
    repository.commit(FILES)
    repository.commit({**FILES, "config.json": b"[]"})
    theirs: dict[str, Any] = json.loads(script(LIST, NAME))
    with Client(Network(plain_http=Hosts.of([house.server.host]))) as client:
        hub = Hub(client, parse_endpoint(house.url, what="test"), None)
        refs = hub.refs(NAME)
        model = hub.model(NAME, refs.branches["main"])
        assert model.modified_at is not None
        ours = {
            "id": model.id,
            "name": model.repository,
            "sha": model.commit,
            "modified": model.modified_at.isoformat(),
            "branches": dict(refs.branches),
            "tags": dict(refs.tags),
            "commits": [[each.id, each.made_at.isoformat()] for each in hub.commits(NAME, model.commit)],
            "files": sorted(
                [each.path, each.size, each.git_sha1, each.digest.hex if each.digest else None]
                for each in hub.entries(NAME, model.commit)
            ),
            "owner": ["acme"],
        }
    assert ours == theirs


def test_refusals_are_told_apart_by_the_real_client(house: House, script: Script) -> None:
    house.create(NAME).commit(FILES)
    house.create("acme/gated", gated="auto").commit(FILES)
    house.tokens |= {"hf_plain": set(), "hf_in": {"acme/gated"}}
    plain, accepted = {"HF_TOKEN": "hf_plain"}, {"HF_TOKEN": "hf_in"}
    nothing = script(FAILURE, "acme/nothing", "config.json", "main", environ=plain)
    assert nothing == "RepositoryNotFoundError"
    assert script(FAILURE, NAME, "config.json", "v9") == "RevisionNotFoundError"
    assert script(FAILURE, NAME, "other.json", "main") == "RemoteEntryNotFoundError"
    assert script(FAILURE, "acme/gated", "config.json", "main") == "GatedRepoError"
    assert script(FAILURE, "acme/gated", "config.json", "main", environ=plain) == "GatedRepoError"
    assert contents(Path(script(SNAPSHOT, "acme/gated", "main", environ=accepted))) == FILES
    assert all("authorization" not in each.asked for each in house.cdn.exchanges)


def test_the_real_client_takes_wrong_bytes_and_follows_a_renamed_model(house: House, script: Script) -> None:
    """What Weighlock is for: both are refused by it, see tests/attack/test_pull_hub.py."""
    house.create(NAME).commit(FILES)
    house.rename(NAME, "evil/tiny")

    def lie(exchange: Exchange) -> None:
        if exchange.server == "cdn":
            exchange.body = b"\x00" * len(exchange.body)

    house.alter.append(lie)
    folder = Path(script(SNAPSHOT, NAME, "main"))
    assert (folder / "weights/model.safetensors").read_bytes() == b"\x00" * len(WEIGHTS)
