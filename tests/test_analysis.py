"""Static analysis: what `claimhooks check --strict` finds, and what it leaves alone."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from analysing import HEADER_LINES, Check, strict
from claimhooks import Policy, Runtime, Settings
from claimhooks.analysis import REMEDIES, analyse
from claimhooks.analysis.explanation import explanation_of
from claimhooks.claims import RESERVED
from claimhooks.cli import main
from claimhooks.generation import Plan
from claimhooks.snapshot import Snapshot
from given import Hooks, exchange, hook


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARK_KEY", "a value")
    monkeypatch.setenv("CRM_TOKEN", "another")
    return strict


@pytest.mark.parametrize("code", sorted(REMEDIES))
def test_the_wrong_example_has_the_finding_and_the_right_one_has_none(
    code: str, check: Check
) -> None:
    explanation = explanation_of(code)
    assert explanation is not None
    wrong, right = explanation.wrong, explanation.right
    assert wrong != right
    assert [finding["code"] for finding in check(wrong)] == [code]
    assert check(right, right.get("claimhooks.toml", "")) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('return {"tier": 1}', ("claim_not_namespaced", 1, 13)),
        ('return {"iss": 1}', ("claim_reserved", 1, 13)),
        ('return {"https://a.auth0.com/x": 1}', ("claim_reserved_host", 1, 13)),
        ('return dict(tier=1, scope=["a"])', ("claim_not_namespaced", 1, 17)),
        ('return {} | {"tier": 1}', ("claim_not_namespaced", 1, 18)),
        ('return {**{"tier": 1}}', ("claim_not_namespaced", 1, 16)),
        ('return {"tier": 1} if scope else None', ("claim_not_namespaced", 1, 13)),
        ('return scope and {"tier": 1}', ("claim_not_namespaced", 1, 23)),
        ('patch = {}\npatch["tier"] = 1\nreturn patch', ("claim_not_namespaced", 2, 11)),
        ("patch = {}\npatch.update(tier=1)\nreturn patch", ("claim_not_namespaced", 2, 18)),
        ('patch = {}\npatch.update({"tier": 1})\nreturn patch', ("claim_not_name", 2, 19)),
        ('patch = {}\npatch |= {"tier": 1}\nreturn patch', ("claim_not_namespaced", 2, 15)),
        ('patch = {}\npatch.setdefault("tier", 1)\nreturn patch', ("claim_not", 2, 22)),
        ('patch = None\nif scope:\n    patch = {"tier": 1}\nreturn patch', ("claim", 3, 18)),
        ('patch = {"aud": 1}\nif scope:\n    patch = {}\nreturn patch', ("claim_res", 1, 14)),
        ('name = "ti"\nreturn {name + "er": 1}', ("claim_not_namespaced", 2, 13)),
        ('def name(x): return "t" + x\nreturn {name("ier"): 1}', ("claim_not", 2, 13)),
        ('def f(a, b="x"): return f"{b}{a}"\nreturn {f("y"): 1}', ("claim_not", 2, 13)),
        ('def f(p): p["tier"] = 1\npatch = {}\nf(patch)\nreturn patch', ("claim", 1, 17)),
        ('make = lambda k: {k: 1}\nreturn make("tier")', ("claim_not_namespaced", 1, 23)),
        ('return {f"tier-{client.id}": 1}', ("claim_not_namespaced", 1, 13)),
        ('return {"https://auth0.com/" + client.id: 1}', ("claim_reserved_host", 1, 13)),
        ('return {"scope" if client.id else "tier": []}', ("claim_not_namespaced", 1, 39)),
        ('return {name: 1 for name in client.metadata} | {"tier": 1}', ("claim", 1, 53)),
        ('if (patch := {"tier": 1}): return patch', ("claim_not_namespaced", 1, 19)),
        ('patch: dict = {"tier": 1}\nreturn patch', ("claim_not_namespaced", 1, 20)),
        ('patch = {"tier": 1}\nreturn patch.copy()', ("claim_not_namespaced", 1, 14)),
        ('import copy\nreturn copy.deepcopy({"tier": 1})', ("claim_not_namespaced", 2, 27)),
        ('patch = {}\npatch.update(**{"tier": 1})\nreturn patch', ("claim_not", 2, 21)),
        ('def f(k="tier"): return {k: 1}\nreturn f()', ("claim_not_namespaced", 1, 30)),
        ('def f(*, k="tier"): return {k: 1}\nreturn f()', ("claim_not_namespaced", 1, 33)),
        ('def f(k): return k\nreturn {f(k="tier"): 1}', ("claim_not_namespaced", 2, 13)),
        ("class A:\n    def f(self, k): return k\nreturn {A().f('tier'): 1}", ("claim", 3, 13)),
        ("class A:\n    def f(self, k): return k\nreturn {A.f(0, 'tier'): 1}", ("claim", 3, 13)),
        ("class A: n = 'tier'\nclass B(object, A): pass\nreturn {B.n: 1}", ("claim", 3, 13)),
        ("import time\ntime.time()", ("clock_read", 2, 5)),
        ("import time\n(now := time.time)()", ("clock_read", 2, 5)),
        ("import time as t\nt.time()", ("clock_read", 2, 5)),
        ("from time import time\ntime()", ("clock_read", 2, 5)),
        ("import datetime as d\nd.datetime.now(d.UTC)", ("clock_read", 2, 5)),
        ("from datetime import datetime as d\nnow = d.utcnow\nnow()", ("clock_read", 3, 5)),
        ("import time\ntime.strftime('%H')", ("clock_read", 2, 5)),
        ("from random import choice\nchoice(scope)", ("randomness_used", 2, 5)),
        ("import random\nrandom.Random()", ("randomness_used", 2, 5)),
        ("import uuid\nstr(uuid.uuid4())", ("randomness_used", 2, 9)),
        ("import socket\nsocket.create_connection(('a', 1))", ("network_not_allowed", 2, 5)),
        ("import urllib.request\nurllib.request.urlopen('a')", ("network_not_allowed", 2, 5)),
        ("from httpx import AsyncClient as C\nC()", ("network_not_allowed", 2, 5)),
        (
            "import asyncio, requests\nasyncio.to_thread(requests.get, 'a')",
            ("network_not_allowed", 2, 5),
        ),
        ("open('a')", ("file_not_allowed", 1, 5)),
        ("with open('a') as f: pass", ("file_not_allowed", 1, 10)),
        ("from pathlib import Path\n(Path.home() / 'a').read_text()", ("file_not", 2, 5)),
        ("from pathlib import Path\nPath('a').parent.iterdir()", ("file_not_allowed", 2, 5)),
        ("if __name__ != '__main__': open('a')", ("file_not_allowed", 1, 32)),
        ("import os\nos.listdir('.')", ("file_not_allowed", 2, 5)),
        ("import subprocess as s\ns.run(['a'])", ("process_not_allowed", 2, 5)),
        ("import os\nos.environ['A'] = 'b'", ("state_kept", 2, 5)),
        ("import json\njson.encoder.FLOAT_REPR = str", ("state_kept", 2, 5)),
        ("global seen\nseen = client", ("state_kept", 2, 5)),
        ("def f(x, to=[]): to.append(x)\nf(client)", ("state_kept", 1, 22)),
        (
            "import functools\n@functools.cache\ndef f(x): return x\nf(client.id)",
            ("state_kept", 2, 6),
        ),
        ("context.secrets['A']", ("secret_not_configured", 1, 5)),
        ("context.secrets.get('A')", ("secret_not_configured", 1, 5)),
        ("def f(c): return c.secrets['A']\nf(context)", ("secret_not_configured", 1, 22)),
        ("mine = context.secrets\nmine['A']", ("secret_not_configured", 2, 5)),
    ],
)
def test_a_mistake_is_found_in_its_place(
    body: str, expected: tuple[str, int, int], check: Check
) -> None:
    (finding,) = check(body)
    code, line, column = expected
    assert finding["code"].startswith(code)
    assert (finding["line"], finding["column"]) == (line + HEADER_LINES, column)
    assert finding["file"] == "hooks/10-a.py"
    assert finding["remedy"] == REMEDIES[finding["code"]]


@pytest.mark.parametrize(
    "body",
    [
        'return {"https://acme.example/a": 1, "scope": scope, "expires_in": 60}',
        'return {"urn:acme:tier": 1}',
        "return {name: 1 for name in client.metadata}",
        'return {client.metadata["name"]: 1, f"{client.id}-x": 2}',
        'return {f"https://{client.tenant}.example/x": 1}',
        'return {"ht" + client.id: 1}',
        # Not what is returned.
        'patch = {"tier": 1}\npatch = {}\nreturn patch',
        'patch = {"tier": 1}\npatch.pop("tier")\nreturn patch',
        'patch = {"tier": 1}\ndel patch["tier"]\nreturn patch',
        'def f(p): return {"urn:acme:" + k: 1 for k in p}\npatch = {"tier": 1}\n'
        "if scope: return f(patch)\npatch = {}\nreturn patch",
        'local = {"tier": 1}\nreturn {"https://acme.example/a": local}',
        'local = {"tier": 1}\nreturn local and {}',
        'def other(): return {"tier": 1}\nreturn {"https://acme.example/a": other()}',
        'def other(): return {"tier": 1}\nreturn other()["tier"]',
        'patch: dict = {"tier": 1}\npatch: dict = {}\nreturn patch',
        'def f(k="tier"): return k\nreturn {f(*scope): 1, f(**client.metadata): 2}',
        'def f(k):\n    k = k.strip()\n    return k\nreturn {f("tier"): 1}',
        'def f(k):\n    k += "x"\n    return k\nreturn {f("tier"): 1}',
        'name = "tier"\ndef f():\n    nonlocal name\n    name = client.id\nf()\nreturn {name: 1}',
        'name = "tier"\ndef f():\n    def g():\n        nonlocal name\n        name = client.id\n'
        "    g()\nf()\nreturn {name: 1}",
        'def f(p):\n    p = {}\n    p["tier"] = 1\npatch = {}\nf(patch)\nreturn patch',
        'def f(p):\n    p["tier"] = 1\n    p.clear()\npatch = {}\nf(patch)\nreturn patch',
        "import contextlib\n@contextlib.contextmanager\ndef f(k): return k\nreturn {f('tier'): 1}",
        'return {f"sc{client.id}": 1}',
        # Names that mean something else here.
        "def open(name): return name\nopen('a')",
        "time = context.now\ntime.time()",
        "class requests:\n    @staticmethod\n    def get(x): return x\nrequests.get('a')",
        "random = client.metadata\nrandom.get('choice')",
        # What does not do it.
        "import time, datetime\ntime.monotonic(); time.strftime('%H', time.gmtime(0))",
        "import datetime\ndatetime.datetime.fromtimestamp(0); datetime.datetime.now",
        "import random, uuid\nrandom.Random(1).choice(scope or [1]); uuid.UUID(int=0)",
        "import socket, requests\nsocket.inet_aton('1.2.3.4'); requests.utils.quote('a')",
        "import os.path\nos.path.join('a', 'b'); os.environ.get('A')",
        "from pathlib import Path\nPath('a').name; Path('a') / 'b'",
        "open('/dev/null')",
        "if __name__ == '__main__':\n    open('a')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    open('a')",
        "if 0:\n    open('a')",
        "def unused(): open('a')",
        # State that ends with the exchange.
        "seen = []\nseen.append(client)",
        "from types import SimpleNamespace\nseen = SimpleNamespace()\nseen.client = client",
        "def f(x, to=[]): to.append(x)\nf(client, [])",
        "def f(x, to=()): return [*to, x]\nf(client)",
        "import functools\n@functools.cache\ndef f(x): return x\nf('a')",
        "class A:\n  n = []\n  def __init__(self): self.n = []\n  def add(self): self.n.append(1)\n"
        "A().add()",
        "scope.append('a'); client.metadata['a'] = 1; context.claims.clear()",
        # Waiting, but not in the event loop.
        "import time\ntime.sleep(0)",
    ],
)
def test_what_is_right_or_not_certain_is_no_finding(body: str, check: Check) -> None:
    assert check(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "x = y\ny = x\nreturn {x: 1} | x",
        "def f(): return f()\nreturn f()",
        "def f(): return {**g()}\ndef g(): return f() | {'tier': f()}\nreturn {**f(), **g()}",
        "a = {}\n" + "a = {**a, **a}\n" * 500 + "return a",
        "a = {}\n" + "a['urn:acme:x'] = 1\n" * 2000 + "return a",
        "a = {}\n" + "if scope:\n    a['urn:acme:x'] = 1\n    return a\n" * 1000,
        "a = {}\nfor b in ('urn:acme:x', 'urn:acme:y'):\n" + "    a[b] = 1\n" * 1000 + "return a",
        "return {" + "+".join(["'a'"] * 500) + ": 1}",
        "return " + " | ".join(["{'https://acme.example/a': 1}"] * 500),
        "x = client" + ".a" * 150 + "\nx()",
        "class A(A): pass\nA().b",
        "from .. import a\nfrom ...b import c\na(c)",
        "match client:\n    case {'a': x, **rest}: return rest\n    case [*y]: return y",
    ],
)
def test_hooks_that_go_in_circles_end(body: str, hooks: Hooks) -> None:
    folder = hooks({"10-a.py": hook(body)})
    done = CliRunner().invoke(main, ["check", str(folder), "--strict", "--format", "json"])
    assert done.exit_code in {0, 1, 2}
    assert json.loads(done.stdout)["findings"] is not None


@pytest.mark.parametrize(
    "module", ["argparse", "enum", "pathlib", "random", "socket", "subprocess", "unittest.mock"]
)
def test_whatever_python_allows_can_be_analysed(module: str) -> None:
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    source = Path(found.origin).read_text() + hook("return main(client)")
    files = {"10-a.py": source.encode(), "_b.py": source.encode()}
    analysis = analyse(Plan.of(Snapshot.of(Path("hooks"), files)), "none")
    assert analysis.problems == ()
    for finding in analysis.findings:
        assert finding.line is not None
        assert finding.column is not None
        assert 0 < finding.column <= len(source.split("\n")[finding.line - 1])


@settings(max_examples=60, deadline=None)
@given(
    name=st.one_of(
        st.text(st.characters(codec=None), max_size=12),
        st.sampled_from(sorted(RESERVED)),
        st.builds("{}{}{}".format, st.sampled_from(["http://", "https://", "urn:", "HTTP:"]),
                  st.sampled_from(["a", "auth0.com", "a.auth0.com", "auth0:x", "b.example"]),
                  st.sampled_from(["", "/", ":x", "/x y", "/é"])),
    )
)  # fmt: skip
def test_a_name_is_a_finding_exactly_if_the_policy_refuses_it(name: str) -> None:
    files = {"10-a.py": hook(f"return {{{name!r}: 1}}").encode()}
    snapshot = Snapshot.of(Path("hooks"), files)
    policy = Policy(mode="lenient", namespaces=("https://b.example/", "http://a/"))
    plan = Plan.of(snapshot, Settings(policy=policy))
    with Runtime(snapshot, plan.settings) as runtime:
        (entry,) = runtime.run(exchange()).trace
    refused = [refusal.code for refusal in entry.refused]
    if name not in {"scope", "expires_in"}:
        assert [finding.code for finding in analyse(plan, "none").findings] == refused
