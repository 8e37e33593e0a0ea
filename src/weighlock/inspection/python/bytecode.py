"""Compiled Python: its header (PEP 552), and the names and texts that its code objects use."""

from pathlib import PurePosixPath
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.file import File
from weighlock.inspection.python.effect import names_credentials
from weighlock.inspection.python.marshalled import Layout, Marshalled
from weighlock.inspection.python.vocabulary import comparable
from weighlock.inspection.span import Reading, Unexamined, read
from weighlock.inspection.summary import CODE_NAMES, add_summary

MAX_BYTECODE_BYTES: Final = 16 * 1024 * 1024  # the largest modules have some megabytes
HEADER_BYTES: Final = 16  # since Python 3.7
MAX_NAMES_SHOWN: Final = 40
# CPython's magic numbers (Lib/importlib/_bootstrap_external.py): first of a version → version and layout of code
_VERSIONS: Final = (
    (3390, "3.7", Layout(5, exceptions=False)),
    (3400, "3.8", Layout(6, exceptions=False)),
    (3420, "3.9", Layout(6, exceptions=False)),
    (3430, "3.10", Layout(6, exceptions=False)),
    (3450, "3.11", Layout(5, exceptions=True)),
    (3500, "3.12", Layout(5, exceptions=True)),
    (3550, "3.13", Layout(5, exceptions=True)),
    (3600, "3.14", Layout(5, exceptions=True)),
)
_LAST: Final = 3650


def examine_bytecode(file: File) -> Reading[None]:
    """Report compiled Python, from which source it was made, and which names it uses; raises Unexamined."""
    report = file.report
    report.find("python-bytecode", "the file is compiled Python")
    if file.size > MAX_BYTECODE_BYTES:
        raise Unexamined(f"compiled Python of {file.size} bytes is over the limit of {MAX_BYTECODE_BYTES}")
    raw = yield from read(0, file.size)
    magic, flags = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[4:8], "little")
    known = [(version, layout) for first, version, layout in _VERSIONS if first <= magic < _LAST]
    if not known:
        raise Unexamined("what compiled Python of this version does is not analysed")
    version, layout = known[-1]
    report.fact("compiled for Python", version)
    if flags > 3 or flags == 2:
        report.find("python-bytecode-broken", f"its flags are {flags}, which no Python writes")
    elif not flags:
        report.fact("source size", int.from_bytes(raw[12:16], "little"))
    report.link("bytecode", _source_of(file.path))
    marshalled = Marshalled(raw[HEADER_BYTES:], layout)
    end = HEADER_BYTES + marshalled.read()
    if end != len(raw):
        report.find("python-bytecode-broken", f"{len(raw) - end} bytes follow its code", offset=end)
    add_summary(report, CODE_NAMES, comparable([*marshalled.code.names, *marshalled.code.texts]))
    report.fact("names", ", ".join(list(marshalled.code.names)[:MAX_NAMES_SHOWN]))
    if any(names_credentials(text) for text in marshalled.code.texts):
        report.fact("credentials", "its texts name a file of credentials")
    raise Unexamined("what compiled Python does is not analysed")


def _source_of(path: str) -> str:
    """Return where the source of a compiled file would be: PEP 3147 for ``__pycache__``, beside it otherwise."""
    place = PurePosixPath(shown(path))
    if place.parent.name == "__pycache__":
        return str(place.parent.parent / f"{place.name.partition('.')[0]}.py")
    return str(place.with_suffix(".py"))
