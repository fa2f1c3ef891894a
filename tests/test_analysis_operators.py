"""Static analysis of hooks as operators write them: what is right has no finding, what is not has.

Each source is a file of the folder; a line of dashes and a name begins another one.
"""

from __future__ import annotations

import gc
import re
import warnings
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from analysing import Check, Finding, strict
from claimhooks.cli import main

SETTINGS = """
    [hooks.10-a]
    network = true
    secrets = ["MARK_KEY"]
    """


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK_KEY", "a value")
    return strict


def files_of(source: str) -> dict[str, str]:
    first, *rest = re.split(r"^--- (\S+)\n", dedent(source), flags=re.MULTILINE)
    return {"10-a.py": first, **dict(zip(rest[::2], rest[1::2], strict=True))}


def places(findings: list[Finding]) -> list[tuple[str, str, int]]:
    return [(one["code"], one["file"].removeprefix("hooks/"), one["line"]) for one in findings]


RIGHT = {
    "a dataclass that collects claims": """
        from dataclasses import dataclass, field
        from claimhooks import hookimpl

        @dataclass
        class Patch:
            claims: dict = field(default_factory=dict)
            count: int = 0

            def put(self, name, value):
                self.claims["https://acme.example/" + name] = value
                self.count += 1

        @hookimpl
        def credentials_exchange(client, context):
            patch = Patch()
            patch.put("key", len(context.secrets["MARK_KEY"]))
            return patch.claims
        """,
    "a model that gives each object its own dict": """
        from pydantic import BaseModel
        from claimhooks import hookimpl

        class Claims(BaseModel):
            values: dict = {}

            def put(self, name, value):
                self.values["https://acme.example/" + name] = value

        @hookimpl
        def credentials_exchange(client, context):
            claims = Claims()
            claims.put("key", len(context.secrets["MARK_KEY"]))
            return claims.values
        """,
    "names that objects are made with": """
        from dataclasses import dataclass
        from claimhooks import hookimpl

        @dataclass(frozen=True)
        class Namespace:
            base: str = ""

            def of(self, name):
                return self.base + name

        class Prefix:
            text = "tier-"

            def __init__(self, text):
                self.text = text

            def of(self, name):
                return f"{self.text}{name}"

        ACME = Namespace("https://acme.example/")

        @hookimpl
        def credentials_exchange(client, context):
            url = Prefix("https://acme.example/")
            return {ACME.of("key"): len(context.secrets["MARK_KEY"]), url.of("tier"): 1}
        """,
    "a class below that has the namespace": """
        from claimhooks import hookimpl

        class Claims:
            namespace = ""

            def name(self):
                return "tier"

            def patch(self, key):
                return {self.namespace + "key": key, self.name(): 1}

        class Acme(Claims):
            namespace = "https://acme.example/"

            def name(self):
                return self.namespace + "tier"

        @hookimpl
        def credentials_exchange(client, context):
            return Acme().patch(len(context.secrets["MARK_KEY"]))
        """,
    "a decorator that puts names into a namespace": """
        from claimhooks import hookimpl
        from ._names import namespaced

        @hookimpl
        @namespaced
        def credentials_exchange(client, context):
            return {"tier": client.metadata.get("tier")}
        --- _names.py
        from functools import wraps

        def namespaced(function):
            @wraps(function)
            def wrapper(client, context):
                patch = function(client, context)
                return {f"https://acme.example/{name}": patch[name] for name in patch}
            return wrapper
        """,
    "a decorator that gives other arguments": """
        from claimhooks import hookimpl
        from ._key import with_key

        @hookimpl
        @with_key
        def credentials_exchange(client, key):
            return {"https://acme.example/key": len(key)}
        --- _key.py
        def with_key(function):
            def wrapper(client, context):
                return function(client, context.secrets["MARK_KEY"])
            return wrapper
        """,
    "a helper with a decorator that reads the secret": """
        from functools import wraps
        from claimhooks import hookimpl

        def with_key(function):
            @wraps(function)
            def wrapper(context, *rest):
                return function(context, context.secrets["MARK_KEY"], *rest)
            return wrapper

        @with_key
        def mark(context, key, text):
            return key + text

        @hookimpl
        def credentials_exchange(client, context):
            return {"https://acme.example/mark": mark(context, client.id)}
        """,
    "a helper that renames keys in place": """
        from claimhooks import hookimpl

        def prefix(patch):
            for name in list(patch):
                patch[f"https://acme.example/{name}"] = patch.pop(name)

        @hookimpl
        def credentials_exchange(client, context):
            patch = {"key": len(context.secrets["MARK_KEY"])}
            patch["tier"] = client.metadata.get("tier")
            prefix(patch)
            return patch
        """,
    "keys of branches that return nothing": """
        import logging
        from claimhooks import AccessDenied, hookimpl

        @hookimpl
        def credentials_exchange(client, context):
            patch = {"https://acme.example/key": len(context.secrets["MARK_KEY"])}
            if client.metadata.get("suspended"):
                patch["reason"] = client.metadata["suspended"]
                logging.info("denied: %s", patch)
                raise AccessDenied("this client is suspended")
            if not client.metadata.get("tier"):
                patch["missing"] = "tier"
                logging.info("left alone: %s", patch)
                return None
            return patch
        """,
    "loops over names that look at them": """
        from claimhooks import hookimpl

        NAMES = ("scope", "tier", "https://acme.example/plan")
        ALLOWED = {"https://acme.example/plan"}

        @hookimpl
        def credentials_exchange(client, scope, context):
            patch = {"https://acme.example/key": len(context.secrets["MARK_KEY"])}
            for one in NAMES:
                if one.startswith("https://"):
                    patch[one] = 1
            for two in NAMES:
                if two in ALLOWED:
                    patch[two] = 1
            for three in NAMES:
                patch[three if ":" in three else f"https://acme.example/{three}"] = 1
            for four in NAMES:
                match four:
                    case "scope":
                        patch[four] = scope
            return patch
        """,
    "secrets that the hook can do without": """
        from claimhooks import hookimpl

        @hookimpl
        def credentials_exchange(client, context):
            key = context.secrets["MARK_KEY"]
            if "OLD_KEY" in context.secrets:
                key = context.secrets["OLD_KEY"]
            return {"https://acme.example/key": len(key + context.secrets.get("PEPPER", ""))}
        """,
    "caches and clients with nothing of the exchange": """
        import hmac
        from functools import lru_cache
        import httpx
        from claimhooks import hookimpl

        class Crm:
            def __init__(self, base):
                self.base = base
                self.http = None

            def connect(self):
                if self.http is None:
                    self.http = httpx.Client(base_url=self.base)

        CRM = Crm("https://crm.acme.example/")
        _http: httpx.Client | None = None

        def http():
            global _http
            if _http is None:
                _http = httpx.Client(timeout=0.2)
            return _http

        @lru_cache(maxsize=1)
        def signer(key):
            return hmac.new(key.encode(), digestmod="sha256")

        @hookimpl
        def credentials_exchange(client, context):
            CRM.connect()
            mac = signer(context.secrets["MARK_KEY"]).copy()
            mac.update(client.id.encode())
            return {"https://acme.example/mark": mac.hexdigest(), "urn:acme:x": bool(http())}
        """,
    "copies of what the module has": """
        from claimhooks import hookimpl

        ROLES = ["reader"]
        PAIR = ("a",)

        @hookimpl
        def credentials_exchange(client, context):
            class Box:
                pass

            Box.roles = ROLES[:]
            roles = ROLES[0:1]
            roles.append(client.id)
            own = list(ROLES)
            own += [client.id, context.secrets["MARK_KEY"][:0]]
            pair = PAIR
            pair += (client.id,)
            return {"https://acme.example/roles": roles + own}
        """,
    "a blocking helper that a decorator takes elsewhere": """
        import time
        from asgiref.sync import sync_to_async
        from claimhooks import hookimpl

        @sync_to_async
        def slow(key):
            time.sleep(0)
            return len(key)

        @hookimpl
        async def credentials_exchange(client, context):
            return {"https://acme.example/key": await slow(context.secrets["MARK_KEY"])}
        """,
    "files that are none": """
        import os
        import sqlite3
        from claimhooks import hookimpl

        TIERS = sqlite3.connect(":memory:", check_same_thread=False)

        @hookimpl
        def credentials_exchange(client, context):
            with open(os.devnull, "w") as nowhere:
                print(len(context.secrets["MARK_KEY"]), file=nowhere)
        """,
    "comments that are no comments to ignore": """
        # claimhooks: ignores files that begin with an underscore
        from claimhooks import hookimpl

        @hookimpl
        def credentials_exchange(context):
            return {"https://acme.example/key": len(context.secrets["MARK_KEY"])}
        """,
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT.keys())
def test_what_is_right_has_no_finding(source: str, check: Check) -> None:
    assert check(files_of(source), SETTINGS) == []
    with warnings.catch_warnings():
        # That a hook leaves its database open is told here, if at all: from Python 3.13 on.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


