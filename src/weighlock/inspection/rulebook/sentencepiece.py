"""SentencePiece tokenizers."""

from typing import Final

from weighlock.inspection.rulebook.rule import FETCH_AGAIN, HIGH, SURE, TAMPERING, Rule

RULES: Final[tuple[Rule, ...]] = (
    Rule("sentencepiece-structure", HIGH, SURE, "The tokenizer breaks the protobuf encoding, or says something twice.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip
