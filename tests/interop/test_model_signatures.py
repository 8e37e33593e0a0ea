"""What we sign others verify, what others sign we verify, and what was tampered with both refuse."""

import base64
import datetime as dt
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pki import DAY, EMAIL, Wish, authority, issue
from weighlock.attestation.bundle import pem_fingerprint
from weighlock.attestation.key import Algorithm
from weighlock.attestation.signer import KeySigner, make_key
from weighlock.cli.main import run
from weighlock.core.outcome import Outcome

pytestmark = pytest.mark.system

Tool = Callable[..., bool]
NOW = dt.datetime.now(dt.UTC)
CURVES: tuple[Algorithm, ...] = ("p256", "p384", "p521")


@dataclass(frozen=True)
class Signer:
    """One key in the files that each tool wants: ours encrypted, theirs in the clear."""

    ours: Path
    theirs: Path
    public: Path
    key: KeySigner


@pytest.fixture
def make_signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Algorithm], Signer]:
    monkeypatch.setenv("WEIGHLOCK_PASSPHRASE", "correct horse")

    def make(algorithm: Algorithm) -> Signer:
        key = make_key(algorithm)
        ours, theirs, public = (
            tmp_path / f"{key.public.key_id}.{kind}" for kind in ("ours", "theirs", "pub")
        )
        ours.write_bytes(key.to_pem(b"correct horse"))
        plain = key._native.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        theirs.write_bytes(plain)
        public.write_bytes(key.public.to_pem())
        return Signer(ours, theirs, public, key)

    return make


