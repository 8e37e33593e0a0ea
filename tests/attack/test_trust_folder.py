"""Attacks on the trust folder by someone who can write it, each through the command line."""

import datetime as dt
import json

import pytest

from trust_house import (  # noqa: F401  # fixtures are found by name
    ADA,
    ADA_SECOND,
    BOB,
    CYD,
    EVE,
    FIRST,
    NOW,
    PASSPHRASE,
    SECOND,
    TRIAL,
    House,
    clock_at,
    denied,
    document,
    house_fixture,
    key_entry,
    p256,
    raw_of,
    told,
    trial_document,
)
from weighlock.cli.main import run
from weighlock.core.digest import Digest


def test_untouched_it_is_verified(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put(SECOND, [ADA, BOB])
    status, facts = told(capsys, "verify")
    assert (status, facts["verified"], facts["version"]) == (0, True, 2)


def test_a_signature_removed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.signature(1, BOB).unlink()
    assert denied(capsys) == "trust_signatures_missing"
    status, facts = told(capsys, "show")
    assert (status, facts["verified"], facts["problem"]["code"]) == (1, False, "trust_signatures_missing")


def test_one_person_with_two_keys(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.signature(1, BOB).unlink()
    house.put(FIRST, [ADA, ADA_SECOND])
    assert denied(capsys) == "trust_signatures_missing"


def test_one_signature_under_two_names(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.signature(1, BOB).write_bytes(house.signature(1, ADA).read_bytes())
    assert denied(capsys) == "trust_signatures_missing"


def test_another_document_than_the_pinned_one(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {**key_entry("ada", EVE), **key_entry("bob", p256(30))}
    roles = {"root": {"principals": ["ada", "bob"], "threshold": 2}}
    house.put(raw_of(document(keys=keys, roles=roles)), [EVE, p256(30)])
    assert denied(capsys) == "trust_pin_mismatch"


def test_a_wrong_pin_and_none(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.settle(Digest.of(SECOND))
    assert denied(capsys) == "trust_pin_mismatch"
    house.settle(None)
    status, facts = told(capsys, "verify")
    assert (status, facts["error"]["code"]) == (2, "trust_unpinned")


def test_a_version_left_out(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put(raw_of(document(3)), [ADA, BOB])
    assert denied(capsys) == "trust_version_invalid"


def test_an_old_version_under_a_new_number(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put(FIRST, [ADA, BOB], number=2)
    assert denied(capsys) == "trust_version_invalid"


@pytest.mark.usefixtures("house")
def test_the_newest_version_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "verify", "--minimum-version", "1")[0] == 0
    assert denied(capsys, "verify", "--minimum-version", "2") == "trust_rolled_back"


@pytest.mark.usefixtures("house")
def test_an_expired_document(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.cli.trust.clock", clock_at(NOW + dt.timedelta(days=365)))
    assert denied(capsys) == "trust_expired"


@pytest.mark.usefixtures("house")
def test_the_clock_set_back(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weighlock.cli.trust.clock", clock_at(NOW - dt.timedelta(days=365)))
    assert denied(capsys) == "trust_not_yet_valid"


def put_hostile(house: House, raw: bytes) -> None:
    """Put a document that nobody would be made to sign by us, and pin it."""
    (house.trust / "1.json").write_bytes(raw)
    house.settle(Digest.of(raw))


def test_an_unknown_field(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    put_hostile(house, raw_of(document(override=True)))
    assert denied(capsys) == "trust_document_invalid"


def test_a_key_that_is_not_under_its_own_id(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    eve = key_entry("bob", EVE)[EVE.public.key_id]
    put_hostile(house, raw_of(document(keys={**document()["keys"], BOB.public.key_id: eve})))
    assert denied(capsys) == "trust_document_invalid"


def test_one_key_of_two_people(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    entry = json.dumps(key_entry("bob", ADA))[1:-1]
    put_hostile(house, FIRST.replace(b'"keys": {', b'"keys": {' + entry.encode() + b",", 1))
    assert denied(capsys) == "json_invalid"


def test_a_trial_key_smuggled_in(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    put_hostile(house, raw_of(document(keys={**document()["keys"], **key_entry("ada", TRIAL)})))
    assert denied(capsys) == "trial_key"


def test_a_trial_that_appoints_real_people(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    trial = raw_of(trial_document())
    house.put(trial, [TRIAL])
    house.settle(Digest.of(trial))
    house.put(SECOND, [TRIAL, ADA, BOB])
    assert denied(capsys) == "trust_document_invalid"


def test_extended_by_strangers(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {**key_entry("ada", EVE), **key_entry("bob", p256(30))}
    roles = {"root": {"principals": ["ada", "bob"], "threshold": 2}}
    house.put(raw_of(document(2, keys=keys, roles=roles)), [EVE, p256(30)])
    assert denied(capsys) == "trust_signatures_missing"
    status, facts = told(capsys, "show")
    assert (status, facts["version"], facts["verified"]) == (0, 1, True)


def test_extended_without_the_new_root(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    keys = {**document()["keys"], **key_entry("eve", EVE)}
    people = {**document()["people"], "eve": {"name": "Eve"}}
    roles = {"root": {"principals": ["ada", "eve"], "threshold": 2}}
    house.put(raw_of(document(2, keys=keys, people=people, roles=roles)), [ADA, BOB, CYD])
    assert denied(capsys) == "trust_signatures_missing"


def test_reformatted_after_signing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put(SECOND, [ADA, BOB])
    (house.trust / "2.json").write_bytes(json.dumps(json.loads(SECOND), indent=4).encode())
    assert denied(capsys) == "trust_signatures_missing"


def test_a_stranger_asks_to_sign(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    key = house.private_key("eve", EVE)
    secret = house.folder / "passphrase"
    secret.write_bytes(PASSPHRASE)
    assert denied(capsys, "sign", "--key", str(key), "--passphrase-file", str(secret)) == "signer_unknown"
    assert not house.signature(1, EVE).exists()


def test_the_whole_way_through_the_command_line(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    secret = house.folder / "passphrase"
    secret.write_bytes(PASSPHRASE)
    eve = house.public_key("eve", EVE)
    status, facts = told(
        capsys, "extend", "--add-person", "eve=Eve", "--add-key", f"eve={eve}", "--role", "root=ada,eve"
    )
    assert (status, facts["version"]) == (0, 2)
    assert told(capsys, "extend", "--expires", "10")[1]["error"]["code"] == "trust_exists"
    assert denied(capsys, "extend", "--remove", "cyd") == "trust_document_invalid"  # two approvers, of one
    for name, signer in (("ada", ADA), ("bob", BOB), ("eve", EVE)):
        assert denied(capsys) == "trust_signatures_missing"
        key = house.private_key(name, signer)
        status, facts = told(capsys, "sign", "--key", str(key), "--passphrase-file", str(secret))
        assert status == 0
    assert all(each["reached"] for each in facts["signatures"])
    status, facts = told(capsys, "verify")
    assert (status, facts["version"], facts["roles"]["root"]["principals"]) == (0, 2, ["ada", "eve"])
    status, facts = told(
        capsys,
        "extend",
        "--revoke-key",
        ADA_SECOND.public.key_id[:8],
        "--remove",
        "cyd",
        "--role",
        "approver=",
    )
    assert (status, facts["version"]) == (0, 3)
    third = json.loads((house.trust / "3.json").read_bytes())
    assert ADA_SECOND.public.key_id not in third["keys"]
    assert "approver" not in third["roles"]
    assert "cyd" not in third["people"]


def test_a_first_document_is_made_and_its_digest_told(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in house.trust.iterdir():
        path.unlink()
    ada, bob = house.public_key("ada", ADA), house.public_key("bob", BOB)
    people = [
        "--add-person",
        "ada",
        "--add-person",
        "bob",
        "--add-key",
        f"ada={ada}",
        "--add-key",
        f"bob={bob}",
    ]
    status, facts = told(capsys, "make", *people, "--role", "root=ada,bob")
    assert (status, facts["error"]["code"]) == (2, "trust_change_invalid")
    status, facts = told(capsys, "make", *people, "--role", "root=ada,bob", "--threshold", "root=2")
    assert status == 0
    assert facts["digest"] == str(Digest.of((house.trust / "1.json").read_bytes()))
    assert facts["signatures"][0]["outstanding"] == ["ada", "bob"]


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    "change",
    [
        ["--revoke-key", "abc"],
        ["--revoke-key", ADA_SECOND.public.key_id[:7]],
        ["--revoke-key", "0" * 12],
        ["--remove", "eve"],
        ["--threshold", "revoker=1"],
        ["--role", "revoker=ada,bob"],
    ],
)
def test_changes_that_mean_nothing_are_usage_errors(
    capsys: pytest.CaptureFixture[str], change: list[str]
) -> None:
    status, facts = told(capsys, "extend", *change)
    assert (status, facts["error"]["code"]) == (2, "trust_change_invalid")


@pytest.mark.parametrize("change", [["--role", "god=ada"], ["--threshold", "root=many"], ["--role", "root"]])
def test_options_that_cannot_be_read_are_usage_errors(house: House, change: list[str]) -> None:
    assert run(["trust", "extend", *change]) == 2
    assert not (house.trust / "2.json").exists()


def test_a_key_of_somebody_else_is_not_given_away(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    ada = house.public_key("ada", ADA)
    status, facts = told(capsys, "extend", "--add-key", f"bob={ada}")
    assert (status, facts["error"]["code"]) == (2, "trust_change_invalid")


def test_names_are_escaped_and_the_state_is_told_in_words(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {**document()["people"], "ada": {"name": "Ada\x1b[2J\u202e"}}
    raw = raw_of(document(people=people))
    house.put(raw, [ADA])
    house.settle(Digest.of(raw))
    house.put(raw, [BOB])
    assert run(["trust", "verify"]) == 0
    assert "verified  version 1 is signed" in capsys.readouterr().out
    assert run(["trust", "show"]) == 0
    shown = capsys.readouterr().out
    assert "Ada\\x1b[2J\\u202e" in shown
    assert "\x1b[2J" not in shown
    house.signature(1, BOB).write_bytes(b"\x1b[2J")
    assert run(["trust", "show"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("not verified: ")
    assert "[trust_signatures_missing]" in shown


def test_a_signature_that_does_not_count_is_told_with_its_reason(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.put(SECOND, [])
    house.signature(2, EVE).write_bytes(house.signature(1, BOB).read_bytes())
    secret = house.folder / "passphrase"
    secret.write_bytes(PASSPHRASE)
    key = house.private_key("ada", ADA)
    assert run(["trust", "sign", "--key", str(key), "--passphrase-file", str(secret)]) == 0
    told_text = capsys.readouterr().out
    assert "not yet  1 of 2 signatures by the root of version 1; still able to sign: bob, cyd" in told_text
    assert "not counted: the signature by" in told_text


def test_without_any_document_the_next_step_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    for path in house.trust.iterdir():
        path.unlink()
    for command in ("show", "verify", "sign"):
        more = ["--key", str(house.private_key("ada", ADA))] if command == "sign" else []
        status, facts = told(capsys, command, *more)
        assert (status, facts["error"]["code"]) == (2, "trust_missing")
        assert "trust make" in facts["error"]["hint"]


def test_a_successor_of_a_draft_is_not_signed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put(SECOND, [ADA])
    house.put(raw_of(document(3)), [])
    secret = house.folder / "passphrase"
    secret.write_bytes(PASSPHRASE)
    key = house.private_key("ada", ADA)
    assert (
        denied(capsys, "sign", "3", "--key", str(key), "--passphrase-file", str(secret))
        == "trust_signatures_missing"
    )
    assert not house.signature(3, ADA).exists()
