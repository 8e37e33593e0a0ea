"""Read models of fastText: settings, a dictionary, and matrices whose sizes must account for the file.

Source: fastText 0.9, src/fasttext.cc, args.cc, dictionary.cc, densematrix.cc, quantmatrix.cc and productquantizer.cc.
Numbers are little-endian. The reader believes every count.
"""

import struct
from typing import Final, NamedTuple

from weighlock.inspection.file import File
from weighlock.inspection.span import WINDOW_BYTES, FormatError, Reading, Unexamined, Window

RULE: Final = "tree-structure"
MAGIC: Final = 793712314
MAX_ENTRIES: Final = 20_000_000  # words and labels; Common Crawl's vectors have two million words
MAX_WORD_BYTES: Final = 4096  # of one word; fastText cuts words at 1024 characters
_SETTINGS: Final = struct.Struct(
    "<12id"
)  # dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t
_DICTIONARY: Final = struct.Struct("<iiiqq")  # size, words, labels, tokens, pruned
_LOSSES: Final = range(1, 5)
_MODELS: Final = range(1, 4)
_CENTROIDS: Final = 256
_SIDES: Final = ("input", "output")


class Settings(NamedTuple):
    """What the settings say, as far as sizes depend on it."""

    width: int
    buckets: int
    supervised: bool


def examine_fasttext(file: File) -> Reading[None]:
    """Account for every byte of a model. Raises FormatError ``tree-structure`` and Unexamined."""
    reader = _Reader(file.size)
    magic, version = struct.unpack("<ii", (yield from reader.take(8)))
    if magic != MAGIC or version not in {11, 12}:
        raise Unexamined(f"version {version} of fastText's format is not known")
    settings = yield from reader.settings()
    words, labels, pruned = yield from reader.dictionary()
    file.report.fact("dimensions", settings.width)
    file.report.fact("words", words)
    file.report.fact("labels", labels)
    rows = words + (settings.buckets if pruned < 0 else pruned)
    outputs = labels if settings.supervised else words
    quantized = False
    for side, expected in zip(_SIDES, (rows, outputs), strict=True):
        quantized = yield from reader.matrix(side, expected, settings.width, quantized=quantized)
    if reader.window.at != file.size:
        told = f"{file.size - reader.window.at} bytes follow the model"
        file.report.find(RULE, told, offset=reader.window.at)
        yield from file.part("what follows the model", reader.window.at, file.size - reader.window.at)


class _Reader:
    def __init__(self, size: int) -> None:
        self.window = Window(size)

    def take(self, length: int) -> Reading[bytes]:
        window = self.window
        if not (yield from window.need(length)):
            raise self.wrong(f"{length} bytes reach beyond the file")
        start = window.at - window.base
        window.at += length
        return window.data[start : start + length]

    def wrong(self, why: str) -> FormatError:
        return FormatError(RULE, f"the fastText model is broken: {why}", self.window.at)

    def skip(self, length: int, what: str) -> None:
        if length < 0 or length > self.window.size - self.window.at:
            raise self.wrong(f"{what} takes {length} bytes, beyond the file")
        self.window.at += length

    def settings(self) -> Reading[Settings]:
        found = _SETTINGS.unpack((yield from self.take(_SETTINGS.size)))
        width, loss, model, buckets, shortest, longest = (
            found[0],
            found[6],
            found[7],
            found[8],
            found[9],
            found[10],
        )
        if (
            width <= 0
            or buckets < 0
            or loss not in _LOSSES
            or model not in _MODELS
            or min(shortest, longest) < 0
        ):
            raise self.wrong("its settings are impossible")
        return Settings(width, buckets, supervised=model == 3)

    def dictionary(self) -> Reading[tuple[int, int, int]]:
        size, words, labels, _, pruned = _DICTIONARY.unpack((yield from self.take(_DICTIONARY.size)))
        if size > MAX_ENTRIES:
            raise Unexamined(f"a dictionary of {size} words is over the limit of {MAX_ENTRIES}")
        if min(words, labels) < 0 or words + labels != size or pruned < -1:
            raise self.wrong(f"{words} words and {labels} labels are not {size} entries")
        kinds = [0, 0]
        for _ in range(size):
            kind = yield from self._entry()
            kinds[kind] += 1
        if kinds != [words, labels]:
            raise self.wrong("the dictionary has other numbers of words and labels than it says")
        self.skip(8 * max(0, pruned), "the list of pruned words")
        return words, labels, pruned

    def _entry(self) -> Reading[int]:
        """Pass a word, its count and its kind, and return the kind."""
        window = self.window
        held = window.base + len(window.data) - window.at
        if held < MAX_WORD_BYTES + 10:
            yield from window.need(min(WINDOW_BYTES, window.size - window.at))
        start = window.at - window.base
        end = window.data.find(b"\0", start, start + MAX_WORD_BYTES)
        if end < 0:
            raise self.wrong(f"a word does not end within {MAX_WORD_BYTES} bytes")
        window.at = window.base + end + 1
        count, kind = struct.unpack("<qb", (yield from self.take(9)))
        if count < 0 or kind not in {0, 1}:
            raise self.wrong("an entry of the dictionary has an impossible count or kind")
        return int(kind)

    def matrix(self, side: str, rows: int, width: int, *, quantized: bool) -> Reading[bool]:
        """Pass a matrix and return whether it is quantized; the output can be so only if the input is."""
        flag = (yield from self.take(1))[0]
        if flag > 1:
            raise self.wrong(f"the {side} matrix is neither quantized nor not")
        if flag and (side == "input" or quantized):
            yield from self._quantized(side, rows, width)
            return True
        found, columns = struct.unpack("<qq", (yield from self.take(16)))
        if found != rows or columns != width:
            raise self.wrong(f"the {side} matrix is {found} by {columns}, and should be {rows} by {width}")
        self.skip(4 * found * columns, f"the {side} matrix")
        return False

    def _quantized(self, side: str, rows: int, width: int) -> Reading[None]:
        norms, found, columns, codes = struct.unpack("<?qqi", (yield from self.take(21)))
        if found != rows or columns != width:
            raise self.wrong(f"the {side} matrix is {found} by {columns}, and should be {rows} by {width}")
        self.skip(codes, f"the codes of the {side} matrix")
        parts = yield from self._quantizer(columns)
        if codes != found * parts:
            raise self.wrong(f"{found} rows of {parts} codes are not {codes} bytes")
        if norms:
            self.skip(found, "the norms")
            if (yield from self._quantizer(1)) != 1:
                raise self.wrong("norms have several parts")

    def _quantizer(self, width: int) -> Reading[int]:
        """Pass a product quantizer, and return how many codes a row has."""
        dimensions, parts, step, last = struct.unpack("<iiii", (yield from self.take(16)))
        if dimensions != width or parts <= 0 or step <= 0 or not 0 < last <= step:
            raise self.wrong("a quantizer has impossible sizes")
        if (parts - 1) * step + last != width:
            raise self.wrong(f"{parts} parts of {step} numbers are not {width}")
        self.skip(4 * dimensions * _CENTROIDS, "the centroids")
        return int(parts)
