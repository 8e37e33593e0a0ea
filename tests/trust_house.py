"""A small house for tests about trust: three people, two services, their keys, always the same."""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from weighlock.attestation.signer import KeySigner
from weighlock.attestation.trust import sign_trust
from weighlock.attestation.trust_document import TrustDocument
from weighlock.cli.main import run
from weighlock.core.digest import Digest

NOW: Final = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
TRIAL_SCALARS: Final = (122_603, 128_235)  # the smallest two whose key ids begin with 7e57
PASSPHRASE: Final = b"a passphrase of tests"


def p256(scalar: int) -> KeySigner:
    return KeySigner(derive_private_key(scalar, SECP256R1()))


ADA, BOB, CYD, EVE = p256(1), p256(2), p256(3), p256(4)
ADA_SECOND = p256(5)
RELEASER = p256(6)
LEDGER = KeySigner(Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))
TRIAL, TRIAL_SECOND = map(p256, TRIAL_SCALARS)


def key_entry(principal: str, signer: KeySigner) -> dict[str, Any]:
    return {signer.public.key_id: {"principal": principal, "public": signer.public.to_pem().decode()}}


def document(version: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a document that is in order: ada, bob and cyd, two of whom are the root."""
    made = {
        "version": version,
        "created": "2026-01-01T00:00:00Z",
        "expires": "2027-01-01T00:00:00Z",
        "trial": False,
        "people": {name: {"name": name.title()} for name in ("ada", "bob", "cyd")},
        "services": {"releases": {"name": "Release service"}, "log": {"name": "Log"}},
        "keys": {
            **key_entry("ada", ADA),
            **key_entry("ada", ADA_SECOND),
            **key_entry("bob", BOB),
            **key_entry("cyd", CYD),
            **key_entry("releases", RELEASER),
            **key_entry("log", LEDGER),
        },
        "roles": {
            "root": {"principals": ["ada", "bob", "cyd"], "threshold": 2},
            "approver": {"principals": ["bob", "cyd"], "threshold": 2},
            "releaser": {"principals": ["releases"], "threshold": 1},
            "ledger": {"principals": ["log"], "threshold": 1},
        },
    }
    return {**made, **changes}


def trial_document(version: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a trial's document: ada alone, with a trial key."""
    return {
        **document(version),
        "trial": True,
        "people": {"ada": {"name": "Ada"}},
        "services": {},
        "keys": key_entry("ada", TRIAL),
        "roles": {"root": {"principals": ["ada"], "threshold": 1}},
        **changes,
    }


def raw_of(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()


def signed_by(raw: bytes, *signers: KeySigner) -> list[bytes]:
    return [sign_trust(raw, signer) for signer in signers]


class House:
    """A project on disk with a trust folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = folder / "trust"
        self.trust.mkdir(parents=True)

    def settle(self, pin: Digest | None, *extra: str) -> None:
        """Write the settings."""
        lines = ["version: 1", *([f"trust:\n  root: {pin}"] if pin else []), *extra]
        (self.folder / "weighlock.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def put(self, raw: bytes, signers: Iterable[KeySigner], *, number: int | None = None) -> None:
        """Write a version and its signatures."""
        number = TrustDocument.parse(raw).version if number is None else number
        (self.trust / f"{number}.json").write_bytes(raw)
        for signer in signers:
            self.signature(number, signer).write_bytes(sign_trust(raw, signer))

    def signature(self, number: int, signer: KeySigner) -> Path:
        """Return the file of a signature."""
        return self.trust / f"{number}.{signer.public.key_id[:16]}.sigstore.json"

    def private_key(self, name: str, signer: KeySigner) -> Path:
        """Write a private key, encrypted unless it is a trial key."""
        path = self.folder / f"{name}.pem"
        path.write_bytes(signer.to_pem(None if signer.public.trial else PASSPHRASE))
        return path

    def public_key(self, name: str, signer: KeySigner) -> Path:
        """Write a public key."""
        path = self.folder / f"{name}.pub"
        path.write_bytes(signer.public.to_pem())
        return path


FIRST: Final = raw_of(document())
SECOND: Final = raw_of(document(2))
Fixed = Callable[[], dt.datetime]


def clock_at(moment: dt.datetime) -> Callable[[], Fixed]:
    """Return what stands in for ``weighlock.cli.context.clock``."""
    return lambda: lambda: moment


def settled(folder: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> House:
    """Return a project whose trust document ada and bob signed, and in which ``command`` finds that it is NOW."""
    made = House(folder)
    made.put(FIRST, [ADA, BOB])
    made.settle(Digest.of(FIRST))
    monkeypatch.chdir(made.folder)
    monkeypatch.setattr(f"weighlock.cli.{command}.clock", clock_at(NOW))
    return made


@pytest.fixture(name="house")
def house_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return settled(tmp_path / "project", monkeypatch, "trust")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the facts of ``weighlock trust``."""
    status = run(["trust", *arguments, "--json"])
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, facts


def denied(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the code with which ``weighlock trust``, by default ``verify``, denies."""
    status, facts = told(capsys, *(arguments or ("verify",)))
    assert status == 1
    code: str = facts["error"]["code"]
    return code
