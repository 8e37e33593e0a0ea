"""Checks of NumPy's types, arrays and scalars.

A pickled dtype sets its fields and flags as the pickle says (``arraydescr_setstate`` in
numpy/_core/src/multiarray/descriptor.c): an object type without the object flag, or one whose
fields overlap, makes NumPy take raw bytes for pointers. So a type is sound only if code, fields,
size and flags agree, and an array only if its data is of the kind that the type has.
"""

import re
from typing import Final, NamedTuple, TypeAlias

from weighlock.core.text import shown
from weighlock.inspection.pickle.check import (
    NOT_KNOWN,
    Call,
    attributes,
    carries,
    dotted,
    is_bytes,
    is_constant,
    is_inert,
    name_of,
    pairs_of,
)
from weighlock.inspection.pickle.value import Global, Made, Sequence, Unknown, Value

_CODE: Final = re.compile(r"([<>|=]?)([?biufcmMOSUVaT])(\d{0,9})", re.ASCII)
_SIMPLE_CODE: Final = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGpP]", re.ASCII)
_OBJECT_FLAGS: Final = 63  # NPY_OBJECT_DTYPE_FLAGS
_FIELD_OBJECT_FLAGS: Final = 27  # NPY_FROM_FIELDS: what a type of fields has from a field of objects
_HARMLESS_FLAGS: Final = (
    0x10 | 0x80 | 0x08 | 0x40
)  # Python interface, aligned, to be initialised, hashed: no memory
_MAX_FIELDS: Final = 1000
_MAX_DEPTH: Final = 8  # types in types
_ARRAYS: Final = frozenset(
    {
        ("numpy", "ndarray"), ("numpy", "matrix"), ("numpy", "recarray"), ("numpy", "memmap"), ("numpy", "chararray"),
        ("numpy", "record"), ("numpy.rec", "recarray"), ("numpy.char", "chararray"), ("numpy.ma", "MaskedArray"),
        ("numpy.ma.core", "MaskedArray"), ("numpy.matrixlib.defmatrix", "matrix"), ("numpy._core.records", "recarray"),
        ("numpy._core.defchararray", "chararray"), ("numpy._core.memmap", "memmap"),
    }
)  # fmt: skip


class Type(NamedTuple):
    """What a sound dtype means: bytes of an element (0: any), whether elements are or hold objects."""

    size: int
    objects: bool


class _UnsoundError(Exception):
    """The type is not sound; the text says why."""


Types: TypeAlias = dict[int, object]  # what a type means, or why it is not sound, by its identity


def dtype(call: Call) -> str | None:
    """Allow a type by its code, as pickles write it: code, aligned, copied."""
    match call.items():
        case [str(code)] | [str(code), bool() | int()]:
            return None if _code(code) else f"a type is made of {shown(code)}"
        case [str(code), bool() | int(), copied]:
            if not _code(code):
                return f"a type is made of {shown(code)}"
            return None if copied == 1 else "a type that the program shares would get another meaning"
        case [Global() as kind, *rest] if all(is_constant(call, each) for each in rest):
            return None if kind.module in {"numpy", "builtins"} else f"a type is made of {dotted(kind)}"
    return "a type is made of what cannot be read"


def _code(code: str) -> bool:
    return bool(_CODE.fullmatch(code) or _SIMPLE_CODE.fullmatch(code))


def dtype_state(call: Call) -> str | None:
    """Allow a state that agrees with the type's code."""
    made = call.target_value
    if not isinstance(made, Made):
        return NOT_KNOWN
    try:
        _type_of_state(made, call.arguments, call.seen.types, 0)
    except _UnsoundError as unsound:
        return str(unsound)
    return None


def type_of(value: Value, types: Types, depth: int = 0) -> Type:
    """Return what a pickled dtype means; raises _UnsoundError. Each is read once: types may share parts."""
    known = types.get(id(value))
    if known is None:
        try:
            known = _read_type(value, types, depth)
        except _UnsoundError as unsound:
            known = str(unsound)
        if isinstance(value, Made):
            types[id(value)] = known
    if isinstance(known, Type):
        return known
    raise _UnsoundError(str(known))


def _read_type(value: Value, types: Types, depth: int) -> Type:
    if depth > _MAX_DEPTH:
        raise _UnsoundError("types nest too deep")
    if not isinstance(value, Made):
        raise _UnsoundError("a type is not one that the pickle made")
    name = name_of(value.target)
    if name == ("numpy._core._internal", "_convert_to_stringdtype_kwargs"):
        return Type(16, objects=True)
    if name != ("numpy", "dtype"):
        raise _UnsoundError("a type is made by something else than numpy.dtype")
    if isinstance(value.state, Unknown):
        return _type_of_code(value)
    return _type_of_state(value, value.state, types, depth)


