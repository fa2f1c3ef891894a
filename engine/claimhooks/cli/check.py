"""``claimhooks check``: load and validate without running; before that, static analysis."""

from __future__ import annotations

import sys
from contextlib import closing, redirect_stdout
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from claimhooks.cli.checked import STYLES, Checked, Style, written
from claimhooks.cli.options import all_settings_from, allow_empty_option, config_option
from claimhooks.cli.peers import bridge_option
from claimhooks.errors import LoadError, ProblemsError
from claimhooks.generation import Plan
from claimhooks.runtime import Runtime
from claimhooks.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from claimhooks.bridges.checking import Carrier
    from claimhooks.registry import Document
    from claimhooks.settings import PeerName, Settings


@click.command(
    epilog="""\b
Examples:
  claimhooks check
  claimhooks check deploy/hooks --config deploy/claimhooks.toml
  claimhooks check --strict --registry registry.toml
  claimhooks check --strict --format sarif > claimhooks.sarif
  claimhooks check --bridge hydra

Exit status: 0 if the hooks load; 1 if --strict or --bridge find something; 2 with every problem if
they do not load."""
)
@click.argument("hooks", metavar="[HOOKS]", type=click.Path(), default="hooks")
@config_option
@allow_empty_option
@click.option(
    "--strict",
    is_flag=True,
    help="Look for mistakes in the syntax trees first. Errors found there keep all files from "
    "being run.",
)
@click.option(
    "--registry",
    "address",
    envvar="CLAIMHOOKS_REGISTRY",
    show_envvar=True,
    metavar="ADDRESS",
    help="With --strict: where the clients and grants are that tell which hooks can be reached.  "
    "[default: as in the settings]",
)
@bridge_option
@click.option(
    "--format",
    "style",
    type=click.Choice(STYLES),
    default="text",
    show_default=True,
    help="For reading, one JSON document, a SARIF log, or annotations of GitHub Actions.",
)
@click.pass_context
def check(
    ctx: click.Context,
    hooks: str,
    config: Path | None,
    allow_empty: bool,
    strict: bool,
    address: str | None,
    peer: PeerName | None,
    style: Style,
) -> None:
    """Load and validate hooks, as an issuer would at its start.

    HOOKS are a folder or a bundle (default: the folder hooks). Lists every hook in the order in
    which it runs, or every problem. No hook is run, but over the samples of the gate, if the
    settings name one.

    With --strict, everything that can be told from the files alone is looked at before any of them
    runs; `claimhooks explain CODE` tells what a finding means.

    With --bridge, as that bridge would at its start; and whatever hooks ask for that the issuer
    behind it cannot do is found, unless the settings say to drop it. --strict does so for all
    bridges in the settings.
    """
    if not strict and ctx.get_parameter_source("address") == ParameterSource.COMMANDLINE:
        raise click.UsageError("--registry is for --strict")
    checked = Checked()
    try:
        _check(checked, hooks, config, address, peer, allow_empty=allow_empty, strict=strict)
    except ProblemsError as error:
        checked.error = error
    for line in written(checked, style):
        click.echo(line)
    if style == "text" and checked.error is not None:
        raise checked.error
    sys.exit(checked.status)


def _check(
    checked: Checked,
    hooks: str,
    config: Path | None,
    address: str | None,
    peer: PeerName | None,
    *,
    allow_empty: bool,
    strict: bool,
) -> None:
    """Go as far as possible. Raises :class:`~claimhooks.errors.ProblemsError`."""
    settings = all_settings_from(config, hooks)
    if peer is not None and settings.lane is None:
        settings = settings.model_copy(update={"lane": "worker"})
    checked.settings = settings
    source = Source(hooks, settings, "inline", allow_empty=allow_empty)
    snapshot = checked.snapshot = source.read(fetch=True).contents.snapshot
    if strict or peer is not None:
        # Not at the top: without it there is no need for all that.
        from claimhooks.analysis import analyse, analyse_carried  # noqa: PLC0415

        plan = Plan.of(snapshot, settings, allow_empty=allow_empty)
        names: list[PeerName] = [*settings.bridges] if peer is None else [peer]
        carriers = _carriers(names, settings)
        checked.is_strict = strict
        checked.analysis = (
            analyse(plan, _registry(address, settings), carriers)
            if strict
            else analyse_carried(plan, carriers)
        )
        plan.check(checked.analysis.problems)
        if checked.analysis.has_errors:
            return
    checked.has_run = True
    # Standard output is for the result, and not for what files print as they are loaded.
    with (
        redirect_stdout(sys.stderr),
        Runtime(snapshot, settings, allow_empty=allow_empty) as runtime,
    ):
        checked.generation, checked.lane = runtime.generation, runtime.lane
    if peer is not None:
        from claimhooks.bridges.checking import facts_of  # noqa: PLC0415

        checked.bridge = facts_of(peer, settings, checked.generation.hooks)


def _carriers(names: list[PeerName], settings: Settings) -> list[Carrier]:
    """Those that deny the token for what they cannot do: the others were told to drop it."""
    names = [name for name in names if settings.of_bridge(name).on_unsupported == "deny"]
    if not names:
        return []
    from claimhooks.bridges.checking import Carrier  # noqa: PLC0415
    from claimhooks.bridges.opening import peer_of  # noqa: PLC0415

    return [Carrier(peer_of(name)) for name in names]


def _registry(address: str | None, settings: Settings) -> Document | str:
    """The registry; or why there is none, unless somebody has named one for this check."""
    from claimhooks.registry import StoreUnavailable, open_store  # noqa: PLC0415

    place = address or settings.registry_address
    if place is None:
        return "no registry is named; see --registry"
    if alone := [name for name, table in settings.bridges.items() if not table.registry]:
        return f"no registry has the clients of the bridge {alone[0]}"
    try:
        with closing(open_store(place)) as store:
            return store.document()
    except LoadError as error:
        if address is not None:
            raise
        return f"{error.problems[0].file}: {error.problems[0].reason}"
    except StoreUnavailable as error:
        if address is not None:
            raise
        return str(error)
