import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, WeighlockError
from weighlock.core.lock import UNAVAILABLE, Change, Lock, LockedModel, Owner, compare

FILES = {
    path: ArtifactFile(path, Digest.of(path.encode()), len(path)) for path in ("config.json", "weights/ä.bin")
}


def model(name: str, source: str = "pypi:m==1") -> LockedModel:
    return LockedModel(
        name=name,
        source=source,
        revision="1",
        owner=Owner("pypi", UNAVAILABLE, "m"),
        origin_confirmed=True,
        manifest=Artifact.build(list(FILES.values()))[0].digest,
        files=FILES,
        facts={"wheel": "m.whl"},
    )


LOCK = Lock({"b": model("b"), "a": model("a")})


def test_reads_what_it_writes_in_one_way() -> None:
    raw = LOCK.to_bytes()
    again = Lock.parse(raw)
    assert again.to_bytes() == raw
    assert list(again.models) == ["a", "b"]
    assert again.models["a"] == model("a")
    assert again.models["a"].size == sum(map(len, FILES))
    assert Lock.parse(Lock().to_bytes()) == Lock()
    json.loads(raw)


def test_a_file_may_have_the_names_that_git_and_an_object_store_give_it() -> None:
    marked = replace(
        model("a"), git_sha1={"weights/ä.bin": "ab" * 20}, version_ids={"config.json": "3/L4_kq.~"}
    )
    raw = Lock({"a": marked}).to_bytes()
    assert Lock.parse(raw).models["a"] == marked != model("a")
    assert len(raw.splitlines()) == len(Lock({"a": model("a")}).to_bytes().splitlines())


def test_has_one_line_a_file() -> None:
    lines = LOCK.to_bytes().decode().splitlines()
    for path, file in FILES.items():
        named = [line for line in lines if path in line]
        assert len(named) == 2
        assert all(file.digest.hex in line and f'"size": {file.size}' in line for line in named)


def test_a_changed_file_changes_its_line_and_the_manifests() -> None:
    other = dict(FILES) | {"config.json": ArtifactFile("config.json", Digest.of(b"x"), 1)}
    manifest = Artifact.build(list(other.values()))[0].digest
    before = model("a")
    after = LockedModel(
        "a",
        before.source,
        "1",
        before.owner,
        origin_confirmed=True,
        manifest=manifest,
        files=other,
        facts=before.facts,
    )
    old, new = (Lock({"a": each}).to_bytes().splitlines() for each in (before, after))
    assert sum(one != two for one, two in zip(old, new, strict=True)) == 2


