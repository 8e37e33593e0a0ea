"""``weighlock request``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weighlock.cli.context import EXISTING_FILE, key_option, signer_from, workspace
from weighlock.cli.output import Output, common_options, pass_output, table
from weighlock.core.error import UsageError
from weighlock.core.text import shown

if TYPE_CHECKING:
    from weighlock.core.reference import PinnedReference
    from weighlock.service.request import InstalledHere, Requested


@click.command(short_help="Ask for a model to be promoted: make a candidate.")
@click.argument("model")
@click.argument("argv", nargs=-1, required=True)
@click.option("--name", required=True, help="The release's name: lower-case letters, digits, . _ -")
@click.option(
    "--installation",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The Python environment that serves it.",
)
@click.option(
    "--package-lock",
    type=EXISTING_FILE,
    help="The requirements file it was made from, every line pinned with digests.",
)
@click.option("--image", help="The serving image instead, by digest.")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="The server's whole environment; repeatable.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="The one port it listens on, inside.")
@click.option("--allow-exec", is_flag=True, help="Let the server start programs.")
@click.option("--memory", type=click.IntRange(1), metavar="MB", help="Address space of each process, in MB.")
@click.option("--processes", type=click.IntRange(1), help="Greatest number of processes and threads.")
@key_option("The requester's private key.")
@common_options
@pass_output
def request(
    output: Output,
    *,
    model: str,
    argv: tuple[str, ...],
    name: str,
    installation: Path | None,
    package_lock: Path | None,
    image: str | None,
    variables: tuple[str, ...],
    port: int | None,
    allow_exec: bool,
    memory: int | None,
    processes: int | None,
    key_file: Path,
    passphrase_file: Path | None,
) -> None:
    """Ask for MODEL to be promoted: make a candidate that people can approve.

    The candidate binds the model, the installation or image, the command line ARGV
    (after --), its environment and its sandbox. In ARGV, {model}, {port}, {temporary}
    and {installation} stand for where these are when the server runs.

    \b
    weighlock request minilm --name minilm --installation .venv --package-lock requirements.txt \\
        --port 8000 --key ana.pem -- {installation}/bin/python -I serve.py --model {model} --port {port}
    """
    from weighlock.core.store_reference import StoreReference
    from weighlock.promotion.candidate import Sandbox
    from weighlock.service.request import Wish
    from weighlock.service.request import request as make

    wish = Wish(
        model=StoreReference.parse(model),
        name=name,
        argv=argv,
        env=_environment(variables),
        sandbox=Sandbox(port, allow_exec, None if memory is None else memory * 1_000_000, processes),
        serving=_serving(image, installation, package_lock),
    )
    made = make(workspace(), wish, signer_from(key_file, passphrase_file))
    output.facts(_facts(made), lambda: _text(made))


def _serving(
    image: str | None, installation: Path | None, package_lock: Path | None
) -> "InstalledHere | PinnedReference":
    from weighlock.core.reference import Reference
    from weighlock.service.request import InstalledHere

    if image is not None and installation is None and package_lock is None:
        return Reference.parse(image).pinned
    if image is None and installation is not None and package_lock is not None:
        return InstalledHere(installation, package_lock)
    raise UsageError(
        "serving_invalid",
        "a candidate names either an image, or an installation with its package lock",
        hint="give --image, or both --installation and --package-lock",
    )


def _environment(variables: tuple[str, ...]) -> dict[str, str]:
    made = {}
    for variable in variables:
        name, equals, value = variable.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{variable!r} is not NAME=VALUE", param_hint="--env")
        made[name] = value
    return made


def _facts(made: "Requested") -> dict[str, object]:
    candidate = made.candidate
    return {
        "candidate": str(made.digest),
        "name": candidate.name,
        "model": str(candidate.model),
        "requester": candidate.requester,
        "evaluation": None if candidate.evaluation is None else str(candidate.evaluation),
        "sbom": str(made.sbom),
    }


def _text(made: "Requested") -> str:
    facts = _facts(made)
    rows = [(word, shown(str(value or "none: it must be waived"))) for word, value in facts.items()]
    short = made.digest.short
    waive = "" if made.candidate.evaluation else f"weighlock evidence waive {short}, "
    return f"{table(rows)}\nnext: {waive}weighlock sbom review {short}, weighlock approve {short} (twice)"
