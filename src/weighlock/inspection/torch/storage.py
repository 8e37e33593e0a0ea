"""Hold the tensors that a pickle describes against the storages that it names, and those against the file.

Sources: torch/serialization.py (``persistent_load``), torch/_utils.py (``_rebuild_tensor`` and its successors),
torch/storage.py (``_dtype_to_storage_type_map``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.torch.value import Call, Global, Persistent, Value, Values

MAX_ELEMENTS: Final = 2**63 - 1  # torch counts elements and bytes in signed 64 bits
MAX_NAMED: Final = 5  # wrong ones named in a message; the rest are counted

_ELEMENT_BYTES: Final = {
    "BFloat16": 2, "Bool": 1, "Byte": 1, "Char": 1, "ComplexDouble": 16, "ComplexFloat": 8, "Double": 8, "Float": 4,
    "Half": 2, "Int": 4, "Long": 8, "QInt32": 4, "QInt8": 1, "QUInt2x4": 1, "QUInt4x2": 1, "QUInt8": 1, "Short": 2,
    "Untyped": 1,
}  # fmt: skip
_PACKED: Final = {"QUInt2x4": 4, "QUInt4x2": 2}  # elements in a byte, which the storage counts as one
_DTYPE_BYTES: Final = {
    **dict.fromkeys(("complex32", "float32", "int32", "uint32", "qint32"), 4),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16", "half", "short"), 2),
    **dict.fromkeys(("complex64", "float64", "int64", "uint64", "double", "long"), 8),
    "complex128": 16,
}  # fmt: skip  # every other type of torch has one byte or less
# identifiers of classes in legacy files, and of calls in packages
_OTHERS: Final = ("module", "reduce_package")
_VIEWS: Final = frozenset({"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor"})


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage that a pickle names: its key, the kind of its elements, and their number."""

    key: str
    kind: str
    elements: int

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self.elements * _ELEMENT_BYTES[self.kind]


def storage_of(identifier: Value) -> Storage | None:
    """Return the storage that a persistent id names; None if it is not one that torch writes."""
    match identifier:
        case ("storage" | b"storage", Global(module=module, name=name), key, _, int(elements), *_):
            pass
        case _:
            return None
    kind = name.removesuffix("Storage")
    if not module.startswith("torch") or kind not in _ELEMENT_BYTES or not 0 <= elements <= MAX_ELEMENTS:
        return None
    key = key.decode("latin-1") if isinstance(key, bytes) else key
    # torch.package numbers its storages
    return Storage(str(key), kind, elements) if isinstance(key, str) or type(key) is int else None


def element_bytes(kind: Global) -> int | None:
    """Return the size of the elements of a storage class; None if torch has no such class."""
    return _ELEMENT_BYTES.get(kind.name.removesuffix("Storage")) if kind.module.startswith("torch") else None


def collect_storages(report: Report, values: Values) -> dict[str, Storage] | None:
    """Return the storages that a pickle names, by key; None, and reported, if one is not what torch writes."""
    storages: dict[str, Storage] = {}
    for identifier in values.persistent:
        if isinstance(identifier, tuple) and identifier and identifier[0] in _OTHERS:
            continue
        storage = storage_of(identifier)
        if storage is None:
            report.not_examined("a pickle names a storage in a way that torch never writes")
            return None
        known = storages.setdefault(storage.key, storage)
        if known.size != storage.size:
            # torch keeps the first and lays every later tensor over it
            report.find(
                "torch-storage-size",
                f"the storage {shown(storage.key)!r} is named with {known.size} and with {storage.size} bytes",
            )
    return storages


def check_views(report: Report, values: Values) -> int:
    """Find tensors that reach outside their storage; returns how many tensors there are."""
    wrong = []
    count = 0
    for call in values.calls:
        view = _view(call)
        if view is None:
            continue
        count += 1
        problem = _problem(view)
        if problem:
            wrong.append((call.offset, problem))
    for offset, problem in wrong[:MAX_NAMED]:
        report.find("torch-view-bounds", problem, offset=offset)
    if len(wrong) > MAX_NAMED:
        report.find("torch-view-bounds", f"{len(wrong) - MAX_NAMED} more tensors lie outside their storage")
    return count


def _view(call: Call) -> Call | None:
    """Return the call that lays a tensor over a storage, also where it is an argument of the one given."""
    match call:
        case Call(Global("torch._utils", name), _) if name in _VIEWS:
            return call
        case Call(
            Global("torch._tensor", "_rebuild_from_type_v2"),
            (Global("torch._utils", name) as target, _, inner, *_),
        ):
            return Call(target, inner, call.offset) if name in _VIEWS else None
    return None


def _problem(call: Call) -> str | None:
    """Return what is wrong with a tensor laid over a storage; None if nothing is."""
    match call.arguments:
        case (Persistent(id=identifier), int(offset), sizes, strides, *rest):
            storage = storage_of(identifier)
        case _:
            return "a tensor is not laid over a storage in the way that torch writes"
    size = _numbers(sizes)
    stride = _numbers(strides)
    if storage is None or size is None or stride is None or len(size) != len(stride):
        return "a tensor's size and stride are not what torch writes"
    available = storage.elements * _PACKED.get(storage.kind, 1)
    if call.target.name == "_rebuild_tensor_v3":
        available = storage.size // _width(rest)
    if not 0 <= offset <= MAX_ELEMENTS or min(size, default=0) < 0 or min(stride, default=0) < 0:
        return f"a tensor over the storage {shown(storage.key)!r} has a negative offset, size or stride"
    if 0 in size:
        return None
    last = offset + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
    if last >= available:
        return f"a tensor reaches element {last} of the storage {shown(storage.key)!r}, which has {available}"
    return None


def _width(rest: list[Value]) -> int:
    dtype = rest[2] if len(rest) > 2 else None
    return _DTYPE_BYTES.get(dtype.name, 1) if isinstance(dtype, Global) else 1


def _numbers(value: Value) -> tuple[int, ...] | None:
    """Return a tuple of integers; torch.Size is one."""
    if isinstance(value, Call) and isinstance(value.arguments, tuple) and len(value.arguments) == 1:
        value = value.arguments[0]
    if not isinstance(value, (tuple, list)):
        return None
    sound = all(type(each) is int and abs(each) <= MAX_ELEMENTS for each in value)
    return tuple(value) if sound else None


def named(keys: Iterable[str]) -> str:
    """Return some of many names, for people."""
    names = sorted(keys)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(shown(name, limit=60) for name in names[:MAX_NAMED]) + more
