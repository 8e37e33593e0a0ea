from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

from weighlock.core.error import DeniedError, UsageError, WeighlockError
from weighlock.core.reference import Reference
from weighlock.source.address import Address
from weighlock.source.interface import SourceSpec
from weighlock.source.permission import (
    check_address,
    check_bucket,
    check_folder,
    check_hf,
    check_oci,
    check_ollama,
    check_project,
    parse_source,
)

Check: TypeAlias = Callable[[Sequence[str]], None]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("./models/a", "did you mean path:./models/a?"),
        ("~/a", "did you mean path:~/a?"),
        ("acme/tiny", "did you mean hf:acme/tiny, or path:acme/tiny?"),
        ("tiny", "for a file or folder write path:FOLDER"),
    ],
)
def test_a_source_without_its_scheme(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.code == "source_invalid"
    assert caught.value.hint.endswith(meant)


def test_sources_are_scheme_and_location() -> None:
    assert parse_source("path:/a:b") == SourceSpec("path", "/a:b")
    assert parse_source("s3://bucket/a") == SourceSpec("s3", "//bucket/a")
    for text in (
        "pypi:x==1",
        "hf:a/b@main",
        "oci:r.example/x",
        "ollama:x",
        "https://h/f",
        "http://h/f",
        "s3://b",
    ):
        assert str(parse_source(text)) == text


@pytest.mark.parametrize("text", ["", "path:", "model", "./model", "ftp://x", "PATH:x", "pipy:x==1", ":x"])
def test_anything_else_is_a_mistake(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.code == "source_invalid"
    assert ("did you mean pypi:x==1" in caught.value.hint) is (text == "pipy:x==1")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("hf://a/b", "hf:a/b"), ("s3:b/x", "s3://b/x"), ("https:h/f", "https://h/f"), ("oci://r/x", "oci:r/x")],
)
def test_slashes_belong_to_addresses_only(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.code == "source_invalid"
    assert f"did you mean {meant}?" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["htps://me:s3cret@h/f", "htps://h/f?token=s3cret", "s3:me:s3cret@b/x?s3cret", "//me:s3cret@h"]
)
def test_what_may_be_a_credential_is_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.code == "source_invalid"
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def hub(name: str) -> Check:
    owner, _, model = name.partition("/")
    return lambda allowed: check_hf(owner, model, allowed)


def image(reference: str) -> Check:
    return lambda allowed: check_oci(Reference.parse(reference), allowed)


def ollama(name: str) -> Check:
    namespace, _, model = name.partition("/")
    return lambda allowed: check_ollama(namespace, model, allowed)


def bucket(name: str) -> Check:
    first, _, prefix = name.partition("/")
    return lambda allowed: check_bucket(first, prefix, allowed)


def address(text: str) -> Check:
    return lambda allowed: check_address(Address.parse(text), allowed)


ALLOWED: list[tuple[Check, str]] = [
    (hub("google/gemma"), "google"),
    (hub("google/gemma"), "google/gemma"),
    (image("ghcr.io/a/b/c:tag"), "ghcr.io"),
    (image("ghcr.io/a/b/c"), "GHCR.io/a/b"),
    (image("ghcr.io/a/b/c"), "ghcr.io/a/b/c/"),
    (image("localhost:5000/x"), "localhost:5000"),
    (image("ubuntu"), "docker.io/library"),
    (image("me/x"), "docker.io/me"),
    (ollama("library/llama3"), "library"),
    (ollama("me/llama3"), "me/llama3"),
    (bucket("models/a/b"), "models"),
    (bucket("models/a/b"), "models/a/"),
    (bucket("models"), "models"),
    (address("https://h.example/a/b.gguf"), "h.example"),
    (address("https://H.example:443/a/b.gguf"), "h.example/a/"),
    (address("https://h.example:8443/a/b.gguf"), "h.example:8443/a"),
    (address("https://h.example/%61/b.gguf"), "h.example/a"),
    (address("https://[0:0::1]:8443/b.gguf"), "[::1]:8443"),
]
DENIED: list[tuple[Check, str]] = [
    (hub("google/gemma"), "goog"),
    (hub("google/gemma"), "google/gem"),
    (hub("google/gemma"), "Google"),
    (hub("google/gemma"), "google/gemma/x"),
    (hub("google/gemma"), "*"),
    (hub("google/gemma"), "google/*"),
    (hub("google/gemma"), ""),
    (image("ghcr.io/ab/x"), "ghcr.io/a"),
    (image("ghcr.io.evil.example/a/x"), "ghcr.io"),
    (image("ghcr.io:444/a/x"), "ghcr.io"),
    (image("me/x"), "docker.io/library"),
    (image("library/x"), "x"),
    (ollama("me/llama3"), "library"),
    (ollama("me/llama3"), "me/llama"),
    (bucket("models-evil/a"), "models"),
    (bucket("models/ab"), "models/a"),
    (bucket("models"), "models/a"),
    (address("https://h.example/ab/b.gguf"), "h.example/a"),
    (address("https://h.example:8443/b.gguf"), "h.example"),
    (address("https://h.example.evil.example/b.gguf"), "h.example"),
    (address("https://evil.example/h.example/b.gguf"), "h.example"),
    (address("https://h.example/A/b.gguf"), "h.example/a"),
    (address("https://h.example/a/b.gguf"), "*.example"),
]


