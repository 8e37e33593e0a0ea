import dataclasses
import datetime as dt
from typing import Any

import pytest

from trust_house import (
    ADA,
    ADA_SECOND,
    BOB,
    CYD,
    EVE,
    LEDGER,
    NOW,
    RELEASER,
    TRIAL,
    TRIAL_SECOND,
    document,
    key_entry,
    p256,
    raw_of,
    signed_by,
    trial_document,
)
from weighlock.attestation.bundle import sign_statement
from weighlock.attestation.signer import KeySigner
from weighlock.attestation.statement import Statement, Subject
from weighlock.attestation.trust import (
    PREDICATE_TYPE,
    Trust,
    TrustedRoot,
    require_real,
    sign_trust,
    tally,
)
from weighlock.attestation.trust_document import Role
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, InternalError

FIRST = raw_of(document())


def begun(raw: bytes = FIRST, *signers: KeySigner) -> TrustedRoot:
    return TrustedRoot.begin(Digest.of(raw), raw, signed_by(raw, *(signers or (ADA, BOB))))


def refusal(raw: bytes, bundles: list[bytes], *, pin: Digest | None = None) -> DeniedError:
    with pytest.raises(DeniedError) as caught:
        TrustedRoot.begin(pin or Digest.of(raw), raw, bundles)
    return caught.value


def not_extended(root: TrustedRoot, raw: bytes, bundles: list[bytes]) -> DeniedError:
    with pytest.raises(DeniedError) as caught:
        root.extend(raw, bundles)
    return caught.value


def test_a_first_version_signed_by_two_of_its_root_is_trusted() -> None:
    trust = begun().trust(NOW)
    assert (trust.version, trust.digest, trust.trial) == (1, Digest.of(FIRST), False)
    assert trust.expires == dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    assert trust.keys_of(Role.APPROVER).keys() == {BOB.public.key_id, CYD.public.key_id}
    assert trust.keys_of(Role.LEDGER) == {LEDGER.public.key_id: LEDGER.public}
    assert trust.keys_of(Role.REVOKER) == {}
    assert trust.threshold(Role.APPROVER) == 2
    assert trust.principal_of(ADA_SECOND.public.key_id) == "ada"
    require_real(trust)


def test_nobodys_key_and_nobodys_role_are_refused() -> None:
    trust = begun().trust(NOW)
    with pytest.raises(DeniedError) as caught:
        trust.principal_of(EVE.public.key_id)
    assert caught.value.code == "signer_unknown"
    with pytest.raises(DeniedError) as caught:
        trust.threshold(Role.REVOKER)
    assert caught.value.code == "trust_role_missing"


def test_nothing_else_makes_a_trust() -> None:
    root = begun()
    with pytest.raises(InternalError):
        Trust(root.document, root.digest, object())
    with pytest.raises(InternalError):
        TrustedRoot(root.document, root.digest, None)


@pytest.mark.parametrize(
    "signers", [(), (ADA,), (ADA, ADA_SECOND), (ADA, EVE), (ADA, RELEASER), (ADA, ADA), (EVE, TRIAL)]
)
def test_fewer_than_two_people_of_the_root_are_not_enough(signers: tuple[KeySigner, ...]) -> None:
    assert refusal(FIRST, signed_by(FIRST, *signers)).code == "trust_signatures_missing"


def test_the_pin_comes_first() -> None:
    assert refusal(b"not even JSON", [], pin=Digest.of(FIRST)).code == "trust_pin_mismatch"
    assert (
        refusal(FIRST + b"\n", signed_by(FIRST, ADA, BOB), pin=Digest.of(FIRST)).code == "trust_pin_mismatch"
    )


def test_a_signature_is_over_the_exact_bytes() -> None:
    again = raw_of(document()) + b" "
    error = refusal(again, signed_by(FIRST, ADA, BOB))
    assert error.code == "trust_signatures_missing"
    assert "other bytes" in error.message


def test_a_signature_for_another_purpose_does_not_count() -> None:
    subject = (Subject.of("1.json", Digest.of(FIRST)),)
    others = [
        sign_statement(Statement(subject, "https://weighlock.dev/approval/v1", {}), who) for who in (ADA, BOB)
    ]
    assert refusal(FIRST, others).code == "trust_signatures_missing"
    right = [sign_statement(Statement(subject, PREDICATE_TYPE, {}), who) for who in (ADA, BOB)]
    assert TrustedRoot.begin(Digest.of(FIRST), FIRST, right).document.version == 1


