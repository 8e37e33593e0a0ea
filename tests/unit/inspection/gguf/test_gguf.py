"""GGUF files: vocabularies at their real size, and parts of split files."""

import struct
import tracemalloc

import pytest

from model_file import GgufFile, examine, rules_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.gguf.read import read_gguf
from weighlock.inspection.span import FormatError, drive, fetch_from


def vocabulary(count: int) -> GgufFile:
    file = GgufFile()
    file.array("tokenizer.ggml.tokens", 8, [file.text(f"token {index}") for index in range(count)])
    file.array(
        "tokenizer.ggml.token_type",
        5,
        [file.pack("i", 3 if index % 1000 == 0 else 1) for index in range(count)],
    )
    return file


def test_a_vocabulary_longer_than_a_window_is_walked() -> None:
    file = vocabulary(60_000)
    file.string("tokenizer.chat_template", "{{ x.__class__ }}")
    assert rules_of(examine("a.gguf", file.bytes())) == {"template-escape"}


def test_a_vocabulary_is_not_kept_in_memory() -> None:
    data = vocabulary(150_000).bytes()
    tracemalloc.start()
    model = drive(read_gguf(len(data)), fetch_from(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(model.token_offsets) == 150_000
    assert peak < 6 << 20


def test_a_string_over_the_limit_inside_an_array_is_refused() -> None:
    file = GgufFile()
    file.array("k", 8, [file.text("a"), struct.pack("<Q", 1 << 40)])
    assert rules_of(examine("a.gguf", file.bytes())) == {"gguf-header"}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("version", [1, 2, 3])
def test_control_tokens_are_read_in_every_version(version: int, order: str) -> None:
    file = GgufFile(version, order)
    file.array("tokenizer.ggml.tokens", 8, [file.text("<s>"), file.text("transfer")])
    file.array("tokenizer.ggml.token_type", 5, [file.pack("i", 3), file.pack("i", 3)])
    (finding,) = examine("a.gguf", file.bytes()).findings
    assert finding.rule == "gguf-token"
    assert finding.message == "1 control tokens are ordinary words: 'transfer'"


def test_more_control_tokens_than_anyone_reserves_are_not_examined() -> None:
    file = GgufFile()
    file.array("tokenizer.ggml.tokens", 8, [file.text("a")] * 5000)
    file.array("tokenizer.ggml.token_type", 5, [file.pack("i", 3)] * 5000)
    assert "5000 control tokens" in str(examine("a.gguf", file.bytes()).not_examined)


def test_a_part_names_its_siblings() -> None:
    file = GgufFile()
    file.entry("split.no", 2, file.pack("H", 1)).entry("split.count", 2, file.pack("H", 3))
    examined = examine("model-00002-of-00003.gguf", file.bytes())
    assert examined.outcome is Outcome.CLEAN
    assert [(link.kind, link.target) for link in examined.links] == [
        ("shard", f"model-0000{number}-of-00003.gguf") for number in (1, 2, 3)
    ]


def test_counts_that_wrap_are_refused() -> None:
    data = GgufFile().tensor("w", [1 << 33, 1 << 31], 0, 0).bytes()
    with pytest.raises(FormatError, match="overflows"):
        drive(read_gguf(len(data)), fetch_from(data))


def test_addresses_are_facts() -> None:
    file = GgufFile().string("general.source.url", "https://example.com/m").string("general.type", "adapter")
    assert dict(examine("a.gguf", file.bytes()).facts)["general.source.url"] == "https://example.com/m"
