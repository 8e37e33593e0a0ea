"""What is offered as a target is no ordinary file: told clearly, never waited for, never called clean."""

import errno
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from model_file import safetensors, tensor
from weighlock.cli.main import run
from weighlock.core.outcome import Outcome
from weighlock.service import inspect as service
from weighlock.service.inspection_process import InspectionProcess

SYSTEM = b"cos\nsystem\n(S'touch marker'\ntR."


def refused(capsys: pytest.CaptureFixture[str], code: str, *targets: str | Path) -> str:
    status = run(["inspect", *map(str, targets)])
    told = capsys.readouterr()
    assert f"[{code}]" in told.err
    assert "hint:" in told.err
    assert "clean" not in told.out
    assert status != Outcome.CLEAN
    return told.err


def test_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, "source_missing", tmp_path / "nothing")
    refused(capsys, "source_missing", tmp_path / "nothing", tmp_path)


def test_a_fifo_without_a_writer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "model.bin")
    refused(capsys, "file_special", tmp_path / "model.bin")
    refused(capsys, "file_special", tmp_path)


def test_a_socket(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s.bin")
        refused(capsys, "file_special", "./s.bin")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/tty"])
def test_a_device(device: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "a device" in refused(capsys, "file_special", device)


def test_a_folder_without_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m" / "inner").mkdir(parents=True)
    refused(capsys, "artifact_empty", tmp_path / "m")


def test_a_link_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").symlink_to("/etc/passwd")
    refused(capsys, "link_refused", tmp_path)


def test_a_link_that_a_person_names_is_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "real").write_bytes(SYSTEM)
    (tmp_path / "model.pkl").symlink_to("real")
    assert run(["inspect", str(tmp_path / "model.pkl")]) == Outcome.FINDINGS
    capsys.readouterr()
    (tmp_path / "loop").symlink_to("loop")
    refused(capsys, "io_failed", tmp_path / "loop")


def test_an_unreadable_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(b"{}")
    opening = service.open_regular

    def open_regular(location: Path) -> int:
        if location.name == "a.json":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # which root never meets
        return opening(location)

    monkeypatch.setattr(service, "open_regular", open_regular)
    assert run(["inspect", str(tmp_path)]) == Outcome.UNDECIDED
    told = capsys.readouterr().out
    assert "a.json: it cannot be opened: Permission denied" in told
    assert "1 of 2 files" in told


def test_a_file_of_proc_has_no_size_and_is_not_called_clean(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "/proc/self/environ"]) == Outcome.UNDECIDED
    assert "its size is not known" in capsys.readouterr().out


def test_a_file_that_is_written_to_meanwhile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harmless bytes while they are looked at, others before anybody loads them."""
    file = tmp_path / "config.json"
    file.write_bytes(b"{}")
    examine = InspectionProcess.examine_all

    def examined(process: InspectionProcess, batch: object) -> object:
        for done in examine(process, batch):  # type: ignore[arg-type]  # what the service passes
            with file.open("ab") as stream:
                stream.write(SYSTEM)
            yield done

    monkeypatch.setattr(InspectionProcess, "examine_all", examined)
    assert run(["inspect", str(tmp_path)]) == Outcome.UNDECIDED
    assert "it was written to while it was examined" in capsys.readouterr().out


def test_a_file_that_grows_all_the_time_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, stop = tmp_path / "model.bin", threading.Event()
    file.write_bytes(SYSTEM)

    def grow() -> None:
        with file.open("ab") as stream:
            while not stop.is_set() and stream.tell() < 64 << 20:
                stream.write(SYSTEM * 1000)
                stream.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        assert run(["inspect", str(file)]) == Outcome.FINDINGS
    finally:
        stop.set()
        writer.join()
    capsys.readouterr()


def test_a_file_named_explain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("explain").write_bytes(SYSTEM)
    assert run(["inspect", "./explain"]) == Outcome.FINDINGS
    assert run(["inspect", "explain"]) == Outcome.CLEAN
    assert "pickle-global-dangerous" in capsys.readouterr().out


def test_several_targets_keep_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("a/model.bin", "b/model.bin"):
        Path(place).parent.mkdir()
        Path(place).write_bytes(
            SYSTEM if place[0] == "b" else safetensors({"a": tensor("U8", [1], 0, 1)}, b"x")
        )
    assert run(["inspect", "--json", "a", "b/model.bin"]) == Outcome.FINDINGS
    told = json.loads(capsys.readouterr().out)
    assert told["target"] == ["a", "b/model.bin"]
    assert {file["path"]: file["outcome"] for file in told["files"]} == {
        "a/model.bin": "clean",
        "b/model.bin": "findings",
    }
    assert run(["inspect", "a", "experimentation:x"]) == Outcome.USAGE


def test_a_name_with_control_characters_is_shown_safely(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, "source_missing", tmp_path / "a\x1b[31mb")
    assert "\x1b" not in refused(capsys, "source_missing", str(tmp_path / "x\x1b]0;y\x07"))
