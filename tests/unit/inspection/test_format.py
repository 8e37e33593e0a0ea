"""Detection, JSON texts and archives beyond what the corpus holds."""

import struct
import zipfile

import pytest

from model_file import GgufFile, examine, rules_of, safetensors, tensor, zip_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.format.detect import detect
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.rule import archive
from weighlock.inspection.span import FormatError, Span, Unexamined, drive, fetch_from, read, shifted


@pytest.mark.parametrize(
    ("head", "name", "expected"),
    [
        (b"\x28\xb5\x2f\xfd", "a", "zstd"),
        (b"\xfd7zXZ\x00", "a", "xz"),
        (b"BZh9", "a", "bzip2"),
        (b"\x04\x22\x4d\x18", "a", "lz4"),
        (b"\x1f\x8b\x08\0", "a", "gzip"),
        (b"Rar!\x1a\x07\x01\0", "a", "rar"),
        (b"\xcf\xfa\xed\xfe", "a", "mach-o"),
        (b"lmgg\1\0\0\0", "a", "ggml"),
        (b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n", "a", "joblib"),
        (b"\x80\x06N.", "a", "unknown"),
        (b"MZ and nothing more", "a", "text"),
        (b"\x00\x01", "a.safetensors", "unknown"),
        (b"Keras is a library.\n", "README", "text"),
        (b"I am a text.\n", "README", "text"),
        (b"import os\n", "notes.txt", "text"),
        (b"(lp0\nI1\na.", "a", "pickle"),
        (b"]q\x00(K\x01K\x02e.", "a", "pickle"),
        (b"\xef\xbb\xbf{}", "a.json", "json"),
    ],
)  # fmt: skip
def test_detect(head: bytes, name: str, expected: str) -> None:
    assert detect(head, len(head), name).format == expected


def test_a_v7_tar_is_told_by_its_sum() -> None:
    header = bytearray(512)
    header[:5] = b"a.txt"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert detect(bytes(header), 512, "a").format == "tar"


def test_a_text_cut_in_the_middle_of_a_character_by_the_window_is_a_text() -> None:
    text = ("é" * 131_072).encode()  # the windows end inside characters after one odd byte
    assert examine("a.txt", b"x" + text).outcome is Outcome.CLEAN


def test_a_text_that_goes_on_as_something_else_is_not_examined() -> None:
    examined = examine("a.txt", b"text\n" * 20_000 + b"\x00\x01\x02")
    assert examined.outcome is Outcome.UNDECIDED


def test_a_file_that_shrinks_is_not_examined() -> None:
    data = safetensors({"a": tensor("U8", [1], 0, 1)}, b"x")
    examined = drive(inspect_file("a.safetensors", len(data)), lambda _: b"")
    assert examined.outcome is Outcome.UNDECIDED
    assert examined.not_examined == "the file became shorter while it was read"


def test_a_header_costs_its_bytes_and_the_head() -> None:
    header = safetensors({"a": tensor("U8", [1 << 40], 0, 1 << 40)})
    asked: list[Span] = []

    def fetch(span: Span) -> bytes:
        asked.append(span)
        return header[span.offset : span.offset + span.length].ljust(span.length, b"\0")

    examined = drive(inspect_file("a.safetensors", len(header) + (1 << 40)), fetch)
    assert examined.outcome is Outcome.CLEAN
    assert sum(span.length for span in asked) < 100_000


def test_a_gguf_vocabulary_longer_than_a_window_is_walked() -> None:
    file = GgufFile()
    file.array("tokenizer.ggml.tokens", 8, [file.text(f"token {index}") for index in range(60_000)])
    file.string("tokenizer.chat_template", "{{ x.__class__ }}")
    assert rules_of(examine("a.gguf", file.bytes())) == {"template-escape"}


def test_a_gguf_string_over_the_limit_inside_an_array_is_refused() -> None:
    file = GgufFile()
    file.array("k", 8, [file.text("a"), struct.pack("<Q", 1 << 40)])
    assert rules_of(examine("a.gguf", file.bytes())) == {"gguf-header"}


def test_archives_nest_only_so_deep() -> None:
    data = b"text\n"
    name = "a.txt"
    for _ in range(3):
        data, name = zip_of({name: data}), "a.zip"
    assert examine("a.zip", data).outcome is Outcome.CLEAN
    examined = examine("a.zip", zip_of({"a.zip": data}))
    assert examined.not_examined is not None
    assert "nest deeper than 3" in examined.not_examined


def test_a_bomb_is_stopped_by_the_size_it_says_and_by_the_size_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bomb = zip_of({"a.txt": b" " * (65 << 20)}, zipfile.ZIP_DEFLATED)
    examined = examine("a.zip", bomb)
    assert examined.not_examined is not None
    assert "over the limit" in examined.not_examined
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 100)
    two = zip_of({"a.txt": b"a" * 60, "b.txt": b"b" * 60}, zipfile.ZIP_DEFLATED)
    examined = examine("a.zip", two)
    assert examined.not_examined == "b.txt: more than 100 bytes were inflated before it"


def test_a_64_bit_archive_is_read() -> None:
    whole = zip_of({"a.txt": b"one\n"})
    directory, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    size = end - directory
    end64 = b"PK\6\6" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 1, 1, size, directory)
    locator = b"PK\6\7" + struct.pack("<LQL", 0, end, 1)
    short = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    assert examine("a.zip", whole[:end] + end64 + locator + short).outcome is Outcome.CLEAN
    lied = b"PK\6\7" + struct.pack("<LQL", 0, end + 1, 1)
    assert rules_of(examine("a.zip", whole[:end] + end64 + lied + short)) == {"zip-structure"}


def test_shifted_parsers_read_their_part() -> None:
    assert drive(shifted(2, read(1, 2)), fetch_from(b"012345")) == b"34"


def test_a_request_over_the_limit_is_not_made() -> None:
    with pytest.raises(Unexamined, match="larger than the limit"):
        drive(read(0, 1 << 40), fetch_from(b""))


def test_a_format_error_names_its_rule_and_place() -> None:
    error = FormatError("zip-structure", "why", 7)
    assert (error.rule, error.message, error.offset) == ("zip-structure", "why", 7)
