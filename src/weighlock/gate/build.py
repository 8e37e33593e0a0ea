"""Judge what a Dockerfile builds from and what it would load (docs.docker.com, Dockerfile reference)."""

import csv
import json
import re
from collections.abc import Iterator
from typing import Final

from weighlock.core.text import shown
from weighlock.gate.argv import Named, ScriptError, Word, models_in_command, models_in_variable
from weighlock.gate.dockerfile import Dockerfile, Instruction, invalid, split_words, unquote
from weighlock.gate.judge import Judge
from weighlock.gate.naming import HUBS
from weighlock.gate.subject import Findings, Judgement, Verdict, allow, not_examined

SCRATCH: Final = "scratch"  # the empty image
_VARIABLE: Final = re.compile(
    r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::(?P<sign>[-+])(?P<word>[^{}$]*))?\})"
)
_HEALTH: Final = re.compile(r"\A(?:--\S+\s+)*CMD\s+")  # before the command of a HEALTHCHECK
_FLAG: Final = re.compile(r"--([a-z-]+)(?:=(.*))?", re.DOTALL)
_INSTRUCTION_IN_BODY: Final = re.compile(
    r"^\s*(?:ONBUILD\s+)?(?:FROM\s|(?:COPY|ADD)\s+--|RUN\s+--mount)", re.IGNORECASE | re.MULTILINE
)
_BODY_HINT: Final = "keep Dockerfiles out of heredocs: another builder reads the line as an instruction"
_PATH_HINT: Final = "leave the model to the workload that mounts it, or name a released digest"


def examine_dockerfile(dockerfile: Dockerfile, judge: Judge, findings: Findings) -> None:
    """Judge the frontend, every image that is built from or copied from, and every model that is named."""
    if dockerfile.syntax is not None:
        text, line = dockerfile.syntax
        findings.add(line, "syntax", "frontend", text, judge.image(text.split()[0]))
    _Builder(judge, findings, dockerfile.escape).examine(dockerfile.instructions)


