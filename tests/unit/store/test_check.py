import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.store.storing import NOTE, at_noon, blob_file, names_below, overwrite, put_model, refused
from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.progress import Part
from weighlock.store.check import check_store
from weighlock.store.index import Index
from weighlock.store.layout import LayoutStore

WEIGHTS = b"weights" * 1000


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pristine") / "store"
    with LayoutStore.create(root, at_noon) as store:
        model = put_model(store, {"weights.bin": WEIGHTS, "config.json": b"{}"}, name="minilm")
        evidence = store.attach(model, NOTE, b"note", NOTE, {"a": "b"})
        store.attach(evidence, NOTE, b"about the note", NOTE)
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "store", symlinks=True))


def rules(root: Path) -> list[str]:
    return [finding.rule for finding in check_store(root).findings]


def test_a_good_store_is_clean_and_fully_read(root: Path) -> None:
    report = check_store(root)
    sizes = [path.stat().st_size for path in (root / "blobs" / "sha256").iterdir()]
    assert (report.findings, report.blobs, report.size) == ((), len(sizes), sum(sizes))


def test_progress_is_told_of_every_byte(root: Path) -> None:
    told: list[int] = []

    class Told:
        def begin(self, label: str, total_bytes: int) -> None:
            assert label
            told.append(-total_bytes)

        def advance(self, size_bytes: int) -> None:
            told.append(size_bytes)

        def end(self) -> None:
            told.append(0)

        def part(self, label: str, total_bytes: int) -> Part:
            raise AssertionError((label, total_bytes))

    check_store(root, progress=Told(), threads=1)
    assert told[0] < 0
    assert told[-1] == sum(told) == 0


@given(st.data())
def test_a_flip_of_any_byte_of_any_file_is_found(pristine: Path, data: st.DataObject) -> None:
    files = sorted(path for path in pristine.rglob("*") if path.is_file() and path.stat().st_size)
    file = data.draw(st.sampled_from(files))
    before = file.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    mask = data.draw(st.integers(1, 255))
    overwrite(file, lambda raw: raw[:position] + bytes([raw[position] ^ mask]) + raw[position + 1 :])
    try:
        found = check_store(pristine).damage
        assert str(file.relative_to(pristine)) in {finding.location for finding in found}
    finally:
        overwrite(file, lambda _: before)
    assert check_store(pristine).findings == ()