def _type_of_code(made: Made) -> Type:
    items = made.arguments.items if isinstance(made.arguments, Sequence) else []
    first = items[0] if items else None
    if isinstance(first, Global):
        return Type(0, objects=first.name in {"object", "object_"})
    if not isinstance(first, str):
        raise _UnsoundError("a type has no code")
    match = _CODE.fullmatch(first)
    if match is None:
        return Type(0, objects=False)
    width = int(match[3] or 0)
    return Type(width * 4 if match[2] == "U" else width, objects=match[2] == "O")


def _type_of_state(made: Made, state: Value, types: Types, depth: int) -> Type:
    items = state.items if isinstance(state, Sequence) and state.kind == "tuple" else []
    if len(items) not in {8, 9} or not isinstance(items[0], int) or not 3 <= items[0] <= 4:
        raise _UnsoundError("the state of a type is not as NumPy writes it")
    _, order, base, names, fields, size, alignment, flags, *_ = items
    plain = all(isinstance(each, int) for each in (size, alignment, flags)) and isinstance(order, str | bytes)
    if not plain or not isinstance(size, int) or not isinstance(flags, int):
        raise _UnsoundError("the state of a type is not as NumPy writes it")
    coded = _type_of_code(made)
    if base is not None:
        return _subarray(base, size, flags, types, depth)
    if names is None and fields is None:
        return _plain(coded, size, flags)
    if coded.objects or not _is_void(made):
        raise _UnsoundError("a type that has fields is not made as one")
    return _structured(names, fields, (size, flags), types, depth)


def _is_void(made: Made) -> bool:
    items = made.arguments.items if isinstance(made.arguments, Sequence) else []
    first = items[0] if items else None
    if name_of(first) in {("numpy", "record"), ("numpy", "void"), ("numpy.rec", "record")}:
        return True
    match = _CODE.fullmatch(first) if isinstance(first, str) else None
    return match is not None and match[2] == "V"


def _plain(coded: Type, size: int, flags: int) -> Type:
    if coded.objects:
        if flags != _OBJECT_FLAGS or size > 0:
            raise _UnsoundError("a type of objects does not say that it is one: bytes would become pointers")
        return coded
    if flags & ~_HARMLESS_FLAGS:
        raise _UnsoundError("a type of numbers says that it holds objects: bytes would become pointers")
    if size > 0 and coded.size and size != coded.size:
        raise _UnsoundError("a type has another size than its code")
    return coded


def _subarray(base: Value, size: int, flags: int, types: Types, depth: int) -> Type:
    items = base.items if isinstance(base, Sequence) and base.kind == "tuple" else []
    if len(items) != 2:
        raise _UnsoundError("the state of a type is not as NumPy writes it")
    inner = type_of(items[0], types, depth + 1)
    shape = items[1].items if isinstance(items[1], Sequence) else [items[1]]
    count = 1
    for extent in shape:
        if not isinstance(extent, int) or not 0 <= extent <= 1 << 31:
            raise _UnsoundError("the shape of a type is not of numbers")
        count *= extent
    _agree(flags, objects=inner.objects)
    if inner.size and size > 0 and size != inner.size * count:
        raise _UnsoundError("a type has another size than its parts")
    return Type(size, inner.objects)


def _agree(flags: int, *, objects: bool) -> None:
    if objects and flags & _FIELD_OBJECT_FLAGS != _FIELD_OBJECT_FLAGS:
        raise _UnsoundError("a type with objects does not say that it has them: bytes would become pointers")
    if not objects and flags & ~_HARMLESS_FLAGS:
        raise _UnsoundError("a type without objects says that it has some: bytes would become pointers")


def _structured(names: Value, fields: Value, told: tuple[int, int], types: Types, depth: int) -> Type:
    size, flags = told
    if not isinstance(fields, Sequence) or fields.kind != "dict" or fields.cut:
        raise _UnsoundError("the fields of a type cannot be read")
    if not isinstance(names, Sequence) or len(fields.items) > 2 * _MAX_FIELDS:
        raise _UnsoundError("the fields of a type cannot be read")
    ranges = {_field(value, size, types, depth) for _, value in pairs_of(fields)}
    end = 0
    for offset, width, objects in sorted(ranges):
        if offset < end and (objects or any(each[2] for each in ranges)):
            raise _UnsoundError("fields of a type lie over each other: bytes would become pointers")
        end = max(end, offset + width)
    has_objects = any(each[2] for each in ranges)
    _agree(flags, objects=has_objects)
    return Type(size, has_objects)


