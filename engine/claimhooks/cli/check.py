"""``claimhooks check``: load and validate without running."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from claimhooks.cli.options import allow_empty_option, config_option, settings_from
from claimhooks.generation import Hook, hook_names
from claimhooks.runtime import Runtime
from claimhooks.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.settings import HookSettings, Settings


@click.command(
    epilog="""\b
Examples:
  claimhooks check
  claimhooks check deploy/hooks --config deploy/claimhooks.toml

Exit status: 0 if the hooks load; 2 with every problem if they do not."""
)
@click.argument(
    "hooks_dir", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("hooks")
)
@config_option
@allow_empty_option
def check(hooks_dir: Path, config: Path | None, allow_empty: bool) -> None:
    """Load and validate the hooks of a folder (default: hooks), as an issuer would at its start.

    Lists every hook in the order in which it runs, or every problem. No hook is run, but over the
    samples of the gate, if the settings name one.
    """
    settings = settings_from(config, hooks_dir)
    snapshot = Snapshot.read(hooks_dir, allow_missing=allow_empty)
    with Runtime(hooks_dir, settings, allow_empty=allow_empty) as runtime:
        generation, lane = runtime.generation, runtime.lane
    policy = settings.policy
    click.echo(f"generation {generation.digest}")
    click.echo(f"lane       {_lane(settings)}")
    click.echo(f"isolation  {lane.isolation}")
    click.echo(f"policy     {policy.mode}; hooks may add scopes of: {policy.scopes}")
    if settings.gate_path is not None:
        click.echo(f"gate       passed: {settings.gate_path}")
    for number, hook in enumerate(generation.hooks, start=1):
        place = hook.file if hook.line is None else f"{hook.file}:{hook.line}"
        click.echo(f"\n{number}. {click.style(hook.name, bold=True)}  {place}")
        click.echo(f"   takes {', '.join(hook.arguments) or 'nothing'}")
        for line in _settings(hook, settings.of_hook(hook.name), lane.lane):
            click.echo(f"   {line}")
    for name in hook_names(snapshot):
        if not settings.of_hook(name).enabled:
            click.echo(f"\n-. {name}  {snapshot.shown(name + '.py')}\n   disabled")


def _lane(settings: Settings) -> str:
    if settings.lane != "worker":
        return "inline"
    worker = settings.worker
    return (
        f"worker: {worker.processes} processes and one that stands by, of {worker.memory} MiB; "
        f"deadline {worker.deadline * 1000:,.0f} ms"
    )


def _settings(hook: Hook, settings: HookSettings, lane: str) -> Iterator[str]:
    yield f"on_error {settings.on_error}"
    for part in ("clients", "audiences", "scopes"):
        if patterns := getattr(settings.match, part):
            yield f"only for {part} {', '.join(patterns)}"
    if hook.deadline is not None and lane == "worker":
        yield f"deadline {hook.deadline * 1000:,.0f} ms of its own"
    if hook.network and lane == "worker":
        yield "runs in workers that have the network"
    if hook.secrets:
        yield f"secrets {', '.join(hook.secrets)}"
