"""``weighlock sign``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import EXISTING_FILE, is_stored, key_option, signer_from, workspace
from weighlock.cli.output import Output, common_options, pass_output, size_text
from weighlock.cli.progress import progress_for
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.attestation.signer import Signer
    from weighlock.service.sign import Signed


@click.command(short_help="Sign a model or a folder (OpenSSF Model Signing).")
@click.argument("target", metavar="PATH|ENVIRONMENT:NAME")
@key_option("Private key to sign with.")
@click.option(
    "--certificate-chain",
    type=EXISTING_FILE,
    help="PEM certificates for the key, the signer's first, root optional.",
)
@click.option(
    "--signature",
    type=click.Path(path_type=Path),
    help="Where to write; by default TARGET.sig, or attached to the artifact.",
)
@click.option(
    "--ignore", multiple=True, metavar="PATH", help="File or folder in TARGET to leave out; repeatable."
)
@common_options
@pass_output
def sign(
    output: Output,
    *,
    target: str,
    key_file: Path,
    passphrase_file: Path | None,
    certificate_chain: Path | None,
    signature: Path | None,
    ignore: tuple[str, ...],
) -> None:
    """Sign every file of TARGET: a folder, a Hugging Face cache snapshot, a file, or an artifact of a store.

    The signature is an OpenSSF Model Signing v1.0 bundle, which other tools can
    verify. Git's files, the signature itself and --ignore are left out. The signature
    over an artifact is attached to it, unless --signature says where to write it.
    """
    signer = signer_from(key_file, passphrase_file)
    certificates = _certificates(certificate_chain, signer)
    if is_stored(target):
        _sign_stored(output, target, signer, certificates, signature, ignore)
    else:
        _sign_folder(output, Path(target), signer, certificates, signature, ignore)


def _sign_folder(
    output: Output,
    target: Path,
    signer: "Signer",
    certificates: "list[bytes]",
    signature: Path | None,
    ignore: tuple[str, ...],
) -> None:
    from weighlock.service.sign import sign_model, write_signature
    from weighlock.service.target import FolderTarget

    model = FolderTarget(target)
    location = signature or target.with_name(f"{model.name}.sig")
    own = model.path_of(location)
    left_out = [*ignore, own] if own else list(ignore)
    with progress_for(output) as progress:
        signed = sign_model(model, signer, certificates=certificates, ignore=left_out, progress=progress)
    write_signature(location, signed.bundle)
    _tell(output, signed, signer, str(location), own)


def _sign_stored(
    output: Output,
    target: str,
    signer: "Signer",
    certificates: "list[bytes]",
    signature: Path | None,
    ignore: tuple[str, ...],
) -> None:
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.sign import sign_model, write_signature
    from weighlock.service.stored_target import StoredTarget

    model = StoredTarget.open(workspace(), StoreReference.parse(target))
    with progress_for(output) as progress:
        signed = sign_model(model, signer, certificates=certificates, ignore=ignore, progress=progress)
    if signature is None:
        where = f"attached, {model.attach(signed.bundle)}"
    else:
        write_signature(signature, signed.bundle)
        where = str(signature)
    _tell(output, signed, signer, where, None)


def _certificates(file: Path | None, signer: "Signer") -> list[bytes]:
    if file is None:
        return []
    from weighlock.attestation.chain import MAX_ROOTS_BYTES, read_chain
    from weighlock.service.file import read_limited

    return read_chain(read_limited(file, MAX_ROOTS_BYTES, missing="key_missing"), signer.public)


def _tell(output: Output, signed: "Signed", signer: "Signer", location: str, own: str | None) -> None:
    uncovered = [path for path in signed.ignored if path != own]
    facts = {
        "signature": location,
        "model": signed.name,
        "root": str(signed.root),
        "files": signed.files,
        "size_bytes": signed.size_bytes,
        "key_id": signer.public.key_id,
        "trial": signer.public.trial,
        "uncovered": uncovered,
    }
    output.facts(
        facts,
        lambda: (
            f"signed {signed.files} files ({size_text(signed.size_bytes)}) of {shown(signed.name)}\n"
            f"  signature  {shown(location)}\n"
            f"  root       {signed.root}\n"
            f"  key        {signer.public.key_id}{' (trial)' if signer.public.trial else ''}"
        ),
    )
    for path in uncovered:
        output.note(f"warning: {shown(path)} is ignored: the signature does not cover it")
