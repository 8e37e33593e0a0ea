"""What counts as evidence: a table of who may say what, and of referrers that say nothing."""

import datetime as dt
from collections.abc import Callable

import pytest

from trust_house import ADA, BOB, CYD, EVE, LEDGER, NOW, RELEASER, document, raw_of, signed_by
from weighlock.attestation.bundle import MEDIA_TYPE, sign_statement
from weighlock.attestation.signer import KeySigner
from weighlock.attestation.statement import Statement, Subject
from weighlock.attestation.trust import Trust, TrustedRoot
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError
from weighlock.core.evidence import PREDICATE_TYPES, Kind
from weighlock.service.evidence import ROLE_FOR, attach, gather
from weighlock.service.record import put_record, read_record
from weighlock.store.memory import MemoryStore

TYPE = "application/vnd.test.record.v1+json"
ROLES = {
    "root": {"principals": ["ada", "bob"], "threshold": 2},
    "requester": {"principals": ["ada"], "threshold": 1},
    "approver": {"principals": ["bob"], "threshold": 1},
    "reviewer": {"principals": ["cyd"], "threshold": 1},
    "evaluator": {"principals": ["ada"], "threshold": 1},
    "inspector": {"principals": ["log"], "threshold": 1},
    "releaser": {"principals": ["releases"], "threshold": 1},
    "revoker": {"principals": ["bob"], "threshold": 1},
}
SIGNERS = {"ada": ADA, "bob": BOB, "cyd": CYD, "releases": RELEASER, "log": LEDGER}


@pytest.fixture(scope="module")
def trust() -> Trust:
    raw = raw_of(document(roles=ROLES))
    return TrustedRoot.begin(Digest.of(raw), raw, signed_by(raw, ADA, BOB)).trust(NOW)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: NOW)


@pytest.fixture
def subject(store: MemoryStore) -> Descriptor:
    return put_record(store, TYPE, b"{}")


def test_every_kind_has_a_role() -> None:
    assert set(ROLE_FOR) == set(Kind)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("who", sorted(SIGNERS))
def test_who_may_say_what(
    trust: Trust, store: MemoryStore, subject: Descriptor, kind: Kind, who: str
) -> None:
    digest = attach(store, subject, kind, {"x": 1}, SIGNERS[who], name="it")
    gathered = gather(store, subject.digest, trust)
    if who in ROLES[ROLE_FOR[kind].value]["principals"]:  # type: ignore[operator]  # a list of names
        [evidence] = gathered.of(kind)
        assert (evidence.kind, evidence.subject, evidence.digest) == (kind, subject.digest, digest)
        assert (evidence.principal, evidence.key_id) == (who, SIGNERS[who].public.key_id)
        assert evidence.predicate == {"x": 1}
        assert gathered.ignored == ()
    else:
        assert gathered.evidence == ()
        assert [each.code for each in gathered.ignored] == ["role_missing"]