FOUND = {
    "a client that blocks, from a with statement or an attribute": (
        """
        import httpx, requests
        from claimhooks import hookimpl

        class Crm:
            def __init__(self):
                self.session = requests.Session()

            def tier(self, key):
                return self.session.get(f"https://crm.acme.example/{key}").text

        CRM = Crm()

        @hookimpl
        async def credentials_exchange(client, context):
            with httpx.Client() as http:
                http.get(context.secrets["MARK_KEY"])
            return {"https://acme.example/tier": CRM.tier(client.id)}
        """,
        [("blocking_call", "10-a.py", 10), ("blocking_call", "10-a.py", 17)],
    ),
    "names that a loop has one after the other": (
        """
        from claimhooks import hookimpl

        NAMES = ("tier", "scope", "sub")

        @hookimpl
        def credentials_exchange(client, context):
            context.secrets["MARK_KEY"]
            patch = {name: client.metadata[name] for name in ["plan"] if name in client.metadata}
            for name in NAMES:
                if (value := client.metadata.get(name)) is not None:
                    patch[name] = value
            return patch
        """,
        [
            ("claim_not_namespaced", "10-a.py", 9),
            ("claim_not_namespaced", "10-a.py", 12),
            ("claim_reserved", "10-a.py", 12),
        ],
    ),
    "names that a helper takes from another by a star": (
        """
        from claimhooks import hookimpl
        from ._names import NAMESPACE, now

        @hookimpl
        def credentials_exchange(client, context):
            context.secrets["MARK_KEY"]
            return {NAMESPACE + "at": now()}
        --- _names.py
        from ._consts import *
        from ._names import *
        --- _consts.py
        import time

        NAMESPACE = "acme:"

        def now():
            return time.time()
        """,
        [("claim_not_namespaced", "10-a.py", 8), ("clock_read", "_consts.py", 6)],
    ),
    "state in objects, functions and lists of the module": (
        """
        from claimhooks import hookimpl

        class Cache:
            def __init__(self):
                self._tiers = {}
                self._order = list()

            def get(self, key):
                return self._tiers.get(key)

            def put(self, key, tier):
                self._tiers[key] = tier

            def touch(self, key):
                self._order.append(key)

        CACHE = Cache()
        SCOPES = ["orders:read"]

        def count():
            count.calls += 1

        count.calls = 0

        @hookimpl
        def credentials_exchange(client, context):
            context.secrets["MARK_KEY"]
            count()
            if CACHE.get(client.id) is None:
                CACHE.put(client.id, 1)
                CACHE.touch(client.id)
            Cache().put(client.id, 1)
            wanted = SCOPES
            wanted += ["orders:write"]
            return {"scope": wanted}
        """,
        [("state_kept", "10-a.py", line) for line in (22, 31, 32, 35)],
    ),
    "what a dataclass is filled with": (
        """
        from dataclasses import dataclass, field
        from datetime import datetime
        from uuid import uuid4
        from claimhooks import hookimpl

        @dataclass
        class Stamp:
            id: str = field(default_factory=lambda: uuid4().hex)
            at: datetime = field(default_factory=datetime.now)

        @hookimpl
        def credentials_exchange(context):
            context.secrets["MARK_KEY"]
            return {"https://acme.example/id": Stamp().id}
        """,
        [("randomness_used", "10-a.py", 9), ("clock_read", "10-a.py", 10)],
    ),
    "a database in a file": (
        """
        import sqlite3
        from claimhooks import hookimpl

        TIERS = sqlite3.connect("/var/lib/tiers.db")

        @hookimpl
        def credentials_exchange(client, context):
            context.secrets["MARK_KEY"]
        """,
        [("file_not_allowed", "10-a.py", 5)],
    ),
    "keys that are returned before something is raised": (
        """
        from claimhooks import AccessDenied, hookimpl

        @hookimpl
        def credentials_exchange(client, context):
            patch = {}
            patch["tier"] = len(context.secrets["MARK_KEY"])
            if client.id:
                return patch
            raise AccessDenied("nobody")
        """,
        [("claim_not_namespaced", "10-a.py", 7)],
    ),
}