def _field(value: Value, size: int, types: Types, depth: int) -> tuple[int, int, bool]:
    """Return where a field lies, how long it is, and whether it holds objects."""
    items = value.items if isinstance(value, Sequence) and value.kind == "tuple" else []
    if len(items) not in {2, 3} or not isinstance(items[1], int):
        raise _UnsoundError("a field of a type cannot be read")
    inner = type_of(items[0], types, depth + 1)
    width = 8 if inner.objects and not inner.size else inner.size
    if items[1] < 0 or items[1] + width > size:
        raise _UnsoundError("a field lies outside its type: foreign memory would be read")
    return items[1], width, inner.objects


def sound(call: Call, value: Value, *, objects: bool | None = None) -> str | None:
    """Return why a dtype is not sound, or not one of objects (or of none)."""
    try:
        found = type_of(value, call.seen.types)
    except _UnsoundError as unsound:
        return str(unsound)
    if objects is not None and found.objects != objects:
        return "the data of an array is not what its type says: bytes would become pointers"
    return None


def reconstruct(call: Call) -> str | None:
    """Allow an empty array of an array class."""
    match call.items():
        case [Global() as kind, Sequence(kind="tuple") as shape, code]:
            return _empty(kind, shape, code)
    return "an array is made of what cannot be read"


def _empty(kind: Global, shape: Sequence, code: Value) -> str | None:
    if name_of(kind) not in _ARRAYS:
        return f"an array is made as {dotted(kind)}"
    if shape.items not in ([0], []):
        return "an array is made with a shape before it has data"
    made_b = isinstance(code, Made) and name_of(code.target) in {("_codecs", "encode"), ("builtins", "bytes")}
    return None if code in {"b", b"b", "B", b"B"} or made_b else "an array is made of another type than bytes"


def array_state(call: Call) -> str | None:
    """Allow (version, shape, type, order, data): a list for objects, else bytes."""
    items = call.items()
    if items is None:
        return NOT_KNOWN
    if len(items) == 4:
        items = [0, *items]
    if len(items) < 5 or not is_constant(call, items[1]):
        return "the state of an array is not as NumPy writes it"
    data = items[4]
    wrong = sound(call, items[2], objects=isinstance(data, Sequence))
    if wrong:
        return wrong
    if isinstance(data, Sequence):
        return carries(call, data)
    if isinstance(data, str) or is_bytes(data):
        return None
    return "the data of an array cannot be read"


def masked(call: Call) -> str | None:
    """Allow numpy.ma.core._mareconstruct: two array classes, an empty shape, a type."""
    match call.items():
        case [Global() as kind, Global() as base, Sequence(kind="tuple") as shape, code]:
            return _empty(kind, shape, code) or _empty(base, shape, code)
    return "an array is made of what cannot be read"


def masked_state(call: Call) -> str | None:
    """Allow (flag, shape, type, order, data, mask, fill value)."""
    items = call.items()
    if items is None or len(items) < 7:
        return "the state of an array is not as NumPy writes it"
    state = Sequence("tuple", items[:5])
    wrong = array_state(call._replace(arguments=state)) or carries(call, *items[5:])
    if wrong or all(is_inert(call, item) for item in items[5:]):
        return wrong
    return "its mask or its fill value is an object that NumPy would ask for more"


def scalar(call: Call) -> str | None:
    """Allow a value of a type without objects, from bytes."""
    match call.items():
        case [Made() as kind]:
            return sound(call, kind, objects=False)
        case [Made() as kind, data]:
            if isinstance(data, str) or is_bytes(data):
                return sound(call, kind, objects=False)
            return sound(call, kind) or carries(call, data)
    return "a value is made of what cannot be read"


def frombuffer(call: Call) -> str | None:
    """Allow an array of a type without objects, from bytes."""
    items = call.items()
    if not items or not 4 <= len(items) <= 5:
        return NOT_KNOWN
    data, kind, shape, *_ = items
    if not is_bytes(data) or not is_constant(call, shape):
        return "an array is made over memory that is not bytes of the pickle"
    return sound(call, kind, objects=False)


def joblib_array(call: Call) -> str | None:
    """Allow joblib's description of an array: its class, shape, order and type, and nothing else."""
    for key, value in pairs_of(call.arguments):
        if key not in _JOBLIB_KEYS:
            return "it has attributes that joblib does not write"
        if key == "subclass" and name_of(value) not in _ARRAYS:
            return "an array is made of another class than NumPy's"
        if key == "dtype":
            wrong = sound(call, value)
            if wrong:
                return wrong
    return attributes(call)


# joblib/numpy_pickle.py, NumpyArrayWrapper
_JOBLIB_KEYS: Final = frozenset(
    {"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"}
)
