"""The process that parses: it dies, hangs, fills its memory, is left behind, or is taken over. Nothing else suffers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from inspect_house import PROGRAM
from weighlock.cli.main import run
from weighlock.core.outcome import Outcome
from weighlock.inspection.span import Span
from weighlock.sandbox.syscall import CHECKED, FILES, MEMORY, PROCESS, SOCKETS, WAITING
from weighlock.service import inspection_start
from weighlock.service.inspection_confinement import _ALLOWED
from weighlock.service.inspection_process import InspectionProcess

SOUND = b"{}"


@pytest.fixture(autouse=True)
def _misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_start, "_PROGRAM", PROGRAM)


def inspect(capsys: pytest.CaptureFixture[str], folder: Path) -> tuple[int, dict[str, Any]]:
    status = run(["inspect", "--json", str(folder)])
    told = json.loads(capsys.readouterr().out)
    return status, {file["path"]: file for file in told["files"]}


def model(folder: Path, *names: str, sound: int = 3) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(SOUND)
    for number in range(sound):
        (folder / f"sound-{number}.json").write_bytes(SOUND)
    return folder


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("hang", "took longer than"),
        ("sleep", "took longer than"),
        ("crash", "broke off: the worker ended with status -11"),
        ("raise", "ZeroDivisionError: a bug of a parser"),
        ("hungry", "more memory than"),
        ("deep", "nests deeper than"),
    ],
)
def test_one_file_never_ends_a_run(
    kind: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        InspectionProcess.__init__,
        "__kwdefaults__",
        _defaults(deadline_s=1.0 if why.startswith("took") else 30.0),
    )
    status, files = inspect(capsys, model(tmp_path / "m", f"{kind}.json", f"found-{kind}.json"))
    assert status == Outcome.FINDINGS
    silent, told = files[f"{kind}.json"], files[f"found-{kind}.json"]
    assert why in silent["notExamined"]
    assert silent["outcome"] == "undecided"
    assert [each["rule"] for each in told["findings"]] == ["pickle-global-dangerous"]
    assert told["findings"][0]["location"] == f"found-{kind}.json@7"
    assert (told["outcome"], told["format"]) == ("findings", "pickle")
    assert why in told["notExamined"]
    assert {file["outcome"] for name, file in files.items() if "sound" in name} == {"clean"}


def _defaults(**changes: Any) -> dict[str, Any]:
    return {**(InspectionProcess.__init__.__kwdefaults__ or {}), **changes}


def test_without_a_finding_it_is_not_examined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = inspect(capsys, model(tmp_path / "m", "crash.json"))
    assert status == Outcome.UNDECIDED


def test_a_worker_that_floods_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, files = inspect(capsys, model(tmp_path / "m", "found-many.json"))
    findings = files["found-many.json"]["findings"]
    assert len(findings) <= 201
    assert findings[0]["rule"] == "pickle-global-dangerous"


def test_a_worker_that_was_taken_over_reaches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "token")
    inherited = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        _, files = inspect(capsys, model(tmp_path / "m", "attempts.json", sound=0))
    finally:
        os.close(inherited)
    told = dict(files["attempts.json"]["facts"])
    assert told.pop("environment").replace("'", '"') in {"{}", '{"LC_CTYPE": "C.UTF-8"}'}
    assert "hostname" not in told.pop("descriptors")
    assert told.pop("fork") in {"OSError", "BlockingIOError"}
    assert set(told.values()) <= {"PermissionError", "OSError"}, told
    assert sorted(told) == ["connect", "datagram", "list", "program", "read", "signal", "write"]


def test_the_kernel_offers_no_confinement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = PROGRAM.replace(
        "import weighlock.service.inspection_worker as worker",
        "import weighlock.sandbox.inside.kernel as kernel; kernel.landlock_abi = lambda: 0\n"
        "import weighlock.service.inspection_worker as worker",
    )
    monkeypatch.setattr(inspection_start, "_PROGRAM", weak)
    assert run(["inspect", str(model(tmp_path / "m"))]) == Outcome.CLEAN
    assert "warning: the parsers ran without landlock" in capsys.readouterr().out
    assert run(["inspect", "--json", str(tmp_path / "m")]) == Outcome.CLEAN
    assert json.loads(capsys.readouterr().out)["tool"]["confinement"] == ["limits", "seccomp"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_command(number: signal.Signals, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", "hang.json", "sleep.json")
    (folder / "hang.json").write_bytes(
        b" " * (2 << 20)
    )  # each a batch of its own, so that both workers are busy
    (folder / "sleep.json").write_bytes(b" " * (2 << 20))
    program = (
        f"import sys; from weighlock.service import inspection_start; inspection_start._PROGRAM = {PROGRAM!r}\n"
        "from weighlock.cli.main import run; sys.exit(run(['inspect', sys.argv[1]]))"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    workers = _wait_for_children(command.pid, min(2, len(os.sched_getaffinity(0))))
    command.send_signal(number)
    _, errors = command.communicate(timeout=30)
    if number is signal.SIGINT:
        assert command.returncode == 130
        assert b"interrupted" in errors
    for pid in workers:
        _wait_until_gone(pid)


def _wait_for_children(pid: int, count: int) -> list[int]:
    children: list[int] = []
    until = time.monotonic() + 30
    while time.monotonic() < until:
        lists = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(each) for place in lists for each in place.read_text().split()]
        if len(children) >= count and all(_is_busy(each) for each in children):
            return children
        time.sleep(0.02)
    raise AssertionError(children)


def _is_busy(pid: int) -> bool:
    """Return whether a worker has begun: it has the file open."""
    with contextlib.suppress(OSError):
        return any(each.readlink().suffix == ".json" for each in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _wait_until_gone(pid: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return  # dead, and nobody of ours to bury it
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError(f"worker {pid} lives on")


def test_bytes_that_lie_elsewhere_are_asked_for() -> None:
    data = b'{"a": [1, 2, 3]}'
    asked: list[Span] = []

    def fetch(span: Span) -> bytes:
        asked.append(span)
        return data[span.offset : span.offset + span.length]

    with InspectionProcess() as process:
        done = process.examine_spans("config.json", len(data), fetch)
        assert done.examined.outcome is Outcome.CLEAN
        assert done.read_bytes == sum(span.length for span in asked) > 0
        shorter = process.examine_spans("config.json", len(data) + 5, fetch)
        assert "became shorter" in str(shorter.examined.not_examined)
        crashed = process.examine_spans("found-crash.json", len(data), fetch)
        assert [each.rule for each in crashed.examined.findings] == ["pickle-global-dangerous"]


def test_an_error_of_the_network_is_the_callers(tmp_path: Path) -> None:
    def fetch(span: Span) -> bytes:
        raise ConnectionError(f"no byte {span.offset}")

    with InspectionProcess() as process:
        with pytest.raises(ConnectionError, match="no byte 0"):
            process.examine_spans("config.json", 5, fetch)
        assert process.pid is None
        with (tmp_path / "a.json").open("w+b") as file:
            file.write(SOUND)
            file.flush()
            assert process.examine("a.json", 2, file.fileno()).examined.outcome is Outcome.CLEAN


@pytest.mark.parametrize("arguments", [["--help"], ["explain"], ["/nothing"], ["--nothing"], []])
def test_a_worker_that_was_started_early_and_is_not_needed_ends(arguments: list[str], tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = (
        "import sys, weighlock.service.inspection_start as start; real = start.start_worker\n"
        "def noted(memory):\n"
        "    made = real(memory); open(sys.argv.pop(), 'w').write(str(made.pid)); return made\n"
        "start.start_worker = noted\n"
        "from weighlock.cli.start import main; main()"
    )
    line = [sys.executable, "-c", program, "inspect", *arguments, str(told)]
    subprocess.run(line, capture_output=True, timeout=60, check=False)
    _wait_until_gone(int(told.read_text()))


def test_every_system_call_that_is_allowed_has_a_number() -> None:
    known = {name for table in (FILES, MEMORY, PROCESS, WAITING, SOCKETS, CHECKED) for name in table}
    assert known >= _ALLOWED
    assert not _ALLOWED & {
        "socket",
        "connect",
        "execve",
        "kill",
        "clone",
        "fork",
        "unlink",
        "rename",
        "ptrace",
    }
