"""What documents and hints say exists, exists: commands, options, links, error codes, settings."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
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
COMMAND = re.compile(r"(?:^|[`$(]\s*|\n\s*)weighlock ((?:[a-z][a-z-]* ?){1,2})")
# a whole command line: in backticks, after a prompt, or indented; continued lines are one
LINE = re.compile(r"`weighlock ([^`\n]+)`|^(?:\$ | {4})weighlock ((?:[^\n\\]|\\\n)+)", re.MULTILINE)
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
def test_every_option_named_exists(file: Path) -> None:
    for line in lines_of(file.read_text(encoding="utf-8")):
        assert not unknown_words(line), line


@pytest.mark.parametrize("file", sorted((ROOT / "src").rglob("*.py")), ids=ids)
def test_every_command_line_in_a_hint_exists(file: Path) -> None:
    for text in texts_of(file):
        for line in lines_of(text):
            assert not unknown_words(line), line


def test_what_does_not_exist_is_noticed() -> None:
    assert unknown_words("pull --lokced") == ["--lokced"]
    assert unknown_words("sbom reveiw X") == ["reveiw"]
    assert unknown_words("polish") == ["polish"]
    assert unknown_words("-C a.yaml log -e production verify # daily --x") == []
    assert unknown_words("request m --name m -- python --model x") == []
    assert list(lines_of("`weighlock pull --x`\n$ weighlock a \\\n  --b\n")) == ["pull --x", "a   --b"]


def lines_of(text: str) -> Iterator[str]:
    for match in LINE.finditer(text):
        yield (match[1] or match[2]).replace("\\\n", "")


def unknown_words(line: str) -> list[str]:
    """Return the options and subcommands of a command line that do not exist."""
    command: click.Command = root
    context = click.Context(root)
    known = options_of(root)
    unknown = []
    for word in line.partition(" # ")[0].partition(" -- ")[0].split():
        if word.startswith("-"):
            unknown += [word] if word.partition("=")[0] not in known else []
        elif isinstance(command, click.Group) and re.fullmatch("[a-z-]+", word):
            inner = command.get_command(context, word)
            if inner is not None:
                command = inner
                known |= options_of(inner)
            elif command is root or word not in {"production", "experimentation"}:
                unknown.append(word)
    return unknown


def options_of(command: click.Command) -> set[str]:
    return {"-h", "--help", *(name for each in command.params for name in (*each.opts, *each.secondary_opts))}


def texts_of(file: Path) -> Iterator[str]:
    """Yield every text of a module, what an f-string fills in being written X."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


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