@pytest.mark.parametrize(("source", "expected"), FOUND.values(), ids=FOUND.keys())
def test_what_is_wrong_is_found(
    source: str, expected: list[tuple[str, str, int]], check: Check
) -> None:
    assert places(check(files_of(source), SETTINGS)) == expected


IMPORTED = """
    from ._hook import credentials_exchange
    --- _hook.py
    import time
    from claimhooks import hookimpl


    @hookimpl
    def credentials_exchange(client{arguments}):
        return None
    """


def test_a_hook_that_a_file_imports_has_its_findings_where_it_is_written(check: Check) -> None:
    wrong = check(files_of(IMPORTED.format(arguments=", scopes, context=None")))
    assert places(wrong) == [
        ("argument_unknown", "_hook.py", 6),
        ("argument_not_passed", "_hook.py", 6),
    ]
    unused = check(files_of(IMPORTED.format(arguments="")), SETTINGS)
    assert places(unused) == [("secret_unused", "_hook.py", 6)]
    assert unused[0]["reason"].endswith("(by way of 10-a)")


def test_no_line_of_another_file_is_given_to_a_hook_that_is_imported(check: Check) -> None:
    check(files_of(IMPORTED.format(arguments="")))
    assert "\n1. 10-a  hooks/10-a.py\n" in CliRunner().invoke(main, ["check"]).stdout
    Path("hooks/_hook.py").write_text(
        Path("hooks/_hook.py").read_text().replace("(client)", "(clients)")
    )
    done = CliRunner().invoke(main, ["check"])
    assert done.stderr.startswith("hooks/10-a.py: unknown argument 'clients'")


