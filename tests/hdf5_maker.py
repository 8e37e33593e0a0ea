"""Write small HDF5 files by hand (superblock version 2, compact groups), sound and broken.

Source: HDF5 File Format Specification 3.0. Checksums are left zero: inspection does not compute them.
"""

import struct
from collections.abc import Iterable

SIGNATURE = b"\x89HDF\r\n\x1a\n"
NONE = 0xFFFF_FFFF_FFFF_FFFF
FLOAT = b"\x11\x20\x1f\x00" + struct.pack("<I", 4) + struct.pack("<HHBBBBI", 0, 32, 23, 8, 0, 23, 127)


def fixed_text(size: int) -> bytes:
    return b"\x13\x00\x00\x00" + struct.pack("<I", size)


def extent(*sizes: int) -> bytes:
    return struct.pack("<4B", 2, len(sizes), 0, 1 if sizes else 0) + b"".join(
        struct.pack("<Q", size) for size in sizes
    )


def message(kind: int, data: bytes, *, flags: int = 0) -> bytes:
    return struct.pack("<BHB", kind, len(data), flags) + data


def attribute(name: str, value: bytes, *, kind: bytes | None = None) -> bytes:
    """Return a message of an attribute that is one text."""
    datatype, space, raw = kind or fixed_text(len(value)), extent(), name.encode() + b"\0"
    head = struct.pack("<BBHHHB", 3, 0, len(raw), len(datatype), len(space), 0)
    return message(0x0C, head + raw + datatype + space + value)


def hard_link(name: str, address: int) -> bytes:
    raw = name.encode()
    return message(0x06, struct.pack("<BBB", 1, 0, len(raw)) + raw + struct.pack("<Q", address))


def other_link(name: str, kind: int, value: bytes) -> bytes:
    raw = name.encode()
    return message(
        0x06, struct.pack("<BBBB", 1, 8, kind, len(raw)) + raw + struct.pack("<H", len(value)) + value
    )


def external_link(name: str, file: str, item: str) -> bytes:
    return other_link(name, 64, b"\0" + file.encode() + b"\0" + item.encode() + b"\0")


def array(*sizes: int, layout: bytes, datatype: bytes = FLOAT, more: Iterable[bytes] = ()) -> bytes:
    """Return an object header of an array."""
    return header([message(0x01, extent(*sizes)), message(0x03, datatype), message(0x08, layout), *more])


def contiguous(address: int, size: int) -> bytes:
    return struct.pack("<BBQQ", 3, 1, address, size)


def filters(*numbers: int) -> bytes:
    parts = b""
    for number in numbers:
        name = b"plug\0" if number >= 256 else b""
        length = struct.pack("<H", len(name)) if number >= 256 else b""
        parts += struct.pack("<H", number) + length + struct.pack("<HH", 0, 0) + name
    return message(0x0B, struct.pack("<BB", 2, len(numbers)) + parts)


def external_files(heap: int) -> bytes:
    return message(0x07, struct.pack("<B3xHHQQQQ", 1, 1, 1, heap, 0, 0, 0))


def header(messages: Iterable[bytes]) -> bytes:
    """Return an object header with these messages."""
    body = b"".join(messages)
    return b"OHDR\x02\x02" + struct.pack("<I", len(body)) + body + bytes(4)


def hdf5(
    objects: Iterable[bytes], *, user_block: bytes = b"", data: bytes = b"", size: int | None = None
) -> bytes:
    """Return a file: superblock, then the objects one behind the other (the first is the root), then ``data``.

    ``places`` tells where the objects will be.
    """
    listed = list(objects)
    body = b"".join(listed) + data
    end = 48 + len(body) if size is None else size
    head = SIGNATURE + struct.pack("<4B4Q", 2, 8, 8, 0, len(user_block), NONE, end, 48) + bytes(4)
    return user_block + head + body


def places(sizes: Iterable[int]) -> list[int]:
    """Return the addresses of objects of these sizes, and of what follows them."""
    found = [48]
    for size in sizes:
        found.append(found[-1] + size)
    return found


def model(root: list[bytes], *arrays: bytes, data: bytes = b"") -> bytes:
    """Return a file whose root has these messages and a link w0, w1 … to each array's header.

    An array's header may hold the bytes ``@DATA@@@`` for the address of ``data``.
    """
    links = [hard_link(f"w{index}", 0) for index in range(len(arrays))]
    sizes = [len(header([*root, *links])), *map(len, arrays)]
    at = places(sizes)
    linked = header([*root, *(hard_link(f"w{index}", at[index + 1]) for index in range(len(arrays)))])
    return hdf5(
        [linked, *(each.replace(b"@DATA@@@", struct.pack("<Q", at[-1])) for each in arrays)], data=data
    )


DATA = int.from_bytes(b"@DATA@@@", "little")  # stands for the address of a file's data