@pytest.mark.parametrize(("check", "entry"), ALLOWED)
def test_an_entry_allows_what_it_names_and_all_below(check: Check, entry: str) -> None:
    check(["other.example", entry])
    with pytest.raises(DeniedError):
        check([])


@pytest.mark.parametrize(("check", "entry"), DENIED)
def test_an_entry_allows_nothing_else_and_the_hint_is_what_to_write(check: Check, entry: str) -> None:
    with pytest.raises(DeniedError) as caught:
        check([entry])
    assert caught.value.code == "source_not_allowed"
    ((_, (proposed,)),) = written(caught.value.hint)
    check([proposed])


def written(hint: str) -> list[tuple[str, list[str]]]:
    """Return what the YAML lines of a hint say, as the program would read them."""
    sources: dict[str, list[str]] = yaml.safe_load(hint.partition("weighlock.yaml:\n")[2])["sources"]
    return list(sources.items())


@pytest.mark.parametrize(
    ("check", "entry"),
    [
        (hub("sentence-transformer/x"), "sentence-transformers"),
        (hub("g00gle/gemma"), "google/gemma"),
        (hub("Google/gemma"), "google"),
        (hub("qvven/q"), "qwen"),
        (hub("meta-11ama/x"), "meta-llama"),
        (image("ghcr.io/0rg/x"), "ghcr.io/org"),
        (image("gchr.io/org/x"), "ghcr.io/org"),
        (ollama("library/lama3"), "library/llama3"),
        (bucket("modles/x"), "models"),
        (address("https://exarnple.org/x"), "example.org"),
    ],
)
def test_a_look_alike_is_called_a_trap(check: Check, entry: str) -> None:
    with pytest.raises(DeniedError) as caught:
        check([entry])
    assert f"did you mean {entry}? A name that close may be a trap" in caught.value.hint


def test_another_name_is_not_called_one() -> None:
    with pytest.raises(DeniedError) as caught:
        check_hf("mistral", "x", ["google", "meta-llama/llama", "xy"])
    assert "trap" not in caught.value.hint


@pytest.mark.parametrize(
    "check",
    [
        hub("g\u043e\u043egle/gemma"),  # Cyrillic
        hub("google/ge\u200bmma"),
        hub("-x/y"),
        hub("../y"),
        hub("a--b/y"),
        ollama("m\u0435/llama"),  # Cyrillic
        bucket("Models/x"),
        bucket("10.0.0.1/x"),
        bucket("models/../x"),
        bucket("models//x"),
    ],
)
def test_what_can_be_no_name_is_refused_whatever_is_allowed(check: Check) -> None:
    with pytest.raises(WeighlockError) as caught:
        check(["google", "models", "library"])
    assert caught.value.code == "source_invalid"


@pytest.mark.parametrize("owner", ["123", "1e3", "no", "null", "2024-01-01", "0x1F"])
def test_the_hint_is_yaml_that_reads_as_text(owner: str) -> None:
    with pytest.raises(DeniedError) as caught:
        check_project(owner, [])
    assert written(caught.value.hint) == [("pypi", [owner])]


def test_projects_are_compared_by_normalised_name() -> None:
    check_project("tiny-model", ["Tiny_Model"])
    for allowed in ([], ["tiny-models"], ["*"], ["tiny"], [""]):
        with pytest.raises(DeniedError) as caught:
            check_project("tiny-model", allowed)
        assert caught.value.code == "source_not_allowed"
        assert ("did you mean tiny-models?" in caught.value.hint) is (allowed == ["tiny-models"])


def denied(location: Path, allowed: list[str], base: Path) -> str:
    with pytest.raises(DeniedError) as caught:
        check_folder(location, allowed, base)
    assert caught.value.code == "source_not_allowed"
    return caught.value.hint


def test_folders_are_allowed_with_all_in_them(tmp_path: Path) -> None:
    model = tmp_path / "models" / "m"
    model.mkdir(parents=True)
    (model / "x.bin").touch()
    for allowed in (["models"], [str(tmp_path)], ["."], ["models/m"], ["other", "models/../models"]):
        check_folder(model, allowed, tmp_path)
        check_folder(model / "x.bin", allowed, tmp_path)
    for allowed in ([], ["mod"], ["models/m/x"], ["models/n"]):
        assert f"- {model}" in denied(model, allowed, tmp_path)
    assert f"- {model}\n" in denied(model / "x.bin", [], tmp_path) + "\n"


def test_an_allowed_folder_may_be_a_link_or_below_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv("HOME", str(tmp_path))
    check_folder(tmp_path / "real", ["link"], tmp_path)
    check_folder(tmp_path / "real", ["~/real"], Path("/"))


def test_a_strange_folder_is_quoted_in_the_hint(tmp_path: Path) -> None:
    (tmp_path / "it's: #1").mkdir()
    assert f"- '{tmp_path}/it''s: #1'" in denied(tmp_path / "it's: #1", [], tmp_path)
