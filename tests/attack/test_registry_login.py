"""Registries that want to know who asks, through the command line: who is shown a password, and who is not."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oci_artifact import Shelf
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from registry_access import Access, write_docker_config
from registry_server import RegistryServer

USER, PASSWORD = "user", "s3cret-pass"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Club:
    """A project, and a registry that serves those only who log in; another one stands by."""

    def __init__(self, project: Project, server: RegistryServer, other: RegistryServer) -> None:
        self.project, self.server, self.other = project, server, other
        self.shelf = Shelf(server, "team/model")
        self.pushed = self.shelf.modelpack()
        self.settings()

    def settings(self, **network: Any) -> None:
        names = [self.server.name, self.other.name]
        document = {
            "version": 1,
            "sources": {"oci": [f"{self.server.name}/team"]},
            "push": {"oci": [f"{self.server.name}/team"]},
            "network": {"plain_http": names, **network},
            "pull": {"unconfirmed": True},  # these registries have no TLS
        }
        (self.project.root / "weighlock.yaml").write_text(json.dumps(document))

    def run(self, command: str, *more: str) -> Ran:
        ran = self.project.run(command, f"{self.shelf.source}:v1", *more)
        assert not [secret for secret in (PASSWORD, BASIC) if secret in ran.out + ran.err]
        for file in self.project.root.rglob("*"):
            if file.is_file():
                assert PASSWORD.encode() not in file.read_bytes()
        return ran

    def assert_other_was_told_nothing(self) -> None:
        for asked in self.other.requests:
            assert "authorization" not in {name.lower() for name in asked.headers}


@pytest.fixture
def club(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Club]:
    monkeypatch.setenv("HOME", str(tmp_path))  # where other logins would be
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    access = Access(users={USER: PASSWORD}, tokens=True)
    with RegistryServer(access=access) as server, RegistryServer() as other:
        (folder / "config.json").write_text(write_docker_config(server.name, USER, PASSWORD))
        yield Club(project, server, other)


@pytest.mark.parametrize("tokens", [True, False], ids=["token", "basic"])
@pytest.mark.parametrize("command", ["pull", "fetch"])
def test_who_logged_in_is_served(club: Club, command: str, tokens: bool) -> None:
    club.server.access.tokens = tokens
    ran = club.run(command)
    assert ran.status == 0, ran
    assert list(club.project.names()) == ["model"]
    assert bool(club.server.access.asked) == tokens


def test_who_logged_in_may_push(club: Club) -> None:
    assert club.run("fetch").status == 0
    assert club.project.run("push", "model", f"oci:{club.server.name}/team/copy:v1").status == 0
    assert club.server.content.repository("team/copy").tags == {"v1": club.pushed.digest}


def test_a_credential_helper_is_asked(club: Club, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = tmp_path / "bin" / "docker-credential-tests"
    helper.parent.mkdir()
    said = json.dumps({"ServerURL": "", "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat > '{tmp_path}/asked'\necho '{said}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"credsStore": "tests"}))
    assert club.run("pull").status == 0
    assert (tmp_path / "asked").read_text().strip() == club.server.name


@pytest.mark.parametrize("command", ["pull", "fetch"])
def test_who_did_not_log_in_is_told_what_to_do(club: Club, tmp_path: Path, command: str) -> None:
    (tmp_path / "docker" / "config.json").write_text("{}")
    ran = club.run(command)
    assert (ran.status, "[access_refused]" in ran.err, "log" in ran.err.partition("hint:")[2]) == (
        3,
        True,
        True,
    )
    club.project.assert_untouched()


@pytest.mark.parametrize("command", ["pull", "fetch"])
def test_a_token_asked_for_by_another_host(club: Club, command: str) -> None:
    club.server.access.realm = f"{club.other.url}/token"
    ran = club.run(command).denied("realm_refused")
    assert "network.hosts" in ran.err
    assert club.other.requests == []
    club.project.assert_untouched()


@pytest.mark.parametrize(
    "realm", ["http://169.254.169.254/token", "file:///etc/passwd", "http://127.0.0.1:1/x"]
)
def test_a_token_asked_for_by_an_address_inside(club: Club, realm: str) -> None:
    club.server.access.realm = realm
    club.run("pull").denied("realm_refused")
    club.project.assert_untouched()


def test_blobs_that_lie_elsewhere_are_fetched_without_the_login(club: Club) -> None:
    club.settings(hosts=[club.other.name])
    Shelf(club.other, "team/model").modelpack()
    club.server.switches.blob_redirect = f"{club.other.url}/v2/team/model/blobs/"
    ran = club.run("pull")
    assert ran.status == 0, ran
    assert club.other.requests
    club.assert_other_was_told_nothing()
