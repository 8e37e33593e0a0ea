"""What a SentencePiece model holds: pieces with scores, and tables that its library interprets without running code."""

from typing import Final

from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.protobuf.message import Message
from weighlock.inspection.protobuf.read import read_message
from weighlock.inspection.protobuf.schema import Schema, stream
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading

_PIECE: Final = Schema("SentencePiece").known({}, opaque=(1, 2, 3))
# sentencepiece_model.proto: the pieces, then how they were trained and how texts are normalized
_MODEL: Final = Schema("ModelProto").known({1: stream(_PIECE)}, opaque=(2, 3, 4, 5))


def examine_sentencepiece(file: File) -> Reading[None]:
    """Account for every byte of a tokenizer. Raises FormatError and Unexamined."""
    visitor = _Visitor(file.report)
    yield from read_message(0, file.size, _MODEL, visitor)
    if not visitor.pieces:
        raise FormatError(visitor.rule, "the tokenizer has no pieces")
    file.report.fact("pieces", visitor.pieces)
    yield from examine_tail(file)


class _Visitor:
    """Counts the pieces."""

    rule = "sentencepiece-structure"

    def __init__(self, report: Report) -> None:
        self._report = report
        self._unknown: set[tuple[str, int]] = set()
        self.pieces = 0

    def visit(self, message: Message) -> None:
        """Take a message by its type."""
        self.pieces += message.schema is _PIECE

    def flaw(self, what: str, offset: int) -> None:
        """Report what readers may take differently."""
        self._report.find(self.rule, what, offset=offset)

    def unknown(self, schema: str, number: int, offset: int) -> None:
        """A field of a later version, or bytes that hide: nobody here knows which."""
        if (schema, number) not in self._unknown:
            self._unknown.add((schema, number))
            self._report.not_examined(f"{schema} has the unknown field {number} at byte {offset}")