@given(st.data())
def test_any_missing_file_is_found(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    aside = tmp_path_factory.mktemp("aside") / "file"
    files = sorted(path for path in pristine.rglob("*") if path.is_file() and path.name != "lock")
    file = data.draw(st.sampled_from(files))
    file.rename(aside)
    try:
        found = check_store(pristine).damage
        assert str(file.relative_to(pristine)) in {finding.location for finding in found}
    finally:
        aside.rename(file)


@pytest.mark.parametrize(
    "place",
    [
        "x",
        "blobs/x",
        "blobs/sha256/x",
        "ingest/x",
        "blobs/sha512",
        f"blobs/sha256/{'A' * 64}",
        f"blobs/sha256/{'a' * 65}",
        "ingest/lock2",
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link"])
def test_whatever_is_not_accounted_for_is_found(root: Path, place: str, kind: str) -> None:
    path = root / place
    makers: dict[str, Callable[[], object]] = {
        "file": path.touch, "folder": path.mkdir, "fifo": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/dev/zero")
    }  # fmt: skip
    makers[kind]()
    expected = "store.link" if kind == "link" else "store.extra"
    assert [(each.rule, each.location) for each in check_store(root).findings] == [(expected, place)]


def test_a_name_that_would_deceive_a_reader_is_escaped(root: Path) -> None:
    (root / "\x1b[2Jclean\u202e").touch()
    (location,) = [each.location for each in check_store(root).findings]
    assert location == "\\x1b[2Jclean\\u202e"


def test_a_blob_that_nothing_lists_is_found(root: Path) -> None:
    with LayoutStore.open(root) as store:
        store.write_blob([b"planted"])
    assert [(each.rule, Path(each.location).name) for each in check_store(root).findings] == [
        ("store.leftover", Digest.of(b"planted").hex)
    ]


def test_a_blob_that_is_a_link_is_found_and_not_followed(root: Path, tmp_path: Path) -> None:
    file = blob_file(root, Digest.of(WEIGHTS))
    file.rename(tmp_path / "same bytes")
    file.symlink_to(tmp_path / "same bytes")
    assert sorted(rules(root)) == ["store.link", "store.missing"]


def test_a_blob_that_has_a_name_elsewhere_is_found(root: Path, tmp_path: Path) -> None:
    os.link(blob_file(root, Digest.of(WEIGHTS)), tmp_path / "writable elsewhere")
    assert rules(root) == ["store.shared"]


@pytest.mark.parametrize("mode", [0o644, 0o400, 0o4444, 0o666])
def test_a_wrong_mode_is_found(root: Path, mode: int) -> None:
    blob_file(root, Digest.of(WEIGHTS)).chmod(mode)
    assert rules(root) == ["store.mode"]


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"x", lambda _: b""])
def test_a_wrong_size_is_found(root: Path, change: Callable[[bytes], bytes]) -> None:
    overwrite(blob_file(root, Digest.of(WEIGHTS)), change)
    report = check_store(root)
    assert sorted(each.rule for each in report.findings) == ["store.digest", "store.size"]
    assert "'weights.bin' of minilm" in report.findings[0].message


def rewrite_index(root: Path, change: Callable[[Index], Index]) -> None:
    file = root / "index.json"
    file.write_bytes(change(Index.parse(file.read_bytes())).to_bytes())


def test_an_entry_without_its_manifest_is_found(root: Path) -> None:
    with LayoutStore.open(root) as store:
        blob_file(root, store.resolve("minilm").digest).unlink()
    found = check_store(root).findings
    assert "store.missing" in {each.rule for each in found}
    assert "the manifest of minilm" in next(each.message for each in found if each.rule == "store.missing")


def test_an_entry_that_is_no_manifest_is_found(root: Path) -> None:
    with LayoutStore.open(root) as store:
        model = store.resolve("minilm")
    blob = type(model)(model.media_type, Digest.of(WEIGHTS), len(WEIGHTS))
    rewrite_index(root, lambda index: index.add(blob, name="odd", subject=None))
    assert rules(root) == ["store.manifest"]


def test_evidence_without_a_subject_is_found(root: Path) -> None:
    with LayoutStore.open(root) as store:
        model = store.resolve("minilm")
    rewrite_index(
        root,
        lambda index: Index({key: entry for key, entry in index.by_digest.items() if key != model.digest}),
    )
    assert "store.subject" in rules(root)


def test_evidence_that_the_index_hides_is_found(root: Path) -> None:
    rewrite_index(
        root,
        lambda index: Index({key: entry._replace(subject=None) for key, entry in index.by_digest.items()}),
    )
    assert rules(root) == ["store.manifest", "store.manifest"]


@pytest.mark.parametrize(("old", "new"), [(b"minilm", b"minilx"), (b'"a":"b"', b'"a":"c"'), (b"{", b" {")])
def test_an_index_that_reads_well_and_is_not_what_was_written_is_found(
    root: Path, old: bytes, new: bytes
) -> None:
    file = root / "index.json"
    assert old in file.read_bytes()
    overwrite(file, lambda raw: raw.replace(old, new, 1))
    assert ("store.index", "index.json") in {
        (each.rule, each.location) for each in check_store(root).findings
    }


def test_an_index_that_cannot_be_read_does_not_stop_the_check(root: Path) -> None:
    (root / "index.json").write_bytes(b'{"schemaVersion":2}')
    overwrite(blob_file(root, Digest.of(WEIGHTS)), lambda raw: raw[::-1])
    assert sorted(rules(root)) == ["store.digest", "store.index"]


def test_no_folder_no_check(tmp_path: Path) -> None:
    with refused("store_missing") as caught:
        check_store(tmp_path / "absent")
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("name", ["blobs", "ingest"])
def test_a_missing_folder_is_found(root: Path, name: str) -> None:
    shutil.rmtree(root / name)
    assert rules(root) == ["store.layout"]


def test_the_log_beside_the_store_is_left_to_log_verify(root: Path) -> None:
    (root / "log").mkdir()
    (root / "log" / "checkpoint").touch()
    assert rules(root) == []


def test_the_check_changes_nothing(root: Path) -> None:
    (root / "extra").touch()
    before = names_below(root)
    check_store(root)
    assert names_below(root) == before
