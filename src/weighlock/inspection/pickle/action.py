"""What the operations of a pickle that make containers, import, call and change do."""

from typing import Final

try:
    from mypy_extensions import i64
except ImportError:  # interpreted, or compiled and alone: then the name is not needed
    i64 = int  # type: ignore[misc]  # a machine number where compiled

from weighlock.inspection.pickle import opcode as op
from weighlock.inspection.pickle.effect import MAX_STORAGES, Part, Stream
from weighlock.inspection.pickle.memory import FORGOTTEN_TEXT, MAX_ITEMS, Memory
from weighlock.inspection.pickle.value import (
    UNKNOWN,
    Data,
    Global,
    Made,
    Persistent,
    Sequence,
    Unknown,
    Value,
)

# what loads the bytes that it is given: they are examined as a file of their own
LOADERS: Final = frozenset(
    {
        *(
            (module, "loads")
            for module in ("pickle", "_pickle", "cPickle", "dill", "dill._dill", "cloudpickle")
        ),
        ("cloudpickle.cloudpickle", "loads"),
        ("torch.storage", "_load_from_bytes"),
    }
)


class Actions:
    """The operations on one stream's ``memory``. ``array`` is what the last BUILD made of joblib's wrappers."""

    def __init__(self, stream: Stream, harmless: frozenset[tuple[str, str]]) -> None:
        self.stream = stream
        self.memory = Memory(stream)
        self.array: Made | None = None
        self._harmless = harmless

    def collect(self, code: i64, at: i64) -> None:
        """Carry out an operation that makes or fills a container."""
        memory = self.memory
        if code == op.SETITEMS or code == op.APPENDS or code == op.ADDITEMS:  # noqa: PLR1714  # compiled: no set
            self._fill(code, memory.pop_mark(at), at)
        elif code == op.TUPLE2:
            second = memory.pop(at)
            memory.made("tuple", [memory.pop(at), second])
        elif code == op.TUPLE1:
            memory.made("tuple", [memory.pop(at)])
        elif code == op.TUPLE3:
            third, second = memory.pop(at), memory.pop(at)
            memory.made("tuple", [memory.pop(at), second, third])
        elif code == op.APPEND:
            self._fill(code, [memory.pop(at)], at)
        elif code == op.SETITEM:
            value = memory.pop(at)
            self._fill(code, [memory.pop(at), value], at)
        elif code == op.TUPLE:
            memory.made("tuple", memory.pop_mark(at))
        elif code == op.LIST:
            memory.made("list", memory.pop_mark(at))
        elif code == op.DICT:
            items = memory.pop_mark(at)
            self._check_pairs(items, at)
            memory.made("dict", items)
        else:
            memory.made("frozenset", memory.pop_mark(at))

    def _check_pairs(self, items: list[Value], at: i64) -> None:
        if len(items) % 2:
            self.stream.break_off(at, "a key has no value")

    def _fill(self, code: i64, items: list[Value], at: i64) -> None:
        target = self.memory.top(at)
        pairs = code == op.SETITEM or code == op.SETITEMS  # noqa: PLR1714  # compiled: no set
        if pairs:
            self._check_pairs(items, at)
        if not items:
            return  # no reader looks at the object then
        if isinstance(target, Sequence):
            self.memory.fill(target, items, at)
            return
        if isinstance(target, Made):
            result = target.target
            if isinstance(result, Global) and result.result is target:
                return
            target.changed = at
        elif not isinstance(target, (Global, Persistent)) and target is not UNKNOWN:
            return  # constants have no such methods: no reader goes on, and nothing runs
        added = Sequence("dict" if pairs else "list", items[:MAX_ITEMS])
        added.cut = len(items) - len(added.items)
        self.stream.note("SETITEM" if pairs else "APPEND", at, target, added)
        self._odd_change(target, at, "adding items")

    def _odd_change(self, target: Value, at: i64, how: str) -> None:
        if isinstance(target, Global):
            name = f"{target.module}.{target.name}"
            self.stream.odd("pickle-global-changed", at, f"{how} changes the imported {name}")

    def global_line(self, code: i64, module: str, name: str, at: i64) -> None:
        """Carry out GLOBAL or INST, whose lines name a class."""
        target = self.stream.import_name(module, name, at, self._harmless)
        if code == op.GLOBAL:
            self.memory.stack.append(target)
            return
        arguments = Sequence("tuple", self.memory.pop_mark(at))
        self._make("INST", at, target, arguments, UNKNOWN)

    def _stack_global(self, at: i64) -> None:
        memory = self.memory
        name, module = memory.pop(at), memory.pop(at)
        if isinstance(module, str) and isinstance(name, str):
            memory.name_used(module)
            memory.name_used(name)
            memory.stack.append(self.stream.import_name(module, name, at, self._harmless))
            return
        if name is FORGOTTEN_TEXT or module is FORGOTTEN_TEXT:
            self.stream.limit("a pickle imports a name by a text that lies too far back")
        else:
            self.stream.odd("pickle-global-unresolved", at, "an imported name is computed, or is not text")
            if not (_may_be_text(module) and _may_be_text(name)):
                self.stream.break_off(at, "an imported name is no text")
        memory.stack.append(UNKNOWN)

    def extension(self, code: i64, at: i64) -> None:
        """Carry out EXT: what the number means stands in the reader's copyreg registry."""
        self.stream.note("EXT", at, code)
        self.stream.odd("pickle-extension-code", at, f"extension code {code} of the copyreg registry")
        self.memory.stack.append(UNKNOWN)

    def call(self, code: i64, at: i64) -> None:
        """Carry out an operation that calls or changes something, or imports by the stack."""
        memory = self.memory
        if code == op.REDUCE or code == op.NEWOBJ:  # noqa: PLR1714  # compiled: no set
            arguments = memory.pop(at)
            self._make("REDUCE" if code == op.REDUCE else "NEWOBJ", at, memory.pop(at), arguments, UNKNOWN)
        elif code == op.BUILD:
            state = memory.pop(at)
            self._build(memory.top(at), state, at)
        elif code == op.STACK_GLOBAL:
            self._stack_global(at)
        elif code == op.BINPERSID:
            self._persistent_value(memory.pop(at), at)
        elif code == op.NEWOBJ_EX:
            keywords, arguments = memory.pop(at), memory.pop(at)
            self._make("NEWOBJ_EX", at, memory.pop(at), arguments, keywords)
        else:
            items = memory.pop_mark(at)
            if not items:
                self.stream.break_off(at, "OBJ has no class")
            target = items[0] if items else UNKNOWN
            self._make("OBJ", at, target, Sequence("tuple", items[1:]), UNKNOWN)

    def _make(self, how: str, at: i64, target: Value, arguments: Value, keywords: Value) -> None:
        stream = self.stream
        made: Made | None = None
        if isinstance(target, Global):
            if not target.called and not stream.lost:
                target.called = True
                stream.called.add(target)
            if target.name == "encode":
                made = Made(how, target, arguments, keywords)  # how protocols 0 to 2 write bytes
            elif (target.module, target.name) in LOADERS:
                self._load(arguments, at)
            if target.result is not None:
                self.memory.stack.append(target.result if made is None else made)
                return
        else:
            stream.odd("pickle-computed-call", at, "a value that the pickle computed is called")
        stream.note(how, at, target, arguments, keywords)
        if not isinstance(target, Global | Made | Persistent | Unknown):
            stream.break_off(at, "what is called is no function")
        self.memory.stack.append(Made(how, target, arguments, keywords) if made is None else made)

    def _build(self, target: Value, state: Value, at: i64) -> None:
        if isinstance(target, Made):
            result = target.target
            harmless = isinstance(result, Global) and result.result is target
            if harmless and _is_plain_state(state):
                return
            self.stream.note("BUILD", at, target, state)
            if not harmless:
                target.changed = at
                target.state = state
                if is_array_wrapper(target):
                    self.array = target
        elif isinstance(target, (Global, Persistent)) or target is UNKNOWN:
            self.stream.note("BUILD", at, target, state)
            self._odd_change(target, at, "BUILD")

    def persistent(self, identifier: str, at: i64) -> None:
        """Carry out PERSID."""
        self.stream.note("PERSID", at, identifier)
        self.stream.odd("pickle-persistent-id", at, "a persistent identifier as text")
        self.memory.stack.append(Persistent(identifier))

    def _persistent_value(self, identifier: Value, at: i64) -> None:
        self.memory.stack.append(Persistent(identifier))
        stream = self.stream
        # ("storage", type, key, location, number of elements, …): torch/serialization.py, persistent_id
        if isinstance(identifier, Sequence) and identifier.kind == "tuple" and len(identifier.items) >= 5:
            word, kind, key, place, elements = identifier.items[:5]
            if (
                word == "storage"
                and isinstance(kind, Global)
                and isinstance(key, str)
                and isinstance(place, str)  # its methods are called
                and isinstance(elements, int)
                and all(is_plain(item) for item in identifier.items[5:])
            ):
                if len(stream.storages) == MAX_STORAGES and key not in stream.storages:
                    stream.limit(f"a pickle names more than {MAX_STORAGES} storages")
                else:
                    stream.storages[key] = (kind, elements)
                return
        stream.note("PERSID", at, identifier)
        stream.odd("pickle-persistent-id", at, "a persistent identifier that is not a torch storage")

    def suspect(self, head: bytes, offset: i64, length: i64) -> None:
        """Note a constant that may be a pickle, if its first bytes do not rule that out."""
        if head[0] == 0x80:
            likely = len(head) > 1 and head[1] <= 5
        elif head[0] == 0xC2:
            likely = head[1:2] == b"\x80"
        elif head[0] == 0x67:
            likely = head[1:2] == b"A" and length > 20
        else:
            likely = head.find(b"\n", 1, 256) > 0 and head.count(b"\n", 1, 256) > 1
        if likely:
            self.stream.note_part(Part(offset, length, head if length <= len(head) else None, loaded=False))

    def suspect_text(self, text: str, at: i64) -> None:
        """Note a STRING that may be a pickle: Python 2 wrote its bytes so."""
        if text[:1] == "\x80" and text[1:2] <= "\x05":
            part = part_of(text, at)
            if part is not None:
                self.stream.note_part(part._replace(loaded=False))

    def _load(self, arguments: Value, at: i64) -> None:
        if not isinstance(arguments, Sequence) or not arguments.items:
            return
        part = part_of(arguments.items[0], at)
        if part is None:
            self.stream.limit("a pickle loads bytes that it computes")
        else:
            self.stream.note_part(part)