def test_rubbish_beside_enough_signatures_changes_nothing() -> None:
    bundles = [b"rubbish", *signed_by(FIRST, EVE, ADA), b"{}", *signed_by(FIRST, BOB)]
    assert TrustedRoot.begin(Digest.of(FIRST), FIRST, bundles).document.version == 1
    assert len(tally(None, FIRST, bundles)[0].refused) == 3


def test_too_many_signatures_are_refused() -> None:
    assert refusal(FIRST, [b"{}"] * 1001).code == "trust_document_invalid"
    assert refusal(FIRST, [b"{}"] * 1000).code == "trust_signatures_missing"


def test_names_have_two_hundred_characters_at_most() -> None:
    people = {**document()["people"], "ada": {"name": "a" * 200}}
    assert begun(changed(people=people)).document.people["ada"] == "a" * 200
    people["ada"] = {"name": "a" * 201}
    raw = changed(people=people)
    assert refusal(raw, []).code == "trust_document_invalid"


def test_a_chain_begins_with_version_one() -> None:
    second = raw_of(document(2))
    assert refusal(second, signed_by(second, ADA, BOB)).code == "trust_version_invalid"


@pytest.mark.parametrize("version", [1, 3])
def test_versions_have_no_gaps_and_do_not_repeat(version: int) -> None:
    raw = raw_of(document(version, expires="2028-01-01T00:00:00Z"))
    assert not_extended(begun(), raw, signed_by(raw, ADA, BOB)).code == "trust_version_invalid"


def handover() -> bytes:
    """Version 2: bob and eve instead of ada and cyd."""
    keys = {**key_entry("bob", BOB), **key_entry("eve", EVE)}
    people = {"bob": {"name": "Bob"}, "eve": {"name": "Eve"}}
    roles = {"root": {"principals": ["bob", "eve"], "threshold": 2}}
    return raw_of(document(2, people=people, services={}, keys=keys, roles=roles))


def test_a_handover_needs_both_roots() -> None:
    raw = handover()
    root = begun().extend(raw, signed_by(raw, ADA, BOB, EVE))
    assert root.trust(NOW).keys_of(Role.ROOT).keys() == {BOB.public.key_id, EVE.public.key_id}


@pytest.mark.parametrize("signers", [(BOB, EVE), (ADA, BOB), (ADA, CYD), (EVE,), ()])
def test_a_handover_by_one_root_only_is_refused(signers: tuple[KeySigner, ...]) -> None:
    raw = handover()
    assert not_extended(begun(), raw, signed_by(raw, *signers)).code == "trust_signatures_missing"


def test_strangers_extend_nothing() -> None:
    strangers = [p256(20), p256(21)]
    keys = {**key_entry("ada", strangers[0]), **key_entry("bob", strangers[1])}
    roles = {"root": {"principals": ["ada", "bob"], "threshold": 2}}
    raw = raw_of(document(2, keys=keys, roles=roles))
    error = not_extended(begun(), raw, signed_by(raw, *strangers))
    assert error.code == "trust_signatures_missing"
    assert error.details["outstanding"] == ["ada", "bob", "cyd"]


def test_a_revoked_key_still_signs_its_own_end_and_nothing_after() -> None:
    keys = {key_id: key for key_id, key in document()["keys"].items() if key_id != ADA.public.key_id}
    second = raw_of(document(2, keys=keys))
    root = begun().extend(second, signed_by(second, ADA, BOB, CYD))
    third = raw_of(document(3, keys=keys))
    assert not_extended(root, third, signed_by(third, ADA, BOB)).code == "trust_signatures_missing"
    assert root.extend(third, signed_by(third, ADA_SECOND, BOB)).document.version == 3


def test_an_expired_version_can_be_extended_but_not_trusted() -> None:
    old = raw_of(document(expires="2026-05-01T00:00:00Z"))
    root = begun(old)
    with pytest.raises(DeniedError) as caught:
        root.trust(NOW)
    assert caught.value.code == "trust_expired"
    second = raw_of(document(2))
    assert root.extend(second, signed_by(second, ADA, BOB)).trust(NOW).version == 2


def test_the_moment_of_expiry_is_too_late_and_the_second_before_is_not() -> None:
    root = begun()
    expiry = root.document.expires
    assert root.trust(expiry - dt.timedelta(seconds=1)).version == 1
    with pytest.raises(DeniedError) as caught:
        root.trust(expiry)
    assert caught.value.code == "trust_expired"


