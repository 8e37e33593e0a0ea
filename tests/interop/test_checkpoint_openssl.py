"""OpenSSL verifies the signature in our checkpoints: the note's text, as it is, with plain Ed25519."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from weighlock.attestation.signer import KeySigner
from weighlock.ledger.checkpoint import TreeHead, sign_checkpoint
from weighlock.ledger.note import VerifierKey
from weighlock.ledger.tree import Frontier, leaf_node

SIGNER = KeySigner(Ed25519PrivateKey.from_private_bytes(b"\x01" * 32))
ORIGIN = "weighlock.dev/log/production"


def accepts(folder: Path, text: bytes, signature: bytes) -> bool:
    (folder / "text").write_bytes(text)
    (folder / "signature").write_bytes(signature)
    (folder / "key").write_bytes(SIGNER.public.to_pem())
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-rawin",
        "-pubin",
        "-inkey",
        "key",
        "-in",
        "text",
        "-sigfile",
        "signature",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.system
def test_openssl_verifies_a_checkpoint(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("openssl")
    head = TreeHead.of(ORIGIN, Frontier().grown(leaf_node(b"{}")))
    key = VerifierKey.of(ORIGIN, SIGNER.public.der)
    text, _, line = sign_checkpoint(head, key, SIGNER.sign).note.decode().rpartition("\n\n")
    dash, name, blob = line.split()
    assert (dash, name) == ("\u2014", ORIGIN)
    raw = base64.b64decode(blob)
    assert raw[:4] == key.id
    assert accepts(tmp_path, f"{text}\n".encode(), raw[4:])
    assert not accepts(tmp_path, text.encode(), raw[4:])
