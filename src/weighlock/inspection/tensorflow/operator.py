"""What TensorFlow's operators reach besides tensors: the tables of the rulebook, and attributes that decide."""

import re
from functools import cache
from typing import Final, NamedTuple

from weighlock.core.text import shown
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.rulebook.table import read_rows
from weighlock.inspection.tensorflow.node import attributes_of, texts_of

SAVE: Final = "tf-save-operator"  # ordinary where a model saves and restores itself
ASSET: Final = "tf-asset-operator"  # ordinary if the model has assets
CUSTOM: Final = "tf-custom-operator"
_CALLBACK: Final = re.compile(
    rb"python_[a-z]{3}_callback|py_client_callback"
)  # names of JAX's calls to the host
_STREAMS: Final = frozenset({"", "stdout", "stderr", "log(info)", "log(warning)", "log(error)"})


class Judged(NamedTuple):
    """The rule that an operator speaks by, and what it does."""

    rule: str
    why: str


@cache
def _marked() -> dict[str, Judged]:
    return {name: Judged(rule, why) for name, rule, why in read_rows("tensorflow_operator", 3)}


@cache
def _standard() -> frozenset[str]:
    return frozenset(name for name, _ in read_rows("tensorflow_standard", 2))


@cache
def _libraries() -> tuple[tuple[str, Judged], ...]:
    return tuple((name, Judged(rule, why)) for name, rule, why in read_rows("tensorflow_library", 3))


def judge_operator(name: str) -> Judged | None:
    """Return what to say of an operator by its name; None if it only computes, as most do.

    A name that nobody knows is a function of the graph, or needs a native library.
    """
    marked = _marked().get(name)
    if marked or name in _standard():
        return marked
    for beginning, judged in _libraries():
        if name.startswith(beginning):
            return Judged(judged.rule, f"is carried out by a library beside TensorFlow: {judged.why}")
    return Judged(CUSTOM, "is no operator of TensorFlow: a native library must be loaded for it")


def judge_attributes(message: Message, judged: Judged) -> Judged | None:
    """Return what to say of a node whose attributes decide, and None if they are harmless."""
    attributes = attributes_of(message)
    if judged.rule == "tf-print-operator":
        stream = b"".join(texts_of(attributes.get("output_stream"))).decode("utf-8", "backslashreplace")
        return None if stream in _STREAMS else Judged("tf-file-operator", f"appends to {shown(stream)}")
    if judged.rule == "tf-debug-operator":
        urls = [url for key in ("debug_urls", "dump_root") for url in texts_of(attributes.get(key))]
        return Judged("tf-network-operator", f"{judged.why}: {_first(urls)}") if any(urls) else None
    if judged.rule == "tf-descriptor-operator":
        source = b"".join(texts_of(attributes.get("descriptor_source")))
        harmless = source in {b"", b"local://"} or source.startswith(b"bytes://")
        return (
            None if harmless else Judged("tf-file-operator", f"reads message types from {_first([source])}")
        )
    if judged.rule == "tf-module-operator":
        module = b"".join(texts_of(attributes.get("module")))
        return Judged("tf-python-operator", judged.why) if _CALLBACK.search(module) else None
    return judged


def _first(texts: list[bytes]) -> str:
    return shown(next(filter(None, texts), b"").decode("utf-8", "backslashreplace"), limit=100)
