"""What a torch archive costs, and the corners of its storages that the corpus does not hold."""

import struct

import pytest

from corpus.case import EIGHT
from corpus.torch_case import archive, legacy, package, state, tensor, text
from model_file import examine, rules_of, zip_of
from weighlock.core.outcome import Outcome
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.span import Span, drive
from weighlock.inspection.torch import legacy as legacy_module
from weighlock.inspection.torch import tensor as tensor_module


def bytes_read(name: str, data: bytes) -> tuple[Outcome, int]:
    """Return the outcome, and how many bytes were asked for."""
    asked = 0

    def fetch(span: Span) -> bytes:
        nonlocal asked
        asked += span.length
        return data[span.offset : span.offset + span.length]

    return drive(inspect_file(name, len(data)), fetch).outcome, asked


def test_storages_of_an_archive_are_not_read() -> None:
    elements = 4 * 1024 * 1024
    data = zip_of(
        archive(state(tensor(elements=elements, size=(elements,)))) | {"m/data/0": bytes(4 * elements)}
    )
    outcome, asked = bytes_read("a.pt", data)
    assert outcome is Outcome.CLEAN
    assert asked < 400_000


def test_storages_of_a_legacy_file_are_not_read() -> None:
    elements = 4 * 1024 * 1024
    body = state(tensor(elements=elements, size=(elements,), legacy=True))
    outcome, asked = bytes_read("a.pth", legacy(pickle=body, count=elements, data=bytes(4 * elements)))
    assert outcome is Outcome.CLEAN
    assert asked < 2_000_000


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        ("Bool", 1),
        ("Half", 2),
        ("BFloat16", 2),
        ("Int", 4),
        ("Double", 8),
        ("ComplexDouble", 16),
        ("QInt8", 1),
    ],
)
def test_every_kind_of_storage_has_its_width(kind: str, width: int) -> None:
    members = archive(state(tensor(kind=f"{kind}Storage", elements=3, size=(3,))))
    assert "torch-storage-size" not in rules_of(
        examine("a.pt", zip_of(members | {"m/data/0": bytes(3 * width)}))
    )
    assert "torch-storage-size" in rules_of(
        examine("a.pt", zip_of(members | {"m/data/0": bytes(3 * width + 1)}))
    )


def rebuilt(function: str, storage: str, elements: int, size: int, rest: bytes) -> bytes:
    named = text("storage") + storage.encode() + text("0") + text("cpu") + b"J" + struct.pack("<i", elements)
    view = b"((" + named + b"tQK\x00(J" + struct.pack("<i", size) + b"t(K\x01t" + rest + b"tR"
    return b"\x80\x02ctorch._utils\n" + function.encode() + b"\n" + view + b"."


@pytest.mark.parametrize(("size", "outside"), [(2, False), (3, True)])
def test_a_tensor_over_untyped_bytes_counts_in_its_own_type(size: int, outside: bool) -> None:
    pickle = rebuilt(
        "_rebuild_tensor_v3", "ctorch.storage\nUntypedStorage\n", 4, size, b"\x89Nctorch\nuint16\n"
    )
    assert (
        "torch-view-bounds" in rules_of(examine("a.pt", zip_of(archive(pickle) | {"m/data/0": bytes(4)})))
    ) is outside


@pytest.mark.parametrize(("size", "outside"), [(8, False), (9, True)])
def test_packed_quantized_elements_share_a_byte(size: int, outside: bool) -> None:
    pickle = rebuilt("_rebuild_qtensor", "ctorch\nQUInt4x2Storage\n", 4, size, b"N\x89N")
    assert (
        "torch-view-bounds" in rules_of(examine("a.pt", zip_of(archive(pickle) | {"m/data/0": bytes(4)})))
    ) is outside


def test_a_view_inside_another_rebuilding_is_checked() -> None:
    inner = tensor(size=(9,))
    arguments = inner.removeprefix(b"ctorch._utils\n_rebuild_tensor_v2\n").removesuffix(b"R")
    outer = (
        b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n"
        + arguments
        + b"}tR"
    )
    assert "torch-view-bounds" in rules_of(examine("a.pt", zip_of(archive(state(outer)))))


def test_many_wrong_tensors_are_counted() -> None:
    found = examine("a.pt", zip_of(archive(state(*[tensor(size=(9,))] * 8))))
    told = [finding.message for finding in found.findings if finding.rule == "torch-view-bounds"]
    assert len(told) == 6
    assert any("3 more tensors" in message for message in told)


def test_a_pickle_over_the_limit_is_not_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_module, "MAX_PICKLE_BYTES", 10)
    found = examine("a.pt", zip_of(archive()))
    assert "over the limit of 10" in (found.not_examined or "")


def test_a_legacy_file_with_long_pickles_is_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_module, "FIRST_BYTES", 16)
    assert examine("a.pth", legacy()).outcome is Outcome.CLEAN
    monkeypatch.setattr(legacy_module, "MAX_PICKLE_BYTES", 32)
    assert "more than 32 bytes" in (examine("a.pth", legacy()).not_examined or "")


def test_a_legacy_file_that_breaks_off_is_judged_as_far_as_it_goes() -> None:
    whole = legacy()
    found = examine("a.pth", whole[: whole.index(b"_rebuild") + 40])
    assert found.not_examined
    assert found.outcome is Outcome.UNDECIDED


def test_storages_of_a_package_are_numbered() -> None:
    named = text("storage") + b"ctorch\nFloatStorage\nK\x00" + text("cpu") + b"K\x02"
    made = b"ctorch._utils\n_rebuild_tensor_v2\n((" + named + b"tQK\x00(K\x02t(K\x01t\x89NtR"
    sound = package(b"\x80\x02" + made + b".", **{".data__0.storage": EIGHT})
    assert rules_of(examine("a.pt", sound)) <= {"pickle-present", "pickle-persistent-id"}
    short = package(b"\x80\x02" + made + b".", **{".data__0.storage": b"1234"})
    assert "torch-storage-size" in rules_of(examine("a.pt", short))
    extra = package(b"\x80\x02N.", **{".data__0.storage": b"1234"})
    assert "torch-storage-unnamed" in rules_of(examine("a.pt", extra))