@pytest.fixture
def signer(make_signer: Callable[[Algorithm], Signer]) -> Signer:
    return make_signer("p256")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model whose names sort differently by code point and by path component."""
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(os.urandom(300_000))
    (folder / "sub.txt").write_text("before sub/")
    (folder / "sub" / "config.json").write_text("{}")
    (folder / "Übung.md").write_text("ü")
    (folder / "empty").touch()
    return folder


def _ours_sign(signer: Signer, model: Path, signature: Path, *more: object) -> None:
    status = run(["sign", *map(str, (model, "--key", signer.ours, "--signature", signature, *more)), "-q"])
    assert status == Outcome.CLEAN


def _ours_verify(signer: Signer, model: Path, signature: Path) -> bool:
    status = run(["verify", *map(str, (model, "--key", signer.public, "--signature", signature)), "-q"])
    assert status in {Outcome.CLEAN, Outcome.FINDINGS}
    return status == Outcome.CLEAN


def _theirs_sign(tool: Tool, signer: Signer, model: Path, signature: Path, *more: object) -> None:
    assert tool("sign", "key", model, "--private_key", signer.theirs, "--signature", signature, *more)


def _theirs_verify(tool: Tool, signer: Signer, model: Path, signature: Path, *more: object) -> bool:
    return tool("verify", "key", model, "--public_key", signer.public, "--signature", signature, *more)


@pytest.mark.parametrize("curve", CURVES)
def test_keys_both_ways(
    model_signing: Tool,
    make_signer: Callable[[Algorithm], Signer],
    model: Path,
    tmp_path: Path,
    curve: Algorithm,
) -> None:
    signer = make_signer(curve)
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"
    _ours_sign(signer, model, ours)
    assert _theirs_verify(model_signing, signer, model, ours)
    _theirs_sign(model_signing, signer, model, theirs)
    assert _ours_verify(signer, model, theirs)
    stranger = replace(signer, public=make_signer("p256").public)
    assert not _theirs_verify(model_signing, stranger, model, ours)
    assert not _ours_verify(stranger, model, theirs)


def _flip(model: Path) -> None:
    raw = bytearray((model / "weights.bin").read_bytes())
    raw[123_456] ^= 1
    (model / "weights.bin").write_bytes(raw)


def _link(model: Path) -> None:
    (model / "empty").unlink()
    (model / "empty").symlink_to("sub.txt")


TAMPERING: dict[str, Callable[[Path], object]] = {
    "flip": _flip,
    "delete": lambda model: (model / "sub" / "config.json").unlink(),
    "delete empty": lambda model: (model / "empty").unlink(),
    "add": lambda model: (model / "sub" / "x.py").write_text("x"),
    "rename": lambda model: (model / "sub.txt").rename(model / "sub.text"),
    "link": _link,
}


@pytest.mark.parametrize("by", ["ours", "theirs"])
@pytest.mark.parametrize("how", TAMPERING)
def test_a_tampered_model_is_refused_by_both(
    model_signing: Tool, signer: Signer, model: Path, tmp_path: Path, by: str, how: str
) -> None:
    signature = tmp_path / "model.sig"
    if by == "ours":
        _ours_sign(signer, model, signature)
    else:
        _theirs_sign(model_signing, signer, model, signature)
    TAMPERING[how](model)
    assert not _ours_verify(signer, model, signature)
    assert not _theirs_verify(model_signing, signer, model, signature)


def _envelope(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda document: change(document["dsseEnvelope"])


def _reorder(envelope: dict[str, Any]) -> None:
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["resources"].reverse()
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()


def _spoil_signature(envelope: dict[str, Any]) -> None:
    raw = bytearray(base64.b64decode(envelope["signatures"][0]["sig"]))
    raw[-1] ^= 1
    envelope["signatures"][0]["sig"] = base64.b64encode(raw).decode()


def _spoil_hint(document: dict[str, Any]) -> None:
    document["verificationMaterial"]["publicKey"]["hint"] = "0" * 64


FORGERIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "reordered": _envelope(_reorder),
    "signature": _envelope(_spoil_signature),
    "payload type": _envelope(lambda envelope: envelope.update(payloadType="application/json")),
    "hint": _spoil_hint,
    "media type": lambda document: document.update(mediaType="application/json"),
}


@pytest.mark.parametrize("by", ["ours", "theirs"])
@pytest.mark.parametrize("how", FORGERIES)
def test_a_tampered_signature_is_refused_by_both(
    model_signing: Tool, signer: Signer, model: Path, tmp_path: Path, by: str, how: str
) -> None:
    signature = tmp_path / "model.sig"
    if by == "ours":
        _ours_sign(signer, model, signature)
    else:
        _theirs_sign(model_signing, signer, model, signature)
    document = json.loads(signature.read_bytes())
    FORGERIES[how](document)
    signature.write_text(json.dumps(document))
    assert not _ours_verify(signer, model, signature)
    assert not _theirs_verify(model_signing, signer, model, signature)


def test_a_signature_inside_the_model_and_ignored_paths_both_ways(
    model_signing: Tool, signer: Signer, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (model / ".git").mkdir()
    (model / ".git" / "HEAD").write_text("x")
    (model / "notes").mkdir()
    (model / "notes" / "todo").write_text("x")
    inside = model / "model.sig"
    _ours_sign(signer, model, inside, "--ignore", "notes")
    assert _theirs_verify(model_signing, signer, model, inside)
    inside.unlink()
    _theirs_sign(model_signing, signer, model, inside, "--ignore-paths", model / "notes")
    assert _ours_verify(signer, model, inside)


@pytest.fixture
def snapshot(model: Path, tmp_path: Path) -> Path:
    """The model as a snapshot in a Hugging Face cache."""
    repository = tmp_path / "models--someone--model"
    folder = repository / "snapshots" / "0123abcd"
    (repository / "blobs").mkdir(parents=True)
    paths = sorted(path for path in model.rglob("*") if path.is_file())
    for number, path in enumerate(paths):
        blob, link = repository / "blobs" / f"blob{number}", folder / path.relative_to(model)
        shutil.copy(path, blob)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return folder


def test_a_cache_snapshot_with_links_both_ways(
    model_signing: Tool, signer: Signer, snapshot: Path, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"
    _ours_sign(signer, snapshot, ours)
    assert _theirs_verify(model_signing, signer, snapshot, ours, "--allow_symlinks")
    assert not _theirs_verify(model_signing, signer, snapshot, ours)
    _theirs_sign(model_signing, signer, snapshot, theirs, "--allow_symlinks")
    assert _ours_verify(signer, snapshot, theirs)


def test_a_single_file_that_they_signed(
    model_signing: Tool, signer: Signer, model: Path, tmp_path: Path
) -> None:
    """They list it as "."; the specification, and we, list its name, which they do not find."""
    ours, theirs = tmp_path / "ours.sig", tmp_path / "theirs.sig"
    weights = model / "weights.bin"
    _theirs_sign(model_signing, signer, weights, theirs)
    assert _ours_verify(signer, weights, theirs)
    _ours_sign(signer, weights, ours)
    assert not _theirs_verify(model_signing, signer, weights, ours)
    _flip(model)
    assert not _ours_verify(signer, weights, theirs)


@pytest.fixture
def certify(signer: Signer, tmp_path: Path) -> Callable[[Wish], tuple[Path, Path, Path]]:
    """Return how to get files of a leaf, of its chain (leaf first) and of the root."""

    def make(wish: Wish) -> tuple[Path, Path, Path]:
        root = issue(authority(start=NOW - 9 * DAY, end=NOW + DAY))
        middle = issue(authority("middle", start=NOW - 9 * DAY, end=NOW + DAY), root)
        leaf = issue(replace(wish, key=signer.key._native), middle)
        files = tmp_path / "leaf.pem", tmp_path / "chain.pem", tmp_path / "root.pem"
        for file, content in zip(files, (leaf.pem, leaf.pem + middle.pem, root.pem), strict=True):
            file.write_bytes(content)
        (tmp_path / "middle.pem").write_bytes(middle.pem)
        return files

    return make


def _ours_verify_certified(model: Path, signature: Path, root: Path) -> bool:
    trust = ("--trusted-root", root, "--identity", f"email:{EMAIL}")
    return run(["verify", *map(str, (model, "--signature", signature, *trust)), "-q"]) == Outcome.CLEAN


VALID = Wish(start=NOW - DAY, end=NOW + DAY)


@pytest.mark.parametrize(
    ("wish", "we_accept"), [(VALID, True), (replace(VALID, start=NOW - 9 * DAY, end=NOW - DAY), False)]
)
def test_certificate_chains_both_ways(
    model_signing: Tool,
    signer: Signer,
    model: Path,
    certify: Callable[[Wish], tuple[Path, Path, Path]],
    wish: Wish,
    *,
    we_accept: bool,
) -> None:
    """They verify at the time at which the leaf became valid, and so accept an expired one; we never do."""
    leaf, chain, root = certify(wish)
    ours, theirs = model.parent / "ours.sig", model.parent / "theirs.sig"
    _ours_sign(signer, model, ours, "--certificate-chain", chain)
    middle = model.parent / "middle.pem"
    certificates = ("--signing_certificate", leaf, "--certificate_chain", middle)
    key = ("--private_key", signer.theirs, "--signature", theirs)
    assert model_signing("sign", "certificate", model, *key, *certificates)
    for signature in (ours, theirs):
        by_root = ("--signature", signature, "--certificate_chain", root)
        assert model_signing("verify", "certificate", model, *by_root)
        assert _ours_verify_certified(model, signature, root) is we_accept
    _flip(model)
    assert not _ours_verify_certified(model, theirs, root)
    assert not model_signing("verify", "certificate", model, "--signature", ours, "--certificate_chain", root)


def test_our_key_bundles_verify_with_sigstores_client(
    sigstore_js: Tool, signer: Signer, make_signer: Callable[[Algorithm], Signer], model: Path, tmp_path: Path
) -> None:
    signature = tmp_path / "model.sig"
    _ours_sign(signer, model, signature)
    hint = pem_fingerprint(signer.key.public)
    assert sigstore_js(signature, signer.public, hint)
    assert not sigstore_js(signature, make_signer("p256").public, hint)
    document = json.loads(signature.read_bytes())
    for spoil in (_spoil_signature, _reorder):
        changed = json.loads(json.dumps(document))
        spoil(changed["dsseEnvelope"])
        (tmp_path / "changed.sig").write_text(json.dumps(changed))
        assert not sigstore_js(tmp_path / "changed.sig", signer.public, hint)
