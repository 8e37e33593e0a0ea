"""``weighlock completion``."""

import click
from click.shell_completion import get_completion_class

from weighlock.core.error import InternalError


@click.command(short_help="Print the completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash: eval "$(weighlock completion bash)" in ~/.bashrc
    zsh:  eval "$(weighlock completion zsh)" in ~/.zshrc
    fish: weighlock completion fish > ~/.config/fish/completions/weighlock.fish
    """
    from weighlock.cli.main import root

    kind = get_completion_class(shell)
    if kind is None:
        raise InternalError("unexpected", f"click has no completion for {shell}")
    click.echo(kind(root, {}, "weighlock", "_WEIGHLOCK_COMPLETE").source())
