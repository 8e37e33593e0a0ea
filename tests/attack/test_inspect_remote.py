"""Inspecting a model where it lies: what is fetched, what is said, and what a server can do about it."""

import json
from typing import Any

import pytest

from hub_case import NAME, HubCase, case_fixture  # noqa: F401  # the fixture is found by name
from hub_server import Exchange
from model_file import safetensors, tensor
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from web_authority import common_authority

SHARD_BYTES = 1_000_000
SHARDS = 5
LARGE_SHARDS, LARGE_SHARD_BYTES = (
    141,
    400_000,
)  # of a model with 400 thousand million parameters; the bytes are fewer
SYSTEM = b"cos\nsystem\n(Vtouch marker\ntR."


def shard(number: int, size: int = SHARD_BYTES) -> bytes:
    name = f"model.layers.{number}.weight"
    return safetensors({name: tensor("U8", [size], 0, size)}, bytes(size))


def sharded(shards: int = SHARDS, size: int = SHARD_BYTES) -> dict[str, bytes]:
    names = {number: f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)}
    index = {
        "metadata": {"total_size": size * shards},
        "weight_map": {f"model.layers.{number}.weight": name for number, name in names.items()},
    }
    files = {name: shard(number, size) for number, name in names.items()}
    return {
        **files,
        "model.safetensors.index.json": json.dumps(index).encode(),
        "config.json": b'{"model_type": "llama"}',
    }


class Case:
    """A project whose settings name the hub."""

    def __init__(self, project: Project, hub: HubCase) -> None:
        self.project = project
        self.hub = hub
        values: dict[str, Any] = {
            "version": 1,
            "sources": {"hf": ["acme"]},
            "hf": {"origin": hub.origin.url},
            "network": {"hosts": [hub.origin.cdn.host], "ca_file": str(common_authority().ca_file)},
        }
        (project.root / "weighlock.yaml").write_text(json.dumps(values))

    def inspect(self, *arguments: str) -> Ran:
        return self.project.run("inspect", f"hf:{NAME}", *arguments)

    def result(self) -> dict[str, Any]:
        ran = self.inspect("--json")
        found: dict[str, Any] = json.loads(ran.out)
        return found


@pytest.fixture(name="remote")
def remote_fixture(project: Project, case: HubCase) -> Case:
    return Case(project, case)


def test_of_a_sharded_model_only_the_headers_are_fetched_and_nothing_is_kept(remote: Case) -> None:
    commit = remote.hub.repository.commit(sharded())
    ran = remote.inspect()
    assert ran.status == 0, ran.err
    assert commit in ran.out
    assert "nothing proves the bytes" in ran.out
    found = remote.result()
    assert found["outcome"] == "clean"
    assert found["remote"]["bytes"] > SHARDS * SHARD_BYTES
    assert found["remote"]["bytesFetched"] < SHARDS * 192 * 1024
    assert found["remote"]["revision"] == commit
    remote.project.assert_untouched()


def test_a_large_model_costs_a_few_megabytes(remote: Case) -> None:
    remote.hub.repository.commit(sharded(LARGE_SHARDS, LARGE_SHARD_BYTES))
    found = remote.result()
    assert found["outcome"] == "clean"
    assert len(found["files"]) == LARGE_SHARDS + 2
    assert found["remote"]["bytesFetched"] < 4_000_000
    facts = {name for file in found["files"] for name, _ in file["facts"]}
    assert "an archive at the end" in facts


def test_a_payload_far_in_a_file_is_found(remote: Case) -> None:
    block = bytes(3_000_000)
    raw = b"\x80\x04(B" + len(block).to_bytes(4, "little") + block + b"1" + SYSTEM
    remote.hub.repository.commit({"weights.bin": raw})
    found = remote.result()
    assert found["outcome"] == "findings"
    assert {each["rule"] for file in found["files"] for each in file["findings"]} >= {
        "pickle-global-dangerous"
    }
    assert found["remote"]["bytesFetched"] < len(raw) / 10


def test_a_publisher_who_is_not_trusted_is_not_asked_for(remote: Case) -> None:
    remote.project.run("inspect", "hf:other/model").denied("source_not_allowed")


def test_a_server_without_ranges_leaves_files_unexamined(remote: Case) -> None:
    remote.hub.repository.commit({"model.safetensors": shard(1)})

    def whole(exchange: Exchange) -> None:
        exchange.ranges = False

    remote.hub.origin.alter.append(whole)
    found = remote.result()
    assert found["outcome"] == "undecided"
    assert "whole files only" in found["files"][0]["notExamined"]


def test_a_server_that_fails_for_one_file_leaves_the_others(remote: Case) -> None:
    remote.hub.repository.commit({"a.safetensors": shard(1), "b.safetensors": shard(2), "evil.pkl": SYSTEM})

    def fail(exchange: Exchange) -> None:
        if exchange.path.endswith("/a.safetensors"):
            exchange.fail(404, "gone")

    remote.hub.origin.alter.append(fail)
    found = remote.result()
    assert found["outcome"] == "findings"
    assert sum(file["notExamined"] is not None for file in found["files"]) == 1


def test_what_pip_or_a_folder_gives_is_not_inspected_where_it_lies(project: Project) -> None:
    assert project.run("inspect", "pypi:thing==1").err.count("source_invalid") == 1
    ran = project.run("inspect", "path:elsewhere")
    assert ran.status == 2
    assert "source_invalid" in ran.err
