"""SentencePiece tokenizers (sentencepiece_model.proto)."""

from corpus.case import Case, accept, reject
from graph_file import fixed, number, sized

RULE = "sentencepiece-structure"


def piece(text: str, *, kind: int = 1) -> bytes:
    return sized(1, sized(1, text) + fixed(2, b"\0\0\x80\xbf") + (number(3, kind) if kind != 1 else b""))


PIECES = piece("<unk>", kind=2) + piece("<s>", kind=3) + piece("▁the") + piece("e")
WHOLE = PIECES + sized(2, sized(1, "corpus.txt")) + sized(3, sized(1, "nmt_nfkc"))


def cases() -> list[Case]:
    return [
        accept("sentencepiece/tokenizer.model", WHOLE, "pieces, trainer and normalizer"),
        reject("sentencepiece/cut.model", WHOLE[:-3], "cut in a field", RULE, not_examined="beyond its message"),
        reject("sentencepiece/long-number.model", PIECES + b"\x12\x80\x00", "a length written longer than it is", RULE),
        reject("sentencepiece/unknown-field.model", WHOLE + sized(99, "x"), "a field that the format does not have", not_examined="unknown field 99"),
    ]  # fmt: skip
