"""What tests begin with: the source of a hook, an exchange, waiting for what is to come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from claimhooks import Api, Client, Exchange, Outcome, RequestContext

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


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether `condition` comes to hold within so many seconds."""
    latest = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < latest:
        time.sleep(0.01)
    return holds


def processes_below(parent: int) -> dict[int, str]:
    """All processes that descend from `parent`, but for zombies: their ids and names (Linux)."""
    found: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name, _, rest = (entry / "stat").read_text().rpartition(") ")
            except OSError:
                continue  # it has ended meanwhile
            state, above = rest.split()[:2]
            if state != "Z":
                found[int(entry.name)] = (int(above), name.partition("(")[2])
    below: dict[int, str] = {}
    level = {parent}
    while level:
        level = {pid for pid, (above, _) in found.items() if above in level}
        below |= {pid: found[pid][1] for pid in level}
    return below
