"""A member of an archive, whatever the archive is."""

from typing import Final, NamedTuple

STORED: Final = 0  # methods as ZIP numbers them (APPNOTE, 4.4.5)
DEFLATED: Final = 8
BZIPPED: Final = 12
LZMA_PACKED: Final = 14
XZ_PACKED: Final = 95
ENCRYPTED: Final = 0x41  # flag bits 0 and 6
DESCRIPTOR: Final = 0x08  # flag bit 3: CRC and sizes follow the data


class Member(NamedTuple):
    """A member: its name, method, flags, CRC-32, sizes in bytes, and where header and data start.

    ``crc`` is None where the format has none. ``packed`` bytes from ``data`` on are the content as it is stored.
    """

    name: str
    method: int
    flags: int
    crc: int | None
    packed: int
    size: int
    header: int
    data: int = 0
    mode: int = 0  # the kind of file in Unix terms, if the archive says; else 0
