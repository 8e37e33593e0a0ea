"""An archive that was listed: what the reader of one kind of archive (torch, Keras, NumPy) works with."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.archive.codec import BZIP2_STREAM, DEFLATE, XZ_STREAM, Codec, Corrupt, sized_lzma
from weighlock.inspection.archive.member import (
    BZIPPED,
    DEFLATED,
    ENCRYPTED,
    LZMA_PACKED,
    STORED,
    XZ_PACKED,
    Member,
)
from weighlock.inspection.archive.unpack import HELD_BYTES, Content, Region, Unpacking
from weighlock.inspection.file import File
from weighlock.inspection.span import WINDOW_BYTES, FormatError, Reading, Unexamined, read

MAX_SUMMED_BYTES: Final = 1024 * 1024  # a stored member up to this size is read whole and its CRC-32 computed
_CODECS: Final = {DEFLATED: DEFLATE, BZIPPED: BZIP2_STREAM, XZ_PACKED: XZ_STREAM}
_LZMA_HEADER_BYTES: Final = 9  # version, length of the properties, and five bytes of these (APPNOTE, 5.8.8)


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of an archive by their place in ``file``; folders are left out."""

    file: File
    members: list[Member]

    def read(self, member: Member, limit: int) -> Reading[bytes]:
        """Return the content of a member, checked; raises FormatError, and Unexamined over ``limit`` bytes."""
        if member.size > limit:
            raise Unexamined(f"a member of {member.size} bytes is over the limit of {limit}")
        plain = yield from self._unlocked(member)
        if plain.method == STORED:
            return (yield from self._stored(plain))
        content = yield from self._content(plain)
        if content.fault or content.held is None or content.size > limit:
            limit = min(limit, HELD_BYTES)
            raise Unexamined(
                content.fault or f"a packed member of {content.size} bytes is over the limit of {limit}"
            )
        return content.held

    def feed(self, member: Member, take: Callable[[bytes], object]) -> Reading[None]:
        """Give ``take`` a member's content, piece by piece; raises FormatError and Unexamined."""
        plain = yield from self._unlocked(member)
        if plain.method == STORED:
            for at in range(0, plain.size, WINDOW_BYTES):
                take((yield from read(plain.data + at, min(WINDOW_BYTES, plain.size - at))))
            return
        unpacking = Unpacking((yield from self._region(plain)))
        try:
            while chunk := (yield from unpacking.more()):
                take(chunk)
        except Corrupt as error:
            raise Unexamined(f"the packed data is corrupt: {error}") from error

    def account(self, member: Member) -> Reading[None]:
        """Hold the content of a member against its size and CRC, for data that nothing interprets.

        A stored member's bounds are known from the directory, and its bytes are not read.
        Never raises for what it holds.
        """
        try:
            plain = yield from self._unlocked(member)
            if plain.method != STORED:
                yield from self._content(plain)
        except (FormatError, Unexamined) as error:
            self._tell(member, error)

    def examine(self, member: Member) -> Reading[None]:
        """Examine a member as a file of its own; never raises for what it holds."""
        file = self.file
        try:
            plain = yield from self._unlocked(member)
            if plain.method != STORED:
                content = yield from self._content(plain)
                yield from content.examine(file, member.name)
            elif member.size <= MAX_SUMMED_BYTES:
                file.unpacked(member.name, (yield from self._stored(plain)))
            else:
                yield from file.part(member.name, member.data, member.size)
        except (FormatError, Unexamined) as error:
            self._tell(member, error)

    def _tell(self, member: Member, error: FormatError | Unexamined) -> None:
        report = self.file.report.member(member.name)
        if isinstance(error, FormatError):
            report.find(error.rule, error.message, offset=error.offset)
            report.not_examined(error.message)
        else:
            report.not_examined(error.reason)

    def _stored(self, member: Member) -> Reading[bytes]:
        data = yield from read(member.data, member.size)
        if len(data) <= MAX_SUMMED_BYTES:
            self._check_sum(member, zlib.crc32(data))
        return data

    def _content(self, member: Member) -> Reading[Content]:
        """Return what a packed member holds, held against what the directory says; raises Unexamined."""
        file = self.file
        region = yield from self._region(member)
        content = yield from region.measure()
        report = file.report.member(member.name)
        if content.fault:
            report.find("archive-corrupt", f"the packed data is corrupt: {content.fault}")
            report.not_examined(f"the packed data is corrupt: {content.fault}")
            return content
        if content.size != member.size:
            report.find("zip-structure", f"it has {content.size} bytes, and says that it has {member.size}")
        left = member.data + member.packed - content.end
        if left and member.method != LZMA_PACKED:
            report.find("zip-structure", f"{left} hidden bytes follow its packed data", offset=content.end)
            report.not_examined(f"{left} hidden bytes follow its packed data")
        self._check_sum(member, content.crc)
        return content

    def _region(self, member: Member) -> Reading[Region]:
        offset, packed = member.data, member.packed
        if member.method == LZMA_PACKED and packed >= _LZMA_HEADER_BYTES:
            head = yield from read(offset, _LZMA_HEADER_BYTES)
            offset, packed = offset + _LZMA_HEADER_BYTES, packed - _LZMA_HEADER_BYTES
            codec: Codec | None = _lzma(head, member.size)
        else:
            codec = _CODECS.get(member.method)
        if codec is None:
            raise Unexamined(f"the member is packed with method {member.method}")
        return Region(offset, packed, codec, self.file.budget)

    def _check_sum(self, member: Member, found: int) -> None:
        if member.crc is None or member.crc == found:
            return
        told = f"its CRC-32 is {found:08x}, the directory says {member.crc:08x}"
        # torch writes zeros after set_crc32_options(False)
        rule = "zip-crc" if member.crc else "zip-crc-missing"
        self.file.report.member(member.name).find(rule, told)

    def _unlocked(self, member: Member) -> Reading[Member]:
        """Return the member, without its flag of encryption if that is a lie; raises Unexamined."""
        if not member.flags & ENCRYPTED:
            return member
        plain = member._replace(flags=member.flags & ~ENCRYPTED)
        if (yield from self._is_plain(plain)):
            self.file.report.find(
                "zip-structure", f"the member {shown(member.name)!r} is not encrypted, as its flag says: "
                "a reader that believes the flag does not look into it", offset=member.header
            )  # fmt: skip
            return plain
        self.file.report.member(member.name).find("archive-encrypted", "the member is encrypted")
        raise Unexamined("the member is encrypted")

    def _is_plain(self, member: Member) -> Reading[bool]:
        """Whether the bytes are those of which the directory has the CRC, without any key."""
        if member.method == STORED:
            if member.packed != member.size or member.size > MAX_SUMMED_BYTES:
                return False
            return zlib.crc32((yield from read(member.data, member.size))) == member.crc
        region = yield from self._region(member)
        content = yield from region.measure()
        return content.crc == member.crc and not content.fault


def _lzma(head: bytes, size: int) -> Codec:
    try:
        return sized_lzma(head[4:], size)
    except Corrupt as error:
        raise Unexamined(str(error)) from error
