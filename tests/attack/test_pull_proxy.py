"""Proxies, authorities and passwords of a house, as other tools find them too: ``weighlock pull`` through each."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from http_house import Answer, Asked, House, content
from hub import Hub
from proxy_house import ProxyHouse
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from web_authority import Authority

WEIGHTS = b"GGUF" + bytes(range(256)) * 100
SOURCE = f"https://files.test/tiny.gguf#sha256={hashlib.sha256(WEIGHTS).hexdigest()}"
PROXY_LOGIN = "Basic dTpwOk90aGVyJHczY3JldA=="  # u and p:Other$w3cret


def settle(project: Project, **more: Any) -> None:
    document = {"version": 1, "sources": {"hf": ["acme"], "https": ["files.test", "127.0.0.1"]}, **more}
    (project.root / "weighlock.yaml").write_text(json.dumps(document))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return Authority(tmp_path)


@pytest.fixture
def files(authority: Authority) -> Iterator[House]:
    """Yield a server that is called files.test, by its certificate and by the proxy alone."""
    with House(tls=authority, names=["files.test"]) as house:
        house.put("/tiny.gguf", WEIGHTS)
        yield house


def served(project: Project, source: str = SOURCE) -> Ran:
    ran = project.run("pull", source)
    assert ran.status == 0, ran
    assert len(project.names()) == 1
    return ran


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "settings"])
def test_a_web_server_behind_a_proxy_with_an_authority_of_the_house(
    project: Project, files: House, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    settle(project, network={"ca_file": str(authority.ca_file)} if variable == "settings" else {})
    with ProxyHouse({"files.test": files.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.proxy_url())
        ran = project.run("pull", SOURCE)
        if variable != "settings":
            assert (ran.status, "[tls_failed]" in ran.err) == (3, True), ran
            monkeypatch.setenv(variable, str(authority.ca_file))
            served(project)
        assert {(each.method, each.target) for each in proxy.requests} == {("CONNECT", "files.test:443")}
    assert len(project.names()) == 1


def test_a_proxys_password_is_the_proxys(
    project: Project, files: House, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(project, network={"ca_file": str(authority.ca_file)})
    with ProxyHouse({"files.test": files.port}, authorization=PROXY_LOGIN) as proxy:
        monkeypatch.setenv("https_proxy", proxy.proxy_url())
        ran = project.run("pull", SOURCE)
        assert (ran.status, "[access_refused]" in ran.err) == (3, True), ran
        monkeypatch.setenv("https_proxy", proxy.proxy_url("u:p%3AOther$w3cret"))
        ran = served(project)
    assert "w3cret" not in ran.out + ran.err + project.lock.read_text()
    assert all("proxy-authorization" not in each.headers for each in files.requests)


def test_a_hub_behind_a_proxy(
    project: Project, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    del authority  # its fixture clears the environment
    for name in ("HF_TOKEN", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    hub = Hub(tls=False).start()
    try:
        hub.create("acme/tiny").commit({"config.json": b"{}"})
        settle(
            project,
            hf={"origin": "http://hub.test"},
            network={"plain_http": ["hub.test"]},
            pull={"unconfirmed": True},
        )
        with ProxyHouse({"hub.test": int(hub.server.host.rpartition(":")[2])}) as proxy:
            monkeypatch.setenv("http_proxy", proxy.proxy_url())
            served(project, "hf:acme/tiny")
            assert {each.target.split("/")[2] for each in proxy.requests} == {"hub.test"}
    finally:
        hub.stop()


def test_a_private_server_and_its_line_in_netrc(
    project: Project, authority: Authority, tmp_path: Path
) -> None:
    give = content(WEIGHTS)

    def guarded(asked: Asked) -> Answer:
        return give(asked) if asked.headers.get("authorization") == "Basic bWU6czNjcmV0" else Answer(401)

    with House(tls=authority) as house:
        house.put("/tiny.gguf", guarded)
        settle(project, sources={"https": [house.host]}, network={"ca_file": str(authority.ca_file)})
        source = SOURCE.replace("files.test", house.host)
        ran = project.run("pull", source)
        assert (ran.status, "[access_refused]" in ran.err) == (3, True), ran
        netrc = tmp_path / ".netrc"
        netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
        netrc.chmod(0o644)
        ran = project.run("pull", source)
        assert (ran.status, "[netrc_invalid]" in ran.err, "s3cret" in ran.err) == (2, True, False), ran
        netrc.chmod(0o600)
        ran = served(project, source)
        assert "s3cret" not in ran.out + ran.err + project.lock.read_text()
