"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from claimhooks.settings import Settings, seconds_of

CONFIG_NAME: Final = "claimhooks.toml"


def duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """The seconds in an option such as ``250ms``."""
    try:
        return None if value is None else seconds_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings.  [default: claimhooks.toml beside the hooks folder, if there is one]",
)
format_option: Final = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For reading, or one JSON document.",
)
allow_empty_option: Final = click.option(
    "--allow-empty", is_flag=True, help="Accept a folder without hooks."
)


def settings_file(config: Path | None, hooks_dir: Path) -> Path:
    """The settings file that was named, or else where one may be, beside the hooks folder."""
    return config or hooks_dir.parent / CONFIG_NAME


def settings_from(config: Path | None, hooks_dir: Path) -> Settings:
    """The settings that were named, or those beside the hooks folder, or the defaults."""
    file = settings_file(config, hooks_dir)
    return Settings() if config is None and not file.exists() else Settings.load(file)
