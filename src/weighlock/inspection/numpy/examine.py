"""What a NumPy array file means: an array of objects is a pickle behind a header."""

from weighlock.inspection.file import File
from weighlock.inspection.numpy.npy import read_npy
from weighlock.inspection.pickle.examine import examine_pickles
from weighlock.inspection.span import Reading, shifted


def examine_npy(file: File) -> Reading[None]:
    """Account for every byte of an array file. Raises FormatError and Unexamined."""
    array = yield from read_npy(file.size)
    if array.objects:
        file.report.find(
            "npy-object-array", "its elements are Python objects, stored as a pickle", offset=array.data_start
        )
        yield from shifted(array.data_start, examine_pickles(file, file.size - array.data_start))
