"""Model files for benchmarks, written without the libraries that usually write them."""

import io
import json
import pickle
import random
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

MIB = 1024 * 1024
REBUILD = "_rebuild_tensor_v2"
LONG_AGO = (1980, 1, 1, 0, 0, 0)


class _Storage:
    def __init__(self, key: str, elements: int) -> None:
        self.key, self.elements = key, elements


class _Tensor:
    """Pickles as PyTorch pickles a float tensor."""

    def __init__(self, storage: _Storage) -> None:
        self.storage = storage

    def __reduce__(self) -> tuple[Any, ...]:
        rebuild = getattr(sys.modules["torch._utils"], REBUILD)
        return rebuild, (self.storage, 0, (self.storage.elements,), (1,), False, OrderedDict())


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            return ("storage", sys.modules["torch"].FloatStorage, obj.key, "cpu", obj.elements)
        return None


def _pretend_torch() -> None:
    """Make names that pickle can find; what they hold is never used."""
    rebuild = types.FunctionType((lambda: None).__code__, {"__name__": "torch._utils"}, REBUILD)
    rebuild.__qualname__ = REBUILD
    storage = type("FloatStorage", (), {"__module__": "torch"})
    for name, member in (("torch", storage), ("torch._utils", rebuild)):
        module = types.ModuleType(name)
        setattr(module, member.__name__, member)
        sys.modules[name] = module


def torch_zip(file: Path, *, layers: int, elements: int) -> None:
    """Write a state dict of ``layers`` float tensors of ``elements`` each, as torch.save does."""
    _pretend_torch()
    state = OrderedDict(
        (f"layer.{index}.weight", _Tensor(_Storage(str(index), elements))) for index in range(layers)
    )
    raw = io.BytesIO()
    _Pickler(raw, 2).dump(state)
    data = bytes(elements * 4)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (("data.pkl", raw.getvalue()), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(zipfile.ZipInfo(f"model/{name}", LONG_AGO), content)
        for index in range(layers):
            archive.writestr(zipfile.ZipInfo(f"model/data/{index}", LONG_AGO), data)


def safetensors(file: Path, *, tensors: int, size: int) -> None:
    """Write ``tensors`` byte tensors of ``size`` bytes each."""
    header = {
        f"model.layers.{index}.weight": {
            "dtype": "U8",
            "shape": [size],
            "data_offsets": [index * size, (index + 1) * size],
        }
        for index in range(tensors)
    }
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(raw)) + raw)
        for _ in range(tensors):
            out.write(bytes(size))


def gguf(file: Path, *, tokens: int, tensors: int, elements: int) -> None:
    """Write a GGUF file with a vocabulary of ``tokens`` and ``tensors`` float tensors of ``elements`` each."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("tokenizer.ggml.tokens")
        + struct.pack("<IIQ", 9, 8, tokens)
        + b"".join(text(f"token{index}") for index in range(tokens)),
        text("tokenizer.ggml.scores") + struct.pack("<IIQ", 9, 6, tokens) + bytes(4 * tokens),
    ]
    elements -= elements % 8  # so that every tensor begins at a multiple of 32 bytes
    size = elements * 4
    infos = [
        text(f"blk.{index}.weight") + struct.pack("<IQIQ", 1, elements, 0, index * size)
        for index in range(tensors)
    ]
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(infos), len(entries)) + b"".join(entries) + b"".join(infos)
    with file.open("wb") as out:
        out.write(head + bytes(-len(head) % 32))
        for _ in range(tensors):
            out.write(bytes(size))


def large_pickle(file: Path, *, operations: int) -> None:
    """Write a pickle of plain data with about that many operations."""
    rows = operations // 10
    with file.open("wb") as out:
        pickle.dump(
            [{"index": index, "name": f"row{index}", "value": index / 7} for index in range(rows)], out, 4
        )


def payload_at_end(file: Path, *, size: int) -> None:
    """Write a pickle of ``size`` bytes of raw data that ends in an import and call of os.system; nothing loads it."""
    block = 50 * MIB
    with file.open("wb") as out:
        out.write(b"\x80\x04(")
        for _ in range(size // block):
            out.write(b"B" + struct.pack("<I", block) + bytes(block))
        out.write(b"1cos\nsystem\n(V" + b"touch marker" + b"\ntR.")


def ordinary_files(folder: Path, *, count: int, size: int) -> None:
    """Fill ``folder`` with ``count`` files of the kinds that models have, of ``size`` bytes together."""
    chance = random.Random(7)
    each = size // count
    for index in range(count):
        kind = index % 7
        if kind == 0:
            torch_zip(folder / f"{index}.pt", layers=4, elements=each // 16)
        elif kind == 1:
            safetensors(folder / f"{index}.safetensors", tensors=8, size=each // 8)
        elif kind == 2:
            gguf(folder / f"{index}.gguf", tokens=2000, tensors=4, elements=each // 16)
        elif kind == 3:
            large_pickle(folder / f"{index}.pkl", operations=each // 5)
        elif kind == 4:
            vocabulary = {f"token{number}": number for number in range(each // 20)}
            (folder / f"{index}.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
        elif kind == 5:
            (folder / f"{index}.txt").write_text("\n".join(str(chance.random()) for _ in range(each // 19)))
        else:
            (folder / f"{index}.pkl").write_bytes(
                pickle.dumps({"weights": bytes(each), "bias": [0.5] * 100}, 4)
            )
