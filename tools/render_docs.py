"""Render docs/commands.md, docs/errors.md, docs/rules and the tables of docs/inspection.md from the program itself.

python tools/render_docs.py           write them
python tools/render_docs.py --check   exit 1 if they are not what would be written
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from inspection_table import render_allowed, render_formats, render_rules

from weighlock.cli.main import root
from weighlock.core.code import CODES

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 100
# marks in docs/inspection.md → what stands between each and the next end mark
TABLES = {"formats": render_formats, "names": render_allowed}


def render_commands() -> str:
    """Return the help of every command as Markdown."""
    parts = ["# Commands", "", "Rendered from the program by `make docs`; a test holds it equal.", ""]
    for path, command, context in walk(
        root, click.Context(root, info_name="weighlock", terminal_width=WIDTH)
    ):
        parts += [f"## `{path}`", "", "```", command.get_help(context).rstrip(), "```", ""]
    return "\n".join(parts)


def walk(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield a command and those below it, each with the path that a person types."""
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from walk(inner, click.Context(inner, context, name, terminal_width=WIDTH))


def render_errors() -> str:
    """Return the table of error codes as Markdown."""
    lines = [
        "# Error codes",
        "",
        "Rendered from the program by `make docs`; a test holds it equal. Codes are stable: scripts may",
        "rely on them. `--json` prints the code with its sentence, hint and details. A gate treats every",
        "error as deny.",
        "",
        "| code | what it means |",
        "|---|---|",
        *(f"| `{code}` | {sentence} |" for code, sentence in CODES.items()),
        "",
    ]
    return "\n".join(lines)


def render_inspection() -> str:
    """Return the page about inspection with its tables as the program has them."""
    text = (DOCS / "inspection.md").read_text(encoding="utf-8")
    for name, render in TABLES.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not mark or not end:
            sys.exit(f"docs/inspection.md has no place for {name}")
        text = f"{before}{mark}{render()}\n{end}{after}"
    return text


def main() -> int:
    """Write or compare; return the exit status."""
    rendered = {
        "commands.md": render_commands(),
        "errors.md": render_errors(),
        "inspection.md": render_inspection(),
        **render_rules(),
    }
    stale = [name for name, text in rendered.items() if not same(DOCS / name, text)]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is not what the program says; run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text(rendered[name], encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


def same(file: Path, text: str) -> bool:
    """Return whether a file holds exactly ``text``."""
    return file.is_file() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
