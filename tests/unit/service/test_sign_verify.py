import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weighlock.attestation.bundle import Attestation, Envelope, sign_statement, verify_with_keys
from weighlock.attestation.oms import PREDICATE_TYPE, describe_model
from weighlock.attestation.signer import make_key
from weighlock.attestation.statement import Statement, Subject
from weighlock.core.artifact import ArtifactFile
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.service.sign import Signed, sign_model, write_signature
from weighlock.service.target import FolderTarget
from weighlock.service.verify import VerifiedModel, verify_model

KEY = make_key()
NOBODY = 65534


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 20)
    (folder / "sub" / "vocab.txt").write_text("a\nb\n")
    return folder


def _trust(envelope: Envelope) -> Attestation:
    return verify_with_keys(envelope, {KEY.public.key_id: KEY.public})


def _sign(folder: Path, *ignore: str) -> Signed:
    return sign_model(FolderTarget(folder), KEY, ignore=ignore)


def _verify(folder: Path, bundle: bytes) -> VerifiedModel:
    return verify_model(FolderTarget(folder), bundle, _trust)


def test_a_signed_folder_verifies_and_may_be_renamed(model: Path) -> None:
    signed = _sign(model)
    assert (signed.files, signed.name) == (3, "model")
    verified = _verify(model.rename(model.with_name("elsewhere")), signed.bundle)
    assert verified.signed.root == signed.root
    assert set(verified.signed.files) == {"config.json", "sub/vocab.txt", "weights.bin"}
    assert verified.uncovered == ()


def test_a_single_file_verifies_under_its_name(model: Path) -> None:
    weights = model / "weights.bin"
    bundle = _sign(weights).bundle
    assert list(_verify(weights, bundle).signed.files) == ["weights.bin"]
    renamed = weights.rename(model / "other.bin")
    with pytest.raises(DeniedError) as caught:
        _verify(renamed, bundle)
    assert caught.value.details == {"missing": ["weights.bin"], "added": ["other.bin"], "changed": []}


Change = Callable[[Path], object]
ALL = ["config.json", "sub/vocab.txt", "weights.bin"]


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("change", "missing", "added", "changed"),
    [
        (lambda m: _flip(m / "weights.bin"), [], [], ["weights.bin"]),
        (lambda m: (m / "weights.bin").write_bytes(b""), [], [], ["weights.bin"]),
        (lambda m: (m / "sub" / "vocab.txt").unlink(), ["sub/vocab.txt"], [], []),
        (lambda m: (m / "new.py").write_text("x"), [], ["new.py"], []),
        (lambda m: (m / "empty").touch(), [], ["empty"], []),
        (lambda m: (m / "config.json").rename(m / "config2.json"), ["config.json"], ["config2.json"], []),
        (lambda m: (m / "config.json").rename(m / "Config.json"), ["config.json"], ["Config.json"], []),
        (
            lambda m: (m / "sub").rename(m / "a"),
            ["sub/vocab.txt"],
            ["a/vocab.txt"],
            [],
        ),
        (
            lambda m: (
                (m / "t").write_bytes((m / "config.json").read_bytes()),
                (m / "sub" / "vocab.txt").replace(m / "config.json"),
                (m / "t").replace(m / "sub" / "vocab.txt"),
            ),
            [],
            [],
            ["config.json", "sub/vocab.txt"],
        ),
    ],
    ids=["flip", "truncate", "delete", "add", "add empty", "rename", "case", "move", "swap"],
)
def test_each_difference_is_named(
    model: Path, change: Change, missing: list[str], added: list[str], changed: list[str]
) -> None:
    bundle = _sign(model).bundle
    change(model)
    with pytest.raises(DeniedError) as caught:
        _verify(model, bundle)
    assert caught.value.code == "model_mismatch"
    assert caught.value.details == {"missing": missing, "added": added, "changed": changed}


