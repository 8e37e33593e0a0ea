"""SentencePiece tokenizers."""
