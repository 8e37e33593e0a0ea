import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from pki import DAY, EMAIL, NOW, Node, Wish, authority, issue, usage
from weighlock.attestation.bundle import Attestation, read_bundle, sign_statement, verify_with_keys
from weighlock.attestation.chain import Identity, read_chain, read_roots, verify_with_chain
from weighlock.attestation.signer import KeySigner
from weighlock.attestation.statement import Statement, Subject
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError

STATEMENT = Statement((Subject.of("m", Digest.of(b"m")),), "https://example.org/v1", {})
WHO = Identity("email", EMAIL)
ROOT = issue(authority())
MIDDLE = issue(authority("middle"), ROOT)
LEAF = issue(Wish(), MIDDLE)


def _signer(node: Node) -> KeySigner:
    assert isinstance(node.key, ec.EllipticCurvePrivateKey | Ed25519PrivateKey)
    return KeySigner(node.key)


def _verify(
    chain: list[Node], roots: list[Node], *, identity: Identity = WHO, now: dt.datetime = NOW
) -> Attestation:
    raw = sign_statement(STATEMENT, _signer(chain[0]), certificates=[node.der for node in chain])
    return verify_with_chain(
        read_bundle(raw), [root.certificate for root in roots], identity=identity, now=now
    )


def _refused(code: str, call: Callable[[], Any]) -> DeniedError:
    with pytest.raises(DeniedError) as caught:
        call()
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name
)
def test_a_chain_to_a_trusted_root_verifies(curve: ec.EllipticCurve) -> None:
    leaf = issue(Wish(key=ec.generate_private_key(curve)), MIDDLE)
    attestation = _verify([leaf, MIDDLE], [ROOT])
    assert attestation.statement == STATEMENT
    assert attestation.identity == f"email:{EMAIL}"
    assert attestation.signer == _signer(leaf).public


def test_a_repeated_root_other_roots_and_a_leaf_straight_from_the_root_are_fine() -> None:
    other = issue(authority("other"))
    direct = issue(Wish(), ROOT)
    for chain, roots in (([LEAF, MIDDLE, ROOT], [ROOT]), ([LEAF, MIDDLE], [other, ROOT]), ([direct], [ROOT])):
        assert _verify(chain, roots).statement == STATEMENT


def test_authorities_with_rsa_or_ed25519_keys_are_fine() -> None:
    for key in (rsa.generate_private_key(public_exponent=65537, key_size=2048), Ed25519PrivateKey.generate()):
        root = issue(authority(key=key))
        assert _verify([issue(Wish(), root)], [root]).statement == STATEMENT


def test_two_roots_of_one_name_are_told_apart_by_their_keys() -> None:
    twin = issue(authority())
    assert _verify([LEAF, MIDDLE], [twin, ROOT]).statement == STATEMENT


@pytest.mark.parametrize(
    ("names", "identity"),
    [
        ([x509.DNSName("build.example.org")], "dns:build.example.org"),
        ([x509.UniformResourceIdentifier("https://example.org/ci")], "uri:https://example.org/ci"),
        ([x509.RFC822Name("a@example.org"), x509.RFC822Name(EMAIL)], f"email:{EMAIL}"),
        (None, "subject:CN=signer"),
    ],
)
def test_identities(names: list[x509.GeneralName] | None, identity: str) -> None:
    leaf = issue(Wish(names=names), ROOT)
    assert _verify([leaf], [ROOT], identity=Identity.parse(identity)).identity == identity


@pytest.mark.parametrize(
    "identity",
    [
        "email:someone@example.org",
        f"dns:{EMAIL}",
        "subject:CN=Signer",
        f"email:x{EMAIL}",
        "email:SIGNER@example.org",
    ],
)
def test_another_identity_is_refused(identity: str) -> None:
    _refused("identity_mismatch", lambda: _verify([LEAF, MIDDLE], [ROOT], identity=Identity.parse(identity)))


@pytest.mark.parametrize("text", ["", "email", "email:", "signer@example.org", "cn:x", "EMAIL:x"])
def test_texts_that_are_no_identity(text: str) -> None:
    _refused("identity_invalid", lambda: Identity.parse(text))


POISON = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.11129.2.4.3"), b"\x05\x00")
CONSTRAINTS = x509.NameConstraints([x509.RFC822Name("example.org")], None)
SHORT_RSA = 1024

