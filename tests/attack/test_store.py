"""One byte changed in a store or on its way out; links and extra files planted: through the command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from weighlock.cli.main import run
from weighlock.core.artifact import Artifact, ArtifactFile
from weighlock.core.digest import Digest
from weighlock.store.layout import LayoutStore

WEIGHTS = b"weights" * 1000
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
LABEL = {"dev.sigstore.bundle.predicateType": "https://weighlock.dev/inspection/v1"}
Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "weighlock.yaml").write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    root = tmp_path / ".weighlock" / "experimentation"
    LayoutStore.create(tmp_path / ".weighlock" / "production").close()
    with LayoutStore.create(root) as store:
        files = [
            ArtifactFile("weights.bin", *store.write_blob([WEIGHTS])),
            ArtifactFile("config.json", *store.write_blob([b"{}"])),
        ]
        artifact, config = Artifact.build(files)
        store.write_blob([config])
        model = store.put_manifest(artifact.manifest, name="minilm")
        store.attach(model, BUNDLE, b"{}", BUNDLE, LABEL)
    return root


@pytest.fixture
def weighlock(capfd: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, Any]:
        status = run([*arguments, "--json"])
        return status, json.loads(capfd.readouterr().out)

    return call


def weights_file(root: Path) -> Path:
    return root / "blobs" / "sha256" / Digest.of(WEIGHTS).hex


def flip(file: Path) -> None:
    raw = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(raw[:100] + bytes([raw[100] ^ 1]) + raw[101:])
    file.chmod(0o444)


def test_an_honest_store(root: Path, weighlock: Run, tmp_path: Path) -> None:
    status, facts = weighlock("ls")
    (model,) = facts["artifacts"]
    assert (status, model["names"], model["kind"], model["size"], model["referrers"]) == (
        0,
        ["minilm"],
        "model",
        7002,
        1,
    )
    status, facts = weighlock("show", "experimentation:minilm")
    assert status == 0
    assert [(each["path"], each["digest"]) for each in facts["files"]] == [
        ("config.json", str(Digest.of(b"{}"))),
        ("weights.bin", str(Digest.of(WEIGHTS))),
    ]
    assert [each["kind"] for each in facts["referrers"]] == ["inspection"]
    status, facts = weighlock("export", model["digest"][:19], "out")
    assert (status, facts["digest"], facts["layout"], facts["folder"]) == (
        0,
        model["digest"],
        "folder",
        "out",
    )
    assert (facts["files"], facts["size"]) == (2, 7002)
    assert (tmp_path / "out" / "weights.bin").read_bytes() == WEIGHTS
    status, facts = weighlock("fsck")
    assert (status, facts["findings"], facts["blobs"]) == (0, [], 5)
    assert weighlock("gc") == (
        0,
        {"environment": "experimentation", "dry_run": False, "size": 0, "files": []},
    )
    assert weighlock("ls", "-e", "production") == (0, {"environment": "production", "artifacts": []})
    assert root.is_dir()


def test_one_byte_changed_in_the_store(root: Path, weighlock: Run, tmp_path: Path) -> None:
    flip(weights_file(root))
    status, facts = weighlock("export", "minilm", "out")
    assert (status, facts["error"]["code"]) == (1, "digest_mismatch")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("out*"))
    status, facts = weighlock("fsck")
    assert (status, [each["rule"] for each in facts["findings"]]) == (1, ["store.digest"])
    assert "'weights.bin' of minilm" in facts["findings"][0]["message"]


def test_one_byte_changed_in_a_manifest(root: Path, weighlock: Run) -> None:
    with LayoutStore.open(root) as store:
        flip(root / "blobs" / "sha256" / store.resolve("minilm").digest.hex)
    status, facts = weighlock("ls")
    assert (status, facts["artifacts"][0]["damage"]) == (1, "digest_mismatch")
    for command in (("show", "minilm"), ("export", "minilm", "out"), ("gc",)):
        status, facts = weighlock(*command)
        assert (status, facts["error"]["code"]) == (1, "digest_mismatch")
    assert weighlock("fsck")[0] == 1


def test_the_store_swapped_for_a_link(root: Path, weighlock: Run, tmp_path: Path) -> None:
    weights_file(root).rename(tmp_path / "mine")
    weights_file(root).symlink_to(tmp_path / "mine")
    status, facts = weighlock("export", "minilm", "out")
    assert (status, facts["error"]["code"]) == (1, "link_refused")
    status, facts = weighlock("fsck")
    assert (status, sorted(each["rule"] for each in facts["findings"])) == (
        1,
        ["store.link", "store.missing"],
    )


def test_a_writable_name_outside_the_store(root: Path, weighlock: Run, tmp_path: Path) -> None:
    os.link(weights_file(root), tmp_path / "mine")
    status, facts = weighlock("fsck")
    assert (status, [each["rule"] for each in facts["findings"]]) == (1, ["store.shared"])


def test_an_extra_file(root: Path, weighlock: Run) -> None:
    (root / "blobs" / "payload").touch()
    status, facts = weighlock("fsck")
    assert (status, [(each["rule"], each["location"]) for each in facts["findings"]]) == (
        1,
        [("store.extra", "blobs/payload")],
    )


def test_garbage_is_named_before_it_goes(root: Path, weighlock: Run) -> None:
    with LayoutStore.open(root) as store:
        blob = store.write_blob([b"abandoned"])
    path = f"blobs/sha256/{blob.digest.hex}"
    expected = {"environment": "experimentation", "size": 9, "files": [{"path": path, "size": 9}]}
    status, facts = weighlock("fsck")
    assert (status, [each["rule"] for each in facts["findings"]]) == (1, ["store.leftover"])
    assert weighlock("gc", "--dry-run") == (0, {**expected, "dry_run": True})
    assert weighlock("gc") == (0, {**expected, "dry_run": False})
    assert weighlock("fsck")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        (("show", "minlm"), "artifact_unknown", 2),
        (("show", "../minilm"), "name_invalid", 2),
        (("show", "staging:minilm"), "environment_unknown", 2),
        (("export", "minilm", "."), "destination_exists", 2),
        (("show", "production:minilm"), "artifact_unknown", 2),
    ],
)
def test_what_does_not_exist_is_said(
    root: Path, weighlock: Run, arguments: tuple[str, ...], code: str, status: int
) -> None:
    assert root.is_dir()
    found, facts = weighlock(*arguments)
    assert (found, facts["error"]["code"]) == (status, code)


def test_no_store_yet(tmp_path: Path, weighlock: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weighlock.yaml").write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    for command in ("ls", "fsck", "gc"):
        status, facts = weighlock(command)
        assert (status, facts["error"]["code"]) == (2, "store_missing")


def test_people_can_read_it(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["ls"]) == 0
    assert "minilm" in capfd.readouterr().out
    assert run(["show", "minilm"]) == 0
    told = capfd.readouterr().out
    assert "7.0 kB in 2 files" in told
    assert "weights.bin" in told
    assert run(["fsck"]) == 0
    assert capfd.readouterr().out.startswith("clean: 5 blobs")
    (root / "\x1b[31mextra").touch()
    assert run(["fsck"]) == 1
    assert "\x1b" not in capfd.readouterr().out
    assert run(["gc", "-n"]) == 0
    assert "would free 0 B in 0 files" in capfd.readouterr().out
