"""The policy file: the starter, and every mistake with its line."""

import datetime as dt
from importlib import resources

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import UsageError
from weighlock.core.finding import Severity
from weighlock.core.waiver import Waiver
from weighlock.policy.document import Policy

STARTER = (resources.files("weighlock.policy") / "starter.yaml").read_bytes()
PLAIN = """\
version: 1
name: house
inspection:
  accept_up_to: medium
  max_age_days: 1
sbom:
  max_age_days: 366
evaluation:
  max_age_days: 90
  waivable: false
approvals:
  people: 3
  max_age_days: 14
"""


def test_the_starter() -> None:
    assert Policy.parse(STARTER, file="it") == Policy(
        "starter",
        Digest.of(STARTER),
        Severity.LOW,
        30,
        30,
        90,
        True,
        2,
        14,
        frozenset({"pickle", "joblib", "torch-legacy"}),
    )


INSPECTION = """\
inspection:
  forbidden_formats: [hdf5]
  allow:
    house.layers.Scale: reviewed
    house.layers:Outer.Inner: reviewed too
  waivers:
    - rule: native-code
      digest: sha256:{digest}
      path: lib/kernel.so
      owner: ada
      reason: ours
      ticket: ML-12
      expires: 2026-12-31
"""


def with_inspection(text: str) -> bytes:
    return PLAIN.replace("inspection:\n", text.replace("{digest}", "a" * 64)).encode()


def test_formats_names_and_waivers() -> None:
    policy = Policy.parse(with_inspection(INSPECTION), file="it")
    assert policy.forbidden_formats == {"hdf5"}
    assert policy.allow == {
        ("house.layers", "Scale"): "reviewed",
        ("house.layers", "Outer.Inner"): "reviewed too",
    }
    (waiver,) = policy.waivers
    assert waiver == Waiver(
        "native-code",
        Digest("sha256", "a" * 64),
        "ada",
        "ours",
        "ML-12",
        dt.date(2026, 12, 31),
        "lib/kernel.so",
    )


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("[hdf5]", "hdf5", 4),
        ("[hdf5]", "[HDF5]", 4),
        ("[hdf5]", "[7]", 4),
        ("Scale: reviewed", "Scale: ''", 6),
        ("house.layers.Scale", "Scale", 6),
        ("house.layers.Scale", "house..Scale", 6),
        ("Scale: reviewed", "Scale: [reviewed]", 6),
        ("owner: ada", "owner: ''", 12),
        ("      owner: ada\n", "", 9),
        ("owner: ada", "owner: ada\n      who: eve", 13),
        ("sha256:{digest}", "sha256:12", 10),
        ("2026-12-31", "never", 15),
        ("2026-12-31", "2026-12-31 12:00:00", 15),
        ("    - rule: native-code\n", "    - native-code\n    - rule: native-code\n", 9),
    ],
)
def test_mistakes_of_the_inspection(before: str, after: str, line: int) -> None:
    assert before in INSPECTION
    with pytest.raises(UsageError) as refused:
        Policy.parse(with_inspection(INSPECTION.replace(before, after)), file="it")
    assert refused.value.code == "policy_invalid"
    assert f"line {line}:" in refused.value.message


def test_another() -> None:
    raw = PLAIN.encode()
    assert Policy.parse(raw, file="it") == Policy(
        "house", Digest.of(raw), Severity.MEDIUM, 1, 366, 90, False, 3, 14
    )


def test_the_digest_is_that_of_the_exact_bytes() -> None:
    assert Policy.parse(PLAIN.encode() + b"# comment\n", file="it").digest != Digest.of(PLAIN.encode())


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("info", Severity.INFO), ("low", Severity.LOW), ("medium", Severity.MEDIUM), ("high", Severity.HIGH)],
)
def test_severities(severity: str, expected: Severity) -> None:
    raw = PLAIN.replace("accept_up_to: medium", f"accept_up_to: {severity}").encode()
    assert Policy.parse(raw, file="it").accept_up_to is expected


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("version: 1", "version: 2", 1),
        ("version: 1", "version: true", 1),
        ("version: 1", "version: '1'", 1),
        ("version: 1\n", "", 1),
        ("name: house", "name: ''", 2),
        ("name: house", "name: [house]", 2),
        ("name: house", "name: 7", 2),
        ("name: house", "name: house\nallow: true", 3),
        ("accept_up_to: medium", "accept_up_to: critical", 4),
        ("accept_up_to: medium", "accept_up_to: MEDIUM", 4),
        ("accept_up_to: medium", "accept_up_to: 2", 4),
        ("accept_up_to: medium", "accept_up_to: [low]", 4),
        ("accept_up_to: medium", "accept_up_to:", 4),
        ("  max_age_days: 1\nsbom", "  max_age_days: 0\nsbom", 5),
        ("  max_age_days: 1\nsbom", "  max_age_days: -1\nsbom", 5),
        ("  max_age_days: 1\nsbom", "  max_age_days: true\nsbom", 5),
        ("  max_age_days: 1\nsbom", "  max_age_days: 1.5\nsbom", 5),
        ("  max_age_days: 1\nsbom", "  max_age_days: .inf\nsbom", 5),
        ("  max_age_days: 1\nsbom", "sbom", 4),
        ("max_age_days: 366", "max_age_days: 367", 7),
        ("max_age_days: 366", "max_age_days: '366'", 7),
        ("  max_age_days: 366", "  max_age_days: 30\n  reviewed: false", 8),
        ("sbom:\n  max_age_days: 366\n", "", 1),
        ("sbom:\n  max_age_days: 366\n", "sbom: []\n", 6),
        ("sbom:\n  max_age_days: 366\n", "sbom:\n", 6),
        ("max_age_days: 90", "max_age_days: 0", 9),
        ("waivable: false", "waivable: no way", 10),
        ("waivable: false", "waivable: 0", 10),
        ("waivable: false", "waivable:", 10),
        ("people: 3", "people: 1", 12),
        ("people: 3", "people: 0", 12),
        ("people: 3", "people: 101", 12),
        ("people: 3", "people: two", 12),
        ("max_age_days: 14", "max_age_days: 400", 13),
        ("people: 3", "people: 3\n  people: 2", 13),
    ],
)
def test_mistakes_have_a_line(before: str, after: str, line: int) -> None:
    assert before in PLAIN
    with pytest.raises(UsageError) as caught:
        Policy.parse(PLAIN.replace(before, after, 1).encode(), file="policy.yaml")
    assert caught.value.code == "policy_invalid"
    assert f"policy.yaml:{line}" in caught.value.message or f"line {line}" in caught.value.message


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"allow", b"\xff", b"{", b"a: &a [*a]", b"--- 1\n--- 2"]
)
def test_what_is_no_policy(raw: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        Policy.parse(raw, file="policy.yaml")
    assert caught.value.code == "policy_invalid"


@pytest.mark.parametrize(("people", "days"), [(2, 1), (100, 366)])
def test_numbers_at_their_limits(people: int, days: int) -> None:
    raw = PLAIN.replace("people: 3", f"people: {people}").replace("max_age_days: 90", f"max_age_days: {days}")
    parsed = Policy.parse(raw.encode(), file="it")
    assert (parsed.people, parsed.evaluation_days) == (people, days)
