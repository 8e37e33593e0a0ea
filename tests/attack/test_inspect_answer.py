"""A worker that a file took over answers what the file says. It may lie about that file, and do nothing else."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from weighlock.cli.main import run
from weighlock.core.error import UndecidedError
from weighlock.core.outcome import Outcome
from weighlock.inspection.span import Span
from weighlock.service import inspection_start
from weighlock.service.inspection_process import InspectionProcess

# the worker answers with the bytes of a file whose name begins with "lie", as one message
PROGRAM: Final = """
import sys
sys.path.append(sys.argv[1])
import weighlock.service.inspection_worker as worker
from weighlock.inspection.span import Span
honest, framed = worker._examine, worker.frame

def examine(channel, source, path, size, options):
    if not path.startswith("lie"):
        return honest(channel, source, path, size, options)
    return source.fetch(Span(0, size))

worker._examine = examine
worker.frame = lambda message: len(message).to_bytes(4, "little") + message if type(message) is bytes else framed(message)
worker.main()
"""
FINDING: Final = {
    "rule": "script",
    "severity": "high",
    "confidence": "high",
    "location": "lie.json",
    "message": "a",
    "remedy": "b",
}
DONE: Final = {
    "path": "lie.json",
    "format": "json",
    "findings": [],
    "facts": [],
    "links": [],
    "notExamined": None,
    "skipped": [],
    "parts": 1,
    "formats": ["json"],
    "templates": [],
}


@pytest.fixture(autouse=True)
def _taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection_start, "_PROGRAM", PROGRAM)


def inspect(
    folder: Path, answer: object, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, Any], str]:
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    (folder / "lie.json").write_bytes(raw)
    (folder / "sound.json").write_bytes(b"{}")
    status = run(["inspect", "--json", str(folder)])
    files = {file["path"]: file for file in json.loads(capsys.readouterr().out)["files"]}
    run(["inspect", str(folder), *more])
    return status, files, capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [
        {"done": {**DONE, "path": "sound.json"}, "bytesRead": 1},
        {"done": DONE, "bytesRead": float("inf")},
        {"done": {**DONE, "parts": float("inf")}, "bytesRead": 1},
        {"done": {**DONE, "parts": float("nan")}, "bytesRead": 1},
        {"done": {**DONE, "findings": [{**FINDING, "rule": "nobody-knows-it"}]}, "bytesRead": 1},
        {"done": {**DONE, "findings": [{**FINDING, "severity": "harmless"}]}, "bytesRead": 1},
        {"done": {**DONE, "links": [["tensor-data-size"]]}, "bytesRead": 1},
        {"confined": ["limits", "landlock", "seccomp"], "engine": "compiled"},
        b"[" * 200_000,
        b"\xff\xfe",
        b"[]",
        b"{}",
    ],
)
def test_what_is_no_answer_leaves_the_file_unexamined_and_the_run_alone(
    answer: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, files, _ = inspect(tmp_path, answer, capsys)
    assert status == Outcome.UNDECIDED
    assert "broke off" in files["lie.json"]["notExamined"]
    assert files["sound.json"]["outcome"] == "clean"


def test_a_link_to_data_of_no_size_does_not_end_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"done": {**DONE, "format": "onnx", "links": [["tensor-data-size", "x a", ""]]}, "bytesRead": 1}
    status, files, _ = inspect(tmp_path, answer, capsys)
    assert status == Outcome.CLEAN  # the lie about its own file
    assert files["sound.json"]["outcome"] == "clean"


def test_what_it_says_reaches_no_terminal_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;x\x07\u202e\ud800\n| clean"
    told = {**FINDING, "location": f"lie.json{evil}", "message": evil, "remedy": evil}
    done = {**DONE, "format": evil, "findings": [told], "facts": [[evil, evil]], "formats": [evil]}
    page, junit = tmp_path.parent / "page.md", tmp_path.parent / "page.xml"
    answer = {"done": {**done, "notExamined": evil, "skipped": [evil]}, "bytesRead": 1}
    status, _, out = inspect(tmp_path, answer, capsys, "--all", f"--markdown={page}", f"--junit={junit}")
    assert status == Outcome.FINDINGS
    for text in (out, page.read_text("utf-8"), junit.read_text("utf-8")):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
        assert "\n| clean" not in text.replace("| clean | json | 2", "")


@pytest.mark.parametrize("span", [[-1, 4], [0, 1 << 60], [1 << 70, 1], [0], ["a", 1], [0, float("inf")]])
def test_bytes_that_the_file_does_not_have_are_asked_of_nobody(span: list[object]) -> None:
    asked: list[Span] = []
    answer = json.dumps({"span": span}).encode()

    def fetch(wanted: Span) -> bytes:
        asked.append(wanted)
        if len(asked) > 1:
            raise UndecidedError("io_failed", "asked for more than the file")
        return answer

    with InspectionProcess() as process:
        found = process.examine_spans("lie.json", len(answer), fetch)
    assert asked == [Span(0, len(answer))]
    assert found.examined.outcome is Outcome.UNDECIDED
