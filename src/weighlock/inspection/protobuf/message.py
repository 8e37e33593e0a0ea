"""What was read of a message."""

from typing import NamedTuple

from weighlock.inspection.protobuf.schema import Schema


class Extent(NamedTuple):
    """Where a payload lies in the file, in bytes."""

    offset: int
    length: int


class Count(NamedTuple):
    """How many numbers a field holds: of varints only the limits are known without reading them."""

    least: int
    most: int


class Message:
    """A message: its type, where it begins, the message around it, and what was kept by field number.

    ``end`` is where it ends, ``group`` the number of the group that it is, or 0, and ``release`` what the reader may
    hold again when it has been read, if it is not kept.
    """

    __slots__ = ("_notes", "end", "group", "offset", "parent", "release", "schema", "values")

    def __init__(self, schema: Schema, offset: int, end: int, parent: "Message | None") -> None:
        self.schema = schema
        self.offset = offset
        self.end = end
        self.parent = parent
        self.group = 0
        self.release: int | None = None
        self.values: dict[int, list[object]] = {}
        self._notes: dict[str, dict[object, None]] | None = None

    @property
    def notes(self) -> dict[str, dict[object, None]]:
        """Return the visitor's own: what it learns from inner messages before this one is complete."""
        if self._notes is None:
            self._notes = {}
        return self._notes

    def integer(self, number: int, default: int = 0) -> int:
        """Return an integer field, read as signed 64 bits; the last occurrence counts."""
        values = self.integers(number)
        return values[-1] if values else default

    def integers(self, number: int) -> list[int]:
        """Return all integers of a field, read as signed 64 bits."""
        found = (value for value in self.values.get(number, ()) if isinstance(value, int))
        return [value - (1 << 64) if value >> 63 else value for value in found]

    def text(self, number: int) -> str:
        """Return a text field; the last occurrence counts."""
        found = self.texts(number)
        return found[-1] if found else ""

    def texts(self, number: int) -> list[str]:
        """Return all texts of a field."""
        return [value for value in self.values.get(number, ()) if isinstance(value, str)]

    def data(self, number: int) -> list[bytes]:
        """Return all byte strings of a field."""
        return [value for value in self.values.get(number, ()) if isinstance(value, bytes)]

    def extents(self, number: int) -> list[Extent]:
        """Return where the payloads of a field lie."""
        return [value for value in self.values.get(number, ()) if isinstance(value, Extent)]

    def count(self, number: int) -> Count:
        """Return how many numbers a field holds."""
        found = [value for value in self.values.get(number, ()) if isinstance(value, Count)]
        return Count(sum(each.least for each in found), sum(each.most for each in found))

    def messages(self, number: int) -> list["Message"]:
        """Return the inner messages of a field."""
        return [value for value in self.values.get(number, ()) if isinstance(value, Message)]

    def message(self, number: int) -> "Message | None":
        """Return the inner message of a field that has one."""
        found = self.messages(number)
        return found[-1] if found else None
