"""What one pickle does, as the machine notes it: bounded, in order of offset, nothing twice."""

import re
from typing import Final, NamedTuple

from weighlock.inspection.pickle.value import (
    UNKNOWN,
    Data,
    Event,
    Global,
    Made,
    Persistent,
    Sequence,
    Value,
)

MAX_NAMES: Final = 10_000  # imported names kept; real pickles have below a hundred
MAX_EVENTS: Final = 100_000  # kept; a forest of a thousand trees has some ten thousand
MAX_FORMS: Final = 4096  # events that later ones are compared with, so that comparing stays cheap
MAX_FORM_PARTS: Final = 64  # values in an event that is compared
MAX_STORAGES: Final = 100_000  # of one file; a model has a few per layer
MAX_ODDITIES: Final = 100  # as many as a person will read
MAX_PARTS: Final = 1000  # files inside one pickle
MAX_LINKS: Final = 10_000  # files beside it that one pickle names
WORD: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)

Name = Global


class Oddity:
    """Something other than an import that a rule speaks about."""

    __slots__ = ("message", "offset", "rule")

    def __init__(self, rule: str, offset: int, message: str) -> None:
        self.rule = rule
        self.offset = offset
        self.message = message


class Part(NamedTuple):
    """A constant that is, or may be, a file of its own: ``length`` bytes at ``offset``.

    ``data`` has the bytes if they are at hand; then the offset only says where they come from. ``loaded`` says that the pickle hands
    it to a function that loads it; else its head looks like a pickle's, and it may be anything.
    """

    offset: int
    length: int
    data: bytes | None
    loaded: bool


class Stream:
    """What one pickle does.

    ``events`` are in order of offset, except those of IMPORT, which come once, at the first. ``names`` are
    the imported names with their first offset, ``called`` those that are called. ``storages`` are torch's,
    by key: type and number of elements. ``parts`` are files inside constants, ``links`` files beside this
    one that the pickle reads, ``array_bytes`` raw arrays between its operations, ``first_array`` where the first one
    begins, or -1. ``unexamined`` says why something could not be followed.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.events: list[Event] = []
        self.names: dict[Global, int] = {}
        self.called: set[Global] = set()
        self.oddities: list[Oddity] = []
        self.storages: dict[str, tuple[Global, int]] = {}
        self.parts: list[Part] = []
        self.links: list[str] = []
        self.operations = 0
        self.array_bytes = 0
        self.first_array = -1
        self.protocol = 0
        self.malformed: str | None = None
        self.unexamined: str | None = None
        self.stopped = False
        self.lost = False
        self._globals: dict[tuple[str, str], Global] = {}
        self._forms: set[tuple[object, ...]] = set()

    @property
    def usable(self) -> bool:
        """Whether a reader would have accepted everything so far."""
        return self.malformed is None

    def break_off(self, at: int, why: str, *, lost: bool = True) -> None:
        """Note the first thing that would stop a reader; ``lost`` says that no reader goes on from here."""
        self.lost = self.lost or lost
        if self.malformed is None:
            self.malformed = f"at byte {at}: {why}"

    def limit(self, why: str) -> None:
        """Note that a budget is used up."""
        if self.unexamined is None:
            self.unexamined = why

    def odd(self, rule: str, at: int, message: str) -> None:
        """Note something for a rule to speak about; after an error it would be noise."""
        if not self.lost and len(self.oddities) < MAX_ODDITIES:
            self.oddities.append(Oddity(rule, at, message))

    def import_name(self, module: str, name: str, at: int, harmless: frozenset[tuple[str, str]]) -> Global:
        """Note an import and return the one object for that name.

        After an error only what looks like a name is noted: what follows may be anything.
        """
        key = (module, name)
        found = self._globals.get(key)
        if found is not None:
            return found
        found = Global(module, name)
        if self.lost and not WORD.fullmatch(f"{module}.{name}"):
            return found
        if len(self.names) == MAX_NAMES:
            self.limit(f"a pickle imports more than {MAX_NAMES} names")
            return found
        if key in harmless:
            found.result = Made("REDUCE", found, UNKNOWN, UNKNOWN)
        self._globals[key] = found
        self.names[found] = at
        self.events.append(Event("IMPORT", at, found))
        return found

    def note(
        self, kind: str, at: int, target: Value, arguments: Value = UNKNOWN, keywords: Value = UNKNOWN
    ) -> None:
        """Add an event, unless the same happened before."""
        if self.lost:
            return
        if len(self.events) >= MAX_EVENTS:
            self.limit(f"a pickle makes more than {MAX_EVENTS} calls and changes")
            return
        form = _form(kind, (target, arguments, keywords))
        if form is not None:
            if form in self._forms:
                return
            if len(self._forms) < MAX_FORMS:
                self._forms.add(form)
        self.events.append(Event(kind, at, target, arguments, keywords))

    def note_part(self, part: Part) -> None:
        """Add a file that a constant holds."""
        if self.lost:
            return
        if len(self.parts) == MAX_PARTS:
            self.limit(f"more than {MAX_PARTS} constants look like pickles")
            return
        self.parts.append(part)

    def note_link(self, name: str) -> None:
        """Add a file beside this one that the pickle reads."""
        if len(self.links) == MAX_LINKS:
            self.limit(f"a pickle names more than {MAX_LINKS} files")
            return
        self.links.append(name)


def _form(kind: str, values: tuple[Value, ...]) -> tuple[object, ...] | None:
    """Return what is the same for equal events only; None if that would take long."""
    form: list[object] = [kind]
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if len(form) > MAX_FORM_PARTS:
            return None
        if isinstance(value, Sequence) and value.kind == "tuple" and not value.cut:
            if len(value.items) > MAX_FORM_PARTS:
                return None
            form.append(("tuple", len(value.items)))
            waiting.extend(value.items)
        elif isinstance(value, Sequence | Made | Persistent | Data):
            form.append(
                id(value)
            )  # what may change is the same only if it is the same object; the event keeps it
        else:
            form.append(_atom(value))
    return tuple(form)


def _atom(value: object) -> object:
    if isinstance(value, bool):
        return ("bool", "yes" if value else "no")
    # as text: numbers that a pickle chooses must not collide in a table
    return ("int", str(value)) if isinstance(value, int) else value
