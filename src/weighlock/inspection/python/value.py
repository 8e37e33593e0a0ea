"""What is known of a Python expression without running it."""

from dataclasses import dataclass
from typing import Final

MAX_NAMES: Final = 8  # that one variable may stand for: a variable that is set in more places is a dispatcher
MAX_TEXT: Final = (
    1 << 18
)  # characters of a constant that is made from others: a decoded payload has some thousand
MAX_ITEMS: Final = 4096  # of a list that is followed
MAX_NAME: Final = 300  # characters of a dotted name: longer chains are made by loops

MADE: Final = "made"  # a text that was put together from pieces
DECODED: Final = "decoded"  # what base64, zlib, marshal and the like give
FETCHED: Final = "fetched"  # what came over the network
PRIVATE: Final = "private"  # the whole environment, or a file of credentials
UNKNOWN_NAME: Final = "?"  # a part of a dotted name that the code computes


@dataclass(frozen=True, slots=True)
class Value:
    """``names`` are what it may be, dotted (``os.system``; ``@f`` is this file's own f; ``x()`` what x returns).

    ``constant`` is its value if that is known, ``items`` those of a list or tuple, ``traits`` how it came to be.
    """

    names: tuple[str, ...] = ()
    constant: str | bytes | int | None = None
    items: tuple["Value", ...] | None = None
    traits: frozenset[str] = frozenset()

    @property
    def text(self) -> str | None:
        """The constant, if it is text."""
        return self.constant if isinstance(self.constant, str) else None

    def marked(self, traits: frozenset[str]) -> "Value":
        """Return the same with more traits."""
        return (
            self
            if traits <= self.traits
            else Value(self.names, self.constant, self.items, self.traits | traits)
        )

    def attribute(self, name: str) -> "Value":
        """Return what ``.name`` of it is."""
        return Value(
            tuple(f"{each}.{name}" for each in self.names if len(each) < MAX_NAME), traits=self.traits
        )

    def called(self) -> "Value":
        """Return what calling it gives."""
        return Value(tuple(f"{each}()" for each in self.names if len(each) < MAX_NAME), traits=self.traits)


NOTHING: Final = Value()


def either(first: Value, second: Value) -> Value:
    """Return a value that may be one or the other."""
    names = tuple(dict.fromkeys((*first.names, *second.names)))[:MAX_NAMES]
    same = first.constant == second.constant and type(first.constant) is type(second.constant)
    constant = first.constant if same else None
    return Value(names, constant, first.items or second.items, first.traits | second.traits)


def traits_of(*values: Value) -> frozenset[str]:
    """Return the traits of all of them."""
    return frozenset().union(*(value.traits for value in values))
