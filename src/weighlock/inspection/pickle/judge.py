"""What a pickle's events mean: each is held against the tables, and what is not allowed is a finding."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.pickle.check import (
    Call,
    Check,
    Seen,
    called_name,
    carries,
    class_of,
    dotted,
    name_of,
)
from weighlock.inspection.pickle.table import TRUSTED, Entry, Tier, entry_of
from weighlock.inspection.pickle.value import Data, Event, Global, Made, Persistent, Sequence, Unknown, Value
from weighlock.inspection.report import Report

MAX_SHOWN_ARGUMENTS: Final = 4  # of a call, for people
MAX_SHOWN_CHARACTERS: Final = 80  # of one argument

CALLS: Final = frozenset({"REDUCE", "NEWOBJ", "NEWOBJ_EX", "INST", "OBJ"})
_RULES: Final = {
    Tier.DANGER: "pickle-global-dangerous",
    Tier.TRAP: "pickle-global-trap",
    Tier.UNKNOWN: "pickle-global-unknown",
}
_CONTAINERS: Final = frozenset({"dict", "list"})
_NOT_CALLED: Final = frozenset({("types", "SimpleNamespace"), ("argparse", "Namespace"), ("_io", "BytesIO")})
# names of the checks in the tables → module:function; imported when the first of them is needed
_CHECKS: Final = {
    **dict.fromkeys(("attributes", "constants", "inert", "nothing", "values"), "check"),
    **dict.fromkeys(("array_reconstructor", "attrgetter", "bytes_io", "counter", "encode", "factory", "partial", "partial_state", "regex", "type_of_constant"), "check_python"),
    **dict.fromkeys(("booster", "catboost", "compiled", "generator", "new_index", "new_object", "newobj", "reconstructor", "scipy_distribution", "table", "tree"), "check_class"),
    **dict.fromkeys(("from_type", "load_from_bytes", "parameter_with_state", "tensor"), "check_torch"),
    **dict.fromkeys(("array_state", "dtype", "dtype_state", "frombuffer", "joblib_array", "masked", "masked_state", "reconstruct", "scalar"), "check_numpy"),
}  # fmt: skip
_RENAMED: Final = {"bytes": "check_python:bytes_", "getattr": "check_python:getattr_"}


def check_named(name: str) -> Check:
    """Return the check that a table names; raises KeyError."""
    module, _, function = (_RENAMED.get(name) or f"{_CHECKS[name]}:{name}").partition(":")
    found: Check = getattr(import_module(f"{__package__}.{module}"), function)
    return found


class Judge:
    """Adds what the events of one pickle mean to the report. ``allow`` is the user's policy.

    ``other`` are the modules that joblib imports, if the pickle is the one that other readers see: of most files
    that is none, so the judge stops where a reader would.
    """

    def __init__(
        self, report: Report, allow: Mapping[tuple[str, str], str], other: frozenset[str] | None = None
    ) -> None:
        self._other = other
        self._report = report
        self._allow = allow
        self._seen = Seen()
        self._built: set[int] = set()  # objects that have a state; the events keep them alive

    def judge(self, events: list[Event]) -> None:
        """Judge each event; a name has one finding, at its import, with its first call."""
        calls: dict[Global, Event] = {}
        for event in events:
            if event.kind in CALLS and isinstance(event.target, Global):
                calls.setdefault(event.target, event)
        for event in events:
            if self._other is not None and self._stops(event, self._other):
                return
            self._judge(event, calls)

    def _judge(self, event: Event, calls: dict[Global, Event]) -> None:
        match event.kind:
            case "IMPORT":
                self._judge_import(event, calls)
            case "BUILD":
                self._judge_state(event)
            case "SETITEM" | "APPEND":
                self._judge_items(event)
            case "PERSID":
                self._judge_persistent(event)
            case "EXT":
                self._find(
                    "pickle-extension-code",
                    event,
                    f"extension code {shown(str(event.target))} of the copyreg registry",
                )
            case _:
                self._judge_call(event)

    def _stops(self, event: Event, modules: frozenset[str]) -> bool:
        """Return whether a reader stops that takes the memo of one pickle for that of another."""
        if event.kind == "IMPORT":
            name = event.target
            mixed = isinstance(name, Global) and name.module in modules
            return mixed and isinstance(name, Global) and self._entry(name).tier is Tier.UNKNOWN
        if event.kind in CALLS:
            return not isinstance(event.target, Global | Made | Persistent | Unknown)
        return _is_state_of_no_array(event)

    def _find(self, rule: str, event: Event, message: str) -> None:
        self._report.find(rule, message, offset=event.offset)

    def _entry(self, name: Global) -> Entry:
        return entry_of(name.module, name.name, self._allow)

    def _judge_import(self, event: Event, calls: dict[Global, Event]) -> None:
        name = event.target
        if not isinstance(name, Global):
            self._find("pickle-global-unresolved", event, "an imported name is computed, or is not text")
            return
        entry = self._entry(name)
        call = calls.get(name)
        if entry.tier in TRUSTED:
            called = call is not None or self._other is not None
            if not called and not entry.carried and name_of(name) not in _NOT_CALLED:
                told = f"imports {dotted(name)} and does not call it: {entry.reason}"
                self._find("pickle-global-trap", event, told)
            return
        done = "imports" if call is None else "imports and calls"
        what = dotted(name) if call is None else f"{dotted(name)}({_shown_arguments(call.arguments)})"
        self._find(_RULES[entry.tier], event, f"{done} {what}: {entry.reason}")

    def _judge_call(self, event: Event) -> None:
        name = called_name(event.target)
        if name is None:
            self._find(
                "pickle-computed-call",
                event,
                f"{_shown_value(event.target)} is called, which the pickle computed",
            )
            return
        entry = self._entry(name)
        if entry.tier is Tier.ANY or (entry.tier not in TRUSTED and isinstance(event.target, Global)):
            return  # harmless, or found at its import
        why = self._why_not_called(event, name, entry)
        if why:
            arguments = _shown_arguments(event.arguments)
            self._find("pickle-global-trap", event, f"calls {dotted(name)}({arguments}): {why}")

    def _why_not_called(self, event: Event, name: Global, entry: Entry) -> str | None:
        call = Call(name, event.arguments, event.keywords, entry.words, self._allow, self._seen)
        making = event.kind in {"NEWOBJ", "NEWOBJ_EX"} or (
            event.kind in {"INST", "OBJ"} and call.items() == []
        )
        if making and "new" in entry.words:
            return check_named(entry.words["new"])(call)
        if making and entry.tier is Tier.CLASS:
            return check_named("nothing")(call)
        if "call" in entry.words:
            return check_named(entry.words["call"])(call)
        if entry.tier is Tier.CLASS:
            return "instances of this class are made without arguments, and never by a call"
        if entry.tier is Tier.REFERENCE:
            return f"{entry.reason}; a pickle that calls it does something else"
        return entry.reason

    def _judge_state(self, event: Event) -> None:
        if isinstance(event.target, Global):
            self._find("pickle-global-changed", event, f"BUILD changes the imported {dotted(event.target)}")
            return
        kind = class_of(event.target)
        if kind is None:
            self._find("pickle-state", event, f"{_shown_value(event.target)} gets a state, whatever it is")
            return
        entry = self._entry(kind)
        if entry.tier is Tier.ANY or entry.tier not in TRUSTED:
            return  # harmless, or found at its import
        name = entry.words.get("build") or ("attributes" if entry.tier is Tier.CLASS else "")
        call = Call(kind, event.arguments, event.keywords, entry.words, self._allow, self._seen, event.target)
        why = check_named(name)(call) if name else "nothing of its kind has one"
        if id(event.target) in self._built:
            why = why or "it had one already, and what was checked against that changes its meaning"
        self._built.add(id(event.target))
        if why:
            self._find("pickle-state", event, f"gives {dotted(kind)} a state: {why}")

    def _judge_items(self, event: Event) -> None:
        if isinstance(event.target, Global):
            self._find(
                "pickle-global-changed", event, f"items are added to the imported {dotted(event.target)}"
            )
            return
        kind = class_of(event.target)
        if kind is None:
            self._find(
                "pickle-state", event, f"items are added to {_shown_value(event.target)}, whatever it is"
            )
            return
        entry = self._entry(kind)
        if entry.tier not in TRUSTED:
            return  # found at its import
        call = Call(kind, event.arguments, event.keywords, entry.words, self._allow, self._seen)
        why = carries(call, event.arguments)
        if entry.words.get("items") not in _CONTAINERS:
            why = "which is no container"
        if why:
            self._find("pickle-state", event, f"items are added to {dotted(kind)}: {why}")

    def _judge_persistent(self, event: Event) -> None:
        match event.target:
            case Sequence(kind="tuple", items=["storage" | "module", Global() as kind, *rest]) if self._entry(
                kind
            ).tier in TRUSTED and not any(map(_is_object, rest)):
                return  # files of torch before 1.0 name the source of their modules
        self._find(
            "pickle-persistent-id",
            event,
            f"a persistent identifier that is not a torch storage: {_shown_value(event.target)}",
        )


def _is_state_of_no_array(event: Event) -> bool:
    """Return whether NumPy refuses a state because the type in it is none."""
    made = event.target.target if event.kind == "BUILD" and isinstance(event.target, Made) else None
    if not (isinstance(made, Global) and made.name == "_reconstruct" and made.module.startswith("numpy.")):
        return False
    state = event.arguments
    items = state.items if isinstance(state, Sequence) else []
    kind = items[-3] if len(items) in {4, 5} else None
    return not (isinstance(kind, Made) and name_of(kind.target) == ("numpy", "dtype"))


def _is_object(value: Value) -> bool:
    """Return whether a value may have methods of the pickle's choice."""
    if isinstance(value, Sequence):
        return any(map(_is_object, value.items)) if value.kind == "tuple" else True
    return isinstance(value, Global | Made | Persistent | Unknown)


def _shown_arguments(arguments: Value) -> str:
    if not isinstance(arguments, Sequence):
        return "" if isinstance(arguments, Unknown) else _shown_value(arguments)
    told = [_shown_value(item) for item in arguments.items[:MAX_SHOWN_ARGUMENTS]]
    return ", ".join([*told, "…"] if len(arguments.items) > MAX_SHOWN_ARGUMENTS or arguments.cut else told)


def _shown_value(value: Value) -> str:
    if isinstance(value, Global):
        return dotted(value)
    if isinstance(value, Sequence):
        return f"a {value.kind} of {len(value.items) + value.cut}"
    if isinstance(value, Made):
        target = value.target
        return f"a result of {dotted(target)}" if isinstance(target, Global) else "a computed value"
    if isinstance(value, Data):
        return f"{value.length} bytes of {value.kind}"
    if isinstance(value, Persistent | Unknown):
        return "a value that the reader gives" if isinstance(value, Persistent) else "an unknown value"
    return shown(repr(value), limit=MAX_SHOWN_CHARACTERS)
