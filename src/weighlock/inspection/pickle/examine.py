"""What a file of pickles means: what its events do, what is odd, what its constants hold, what is left over."""

from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.pickle.effect import Part, Stream
from weighlock.inspection.pickle.judge import Judge
from weighlock.inspection.pickle.stream import read_pickles
from weighlock.inspection.pickle.table import harmless_names
from weighlock.inspection.pickle.value import Global
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading

# what the machine says of a stream, and the judge as well, who knows more of it
_JUDGED: Final = frozenset(
    {"pickle-computed-call", "pickle-extension-code", "pickle-global-changed", "pickle-persistent-id"}
)


def examine_pickle_file(file: File) -> Reading[None]:
    """Account for every byte of a file of pickles."""
    yield from examine_pickles(file, file.size)


def examine_pickles(file: File, size: int) -> Reading[None]:
    """Read every pickle of the first ``size`` bytes and add what they do."""
    report = file.report
    pickles = yield from read_pickles(size, harmless_names())
    report.find("pickle-present", f"{_count(len(pickles.streams), 'pickle')} in {size} bytes")
    for stream in pickles.streams:
        Judge(report, file.options.allow).judge(stream.events)
        for oddity in stream.oddities:
            if oddity.rule not in _JUDGED:
                report.find(oddity.rule, shown(oddity.message), offset=oddity.offset)
        for link in stream.links:
            report.link("array", link)
    modules = frozenset(name.module for stream in pickles.streams for name in stream.names)
    for plain in pickles.plain:
        Judge(report, file.options.allow, modules).judge(plain.events)
    _add_facts(report, pickles.streams)
    for part in pickles.parts:
        yield from _examine_part(file, part)
    _account(report, pickles.streams, pickles.unexamined, size - pickles.rest, pickles.rest)


def _examine_part(file: File, part: Part) -> Reading[None]:
    name = f"{'loaded' if part.loaded else 'constant'} at {part.offset}"
    if part.data is None:
        yield from file.part(name, part.offset, part.length)
    else:
        file.unpacked(name, part.data)


def _account(report: Report, streams: list[Stream], limit: str | None, rest: int, at: int) -> None:
    if limit:
        report.not_examined(limit)
        return
    broken = next((stream.malformed for stream in streams if stream.malformed), None)
    if broken:
        report.not_examined(f"a pickle is broken {broken}")
    elif rest:
        report.find("pickle-trailing-bytes", f"{rest} bytes follow the last pickle", offset=at)


def _add_facts(report: Report, streams: list[Stream]) -> None:
    names = dict.fromkeys(_shown(name) for stream in streams for name in stream.names)
    report.fact("pickles", len(streams))
    report.fact("protocol", max((stream.protocol for stream in streams), default=0))
    report.fact("operations", sum(stream.operations for stream in streams))
    arrays = sum(stream.array_bytes for stream in streams)
    if arrays:
        report.fact("array bytes", arrays)
    if names:
        report.fact("imports", ", ".join(names))


def _shown(name: Global) -> str:
    return f"{shown(name.module, limit=100)}.{shown(name.name, limit=100)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
