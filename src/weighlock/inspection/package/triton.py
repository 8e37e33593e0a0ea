"""The configuration of a model of the Triton server: which backend runs it (its model_config.proto, in text format)."""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report

_RULE: Final = "package-triton-python"
_WORD: Final = re.compile(r"#[^\n]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*|\S")
# what the backends and platforms of the server itself are called; a backend of another name is a library or Python
_KNOWN: Final = frozenset(
    {"onnxruntime", "openvino", "pytorch", "tensorflow", "tensorrt", "tensorrtllm", "dali", "fil", "identity", "ensemble",
     "onnxruntime_onnx", "pytorch_libtorch", "tensorflow_graphdef", "tensorflow_savedmodel", "tensorrt_plan", ""}
)  # fmt: skip


def examine_triton(report: Report, text: str) -> None:
    """Add that the backend is Python, or that nobody knows what it is."""
    words = [word for word in _WORD.findall(text) if not word.startswith("#")]
    for at, word in enumerate(words[:-2]):
        if words[at + 1] != ":" or word not in {"backend", "platform", "default_model_filename"}:
            continue
        value = _joined(words, at + 2)
        if word == "default_model_filename":
            python = value.endswith(".py")  # without a backend the server goes by the file's name
        else:
            python = value == "python"
            if not python and value not in _KNOWN:
                report.not_examined(f"no rule says what the backend {shown(value)} does")
        if python:
            report.find(_RULE, "the backend is Python: the server runs model.py")
            report.link("code", "1/model.py")


def _joined(words: list[str], at: int) -> str:
    """Return texts that stand behind each other, which are one; an escape in them makes it no known name."""
    end = at
    while end < len(words) and words[end][0] in "\"'":
        end += 1
    return "".join(word[1:-1] for word in words[at:end])
