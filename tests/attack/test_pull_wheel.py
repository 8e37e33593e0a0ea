"""Wheels and indexes that lie, tried through the command line with the real pip."""

import hashlib
import http.server
import os
import signal
import socketserver
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pull_project import (  # the fixtures are found by name
    CODE,
    MODEL,
    SPEC,
    STEM,
    WEIGHTS,
    WHEEL,
    Index,
    Project,
    index_fixture,  # noqa: F401
    metadata,
    project_fixture,  # noqa: F401
    record_of,
    wheel_members,
    write_zip,
)
from weighlock.core.digest import Digest
from weighlock.core.lock import Lock
from weighlock.source import pip, pip_process


def test_the_model_of_a_wheel_is_pulled_and_locked(project: Project, index: Index) -> None:
    raw = index.publish()
    ran = project.run("pull", SPEC, "--json")
    assert ran.status == 0, ran
    (facts,) = ran.facts["models"]
    assert [file["path"] for file in facts["files"]] == ["config.json", "weights/model.safetensors"]
    entry = Lock.parse(project.lock.read_bytes()).models["tiny-model"]
    assert entry.files["weights/model.safetensors"].digest == Digest.of(WEIGHTS)
    assert entry.facts == {"wheel": WHEEL, "wheel_digest": str(Digest.of(raw))}
    assert str(index.root) not in project.lock.read_text()


def test_what_is_locked_and_present_is_not_downloaded_again(project: Project, index: Index) -> None:
    index.publish()
    assert project.run("pull", SPEC).status == 0
    index.wheel.unlink()
    index.list("0" * 64)
    facts = project.run("pull", "--json").facts
    assert facts["models"][0]["status"] == "present"


def test_a_subfolder_of_a_wheel(project: Project, index: Index) -> None:
    index.publish()
    facts = project.run("pull", f"{SPEC}:tiny_model/data/weights", "--json").facts["models"][0]
    assert [file["path"] for file in facts["files"]] == ["model.safetensors"]
    project.run("pull", f"{SPEC}:tiny_model/absent", "--name", "b").denied("artifact_empty")
    project.run("pull", f"{SPEC}:../x", "--name", "b").denied("path_invalid")


def test_a_mirror_with_other_bytes_of_the_same_size(project: Project, index: Index) -> None:
    raw = bytearray(index.publish())
    raw[100] ^= 1
    index.wheel.write_bytes(raw)
    ran = project.run("pull", SPEC).denied("digest_mismatch")
    assert str(Digest.of(bytes(raw))) in ran.err
    project.assert_untouched()


def test_a_mirror_that_lies_consistently_against_a_lock(project: Project, index: Index) -> None:
    honest = Digest.of(index.publish())
    assert project.run("pull", SPEC).status == 0
    locked = project.lock.read_bytes()
    members = {**MODEL, **CODE, "tiny_model/data/config.json": b"[]"}
    forged = Digest.of(index.publish(wheel_members(members)))
    (project.store_folder / "blobs" / "sha256" / Digest.of(WEIGHTS).hex).unlink()
    ran = project.run("pull").denied("digest_mismatch")
    assert str(honest) in ran.err
    assert str(forged) in ran.err
    assert project.lock.read_bytes() == locked


def test_an_update_follows_the_index_and_says_what_changed(project: Project, index: Index) -> None:
    index.publish()
    assert project.run("pull", SPEC).status == 0
    index.publish(wheel_members({**MODEL, **CODE, "tiny_model/data/config.json": b"[]"}))
    facts = project.run("pull", "--update", "--json").facts["models"][0]
    assert [(change["path"], change["kind"]) for change in facts["changes"]] == [("config.json", "changed")]


def test_a_project_that_the_settings_do_not_name(project: Project, index: Index) -> None:
    index.publish()
    ran = project.run("pull", "pypi:tinymodel==1.0").denied("source_not_allowed")
    assert "did you mean tiny-model?" in ran.err
    assert "      pypi:\n        - tinymodel" in ran.err
    project.assert_untouched()


def test_a_version_that_does_not_exist(project: Project, index: Index) -> None:
    index.publish()
    ran = project.run("pull", "pypi:tiny-model==9.9")
    assert (ran.status, "[index_failed]" in ran.err) == (3, True), ran
    assert str(index.root) not in ran.err


def test_a_record_that_lies_about_the_weights(project: Project, index: Index) -> None:
    wrong = {**MODEL, "tiny_model/data/weights/model.safetensors": WEIGHTS[::-1]}
    index.publish(wheel_members(record=record_of({**wrong, **CODE})))
    ran = project.run("pull", SPEC).denied("record_mismatch")
    assert "weights/model.safetensors" in ran.err
    assert str(Digest.of(WEIGHTS)) in ran.err
    project.assert_untouched()


def test_a_record_that_leaves_out_the_weights(project: Project, index: Index) -> None:
    index.publish(wheel_members(record=record_of({"tiny_model/data/config.json": b"{}"})))
    project.run("pull", SPEC).denied("record_mismatch")
    project.assert_untouched()


def test_a_wheel_with_a_path_out_of_it(project: Project, index: Index) -> None:
    index.publish(wheel_members({**MODEL, "tiny_model/data/../../../etc/x": b"x"}))
    project.run("pull", SPEC).denied("path_invalid")
    project.assert_untouched()


