"""Settings: found as git finds its repository, each value with its origin, mistakes with their line."""

from pathlib import Path

import pytest

from weighlock.cli.main import run
from weighlock.core.error import UsageError
from weighlock.settings import Settings, find_file, load_settings
from weighlock.source.permission import SCHEMES

DIGEST = "sha256:" + "a" * 64


def load(
    folder: Path, text: str | None = None, *, variables: dict[str, str] | None = None, **flags: str
) -> Settings:
    if text is not None:
        (folder / "weighlock.yaml").write_text(text, encoding="utf-8")
    return load_settings(None, variables=variables or {}, flags=flags, folder=folder)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.file is None
    assert found.lock == tmp_path / "weighlock.lock"
    assert found.trust_root is None
    assert found.environment("production").trial is False
    assert found.environment("production").key is None
    assert found.sources == dict.fromkeys(SCHEMES, ())
    assert set(found.origins.values()) == {"default"}


def test_the_file_is_found_above_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "weighlock.yaml").write_text("version: 1\nlock: x/models.lock\n", encoding="utf-8")
    found = load_settings(None, variables={}, flags={}, folder=below)
    assert find_file(below) == found.file == tmp_path / "weighlock.yaml"
    assert found.lock == tmp_path / "x/models.lock"
    assert found.origins["lock"].endswith("weighlock.yaml:2")


def test_later_wins_file_then_variable_then_flag(tmp_path: Path) -> None:
    text = "version: 1\nlock: file.lock\n"
    assert load(tmp_path, text).lock.name == "file.lock"
    variables = {"WEIGHLOCK_LOCK": "variable.lock"}
    found = load(tmp_path, text, variables=variables)
    assert (found.lock.name, found.origins["lock"]) == ("variable.lock", "$WEIGHLOCK_LOCK")
    found = load(tmp_path, text, variables=variables, lock="flag.lock")
    assert (found.lock.name, found.origins["lock"]) == ("flag.lock", "--set")


def test_every_kind_of_value_can_come_from_a_variable(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        variables={
            "WEIGHLOCK_TRUST_ROOT": DIGEST,
            "WEIGHLOCK_ENVIRONMENTS_PRODUCTION_TRIAL": "yes",
            "WEIGHLOCK_ENVIRONMENTS_PRODUCTION_STATE_DAYS": "3",
            "WEIGHLOCK_SOURCES_PYPI": "a, b",
        },
    )
    assert str(found.trust_root) == DIGEST
    assert found.environment("production").trial is True
    assert found.state_days == 3
    assert found.sources["pypi"] == ("a", "b")


def test_a_key_can_be_set_to_nothing(tmp_path: Path) -> None:
    text = "version: 1\nenvironments:\n  production:\n    key: keys/production.pem\n"
    name = "environments.production.key"
    assert load(tmp_path, text).environment("production").key is not None
    unset = load_settings(None, variables={}, flags={name: ""}, folder=tmp_path)
    assert unset.environment("production").key is None
    variables = {"WEIGHLOCK_ENVIRONMENTS_PRODUCTION_KEY": ""}
    assert load(tmp_path, text, variables=variables).environment("production").key is None
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text, lock="")  # what has a default cannot be nothing
    assert caught.value.code == "settings_invalid"


