"""Read Dockerfiles into instructions, as BuildKit's parser does (moby/buildkit, frontend/dockerfile/parser).

Directives, escapes, continuation lines with comments between them, and heredocs decide
where an instruction begins: a reader that gets them wrong does not see a FROM.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

MAX_DOCKERFILE_BYTES: Final = 1024 * 1024  # written by hand
_DIRECTIVE: Final = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_SLASH_DIRECTIVE: Final = re.compile(r"//\s*(syntax)\s*=\s*(.+?)\s*", re.IGNORECASE)
_INSTRUCTION: Final = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
_HEREDOC: Final = re.compile(r"\d*<<(-?)([^<]+)")
_WITH_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})
_DIRECTIVES: Final = frozenset({"syntax", "escape", "check"})
_LINE_BREAKS: Final = re.compile("[\x0b\x0c\x1c-\x1e\x85\u2028\u2029\ufeff\x00]")


class Instruction(NamedTuple):
    """An instruction in upper case, its arguments on one line, the bodies of its heredocs, its first line."""

    name: str
    arguments: str
    heredocs: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The instructions, the escape character, and the frontend that reads the file instead of the default."""

    instructions: tuple[Instruction, ...]
    escape: str
    syntax: tuple[str, int] | None


def read_dockerfile(raw: bytes) -> Dockerfile:
    """Return the instructions of ``raw``; raises DeniedError ``workload_invalid`` naming the line."""
    if len(raw) > MAX_DOCKERFILE_BYTES:
        raise invalid(1, f"the file has more than {MAX_DOCKERFILE_BYTES} bytes")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise invalid(raw.count(b"\n", 0, error.start) + 1, "the file is not UTF-8") from error
    if odd := _LINE_BREAKS.search(text):
        raise invalid(text.count("\n", 0, odd.start()) + 1, f"it contains {shown(odd.group())!r}")
    lines = text.replace("\r\n", "\n").split("\n")
    if alone := next((number for number, line in enumerate(lines, start=1) if "\r" in line), None):
        raise invalid(alone, "it contains a carriage return inside a line")
    escape, syntax = _read_directives(lines)
    return Dockerfile(tuple(_instructions(lines, escape)), escape, syntax)


def _read_directives(lines: list[str]) -> tuple[str, tuple[str, int] | None]:
    """Return the escape character and the frontend; directives stand before anything else."""
    escape, syntax = "\\", None
    seen: set[str] = set()
    doubtful = False
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith("#!"):
            doubtful = True
            continue
        match = _DIRECTIVE.fullmatch(line.strip()) or _SLASH_DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        name = match[1].lower()
        if name not in _DIRECTIVES:
            doubtful = True  # a comment, after which some builders still read directives
            continue
        if name in seen or line[0].isspace() or (name == "escape" and doubtful):
            raise invalid(number, f"the directive {name} stands where readers differ about it")
        seen.add(name)
        if name == "syntax":
            syntax = (match[2], number)
        if name == "escape":
            if match[2] not in {"\\", "`"}:
                raise invalid(number, "the escape directive is neither \\ nor `")
            escape = match[2]
    return escape, syntax


def _instructions(lines: list[str], escape: str) -> Iterator[Instruction]:
    # an escaped escape character at the end does not continue the line
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*\Z")
    position = 0
    while position < len(lines):
        start = position
        joined, position = _join(lines, position, continued)
        match = _INSTRUCTION.fullmatch(joined)
        if not joined.strip():
            continue
        if match is None:
            raise invalid(start + 1, f"{shown(joined.strip(), limit=60)!r} is not an instruction")
        name, arguments = match[1].upper(), (match[2] or "").strip()
        bodies, position = _heredocs(name, arguments, lines, position)
        yield Instruction(name, arguments, bodies, start + 1)


def _join(lines: list[str], position: int, continued: re.Pattern[str]) -> tuple[str, int]:
    """Return the instruction that begins at ``position`` on one line, and the position after it."""
    joined = ""
    going_on = False
    while position < len(lines):
        line = lines[position]
        position += 1
        if line.lstrip().startswith("#") or (going_on and not line.strip()):
            if not going_on:
                return "", position
            continue  # comments and empty lines inside an instruction are left out
        without = continued.sub("", line)
        joined += without
        if without == line:
            return joined, position
        going_on = True
    return joined, position


def _heredocs(name: str, arguments: str, lines: list[str], position: int) -> tuple[tuple[str, ...], int]:
    if name == "ONBUILD":
        match = _INSTRUCTION.fullmatch(arguments)
        name, arguments = (match[1].upper(), match[2] or "") if match else (name, arguments)
    bodies: list[str] = []
    found = [_HEREDOC.fullmatch(word) for word in split_words(arguments)] if name in _WITH_HEREDOC else []
    for match in filter(None, found):
        if not _closes(arguments):
            raise invalid(position, "a line with a heredoc has quotes that do not close")
        start, body = position, list[str]()
        end = re.sub(r"[\"'\\]", "", match[2])
        while position < len(lines):
            line = lines[position].lstrip("\t") if match[1] else lines[position]
            position += 1
            if line == end:
                break
            body.append(line)
        else:
            raise invalid(start, f"the heredoc {shown(end)!r} has no end")
        bodies.append("\n".join(body))
    return tuple(bodies), position


def split_words(text: str, escape: str = "\\") -> list[str]:
    """Return the words of ``text``, quotes and escapes kept."""
    words, current, quote = [], "", ""
    characters = iter(text)
    for character in characters:
        if character == escape and quote != "'":
            current += character + next(characters, "")
        elif character.isspace() and not quote:
            words.append(current)
            current = ""
        else:
            if character == quote:
                quote = ""
            elif character in "\"'" and not quote:
                quote = character
            current += character
    return [word for word in (*words, current) if word]


def _closes(text: str) -> bool:
    """Return whether the quotes of ``text`` close; where not, BuildKit sees no heredoc in it."""
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == "\\" and quote != "'":
            next(characters, "")
        elif character == quote:
            quote = ""
        elif character in "\"'" and not quote:
            quote = character
    return not quote


def unquote(word: str, escape: str = "\\") -> str:
    """Return a word without its quotes and escapes."""
    made, quote = "", ""
    characters = iter(word)
    for character in characters:
        if character == escape and quote != "'":
            made += next(characters, "")
        elif character == quote:
            quote = ""
        elif character in "\"'" and not quote:
            quote = character
        else:
            made += character
    return made


def invalid(line: int, why: str) -> DeniedError:
    """Return the error for a Dockerfile that cannot be read."""
    return DeniedError(
        "workload_invalid",
        f"line {line}: {why}",
        hint="write the file so that it can be read in one way only",
        details={"line": line},
    )
