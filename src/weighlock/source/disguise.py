"""Notice an archive that goes by the name of something else.

A name decides who looks at a file and how: what is called ``config.json`` is read as text,
what is called ``model.safetensors`` is believed to hold tensors only. A zip or tar under
such a name is a way past both. Bytes in, nothing out: no I/O.
"""

import re
from pathlib import PurePosixPath
from typing import Final

from weighlock.core.error import DeniedError
from weighlock.core.text import shown

HEAD_BYTES: Final = 512  # how much of a file is looked at: a tar's first header is one block of that size
_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"PK\x07\x08", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"Rar!\x1a\x07", "rar"),
)
_BZIP2: Final = re.compile(
    rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", re.DOTALL
)  # a block, or the end of an empty one
_SKIPPABLE: Final = re.compile(
    rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL
)  # zstd and lz4 frames may begin with it
_TAR_MAGIC: Final = slice(257, 262)
_TAR_SUM: Final = slice(148, 156)
_WEIGHTS: Final = (".safetensors", ".gguf", ".ggml", ".onnx", ".tflite", ".npy", ".h5", ".hdf5")
_TEXTS: Final = (
    *(".json", ".jsonl", ".txt", ".md", ".rst", ".py", ".pyi", ".yaml", ".yml", ".toml", ".cfg", ".ini"),
    *(".jinja", ".jinja2", ".j2", ".gotmpl", ".html", ".csv", ".tsv", ".sh", ".ipynb", ".xml", ".svg"),
    *(".js", ".c", ".cpp", ".h", ".cu", ".proto", ".pbtxt"),
)
_OTHERS: Final = (".model", ".tiktoken", ".vocab", ".spm", ".png", ".jpg", ".jpeg", ".gif", ".pdf")
_SUFFIXES: Final = frozenset({*_WEIGHTS, *_TEXTS, *_OTHERS})
_NAMES: Final = frozenset(
    {"license", "licence", "notice", "readme", "copying", "modelfile", "kitfile", "dockerfile", "makefile"}
    | {".gitattributes", ".gitignore"}
)


def check_disguise(path: str, head: bytes) -> None:
    """Return unless a file named ``path`` begins with ``head`` as an archive does, and its name says otherwise.

    ``head`` is the file's first ``HEAD_BYTES`` bytes, or all of a shorter one. Names that
    promise an archive, such as ``.zip``, ``.pt`` or ``.npz``, and names that promise nothing
    are not judged here. Raises DeniedError ``archive_disguised``.
    """
    if not promises_no_archive(path):
        return
    found = find_archive(head)
    if found is not None:
        raise DeniedError(
            "archive_disguised",
            f"the file {shown(path)!r} is a {found} archive under another name",
            hint="nothing of it was kept; report it to whoever published it",
            details={"file": path, "format": found},
        )


def promises_no_archive(path: str) -> bool:
    """Return whether a name says of its file that it is one thing, and no archive."""
    name = PurePosixPath(path)
    return name.suffix.lower() in _SUFFIXES or name.name.lower() in _NAMES


def find_archive(head: bytes) -> str | None:
    """Return which archive or compressed format begins with ``head``, or None."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if _BZIP2.match(head):
        return "bzip2"
    if _SKIPPABLE.match(head):
        return "zstd"
    return "tar" if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    if len(head) < HEAD_BYTES:
        return False
    if head[_TAR_MAGIC] == b"ustar":
        return True
    digits = head[_TAR_SUM].strip(b" \0")
    if not re.fullmatch(rb"[0-7]{1,8}", digits):
        return False
    total = sum(head[:HEAD_BYTES]) - sum(head[_TAR_SUM]) + 8 * 0x20
    return int(digits, 8) == total
