"""Folders of hooks and exchanges to run them on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from claimhooks import Api, Client, Exchange, Outcome, Policy, RequestContext, Runtime, Settings

API = "https://api.acme.example/"
HEADER = "from claimhooks import *\n"

Hooks = Callable[[Mapping[str, str]], Path]
Run = Callable[..., Outcome]


def hook(body: str, arguments: str = "client, scope, audience, context") -> str:
    """The source of a hook with this body, which starts in line 4."""
    lines = dedent(body).strip().splitlines() or ["pass"]
    code = "\n".join(f"    {line}" for line in lines)
    return f"{HEADER}\n@hookimpl\ndef credentials_exchange({arguments}):\n{code}\n"


def exchange(**changes: Any) -> Exchange:
    """An exchange of a usual client; `metadata` and `params` are put where they belong."""
    metadata = changes.pop("metadata", {})
    params = changes.pop("params", {})
    lifetime = changes.pop("token_lifetime", 3600)
    api = Api(
        identifier=API, scopes=("orders:read", "orders:write", "admin"), token_lifetime=lifetime
    )
    fields: dict[str, Any] = {
        "client": Client(id="orders-worker", metadata=metadata),
        "audience": API,
        "scope": ("orders:read",),
        "api": api,
        "request": RequestContext(params=params),
    }
    return Exchange(**fields | changes)


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
