"""Write rulebook/data/pickle_class_PACKAGE.tsv: classes of known packages whose instances are only attributes.

python tools/pickle_class_table.py FOLDER[:FOLDER]...    unpacked packages; each argument is a set of releases

Only source text is read; nothing of a package is imported. A class gets a row if the unpickler runs
none of its code when it makes an instance and gives it attributes: it and all of its bases define no
method that ``object.__new__``, BUILD, a dictionary's key or a container's constructor would call, or
the method is in REVIEWED, which says why it is harmless. What is written is reviewed like code.
"""

import ast
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pickle_class_review import BASES, EXCLUDED, PACKAGES, REVIEWED

VERSION: Final = "2026.11.23"
ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "src/weighlock/inspection/rulebook/data"
# what an unpickler, a dictionary, a set or a container's constructor calls on an instance
HOOKS: Final = frozenset(
    {
        "__new__", "__setstate__", "__del__", "__setattr__", "__getattr__", "__getattribute__", "__hash__", "__eq__",
        "__iter__", "__getitem__", "__len__", "__length_hint__", "__bool__", "__index__", "__int__", "__float__", "keys",
        "__array__", "__array_interface__", "__array_struct__", "__buffer__", "__fspath__", "__bytes__",
    }
)  # fmt: skip
# calls that run nothing but what a class in the table defines
INERT_CALLS: Final = frozenset(
    {
        "len", "iter", "hash", "tuple", "list", "isinstance", "type", "range", "int", "str", "repr", "zip", "id",
        "enumerate", "min", "max", "abs", "bool", "set", "frozenset", "sorted", "all", "any", "dict", "slice", "super",
        "hasattr", "reversed", "sum", "float",
        "TypeError", "ValueError", "KeyError", "IndexError", "AttributeError", "RuntimeError", "NotImplementedError",
    }
)  # fmt: skip
INERT_METHODS: Final = frozenset(
    {"__eq__", "__hash__", "__len__", "__iter__", "__getitem__", "__str__", "__repr__"}
)
DESCRIPTOR_DECORATORS: Final = ("setter", "deleter")


@dataclass(slots=True)
class Class:
    """A class as its source has it."""

    module: str
    name: str
    bases: list[str]
    hooks: set[str]
    slots: bool
    setters: bool
    why_not: str = ""


@dataclass(slots=True)
class Module:
    """A module's classes, and what its imports call other names."""

    name: str
    package: str
    classes: dict[str, Class] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


def main(folders: list[str]) -> None:
    """Write the tables anew from the packages in ``folders``; of a class in several the first one's row counts."""
    rows: dict[tuple[str, str], tuple[str, str]] = {}
    for folder in folders:
        rows = Reader([Path(each) for each in folder.split(":")]).rows() | rows
    for file in DATA.glob("pickle_[!c]*.tsv"), DATA.glob("pickle_checked.tsv"):
        for line in "\n".join(each.read_text(encoding="utf-8") for each in file).splitlines():
            if not line.startswith("#"):
                rows.pop(tuple(line.split("\t")[:2]), None)  # another table says more of it
    by_package: dict[str, list[str]] = {}
    for (module, name), (words, reason) in sorted(rows.items()):
        line = f"{module}\t{name}\t{words}\t{reason}"
        by_package.setdefault(module.partition(".")[0], []).append(line)
    for package, lines in by_package.items():
        head = f"# version {VERSION}\n# written by tools/pickle_class_table.py; module, name, words, reason\n"
        text = head + "\n".join(lines) + "\n"
        (DATA / f"pickle_class_{package}.tsv").write_text(text, encoding="utf-8")
        print(f"{len(lines):6} {package}")


