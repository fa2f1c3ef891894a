"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from claimhooks.settings import Settings

CONFIG_NAME: Final = "claimhooks.toml"

config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The settings.  [default: claimhooks.toml beside the hooks folder, if there is one]",
)
allow_empty_option: Final = click.option(
    "--allow-empty", is_flag=True, help="Accept a folder without hooks."
)


def settings_from(config: Path | None, hooks_dir: Path) -> Settings:
    """The settings that were named, or those beside the hooks folder, or the defaults."""
    beside = hooks_dir.parent / CONFIG_NAME
    if config is None and not beside.exists():
        return Settings()
    return Settings.load(config or beside)
