"""Examine one file: say what it is by its bytes, and run that format's examination."""

from dataclasses import replace

from weighlock.core.finding import Examined
from weighlock.inspection.catalogue import examination_of
from weighlock.inspection.detect import (
    FIRST_BYTES,
    HEAD_BYTES,
    Detected,
    detect,
    is_settled,
    may_go_on_as_pickle,
    reaches_out,
)
from weighlock.inspection.file import File
from weighlock.inspection.options import Options
from weighlock.inspection.pickle.stream import read_pickles
from weighlock.inspection.report import Listen, Report, tell_nobody
from weighlock.inspection.span import FormatError, Reading, Unexamined, read
from weighlock.inspection.text.kind import TEXT_FORMATS

_UNMARKED = TEXT_FORMATS - {"empty"} | {"unknown"}  # told without a magic number
# of all others the bytes may be a program of the unpickler too, for loaders that go by a name such as .bin: "G" is
# BINFLOAT, a safetensors header may be of any length, a name in a tar file is what its writer likes.
# "P" asks for an object outside, which no unpickler has for whoever does not write it
# HDF5 begins with a byte that is no operation, or behind a block of the user's that is examined by itself
_NOT_ALSO_PICKLE = frozenset({"pickle", "joblib", "torch-legacy", "zip", "hdf5", "empty"})


def inspect_file(
    path: str, size: int, options: Options | None = None, listen: Listen = tell_nobody
) -> Reading[Examined]:
    """Return what a file of ``size`` bytes holds; ``path`` is its name within the model.

    ``listen`` is told of each finding at once: what comes after it may end the process. Never raises for what the file
    holds: what breaks its format is a finding, what could not be read is ``not_examined``.
    """
    report = Report(path, listen=listen)
    chosen = options or Options()
    yield from examine(File(report, path, size, examine, options=chosen))
    if chosen.base is not None and report.templates:
        from weighlock.inspection.template.base import compare_with_base  # noqa: PLC0415  # only if asked for

        compare_with_base(report, chosen.base)
    examined = report.examined()
    return replace(examined, templates=report.templates) if chosen.keep_templates else examined


def examine(file: File) -> Reading[None]:
    """Add to the file's report what it is and what its bytes mean."""
    try:
        head = yield from _head(file.size)
        found = yield from _settle(detect(head, file.size, file.path), head, file.size)
        file.report.recognise(found.format)
        if not found.agrees:
            promised = " or ".join(sorted(found.promised))
            file.report.find("name-mismatch", f"the name promises {promised}, the content is {found.format}")
        yield from examination_of(found.format)(file)
    except FormatError as error:
        file.report.find(error.rule, error.message, offset=error.offset)
        file.report.not_examined(error.message)
    except Unexamined as limit:
        file.report.not_examined(limit.reason)


def _head(size: int) -> Reading[bytes]:
    """Return so much of the beginning that the format shows; headers of tensor files need not be read twice."""
    head = yield from read(0, min(size, FIRST_BYTES))
    if len(head) == size or is_settled(head, size):
        return head
    return head + (yield from read(len(head), min(size, HEAD_BYTES) - len(head)))


def _settle(found: Detected, head: bytes, size: int) -> Reading[Detected]:
    """Return the format after reading on, where the head of the file could not tell whether it is a pickle."""
    if found.format in _NOT_ALSO_PICKLE:
        return found
    if not may_go_on_as_pickle(head, size):
        return found
    marked = found.format not in _UNMARKED
    own_name = marked and found.format in found.promised and "pickle" not in found.promised
    pickles = yield from read_pickles(min(size, HEAD_BYTES) if own_name else size)
    whole = pickles.rest == size and all(stream.stopped and stream.usable for stream in pickles.streams)
    imports = marked and any(stream.names for stream in pickles.streams)
    is_pickle = whole or imports or any(map(reaches_out, pickles.streams))
    return found._replace(format="pickle") if is_pickle else found