class Reader:
    """All modules of some folders, and which of their classes are harmless."""

    def __init__(self, folders: list[Path]) -> None:
        self._modules: dict[str, Module] = {}
        for package in sorted({prefix.partition(".")[0] for prefix in PACKAGES}):
            folder = next((each for each in folders if (each / package).is_dir()), None)
            for file in sorted((folder / package).rglob("*.py")) if folder else ():
                self._read(folder, file)
        self._known: dict[tuple[str, str], bool] = {}

    def rows(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Return (module, name) → (field, reason) of the classes that are harmless."""
        found: dict[tuple[str, str], tuple[str, str]] = {}
        for module in self._modules.values():
            label = _label(module.name)
            if not label:
                continue
            for each in module.classes.values():
                key = (each.module, each.name)
                if f"{each.module}.{each.name}" not in BASES and self.harmless(key):
                    words = _merged(self._words(key))
                    found[key] = (words or "-", f"{label}: rebuilt without running code of its own")
        return found

    def harmless(self, key: tuple[str, str]) -> bool:
        """Return whether a class and all of its bases run nothing when an instance is rebuilt."""
        if key in self._known:
            return self._known[key]
        self._known[key] = False  # a class that is its own base is none
        each = self._modules[key[0]].classes[key[1]]
        if each.why_not or any(f"{key[0]}.{key[1]}.{hook}" not in REVIEWED for hook in each.hooks):
            return False
        for base in each.bases:
            resolved = self.resolve(key[0], base)
            if resolved in BASES:
                continue
            module, _, name = resolved.rpartition(".")
            if module not in self._modules or name not in self._modules[module].classes:
                return False
            if not self.harmless((module, name)):
                return False
        self._known[key] = True
        return True

    def _words(self, key: tuple[str, str]) -> set[str]:
        """Return the words of the row: what the nearest base with a word says, and whether slots may be set."""
        each = self._modules[key[0]].classes[key[1]]
        reviewed = f"{key[0]}.{key[1]}.setters" in REVIEWED
        words = {"slots"} if each.slots and (reviewed or not each.setters) else set()
        for hook in each.hooks:
            words |= {word for word in REVIEWED[f"{key[0]}.{key[1]}.{hook}"].split() if "=" in word}
        for base in each.bases:
            resolved = self.resolve(key[0], base)
            if resolved in BASES:
                words |= set(BASES[resolved].split())
            else:
                module, _, name = resolved.rpartition(".")
                words |= self._words((module, name))
        return words

    def resolve(self, module: str, dotted: str, depth: int = 0) -> str:
        """Return the full name of what ``dotted`` means in ``module``."""
        first, _, rest = dotted.partition(".")
        here = self._modules.get(module)
        if here is None or depth > 20:
            return dotted
        if not rest and first in here.classes:
            return f"{module}.{first}"
        if first in here.names:
            target = here.names[first] + (f".{rest}" if rest else "")
            return self._settle(target, depth)
        for star in here.stars:
            found = self.resolve(star, dotted, depth + 1)
            if found != dotted and "." in found:
                return found
        return f"{dotted}" if first in {"object", "dict", "list", "tuple"} or rest else dotted

    def _settle(self, target: str, depth: int) -> str:
        """Follow re-exports: torch.nn.Module → torch.nn.modules.module.Module."""
        if target in BASES:
            return target
        parts = target.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = ".".join(parts[:cut])
            if module in self._modules:
                rest = ".".join(parts[cut:])
                found = self.resolve(module, rest, depth + 1)
                return found if found != rest else target
        return target

    def _read(self, folder: Path, file: Path) -> None:
        parts = list(file.relative_to(folder).with_suffix("").parts)
        package = parts[:-1]
        if parts[-1] == "__init__":
            parts = package
        module = Module(".".join(parts), ".".join(package))
        try:
            tree = ast.parse(file.read_bytes())
        except SyntaxError:
            return  # a template or Python 2: none of its classes gets a row
        self._modules[module.name] = module
        _collect(module, tree.body)


def _collect(module: Module, body: list[ast.stmt]) -> None:
    for statement in body:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    module.names[bound] = alias.name if alias.asname else bound
            case ast.ImportFrom():
                _collect_from(module, statement)
            case ast.ClassDef():
                module.classes[statement.name] = _class_of(module.name, statement)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=called)) if _is_named_tuple(
                called
            ):
                module.classes[name] = Class(
                    module.name, name, ["collections.namedtuple"], set(), slots=False, setters=False
                )
            case ast.If(body=inner, orelse=other):
                _collect(module, [*inner, *other])
            case ast.Try(body=inner, handlers=handlers, orelse=other):
                _collect(module, [*inner, *other])
                for handler in handlers:
                    _collect(module, [each for each in handler.body if not isinstance(each, ast.ClassDef)])


def _collect_from(module: Module, statement: ast.ImportFrom) -> None:
    source = statement.module or ""
    if statement.level:
        base = module.package.split(".")
        base = base[: len(base) - statement.level + 1]
        source = ".".join([*base, source] if source else base)
    for alias in statement.names:
        if alias.name == "*":
            module.stars.append(source)
        else:
            module.names[alias.asname or alias.name] = f"{source}.{alias.name}"


def _class_of(module: str, node: ast.ClassDef) -> Class:
    found = Class(module, node.name, [], set(), slots=False, setters=False)
    for each in _plain_bases(node):
        base = each
        while isinstance(base, ast.Subscript):  # Generic[T]
            base = base.value
        named_tuple = isinstance(base, ast.Call) and _is_named_tuple(base.func)
        found.bases.append("collections.namedtuple" if named_tuple else ast.unparse(base))
    for keyword in node.keywords:
        if keyword.arg == "metaclass" and ast.unparse(keyword.value) not in {"ABCMeta", "abc.ABCMeta"}:
            found.why_not = "a metaclass"
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).rpartition(".")[2] in {"jit", "jitclass", "script", "total_ordering"}:
            found.why_not = "a decorator that makes another class"
        if "slots=True" in ast.unparse(decorator):
            found.slots = True
    _read_body(found, node.body)
    return found


def _is_named_tuple(called: ast.expr) -> bool:
    return ast.unparse(called) in {"namedtuple", "collections.namedtuple"}


def _plain_bases(node: ast.ClassDef) -> list[ast.expr]:
    """Return the bases, also those inside six.with_metaclass(ABCMeta, …)."""
    match node.bases:
        case [ast.Call(func=called, args=[ast.Name(id="ABCMeta"), *bases])] if (
            "with_metaclass" in ast.unparse(called)
        ):
            return bases
    return node.bases


def _read_body(found: Class, body: list[ast.stmt]) -> None:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name, decorator_list=decorators):
                if any(getattr(each, "attr", "") in DESCRIPTOR_DECORATORS for each in decorators):
                    found.setters = True
                if name in HOOKS and not _inert(statement):
                    found.hooks.add(name)
            case ast.Assign(targets=targets, value=value):
                names = {target.id for target in targets if isinstance(target, ast.Name)}
                found.slots |= "__slots__" in names
                harmless = isinstance(value, ast.Constant) and value.value is None
                found.hooks |= set() if harmless else names & HOOKS
            case ast.If(body=inner, orelse=other):
                _read_body(found, [*inner, *other])


def _inert(function: ast.FunctionDef) -> bool:
    """Return whether a method's code calls nothing but inert functions, and sets and imports nothing."""
    if function.name in {
        "__new__",
        "__setstate__",
        "__del__",
        "__setattr__",
        "__getattribute__",
        "__getattr__",
    }:
        return _only_raises(function)
    for node in ast.walk(function):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Delete() | ast.With() | ast.Lambda():
                return False
            case ast.Call(func=ast.Name(id=name)) if name not in INERT_CALLS:
                return False
            case ast.Call(func=ast.Attribute(attr=name)) if name not in INERT_METHODS:
                return False
            case ast.Call(func=other) if not isinstance(other, ast.Name | ast.Attribute):
                return False
    return True


def _only_raises(function: ast.FunctionDef) -> bool:
    return all(isinstance(each, ast.Raise | ast.Pass) or _is_docstring(each) for each in function.body)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _merged(words: set[str]) -> str:
    """Return the words of a row; what several methods deny becomes one word."""
    denied = sorted({name for word in words if word.startswith("deny=") for name in word[5:].split(",")})
    others = sorted(word for word in words if not word.startswith("deny="))
    return " ".join(others + ([f"deny={','.join(denied)}"] if denied else []))


def _label(module: str) -> str:
    """Return what instances of the module's classes are; nothing if they are not wanted."""
    parts = module.split(".")
    prefixes = [".".join(parts[: count + 1]) for count in range(len(parts))]
    if not EXCLUDED.isdisjoint(prefixes) or not EXCLUDED.isdisjoint(parts):
        return ""
    return next((PACKAGES[prefix] for prefix in prefixes if prefix in PACKAGES), "")


if __name__ == "__main__":
    main(sys.argv[1:])
