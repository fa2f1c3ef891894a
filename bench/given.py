"""What is measured with: hooks of three common shapes, and an exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from claimhooks import Api, Client, Exchange, RequestContext

API = "https://api.acme.example/"
HOOKS = [
    """(client):
    return {"https://acme.example/tierN": client.metadata.get("tier", "free")}
""",
    """(client, scope):
    if client.metadata.get("environment") == "staging":
        return {"scope": [token for token in scope if not token.endswith(":write")]}
""",
    """(context):
    tenant = context.request.params.get("tenant")
    return {"https://acme.example/tenantN": tenant} if tenant else None
""",
]
SAMPLE: dict[str, Any] = {
    "client": {"id": "orders-worker", "name": "Orders", "metadata": {"tier": "gold"}},
    "audience": API,
    "scope": ["orders:read", "orders:write"],
    "api": {"identifier": API, "scopes": ["orders:read", "orders:write"], "token_lifetime": 3600},
    "request": {"params": {"tenant": "north"}, "ip": "203.0.113.7"},
}
EXCHANGE = Exchange(
    client=Client(id="orders-worker", name="Orders", metadata={"tier": "gold"}),
    audience=API,
    scope=("orders:read", "orders:write"),
    api=Api(identifier=API, scopes=("orders:read", "orders:write"), token_lifetime=3600),
    request=RequestContext(params={"tenant": "north"}, ip="203.0.113.7"),
)


def folder_of(count: int, parent: Path, name: str = "hooks") -> Path:
    """A folder with so many hooks, each of one of the three shapes in turn."""
    folder = parent / f"{name}-{count}"
    folder.mkdir()
    for number in range(count):
        source = HOOKS[number % 3].replace("N", str(number), 1)
        text = f"from claimhooks import hookimpl\n\n\n@hookimpl\ndef credentials_exchange{source}"
        (folder / f"{number:02}-hook.py").write_text(text)
    return folder
