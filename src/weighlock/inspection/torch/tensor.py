"""Hold the tensors of a pickle in an archive against the members that are their storages."""

import re
from dataclasses import dataclass, field
from typing import Final

from weighlock.inspection.archive.member import ENCRYPTED, STORED, Member
from weighlock.inspection.numpy.npy import MAGIC
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading, read
from weighlock.inspection.torch.layout import Layout
from weighlock.inspection.torch.storage import Storage, check_views, collect_storages, named
from weighlock.inspection.torch.value import Unreadable, Values, read_values

_DESCRIBED_ONLY: Final = re.compile(
    r"[^/]+/traced_inputs/\d+"
)  # torch.jit.trace keeps the shapes of its inputs
MAX_PICKLE_BYTES: Final = 32 * 1024 * 1024  # of one pickle; a hundred bytes a tensor


@dataclass(slots=True)
class Tally:
    """The tensors of an archive, and the sizes in bytes of the storages under them."""

    tensors: int = 0
    stored: dict[str, int] = field(default_factory=dict)

    def report(self, report: Report) -> None:
        """Add what was counted as a fact."""
        if self.tensors or self.stored:
            size = sum(self.stored.values())
            report.fact("tensors", f"{self.tensors} over {len(self.stored)} storages of {size} bytes")


def examine_tensors(
    layout: Layout, member: Member, places: tuple[str, ...], tally: Tally
) -> Reading[Values | None]:
    """Account for the storages that a pickle names and return its values; None, and reported, if it has none.

    ``places`` are patterns for the name of the member that holds a storage, tried in turn.
    """
    report = layout.file.report.member(member.name)
    data = yield from layout.read(member, MAX_PICKLE_BYTES)
    if data is None:
        return None
    try:
        values = read_values(data)
    except Unreadable as error:
        report.not_examined(f"its tensors cannot be told: {error}")
        return None
    tally.tensors += check_views(report, values)
    storages = collect_storages(report, values) or {}
    yield from _account(layout, storages, places, tally)
    return values


def _account(
    layout: Layout, storages: dict[str, Storage], places: tuple[str, ...], tally: Tally
) -> Reading[None]:
    missing = []
    for storage in storages.values():
        names = (place.format(storage.key.lower()) for place in places)
        name = next((name for name in names if name in layout.members), None)
        if name is None:
            missing.append(storage.key)
            continue
        member = layout.members[name]
        _check_size(layout, member, storage)
        tally.stored[name] = member.size
        if layout.take(name) is None:
            continue
        if (yield from _is_array(member)):
            yield from layout.archive.examine(member)
        else:
            yield from layout.archive.account(member)
    if missing:
        told = f"no member holds the storages {named(missing)}"
        layout.file.report.find("torch-storage-missing", told)


def _check_size(layout: Layout, member: Member, storage: Storage) -> None:
    if not member.size and _DESCRIBED_ONLY.fullmatch(member.name):
        return
    if storage.size != member.size:
        told = f"the pickle says that the storage has {storage.size} bytes, and it has {member.size}"
        layout.file.report.member(member.name).find("torch-storage-size", told)


def _is_array(member: Member) -> Reading[bool]:
    """Whether NumPy, which takes any archive and goes by the first bytes of a member, would read an array."""
    if member.method != STORED or member.flags & ENCRYPTED:
        return False
    return (yield from read(member.data, min(member.size, len(MAGIC)))) == MAGIC
