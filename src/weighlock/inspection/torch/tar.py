"""Account for a file in PyTorch's format of before 0.1.12: a tar file with three streams of pickles.

Source: torch/serialization.py, ``legacy_load``: ``storages`` is a count, then for each storage a pickle of its key,
location and type with the raw elements behind it, then a pickle of views; ``tensors`` is a count, then for each
tensor a pickle and its layout in numbers; ``pickle`` is the object.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.file import File
from weighlock.inspection.pickle.examine import examine_pickles
from weighlock.inspection.span import Reading, Unexamined, read, shifted
from weighlock.inspection.torch.storage import element_bytes
from weighlock.inspection.torch.value import Global, Unreadable, Values, read_values

PICKLE_BYTES: Final = 64 * 1024  # read at a time for one of the small pickles between raw data
MAX_ITEMS: Final = 100_000  # storages or tensors; models of that time had hundreds
MAX_DIMENSIONS: Final = 64  # of a tensor: torch's own limit
_NUMBER_BYTES: Final = 8
_Skip: TypeAlias = Callable[[File, Values], Reading[int]]


def examine_torch_tar(file: File, archive: Archive) -> Reading[None]:
    """Account for every member of a torch file that is a tar archive."""
    file.report.find("torch-legacy-tar", "it is a tar archive of the format of before torch 0.1.12", offset=0)
    for member in archive.members:
        skip = {"storages": _skip_storage, "tensors": _skip_tensor}.get(member.name)
        if skip is None:
            yield from archive.examine(member)
            continue
        inner = replace(file, report=file.report.member(member.name), path=member.name, size=member.size)
        try:
            yield from shifted(member.data, _examine_items(inner, skip))
        except Unexamined as limit:
            inner.report.not_examined(limit.reason)


def _examine_items(file: File, skip: _Skip) -> Reading[None]:
    """Read a count, then as many pickles with raw data behind each, then at most one pickle more."""
    values = yield from _examine_pickle(file, 0)
    count = values.top
    if not isinstance(count, int) or not 0 <= count <= MAX_ITEMS:
        raise Unexamined("its number of items is not what torch writes")
    at = values.end
    for _ in range(count):
        values = yield from _examine_pickle(file, at)
        at = yield from skip(file, values)
        if at > file.size:
            raise Unexamined("it ends in the middle of an item")
    if at < file.size and skip is _skip_storage:
        at = (yield from _examine_pickle(file, at)).end  # the views of storages
    if at < file.size:
        file.report.find("torch-legacy-layout", f"{file.size - at} bytes follow the last item", offset=at)
        file.report.not_examined(f"{file.size - at} bytes follow the last item")


def _examine_pickle(file: File, at: int) -> Reading[Values]:
    """Judge the pickle at ``at`` and return its values, with its end as an offset; raises Unexamined."""
    data = yield from read(at, min(PICKLE_BYTES, file.size - at))
    try:
        values = read_values(data)
    except Unreadable as error:
        # what it does may still be told, up to where it breaks
        yield from shifted(at, examine_pickles(file, file.size - at))
        raise Unexamined(f"the pickle at byte {at} is not what torch writes: {error}") from error
    yield from shifted(at, examine_pickles(file, values.end))
    return values._replace(end=at + values.end)


def _skip_storage(file: File, values: Values) -> Reading[int]:
    """Return the offset after the elements of a storage: their number in 64 bits, then they."""
    match values.top:
        case (_, _, Global() as kind):
            width = element_bytes(kind)
        case _:
            width = None
    if width is None:
        raise Unexamined("a storage is not what torch writes")
    count = yield from _number(file, values.end)
    return values.end + _NUMBER_BYTES + width * count


def _skip_tensor(file: File, values: Values) -> Reading[int]:
    """Return the offset after the layout of a tensor: dimensions, size, stride and offset in 64 bits each."""
    dimensions = yield from _number(file, values.end)
    if dimensions > MAX_DIMENSIONS:
        raise Unexamined(f"a tensor has {dimensions} dimensions")
    return values.end + _NUMBER_BYTES * (2 + 2 * dimensions)


def _number(file: File, at: int) -> Reading[int]:
    if at + _NUMBER_BYTES > file.size:
        raise Unexamined("it ends in the middle of an item")
    return int.from_bytes((yield from read(at, _NUMBER_BYTES)), "little")
