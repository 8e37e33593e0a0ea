"""Detection, JSON texts and archives beyond what the corpus holds."""

import json

import pytest

from model_file import examine, rules_of, safetensors, tensor
from weighlock.core.outcome import Outcome
from weighlock.inspection.detect import detect
from weighlock.inspection.inspector import inspect_file
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


@pytest.mark.parametrize("character", ["é", "日", "🙂"])
@pytest.mark.parametrize("shift", range(4))
def test_a_character_cut_by_a_window_is_whole(character: str, shift: int) -> None:
    text = b"x" * shift + (character * 100_000 * 2).encode()
    assert examine("a.txt", text).outcome is Outcome.CLEAN


def test_templates_of_a_dictionary_are_searched() -> None:
    data = json.dumps({"chat_template": {"default": "{{ x.__class__ }}"}}).encode()
    assert rules_of(examine("tokenizer_config.json", data)) == {"template-escape"}


def test_shifted_parsers_read_their_part() -> None:
    assert drive(shifted(2, read(1, 2)), fetch_from(b"012345")) == b"34"


def test_a_request_over_the_limit_is_not_made() -> None:
    with pytest.raises(Unexamined, match="larger than the limit"):
        drive(read(0, 1 << 40), fetch_from(b""))


def test_a_format_error_names_its_rule_and_place() -> None:
    error = FormatError("zip-structure", "why", 7)
    assert (error.rule, error.message, error.offset) == ("zip-structure", "why", 7)


def test_auto_map_in_auto_map_is_named_once_each() -> None:
    data = b'{"auto_map": ' * 500 + b'"' + b"x" * 500_000 + b'"' + b"}" * 500
    assert rules_of(examine("config.json", data)) == {"config-remote-code"}


def test_a_header_that_begins_like_a_pickle_costs_little_where_the_name_keeps_unpicklers_away() -> None:
    count = 2_000_000
    header = (
        json.dumps({"t": tensor("U8", [count], 0, count)}).encode().ljust(0x150)
    )  # "P" is PERSID, to the next line
    raw = safetensors(header, bytes(count))
    asked: list[int] = []

    def fetch(span: Span) -> bytes:
        asked.append(span.length)
        return raw[span.offset : span.offset + span.length]

    assert drive(inspect_file("x.safetensors", len(raw)), fetch).format == "safetensors"
    assert sum(asked) < 200_000


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("url_template", "https://example.org/{z}/{x}.png", set()),
        ("url_template", "{{ x.__class__ }}", {"template-escape"}),
        ("chat_template", "See https://example.org/{z}", {"template-link"}),
        ("template", "See https://example.org/{z}", {"template-link"}),
        ("tool_use_template", "{{ x.__class__ }}", {"template-escape"}),
    ],
)
def test_templates_of_conversations_are_judged_by_their_wording(
    key: str, text: str, expected: set[str]
) -> None:
    assert rules_of(examine("config.json", json.dumps({key: text}).encode())) == expected


def test_a_vocabulary_does_not_hide_a_key_that_numbers_have_a_meaning_for() -> None:
    words = {f"word{number}": number for number in range(1000)} | {"trust_remote_code": 1}
    assert rules_of(examine("config.json", json.dumps({"a": [words]}).encode())) == {
        "config-trust-remote-code"
    }


@pytest.mark.parametrize("name", ["a.pth", "requirements.txt", "checkpoint"])
def test_a_text_with_a_meaning_is_read_whole_or_not_at_all(name: str) -> None:
    assert "over the limit" in str(examine(name, b"#\n" * (2 * 1024 * 1024 + 1)).not_examined)
    assert examine("words.txt", b"#\n" * (2 * 1024 * 1024 + 1)).not_examined is None


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("../../base", {"config-path"}),
        ("https://example.org/base", {"config-path"}),
        ("/home/x/base", set()),
        ("acme/base", set()),
    ],
)
def test_the_base_of_an_adapter(base: str, expected: set[str]) -> None:
    examined = examine("adapter_config.json", json.dumps({"base_model_name_or_path": base}).encode())
    assert rules_of(examined) == expected
    assert ("base model", base) in examined.facts
