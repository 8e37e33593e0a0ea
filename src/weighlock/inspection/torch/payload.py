"""Hold the weights and constants of an exported program against their descriptions.

Source: torch/export/pt2_archive/_package.py, ``_build_file_map`` and ``_load_state_dict``: a record is read as one flat
tensor, and every weight is a view of it.
"""

from typing import Any, Final

from weighlock.core.text import shown
from weighlock.inspection.archive.member import Member
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.torch.layout import Layout
from weighlock.inspection.torch.storage import MAX_ELEMENTS, named

# torch/_export/serde/schema.py, ScalarType → bytes; 1, 2, 12 and 29 to 33 have one byte
_ELEMENT_BYTES: Final = {3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 9: 4, 10: 8, 11: 16, 13: 2, 28: 2, 34: 4, 35: 8}


def examine_payloads(layout: Layout, config: Member, folder: str, described: Any) -> Reading[None]:
    """Account for the records that a configuration names; those that are pickles are left to be examined."""
    report = layout.file.report.member(config.name)
    entries = described.get("config") if isinstance(described, dict) else None
    if not isinstance(entries, dict):
        report.not_examined("the configuration of weights is not what torch writes")
        return
    missing = set()
    for name, entry in entries.items():
        record = _record(entry)
        if record is None:
            report.not_examined("the configuration of weights is not what torch writes")
            return
        found = f"{folder}/{record}".lower()
        member = layout.members.get(found)
        if member is None:
            missing.add(record)
        elif entry.get("use_pickle") is not True:
            _check_view(report, name, entry.get("tensor_meta"), member.size)
            if layout.take(found) is not None:
                yield from layout.archive.account(member)
    if missing:
        report.find("torch-storage-missing", f"no member holds the storages {named(missing)}")


def _record(entry: Any) -> str | None:
    record = entry.get("path_name") if isinstance(entry, dict) else None
    return record if isinstance(record, str) else None


def _check_view(report: Report, name: str, meta: Any, size: int) -> None:
    try:
        width = _ELEMENT_BYTES.get(meta["dtype"], 1)
        extents = [_number(each) for each in meta["sizes"]]
        strides = [_number(each) for each in meta["strides"]]
        offset = _number(meta["storage_offset"])
        pairs = list(zip(extents, strides, strict=True))
    except (KeyError, TypeError, ValueError):
        report.not_examined(f"the tensor {shown(name)!r} is not described as torch does")
        return
    if 0 in extents or size == 0:  # torch makes zeros for an empty record
        return
    last = offset + sum((extent - 1) * stride for extent, stride in pairs)
    if width * (last + 1) > size:
        report.find(
            "torch-view-bounds", f"the tensor {shown(name)!r} reaches element {last} of {size // width}"
        )


def _number(value: Any) -> int:
    number = value["as_int"]
    if type(number) is not int or not 0 <= number <= MAX_ELEMENTS:
        raise ValueError(number)
    return number
