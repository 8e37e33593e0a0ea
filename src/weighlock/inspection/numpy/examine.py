"""What a NumPy array file means: an array of objects is a pickle behind a header."""

import re
from typing import Final

from weighlock.inspection.archive.zip import examine_tail
from weighlock.inspection.file import File
from weighlock.inspection.numpy.npy import MAGIC, read_header, understand
from weighlock.inspection.pickle.examine import examine_pickles
from weighlock.inspection.span import FormatError, Reading, read, shifted

MAX_ARRAYS: Final = 10_000  # behind each other in one file, as repeated saving into it makes
_OBJECT: Final = re.compile(r"['\"][<>|=]?(?:O\d*|object)")


def examine_npy(file: File) -> Reading[None]:
    """Account for every byte of an array file. Raises FormatError ``npy-header`` and Unexamined."""
    at = 0
    for _ in range(MAX_ARRAYS):
        at = yield from _examine_array(file, at)
        if at == file.size:
            yield from examine_tail(file)
            return
        if (yield from read(at, min(len(MAGIC), file.size - at))) != MAGIC:
            break
    file.report.find("npy-header", f"{file.size - at} bytes follow the array", offset=at)
    yield from file.part("what follows the array", at, file.size - at)


def _examine_array(file: File, at: int) -> Reading[int]:
    """Examine the array at a byte, and return where it ends."""
    header = yield from read_header(at, file.size)
    try:
        array = understand(header, file.size)
    except FormatError:
        # NumPy reads more spellings than it writes: what may be objects is examined as such
        if _OBJECT.search(header.text):
            yield from _examine_objects(file, header.data_start)
        raise
    if not array.objects:
        return array.data_start + array.size
    yield from _examine_objects(file, array.data_start)
    return file.size


def _examine_objects(file: File, start: int) -> Reading[None]:
    file.report.find("npy-object-array", "its elements are Python objects, stored as a pickle", offset=start)
    yield from shifted(start, examine_pickles(file, file.size - start))
