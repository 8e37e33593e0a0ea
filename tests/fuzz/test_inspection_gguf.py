"""Sound GGUF files are clean, cut and changed ones end, and ask only for what is there."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.gguf_case import cases
from model_file import GgufFile, examine
from weighlock.core.outcome import Outcome

ACCEPTED = [case.data for case in cases() if case.path.startswith("accept/")]


@given(st.integers(1, 3), st.sampled_from("<>"), st.lists(st.integers(1, 40), max_size=4), st.data())
def test_sound_gguf_is_clean_and_cut_is_not(
    version: int, order: str, rows: list[int], data: st.DataObject
) -> None:
    file = GgufFile(version, order).string("general.name", "x")
    file.array("tokens", 8, [file.text("t" * index) for index in range(5)])
    body = b""
    for index, row in enumerate(rows):
        file.tensor(f"t{index}", [row], 0, len(body))
        body += b"\1" * (4 * row) + bytes(-(4 * row) % 32)
    whole = file.bytes(body)
    assert examine("a.gguf", whole).outcome is Outcome.CLEAN
    cut = data.draw(st.integers(0, len(file.header()) - 1))
    assert examine("a.gguf", whole[:cut]).outcome is not Outcome.CLEAN


@given(st.sampled_from(ACCEPTED), st.data())
def test_changed_files_end(raw: bytes, data: st.DataObject) -> None:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(
            st.sampled_from([0, 1, 3, 8, 9, 127, 128, 255])
        )
    assert examine("a.gguf", bytes(changed)).format


@given(st.lists(st.text(max_size=6), max_size=8), st.lists(st.integers(-1, 7), max_size=8), st.integers(0, 9))
def test_a_vocabulary_is_clean_only_if_its_parts_agree(words: list[str], types: list[int], bos: int) -> None:
    file = GgufFile()
    file.array("tokenizer.ggml.tokens", 8, [file.text(word.encode("utf-8", "replace")) for word in words])
    file.array("tokenizer.ggml.token_type", 5, [file.pack("i", kind) for kind in types])
    file.entry("tokenizer.ggml.bos_token_id", 4, file.pack("I", bos))
    sound = len(words) == len(types) and bos < len(words)
    rules = {finding.rule for finding in examine("a.gguf", file.bytes()).findings}
    assert ({"gguf-vocabulary", "gguf-special-token"} & rules == set()) == sound
