"""What a message of a format consists of, as far as inspection needs to know it.

A field that is not in a schema is unknown, and reported; one that holds nothing of interest is ``OPAQUE``:
its bytes are accounted for and not looked at.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

INTEGER: Final = "integer"  # a varint of any type, kept as it is on the wire
TEXT: Final = "text"  # UTF-8, kept up to MAX_TEXT_BYTES
BYTES: Final = "bytes"  # as TEXT, of any bytes
EXTENT: Final = "extent"  # only where the payload lies is kept
VARINTS: Final = "varints"  # numbers, packed or not, of which only the count is kept
FIXED32: Final = "fixed32"  # as above, of 4 bytes each
FIXED64: Final = "fixed64"  # as above, of 8 bytes each
OPAQUE: Final = "opaque"  # known, of no interest
MESSAGE: Final = "message"

MAX_TEXT_BYTES: Final = 1024 * 1024  # kept of one text; what is longer is an extent


class Field(NamedTuple):
    """One field of a message; ``streamed`` messages are shown to the visitor and not kept."""

    kind: str
    repeated: bool = False
    schema: "Schema | None" = None
    streamed: bool = False


@dataclass(eq=False, slots=True)
class Schema:
    """A type of message: its name for people, its fields by number."""

    name: str
    fields: dict[int, Field] = field(default_factory=dict)

    def known(self, fields: dict[int, Field], opaque: tuple[int, ...] = ()) -> "Schema":
        """Set the fields and return the schema: schemas that contain each other are made first."""
        self.fields = {**fields, **dict.fromkeys(opaque, Field(OPAQUE, repeated=True))}
        return self


integer: Final = Field(INTEGER)
integers: Final = Field(INTEGER, repeated=True)
text: Final = Field(TEXT)
texts: Final = Field(TEXT, repeated=True)
data: Final = Field(BYTES)
datas: Final = Field(BYTES, repeated=True)
extent: Final = Field(EXTENT)
extents: Final = Field(EXTENT, repeated=True)


def one(schema: Schema) -> Field:
    """Return the field of a message that occurs once; parsers merge it if it occurs again."""
    return Field(MESSAGE, schema=schema)


def many(schema: Schema) -> Field:
    """Return the field of repeated messages that are kept."""
    return Field(MESSAGE, repeated=True, schema=schema)


def stream(schema: Schema) -> Field:
    """Return the field of repeated messages that are only shown to the visitor."""
    return Field(MESSAGE, repeated=True, schema=schema, streamed=True)
