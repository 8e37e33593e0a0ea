"""Raw tensor data is accounted for by the models that name it, and by nothing else."""

import pytest

from corpus.openvino_case import constant, model
from model_file import examine
from weighlock.core.finding import Examined
from weighlock.core.outcome import Outcome
from weighlock.inspection.repository.tensor_data import FORMAT, MAX_SURPLUS_BYTES, settle_data

DATA = b"\xfe\xca" * 4


def settled(*files: tuple[str, bytes]) -> dict[str, Examined]:
    examined = [(examine(path, data), len(data)) for path, data in files]
    return {**{each.path: each for each, _ in examined}, **settle_data(examined)}


def test_data_that_a_model_describes_is_clean() -> None:
    found = settled(("m/a.xml", model(constant(0, 8))), ("m/a.bin", DATA))
    assert all(each.outcome is Outcome.CLEAN for each in found.values()), found
    assert found["m/a.bin"].format == FORMAT


def test_data_that_no_model_describes_is_not_examined() -> None:
    found = settled(("m/b.xml", model()), ("m/a.bin", DATA), ("a.xml", model(constant(0, 8))))
    assert found["m/a.bin"].outcome is Outcome.UNDECIDED
    assert found["a.xml"].outcome is Outcome.CLEAN  # it was examined; it only does not load


def test_data_that_is_too_short_is_a_finding() -> None:
    found = settled(("a.xml", model(constant(0, 8), constant(8, 8))), ("a.bin", DATA))
    assert [finding.rule for finding in found["a.xml"].findings] == ["openvino-tensor"]
    assert "reach to byte 16 of a.bin, which has 8" in found["a.xml"].findings[0].message
    assert found["a.bin"].outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(("surplus", "outcome"), [(0, Outcome.CLEAN), (1, Outcome.UNDECIDED)])
def test_bytes_behind_the_tensors_are_padding_or_hidden(surplus: int, outcome: Outcome) -> None:
    data = DATA + b"\xfe" * (MAX_SURPLUS_BYTES + surplus)
    assert settled(("a.xml", model(constant(0, 8))), ("a.bin", data))["a.bin"].outcome is outcome


def test_what_is_known_by_its_content_stays_what_it_is() -> None:
    pickled = b"cposix\nsystem\n(X\x0c\x00\x00\x00touch markertR."
    found = settled(("a.xml", model(constant(0, 8))), ("a.bin", pickled))
    assert found["a.bin"].outcome is Outcome.FINDINGS


def test_a_model_that_was_not_examined_describes_nothing() -> None:
    broken = model(constant(0, 8))[:-9]
    assert settled(("a.xml", broken), ("a.bin", DATA))["a.bin"].outcome is Outcome.UNDECIDED
