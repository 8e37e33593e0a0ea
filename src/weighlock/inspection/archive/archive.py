"""An archive that was listed: what the reader of one kind of archive (torch, Keras, NumPy) works with."""

from dataclasses import dataclass

from weighlock.inspection.archive.zip import DEFLATED, ENCRYPTED, STORED, Member, inflate
from weighlock.inspection.file import File
from weighlock.inspection.span import FormatError, Reading, Unexamined, read


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of an archive by their place in ``file``; folders are left out."""

    file: File
    members: list[Member]

    def read(self, member: Member, limit: int) -> Reading[bytes]:
        """Return the content of a member; raises Unexamined over ``limit`` bytes, FormatError if corrupt."""
        if member.flags & ENCRYPTED:
            raise Unexamined("the member is encrypted")
        if member.size > limit:
            raise Unexamined(f"a member of {member.size} bytes is over the limit of {limit}")
        if member.method == STORED:
            return (yield from read(member.data, member.size))
        if member.method != DEFLATED:
            raise Unexamined(f"the member is packed with method {member.method}")
        self.file.budget.expand(member.size)
        return (yield from inflate(member))

    def examine(self, member: Member) -> Reading[None]:
        """Examine a member as a file of its own; never raises for what it holds."""
        try:
            if member.method == STORED and not member.flags & ENCRYPTED:
                yield from self.file.part(member.name, member.data, member.size)
            else:
                self.file.unpacked(member.name, (yield from self.read(member, member.size)))
        except FormatError as error:
            inner = self.file.report.member(member.name)
            inner.find(error.rule, error.message, offset=error.offset)
            inner.not_examined(error.message)
        except Unexamined as limit:
            self.file.report.member(member.name).not_examined(limit.reason)