def test_the_beginning_of_a_name_is_judged_by_all_that_the_policy_says(check: Check) -> None:
    source = """
        from claimhooks import hookimpl

        @hookimpl
        def credentials_exchange(client):
            return {
                f"https://acme.test/{client.id}": 1,
                f"https://acme.example/{client.id}": 1,
                f"https://acme{client.id}": 1,
                f"urn:auth0:{client.id}": 1,
                f"urn:{client.id}": 1,
            }
        """
    settings = '[policy]\nnamespaces = ["https://acme.example/"]\n'
    found = check(files_of(source), settings)
    assert places(found) == [
        ("claim_not_in_namespaces", "10-a.py", 7),
        ("claim_reserved", "10-a.py", 10),
    ]


def test_an_effect_that_a_bridge_was_told_to_drop_is_no_finding(check: Check) -> None:
    source = """
        from claimhooks import hookimpl

        @hookimpl
        def credentials_exchange(client):
            return {"expires_in": 900}
        """
    bridge = '[bridges.hydra]\non_unsupported = "{}"\n'
    assert places(check(files_of(source), bridge.format("deny"))) == [
        ("effect_unsupported", "10-a.py", 6)
    ]
    assert check(files_of(source), bridge.format("drop")) == []


def test_no_hook_is_out_of_reach_for_the_clients_of_a_bridge_alone(check: Check) -> None:
    source = """
        from claimhooks import hookimpl

        @hookimpl
        def credentials_exchange(client):
            return None
        """
    files = files_of(source) | {"registry.toml": "[clients.one]\n"}
    settings = '[hooks.10-a]\nmatch.clients = ["two"]\n[bridges.hydra]\nregistry = {}\n'
    assert places(check(files, settings.format("true"))) == [("hook_unreachable", "10-a.py", 5)]
    assert check(files, settings.format("false")) == []
    done = CliRunner().invoke(main, ["check", "--strict", "--registry", "registry.toml"])
    assert "not looked for: no registry has the clients of the bridge hydra" in done.stdout
