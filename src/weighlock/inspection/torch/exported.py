"""What an exported program (``.pt2``) would do when it is loaded or run.

Sources: torch/export/pt2_archive/_package.py (the archive), torch/_export/serde/schema.py and serialize.py (the
program), torch/utils/_pytree.py (the description of inputs and outputs), torch/export/_unlift.py (guards).
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from weighlock.core.text import shown
from weighlock.inspection.archive.member import Member
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.torch.expression import is_expression
from weighlock.inspection.torch.layout import Layout
from weighlock.inspection.torch.operator import find_class, find_operator
from weighlock.inspection.torch.payload import examine_payloads
from weighlock.inspection.torch.tensor import Tally, examine_tensors
from weighlock.inspection.torch.value import Global

MAX_PROGRAM_BYTES: Final = 64 * 1024 * 1024  # of JSON; its objects take some ten times as much

_PROGRAM: Final = re.compile(r"models/[^/]+\.json|serialized_exported_program\.json")
_NATIVE: Final = re.compile(r"data/aotinductor/.+(?<!\.json)")
_CONFIG: Final = re.compile(r"data/(weights|constants)/([^/]+)_(?:weights|constants)_config\.json")
_OBJECT: Final = re.compile(r"data/constants/opaque_obj_.+")
_SCRIPT_OBJECT: Final = re.compile(r"data/constants/custom_obj_.+")
_PLAIN_TARGET: Final = re.compile(
    r"math\.[a-z0-9]+"
    r"|_operator\.(?:add|sub|mul|truediv|floordiv|mod|pow|neg|pos|abs|eq|ne|lt|le|gt|ge|getitem|and_|or_|xor|not_|inv"
    r"|invert|lshift|rshift|is_|is_not|index|truth|matmul)"
    r"|torch\.(?:sym_(?:float|int|ite|max|min|not|sqrt|sum|fresh_size)|_sym_[a-z0-9]+|_C\._set_grad_enabled)"
    r"|torch\.amp\.autocast_mode\._(?:enter|exit)_autocast"
    r"|torch\._functorch\.predispatch\._\w+"
    r"|torch\._constrain_as_\w+|torch\._check"
)
_OPERATOR: Final = re.compile(r"torch\.ops\.(\w+)\.(\w+)(?:\.\w+)?")
_WALKS: Final = ("torch", "_operator", "math")  # where the loader begins to walk attributes
_TYPES: Final = re.compile(
    r"(?:builtins|collections|torch(?:\.\w+)*|transformers(?:\.\w+)*|diffusers(?:\.\w+)*)"
)
_SAFE_FACTORIES: Final = frozenset(
    {"list", "dict", "set", "int", "float", "str", "tuple", "OrderedDict", "bool"}
)


def examine_exported(layout: Layout) -> Reading[dict[Global, None]]:
    """Examine the parts of an exported program that only its loader reads.

    Returns the names in its objects of TorchScript, whose reader imports nothing.
    """
    _find_native(layout)
    for name in layout.matching(_PROGRAM):
        member = layout.rest.pop(name)
        program = yield from _read_json(layout, member)
        if program is not None:
            _Program(layout.file.report.member(member.name)).examine(program)
    for name in layout.matching(_CONFIG):
        member = layout.rest.pop(name)
        config = yield from _read_json(layout, member)
        if config is not None:
            yield from examine_payloads(layout, member, name.rpartition("/")[0], config)
    for name in layout.matching(_OBJECT):
        layout.file.report.member(layout.members[name].name).find(
            "torch-export-object", "loading unpickles it"
        )
    names: dict[Global, None] = {}
    for name in layout.matching(_SCRIPT_OBJECT):
        values = yield from examine_tensors(layout, layout.members[name], (), Tally())
        names.update(values.names if values else {})
    return names


def _find_native(layout: Layout) -> None:
    native = [layout.members[name].name for name in layout.matching(_NATIVE)]
    if native:
        some = ", ".join(shown(name.rpartition("/")[2], limit=40) for name in native[:3])
        layout.file.report.find(
            "torch-native-code", f"{len(native)} members are what AOTInductor compiled: {some}"
        )


def _read_json(layout: Layout, member: Member) -> Reading[Any]:
    data = yield from layout.read(member, MAX_PROGRAM_BYTES)
    if data is None:
        return None
    try:
        return json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        layout.file.report.member(member.name).not_examined(
            f"its JSON cannot be read: {shown(str(error), limit=100)}"
        )
    return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice, and readers differ about which counts")
    return found


class _Program:
    """The JSON of a program; every string that the loader evaluates, resolves or imports is looked at."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.nodes = 0

    def examine(self, program: Any) -> None:
        for key, value in _walk(program):
            self.entry(key, value)
        self.report.fact("nodes", self.nodes)

    def entry(self, key: str, value: Any) -> None:
        if key in {"target", "as_operator"} and isinstance(value, str):
            self.nodes += key == "target"
            self.target(value)
        elif key == "expr_str":
            self.expression(value, guard=False)
        elif key == "guards_code" and isinstance(value, list):
            for guard in value:
                self.expression(guard, guard=True)
        elif key in {"in_spec", "out_spec"} and isinstance(value, str):
            self.tree(value)
        elif key == "class_fqn" and isinstance(value, str):
            find_class(self.report, value.removeprefix("__torch__.torch.classes."))

    def target(self, target: str) -> None:
        """Report a target that is no operator, or one that is not harmless."""
        operator = _OPERATOR.fullmatch(target)
        if operator:
            find_operator(self.report, operator[1], operator[2])
        elif target.startswith("#"):
            namespace, _, name = target[1:].partition(":")
            find_operator(self.report, namespace, name)
        elif _PLAIN_TARGET.fullmatch(target):
            return
        elif target.startswith(_WALKS):
            told = f"a node calls {shown(target, limit=120)!r}, which the loader finds by walking attributes"
            self.report.find("torch-export-target", told)
        else:
            self.named(target)

    def named(self, target: str) -> None:
        """A target that the loader takes as it is: the name of an input, a parameter or a subgraph."""
        if not re.fullmatch(r"[\w.]+", target):
            self.report.not_examined(f"a node has the target {shown(target, limit=60)!r}")

    def expression(self, text: Any, *, guard: bool) -> None:
        plain = is_expression(text, guard=guard) if isinstance(text, str) else False
        what = "a guard" if guard else "a size"
        if plain is None:
            self.report.not_examined(f"{what} is no expression that can be read: {shown(text, limit=80)!r}")
        elif not plain:
            told = f"{what} is Python code that loading evaluates: {shown(str(text), limit=120)!r}"
            self.report.find("torch-export-expression", told)

    def tree(self, text: str) -> None:
        """Report what the description of a tree of inputs or outputs, JSON in a text, makes the loader import."""
        try:
            tree = json.loads(text) if text else None
            contexts = [value for key, value in _walk(tree) if key == "context" and isinstance(value, str)]
            trees = [tree, *(json.loads(context) for context in contexts)]
        except (ValueError, RecursionError):
            self.report.not_examined("the description of its inputs or outputs is not JSON")
            return
        for each in trees:
            for key, value in _walk(each):
                self.imported(key, value)

    def imported(self, key: str, value: Any) -> None:
        if key == "fqn" and isinstance(value, str):
            module, _, name = value.partition(":")
            if not _TYPES.fullmatch(module):
                self.report.find(
                    "torch-export-import", f"loading imports {shown(module)} for the class {shown(name)}"
                )
        elif key == "default_factory_module" and value not in {"builtins", "collections"}:
            self.report.find(
                "torch-export-import", f"loading imports {shown(str(value))} for a default dictionary"
            )
        elif key == "default_factory_name" and value not in _SAFE_FACTORIES:
            self.report.find("torch-export-import", f"a default dictionary calls {shown(str(value))}")


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value of JSON, however deep; the elements of a list have the list's key."""
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        key, found = left.pop()
        if isinstance(found, dict):
            yield key, found
            left += found.items()
        elif isinstance(found, list):
            yield key, found
            left += (("", item) for item in found if isinstance(item, dict | list))
        else:
            yield key, found
