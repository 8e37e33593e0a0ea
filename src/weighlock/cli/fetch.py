"""``weighlock fetch``."""

import click

from weighlock.cli.copy import OCI_METAVAR, carry_out, copy_options
from weighlock.cli.output import Output, common_options, pass_output


@click.command(short_help="Fetch an artifact and its evidence from a registry.")
@click.argument("origin", metavar=OCI_METAVAR)
@click.option("--name", help="What to call it; by default as the repository's last part.")
@copy_options
@common_options
@pass_output
def fetch(
    output: Output,
    origin: str,
    *,
    name: str | None,
    platform: str | None,
    no_referrers: bool,
    dry_run: bool,
) -> None:
    """Fetch an artifact and its evidence from a registry into experimentation, by digest.

    sources.oci names the registries and repositories that may be read. It arrives as it is,
    with the same digests, evidence and all; whether the evidence counts, the trust document
    says. `weighlock pull oci:…` is another thing: it makes a model of the files, and locks it.
    """
    from weighlock.core.environment import EXPERIMENTATION
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.copying import Wish, default_name, parse_registry

    reference = parse_registry(origin)
    target = StoreReference(EXPERIMENTATION, default_name(reference) if name is None else name)
    wish = Wish(reference, target, platform, referrers=not no_referrers, dry_run=dry_run)
    carry_out(output, wish)
