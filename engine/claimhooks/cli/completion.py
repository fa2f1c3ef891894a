"""``claimhooks completion``: what lets a shell complete commands, options and values."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

SHELLS: Final = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
PROGRAM: Final = "claimhooks"
VARIABLE: Final = "_CLAIMHOOKS_COMPLETE"
"""In which the shell tells the program that it is asked for completions; click reads it."""


@click.command(
    epilog="""\b
Examples:
  claimhooks completion bash > ~/.local/share/bash-completion/completions/claimhooks
  claimhooks completion zsh > "${fpath[1]}/_claimhooks"
  claimhooks completion fish > ~/.config/fish/completions/claimhooks.fish
  eval "$(claimhooks completion bash)"      # for this shell alone

Exit status: 0."""
)
@click.argument("shell", type=click.Choice([*SHELLS]))
def completion(shell: str) -> None:
    """Print what a shell is to load for completing.

    It then completes commands and options, names of hooks, keys and codes, and files.
    """
    # The script does no more than ask the program each time.
    click.echo(SHELLS[shell](click.Command(PROGRAM), {}, PROGRAM, VARIABLE).source())
