"""Make keys, and read those that people name: a pair is NAME.pem (private) and NAME.pub."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from weighlock.attestation.key import MAX_KEY_BYTES, Algorithm, PublicKey
from weighlock.attestation.signer import KeySigner, is_encrypted, make_key
from weighlock.core.error import DeniedError
from weighlock.service.file import check_absent, read_limited, write_new


class KeyPair(NamedTuple):
    """A new key and where its two halves were written."""

    public: PublicKey
    private_file: Path
    public_file: Path


def make_key_pair(
    name: Path, algorithm: Algorithm = "p256", *, trial: bool = False, passphrase: bytes | None = None
) -> KeyPair:
    """Make a key; write ``name``.pem, for its owner's eyes only, and ``name``.pub.

    Raises UsageError ``key_exists`` or ``passphrase_missing``, DeniedError ``key_unsupported``, OSError.
    """
    private_file, public_file = name.with_name(f"{name.name}.pem"), name.with_name(f"{name.name}.pub")
    for file in (private_file, public_file):
        check_absent(file, exists="key_exists")  # before the seconds that a trial key takes
    signer = make_key(algorithm, trial=trial)
    pem = signer.to_pem(passphrase)
    write_new(private_file, pem, mode=0o600, exists="key_exists")
    write_new(public_file, signer.public.to_pem(), mode=0o644, exists="key_exists")
    return KeyPair(signer.public, private_file, public_file)


def read_signer(file: Path, ask: Callable[[], bytes | None]) -> KeySigner:
    """Return the signer of a private key file; ``ask`` gives the passphrase, called only if one is needed.

    Raises UsageError ``key_missing``, ``passphrase_missing`` or ``passphrase_wrong``, DeniedError
    ``key_invalid``, ``key_unsupported`` or ``key_unencrypted``, OSError.
    """
    pem = read_limited(file, MAX_KEY_BYTES, missing="key_missing")
    return KeySigner.from_pem(pem, ask() if is_encrypted(pem) else None)


def read_public_key(file: Path) -> PublicKey:
    """Return the key of a public key file.

    Raises UsageError ``key_missing``, DeniedError ``key_invalid`` or ``key_unsupported``, OSError.
    """
    return PublicKey.from_pem(read_limited(file, MAX_KEY_BYTES, missing="key_missing"))


def read_public_keys(files: Sequence[Path]) -> Mapping[str, PublicKey]:
    """Return the keys of public key files by key id; raises what ``read_public_key`` raises."""
    return {key.key_id: key for key in map(read_public_key, files)}


def read_either_key(file: Path, ask: Callable[[], bytes | None]) -> PublicKey:
    """Return the public key of a public or a private key file; raises what reading them raises."""
    pem = read_limited(file, MAX_KEY_BYTES, missing="key_missing")
    try:
        return PublicKey.from_pem(pem)
    except DeniedError as error:
        if error.code != "key_invalid" or b"PRIVATE KEY-----" not in pem:
            raise
    return read_signer(file, ask).public
