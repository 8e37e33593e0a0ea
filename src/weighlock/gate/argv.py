"""Find the models that a command line or an environment names, without knowing the server."""

import json
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from weighlock.core.error import DeniedError
from weighlock.core.jsontext import read_json
from weighlock.gate.naming import (
    ABBREVIATION_CHARACTERS,
    DEFAULT_MODELS,
    ENGINE_MODULES,
    ENGINE_PROGRAMS,
    HUBS,
    INNER_WORDS,
    JSON_KEYS,
    JSON_OPTIONS,
    LIST_OPTIONS,
    MAYBE_MODEL_VARIABLES,
    MODEL_OPTIONS,
    MODEL_VARIABLE_ENDINGS,
    MODEL_VARIABLES,
    MODULE_RUNNERS,
    OTHER_MEANING_OF_M,
    SHORT_OPTIONS,
    SUBCOMMANDS,
)

_LONG: Final = MODEL_OPTIONS | LIST_OPTIONS | JSON_OPTIONS
_BREAKS: Final = re.compile(r"[;&|\n()`]+")
_SCRIPT_FOLLOWS: Final = re.compile(r"-[a-z]*c|eval")  # sh -c, bash -lc
MAX_SCRIPTS: Final = 8  # a script in a script; more is no way to start a server
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


_WRAPPERS: Final = frozenset({"env", "exec", "nice", "nohup", "sudo", "time"})


class Word(NamedTuple):
    """An argument and the line that it stands in."""

    text: str
    line: int


class Named(NamedTuple):
    """A model as it is named, by what, and where. ``text`` is empty where the name is missing."""

    text: str
    by: str
    line: int


class ScriptError(Exception):
    """A shell script that cannot be split into words."""


def models_in_command(words: Sequence[Word], *, program: bool = True) -> list[Named]:
    """Return the models that a command names, also inside shell scripts; raises ScriptError.

    ``program`` says that the first word is a program, not an argument to one that the image names.
    """
    first, *scripts = _commands(words)
    named = list(_models(first, _program(first) if program else ""))
    named += [each for command in scripts for each in _models(command, _program(command))]
    return list(dict.fromkeys(named))


def models_in_variable(name: str, text: str, line: int) -> list[Named]:
    """Return the models that an environment variable names."""
    if not is_model_variable(name):
        return []
    if name.upper() in MAYBE_MODEL_VARIABLES and "/" not in text:
        return []
    parts = text.split(",") if name.upper().startswith("LORA_") else [text]
    return [Named(_after_name(part.strip()), name, line) for part in parts if part.strip()]


def is_model_variable(name: str) -> bool:
    """Return whether a variable of this name can name a model."""
    upper = name.upper()
    known = upper in MODEL_VARIABLES or upper in MAYBE_MODEL_VARIABLES
    return known or upper.endswith(MODEL_VARIABLE_ENDINGS)


def names_engine(words: Sequence[Word]) -> bool:
    """Return whether a command starts an inference server that is known; raises ScriptError."""
    texts = [word.text for command in _commands(words) for word in command]
    return any(
        posixpath.basename(text) in ENGINE_PROGRAMS or text.startswith(ENGINE_MODULES) for text in texts
    )


def reads_configuration(words: Sequence[Word], *, engine: bool) -> Word | None:
    """Return the option by which a known server reads a file that may name a model; raises ScriptError."""
    if not engine:
        return None
    everything = (word for command in _commands(words) for word in command)
    return next((word for word in everything if re.fullmatch(r"--config(=.*)?|@.+", word.text)), None)


def _commands(words: Sequence[Word], depth: int = 0) -> Iterator[list[Word]]:
    """Yield the command itself, and each command of every script among its arguments."""
    yield list(words)
    for before, word in zip([None, *words], words, strict=False):
        if _is_script(before, word, inner=depth > 0):
            if depth >= MAX_SCRIPTS:
                raise ScriptError("scripts in scripts")
            for command in _script(word):
                yield from _commands(command, depth + 1)


def _is_script(before: Word | None, word: Word, *, inner: bool) -> bool:
    if not any(character.isspace() for character in word.text) or word.text.lstrip().startswith(("{", "[")):
        return False
    # inside a script a quoted text is most often just said
    runs = before is not None and _SCRIPT_FOLLOWS.fullmatch(before.text)
    return not inner or bool(runs) or "`" in word.text or "$(" in word.text


def _script(script: Word) -> Iterator[list[Word]]:
    joined = script.text.replace("\\\n", " ")
    lexer = shlex.shlex(joined, posix=True, punctuation_chars=";&|\n()`")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        texts = list(lexer)
    except ValueError as error:
        raise ScriptError(str(error)) from error
    command: list[Word] = []
    for text in texts:
        if _BREAKS.fullmatch(text):
            yield command
            command = []
        else:
            command.append(Word(text, script.line))
    yield command