def test_a_stranger(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    attach(store, subject, Kind.APPROVAL, {}, EVE, name="it")
    assert [each.code for each in gather(store, subject.digest, trust).ignored] == ["signer_unknown"]


def test_a_revoked_key(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    attach(store, subject, Kind.APPROVAL, {}, BOB, name="it")
    assert gather(store, subject.digest, trust, revoked_keys={ADA.public.key_id}).evidence
    gathered = gather(store, subject.digest, trust, revoked_keys={BOB.public.key_id})
    assert (gathered.evidence, [each.code for each in gathered.ignored]) == ((), ["key_revoked"])


def put_bundle(store: MemoryStore, subject: Descriptor, statement: Statement, by: KeySigner = BOB) -> None:
    store.attach(subject, MEDIA_TYPE, sign_statement(statement, by), MEDIA_TYPE)


def test_about_something_else(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    other = Subject.of("it", Digest.of(b"other"))
    put_bundle(store, subject, Statement((other,), PREDICATE_TYPES[Kind.APPROVAL], {}))
    assert [each.code for each in gather(store, subject.digest, trust).ignored] == ["statement_elsewhere"]


def test_of_an_unknown_kind(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    about = Subject.of("it", subject.digest)
    put_bundle(store, subject, Statement((about,), "https://example.test/approval/v1", {}))
    assert [each.code for each in gather(store, subject.digest, trust).ignored] == ["statement_unknown"]


def test_what_is_no_bundle(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    for payload in (b"", b"{}", b"garbage"):
        store.attach(subject, MEDIA_TYPE, payload, MEDIA_TYPE)
    gathered = gather(store, subject.digest, trust)
    assert gathered.evidence == ()
    assert len(gathered.ignored) == 3
    assert {each.code for each in gathered.ignored} <= {"bundle_invalid", "json_invalid"}


def test_a_huge_referrer_is_ignored(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    attach(store, subject, Kind.APPROVAL, {}, BOB, name="it")
    store.attach(subject, MEDIA_TYPE, b" " * 40_000_000, MEDIA_TYPE)
    gathered = gather(store, subject.digest, trust)
    assert len(gathered.evidence) == 1
    assert [each.code for each in gathered.ignored] == ["blob_too_large"]


def missing(store: MemoryStore, digest: Digest) -> None:
    del store.blobs[digest]


def changed(store: MemoryStore, digest: Digest) -> None:
    store.blobs[digest] = b"other"


@pytest.mark.parametrize(
    ("damage", "codes"),
    [(missing, {"blob_missing"}), (changed, {"digest_mismatch", "size_mismatch"})],
)
def test_damage_is_never_ignored(
    trust: Trust,
    store: MemoryStore,
    subject: Descriptor,
    damage: Callable[[MemoryStore, Digest], None],
    codes: set[str],
) -> None:
    digest = attach(store, subject, Kind.REVOCATION, {}, BOB, name="it")
    damage(store, digest)
    with pytest.raises(DeniedError) as caught:
        gather(store, subject.digest, trust)
    assert caught.value.code in codes


def test_the_oldest_comes_first(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    for number in range(5):
        attach(store, subject, Kind.APPROVAL, {"n": number}, BOB, name="it")
    assert [each.predicate["n"] for each in gather(store, subject.digest, trust).evidence] == [0, 1, 2, 3, 4]


def test_kinds_are_told_apart(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    for kind in (Kind.APPROVAL, Kind.WAIVER, Kind.REVOCATION):
        attach(store, subject, kind, {}, BOB, name="it")
    gathered = gather(store, subject.digest, trust)
    assert [each.kind for each in gathered.evidence] == [Kind.APPROVAL, Kind.WAIVER, Kind.REVOCATION]
    assert [each.kind for each in gathered.of(Kind.WAIVER)] == [Kind.WAIVER]
    assert gathered.of(Kind.STATE) == []


def test_the_time_is_what_the_signer_says(trust: Trust, store: MemoryStore, subject: Descriptor) -> None:
    attach(store, subject, Kind.APPROVAL, {"madeAt": "2026-01-02T03:04:05Z"}, BOB, name="it")
    [evidence] = gather(store, subject.digest, trust).evidence
    assert evidence.made_at == dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def test_records(store: MemoryStore) -> None:
    blob = store.write_blob([b"linked"])
    link = Descriptor("text/plain", blob.digest, blob.size)
    made = put_record(store, TYPE, b'{"a":1}', name="it", links=[link])
    assert read_record(store, made.digest, TYPE) == (b'{"a":1}', made)
    assert store.resolve("it").digest == made.digest
    with pytest.raises(DeniedError) as caught:
        read_record(store, made.digest, "application/vnd.test.other.v1+json")
    assert caught.value.code == "manifest_invalid"


def test_a_record_of_another_type_in_the_first_layer(store: MemoryStore) -> None:
    made = put_record(store, TYPE, b"{}")
    raw = store.read_blob(made.digest).replace(f'"mediaType":"{TYPE}"'.encode(), b'"mediaType":"text/plain"')
    forged = store.put_manifest(raw)
    with pytest.raises(DeniedError) as caught:
        read_record(store, forged.digest, TYPE)
    assert caught.value.code == "manifest_invalid"
