"""Drafts of the trust document: mistakes in plans, and signatures that must not be given."""

import json

import pytest

from trust_house import (  # noqa: F401  # fixtures are found by name
    ADA,
    BOB,
    EVE,
    LEDGER,
    PASSPHRASE,
    SECOND,
    House,
    denied,
    house_fixture,
    told,
)
from weighlock.cli.main import run
from weighlock.core.digest import Digest

PLAN = """
people:
  ada: {name: Ada L, keys: [ada.pub]}
  bob: {keys: [bob.pub]}
services:
  log: {keys: [log.pub]}
roles:
  root: {principals: [ada, bob], threshold: 2}
  ledger: {principals: [log], threshold: 1}
"""


def planned(house: House, plan: str) -> list[str]:
    for path in house.trust.iterdir():
        path.unlink()
    for name, signer in (("ada", ADA), ("bob", BOB), ("log", LEDGER)):
        house.public_key(name, signer)
    (house.folder / "plan.yaml").write_text(plan, encoding="utf-8")
    return ["make", "--plan", "plan.yaml"]


def test_a_plan_says_the_same_as_options(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    status, _ = told(capsys, *planned(house, PLAN))
    assert status == 0
    made = json.loads((house.trust / "1.json").read_bytes())
    assert made["people"] == {"ada": {"name": "Ada L"}, "bob": {"name": "bob"}}
    assert made["roles"]["root"] == {"principals": ["ada", "bob"], "threshold": 2}
    assert {each["principal"] for each in made["keys"].values()} == {"ada", "bob", "log"}
    assert run(["trust", "make", "--plan", "plan.yaml", "--add-person", "eve"]) == 2


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        (("threshold: 2", "threshold: two"), 8),
        (("threshold: 2", "treshold: 2"), 8),
        (("  root:", "  god:"), 8),
        (("keys: [bob.pub]", "keys: bob.pub"), 4),
        (("{name: Ada L", "{name: 7"), 3),
        (("people:", "folk:"), 3),
        (("services:\n  log: {keys: [log.pub]}", "services: [log]"), 5),
    ],
)
def test_a_mistake_in_a_plan_is_told_with_its_line(
    house: House, capsys: pytest.CaptureFixture[str], mistake: tuple[str, str], line: int
) -> None:
    assert mistake[0] in PLAN
    status, facts = told(capsys, *planned(house, PLAN.replace(*mistake, 1)))
    assert (status, facts["error"]["code"]) == (2, "trust_plan_invalid")
    assert f"line {line}:" in facts["error"]["message"]


def test_what_a_signature_agrees_to_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    secret = house.folder / "passphrase"
    secret.write_bytes(PASSPHRASE)
    eve, key = house.public_key("eve", EVE), house.private_key("ada", ADA)
    told(capsys, "extend", "--add-person", "eve=Eve", "--add-key", f"eve={eve}", "--role", "approver=bob,eve")
    status, facts = told(capsys, "sign", "--key", str(key), "--passphrase-file", str(secret))
    assert status == 0
    assert facts["changes"][:3] == [
        "the person eve (Eve) is added",
        f"the key {EVE.public.key_id} of eve is added",
        "the role approver is held by 2 of bob, eve, not by 2 of bob, cyd",
    ]


def test_a_successor_of_an_unverified_document_is_not_signed(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = house.folder / "passphrase"
    secret.write_bytes(PASSPHRASE)
    house.put(SECOND, [])
    arguments = ["sign", "--key", str(house.private_key("ada", ADA)), "--passphrase-file", str(secret)]
    house.signature(1, BOB).unlink()
    assert denied(capsys, *arguments) == "trust_signatures_missing"
    house.settle(Digest.of(SECOND))
    assert denied(capsys, *arguments) == "trust_pin_mismatch"
    assert denied(capsys, "sign", "1", *arguments[1:]) == "trust_pin_mismatch"
    house.settle(None)
    status, facts = told(capsys, *arguments)
    assert (status, facts["error"]["code"]) == (2, "trust_unpinned")
    assert not house.signature(2, ADA).exists()


def test_a_role_of_one_needs_no_threshold(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "extend", "--role", "revoker=cyd")[0] == 0
    made = json.loads((house.trust / "2.json").read_bytes())
    assert made["roles"]["revoker"] == {"principals": ["cyd"], "threshold": 1}