def test_a_clock_far_before_the_creation_is_not_believed() -> None:
    root = begun()
    created = root.document.created
    assert root.trust(created - dt.timedelta(minutes=5)).version == 1
    with pytest.raises(DeniedError) as caught:
        root.trust(created - dt.timedelta(minutes=6))
    assert caught.value.code == "trust_not_yet_valid"


def test_a_version_that_was_seen_is_missed() -> None:
    root = begun()
    assert root.trust(NOW, minimum_version=1).version == 1
    with pytest.raises(DeniedError) as caught:
        root.trust(NOW, minimum_version=2)
    assert caught.value.code == "trust_rolled_back"


def test_a_trial_satisfies_no_real_environment() -> None:
    raw = raw_of(trial_document())
    trust = begun(raw, TRIAL).trust(NOW)
    assert trust.trial
    with pytest.raises(DeniedError) as caught:
        require_real(trust)
    assert caught.value.code == "trial_keys"


def test_a_trial_does_not_become_real() -> None:
    root = begun(raw_of(trial_document()), TRIAL)
    raw = raw_of(document(2))
    error = not_extended(root, raw, signed_by(raw, TRIAL, ADA, BOB))
    assert error.code == "trust_document_invalid"
    real_as_trial = raw_of(document(2, trial=True))
    assert (
        not_extended(begun(), real_as_trial, signed_by(real_as_trial, ADA, BOB)).code
        == "trust_document_invalid"
    )


def changed(**changes: Any) -> bytes:
    return raw_of(document(**changes))


def roles_with(role: str, principals: list[Any], threshold: Any) -> dict[str, Any]:
    return {**document()["roles"], role: {"principals": principals, "threshold": threshold}}


def keys_with(entry: dict[str, Any]) -> dict[str, Any]:
    return {**document()["keys"], **entry}


ADA_PEM = ADA.public.to_pem().decode()
SMUGGLED = keys_with(key_entry("ada", TRIAL_SECOND))