class _Builder:
    """Goes through the instructions, knowing the stages and arguments before each."""

    def __init__(self, judge: Judge, findings: Findings, escape: str) -> None:
        self._judge = judge
        self._findings = findings
        self._escape = escape
        self._arguments: dict[str, str | None] = {}
        self._stages: list[str] = []

    def examine(self, instructions: tuple[Instruction, ...]) -> None:
        for instruction in instructions:
            self._take(instruction)
        if not self._stages:
            raise invalid(1, "there is no FROM")

    def _take(self, instruction: Instruction) -> None:
        name, arguments, heredocs, line = instruction
        if name == "FROM":
            self._from(arguments, line)
        elif name == "ARG" and not self._stages:
            self._argument(arguments)
        elif name == "ONBUILD":
            inner, _, rest = arguments.partition(" ")
            # the stages of this file are not those of the build in which it will run
            later = _Builder(self._judge, self._findings, self._escape)
            later._take(Instruction(inner.upper(), rest.strip(), heredocs, line))  # the same class
        elif name in {"COPY", "ADD", "RUN"}:
            self._copied(name, arguments, line)
        self._models(instruction)
        for body in heredocs:
            if _INSTRUCTION_IN_BODY.search(body):
                self._findings.skip(line, name, "a heredoc with a FROM in it", _BODY_HINT)

    def _argument(self, arguments: str) -> None:
        for word in split_words(arguments, self._escape):
            name, equals, value = word.partition("=")
            # set twice, builders differ in which one counts
            known = equals and name not in self._arguments
            self._arguments[name] = self._expand(unquote(value, self._escape)) if known else None

    def _from(self, arguments: str, line: int) -> None:
        words = [word for word in split_words(arguments, self._escape) if not _FLAG.fullmatch(word)]
        if len(words) not in {1, 3} or (len(words) == 3 and words[1].lower() != "as"):
            raise invalid(line, f"FROM {shown(arguments, limit=80)} is not FROM image [AS name]")
        written = unquote(words[0], self._escape)
        image = self._expand(written)
        if image is None:
            judged = not_examined(
                f"{shown(written)!r} depends on an argument without a default", "give the ARG a default"
            )
            self._findings.add(line, "FROM", "image", written, judged)
        elif image and image.lower() in self._stages:
            self._findings.add(line, "FROM", "stage", image, allow())
        else:
            self._findings.add(line, "FROM", "image", image, self._image(image))
        self._stages.append(words[2].lower() if len(words) == 3 else "")

    def _image(self, text: str) -> Judgement:
        return allow() if text == SCRATCH else self._judge.image(text)

    def _expand(self, text: str) -> str | None:
        """Return ``text`` with the values of earlier arguments; None if one has no value here."""
        missing = False

        def value_of(match: re.Match[str]) -> str:
            nonlocal missing
            value = self._arguments.get(match["name"] or match["braced"])
            if match["sign"] == "-" and not value:
                return match["word"]
            if match["sign"] == "+":
                return match["word"] if value else ""
            missing = missing or value is None
            return value or ""

        expanded = _VARIABLE.sub(value_of, text)
        return None if missing or "$" in expanded else expanded

    def _copied(self, name: str, arguments: str, line: int) -> None:
        for flag, value in _flags(arguments, self._escape):
            if flag == "from" and name != "RUN":
                self._source(value, f"{name} --from", line)
            elif flag == "mount" and name == "RUN":
                for source in _mount_sources(value, line):
                    self._source(source, "RUN --mount", line)

    def _source(self, source: str, path: str, line: int) -> None:
        known = source.lower() in self._stages or (source.isdigit() and int(source) < len(self._stages))
        if not known:
            self._findings.add(line, path, "image", source, self._image(source))

    def _models(self, instruction: Instruction) -> None:
        name, arguments, heredocs, line = instruction
        if name in {"ENV", "ARG"}:
            named = [
                each
                for variable, value in _assignments(arguments, self._escape)
                for each in models_in_variable(variable, value, line)
            ]
        elif name == "ADD":
            words = split_words(arguments, self._escape)
            named = [Named(each, name, line) for each in words if any(hub in each for hub in HUBS)]
        elif name in {"CMD", "ENTRYPOINT", "HEALTHCHECK", "RUN"}:
            try:
                named = models_in_command(_command_words(_HEALTH.sub("", arguments), heredocs, line))
            except ScriptError as error:
                self._findings.skip(line, name, f"the script ({error})", "write the command as a JSON list")
                return
        else:
            return
        for each in named:
            self._findings.add(line, f"{name} {each.by}", "model", each.text, self._model(each.text))

    def _model(self, text: str) -> Judgement:
        judged = self._judge.model(text)
        if text.startswith("/") and judged.verdict is Verdict.DENY:
            return not_examined(f"what lies at {shown(text)!r} is decided where the image runs", _PATH_HINT)
        return judged


def _flags(arguments: str, escape: str) -> Iterator[tuple[str, str]]:
    """Yield the flags that stand before an instruction's other words."""
    for word in split_words(arguments, escape):
        match = _FLAG.fullmatch(unquote(word, escape))
        if match is None:
            return
        yield match[1], match[2] or ""


def _mount_sources(value: str, line: int) -> list[str]:
    try:
        fields = next(csv.reader([value], strict=True), [])
    except csv.Error as error:
        raise invalid(line, f"the mount {shown(value, limit=80)!r} is not a list of fields") from error
    pairs = (field.partition("=") for field in fields)
    return [text.strip() for key, _, text in pairs if key.strip().lower() == "from"]


def _assignments(arguments: str, escape: str) -> list[tuple[str, str]]:
    words = split_words(arguments, escape)
    if words and "=" not in words[0]:  # ENV NAME the rest of the line
        name, _, rest = arguments.partition(" ")
        return [(name, rest.strip())]
    pairs = (word.partition("=") for word in words)
    return [(name, unquote(value, escape)) for name, _, value in pairs]


def _command_words(arguments: str, heredocs: tuple[str, ...], line: int) -> list[Word]:
    scripts = [Word(f"{body}\n", line) for body in heredocs]
    try:
        listed = json.loads(arguments)
    except ValueError:
        listed = None
    if isinstance(listed, list) and all(isinstance(text, str) for text in listed):
        return [Word(text, line) for text in listed] + scripts
    without_flags = re.sub(r"^(?:--\S+\s+)+", "", arguments)
    # With a newline even a single word is read as a script.
    return [Word(f"{without_flags}\n", line), *scripts]
