"""What a skops archive means: a schema that names classes, and the arrays and bytes that it refers to."""

from typing import Any, Final

from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.member import Member
from weighlock.inspection.config.examine import MAX_JSON_BYTES, parse_json
from weighlock.inspection.detect import HEAD_BYTES, detect
from weighlock.inspection.file import File
from weighlock.inspection.skops.judge import examine_schema
from weighlock.inspection.skops.node import is_schema, nodes_of
from weighlock.inspection.span import FormatError, Reading, Unexamined
from weighlock.inspection.text.kind import TEXT_FORMATS

SCHEMA: Final = "schema.json"
MAX_DATA_BYTES: Final = 64 * 1024 * 1024  # of a member with bytes, which is read whole to see what it is
_DATA_LOADERS: Final = frozenset({"BytesNode", "BytearrayNode"})
_NO_NAME: Final = "bytes"  # a name that promises nothing: bytes have no format
_INERT: Final = TEXT_FORMATS | {"unknown"}


def examine_skops(file: File, archive: Archive) -> Reading[None]:
    """Examine the schema and every member; members that only bytes refer to are data unless they are a model."""
    data: frozenset[str] = frozenset()
    for member in archive.members:
        if member.name == SCHEMA:
            data |= yield from _examine_schema(file, archive, member)
    for member in archive.members:
        if member.name == SCHEMA:
            continue
        if member.name in data and (yield from _is_inert(archive, member)):
            yield from archive.account(member)
        else:
            yield from archive.examine(member)


def _examine_schema(file: File, archive: Archive, member: Member) -> Reading[frozenset[str]]:
    """Examine the schema, and return the members that it takes bytes from, and nothing else."""
    report = file.report.member(SCHEMA)
    try:
        document = parse_json((yield from archive.read(member, MAX_JSON_BYTES)))
        if not is_schema(document):
            file.report.format = "zip"
            yield from archive.examine(member)
            return frozenset()
        examine_schema(report, document, file.options.allow)
        return _data_members(document)
    except FormatError as error:
        report.find(error.rule, error.message, offset=error.offset)
        report.not_examined(error.message)
    except Unexamined as limit:
        report.not_examined(limit.reason)
    return frozenset()


def _data_members(document: Any) -> frozenset[str]:
    named: set[str] = set()
    others: set[str] = set()
    for node in nodes_of(document):
        file = node.state.get("file") if node else None
        if node is not None and isinstance(file, str):
            (named if node.kind in _DATA_LOADERS else others).add(file)
    return frozenset(named - others)


def _is_inert(archive: Archive, member: Member) -> Reading[bool]:
    """Return whether bytes look like nothing that a loader would read as a model."""
    try:
        data = yield from archive.read(member, MAX_DATA_BYTES)
    except (FormatError, Unexamined):
        return False
    return detect(data[:HEAD_BYTES], len(data), _NO_NAME).format in _INERT
