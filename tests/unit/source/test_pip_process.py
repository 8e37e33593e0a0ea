"""Programs in the place of pip: that hang, that say too much, that start others. None of them outlives the call."""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from weighlock.core.error import UndecidedError
from weighlock.source import pip_process
from weighlock.source.pip_process import Patience, Stillness, file_sizes, run_pip

WAIT_S = 20.0
# starts another program, tells who both are, and hangs
HANG = """
import os, subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
with open("pids.new", "w") as file:
    print(os.getpid(), other.pid, file=file)
os.rename("pids.new", "pids")
other.wait()
"""


def run(
    program: str,
    folder: Path,
    *,
    look: Callable[[], None] = lambda: None,
    patience: Patience | None = None,
) -> pip_process.Ended:
    command = [sys.executable, "-c", f"import os; os.chdir({str(folder)!r})\n{program}"]
    return run_pip(command, os.environ, folder, look=look, patience=patience or Patience(look_every_s=0.01))


def refusal(program: str, folder: Path, patience: Patience) -> UndecidedError:
    with pytest.raises(UndecidedError) as caught:
        run(program, folder, patience=patience)
    return caught.value


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}  # dead, and not yet noted by who adopted it


def assert_all_ended(folder: Path) -> None:
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + WAIT_S
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, pids
        time.sleep(0.01)


def after(event: Callable[[], bool]) -> Patience:
    """Return a patience whose clock stands still until ``event``, and then runs out."""
    ticks = itertools.count(1)
    return Patience(still_s=600, look_every_s=0.01, clock=lambda: 600.0 * next(ticks) if event() else 0.0)


def test_what_it_says_and_how_it_ends(tmp_path: Path) -> None:
    said = run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", tmp_path)
    assert said == (3, b"out\n", b"err\n")


def test_more_than_a_pipe_holds_on_both_streams(tmp_path: Path) -> None:
    said = run("import sys; sys.stderr.write('e' * 300_000); sys.stdout.write('o' * 300_000)", tmp_path)
    assert said == (0, b"o" * 300_000, b"e" * 300_000)


def test_it_cannot_ask_anybody(tmp_path: Path) -> None:
    program = "import sys; print(repr(sys.stdin.read()), os.getsid(0) == os.getpid())"
    assert run(program, tmp_path).output == b"'' True\n"


def test_a_program_that_hangs(tmp_path: Path) -> None:
    error = refusal(HANG, tmp_path, after((tmp_path / "pids").exists))
    assert (error.code, "for 10 minutes" in error.message) == ("timed_out", True)
    assert_all_ended(tmp_path)


def test_a_program_that_ends_while_another_one_that_it_started_hangs(tmp_path: Path) -> None:
    program = HANG.replace("other.wait()", "")
    assert refusal(program, tmp_path, after((tmp_path / "pids").exists)).code == "timed_out"
    assert_all_ended(tmp_path)


def test_a_program_that_closes_its_output_and_hangs(tmp_path: Path) -> None:
    program = "import time; os.close(1); os.close(2); time.sleep(1000)"
    assert refusal(program, tmp_path, Patience(still_s=0.5, look_every_s=0.01)).code == "timed_out"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_that_says_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    monkeypatch.setattr(pip_process, "MAX_OUTPUT_BYTES", 1_048_576)
    error = refusal(f"import sys\nwhile True: sys.{stream}.write('x' * 60_000)", tmp_path, Patience())
    assert (error.code, "more than 1 MiB" in error.message) == ("index_failed", True)


def test_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    def press() -> None:
        if (tmp_path / "pids").exists():
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(HANG, tmp_path, look=press)
    assert_all_ended(tmp_path)


def test_whoever_does_something_has_time(tmp_path: Path) -> None:
    now = 0.0
    stillness = Stillness(tmp_path, Patience(still_s=600, clock=lambda: now))
    wheel = tmp_path / "sub" / "tiny.whl"
    wheel.parent.mkdir()
    for size in range(1, 20):  # hours, a byte at a time
        now += 599
        wheel.write_bytes(b"x" * size)
        stillness.check(0)
    now += 599
    stillness.check(1)  # a word is something, too
    now += 599
    wheel.unlink()  # it begins again
    stillness.check(1)
    now += 599
    stillness.check(1)
    now += 1
    with pytest.raises(UndecidedError) as caught:
        stillness.check(1)
    assert caught.value.code == "timed_out"


def test_files_that_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = tmp_path / "pip-unpack"
    unpacked.mkdir()
    wheel = tmp_path / "tiny.whl"
    wheel.write_bytes(b"12345")
    (tmp_path / "gone").symlink_to("nowhere")  # listed, and not there when it is looked at
    scandir = os.scandir

    def removed(folder: str) -> object:
        if Path(folder) == unpacked:
            raise FileNotFoundError(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", removed)
    assert file_sizes(tmp_path) == {str(wheel): 5, str(tmp_path / "gone"): 0}
