"""What the documents say exists, exists: commands, options, links, error codes, settings."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from weighlock.cli.main import COMMANDS, root
from weighlock.core.code import CODES
from weighlock.service.initialise import SETTINGS
from weighlock.settings import KEYS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(file for file in (ROOT / "docs").rglob("*.md") if file.name != "commands.md")]
)
COMMAND = re.compile(r"(?:^|[`$(]\s*|\n\s*)weighlock ((?:[a-z-]+ ?){1,2})")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"\[([a-z]+(?:_[a-z]+)+)\]")


def ids(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", DOCUMENTS, ids=ids)
def test_every_command_named_exists(file: Path) -> None:
    for words in COMMAND.findall(file.read_text(encoding="utf-8")):
        name, *rest = words.split()
        assert name in COMMANDS, words
        command = root.get_command(click.Context(root), name)
        if isinstance(command, click.Group) and not getattr(command, "invoke_without_command", False):
            assert rest, f"{words} needs a subcommand"
            assert rest[0] in command.commands, words


@pytest.mark.parametrize("file", DOCUMENTS, ids=ids)
def test_every_link_leads_somewhere(file: Path) -> None:
    for target in LINK.findall(file.read_text(encoding="utf-8")):
        if not target.startswith(("https://", "http://")):
            assert (file.parent / target).exists(), target


@pytest.mark.parametrize("file", DOCUMENTS, ids=ids)
def test_every_code_in_an_example_exists(file: Path) -> None:
    for code in codes_in(file):
        assert code in CODES, code


def codes_in(file: Path) -> list[str]:
    return CODE.findall(file.read_text(encoding="utf-8"))


def test_the_readme_shows_real_codes() -> None:
    assert {"sbom_not_reviewed", "approvals_missing"} <= set(codes_in(ROOT / "README.md"))


def test_rendered_documents_are_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "render_docs.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_settings_that_init_writes_are_commented_and_known() -> None:
    written = {
        line.split(":")[0].strip() for line in SETTINGS.splitlines() if line.strip() and "#" not in line[:3]
    }
    known = {part for name in KEYS for part in name.split(".")} | {"version"}
    assert {word for word in written if not word.startswith("#")} <= known
    assert SETTINGS.count("#") >= 6
