import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from tar_maker import header, tar_files
from weighlock.core.error import DeniedError
from weighlock.source.disguise import HEAD_BYTES, check_disguise, find_archive


def _zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a", b"b" * 600)
    return made.getvalue()


ARCHIVES = {
    "zip": _zip(),
    "gzip": gzip.compress(b"x" * 900),
    "xz": lzma.compress(b"x"),
    "bzip2": bz2.compress(b"x"),
    "7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(500),
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(500),
    "lz4": b"\x04\x22\x4d\x18" + bytes(500),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(500),
    "tar": tar_files({"a": b"b"}),
}
NAMES = ["model.safetensors", "a.gguf", "config.json", "vocab.txt", "README.md", "modeling.py", "a.yaml"]
NAMES += ["chat_template.jinja", "tokenizer.model", "LICENSE", "folder/Readme", "A.SAFETENSORS", "x.onnx"]


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize("name", NAMES)
def test_an_archive_under_the_name_of_something_else(name: str, kind: str) -> None:
    with pytest.raises(DeniedError) as caught:
        check_disguise(name, ARCHIVES[kind][:HEAD_BYTES])
    assert caught.value.code == "archive_disguised"
    assert caught.value.details == {"file": name, "format": kind}


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize(
    "name", ["a.zip", "model.pt", "pytorch_model.bin", "a.npz", "a.tar", "a.tar.gz", "a.nemo", "model"]
)
def test_names_that_promise_an_archive_or_nothing(name: str, kind: str) -> None:
    check_disguise(name, ARCHIVES[kind][:HEAD_BYTES])


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"PK is not a zip", b"BZh9 is a word", b"7z", b"Rar!", bytes(512), b" " * 512]
)
def test_what_is_no_archive(text: bytes) -> None:
    assert find_archive(text) is None
    check_disguise("a.json", text)


def test_empty_zips_and_bzip2s_and_old_tars_are_archives() -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    assert find_archive(empty.getvalue()) == "zip"
    assert find_archive(bz2.compress(b"")) == "bzip2"
    assert find_archive(header(b"a", magic=bytes(8))) == "tar"
    assert find_archive(b"\x52\x2a\x4d\x18" + bytes(20)) == "zstd"
    assert tarfile.is_tarfile(io.BytesIO(header(b"a", magic=bytes(8)) + bytes(1024)))
