"""Arrays that joblib writes between the operations of a pickle, and how long they are.

joblib (numpy_pickle.py, NumpyArrayWrapper) pickles a wrapper with the array's type and shape; when its own
unpickler has carried out the wrapper's BUILD, it reads the array from the file: since joblib 1.1 a byte
that says how many bytes of padding follow, these, and the elements; for an array of objects a pickle. Older
versions (NDArrayWrapper, ZNDArrayWrapper) name a file beside this one.
"""

import re
from typing import Final, NamedTuple

from weighlock.inspection.pickle.value import UNKNOWN, Global, Made, Sequence, Value

MAX_DIMENSIONS: Final = 64  # NumPy's limit
_OBJECT_FLAG: Final = 1  # NPY_ITEM_HASOBJECT, numpy/ndarraytypes.h
_TYPE: Final = re.compile(r"[<>|=]?([?bBhHiIlLqQpPefdgFDGSUVOMmcauv])([0-9]{0,9})")
_NAMES: Final = {
    "bool": 1, "float16": 2, "float32": 4, "float64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip
_UNSIZED: Final = frozenset("SUV")  # whose size is in the state, if not in the name
_SIZED: Final = {"?": 1, "b": 1, "B": 1, "h": 2, "H": 2, "e": 2, "d": 8, "q": 8, "Q": 8, "D": 16, "O": 8}


class Array(NamedTuple):
    """What follows a wrapper: ``length`` bytes of elements, behind a padding byte if ``padded``.

    ``objects`` says that a pickle follows instead; ``link`` names a file that holds the array, so nothing
    follows. ``unknown`` says why the length is not known.
    """

    length: int = 0
    padded: bool = False
    objects: bool = False
    link: str = ""
    unknown: str = ""


def array_of(wrapper: Made) -> Array:
    """Return what follows the wrapper's BUILD; never raises."""
    state = attributes(wrapper.state)
    target = wrapper.target
    if (
        isinstance(target, Global)
        and target.name == "_reconstructor"
        and isinstance(wrapper.arguments, Sequence)
    ):
        target = wrapper.arguments.items[0]
    if not isinstance(target, Global) or target.name != "NumpyArrayWrapper":
        link = state.get("filename")
        return Array(link=link) if isinstance(link, str) and link else Array(unknown="its file is not named")
    count = _count(state.get("shape"))
    if count is None:
        return Array(unknown="its shape is not plain")
    dtype = state.get("dtype")
    if _has_objects(dtype):
        return Array(objects=True)
    size = _item_size(dtype)
    if size is None:
        return Array(unknown="the size of its type is not plain")
    return Array(count * size, padded=isinstance(state.get("numpy_array_alignment_bytes"), int))


def attributes(state: Value) -> dict[str, Value]:
    """Return what a state sets, by name; nothing if it is not all plain."""
    if not isinstance(state, Sequence) or state.kind != "dict" or state.cut:
        return {}
    pairs = zip(state.items[::2], state.items[1::2], strict=False)
    return {key: value for key, value in pairs if isinstance(key, str)}


def _count(shape: Value) -> int | None:
    if not isinstance(shape, Sequence) or shape.cut or len(shape.items) > MAX_DIMENSIONS:
        return None
    count = 1
    for each in shape.items:
        if not isinstance(each, int) or each < 0:
            return None
        count *= each
    return count


def _arguments(dtype: Value) -> list[Value]:
    if isinstance(dtype, Made) and isinstance(dtype.arguments, Sequence) and not dtype.arguments.cut:
        return dtype.arguments.items
    return []


def _state(dtype: Value) -> list[Value]:
    if isinstance(dtype, Made) and isinstance(dtype.state, Sequence) and not dtype.state.cut:
        return dtype.state.items
    return []


def _has_objects(dtype: Value) -> bool:
    """Return whether elements hold objects: of the type O, or flagged so (numpy/descriptor.c, arraydescr_setstate)."""
    name = _type_name(dtype)
    if name.lstrip("<>|=").startswith("O") or name == "object":
        return True
    state = _state(dtype)
    flags = state[7] if len(state) > 7 else 0
    return isinstance(flags, int) and bool(flags & _OBJECT_FLAG)


def _type_name(dtype: Value) -> str:
    arguments = _arguments(dtype)
    name = arguments[0] if arguments else UNKNOWN
    return name if isinstance(name, str) else ""


def _item_size(dtype: Value) -> int | None:
    """Return the bytes of an element of a type as NumPy pickles it: a name, and a state."""
    name = _type_name(dtype)
    if name in _NAMES:
        return _NAMES[name]
    match = _TYPE.fullmatch(name)
    if match is None:
        return None
    kind, digits = match.groups()
    state = _state(dtype)
    stated = state[5] if len(state) > 5 else -1
    if kind in _UNSIZED and isinstance(stated, int) and stated >= 0:
        return stated
    if not digits:
        return _SIZED.get(kind)
    return int(digits) * (4 if kind == "U" else 1)