def part_of(value: Value, at: int) -> Part | None:
    """Return the file that a value is, which the operation at ``at`` loads, if its bytes are known."""
    if isinstance(value, Data) and value.offset >= 0 and value.kind != "str":
        return Part(value.offset, value.length, None, loaded=True)
    if isinstance(value, bytes):
        return Part(at, len(value), value, loaded=True)
    if isinstance(value, str):
        try:
            data = value.encode("latin-1")
        except UnicodeEncodeError:
            return None
        return Part(at, len(data), data, loaded=True)
    if isinstance(value, Made) and isinstance(value.target, Global) and value.target.name == "encode":
        arguments = value.arguments
        text = arguments.items[0] if isinstance(arguments, Sequence) and arguments.items else None
        return part_of(text, at) if isinstance(text, str) else None
    return None


def _may_be_text(value: Value) -> bool:
    """Return whether a value may be a text, and not of a class of its own: no reader takes another for a name."""
    if isinstance(value, Made):
        target = value.target
        return value.how == "REDUCE" and not (
            isinstance(target, Global) and target.module.startswith("numpy")
        )
    return isinstance(value, (str, Unknown, Persistent)) or (isinstance(value, Data) and value.kind == "str")


def is_plain(value: Value) -> bool:
    """Return whether a value is a constant, or a tuple of such: a storage's view in old files."""
    if isinstance(value, Sequence):
        return value.kind == "tuple" and not any(
            isinstance(item, Sequence | Made | Global | Persistent | Unknown) for item in value.items
        )
    return not isinstance(value, Made | Global | Persistent | Unknown)


def is_array_wrapper(made: Made) -> bool:
    """Return whether joblib replaces an object, once it has its state, by an array that it reads."""
    target = made.target
    if (
        isinstance(target, Global)
        and target.name == "_reconstructor"
        and isinstance(made.arguments, Sequence)
    ):
        target = made.arguments.items[0] if made.arguments.items else UNKNOWN
    return (
        isinstance(target, Global)
        and target.name.endswith("ArrayWrapper")
        and "numpy_pickle" in target.module
    )


def _is_plain_state(state: Value) -> bool:
    """Return whether a state only sets attributes whose names nobody but the class gave a meaning."""
    if not isinstance(state, Sequence) or state.kind != "dict" or state.cut:
        return False
    keys = state.items[::2]
    return all(isinstance(key, str) and not key.startswith("__") for key in keys)
