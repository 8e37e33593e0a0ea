from pathlib import Path

import pytest

from weighlock.core.error import DeniedError, UsageError
from weighlock.source.interface import SourceSpec
from weighlock.source.permission import check_folder, check_project, parse_source


def test_sources_are_scheme_and_location() -> None:
    assert parse_source("path:/a:b") == SourceSpec("path", "/a:b")
    assert str(parse_source("pypi:x==1")) == "pypi:x==1"


@pytest.mark.parametrize("text", ["", "path:", "model", "./model", "http://x", "PATH:x", "pipy:x==1", ":x"])
def test_anything_else_is_a_mistake(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_source(text)
    assert caught.value.code == "source_invalid"
    assert ("did you mean pypi:x==1" in caught.value.hint) is (text == "pipy:x==1")


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