BROKEN = {
    "unknown field": (changed(extra=1), "trust_document_invalid"),
    "missing field": (
        raw_of({k: v for k, v in document().items() if k != "trial"}),
        "trust_document_invalid",
    ),
    "version true": (changed(version=True), "trust_document_invalid"),
    "version 0": (changed(version=0), "trust_document_invalid"),
    "version 1.0": (changed(version=1.0), "trust_document_invalid"),
    "trial 1": (changed(trial=1), "trust_document_invalid"),
    "trial text": (changed(trial="false"), "trust_document_invalid"),
    "time": (changed(expires="2027-01-01"), "time_invalid"),
    "expires early": (changed(expires="2026-01-01T00:00:00Z"), "trust_document_invalid"),
    "person and service": (changed(services={"ada": {"name": "x"}}), "trust_document_invalid"),
    "person field": (changed(people={"ada": {"name": "Ada", "admin": True}}), "trust_document_invalid"),
    "person name": (changed(people={"ada": {"name": ""}}), "trust_document_invalid"),
    "person id": (changed(people={"Ada L": {"name": "x"}}), "trust_document_invalid"),
    "people list": (changed(people=[]), "trust_document_invalid"),
    "key id lies": (
        changed(keys=keys_with({EVE.public.key_id: {"principal": "ada", "public": ADA_PEM}})),
        "trust_document_invalid",
    ),
    "key text around": (
        changed(keys={ADA.public.key_id: {"principal": "ada", "public": ADA_PEM + "x"}}),
        "trust_document_invalid",
    ),
    "key id upper case": (
        changed(keys={ADA.public.key_id.upper(): {"principal": "ada", "public": ADA_PEM}}),
        "trust_document_invalid",
    ),
    "key field": (
        changed(keys=keys_with({ADA.public.key_id: {"principal": "ada", "public": ADA_PEM, "x": 1}})),
        "trust_document_invalid",
    ),
    "key no PEM": (changed(keys={"00": {"principal": "ada", "public": "x"}}), "key_invalid"),
    "key number": (changed(keys={"00": {"principal": "ada", "public": 7}}), "trust_document_invalid"),
    "key of two people": (
        changed(keys=keys_with({ADA.public.key_id: {"principal": ["ada", "bob"], "public": ADA_PEM}})),
        "trust_document_invalid",
    ),
    "key of nobody": (changed(keys=keys_with(key_entry("eve", EVE))), "trust_document_invalid"),
    "trial key smuggled": (changed(keys=SMUGGLED), "trial_key"),
    "unknown role": (changed(roles=roles_with("god", ["ada"], 1)), "trust_document_invalid"),
    "no root": (changed(roles={}), "trust_document_invalid"),
    "role field": (
        changed(roles={**document()["roles"], "root": {"principals": ["ada"], "threshold": 1, "x": 1}}),
        "trust_document_invalid",
    ),
    "principals text": (
        changed(roles={**document()["roles"], "root": {"principals": "ada", "threshold": 1}}),
        "trust_document_invalid",
    ),
    "threshold 0": (changed(roles=roles_with("root", ["ada"], 0)), "trust_document_invalid"),
    "threshold true": (changed(roles=roles_with("root", ["ada"], True)), "trust_document_invalid"),
    "threshold high": (changed(roles=roles_with("root", ["ada", "bob"], 3)), "trust_document_invalid"),
    "twice": (changed(roles=roles_with("root", ["ada", "ada"], 2)), "trust_document_invalid"),
    "role of nobody": (changed(roles=roles_with("evaluator", ["eve"], 1)), "trust_document_invalid"),
    "no principals": (changed(roles=roles_with("evaluator", [], 1)), "trust_document_invalid"),
    "service root": (changed(roles=roles_with("root", ["ada", "releases"], 1)), "trust_document_invalid"),
    "service approver": (changed(roles=roles_with("approver", ["releases"], 1)), "trust_document_invalid"),
    "service reviewer": (changed(roles=roles_with("reviewer", ["releases"], 1)), "trust_document_invalid"),
    "service revoker": (changed(roles=roles_with("revoker", ["releases"], 1)), "trust_document_invalid"),
    "holder without key": (
        changed(
            keys={k: v for k, v in document()["keys"].items() if v["principal"] != "cyd"},
            roles=roles_with("approver", ["bob", "cyd"], 2),
        ),
        "trust_document_invalid",
    ),
    "key twice": (FIRST.replace(b'"keys": {', b'"keys": {"x": 1, "x": 2,', 1), "json_invalid"),
    "not an object": (b"[]", "json_invalid"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_trust_document_is_refused_even_if_pinned_and_signed_over(case: str) -> None:
    raw, code = BROKEN[case]
    assert raw != FIRST
    subject = (Subject.of("1.json", Digest.of(raw)),)
    bundles = [sign_statement(Statement(subject, PREDICATE_TYPE, {}), who) for who in (ADA, BOB, CYD)]
    assert refusal(raw, bundles).code == code
    with pytest.raises(DeniedError):
        sign_trust(raw, ADA)


@pytest.mark.parametrize("role", ["releaser", "inspector", "ledger", "evaluator", "requester"])
def test_services_may_hold_the_roles_that_need_no_judgement(role: str) -> None:
    raw = changed(roles=roles_with(role, ["releases"], 1))
    assert begun(raw).trust(NOW).threshold(Role(role)) == 1


def test_a_document_that_we_write_is_read_back() -> None:
    parsed = begun().document
    raw = parsed.to_bytes()
    again = begun(raw).document
    assert dataclasses.asdict(again).keys() == dataclasses.asdict(parsed).keys()
    assert again.to_bytes() == raw
    assert again.owners == parsed.owners


def test_a_tally_says_who_is_missing() -> None:
    raw = handover()
    old, new = tally(begun().document, raw, signed_by(raw, EVE, ADA_SECOND))
    assert (set(old.signed), set(old.outstanding), old.reached) == ({"ada"}, {"bob", "cyd"}, False)
    assert (set(new.signed), set(new.outstanding), new.reached) == ({"eve"}, {"bob"}, False)
    assert str(old) == "1 of 2 signatures by the root of version 1; still able to sign: bob, cyd"


def crowd(count: int) -> bytes:
    people = {**document()["people"], **{f"p{number}": {"name": "x"} for number in range(count - 3)}}
    return changed(people=people)


def test_a_thousand_people_and_no_more() -> None:
    assert len(begun(crowd(1000)).document.people) == 1000
    assert refusal(crowd(1001), []).code == "trust_document_invalid"
    for count, why in ((1000, "somebody twice"), (1001, "at most 1000")):
        raw = changed(roles=roles_with("evaluator", ["ada"] * count, 1))
        error = refusal(raw, [])
        assert error.code == "trust_document_invalid"
        assert why in error.message
