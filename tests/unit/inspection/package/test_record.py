"""Wheels are held against RECORD however large their files are."""

import base64
import hashlib
import io
import zipfile

import pytest

from model_file import examine, rules_of
from weighlock.inspection.archive.unpack import HELD_BYTES

LARGE = b"\0" * (HELD_BYTES + 1)  # more than unpacking keeps


def wheel(digested: bytes, method: int) -> bytes:
    encoded = base64.urlsafe_b64encode(hashlib.sha256(digested).digest()).rstrip(b"=").decode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("x/model.bin", LARGE)
        archive.writestr("x-1.dist-info/RECORD", f"x/model.bin,sha256={encoded},\nx-1.dist-info/RECORD,,\n")
    return made.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_large_member_is_digested_in_pieces(method: int) -> None:
    sound = examine("x-1-py3-none-any.whl", wheel(LARGE, method))
    assert "package-record" not in rules_of(sound)
    assert not [reason for reason in sound.skipped if "RECORD" in reason or "limit" in reason]
    changed = examine("x-1-py3-none-any.whl", wheel(LARGE[:-1], method))
    assert "package-record" in rules_of(changed)
