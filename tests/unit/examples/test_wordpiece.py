from pathlib import Path

import pytest

from wordpiece import MAX_TOKENS, MAX_WORD_CHARACTERS, Tokenizer, read_vocabulary

TOKENS = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "cat",
    "kit",
    "##ten",
    "##t",
    "the",
    "!",
    "$",
    "cafe",
    "\u4eac",
    "a",
    "##a",
]


def encode(text: str, *, lowercase: bool = True) -> list[str]:
    ids = Tokenizer(TOKENS, lowercase=lowercase).encode(text)
    assert (ids[0], ids[-1]) == (1, 2)
    return [TOKENS[number] for number in ids[1:-1]]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("the cat", ["the", "cat"]),
        ("The CAT!", ["the", "cat", "!"]),
        ("kitten", ["kit", "##ten"]),
        ("kitt", ["kit", "##t"]),
        ("ten", ["[UNK]"]),  # only a continuation is known
        ("dog", ["[UNK]"]),
        ("catdog", ["[UNK]"]),  # one unknown piece makes the word unknown
        ("caf\u00e9", ["cafe"]),
        ("cafe\u0301", ["cafe"]),
        ("cat$cat", ["cat", "$", "cat"]),  # a symbol to Unicode, a sign to BERT
        ("cat\u4eaccat", ["cat", "\u4eac", "cat"]),
        ("the\u00a0cat\tthe\ncat\rthe\u2003cat", ["the", "cat"] * 3),
        ("c\u200bat\x00", ["cat"]),  # noise vanishes, and splits nothing
        ("c\x0bat", ["cat"]),  # a control character, though Python takes it for a space
        ("a" * MAX_WORD_CHARACTERS, ["a"] + ["##a"] * (MAX_WORD_CHARACTERS - 1)),
        ("a" * (MAX_WORD_CHARACTERS + 1), ["[UNK]"]),
    ],
)
def test_text_is_cut_as_bert_cuts_it(text: str, pieces: list[str]) -> None:
    assert encode(text) == pieces


def test_case_and_accents_stay_where_the_model_says_so() -> None:
    assert encode("The cat", lowercase=False) == ["[UNK]", "cat"]
    assert encode("caf\u00e9", lowercase=False) == ["[UNK]"]


def test_a_long_text_is_cut_and_still_ends_properly() -> None:
    assert encode("cat " * MAX_TOKENS) == ["cat"] * (MAX_TOKENS - 2)


def test_a_token_that_unicode_takes_for_a_line_end_keeps_the_numbering(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes("a\n\u2028\nb\n".encode())
    assert read_vocabulary(tmp_path) == ["a", "\u2028", "b"]
