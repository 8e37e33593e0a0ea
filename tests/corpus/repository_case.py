"""Models of several files, which say something of each other."""

import json
from dataclasses import dataclass

from corpus.case import Case
from corpus.python_case import bytecode
from model_file import safetensors, tensor


@dataclass(frozen=True)
class Model:
    """The files of a model, and the rules that must speak of which of them."""

    name: str
    files: dict[str, bytes]
    told: frozenset[tuple[str, str]] = frozenset()


def cases() -> list[Case]:
    """Single files are the other families' affair."""
    return []


def models() -> list[Model]:
    weights, second = (safetensors({name: tensor("U8", [1], 0, 1)}, b"x") for name in "ab")
    index = json.dumps(
        {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    ).encode()
    both = {"model-00001-of-00002.safetensors": weights, "model-00002-of-00002.safetensors": second}
    auto = json.dumps({"auto_map": {"AutoModel": "modeling_x.Model"}}).encode()
    elsewhere = json.dumps({"auto_map": {"AutoModel": "other/repo--modeling_x.Model"}}).encode()
    pyc = bytecode("X")
    name = "model.safetensors.index.json"
    return [
        Model("shards", {name: index, **both}),
        Model("code", {"config.json": auto, "modeling_x.py": b"X = 1\n"}),
        Model("package", {"config.json": auto, "modeling_x/__init__.py": b"X = 1\n"}),
        Model("alone", {"config.json": auto}),
        Model("source", {"__pycache__/x.cpython-311.pyc": pyc, "x.py": b"X = 1\n"}),
        Model("other source", {"__pycache__/x.cpython-311.pyc": bytecode("X", "system"), "x.py": b"X = 1\n"}, frozenset({("__pycache__/x.cpython-311.pyc", "repository-bytecode-differs")})),
        Model("empty source", {"x.pyc": pyc, "x.py": b"# nothing\n"}, frozenset({("x.pyc", "repository-bytecode-differs")})),
        Model("in a folder", {f"a/{name}": index, **{f"a/{path}": data for path, data in both.items()}}),
        Model("tensor elsewhere", {name: index, **both, "model-00002-of-00002.safetensors": weights}, frozenset({(name, "repository-shard-tensor")})),
        Model("shard missing", {name: index, "model-00001-of-00002.safetensors": weights}, frozenset({(name, "repository-shard-missing")})),
        Model("shard too many", {name: index, **both, "model-00003-of-00002.safetensors": weights}, frozenset({("model-00003-of-00002.safetensors", "repository-shard-unlisted")})),
        Model("code missing", {"config.json": auto, "model.safetensors": weights}, frozenset({("config.json", "repository-code-missing")})),
        Model("code elsewhere", {"config.json": elsewhere}, frozenset({("config.json", "repository-code-elsewhere")})),
        Model("two formats", {"model.safetensors": weights, "pytorch_model.bin": b"x"}, frozenset({("pytorch_model.bin", "repository-two-formats")})),
        Model("compiled alone", {"__pycache__/x.cpython-311.pyc": pyc, "y.py": b"X = 1\n"}, frozenset({("__pycache__/x.cpython-311.pyc", "repository-bytecode-alone")})),
    ]  # fmt: skip
