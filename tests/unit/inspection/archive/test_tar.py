"""Tar files beyond what the corpus holds."""

import io
import tarfile

import pytest

from archive_file import block_of, pax, tar_file, tar_header
from model_file import examine, rules_of
from weighlock.core.outcome import Outcome

END = bytes(1024)


def test_a_large_size_in_base_256_reaches_behind_the_file() -> None:
    header = tar_header(b"a.bin", b"\x80" + (1 << 40).to_bytes(11, "big"))
    examined = examine("a.tar", header + b"text\n")
    assert "tar-structure" in rules_of(examined)
    assert "ends within" in str(examined.not_examined)


def test_a_negative_size_is_in_doubt() -> None:
    assert "tar-structure" in rules_of(examine("a.tar", tar_header(b"a.txt", b"\xff" * 12) + END))


def test_extended_headers_have_a_limit() -> None:
    large = tar_header(b"x", b"%011o" % (2 << 20), b"x") + bytes(2 << 20)
    assert "over the limit" in str(examine("a.tar", large + END).not_examined)
    many = pax({"comment": "x"}) * 9 + tar_header(b"a.txt", b"0") + END
    assert "over the limit" in str(examine("a.tar", many).not_examined)


def test_members_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.inspection.archive.tar.MAX_ENTRIES", 2)
    three = tar_file([(name, b"text\n", {}) for name in ("a.txt", "b.txt", "c.txt")])
    assert "more than 2 members" in str(examine("a.tar", three).not_examined)


def test_python_attributes_and_times_are_ordinary() -> None:
    records = {"mtime": "1.5", "SCHILY.xattr.user.a": "b", "LIBARCHIVE.creationtime": "1"}
    data = pax(records) + tar_header(b"a.txt", b"00000000004") + block_of(b"one\n") + END
    assert examine("a.tar", data).outcome is Outcome.CLEAN


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_tarfile_writes_to_its_last_record_is_clean(form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        info = tarfile.TarInfo("d/" + "n" * 120 + ".txt" if form else "d/n.txt")
        info.size, info.mtime, info.uname, info.mode = 5, 1_700_000_000, "someone", 0o600
        archive.addfile(info, io.BytesIO(b"text\n"))
    assert len(out.getvalue()) % 10240 == 0
    assert examine("a.tar", out.getvalue()).outcome is Outcome.CLEAN


def test_links_are_resolved_from_their_folder() -> None:
    def linked(name: str, target: str) -> set[str]:
        return rules_of(
            examine("a.tar", tar_file([(name, b"", {"type": tarfile.SYMTYPE, "linkname": target})]))
        )

    assert linked("a/b/l", "../../c") == {"archive-link-inside"}
    assert linked("a/b/l", "../../../c") == {"archive-link"}
    assert linked("l", "a/../../b") == {"archive-link"}