def edit(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(LOCK.to_bytes())
    change(document)
    return json.dumps(document).encode()


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "version": lambda lock: lock.update(version=2),
    "version true": lambda lock: lock.update(version=True),
    "no version": lambda lock: lock.pop("version"),
    "no models": lambda lock: lock.pop("models"),
    "models list": lambda lock: lock.update(models=[]),
    "unknown at top": lambda lock: lock.update(mirror="x"),
    "model not object": lambda lock: lock["models"].update(a=1),
    "unknown in model": lambda lock: lock["models"]["a"].update(mirror="x"),
    "no owner": lambda lock: lock["models"]["a"].pop("owner"),
    "owner text": lambda lock: lock["models"]["a"].update(owner="me"),
    "owner without id": lambda lock: lock["models"]["a"]["owner"].pop("id"),
    "owner empty id": lambda lock: lock["models"]["a"]["owner"].update(id=""),
    "owner unknown": lambda lock: lock["models"]["a"]["owner"].update(mail="x"),
    "bad name": lambda lock: lock["models"].update({"a b": lock["models"].pop("a")}),
    "confirmed text": lambda lock: lock["models"]["a"].update(origin_confirmed="true"),
    "facts number": lambda lock: lock["models"]["a"]["facts"].update(wheel=1),
    "source empty": lambda lock: lock["models"]["a"].update(source=""),
    "source long": lambda lock: lock["models"]["a"].update(source="x" * 4097),
    "manifest upper": lambda lock: lock["models"]["a"].update(manifest="sha256:" + "A" * 64),
    "manifest other": lambda lock: lock["models"]["a"].update(manifest="sha256:" + "a" * 64),
    "no files": lambda lock: lock["models"]["a"].update(files={}),
    "file gone": lambda lock: lock["models"]["a"]["files"].pop("config.json"),
    "file digest": lambda lock: lock["models"]["a"]["files"]["config.json"].update(sha256="0" * 64),
    "file digest short": lambda lock: lock["models"]["a"]["files"]["config.json"].update(sha256="0"),
    "file digest null": lambda lock: lock["models"]["a"]["files"]["config.json"].update(sha256=None),
    "file size": lambda lock: lock["models"]["a"]["files"]["config.json"].update(size=1),
    "file size true": lambda lock: lock["models"]["a"]["files"]["config.json"].update(size=True),
    "file size minus": lambda lock: lock["models"]["a"]["files"]["config.json"].update(size=-1),
    "file size float": lambda lock: lock["models"]["a"]["files"]["config.json"].update(size=11.0),
    "file unknown": lambda lock: lock["models"]["a"]["files"]["config.json"].update(url="x"),
    "file up": lambda lock: lock["models"]["a"]["files"].update(
        {"../x": lock["models"]["a"]["files"]["config.json"]}
    ),
    "file collision": lambda lock: lock["models"]["a"]["files"].update(
        {"CONFIG.json": lock["models"]["a"]["files"]["config.json"]}
    ),
    "git upper": lambda lock: lock["models"]["a"]["files"]["config.json"].update(git_sha1="A" * 40),
    "git short": lambda lock: lock["models"]["a"]["files"]["config.json"].update(git_sha1="a" * 39),
    "git null": lambda lock: lock["models"]["a"]["files"]["config.json"].update(git_sha1=None),
    "version empty": lambda lock: lock["models"]["a"]["files"]["config.json"].update(version_id=""),
    "version number": lambda lock: lock["models"]["a"]["files"]["config.json"].update(version_id=1),
    "version long": lambda lock: lock["models"]["a"]["files"]["config.json"].update(version_id="x" * 1025),
    "version space": lambda lock: lock["models"]["a"]["files"]["config.json"].update(version_id="a b"),
    "version line": lambda lock: lock["models"]["a"]["files"]["config.json"].update(version_id="a\n"),
    "many models": lambda lock: lock.update(models={f"m{number}": 1 for number in range(1001)}),
}


def test_an_edit_that_changes_nothing_is_read() -> None:
    assert Lock.parse(edit(lambda lock: lock)).to_bytes() == LOCK.to_bytes()


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_edits_that_are_refused(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises(DeniedError) as caught:
        Lock.parse(edit(change))
    assert caught.value.code == "lock_invalid"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"version":1,"version":1,"models":{}}', b"\xff"])
def test_what_is_no_lock_at_all(raw: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        Lock.parse(raw)
    assert caught.value.code == "lock_invalid"


@given(st.data())
def test_one_changed_byte_is_refused_or_changes_no_digest(data: st.DataObject) -> None:
    raw = bytearray(LOCK.to_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(raw)) in {"lock_invalid", "the same files"}


def outcome(raw: bytes) -> str:
    try:
        lock = Lock.parse(raw)
    except WeighlockError as error:
        return error.code
    same = all(each.manifest == model("a").manifest and each.files == FILES for each in lock.models.values())
    return "the same files" if same else "other files"


def test_compares_files() -> None:
    old, new = FILES["config.json"], ArtifactFile("config.json", Digest.of(b"x"), 1)
    added = ArtifactFile("b", Digest.of(b"b"), 1)
    changes = compare(FILES, {"config.json": new, "b": added})
    assert changes == [
        Change("b", None, added),
        Change("config.json", old, new),
        Change("weights/ä.bin", FILES["weights/ä.bin"], None),
    ]
    assert [change.kind for change in changes] == ["added", "changed", "removed"]
    assert compare(FILES, dict(reversed(FILES.items()))) == []
