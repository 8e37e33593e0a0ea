"""Which functions of a file run when it is imported, which when a loader uses it, and what they do."""

from dataclasses import dataclass, field
from typing import Final

MODULE: Final = ""  # the key of the code at module level
MAX_EVENTS: Final = 20_000  # of one file: a test suite of 10,000 lines has some thousand
IMPORTED, LOADED, CALLED = "import", "load", "call"

# Methods and functions that libraries and servers call by themselves once a class or a handler is used.
_LOADER_CALLS: Final = frozenset(
    {
        "forward", "from_pretrained", "_init_weights", "post_init", "_post_init", "setup", "initialize", "preprocess",
        "inference", "postprocess", "handle", "load_context", "predict", "execute", "build", "call", "get_config",
        "from_config", "from_dict", "load_model", "init_fn", "model_fn", "input_fn", "predict_fn", "output_fn",
        "transform_fn", "_load_pyfunc", "generate", "tokenize", "_tokenize", "encode", "decode", "batch_decode",
        "load_weights", "prepare_inputs_for_generation", "_from_config", "from_config_dict", "get_model", "auto_complete_config",
    }
)  # fmt: skip
_AT_IMPORT: Final = frozenset({"__init_subclass__", "__set_name__", "__class_getitem__", "__prepare__"})
_MODULE_HOOKS: Final = frozenset({"@__getattr__", "@__dir__"})  # PEP 562: `from x import y` calls them


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a function does: the effect, what it calls for that, and in which line."""

    effect: str
    what: str
    line: int


@dataclass(slots=True)
class Function:
    """A function or the module itself: its events and the file's own functions that it runs."""

    events: dict[Event, None] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    passes: set[str] = field(default_factory=set)  # handed to other people's functions, which may call them


@dataclass(slots=True)
class Graph:
    """All functions of a file by key (``@Class.method``)."""

    functions: dict[str, Function] = field(default_factory=lambda: {MODULE: Function()})
    classes: dict[str, list[str]] = field(
        default_factory=dict
    )  # and the file's own classes that they inherit from
    count: int = 0

    def note(self, key: str, event: Event) -> None:
        """Add what a function does."""
        self.count += 1
        if self.count <= MAX_EVENTS:
            self.functions[key].events[event] = None

    def levels(self) -> dict[str, str]:
        """Return by function when it runs: IMPORTED, LOADED or CALLED."""
        found = dict.fromkeys(self.functions, CALLED)
        loaded = self._reach({key for key in self.functions if _by_loader(key)} | self._passed())
        found.update(dict.fromkeys(loaded, LOADED))
        found.update(dict.fromkeys(self._reach(self._at_import()), IMPORTED))
        return found

    def _at_import(self) -> set[str]:
        hooks = {
            key for key in self.functions if key in _MODULE_HOOKS or key.rpartition(".")[2] in _AT_IMPORT
        }
        return {MODULE} | hooks

    def _passed(self) -> set[str]:
        passed: set[str] = set()
        for key in self._reach(self._at_import()):
            passed |= self.functions[key].passes
        return passed & self.functions.keys()

    def _reach(self, roots: set[str]) -> set[str]:
        """Return the functions that the roots run, directly or through others."""
        waiting, found = list(roots), set()
        while waiting:
            key = waiting.pop()
            if key in found:
                continue
            found.add(key)
            for called in self.functions[key].calls:
                waiting.extend(self._targets(called))
        return found

    def _targets(self, called: str) -> list[str]:
        if called in self.functions:
            return [called]
        owner, _, name = called.rpartition(".")
        names = ("__init__", "__new__", "__post_init__") if called in self.classes else (name,)
        waiting, seen = [called if called in self.classes else owner], set[str]()
        found = []
        while waiting:
            each = waiting.pop()
            if each in self.classes and each not in seen:
                seen.add(each)
                found += [f"{each}.{method}" for method in names if f"{each}.{method}" in self.functions]
                waiting += self.classes[each]
        return found


def _by_loader(key: str) -> bool:
    name = key.rpartition(".")[2].lstrip("@")
    return name in _LOADER_CALLS or ("." in key and name.startswith("__") and name.endswith("__"))
