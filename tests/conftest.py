"""Folders of hooks and exchanges to run them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from claimhooks import Exchange, Outcome, Policy, Runtime, Settings
from given import Hooks, Run, exchange, hook


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    """Writes hook files into a folder and returns it; again, to change them."""
    folder = tmp_path / "hooks"

    def write(files: Mapping[str, str]) -> Path:
        for name, source in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return folder

    return write


@pytest.fixture
def run(hooks: Hooks) -> Run:
    """Runs hook bodies, in order, over an exchange."""

    def outcome_of(
        *bodies: str, settings: Settings | None = None, policy: Policy | None = None, **changes: Any
    ) -> Outcome:
        folder = hooks({f"{n}0-hook.py": hook(body) for n, body in enumerate(bodies, start=1)})
        settings = settings or Settings(policy=policy or Policy())
        with Runtime(folder, settings) as runtime:
            return runtime.run(exchange(**changes))

    return outcome_of


@pytest.fixture(name="hook")
def hook_source() -> Callable[..., str]:
    """:func:`hook`, for tests that write files themselves."""
    return hook


@pytest.fixture(name="exchange")
def exchange_builder() -> Callable[..., Exchange]:
    """:func:`exchange`."""
    return exchange