def _models(command: Sequence[Word], program: str) -> Iterator[Named]:
    for position, word in enumerate(command):
        following = command[position + 1 :]
        is_script = any(character.isspace() for character in word.text)
        assignment = None if is_script else _ASSIGNMENT.fullmatch(word.text)
        if word.text.startswith("--"):
            yield from _long_option(word, following)
        elif word.text.startswith("-"):
            yield from _short_option(word, following, command[:position], program)
        elif assignment:
            yield from models_in_variable(assignment[1], assignment[2], word.line)
        else:
            yield from _subcommand(word, following)
        if not is_script and any(hub in word.text for hub in HUBS):
            yield Named(word.text, "a hub's address", word.line)


def _long_option(word: Word, following: Sequence[Word]) -> Iterator[Named]:
    written, equals, value = word.text.removeprefix("--").partition("=")
    name, dot, inner = written.replace("_", "-").lower().partition(".")  # vLLM: --json-option.key value
    if DEFAULT_MODELS.fullmatch(written):
        yield Named("", f"--{written}", word.line)
    option = _known_option(name)
    if option is None or (dot and option in JSON_OPTIONS and inner.replace("-", "_") not in JSON_KEYS):
        return
    if dot:
        yield Named(value if equals else (following[0].text if following else ""), f"--{written}", word.line)
        return
    values = [Word(value, word.line)] if equals else list(following[:1])
    if option in LIST_OPTIONS and not equals:
        values = _until_option(following)
    if not values or (not equals and values[0].text.startswith("--")):
        yield Named("", f"--{written}", word.line)
        return
    for each in values:
        yield from _values(option, written, each)


def _known_option(written: str) -> str | None:
    if written in _LONG:
        return written
    if len(written) < ABBREVIATION_CHARACTERS:
        return None
    return next((option for option in sorted(_LONG) if option.startswith(written)), None)


def _until_option(words: Sequence[Word]) -> list[Word]:
    found: list[Word] = []
    for word in words:
        if word.text.startswith("-"):
            break
        found.append(word)
    return found


def _values(option: str, written: str, word: Word) -> Iterator[Named]:
    if option in JSON_OPTIONS or word.text.lstrip().startswith(("{", "[{")):
        yield from _in_json(f"--{written}", word, nameless=option in JSON_OPTIONS)
    elif option in LIST_OPTIONS:
        for part in word.text.split(","):
            yield Named(_after_name(part), f"--{written}", word.line)
    else:
        yield Named(word.text, f"--{written}", word.line)


def _in_json(by: str, word: Word, *, nameless: bool) -> Iterator[Named]:
    """Yield the models that a JSON text names; ``nameless`` says that it may name none."""
    try:
        value = read_json(word.text.encode("utf-8", "surrogatepass"), what=by)
    except DeniedError:
        yield Named(word.text, by, word.line)
        return
    for entry in value if isinstance(value, list) else [value]:
        names = [entry[key] for key in JSON_KEYS if key in entry] if isinstance(entry, dict) else [entry]
        for name in names or ([] if nameless else [word.text]):
            yield Named(_text_of(name), by, word.line)


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _after_name(text: str) -> str:
    """Return what stands after ``name=``: adapters are given as name=path."""
    name, equals, rest = text.partition("=")
    return rest if equals and "/" not in name and "@" not in name else text


def _short_option(
    word: Word, following: Sequence[Word], before: Sequence[Word], program: str
) -> Iterator[Named]:
    written, equals, value = word.text.removeprefix("-").partition("=")
    if written == "sc" and following:  # vLLM's --speculative-config
        yield from _in_json("-sc", following[0], nameless=True)
    if written.startswith("sc."):
        yield from _long_option(Word(f"--speculative-config{word.text[3:]}", word.line), following)
    if written not in SHORT_OPTIONS:
        return
    if written == "m" and (program in OTHER_MEANING_OF_M or _runs_module(before)):
        return
    text = value if equals else (following[0].text if following else "")
    yield Named(text, f"-{written}", word.line)


def _runs_module(before: Sequence[Word]) -> bool:
    """Return whether an option stands directly after an interpreter and its own options."""
    places = (place for place in reversed(range(len(before))) if not before[place].text.startswith("-"))
    place = next(places, None)
    if place is None or not posixpath.basename(before[place].text).startswith(MODULE_RUNNERS):
        return False
    # what follows an option may be its value: llama-server --alias python -m FILE
    return place == 0 or before[place - 1].text == "--" or not before[place - 1].text.startswith("-")


def _program(command: Sequence[Word]) -> str:
    """Return the command's own name, empty if it begins with an option."""
    words = (word.text for word in command if not _ASSIGNMENT.fullmatch(word.text))
    names = (posixpath.basename(text) for text in words)
    found = next((name for name in names if name not in _WRAPPERS), "")
    return "" if found.startswith("-") else found


def _subcommand(word: Word, following: Sequence[Word]) -> Iterator[Named]:
    program = posixpath.basename(word.text)
    subcommands = SUBCOMMANDS.get(program)
    if subcommands is None:
        return
    rest = list(following)
    if subcommands and not (rest and rest[0].text in subcommands):
        return
    rest = rest[1:] if subcommands else rest
    while rest and rest[0].text in INNER_WORDS:
        rest = rest[1:]
    # Only a model directly after the command is sure to be one: what follows an option may be its value.
    text = rest[0].text if rest and not rest[0].text.startswith("-") else ""
    yield Named(text, " ".join(filter(None, (program, following[0].text if subcommands else ""))), word.line)
