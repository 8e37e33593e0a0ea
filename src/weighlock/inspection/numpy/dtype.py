"""Compute what a NumPy type takes in a file, from its description in a header."""

import re
from typing import Final, NamedTuple

from weighlock.inspection.numpy.literal import Literal

MAX_BYTES: Final = 2**63 - 1  # no array is longer
_SIMPLE: Final = re.compile(r"[<>|=]?([?bBiufcSaUVmMO])(\d{0,18})(?:\[[\w/]{0,20}\])?", re.ASCII)
_SIZED: Final = frozenset("iufcSaUVmM")  # the size must be there


class Layout(NamedTuple):
    """What one element is: its bytes in the file, and whether Python objects are in it."""

    size: int
    objects: bool


def layout_of(descr: Literal) -> Layout:
    """Return the layout of a type: a code, fields, or a type and a shape; raises ValueError."""
    if isinstance(descr, str):
        return _simple(descr)
    if isinstance(descr, tuple) and len(descr) == 2:
        return _repeated(layout_of(descr[0]), descr[1])
    if not isinstance(descr, list):
        raise ValueError("its type is not what NumPy writes")  # noqa: TRY004  # one error for whatever the header holds
    size = 0
    objects = False
    for field in descr:
        layout = _field(field)
        size += layout.size
        objects |= layout.objects
    return _bounded(size, objects)


def elements_of(shape: Literal) -> int:
    """Return how many elements a shape has; raises ValueError."""
    if not isinstance(shape, tuple):
        raise ValueError("its shape is not what NumPy writes")  # noqa: TRY004  # as above
    count = 1
    empty = False
    for extent in shape:
        if isinstance(extent, bool) or not isinstance(extent, int) or extent < 0:
            raise ValueError("its shape is not what NumPy writes")
        empty |= extent == 0
        count *= extent or 1  # NumPy refuses a shape that overflows, be another extent zero
        if count > MAX_BYTES:
            raise ValueError("its shape overflows")
    return 0 if empty else count


def _field(field: Literal) -> Layout:
    """Return the layout of a field: its name, or title and name, its type, and a shape if it has one."""
    if not isinstance(field, tuple) or not 2 <= len(field) <= 3:
        raise ValueError("a field is not what NumPy writes")
    name = field[0]
    named = isinstance(name, str) or (
        isinstance(name, tuple) and len(name) == 2 and all(isinstance(each, str) for each in name)
    )
    if not named:
        raise ValueError("a field has no name")
    layout = layout_of(field[1])
    return _repeated(layout, field[2]) if len(field) == 3 else layout


def _simple(code: str) -> Layout:
    found = _SIMPLE.fullmatch(code)
    if not found:
        raise ValueError("its type is not what NumPy writes")
    kind, digits = found.groups()
    if kind == "O":
        return Layout(8, objects=True)
    if kind in _SIZED and not digits:
        raise ValueError("its type has no size")
    return _bounded(int(digits or 1) * (4 if kind == "U" else 1), objects=False)


def _repeated(layout: Layout, shape: Literal) -> Layout:
    extents = (shape,) if isinstance(shape, int) else shape
    return _bounded(layout.size * elements_of(extents), layout.objects)


def _bounded(size: int, objects: bool) -> Layout:  # noqa: FBT001  # the fields of what it makes
    if size > MAX_BYTES:
        raise ValueError("its type overflows")
    return Layout(size, objects)
