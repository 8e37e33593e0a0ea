"""Find a rule by its id, and the digest of all that results are judged by.

A rule's id begins with its family; a family is one module here and is imported when one of its
rules speaks, because most files need few of them.
"""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from weighlock.inspection.rulebook.rule import Rule

if TYPE_CHECKING:
    from weighlock.core.digest import Digest

# what the ids of a family's rules begin with → the family's module
_FAMILIES: Final = {
    "archive": "archive",
    "config": "config",
    "coreml": "coreml",
    "executorch": "torch",
    "flax": "tree",
    "gguf": "gguf",
    "hdf5": "keras",
    "json": "config",
    "keras": "keras",
    "modelfile": "template",
    "name": "file",
    "native": "file",
    "notebook": "python",
    "npy": "archive",
    "onnx": "onnx",
    "openvino": "openvino",
    "package": "package",
    "pickle": "pickle",
    "python": "python",
    "repository": "repository",
    "safetensors": "safetensors",
    "script": "file",
    "secret": "repository",
    "sentencepiece": "sentencepiece",
    "skops": "skops",
    "tar": "archive",
    "template": "template",
    "tf": "tensorflow",
    "tflite": "tensorflow",
    "torch": "torch",
    "torchscript": "torch",
    "tree": "tree",
    "yaml": "config",
    "zip": "archive",
}


def find_rule(rule_id: str) -> Rule:
    """Return the rule with this id; raises KeyError."""
    return _family(family_of(rule_id))[rule_id]


def family_of(rule_id: str) -> str:
    """Return the family, a module of this package, that a rule belongs to; raises KeyError."""
    return _FAMILIES[rule_id.partition("-")[0]]


def all_rules() -> dict[str, Rule]:
    """Return every rule by its id, in order of the ids."""
    found: dict[str, Rule] = {}
    for family in _modules():
        found.update(_family(family))
    return dict(sorted(found.items()))


@cache
def ruleset_digest() -> "Digest":
    """Return the digest over the files of the rulebook, rules and tables alike: results name it."""
    from pathlib import Path  # noqa: PLC0415  # every worker imports this module, and none asks for the digest

    from weighlock.core.digest import Digest  # noqa: PLC0415  # as above

    here = Path(__file__).parent
    files = sorted([*here.glob("*.py"), *here.glob("data/*.tsv")])
    return Digest.of("".join(f"{file.name}\0{Digest.of(file.read_bytes())}\n" for file in files).encode())


def _modules() -> list[str]:
    return sorted(set(_FAMILIES.values()))


@cache
def _family(name: str) -> dict[str, Rule]:
    rules: tuple[Rule, ...] = import_module(f"{__package__}.{name}").RULES
    return {rule.id: rule for rule in rules}
