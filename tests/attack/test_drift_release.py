"""`drift RELEASE` compares an installation with what people approved, not with what lies beside it."""

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    NAME,
    PACKAGE,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)
from weighlock.core.outcome import Outcome
from wheel_maker import record_digest


def drift(house: House) -> tuple[int, set[str]]:
    ran = house.run("drift", NAME, "--installation", str(house.installation))
    return ran.status, {each["kind"] for each in ran.facts["differences"]}


def test_untouched_there_is_none(released: House) -> None:
    assert drift(released) == (Outcome.CLEAN, set())


def test_a_file_changed_together_with_its_record(released: House) -> None:
    file = next(released.packages.glob(f"{PACKAGE}/*.py"), None) or next(
        released.packages.glob(f"{PACKAGE}*.py")
    )
    old = file.read_bytes()
    file.write_bytes(old + b"# changed\n")
    record = next(released.packages.glob(f"{PACKAGE}-*.dist-info/RECORD"))
    before, after = record_digest(old), record_digest(file.read_bytes())
    text = record.read_text(encoding="utf-8")
    assert before in text
    text = text.replace(before, after).replace(f",{len(old)}\n", f",{len(old) + 10}\n")
    record.write_text(text, encoding="utf-8")
    assert drift(released) == (Outcome.FINDINGS, {"not as approved"})


def test_a_planted_compiled_file(released: House) -> None:
    cache = released.packages / PACKAGE / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "__init__.cpython-311.pyc").write_bytes(b"planted")
    assert drift(released) == (Outcome.FINDINGS, {"not as approved"})


def test_a_compiled_file_without_a_source(released: House) -> None:
    cache = released.packages / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "other.cpython-311.pyc").write_bytes(b"planted")
    assert drift(released) == (Outcome.FINDINGS, {"file added"})


@pytest.mark.parametrize("arguments", [[], [NAME, "--lock"]], ids=["neither", "both"])
def test_one_baseline_is_needed(released: House, arguments: list[str]) -> None:
    lock = [str(released.package_lock)] if arguments else []
    ran = released.run("drift", *arguments, *lock, "--installation", str(released.installation))
    assert ran.status == Outcome.USAGE
    assert "either RELEASE or --lock" in ran.err


def test_a_release_that_may_not_run_is_no_baseline(released: House) -> None:
    released.ok("revoke", str(released.model()), "--reason", "test", "--key", released.key("ana"))
    released.denied("revoked", "drift", NAME, "--installation", str(released.installation))
