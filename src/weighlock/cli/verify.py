"""``weighlock verify``."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import EXISTING_FILE, clock, is_stored, workspace
from weighlock.cli.output import Output, common_options, pass_output, styled
from weighlock.cli.progress import progress_for
from weighlock.core.error import DeniedError, UsageError
from weighlock.core.outcome import Outcome
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.attestation.bundle import Attestation, Envelope
    from weighlock.service.verify import VerifiedModel


@click.command(short_help="Verify a signature over a model or a folder.")
@click.argument("target", metavar="PATH|ENVIRONMENT:NAME")
@click.option(
    "--signature",
    type=click.Path(path_type=Path),
    help="The signature; by default TARGET.sig, or what is attached to the artifact.",
)
@click.option(
    "--key", "key_files", type=EXISTING_FILE, multiple=True, help="Public key that you trust; repeatable."
)
@click.option(
    "--trusted-root",
    "root_file",
    type=EXISTING_FILE,
    help="PEM certificates of the authorities that you trust.",
)
@click.option("--identity", help="With --trusted-root: email:…, dns:…, uri:… or subject:… of the signer.")
@click.option(
    "--rehash", is_flag=True, help="Read every byte, also of files that did not change since last time."
)
@common_options
@pass_output
def verify(
    output: Output,
    *,
    target: str,
    signature: Path | None,
    key_files: tuple[Path, ...],
    root_file: Path | None,
    identity: str | None,
    rehash: bool,
) -> None:
    """Verify every file of TARGET against its signature, offline.

    Names each file that is missing, added or changed, and warns about files that the
    signature does not cover. Files that this user verified before, and that did not
    change since, are not read again without --rehash.
    """
    verifier = _verifier(key_files, root_file, identity)
    try:
        if is_stored(target):
            verified = _verify_stored(output, target, signature, verifier)
        else:
            verified = _verify_folder(output, Path(target), signature, verifier, rehash=rehash)
    except DeniedError as error:
        _name_differences(output, error)
        raise
    _tell(output, verified)


def _verify_folder(
    output: Output,
    target: Path,
    signature: Path | None,
    verifier: "Callable[[Envelope], Attestation]",
    *,
    rehash: bool,
) -> "VerifiedModel":
    from weighlock.core.limit import MAX_BUNDLE_BYTES
    from weighlock.service.file import read_limited
    from weighlock.service.target import FolderTarget
    from weighlock.service.verify import verify_model
    from weighlock.source.verified_state import VerifiedState

    model = FolderTarget(target)
    location = signature or target.with_name(f"{model.name}.sig")
    bundle = read_limited(location, MAX_BUNDLE_BYTES, missing="signature_missing")
    memory = None if rehash else VerifiedState.of_user(os.environ, clock())
    own = model.path_of(location)
    try:
        with progress_for(output) as progress:
            return verify_model(model, bundle, verifier, signature_path=own, memory=memory, progress=progress)
    finally:
        if memory is not None:
            memory.save()


def _verify_stored(
    output: Output, target: str, signature: Path | None, verifier: "Callable[[Envelope], Attestation]"
) -> "VerifiedModel":
    from weighlock.core.limit import MAX_BUNDLE_BYTES
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.file import read_limited
    from weighlock.service.stored_target import StoredTarget
    from weighlock.service.verify import choose_signature, verify_model

    model = StoredTarget.open(workspace(), StoreReference.parse(target))
    if signature is None:
        bundle = choose_signature(model.signatures(), verifier)
    else:
        bundle = read_limited(signature, MAX_BUNDLE_BYTES, missing="signature_missing")
    with progress_for(output) as progress:
        return verify_model(model, bundle, verifier, progress=progress)


def _verifier(
    key_files: tuple[Path, ...], root_file: Path | None, identity: str | None
) -> "Callable[[Envelope], Attestation]":
    if bool(key_files) == bool(root_file) or bool(root_file) != bool(identity):
        raise UsageError(
            "trust_unspecified",
            "say whom you trust: either --key, or --trusted-root with --identity",
            hint="a key inside the signature never verifies that signature",
        )
    if root_file is not None and identity is not None:
        return _chain_verifier(root_file, identity)
    from weighlock.attestation.bundle import verify_with_keys
    from weighlock.service.keys import read_public_keys

    keys = read_public_keys(key_files)
    return lambda envelope: verify_with_keys(envelope, keys)


def _chain_verifier(root_file: Path, identity: str) -> "Callable[[Envelope], Attestation]":
    from weighlock.attestation.chain import MAX_ROOTS_BYTES, Identity, read_roots, verify_with_chain
    from weighlock.service.file import read_limited

    roots = read_roots(read_limited(root_file, MAX_ROOTS_BYTES, missing="key_missing"))
    wanted = Identity.parse(identity)
    now = clock()()
    return lambda envelope: verify_with_chain(envelope, roots, identity=wanted, now=now)


def _name_differences(output: Output, error: DeniedError) -> None:
    if error.code != "model_mismatch" or output.json:
        return
    for kind in ("missing", "added", "changed"):
        names = error.details[kind]
        word = styled(f"{kind:<7}", Outcome.FINDINGS)
        for path in names if isinstance(names, list) else ():
            click.echo(f"{word}  {shown(path)}", err=True)


def _tell(output: Output, verified: "VerifiedModel") -> None:
    attestation, signed = verified.attestation, verified.signed
    facts = {
        "verified": True,
        "model": signed.name,
        "root": str(signed.root),
        "files": len(signed.files),
        "key_id": attestation.key_id,
        "trial": attestation.signer.trial,
        "identity": attestation.identity,
        "uncovered": list(verified.uncovered),
    }
    by = shown(attestation.identity) if attestation.identity else f"the key {attestation.key_id}"
    output.facts(
        facts,
        lambda: (
            f"{styled('verified', Outcome.CLEAN)} {len(signed.files)} files of {shown(signed.name)}\n"
            f"  signed by  {by}{' (trial)' if attestation.signer.trial else ''}\n"
            f"  root       {signed.root}"
        ),
    )
    for path in verified.uncovered:
        output.note(f"warning: {shown(path)} is not covered by the signature")