def test_a_wheel_without_a_model(project: Project, index: Index) -> None:
    index.publish(wheel_members(CODE))
    project.run("pull", SPEC).denied("artifact_empty")
    project.assert_untouched()


def test_a_wheel_with_a_link(project: Project, index: Index) -> None:
    members = wheel_members({**MODEL, "tiny_model/data/link": b"/etc/passwd"})
    write_zip(index.wheel, members)
    with zipfile.ZipFile(index.wheel, "w") as archive:
        for path, content in members.items():
            info = zipfile.ZipInfo(path)
            info.external_attr = (0o120777 if path.endswith("link") else 0o100644) << 16
            archive.writestr(info, content)
    index.list(hashlib.sha256(index.wheel.read_bytes()).hexdigest())
    project.run("pull", SPEC).denied("link_refused")
    project.assert_untouched()


def test_a_bomb(project: Project, index: Index) -> None:
    index.publish(wheel_members({**MODEL, "tiny_model/data/zeros.bin": bytes(70_000_000)}))
    assert index.wheel.stat().st_size < 200_000
    project.run("pull", SPEC).denied("archive_too_large")
    project.assert_untouched()


def test_metadata_of_another_version(project: Project, index: Index) -> None:
    members = wheel_members()
    members[f"{STEM}.dist-info/METADATA"] = metadata(version="1.0.post1")
    index.publish(members)
    # pip itself refuses a wheel whose metadata differs from its name; the reader's own refusal is a unit test
    ran = project.run("pull", SPEC)
    assert (ran.status, "[index_failed]" in ran.err) == (3, True), ran
    project.assert_untouched()


def test_an_interruption_of_pip_leaves_nothing(
    project: Project, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.publish()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase " $* " in *" download "*) ;; *) exec {sys.executable} "$@" ;; esac\n'
        f"echo $$ >{tmp_path}/pid; exec sleep 1000\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr("weighlock.source.pip.sys.executable", str(python))

    def press(_: Path) -> int:
        if (tmp_path / "pid").exists():
            signal.raise_signal(signal.SIGINT)
        return 0

    monkeypatch.setattr("weighlock.source.pip._largest_wheel", press)
    assert project.run("pull", SPEC).status == 130
    assert list(scratch.iterdir()) == []
    project.assert_untouched()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_pip_that_does_nothing(
    project: Project, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.publish()
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 1000\n")
    python.chmod(0o755)
    monkeypatch.setattr("weighlock.source.pip.sys.executable", str(python))
    monkeypatch.setattr(
        "weighlock.source.pip.Pip", partial(pip.Pip, patience=pip_process.Patience(still_s=0.3))
    )
    ran = project.run("pull", SPEC)
    assert (ran.status, "[timed_out]" in ran.err) == (3, True), ran
    project.assert_untouched()


def test_a_pip_in_the_current_folder_is_not_run(project: Project, index: Index) -> None:
    index.publish()
    marker = project.root / "marker"
    (project.root / "pip.py").write_text(f"open({str(marker)!r}, 'w')")
    assert project.run("pull", SPEC).status == 0
    assert not marker.exists()


def test_pip_sees_no_secret_of_ours(project: Project, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.publish()
    monkeypatch.setenv("WEIGHLOCK_PASSPHRASE", "secret")
    monkeypatch.setenv("PIP_TARGET", str(project.root / "installed"))
    monkeypatch.setenv("PYTHONPATH", str(project.root / "elsewhere"))
    seen: dict[str, str] = {}
    real = pip_process.run_pip

    def run(command: Any, environ: Any, *arguments: Any, **named: Any) -> Any:
        seen.update(environ)
        return real(command, environ, *arguments, **named)

    monkeypatch.setattr(pip, "run_pip", run)
    assert project.run("pull", SPEC).status == 0
    assert {"PIP_INDEX_URL", "PATH"} <= seen.keys()
    assert not {"WEIGHLOCK_PASSPHRASE", "PIP_TARGET", "PYTHONPATH"} & seen.keys()
    assert not (project.root / "installed").exists()


@pytest.fixture
def plain_http(index: Index) -> Iterator[str]:
    """Serve the index over plain http on loopback and yield its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    handler = partial(Quiet, directory=str(index.root))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_digest_over_plain_http_confirms_nothing(project: Project, index: Index, plain_http: str) -> None:
    index.publish()
    assert project.run("pull", SPEC).status == 0
    locked = project.lock.read_text()
    index.serve(plain_http)
    project.run("pull", SPEC, "--name", "second").denied("origin_unconfirmed")
    # against a lock the bytes prove themselves, wherever they are from
    (project.store_folder / "blobs" / "sha256" / Digest.of(WEIGHTS).hex).unlink()
    ran = project.run("pull")
    assert ran.status == 0, ran
    assert "verified" in ran.out
    assert project.lock.read_text() == locked


def test_an_index_over_plain_http_that_links_elsewhere_confirms_nothing(
    project: Project, index: Index, plain_http: str
) -> None:
    index.publish()
    page = index.root / "simple" / "tiny-model" / "index.html"
    page.write_text(page.read_text().replace("../../files/", f"file://{index.root}/files/"))
    index.serve(plain_http)
    project.run("pull", SPEC).denied("origin_unconfirmed")
    project.assert_untouched()


def test_a_python_without_pip(
    project: Project, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.publish()
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr("weighlock.source.pip.sys.executable", str(python))
    ran = project.run("pull", SPEC)
    assert (ran.status, "[pip_missing]" in ran.err) == (3, True)
