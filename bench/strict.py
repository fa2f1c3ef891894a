"""What static analysis costs: the whole command, over hooks of a usual size."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench.table import Row, row

HOOKS = 100
CLIENTS = 1000
API = "https://api.acme.example/"

HELPER = '''"""What the hooks share."""

NAMESPACE = "https://acme.example/"


def claim(name):
    """The full name of a claim of ours."""
    return NAMESPACE + name


def narrowed(scope, client):
    return [token for token in scope if token.split(":")[0] in client.metadata.get("areas", [])]
'''
HOOK = '''"""One rule of many, as an operator writes it."""

import hmac
import json
from hashlib import sha256

from claimhooks import AccessDenied, InvalidRequest, hookimpl

from . import _acme

TIERS = {"gold": 600, "silver": 300, "free": 60}
LIMIT = "limit"


class Plan:
    """What a client has bought."""

    def __init__(self, metadata):
        self.tier = metadata.get("tier", "free")
        self.seconds = TIERS.get(self.tier, 60)

    def claims(self):
        patch = {_acme.claim("tier-N"): self.tier}
        if self.tier != "free":
            patch[_acme.claim("paid-N")] = True
        return patch


def signed(client, key):
    text = json.dumps({"id": client.id, "tenant": client.tenant}, sort_keys=True)
    return hmac.new(key.encode(), text.encode(), sha256).hexdigest()


@hookimpl
def credentials_exchange(client, scope, audience, context):
    plan = Plan(client.metadata)
    if client.metadata.get("suspended"):
        raise AccessDenied("this client is suspended")
    tenant = context.request.params.get("tenant")
    if tenant is not None and tenant not in client.metadata.get("tenants", []):
        raise InvalidRequest("this client may not act for that tenant")
    patch = {**plan.claims(), f"{_acme.NAMESPACE}{LIMIT}-N": plan.seconds}
    if tenant:
        patch.update({_acme.claim("tenant-N"): tenant})
    patch |= {_acme.claim("proof-N"): signed(client, context.secrets["KEY"])}
    if context.now.hour < 6 and audience.startswith("https://api."):
        patch["scope"] = _acme.narrowed(scope, client)
    patch["expires_in"] = min(plan.seconds, context.api.token_lifetime)
    return patch
'''


def check_strict(parent: Path) -> list[Row]:
    """`check --strict` on 100 hooks, with a registry; against a check without it."""
    _write(parent)
    command = [sys.executable, "-m", "claimhooks", "check"]
    analysis = ["--strict", "--registry", "registry.toml"]
    plain, strict = (
        min(_seconds([*command, *more], parent) for _ in range(7)) for more in ([], analysis)
    )
    lines = HOOK.count("\n")
    return [
        row(f"check --strict: {HOOKS} hooks of {lines} lines", strict, " s", 1.0),
        row("  against a check without --strict", strict / plain, ""),
    ]


def _write(parent: Path) -> None:
    hooks = parent / "hooks"
    hooks.mkdir()
    (hooks / "_acme.py").write_text(HELPER)
    settings: list[str] = []
    for number in range(HOOKS):
        name = f"{number:03}-rule"
        (hooks / f"{name}.py").write_text(HOOK.replace("-N", f"-{number}"))
        settings.append(f'[hooks."{name}"]\nsecrets = ["KEY"]\nmatch.clients = ["*-{number}"]\n')
    (parent / "claimhooks.toml").write_text("\n".join(settings))
    clients = "\n".join(f"[clients.client-{number}]" for number in range(CLIENTS))
    at_the_api = f'[[grants]]\naudience = "{API}"\nclient_id = "client-'
    grants = "\n".join(f'{at_the_api}{number}"' for number in range(CLIENTS))
    (parent / "registry.toml").write_text(f'{clients}\n[apis."{API}"]\n{grants}\n')


def _seconds(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env={"KEY": "a secret of the bench"}, capture_output=True, check=False
    )
    taken = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(done.stdout.decode() + done.stderr.decode())
    return taken
