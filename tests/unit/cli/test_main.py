"""The frame of the command line: the table, lazy imports, exit statuses, errors for people and for scripts."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from weighlock.cli import main as frame
from weighlock.cli.main import COMMANDS, root, run
from weighlock.core.error import DeniedError, InternalError, UndecidedError, UsageError, WeighlockError

HEAVY = ("cryptography", "yaml", "tqdm", "packaging", "asyncio", "http.client", "concurrent.futures", "ssl")
SCRIPT = """
import sys
from weighlock.cli.main import run
status = run(sys.argv[1:])
print(",".join(name for name in sys.modules), file=sys.stderr)
sys.exit(status)
"""


def subcommands() -> list[list[str]]:
    found = []
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        found.append([name])
        if isinstance(command, click.Group):
            found += [[name, inner] for inner in command.commands]
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert command.name == name
    assert command.short_help == COMMANDS[name][1]


@pytest.mark.parametrize("words", [[], *subcommands()], ids=" ".join)
def test_no_help_imports_a_heavy_module(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, *words, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: weighlock")
    loaded = set(done.stderr.strip().split(","))
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("words", subcommands(), ids=" ".join)
def test_every_command_that_prints_facts_takes_json_and_quiet(words: list[str]) -> None:
    command: click.Command | None = root
    context = click.Context(root)
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(context, word)
    if command is None or isinstance(command, click.Group) or words == ["completion"]:
        return
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--quiet"} <= options


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command(short_help=COMMANDS["ls"][1])
    def ls() -> None:
        raise error

    monkeypatch.setattr(frame.LazyGroup, "get_command", lambda *_: ls)


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (UsageError("key_missing", "no key", hint="make one"), 2, "error: no key [key_missing]"),
        (DeniedError("revoked", "it was revoked"), 1, "denied: it was revoked [revoked]"),
        (UndecidedError("io_failed", "the disk is gone"), 3, "error: the disk is gone [io_failed]"),
        (InternalError("unexpected", "a bug"), 3, "[unexpected]"),
        (OSError(28, "No space left on device", "/full"), 3, "/full: No space left on device [io_failed]"),
        (ValueError("surprise\x1b[31m"), 3, "ValueError: surprise\\x1b[31m [unexpected]"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.UsageError("wrong"), 2, "wrong"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_how_it_ends(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    word: str,
) -> None:
    raising(monkeypatch, error)
    assert run(["ls"]) == status
    captured = capsys.readouterr()
    assert word in captured.err
    assert captured.out == ""
    if isinstance(error, WeighlockError) and error.hint:
        assert "hint: make one" in captured.err


def test_an_error_with_json_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ls", "--json", "-e", "nowhere"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert facts["error"]["code"] == "environment_unknown"
    assert facts["outcome"] == "usage"


def test_a_misspelt_command_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pul"]) == 2
    assert "Did you mean pull" in capsys.readouterr().err


def test_an_assignment_without_equals_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--set", "lock", "config"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert run(["completion", shell]) == 0
    assert "_WEIGHLOCK_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_no_color_is_honoured_on_a_terminal(tmp_path: Path, no_color: str, *, coloured: bool) -> None:
    """An error and facts, each written to a pseudo-terminal."""
    facts = tmp_path / "config.json"
    facts.write_text("{}")
    ours, theirs = pty.openpty()
    try:
        for words in (["--set", "bogus=1", "ls"], ["inspect", str(facts)]):
            command = [sys.executable, "-m", "weighlock", *words]
            environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
            subprocess.run(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, check=False)
        told = os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"error: " in told
    assert b"1 file" in told
    assert told.count(b"\x1b[0m") >= 2 if coloured else b"\x1b" not in told


@pytest.mark.parametrize(
    "arguments", [["pull", "--json", "--nope"], ["pull", "--locked", "--update", "--json"]]
)
def test_wrong_arguments_are_json_too(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["error"]["code"], told["outcome"]) == ("arguments_invalid", "usage")
