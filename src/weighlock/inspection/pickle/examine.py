"""What a pickle's imports, calls and oddities mean."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.pickle.global_name import Verdict, judge
from weighlock.inspection.pickle.machine import Name, Stream
from weighlock.inspection.pickle.stream import read_pickles
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading

_RULES: Final = {
    Verdict.DANGEROUS: "pickle-global-dangerous",
    Verdict.TRAP: "pickle-global-trap",
    Verdict.UNKNOWN: "pickle-global-unknown",
}
LEGACY_STREAMS: Final = 5  # magic number, protocol, system, object, storage keys; then raw storages

COUNT_BYTES: Final = 8  # before the elements of each storage
_ELEMENT_BYTES: Final = {
    "BFloat16Storage": 2, "BoolStorage": 1, "ByteStorage": 1, "CharStorage": 1, "ComplexDoubleStorage": 16,
    "ComplexFloatStorage": 8, "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "IntStorage": 4,
    "LongStorage": 8, "ShortStorage": 2,
}  # fmt: skip


def examine_pickle_file(file: File) -> Reading[None]:
    """Account for every byte of a file of pickles."""
    yield from examine_pickles(file, file.size)


def examine_legacy_torch(file: File) -> Reading[None]:
    """Account for every byte of a file in PyTorch's first format: pickles, then raw storages."""
    yield from examine_pickles(file, file.size, legacy_torch=True)


def examine_pickles(file: File, size: int, *, legacy_torch: bool = False) -> Reading[None]:
    """Read every pickle of the first ``size`` bytes and add what they do."""
    report = file.report
    pickles = yield from read_pickles(size)
    report.find("pickle-present", f"{_count(len(pickles.streams), 'pickle')} in {size} bytes")
    for stream in pickles.streams:
        _judge_stream(report, stream)
    _add_facts(report, pickles.streams)
    if pickles.unexamined:
        report.not_examined(pickles.unexamined)
        return
    broken = next((stream.malformed for stream in pickles.streams if stream.malformed), None)
    if broken:
        report.not_examined(f"a pickle is broken {broken}")
    rest = size - pickles.rest
    if not rest or broken:
        return
    if legacy_torch and len(pickles.streams) == LEGACY_STREAMS:
        _check_storages(report, pickles.streams, rest)
    else:
        report.find("pickle-trailing-bytes", f"{rest} bytes follow the last pickle", offset=pickles.rest)


def _check_storages(report: Report, streams: list[Stream], rest: int) -> None:
    """Hold what follows the pickles against the storages that they name: a count and the elements of each."""
    storages = {key: found for stream in streams for key, found in stream.storages.items()}
    sizes = [_ELEMENT_BYTES.get(kind.name, 0) * elements for kind, elements in storages.values()]
    expected = sum(COUNT_BYTES + size for size in sizes)
    report.fact("storages", f"{len(storages)}, {expected} bytes")
    if expected != rest:
        report.not_examined(f"{rest} bytes follow the pickles, whose storages have {expected}")


def _judge_stream(report: Report, stream: Stream) -> None:
    for name, at in stream.names.items():
        verdict, reason = judge(name.module, name.name)
        if verdict is not Verdict.ALLOWED:
            done = "imports and calls" if name in stream.called else "imports"
            report.find(_RULES[verdict], f"{done} {_shown(name)}: {reason}", offset=at)
    for oddity in stream.oddities:
        report.find(oddity.rule, shown(oddity.message), offset=oddity.offset)


def _add_facts(report: Report, streams: list[Stream]) -> None:
    names = dict.fromkeys(_shown(name) for stream in streams for name in stream.names)
    report.fact("pickles", len(streams))
    report.fact("protocol", max((stream.protocol for stream in streams), default=0))
    report.fact("operations", sum(stream.operations for stream in streams))
    if names:
        report.fact("imports", ", ".join(names))


def _shown(name: Name) -> str:
    return f"{shown(name.module, limit=100)}.{shown(name.name, limit=100)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
