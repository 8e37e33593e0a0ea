"""``weighlock push``."""

import click

from weighlock.cli.copy import OCI_METAVAR, carry_out, copy_options
from weighlock.cli.output import Output, common_options, pass_output


@click.command(short_help="Push an artifact and its evidence to a registry.")
@click.argument("name", metavar="[ENVIRONMENT:]NAME|DIGEST")
@click.argument("target", metavar=OCI_METAVAR)
@copy_options
@common_options
@pass_output
def push(
    output: Output, name: str, target: str, *, platform: str | None, no_referrers: bool, dry_run: bool
) -> None:
    """Push an artifact and its evidence to a registry.

    push.oci names the registries and repositories that may be written. Blobs that are there
    are not sent again; those of another repository of the same registry are mounted.
    Logins are those of docker, podman and skopeo.
    """
    from weighlock.core.store_reference import StoreReference
    from weighlock.service.copying import Wish, parse_registry

    wish = Wish(
        StoreReference.parse(name),
        parse_registry(target),
        platform,
        referrers=not no_referrers,
        dry_run=dry_run,
    )
    carry_out(output, wish)
