"""Files that are two formats at once, and forbidden formats inside others."""

import pytest

from model_file import examine, npy, rules_of, zip_of
from weighlock.core.outcome import Outcome

PAYLOAD = b"cposix\nsystem\n(Vtouch marker\ntR."
PLAIN = b"\x80\x04N."
SKIP = b"U\xc2\x80"  # a short text of 194 bytes, and the beginning of a name in UTF-8


def tar(name: bytes, link: bytes = b"") -> bytes:
    """Return a tar file with one empty file of that name, whose link says nothing to readers of tar."""
    head = bytearray(512)
    fields = (
        (0, name),
        (100, b"0000644\0"),
        (124, b"0" * 11),
        (156, b"0"),
        (157, link),
        (257, b"ustar\x0000"),
    )
    for at, field in fields:
        head[at : at + len(field)] = field
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


@pytest.mark.parametrize(
    "data",
    [
        tar(SKIP + b"x", b"a" * (2 + 194 - 157) + PAYLOAD),
        tar(PAYLOAD),
        b"U\x20\0\0TFL3" + bytes(26) + PAYLOAD + bytes(9000),
        b"U\x20\0\0ET12" + bytes(26) + PAYLOAD + bytes(9000),
    ],
)
@pytest.mark.parametrize("name", ["model.bin", "model.pkl", "model"])
def test_a_file_that_is_also_a_program_of_the_unpickler(name: str, data: bytes) -> None:
    assert "pickle-global-dangerous" in rules_of(examine(name, data))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.npy", npy("'|O'", "(1,)", PLAIN)),
        ("a.npz", zip_of({"a.npy": npy("'|O'", "(1,)", PLAIN)})),
        ("a.zip", zip_of({"a.json": PLAIN})),
    ],
)
def test_a_pickle_inside_another_format_is_told_to_the_policy(name: str, data: bytes) -> None:
    examined = examine(name, data)
    assert examined.outcome is not Outcome.UNDECIDED
    assert "pickle" in examined.formats