LEAVES: list[tuple[str, Wish, str]] = [
    ("expired", Wish(start=NOW - 2 * DAY, end=NOW - DAY), "certificate_expired"),
    ("expired a second ago", Wish(end=NOW - dt.timedelta(seconds=1)), "certificate_expired"),
    ("not yet valid", Wish(start=NOW + DAY, end=NOW + 2 * DAY), "certificate_expired"),
    ("valid in a second", Wish(start=NOW + dt.timedelta(seconds=1)), "certificate_expired"),
    ("an authority", Wish(ca=True), "certificate_untrusted"),
    ("wrong purpose", Wish(purposes=[ExtendedKeyUsageOID.SERVER_AUTH]), "certificate_untrusted"),
    ("any purpose", Wish(purposes=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), "certificate_untrusted"),
    ("no key usage", Wish(usage=None), "certificate_untrusted"),
    ("wrong key usage", Wish(usage=usage("key_encipherment")), "certificate_untrusted"),
    ("unknown critical extension", Wish(extra=[(POISON, True)]), "certificate_untrusted"),
    ("other digest", Wish(digest=hashes.SHA3_256()), "certificate_untrusted"),
]


@pytest.mark.parametrize(("wish", "code"), [leaf[1:] for leaf in LEAVES], ids=[leaf[0] for leaf in LEAVES])
def test_leaves_that_are_refused(wish: Wish, code: str) -> None:
    _refused(code, lambda: _verify([issue(wish, MIDDLE), MIDDLE], [ROOT]))


def test_leaves_that_are_fine_although_they_say_less_or_more() -> None:
    for wish in (
        Wish(ca=None),
        Wish(purposes=None),
        Wish(extra=[(POISON, False)]),
        Wish(end=NOW),
        Wish(start=NOW),
    ):
        assert _verify([issue(wish, MIDDLE), MIDDLE], [ROOT]).statement == STATEMENT


AUTHORITIES: list[tuple[str, Wish, str]] = [
    ("expired", authority("middle", start=NOW - 2 * DAY, end=NOW - DAY), "certificate_expired"),
    ("not yet valid", authority("middle", start=NOW + DAY, end=NOW + 2 * DAY), "certificate_expired"),
    ("no authority", authority("middle", ca=False), "certificate_untrusted"),
    ("says nothing of it", authority("middle", ca=None), "certificate_untrusted"),
    ("may not sign", authority("middle", usage=usage("digital_signature")), "certificate_untrusted"),
    ("no key usage", authority("middle", usage=None), "certificate_untrusted"),
    ("for servers", authority("middle", purposes=[ExtendedKeyUsageOID.SERVER_AUTH]), "certificate_untrusted"),
    ("names constrained", authority("middle", extra=[(CONSTRAINTS, False)]), "certificate_untrusted"),
    ("unknown extension", authority("middle", extra=[(POISON, True)]), "certificate_untrusted"),
    (
        "short key",
        authority("middle", key=rsa.generate_private_key(public_exponent=65537, key_size=SHORT_RSA)),
        "certificate_untrusted",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "code"), [each[1:] for each in AUTHORITIES], ids=[each[0] for each in AUTHORITIES]
)
def test_authorities_that_are_refused(wish: Wish, code: str) -> None:
    middle = issue(wish, ROOT)
    _refused(code, lambda: _verify([issue(Wish(), middle), middle], [ROOT]))


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (authority(start=NOW - 2 * DAY, end=NOW - DAY), "certificate_expired"),
        (authority(ca=False), "certificate_untrusted"),
        (authority(usage=usage("digital_signature")), "certificate_untrusted"),
        (authority(path_length=0), "certificate_untrusted"),
    ],
)
def test_roots_that_are_refused(wish: Wish, code: str) -> None:
    root = issue(wish)
    middle = issue(authority("middle"), root)
    _refused(code, lambda: _verify([issue(Wish(), middle), middle], [root]))


def test_path_length_counts_the_authorities_below() -> None:
    root = issue(authority(path_length=1))
    middle = issue(authority("middle", path_length=0), root)
    assert _verify([issue(Wish(), middle), middle], [root]).statement == STATEMENT
    lower = issue(authority("lower"), middle)
    _refused("certificate_untrusted", lambda: _verify([issue(Wish(), lower), lower, middle], [root]))