def _link(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda m: _link(m / "config.json"), "link_refused"),
        (lambda m: (m / "dangling").symlink_to("nowhere"), "link_refused"),
        (lambda m: (m / "loop").symlink_to("."), "link_refused"),
        (lambda m: _fifo(m / "config.json"), "file_special"),
        (shutil.rmtree, "source_missing"),
        (_empty, "artifact_empty"),
        (lambda m: (m / "bad\nname").touch(), "path_invalid"),
        (lambda m: (m / "CONFIG.JSON").touch(), "path_collision"),
    ],
    ids=["link", "dangling", "loop", "fifo", "gone", "empty", "name", "collision"],
)
def test_folders_that_are_refused_when_verifying_and_when_signing(
    model: Path, change: Change, code: str
) -> None:
    bundle = _sign(model).bundle
    change(model)
    for call in (lambda: _verify(model, bundle), lambda: _sign(model)):
        with pytest.raises(WeighlockError) as caught:
            call()
        assert caught.value.code == code


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder in which root has become nobody, so that permissions count."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    privileged = os.geteuid() == 0
    try:
        if privileged:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if privileged:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_a_file_that_cannot_be_read_is_undecided(unprivileged: Path) -> None:
    (unprivileged / "a").write_text("a")
    bundle = _sign(unprivileged).bundle
    (unprivileged / "a").chmod(0)
    with pytest.raises(UndecidedError) as caught:
        _verify(unprivileged, bundle)
    assert caught.value.code == "io_failed"


@pytest.fixture
def snapshot(model: Path, tmp_path: Path) -> Path:
    """The model as it lies in a Hugging Face cache: links into the blobs of the repository."""
    repository = tmp_path / "models--someone--model"
    folder = repository / "snapshots" / "0123abcd"
    (repository / "blobs").mkdir(parents=True)
    for number, path in enumerate(ALL):
        blob = repository / "blobs" / f"blob{number}"
        shutil.copy(model / path, blob)
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return folder


def test_a_cache_snapshot_works_by_default_both_ways(model: Path, snapshot: Path) -> None:
    by_links, by_files = _sign(snapshot), _sign(model)
    assert by_links.root == by_files.root
    assert _verify(snapshot, by_links.bundle).signed.allow_links
    assert _verify(model, by_links.bundle).signed.root == by_links.root
    assert not _verify(snapshot, by_files.bundle).signed.allow_links


def test_a_snapshots_link_that_leaves_the_cache_is_refused(snapshot: Path, tmp_path: Path) -> None:
    bundle = _sign(snapshot).bundle
    outside = tmp_path / "outside"
    shutil.copy(snapshot / "weights.bin", outside)
    (snapshot / "weights.bin").unlink()
    (snapshot / "weights.bin").symlink_to(outside)
    with pytest.raises(DeniedError) as caught:
        _verify(snapshot, bundle)
    assert caught.value.code == "link_refused"


def test_git_and_what_the_signer_ignored_is_not_covered_and_is_named(model: Path) -> None:
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("x")
    (model / ".gitattributes").write_text("x")
    (model / "notes").mkdir()
    (model / "notes" / "todo.txt").write_text("x")
    signed = _sign(model, "notes/")
    expected = (".git/HEAD", ".gitattributes", "notes/todo.txt")
    assert signed.ignored == expected
    assert _verify(model, signed.bundle).uncovered == expected
    (model / "notes" / "evil.pkl").write_text("x")
    assert "notes/evil.pkl" in _verify(model, signed.bundle).uncovered


def test_git_files_below_the_top_are_covered(model: Path) -> None:
    (model / "sub" / ".gitignore").write_text("x")
    assert "sub/.gitignore" in _verify(model, _sign(model).bundle).signed.files


