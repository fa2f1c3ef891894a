"""The command line: one module a command.

Results go to stdout, messages to stderr. Exit status 0: all is well; 1: the answer is no; 2: the
command could not do its work.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final, NoReturn, cast

import click

from claimhooks import __version__
from claimhooks.errors import ClaimhooksError, Problem, ProblemsError, printable

MAX_SHOWN: Final = 20

COMMANDS: Final = (
    "init",
    "run",
    "test",
    "check",
    "bench",
    "explain",
    "record",
    "replay",
    "diff",
    "serve",
    "serve-bridge",
    "bundle",
    "registry",
    "keys",
    "verify",
    "migrate",
    "completion",
)
"""Each is the function of that name in the module of that name."""


class _Commands(click.Group):
    """Loads a command when it is called. Turns errors that an operator can mend into messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"claimhooks.cli.{name}")
        return cast("click.Command", getattr(module, name))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ProblemsError as error:
            _fail([*map(_problem, error.problems[:MAX_SHOWN])], len(error.problems))
        except ClaimhooksError as error:
            _fail([str(error)], 1)
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            # Whoever read the results has seen enough; nothing can be written any more.
            sys.stderr.close()
            sys.exit(2)
        except OSError as error:
            place = error.filename or "output"
            remedy = "see that this user may read and write it, and that its disk has room"
            _fail([f"{place}: {error.strerror}\n  → {remedy}"], 1)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  claimhooks init my-hooks && cd my-hooks
  claimhooks run samples
  claimhooks test
  claimhooks serve

Exit status: 0 if all is well; 1 if the answer is no; 2 if the command could not do its work.""",
)
@click.version_option(__version__, message="claimhooks %(version)s")
def main() -> None:
    """Run Python hooks at OAuth 2.0's client-credentials exchange."""


def _problem(problem: Problem) -> str:
    # A terminal must not obey what a file holds.
    place, *remedy = map(printable, str(problem).split("\n"))
    return "\n".join([click.style(place, fg="red"), *remedy])


def _fail(messages: list[str], count: int) -> NoReturn:
    for message in messages:
        click.echo(message, err=True)
    if count > len(messages):
        click.echo(f"and {count - len(messages):,} more problems", err=True)
    sys.exit(2)
