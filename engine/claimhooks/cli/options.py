"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from claimhooks.settings import FILE_NAME, Settings, seconds_of


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """The seconds in an option such as ``250ms``."""
    try:
        return None if value is None else seconds_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


hooks_option: Final = click.option(
    "--hooks",
    "hooks_dir",
    type=click.Path(path_type=Path),
    default=Path("hooks"),
    show_default=True,
    help="The folder of hooks.",
)
lane_option: Final = click.option(
    "--lane",
    type=click.Choice(["inline", "worker"]),
    help="Where hooks run.  [default: as in the settings, else inline]",
)
config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings.  [default: claimhooks.toml beside the hooks, if there is one]",
)
format_option: Final = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For reading, or one JSON document.",
)
html_option: Final = click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the results as a page to look at, too.",
)
allow_empty_option: Final = click.option(
    "--allow-empty", is_flag=True, help="Accept a folder without hooks."
)


def settings_file(config: Path | None, hooks: str | Path) -> Path:
    """The settings file that was named, or else where one may be, beside the hooks."""
    if config is not None:
        return config
    # Hooks at an address have nothing beside them.
    return (Path() if "://" in str(hooks) else Path(hooks).parent) / FILE_NAME


def settings_from(config: Path | None, hooks: str | Path) -> Settings:
    """The settings that were named, or those beside the hooks, or the defaults.

    Without ``[record]``: what a command tries out is no exchange to be kept.
    """
    return all_settings_from(config, hooks).model_copy(update={"record": None})


def all_settings_from(config: Path | None, hooks: str | Path) -> Settings:
    """The same, as an issuer has them."""
    file = settings_file(config, hooks)
    return Settings() if config is None and not file.exists() else Settings.load(file)
