"""Read a Modelfile: what a model of Ollama is made from, and what is said to it.

Source: ollama/ollama, ``docs/modelfile.md`` and ``parser/parser.go``.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.ollama.go_template import examine_go_template
from weighlock.inspection.report import Report
from weighlock.inspection.template.wording import Wording, examine_wording

MAX_INSTRUCTIONS: Final = 10_000  # of one file; real ones have about ten
PARAMETERS: Final = frozenset(
    {
        "mirostat", "mirostat_eta", "mirostat_tau", "num_ctx", "repeat_last_n", "repeat_penalty", "temperature", "seed",
        "stop", "tfs_z", "num_predict", "top_k", "top_p", "min_p", "typical_p", "presence_penalty",
        "frequency_penalty", "penalize_newline", "num_keep", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv",
        "logits_all", "vocab_only", "use_mmap", "use_mlock", "num_thread", "num_gqa", "embedding_only",
        "rope_frequency_base", "rope_frequency_scale", "numa", "draft_num_predict",
    }
)  # fmt: skip
_LINE: Final = re.compile(r"[ \t]*([A-Za-z]+)[ \t]+")
_QUOTES: Final = '"""'


class Instruction(NamedTuple):
    """A word, what follows it without its quotes, and the line."""

    word: str
    value: str
    line: int


def read_modelfile(text: str) -> list[Instruction] | None:
    """Return the instructions of a Modelfile; None if the text is none."""
    found: list[Instruction] = []
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        row = text[at:end]
        if row.strip() and not row.lstrip().startswith("#"):
            match = _LINE.match(row)
            if match is None or len(found) == MAX_INSTRUCTIONS:
                return None
            start = at + match.end()
            quoted = text.find(_QUOTES, start, end)
            if quoted >= 0 and (match.group(1).lower() == "message" or quoted == start):
                closing = text.find(_QUOTES, quoted + 3)
                if closing < 0:
                    return None
                value, end = text[start:quoted] + text[quoted + 3 : closing], closing + 3
            else:
                value = row[match.end() :].strip()
                value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
            found.append(Instruction(match.group(1).lower(), value, line))
        line += text.count("\n", at, end)
        rest = text.find("\n", end)
        if rest < 0:
            break
        if text[end:rest].strip():
            return None  # something behind the quotes that close a text
        line += 1
        at = rest + 1
    return found


def examine_modelfile(report: Report, text: str) -> None:
    """Add what a Modelfile names and says: files outside of the folder, adapters, the template, texts."""
    instructions = read_modelfile(text)
    if instructions is None:
        report.find(
            "modelfile-instruction", "the Modelfile has a line that is no instruction, or a text without end"
        )
        report.not_examined("the Modelfile cannot be read")
        return
    for instruction in instructions:
        examine = _EXAMINE.get(instruction.word)
        if examine is None:
            told = f"the instruction {shown(instruction.word)!r} is not known"
            report.find("modelfile-instruction", told, line=instruction.line)
        else:
            examine(report, instruction)


def is_path(value: str) -> bool:
    """Return whether FROM means a file: Ollama takes what begins like a path or ends like a file of weights."""
    weights = (".gguf", ".safetensors", ".bin", ".pt", ".pth", ".ggml", ".onnx")
    return value.startswith((".", "/", "~", "\\")) or value.lower().endswith(weights) or "\\" in value


def _from(report: Report, instruction: Instruction) -> None:
    value = instruction.value
    report.fact(instruction.word, value)
    if "://" in value:
        _reject(report, instruction, "names an address on the network")
    elif instruction.word == "from" and not is_path(value):
        report.link("ollama-model", value)
    else:
        _path(report, instruction)


def _path(report: Report, instruction: Instruction) -> None:
    value = instruction.value
    if value.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:", value):
        _reject(report, instruction, "names a file by its place on the machine")
    elif "\\" in value or ".." in PurePosixPath(value).parts:
        _reject(report, instruction, "names a file outside of the model's folder")
    else:
        report.link("adapter" if instruction.word == "adapter" else "weights", str(PurePosixPath(value)))
        if value.lower().endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl")):
            _reject(report, instruction, "names a file that is a pickle by its name")


def _reject(report: Report, instruction: Instruction, what: str) -> None:
    told = f"{instruction.word.upper()} {what}: {shown(instruction.value)}"
    report.find("modelfile-path", told, line=instruction.line)


def _template(report: Report, instruction: Instruction) -> None:
    examine_go_template(report, "TEMPLATE", instruction.value)


def _says(report: Report, instruction: Instruction) -> None:
    examine_wording(report, instruction.word.upper(), [Wording(instruction.line, instruction.value)])


def _message(report: Report, instruction: Instruction) -> None:
    role, _, text = instruction.value.partition(" ")
    if role.lower() not in {"system", "user", "assistant", "tool"}:
        told = f"MESSAGE has the role {shown(role[:40])!r}"
        report.find("modelfile-instruction", told, line=instruction.line)
    examine_wording(report, "MESSAGE", [Wording(instruction.line, text)])


def _parameter(report: Report, instruction: Instruction) -> None:
    name = instruction.value.split(maxsplit=1)[0].lower() if instruction.value else ""
    if name not in PARAMETERS:
        told = f"the parameter {shown(name[:40])!r} is not known"
        report.find("modelfile-instruction", told, line=instruction.line)


def _fact(report: Report, instruction: Instruction) -> None:
    report.fact(instruction.word, instruction.value)


_EXAMINE: Final[dict[str, Callable[[Report, Instruction], None]]] = {
    "from": _from,
    "adapter": _from,
    "draft": _from,
    "template": _template,
    "system": _says,
    "message": _message,
    "license": _fact,
    "parameter": _parameter,
    "requires": _fact,
    "renderer": _fact,
    "parser": _fact,
}
