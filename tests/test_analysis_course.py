"""Static analysis of all that a hook runs: helpers, async calls, arguments, secrets and state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysing import Check, codes, strict
from claimhooks import Runtime
from claimhooks.cli import main
from given import Hooks, exchange, hook


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK_KEY", "a value")
    monkeypatch.setenv("CRM_TOKEN", "another")
    return strict


def test_constants_and_helpers_of_other_files_are_followed(check: Check) -> None:
    files = {
        "_names.py": 'NS = "https://x.auth0.com/"\ndef claim(name):\n    "A docstring."\n'
        "    return NS + name\n",
        "_deep/__init__.py": "from .._names import claim as of\n",
        "_deep/more.py": 'from . import of\ndef patch(key):\n    return {of(key): 1, "sub": 2}\n',
        "10-a.py": hook('return {_names.claim("a"): 1, f"{_names.NS}b": 2}').replace(
            "import *\n", "import *\nfrom . import _names\n"
        ),
        "20-b.py": hook('return patch("c")').replace(
            "import *\n", "import *\nfrom ._deep.more import patch\n"
        ),
    }
    found = check({name if "/" not in name else f"hooks/{name}": t for name, t in files.items()})
    assert [(f["file"], f["line"], f["column"], f["code"]) for f in found] == [
        ("hooks/10-a.py", 6, 13, "claim_reserved_host"),
        ("hooks/10-a.py", 6, 35, "claim_reserved_host"),
        ("hooks/_deep/more.py", 3, 13, "claim_reserved_host"),
        ("hooks/_deep/more.py", 3, 25, "claim_reserved"),
    ]
    assert "'https://x.auth0.com/c'" in found[2]["reason"]
    assert found[3]["reason"].endswith("(by way of 20-b)")


def test_whatever_is_the_hook_of_a_file_is_analysed(check: Check) -> None:
    helper = """
        from claimhooks import hookimpl

        TABLE = {}
        TABLE["a"] = 1
        BASE = {"tier": TABLE["a"]}

        @hookimpl
        async def credentials_exchange(client):
            async def patch():
                return BASE
            return await patch()
        """
    named = """
        from claimhooks import hookimpl

        @hookimpl(specname="credentials_exchange", tryfirst=True)
        def anything(client):
            from . import _hook
            return {**_hook.BASE}
        """
    files = {
        "_hook.py": helper,
        "10-a.py": "from ._hook import credentials_exchange\n",
        "20-b.py": "from ._hook import *\n",
        "30-c.py": named,
    }
    (finding,) = check(files)
    assert (finding["code"], finding["line"]) == ("claim_not_namespaced", 6)
    assert finding["reason"].endswith("(by way of 10-a, 20-b, 30-c)")


def test_names_are_judged_by_the_policy_in_force(check: Check) -> None:
    body = 'return {"tier": 1, "tier2": 1, "https://a.example/x": 1, "https://b.example/x": 1}'
    settings = """
        [policy]
        private_claims = ["tier"]
        namespaces = ["https://a.example/"]
        reserved_hosts = ["a.example"]
        """
    found = check({"10-a.py": hook(body)}, settings)
    assert [finding["code"] for finding in found] == [
        "claim_not_namespaced",
        "claim_reserved_host",
        "claim_not_in_namespaces",
    ]


def test_a_typing_error_is_understood(check: Check) -> None:
    (finding,) = check('return {"scopes": []}')
    assert "did you mean 'scope'?" in finding["reason"]


def test_arguments_are_checked_one_by_one(check: Check) -> None:
    source = hook("return None", "client, scopes, context=None, limit=5, *rest, audience, **more")
    assert [(f["code"], f["column"]) for f in check({"10-a.py": source})] == [
        ("argument_unknown", 34),
        ("argument_not_passed", 42),
        ("argument_unknown", 66),
        ("argument_unknown", 72),
        ("argument_unknown", 84),
    ]


def test_an_argument_with_a_default_is_indeed_never_passed(hooks: Hooks) -> None:
    body = 'return {"https://acme.example/a": context is None}'
    folder = hooks({"10-a.py": hook(body, "client, context=None")})
    with Runtime(folder) as runtime:
        assert runtime.run(exchange()).claims == {"https://acme.example/a": True}


def test_what_a_hook_may_do_is_asked_of_the_hooks_that_come_by(check: Check) -> None:
    helper = "import requests\ndef tier(client):\n    return requests.get(client.id)\n"
    source = hook("tier(client)").replace("import *\n", "import *\nfrom ._crm import tier\n")
    files = {"_crm.py": helper, "10-a.py": source, "20-b.py": source, "30-c.py": hook("pass")}
    settings = '[hooks."10-a"]\nnetwork = true\n'
    (finding,) = check(files, settings)
    assert (finding["file"], finding["line"]) == ("hooks/_crm.py", 3)
    assert finding["reason"].endswith("(by way of 20-b)")


def test_what_a_helper_does_when_it_is_loaded_counts(check: Check) -> None:
    files = {
        "_first.py": "from . import _second\n",
        "_second.py": "TIERS = open('tiers.json').read()\n",
        "10-a.py": "from . import _first\n" + hook("pass"),
        "20-b.py": hook("from ._second import TIERS"),
        "30-c.py": hook("import json"),
    }
    (finding,) = check(files)
    assert (finding["file"], finding["line"]) == ("hooks/_second.py", 1)
    assert finding["reason"].endswith("(by way of 10-a, 20-b)")


def test_a_disabled_hook_and_a_helper_that_none_imports_are_not_looked_at(check: Check) -> None:
    files = {
        "10-a.py": hook("open('a')"),
        "20-b.py": hook("pass"),
        "_unused.py": "import time\ntime.time()  # claimhooks: ignore[state_kept]\n",
    }
    assert check(files, '[hooks."10-a"]\nenabled = false\n') == []


def test_an_async_hook_may_not_block_in_what_it_calls(check: Check) -> None:
    source = """
        import asyncio, subprocess, time, requests
        from claimhooks import hookimpl

        def wait():
            time.sleep(1)

        async def later():
            session = requests.Session()
            session.get("a")

        def elsewhere():
            subprocess.run(["a"])

        @hookimpl
        async def credentials_exchange():
            wait()
            await later()
            await asyncio.to_thread(elsewhere)
        """
    found = check({"10-a.py": source}, "[hooks.10-a]\nnetwork = true\n")
    assert [(f["code"], f["line"]) for f in found] == [
        ("blocking_call", 6),
        ("blocking_call", 10),
        ("process_not_allowed", 13),
    ]


def test_secrets_that_go_out_of_sight_are_no_finding(check: Check) -> None:
    settings = '[hooks."10-a"]\nsecrets = ["MARK_KEY", "CRM_TOKEN"]\n'
    unused = check({"10-a.py": hook("context.secrets['MARK_KEY']")}, settings)
    assert codes(unused) == [("secret_unused", 0)]
    assert "CRM_TOKEN" in unused[0]["reason"]
    for body in (
        "{**context.secrets}",
        "context.secrets[client.id]",
        "helper = vars; helper(context)",
        "def f(*all): return all[0].secrets\nf(context)",
        "[one.secrets for one in (context,)]",
        "one = context\nif scope: one = context\none.secrets['CRM_TOKEN'], one.secrets['MARK_KEY']",
        "'CRM_TOKEN' in context.secrets and context.secrets['MARK_KEY']",
        "KEYS = 'MARK_KEY'\nmine = context\nmine.secrets[KEYS], mine.secrets.get('CRM_TOKEN')",
    ):
        assert check({"10-a.py": hook(body)}, settings) == [], body


def test_state_of_modules_classes_and_helpers_is_found_where_it_changes(check: Check) -> None:
    helper = """
        from collections import Counter

        SEEN = {}
        HITS = Counter()
        TABLE = {}
        for letter in "abc":
            TABLE[letter] = ord(letter)

        class Store:
            items = []

            def put(self, item):
                self.items.append(item)
                Store.latest = item
        """
    source = """
        import itertools
        from claimhooks import hookimpl
        from . import _state
        from ._state import SEEN, Store

        numbers = itertools.count()

        def remember(client):
            known = SEEN
            known.setdefault(client.id, []).append(1)

        @hookimpl
        def credentials_exchange(client):
            remember(client)
            _state.HITS.update([client.id])
            _state.latest = client.id
            next(numbers)
            Store().put(client.id)
            own = dict(SEEN)
            own["a"] = _state.TABLE["a"]
        """
    found = check({"_state.py": helper, "10-a.py": source})
    assert {finding["code"] for finding in found} == {"state_kept"}
    assert [(f["file"][6:], f["line"], f["reason"].split(":")[0]) for f in found] == [
        ("10-a.py", 11, "changes SEEN of the module"),
        ("10-a.py", 16, "changes _state.HITS of the module"),
        ("10-a.py", 17, "changes _state.latest"),
        ("10-a.py", 18, "changes numbers of the module"),
        ("_state.py", 14, "changes self.items of the class"),
        ("_state.py", 15, "changes Store.latest"),
    ]


def test_columns_count_characters_in_any_encoding(check: Check, tmp_path: Path) -> None:
    check("pass")
    source = "\ufeff# A file of Windows\n" + hook('x = "é😀@"; open("a")').replace("@", "\f")
    source = source.replace("\n", "\r\n")
    (tmp_path / "hooks" / "10-a.py").write_bytes(source.encode())
    done = CliRunner().invoke(main, ["check", "--strict", "--format", "json"])
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["line"], finding["column"]) == (6, 16)
