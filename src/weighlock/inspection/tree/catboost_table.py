"""Read the statistics of categories that a CatBoost model looks up: tables of digests and counts.

Source: CatBoost 1.2, catboost/libs/model/ctr_data.cpp, ctr_value_table.cpp and flatbuffers/ctr_data.fbs.
"""

import struct
from typing import Final

from weighlock.inspection.flatbuffer.read import FlatBuffer, Table, Vector
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Reading, Unexamined, read, shifted

RULE: Final = "tree-structure"
INDEX: Final = "tree-index"
MAX_TABLES: Final = 10_000
MAX_HOLE_BYTES: Final = 16  # between two parts of a FlatBuffer: padding
MAX_BUCKET_BYTES: Final = 64 * 1024 * 1024  # of one table that is looked through: five million categories
_BUCKET: Final = struct.Struct("<QI")  # a digest, and the row of counts
_EMPTY: Final = (1 << 64) - 1
# slots of TCtrValueTable, and what a row takes by the kind of statistic (ECtrType)
_BASE, _BUCKETS, _BLOB, _DENOMINATOR, _CLASSES = range(5)
_MEANS: Final = frozenset({2, 3})
_COUNTERS: Final = frozenset({4, 5})


def examine_tables(report: Report, size: int) -> Reading[int]:
    """Check every table, and return how many bytes they take. Raises FormatError ``tree-structure`` and Unexamined."""
    if size < 4:
        raise FormatError(RULE, "the tables of categories are cut off")
    count = int.from_bytes((yield from read(0, 4)), "little")
    if count > MAX_TABLES:
        raise Unexamined(f"{count} tables of categories are over the limit of {MAX_TABLES}")
    at = 4
    for _ in range(count):
        if size - at < 4:
            raise FormatError(RULE, "the tables of categories are cut off")
        length = int.from_bytes((yield from read(at, 4)), "little")
        at += 4
        if length > size - at:
            raise FormatError(RULE, f"a table of {length} bytes reaches beyond the file")
        yield from shifted(at, _examine_table(report, length))
        at += length
    report.fact("tables of categories", count)
    return at


def _examine_table(report: Report, size: int) -> Reading[None]:
    table = FlatBuffer(size, RULE)
    root = yield from table.root()
    base = yield from table.table(root, _BASE)
    if base is None:
        raise FormatError(RULE, "a table of categories does not say of which")
    yield from pass_combination(table, base)
    kind = yield from table.scalar(base, 1, "b")
    classes = yield from table.scalar(root, _CLASSES, "i")
    blob = yield from table.vector(root, _BLOB, 1)
    buckets = yield from table.vector(root, _BUCKETS, 1)
    width = 8 if kind in _MEANS else 4 if kind in _COUNTERS else 4 * max(classes, 0)
    rows = blob.length // width if blob and width else 0
    if buckets is not None and buckets.length:
        yield from _check_buckets(report, table, buckets, rows)
    yield from check_holes(table)


def _check_buckets(report: Report, table: FlatBuffer, buckets: Vector, rows: int) -> Reading[None]:
    if buckets.length > MAX_BUCKET_BYTES:
        raise Unexamined(f"a table of {buckets.length} bytes is over the limit of {MAX_BUCKET_BYTES}")
    if buckets.length % _BUCKET.size:
        raise FormatError(RULE, "a table of categories has half a row", buckets.at)
    raw = yield from table.data(buckets.at, buckets.length)
    for digest, row in _BUCKET.iter_unpack(raw):
        if digest != _EMPTY and row >= rows:
            report.find(INDEX, f"a category leads to row {row} of {rows}")
            return


def pass_combination(core: FlatBuffer, base: Table) -> Reading[None]:
    """Account for the features that a statistic of categories combines (TModelCtrBase)."""
    combination = yield from core.table(base, 0)
    if combination is not None:
        for slot, width in ((0, 4), (1, 8), (2, 8)):
            yield from core.vector(combination, slot, width)


def check_holes(core: FlatBuffer) -> Reading[None]:
    """Raise FormatError for bytes that no part of the FlatBuffer refers to, but for padding."""
    at = 0
    for start, end in [*sorted(core.touched), (core.size, core.size)]:
        if start - at >= MAX_HOLE_BYTES:
            raise FormatError(RULE, f"{start - at} bytes belong to no part of the model", at)
        if start > at and any((yield from core.data(at, start - at))):
            raise FormatError(RULE, f"padding of {start - at} bytes is not empty", at)
        at = max(at, end)