def test_git_files_that_were_signed_after_all_are_verified(model: Path) -> None:
    (model / ".gitattributes").write_text("x")
    statement = describe_model("m", {".gitattributes": ArtifactFile(".gitattributes", Digest.of(b"x"), 1)})
    predicate = {**statement.predicate, "serialization": {**statement.predicate["serialization"]}}
    del predicate["serialization"]["ignore_paths"]
    bundle = sign_statement(Statement(statement.subjects, PREDICATE_TYPE, predicate), KEY)
    for path in ALL:
        (model / path).unlink()
    assert _verify(model, bundle).uncovered == ()
    (model / ".gitattributes").write_text("y")
    with pytest.raises(DeniedError) as caught:
        _verify(model, bundle)
    assert caught.value.details["changed"] == [".gitattributes"]


def test_a_signature_inside_the_model_is_left_out_even_if_that_is_not_recorded(model: Path) -> None:
    bundle = _sign(model).bundle
    (model / "model.sig").write_bytes(bundle)
    with pytest.raises(DeniedError):
        _verify(model, bundle)
    verified = verify_model(FolderTarget(model), bundle, _trust, signature_path="model.sig")
    assert verified.uncovered == ()


def test_a_signed_file_is_not_left_out_by_calling_it_the_signature(model: Path) -> None:
    bundle = _sign(model).bundle
    _flip(model / "weights.bin")
    with pytest.raises(DeniedError) as caught:
        verify_model(FolderTarget(model), bundle, _trust, signature_path="weights.bin")
    assert caught.value.details["changed"] == ["weights.bin"]


def _shard_bundle(folder: Path, size: int) -> bytes:
    resources = []
    for path in ALL:
        raw = (folder / path).read_bytes()
        resources += [
            {
                "name": f"{path}:{start}:{min(start + size, len(raw))}",
                "algorithm": "sha256",
                "digest": Digest.of(raw[start : start + size]).hex,
            }
            for start in range(0, len(raw), size)
        ]
    root = Digest.of(b"".join(bytes.fromhex(each["digest"]) for each in resources))
    serialization = {"method": "shards", "hash_type": "sha256", "allow_symlinks": False, "shard_size": size}
    predicate = {"resources": resources, "serialization": serialization}
    return sign_statement(Statement((Subject.of("m", root),), PREDICATE_TYPE, predicate), KEY)


@pytest.mark.parametrize("size", [1000, 1024, 2560, 5120, 10_000_000])
def test_signatures_over_shards_verify_and_notice_changes(model: Path, size: int) -> None:
    bundle = _shard_bundle(model, size)
    assert _verify(model, bundle).signed.shard_size == size
    (model / "empty").touch()
    assert _verify(model, bundle).uncovered == ("empty",)
    with (model / "weights.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(DeniedError) as caught:
        _verify(model, bundle)
    assert caught.value.details["changed"] == ["weights.bin"]


def test_the_signature_is_verified_before_any_file_is_read(tmp_path: Path) -> None:
    other = make_key()
    bundle = sign_statement(describe_model("m", {"a": ArtifactFile("a", Digest.of(b""), 0)}), other)
    with pytest.raises(DeniedError) as caught:
        _verify(tmp_path / "does not exist", bundle)
    assert caught.value.code == "signer_unknown"


def test_writing_a_signature_replaces_signatures_only(model: Path) -> None:
    bundle = _sign(model).bundle
    location = model.parent / "model.sig"
    write_signature(location, bundle)
    write_signature(location, bundle)
    assert location.read_bytes() == bundle
    assert location.stat().st_mode & 0o777 == 0o644
    with pytest.raises(UsageError) as caught:
        write_signature(model / "weights.bin", bundle)
    assert caught.value.code == "signature_exists"
    assert sorted(path.name for path in model.parent.iterdir()) == ["model", "model.sig"]


def test_signing_follows_the_files_that_are_there_now(model: Path) -> None:
    before = _sign(model).root
    facts = (model / "weights.bin").stat()
    _flip(model / "weights.bin")
    os.utime(model / "weights.bin", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert _sign(model).root != before