def test_chains_that_lead_nowhere_are_refused() -> None:
    stranger = issue(authority())
    forged_middle = issue(authority("middle"), stranger)
    leaf_by_forged = issue(Wish(), forged_middle)
    self_signed = issue(Wish())
    for chain, roots in (
        ([LEAF], [ROOT]),  # the intermediate is missing
        ([LEAF, ROOT], [ROOT]),
        ([leaf_by_forged, MIDDLE], [ROOT]),  # the right name, another key
        ([leaf_by_forged, forged_middle], [ROOT]),
        ([leaf_by_forged, forged_middle, stranger], [ROOT]),  # it brings its own root
        ([leaf_by_forged, forged_middle, ROOT], [ROOT]),
        ([LEAF, LEAF, MIDDLE], [ROOT]),
        ([LEAF, MIDDLE, MIDDLE], [ROOT]),
        ([self_signed], [ROOT]),
        ([LEAF, MIDDLE], []),
    ):
        _refused("certificate_untrusted", partial(_verify, chain, roots))


def test_a_leaf_given_as_root_is_no_authority() -> None:
    self_signed = issue(Wish())
    _refused("certificate_untrusted", lambda: _verify([self_signed], [self_signed]))


def test_an_authority_cannot_sign_statements() -> None:
    _refused("certificate_untrusted", lambda: _verify([MIDDLE], [ROOT]))
    _refused("certificate_untrusted", lambda: _verify([ROOT], [ROOT]))


def test_a_signature_by_another_key_than_the_certificates_is_refused() -> None:
    raw = sign_statement(STATEMENT, _signer(issue(Wish(), ROOT)), certificates=[LEAF.der, MIDDLE.der])
    _refused(
        "signature_invalid",
        lambda: verify_with_chain(read_bundle(raw), [ROOT.certificate], identity=WHO, now=NOW),
    )


def test_certificates_never_stand_in_for_keys_nor_keys_for_certificates() -> None:
    signer = _signer(LEAF)
    with_chain = read_bundle(sign_statement(STATEMENT, signer, certificates=[LEAF.der, MIDDLE.der]))
    bare = read_bundle(sign_statement(STATEMENT, signer))
    _refused("bundle_invalid", lambda: verify_with_keys(with_chain, {signer.public.key_id: signer.public}))
    _refused("bundle_invalid", lambda: verify_with_chain(bare, [ROOT.certificate], identity=WHO, now=NOW))


def test_bytes_that_are_no_certificate_are_refused() -> None:
    truncated = LEAF.der[:-1]
    raw = sign_statement(STATEMENT, _signer(LEAF), certificates=[truncated, MIDDLE.der])
    _refused(
        "certificate_invalid",
        lambda: verify_with_chain(read_bundle(raw), [ROOT.certificate], identity=WHO, now=NOW),
    )


def test_a_leaf_with_a_key_that_cannot_sign_here_is_refused() -> None:
    leaf = issue(Wish(key=rsa.generate_private_key(public_exponent=65537, key_size=2048)), ROOT)
    raw = sign_statement(STATEMENT, _signer(LEAF), certificates=[leaf.der])
    _refused(
        "key_unsupported",
        lambda: verify_with_chain(read_bundle(raw), [ROOT.certificate], identity=WHO, now=NOW),
    )


def test_roots_and_chains_in_pem() -> None:
    assert read_roots(ROOT.pem + MIDDLE.pem) == [ROOT.certificate, MIDDLE.certificate]
    assert read_chain(LEAF.pem + MIDDLE.pem, _signer(LEAF).public) == [LEAF.der, MIDDLE.der]
    _refused("certificate_invalid", lambda: read_chain(MIDDLE.pem + LEAF.pem, _signer(LEAF).public))
    assert len(read_chain(LEAF.pem * 8, _signer(LEAF).public)) == 8
    _refused("certificate_invalid", lambda: read_chain(LEAF.pem * 9, _signer(LEAF).public))
    assert len(read_roots(ROOT.pem * 64)) == 64
    for pem in (b"", b"x", ROOT.pem * 65, b"\n" * 2_000_000 + ROOT.pem, LEAF.pem.replace(b"MII", b"AAA")):
        _refused("certificate_invalid", partial(read_roots, pem))
