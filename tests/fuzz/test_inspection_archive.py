"""Archives, compressed files and arrays: whatever the bytes, inspection ends; what it calls clean, others read alike."""

import gzip
import io
import tarfile
import zipfile
from importlib import import_module

from hypothesis import example, given
from hypothesis import strategies as st

from archive_file import Item, tar_file, zip_file
from corpus.case import Case
from model_file import examine
from weighlock.core.finding import Severity
from weighlock.core.outcome import Outcome
from weighlock.inspection.archive.archive import Archive
from weighlock.inspection.archive.codec import BZIP2, GZIP, LZMA, XZ, ZLIB, Codec
from weighlock.inspection.archive.tar import read_tar
from weighlock.inspection.archive.unpack import Region
from weighlock.inspection.archive.zip import read_zip
from weighlock.inspection.file import Budget, File
from weighlock.inspection.inspector import examine as examine_file
from weighlock.inspection.numpy.literal import read_literal
from weighlock.inspection.report import Report
from weighlock.inspection.span import FormatError, Unexamined, drive, fetch_from

FAMILIES = ("archive", "compressed", "npy", "sevenzip", "tar", "zip")
SMALL_BYTES = 20_000  # the bomb is for the corpus


def cases(*families: str) -> list[Case]:
    found = [case for family in families for case in import_module(f"corpus.{family}_case").cases()]
    return [case for case in found if 0 < len(case.data) < SMALL_BYTES and "bomb" not in case.path]


CASES = cases(*FAMILIES)
ZIPS = [case for case in CASES if case.path.endswith((".zip", ".npz"))]
TARS = cases("tar")
EDITS = st.lists(st.tuples(st.integers(0, SMALL_BYTES), st.integers(0, 255)), min_size=1, max_size=4)


def edited(data: bytes, edits: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for at, value in edits:
        changed[at % len(changed)] = value
    return bytes(changed)


def is_silent(name: str, data: bytes) -> bool:
    examined = examine(name, data)
    grave = [finding for finding in examined.findings if finding.severity > Severity.INFO]
    return not grave and examined.not_examined is None


@given(st.sampled_from(CASES), EDITS)
def test_bytes_changed(case: Case, edits: list[tuple[int, int]]) -> None:
    assert examine(case.path.rsplit("/", 1)[-1], edited(case.data, edits)).outcome in set(Outcome)


@given(
    st.sampled_from(CASES), st.integers(0, SMALL_BYTES), st.integers(0, SMALL_BYTES), st.binary(max_size=30)
)
def test_a_part_replaced(case: Case, start: int, end: int, middle: bytes) -> None:
    start, end = sorted((start % (len(case.data) + 1), end % (len(case.data) + 1)))
    data = case.data[:start] + middle + case.data[end:]
    assert examine(case.path.rsplit("/", 1)[-1], data).outcome in set(Outcome)


def ours_of_zip(data: bytes) -> dict[str, bytes]:
    report = Report("a.zip")
    located = drive(read_zip(report, len(data)), fetch_from(data))
    archive = Archive(File(report, "a.zip", len(data), examine_file), located.members)
    found = {}
    for member in located.members:
        found[member.name] = drive(archive.read(member, len(data) * 1100), fetch_from(data))
    return found


def pythons_of_zip(data: bytes) -> dict[str, bytes] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {info.orig_filename: archive.read(info) for info in archive.infolist()}
    except Exception:  # noqa: BLE001  # whatever keeps Python from reading it: then there is nothing to compare
        return None


@given(st.sampled_from(ZIPS), EDITS)
def test_what_is_clean_python_reads_as_we_do(case: Case, edits: list[tuple[int, int]]) -> None:
    for data in (case.data, edited(case.data, edits)):
        theirs = pythons_of_zip(data)
        if data[:2] == b"PK" and theirs is not None and is_silent("a.zip", data):
            assert ours_of_zip(data) == theirs


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(st.dictionaries(NAMES, st.binary(max_size=60), max_size=5), st.sampled_from([0, 8, 12, 14]))
def test_what_python_writes_we_read(members: dict[str, bytes], method: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    assert ours_of_zip(out.getvalue()) == members


@given(st.lists(st.builds(Item, st.binary(max_size=6), st.binary(max_size=30), st.sampled_from([0, 8]))))
def test_items_of_any_name(items: list[Item]) -> None:
    assert examine("a.zip", zip_file(items)).outcome in set(Outcome)


def ours_of_tar(data: bytes) -> list[tuple[str, bytes]]:
    tar = drive(read_tar(Report("a.tar"), len(data)), fetch_from(data))
    return [
        (entry.header.name.rstrip("/"), data[entry.data : entry.data + entry.size]) for entry in tar.entries
    ]


def pythons_of_tar(data: bytes) -> list[tuple[str, bytes]] | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            found = []
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                found.append((member.name.rstrip("/"), opened.read() if opened else b""))
            return found
    except Exception:  # noqa: BLE001  # as above
        return None


@given(st.sampled_from(TARS), EDITS)
def test_a_clean_tar_file_python_reads_as_we_do(case: Case, edits: list[tuple[int, int]]) -> None:
    for data in (case.data, edited(case.data, edits)):
        theirs = pythons_of_tar(data)
        if (
            theirs is not None
            and examine("a.tar", data).format in {"tar", "nemo"}
            and is_silent("a.tar", data)
        ):
            assert ours_of_tar(data) == theirs


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=600)), max_size=4),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_what_tarfile_writes_we_read(members: list[tuple[str, bytes]], form: int) -> None:
    try:
        data = tar_file([(name, content, {}) for name, content in members], form)
    except (ValueError, UnicodeError):  # a name that the oldest form cannot hold
        return
    theirs = pythons_of_tar(data)
    assert theirs is None or ours_of_tar(data) == theirs


@given(st.sampled_from([BZIP2, GZIP, LZMA, XZ, ZLIB]), st.binary(max_size=300))
def test_any_bytes_are_unpacked_to_an_end(codec: Codec, data: bytes) -> None:
    try:
        content = drive(Region(0, len(data), codec, Budget()).measure(), fetch_from(data))
    except (FormatError, Unexamined):
        return
    assert content.end <= len(data)
    assert content.held is not None
    assert len(content.held) == content.size


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(0, 40), st.binary(max_size=10))
def test_members_of_a_gzip_file_are_joined(parts: list[bytes], zeros: int, tail: bytes) -> None:
    whole = b"".join(gzip.compress(part, mtime=0) for part in parts) + bytes(zeros)
    rest = b"x" + tail
    content = drive(Region(0, len(whole + rest), GZIP, Budget()).measure(), fetch_from(whole + rest))
    assert content.held == b"".join(parts)
    assert content.end == len(whole)
    assert gzip.decompress(whole) == content.held


@given(st.text(alphabet="{}()[],:'\"\\ux0159aTrueL- \n", max_size=60))
@example("{'descr': '<f4', 'fortran_order': False, 'shape': (3L,), }")
def test_what_we_read_as_a_literal_python_reads_alike(text: str) -> None:
    import ast  # noqa: PLC0415  # the oracle of this test

    try:
        ours = read_literal(text)
    except ValueError:
        return
    try:
        theirs = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError):
        assert (
            "L" in text or text.strip().lstrip("-").startswith("0") or "0" in text
        )  # as Python 2 wrote numbers
        return
    assert ours == theirs