def test_memory_is_one_for_each_trust_root(tmp_path: Path) -> None:
    variables = {"XDG_STATE_HOME": str(tmp_path / "state")}
    unpinned = load(tmp_path, variables=variables).memory
    pinned = load(tmp_path, variables={**variables, "WEIGHLOCK_TRUST_ROOT": DIGEST}).memory
    assert unpinned != pinned
    assert unpinned.parent == pinned.parent == tmp_path / "state/weighlock"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("lock: x\n", 1, "version must be 1"),
        ("version: 2\n", 1, "version must be 1"),
        ("version: true\n", 1, "version must be 1"),
        ("version: 1\nlocks: x\n", 2, "did you mean lock?"),
        ("version: 1\ntrust:\n  rot: x\n", 3, "did you mean trust.root?"),
        ("version: 1\ntrust:\n  root: sha256:abc\n", 3, "not a digest"),
        ("version: 1\nenvironments:\n  production:\n    trial: maybe\n", 4, "true or false"),
        ("version: 1\nenvironments:\n  production:\n    state_days: 0\n", 4, "days from 1 to 366"),
        ("version: 1\nenvironments:\n  production:\n    state_days: true\n", 4, "days from 1 to 366"),
        ("version: 1\nenvironments:\n  staging:\n    folder: x\n", 4, "no setting"),
        ("version: 1\nsources:\n  pypi: all\n", 3, "list of texts"),
        ("version: 1\nsources:\n  pypi: [1]\n", 3, "list of texts"),
        (
            "version: 1\nsources:\n  pypi:\n    - ok\n    - '*'\n",
            5,
            "'\\*' is refused: there are no wildcards",
        ),
        ("version: 1\nsources:\n  path: ['models/*']\n", 3, "no wildcards"),
        ('version: 1\nsources:\n  path: ["a\\u202eb"]\n', 3, "an invisible character"),
        ("version: 1\nsources:\n  pypi: [-x]\n", 3, "a project is letters"),
        ("version: 1\nsources:\n  oci: [ghcr.io/Upper]\n", 3, "write registry"),
        ("version: 1\nsources:\n  https: ['h.example#x']\n", 3, "no fragment"),
        ("version: 1\nsources:\n  hf: [google, 'meta/*']\n", 3, "no wildcards"),
        ("version: 1\nsources:\n  hf: [a/b/c]\n", 3, "write owner, or owner/name"),
        ("version: 1\nsources:\n  hf: ['']\n", 3, "it is empty"),
        ("version: 1\nsources:\n  oci: [library/ubuntu]\n", 3, "write registry"),
        ("version: 1\nsources:\n  oci: ['ghcr.io/a:tag']\n", 3, "no tag"),
        ("version: 1\nsources:\n  ollama: [a b]\n", 3, "write namespace"),
        ("version: 1\nsources:\n  s3: ['s3://bucket']\n", 3, "a bucket is"),
        ("version: 1\nsources:\n  s3: [bucket/../x]\n", 3, "a prefix has no"),
        ("version: 1\nsources:\n  https:\n    - h.example\n    - https://h\n", 5, "without https://"),
        ("version: 1\nsources:\n  https: [h.example/%2e%2e/x]\n", 3, "segment"),
        ("version: 1\nsources:\n  https: ['h.example?x=1']\n", 3, "it has a query"),
        ("version: 1\nnetwork:\n  hosts: ['*']\n", 3, "every host"),
        ("version: 1\nnetwork:\n  hosts: ['a.*.example']\n", 3, "not a host"),
        ("version: 1\nnetwork:\n  hosts: [https://h.example]\n", 3, "not a host"),
        ("version: 1\nnetwork:\n  plain_http: ['*.example.org']\n", 3, "each host is named"),
        ("version: 1\nhf:\n  origin: huggingface.co\n", 3, "not written as https"),
        ("version: 1\nollama:\n  registry: https://h/#x\n", 3, "no fragment"),
        ("version: 1\ns3:\n  region: us-east-1.evil.example/\n", 3, "a region is"),
        ("version: 1\npull:\n  mirror: https://h/x\n", 3, "write a folder, or oci:"),
        ("version: 1\npull:\n  mirror: oci:h.example\n", 3, "write registry/repository"),
        ("version: 1\nenvironments:\n  production:\n    repository: x\n", 4, "write registry"),
        ("version: 1\nlock: [a]\n", 2, "not a path"),
        ("version: 1\nlock: a\nlock: b\n", 3, "occurs twice"),
        ("version: 1\nlock: &a x\n", 2, "anchors"),
        ("version: 1\nlock: !!python/name:os.system x\n", 2, "tag"),
        ("version: 1\nlock: 'x\n", 3, "found"),
        ("- version\n", 1, "version must be 1"),
        ("version: 1\n? [a]\n: b\n", 2, "key is not plain text"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(UsageError, match=f"line {line}: .*{words.replace('?', '.')}") as caught:
        load(tmp_path, text)
    assert caught.value.code == "settings_invalid"


@pytest.mark.parametrize(
    "flags",
    [
        {"nothing": "x"},
        {"trust.root": "latest"},
        {"environments.production.trial": "perhaps"},
        {"environments.production.state_days": "-1"},
    ],
)
def test_a_wrong_flag_is_refused(tmp_path: Path, flags: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(None, variables={}, flags=flags, folder=tmp_path)
    assert caught.value.code == "settings_invalid"


@pytest.mark.parametrize(
    "text",
    [
        "s3:\n  endpoint: https://me:secret@h\n",
        "hf:\n  mirror: https://h/?token=secret\n",
        "sources:\n  https: ['me:secret@h']\n",
    ],
)
def test_a_credential_in_an_address_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "version: 1\n" + text)
    assert caught.value.code == "settings_invalid"
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_trusted_sources_and_hosts_are_read_as_written(tmp_path: Path) -> None:
    text = (
        "version: 1\nsources: {hf: [google, a/b], oci: ['localhost:5000/x'], s3: [bucket/a/],"
        " https: ['h.example:8443/a']}\nnetwork: {hosts: ['*.example.org', h], plain_http: ['127.0.0.1:80']}\n"
    )
    found = load(tmp_path, text)
    assert found.sources["hf"] == ("google", "a/b")
    assert found.sources["https"] == ("h.example:8443/a",)
    assert found.names("network.hosts") == ("*.example.org", "h")
    more = {
        "pull.mirror": ["models", "oci:h.example:5000/mirror"],
        "environments.production.repository": ["h.example/house/production"],
        "s3.region": ["eu-west-1"],
        "s3.endpoint": ["https://minio.example:9000"],
        "hf.mirror": ["https://h.example/hf"],
    }
    for name, texts in more.items():
        for each in texts:
            set_so = load_settings(None, variables={}, flags={name: each}, folder=tmp_path)
            assert set_so.text(name) == each
    for flags in ({"sources.hf": "google,*"}, {"network.hosts": "*"}, {"hf.origin": "x"}):
        with pytest.raises(UsageError) as caught:
            load_settings(None, variables={}, flags=flags, folder=tmp_path)
        assert caught.value.code == "settings_invalid"


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(tmp_path / "none.yaml", variables={}, flags={}, folder=tmp_path)
    assert caught.value.code == "settings_missing"


def test_not_utf8_and_too_large_are_refused(tmp_path: Path) -> None:
    for raw in (b"version: 1\nlock: \xff\n", b"#" * (1024 * 1024 + 1)):
        (tmp_path / "weighlock.yaml").write_bytes(raw)
        with pytest.raises(UsageError) as caught:
            load(tmp_path)
        assert caught.value.code == "settings_invalid"


def test_config_prints_values_and_origins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weighlock.yaml").write_text("version: 1\nlock: a.lock\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["config"]) == 0
    printed = capsys.readouterr().out
    assert "a.lock" in printed
    assert "weighlock.yaml:2" in printed
    assert run(["config", "--json"]) == 0
    assert '"variable": "WEIGHLOCK_LOCK"' in capsys.readouterr().out
