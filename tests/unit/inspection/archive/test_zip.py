"""ZIP files beyond what the corpus holds: other writers, large ones, and what each costs."""

import io
import random
import struct
import zipfile
import zlib
from typing import Any

import pytest

from archive_file import Item, deflated, zip_file
from model_file import examine, rules_of, zip_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.archive.codec import DEFLATE
from weighlock.inspection.archive.unpack import Region
from weighlock.inspection.file import Budget
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.span import FormatError, Span, Unexamined, drive, fetch_from


def test_archives_nest_only_so_deep() -> None:
    data = b"text\n"
    name = "a.txt"
    for _ in range(5):
        data, name = zip_of({name: data}), "a.zip"
    assert examine("a.zip", data).outcome is Outcome.CLEAN
    examined = examine("a.zip", zip_of({"a.zip": data}))
    assert "nest deeper than 5" in str(examined.not_examined)


def test_the_budget_ends_the_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "expand", Budget(100).expand)
    two = zip_of({"a.txt": b"a" * 60, "b.txt": b"b" * 60}, zipfile.ZIP_DEFLATED)
    assert "would be decompressed" in str(examine("a.zip", two).not_examined)


def test_what_uses_up_the_budget_with_little_is_a_bomb() -> None:
    region = Region(0, 0, DEFLATE, Budget(expanded_bytes=20_000_000))
    data = deflated(b" " * 30_000_000)
    region.length = len(data)
    with pytest.raises(FormatError, match="grow to more than") as told:
        drive(region.measure(), fetch_from(data))
    assert told.value.rule == "archive-bomb"


def test_what_uses_up_the_budget_with_much_is_only_large() -> None:
    data = random.Random(1).randbytes(2_000_000)  # what does not shrink
    packed = deflated(data)
    with pytest.raises(Unexamined, match="would be decompressed"):
        drive(Region(0, len(packed), DEFLATE, Budget(expanded_bytes=1_000_000)).measure(), fetch_from(packed))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packed_members_are_examined(method: int) -> None:
    payload = b"cos\nsystem\n(S'touch marker'\ntR."
    assert "pickle-global-dangerous" in rules_of(examine("a.zip", zip_of({"m.pkl": payload}, method)))
    assert examine("a.zip", zip_of({"a.txt": b"text\n" * 99}, method)).outcome is Outcome.CLEAN


def test_a_member_packed_as_xz_is_examined() -> None:
    import lzma  # noqa: PLC0415  # for this method alone

    raw = lzma.compress(b"cos\nsystem\n(S'touch marker'\ntR.")
    item = Item(b"m.pkl", b"cos\nsystem\n(S'touch marker'\ntR.", raw=raw, both={"method": 95})
    assert "pickle-global-dangerous" in rules_of(examine("a.zip", zip_file([item])))


def test_wrong_lzma_properties_are_told() -> None:
    item = Item(b"a.txt", b"text\n", raw=b"\0\0\5\0" + b"\xff" * 5 + bytes(9), both={"method": 14})
    assert "properties are wrong" in str(examine("a.zip", zip_file([item])).not_examined)


def test_a_dictionary_over_the_limit_is_not_made() -> None:
    item = Item(b"a.txt", b"text\n", raw=b"\0\0\5\0\x5d\0\0\0\xf0" + bytes(9), both={"method": 14})
    assert "dictionary" in str(examine("a.zip", zip_file([item])).not_examined)


def test_a_member_with_its_sizes_behind_it_is_read() -> None:
    out = io.BytesIO()

    class Unseekable(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return out.write(data)

    with zipfile.ZipFile(Unseekable(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", "one\n")
        archive.writestr("b.txt", "two\n")
    assert examine("a.zip", out.getvalue()).outcome is Outcome.CLEAN


def test_a_member_behind_four_gibibytes_is_found() -> None:
    """The second header's place takes 64 bits, and only the ends of the first member are made."""
    size = 5 << 30
    wide = struct.pack("<2H2Q", 1, 16, size, size)
    first = (
        struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 33, 7, 0xFFFFFFFF, 0xFFFFFFFF, 5, len(wide))
        + b"a.bin"
        + wide
    )
    place = len(first) + size
    second_crc = zlib.crc32(b"text\n")
    second = (
        struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 33, second_crc, 5, 5, 5, 0) + b"b.txt" + b"text\n"
    )
    far = struct.pack("<2HQ", 1, 8, place)
    directory = struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 33, 7, 0xFFFFFFFF, 0xFFFFFFFF, 5, len(wide), 0, 0, 0, 0, 0) + b"a.bin" + wide  # fmt: skip
    directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 33, second_crc, 5, 5, 5, len(far), 0, 0, 0, 0, 0xFFFFFFFF) + b"b.txt" + far  # fmt: skip
    at = place + len(second)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, len(directory), at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(directory), 0xFFFFFFFF, 0)
    tail = second + directory + end64 + locator + end
    asked: list[Span] = []

    def fetch(span: Span) -> bytes:
        asked.append(span)
        assert span.offset + span.length <= place + len(tail)
        found = bytearray(span.length)
        for start, piece in ((0, first), (place, tail)):
            low, high = max(span.offset, start), min(span.offset + span.length, start + len(piece))
            if low < high:
                found[low - span.offset : high - span.offset] = piece[low - start : high - start]
        return bytes(found)

    examined = drive(inspect_file("a.zip", place + len(tail)), fetch)
    assert rules_of(examined) == set()
    assert examined.not_examined == "a.bin: the format is unknown"
    assert sum(span.length for span in asked) < 1_000_000


def test_ten_thousand_members_take_as_many_requests() -> None:
    whole = zip_of({f"d/{number}.txt": b"text\n" for number in range(10_000)})
    asked = 0

    def fetch(span: Span) -> bytes:
        nonlocal asked
        asked += 1
        return whole[span.offset : span.offset + span.length]

    assert drive(inspect_file("a.zip", len(whole)), fetch).outcome is Outcome.CLEAN
    assert asked < 2 * 10_000 + 20


def test_a_huge_count_is_not_believed() -> None:
    assert rules_of(examine("a.zip", zip_file([Item(b"a.txt")], here=60_000, count=60_000))) == {
        "zip-structure"
    }


def test_more_members_than_the_limit_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.inspection.archive.zip_directory.MAX_MEMBERS", 2)
    three = zip_of(dict.fromkeys(("a.txt", "b.txt", "c.txt"), b"text\n"))
    assert "over the limit" in str(examine("a.zip", three).not_examined)
    lied = zip_file([Item(name) for name in (b"a.txt", b"b.txt", b"c.txt")], here=1, count=1)
    assert "more than 2 members" in str(examine("a.zip", lied).not_examined)
