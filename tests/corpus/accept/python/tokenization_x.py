import json
import regex as re
from functools import lru_cache


@lru_cache()
def bytes_to_unicode():
    return {b: chr(b) for b in range(256)}


class XTokenizer:
    def __init__(self, vocab_file):
        with open(vocab_file, encoding="utf-8") as handle:
            self.encoder = json.load(handle)
        self.pat = re.compile(r"\p{L}+|\p{N}+")

    def save_vocabulary(self, folder):
        with open(folder + "/vocab.json", "w", encoding="utf-8") as handle:
            json.dump(self.encoder, handle)
