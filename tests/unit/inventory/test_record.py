"""RECORD, read strictly."""

import pytest

from weighlock.core.digest import Digest
from weighlock.inventory.record import RecordError, read_record

FOLDER = "lib/python3.11/site-packages"
ONE = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"  # of no bytes at all


def test_paths_are_relative_to_the_root() -> None:
    raw = f'foo.py,sha256={ONE},0\n../../../bin/foo,,\n"odd,name.py",sha256={ONE},0\n'.encode()
    files, problems = read_record(raw, folder=FOLDER)
    assert [file.path for file in files] == [f"{FOLDER}/foo.py", "bin/foo", f"{FOLDER}/odd,name.py"]
    assert files[0].digest == Digest.of(b"")
    assert (files[0].size, files[1].digest, files[1].size) == (0, None, None)
    assert problems == ()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("../../../../etc/passwd,,", "leads out"),
        ("/etc/passwd,,", "leads out"),
        ("..\\..\\x,,", "leads out"),
        (",,", "leads out"),
        ("foo.py,md5=abc,1", "weak kind"),
        ("foo.py,sha256=abc,1", "malformed"),
        ("foo.py,sha256=!!,1", "malformed"),
        (f"foo.py,sha1={ONE},1", "weak kind"),
        (f"foo.py,sha256={ONE},-1", "not a number"),
        (f"foo.py,sha256={ONE},\u0661", "not a number"),
        ("foo.py", "does not have"),
        ("a" * 5000 + ",,", "does not have"),
    ],
)
def test_refuses_a_row_and_keeps_the_others(row: str, why: str) -> None:
    files, problems = read_record(f"good.py,,\n{row}\n".encode(), folder=FOLDER)
    assert [file.path for file in files] == [f"{FOLDER}/good.py"]
    assert [problem.line for problem in problems] == [2]
    assert why in problems[0].why


def test_a_path_listed_twice_keeps_the_first_digest() -> None:
    files, problems = read_record(f"a.py,sha256={ONE},0\nx/../a.py,,\n".encode(), folder=FOLDER)
    assert [file.digest for file in files] == [Digest.of(b"")]
    assert "twice" in problems[0].why


@pytest.mark.parametrize("raw", [b"\xff,,\n", b"a\0b,,\n", b'"unclosed,,\n'])
def test_refuses_the_whole(raw: bytes) -> None:
    with pytest.raises(RecordError):
        read_record(raw, folder=FOLDER)
