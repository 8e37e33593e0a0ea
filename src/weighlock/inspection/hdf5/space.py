"""The address space of an HDF5 file, and numbers and structures in it.

Source: HDF5 File Format Specification 3.0, sections II (superblock) and "Format conventions".
Addresses count from the superblock's base address; one of all ones is undefined.
"""

from dataclasses import dataclass
from typing import Final

from weighlock.inspection.span import FormatError, Reading, Unexamined, read

SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
RULE: Final = "hdf5-structure"
MAX_READ_BYTES: Final = 512 * 1024 * 1024  # of structure in one file; tens of megabytes is a lot
MAX_STRUCTURES: Final = 2_000_000  # headers, nodes and blocks of one file


class Bytes:
    """A structure's bytes with a place in them; reading past the end breaks the format."""

    def __init__(self, data: bytes, offset: int) -> None:
        self.data = data
        self.offset = offset  # in the file, of the first byte
        self.at = 0

    @property
    def left(self) -> int:
        """Return how many bytes follow."""
        return len(self.data) - self.at

    def take(self, length: int) -> bytes:
        """Return the next ``length`` bytes; raises FormatError."""
        if length < 0 or length > self.left:
            raise FormatError(RULE, f"a structure ends {length - self.left} bytes early", self.offset)
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, width: int) -> int:
        """Return an unsigned little-endian number of ``width`` bytes; raises FormatError."""
        return int.from_bytes(self.take(width), "little")

    def pad(self, multiple: int) -> None:
        """Skip to a multiple, counted from the beginning of the structure; raises FormatError."""
        self.take(-self.at % multiple)


@dataclass(slots=True)
class Space:
    """Sizes of offsets and lengths in bytes, where address 0 is in the file, and where the file ends.

    ``root`` is the address of the root group's object header.
    """

    offset_bytes: int
    length_bytes: int
    base: int
    size: int
    root: int
    read_bytes: int = 0
    structures: int = 0

    @property
    def undefined(self) -> int:
        """Return the address that stands for none."""
        return (1 << (8 * self.offset_bytes)) - 1

    def holds(self, address: int, length: int) -> bool:
        """Return whether a range of addresses lies in the file."""
        return address >= 0 and length >= 0 and self.base + address + length <= self.size

    def load(self, address: int, length: int) -> Reading[Bytes]:
        """Return a structure's bytes; raises FormatError if they are not in the file, Unexamined over the limits."""
        if not self.holds(address, length):
            raise FormatError(RULE, f"a structure of {length} bytes at address {address} is not in the file")
        self.read_bytes += length
        self.structures += 1
        if self.read_bytes > MAX_READ_BYTES or self.structures > MAX_STRUCTURES:
            raise Unexamined("the file has more structure than is read")
        return Bytes((yield from read(self.base + address, length)), self.base + address)

    def load_up_to(self, address: int, length: int) -> Reading[Bytes]:
        """As ``load``, but shorter at the end of the file."""
        return (yield from self.load(address, min(length, self.size - self.base - address)))


def read_superblock(size: int) -> Reading[Space]:
    """Return the address space of the file; raises FormatError ``hdf5-structure`` and Unexamined."""
    at = 0
    while at + len(SIGNATURE) <= size:
        if (yield from read(at, len(SIGNATURE))) == SIGNATURE:
            return (yield from _superblock_at(at, size))
        at = at * 2 if at else 512  # the signature is at 0, 512, 1024, 2048 …
    raise FormatError(RULE, "the file has no superblock")


def _superblock_at(at: int, size: int) -> Reading[Space]:
    raw = Bytes((yield from read(at, min(size - at, 128))), at)
    raw.take(len(SIGNATURE))
    version = raw.number(1)
    if version > 3:
        raise Unexamined(f"superblock version {version} is not known")
    if version < 2:
        return _old_superblock(raw, version, at, size)
    offset_bytes, length_bytes = _widths(raw)
    raw.number(1)
    base, _, end, root = (raw.number(offset_bytes) for _ in range(4))
    return _space(Space(offset_bytes, length_bytes, base, size, root), at, end)


def _old_superblock(raw: Bytes, version: int, at: int, size: int) -> Space:
    raw.take(4)  # versions of parts, one reserved
    offset_bytes, length_bytes = _widths(raw)
    raw.take(1 + 2 + 2 + 4 + (4 if version == 1 else 0))
    base, _, end, _ = (raw.number(offset_bytes) for _ in range(4))
    raw.number(offset_bytes)  # the root entry's name
    return _space(Space(offset_bytes, length_bytes, base, size, raw.number(offset_bytes)), at, end)


def _widths(raw: Bytes) -> tuple[int, int]:
    offset_bytes, length_bytes = raw.number(1), raw.number(1)
    if offset_bytes not in {4, 8} or length_bytes not in {4, 8}:
        raise Unexamined(f"offsets of {offset_bytes} and lengths of {length_bytes} bytes are not read")
    return offset_bytes, length_bytes


def _space(space: Space, at: int, end: int) -> Space:
    if space.base != at:
        # the library takes where it found the signature; others take what the superblock says
        raise FormatError(RULE, f"the base address is {space.base}, and the superblock at {at}", at)
    if space.base + end != space.size and end != space.size:
        raise FormatError(RULE, f"the file should end at {end}, and has {space.size} bytes", at)
    return space
