"""Say what a file is by its bytes. The name decides only between formats that look alike."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from weighlock.inspection.pickle.machine import Stream
from weighlock.inspection.pickle.nested import probe_pickle
from weighlock.inspection.pickle.table import Tier, entry_of
from weighlock.inspection.protobuf.sniff import protobuf_format
from weighlock.inspection.safetensors.header import MAX_HEADER_BYTES
from weighlock.inspection.text.kind import TEXT_FORMATS, text_kind
from weighlock.inspection.tree.recognise import binary_format, named_format, text_model

HEAD_BYTES: Final = (
    65_536  # what detection looks at; covers the superblock search of HDF5 and a text's beginning
)
FIRST_BYTES: Final = 4096  # what settles most formats: those with a magic number, and safetensors

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"GGUF", "gguf"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"PK\x05\x06", "zip"),
    (0, b"PK\x07\x08", "zip"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"\x5d\0\0", "lzma"),  # the usual properties, of a dictionary of 64 KiB or more
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"\x7fELF", "elf"),
    (0, b"\xfe\xed\xfa\xce", "mach-o"),
    (0, b"\xfe\xed\xfa\xcf", "mach-o"),
    (0, b"\xce\xfa\xed\xfe", "mach-o"),
    (0, b"\xcf\xfa\xed\xfe", "mach-o"),
    (0, b"\xca\xfe\xba\xbe", "mach-o"),
    (0, b"ggjt", "ggml"),
    (0, b"tjgg", "ggml"),
    (0, b"lmgg", "ggml"),
    (0, b"PAR1", "parquet"),
    (0, b"binf", "xgboost-binary"),
    (0, b"CBM1", "catboost"),
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (4, b"TFL3", "tflite"),
    (4, b"ET12", "executorch"),
    (4, b"FT01", "executorch-tensors"),
    (4, b"ORTM", "ort"),
    (257, b"ustar", "tar"),
    *((offset, b"\x89HDF\r\n\x1a\n", "hdf5") for offset in (0, 512, 1024, 2048, 4096, 8192)),
)
_TORCH_LEGACY: Final = re.compile(  # torch's magic number as protocols 0 and 1, 2 and 3, and 4 and 5 write it
    rb"L119547037146038801333356L\n\.|\x80[\x02-\x05](?:\x95\x0d\0{7})?\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\."
)
_XGBOOST: Final = re.compile(  # the first key of XGBoost's UBJSON, however its length is written
    rb"\{(?:#..{0,8}?)?N*(?:[iU].|I..|l....|L........)(?:learner|version|Config|Model)", re.DOTALL
)
_ZLIB: Final = frozenset(
    {b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"}
)  # of a 32 KB window, the only ones written
_PICKLES: Final = frozenset({"pickle", "torch-legacy", "joblib"})
_TORCH: Final = frozenset({"zip", "pickle", "torch-legacy", "tar"})
_COMPRESSED: Final = frozenset({"gzip", "bzip2", "lzma", "xz", "lz4", "zlib", "zstd"})
_PICKLE_SUFFIXES: Final = frozenset(
    {".pkl", ".pickle", ".p", ".pt", ".pth", ".ckpt", ".joblib", ".dill", ".bin"}
)
_TEXT_SUFFIXES: Final = (
    ".txt",
    ".md",
    ".rst",
    ".yaml",
    ".yml",
    ".toml",
    ".jinja",
    ".gotmpl",  # a chat template of Ollama's, in Go's language
    ".cfg",
    ".ini",
    ".csv",
    ".jsonl",
    ".html",
    ".xml",
    ".sh",
)

# what a suffix promises; a suffix that is not here promises nothing
_PROMISED: Final[dict[str, frozenset[str]]] = {
    ".safetensors": frozenset({"safetensors"}),
    ".gguf": frozenset({"gguf"}),
    ".npy": frozenset({"npy"}),
    ".npz": frozenset({"zip"}),
    ".zip": frozenset({"zip"}),
    ".skops": frozenset({"zip"}),
    ".keras": frozenset({"zip", "hdf5"}),
    ".h5": frozenset({"hdf5"}),
    ".hdf5": frozenset({"hdf5"}),
    ".onnx": frozenset({"onnx"}),
    ".tflite": frozenset({"tflite"}),
    ".ort": frozenset({"ort"}),
    ".mlmodel": frozenset({"coreml"}),
    ".json": frozenset({"json"}),
    ".pte": frozenset({"executorch"}),
    ".ptd": frozenset({"executorch-tensors"}),
    ".py": frozenset({"python", "empty"}),
    ".ipynb": frozenset({"json"}),
    ".tar": frozenset({"tar"}),
    ".gz": frozenset({"gzip"}),
    ".7z": frozenset({"7z"}),
    ".png": frozenset({"image"}),
    ".jpg": frozenset({"image"}),
    **dict.fromkeys((".so", ".dylib", ".dll"), frozenset({"elf", "mach-o", "pe"})),
    **dict.fromkeys((".pt", ".pth", ".ckpt"), _TORCH),
    **dict.fromkeys((".pkl", ".pickle", ".dill"), _PICKLES | _COMPRESSED),
    ".joblib": _PICKLES | _COMPRESSED,
    **dict.fromkeys(_TEXT_SUFFIXES, TEXT_FORMATS),
    ".xml": TEXT_FORMATS | {"openvino", "pmml"},
    ".txt": TEXT_FORMATS | {"lightgbm"},
    ".ubj": frozenset({"xgboost-ubj"}),
    ".cbm": frozenset({"catboost"}),
    ".ftz": frozenset({"fasttext"}),
    ".msgpack": frozenset({"msgpack"}),
}

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_OPENVINO: Final = re.compile(rb"<net\s[^>]*\bversion\s*=")
_XML_BYTES: Final = 4096  # in which the root of a model's XML begins
# Python takes control characters in texts and comments; its examination says so
_SHOWN: Final = bytes(code if code >= 32 or not code else 32 for code in range(256))


class Detected(NamedTuple):
    """What the bytes are, and which formats the name promises if they are not among them."""

    format: str
    promised: frozenset[str]

    @property
    def agrees(self) -> bool:
        """Whether name and content agree; a name that promises nothing does."""
        return not self.promised or self.format in self.promised


def detect(head: bytes, size: int, path: str) -> Detected:
    """Return the format of a file of ``size`` bytes that begins with ``head``."""
    suffix = PurePosixPath(path).suffix.lower()
    return Detected(_format(head, size, suffix, path), _PROMISED.get(suffix, frozenset()))


def is_settled(head: bytes, size: int) -> bool:
    """Return whether more of the file would not change what ``detect`` says of its first bytes."""
    # what looks like machine code may have its mark anywhere in the head
    return _by_magic(head) is not None or (head[:2] != b"MZ" and _is_safetensors(head, size))


def _by_magic(head: bytes) -> str | None:
    return next((name for offset, magic, name in _MAGIC if head.startswith(magic, offset)), None)


def _format(head: bytes, size: int, suffix: str, path: str) -> str:
    if not size:
        return "empty"
    found = _by_magic(head)
    if found:
        return found
    for looks, name in _by_structure(head, size, suffix):
        if looks:
            return name
    return _as_text(head, size, path) or named_format(path) or _by_name(head, suffix)


def _by_structure(head: bytes, size: int, suffix: str) -> Iterable[tuple[bool, str]]:
    yield _is_pe(head), "pe"
    yield _XGBOOST.match(head) is not None, "xgboost-ubj"
    yield _is_safetensors(head, size), "safetensors"
    yield _is_bytecode(head), "pyc"
    pickle = _pickle_kind(head, size, suffix)
    yield pickle is not None, pickle or ""
    yield _is_tar(head), "tar"
    yield head[:2] in _ZLIB, "zlib"
    yield _is_coreml_weights(head), "coreml-weights"
    model = binary_format(head)
    yield model is not None, model or ""
    graph = protobuf_format(head, size)
    # Python that begins with an empty line and a text reads as Keras' message, whose numbers no text has
    text = graph == "keras-metadata" and is_text(head, whole=len(head) >= size)
    yield graph is not None and not text, graph or ""


def _is_pe(head: bytes) -> bool:
    if head[:2] != b"MZ" or len(head) < 64:
        return False
    at = int.from_bytes(head[60:64], "little")
    return head[at : at + 4] == b"PE\0\0" or b"DOS mode" in head[:256]


def _is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and head[8:9] == b"{" and 2 <= length <= min(size - 8, MAX_HEADER_BYTES)


def _is_bytecode(head: bytes) -> bool:
    # CPython writes a 16-bit number and CR LF, then flags of at most two bits (PEP 552)
    return head[2:4] == b"\r\n" and 3000 <= int.from_bytes(head[:2], "little") < 4000 and len(head) >= 16


def _is_tar(head: bytes) -> bool:
    if len(head) < 512:
        return False
    digits = head[148:156].strip(b" \0")
    total = sum(head[:148]) + 8 * 0x20 + sum(head[156:512])
    return bool(re.fullmatch(rb"[0-7]{1,8}", digits)) and int(digits, 8) == total


def _is_coreml_weights(head: bytes) -> bool:
    # version 2 in the second number, and the mark of the first blob's head
    return head[4:8] == b"\2\0\0\0" and head[64:68] == b"\xef\xbe\xad\xde" and not any(head[8:64])


def _pickle_kind(head: bytes, size: int, suffix: str) -> str | None:
    marked = head[:1] == b"\x80" and head[1:2] <= b"\x05" and len(head) > 1
    if not marked and not _is_text_pickle(head, size, suffix):
        return None
    if _TORCH_LEGACY.match(head):
        return "torch-legacy"
    return "joblib" if b"joblib.numpy_pickle" in head else "pickle"


def _is_text_pickle(head: bytes, size: int, suffix: str) -> bool:
    """Tell a pickle of protocol 0 or 1, which has no magic, from text that happens to start like one."""
    if head[:1] == b"i":  # INST needs a mark: no pickle begins so, and every second Python file does
        return False
    stream = probe_pickle(head, size)
    if suffix in _PICKLE_SUFFIXES and (stream.names or stream.operations > 1):
        return True
    if reaches_out(stream) or (stream.usable and stream.operations > 64):
        return True
    # "Copyright", say, is SHORT_BINBYTES, and a full stop is STOP
    complete = stream.stopped and stream.usable and stream.operations > 1
    return complete and (stream.end == size or not is_text(head, whole=len(head) >= size))


def reaches_out(stream: Stream) -> bool:
    """Return whether a stream calls what it imports, or imports what no text would name by chance."""
    dangerous = any(entry_of(name.module, name.name).tier is Tier.DANGER for name in stream.names)
    return dangerous or bool(stream.called)


def may_go_on_as_pickle(head: bytes, size: int) -> bool:
    """Return whether a text may still be a pickle: it is one so far, be it only one long line."""
    stream = probe_pickle(head, size)
    if stream.stopped:  # a magic number hides a whole pickle from detection
        return stream.usable and (stream.end < size or bool(stream.names))
    return stream.usable and len(head) < size


def _as_text(head: bytes, size: int, path: str) -> str | None:
    whole = len(head) >= size
    if is_text(head, whole=whole) or (
        path.lower().endswith(".py") and is_text(head.translate(_SHOWN), whole=whole)
    ):
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" and _OPENVINO.search(head[:_XML_BYTES]):
            return "openvino"
        return text_model(head) or text_kind(head, path)
    return None


def is_text(data: bytes, *, whole: bool) -> bool:
    """Return whether bytes are UTF-8 text without control characters; a cut last character is forgiven."""
    if _CONTROL.search(data):
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return not whole and error.start >= len(data) - 3 and error.reason == "unexpected end of data"
    return True


def _by_name(head: bytes, suffix: str) -> str:
    """Of bytes that look like nothing, only a name that makes a parser fail honestly is believed."""
    if suffix == ".index":
        return "tf-checkpoint"
    if suffix == ".safetensors" and head[8:9] in {b"{", b" ", b"\t", b"\n", b"\r"}:
        return "safetensors"
    return "unknown"
