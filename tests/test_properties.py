"""Whatever an exchange and a patch are, the policy holds."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from claimhooks import Api, Client, Exchange, LoadError, Policy, Runtime, TraceEntry
from claimhooks.claims import MAX_BYTES, RESERVED, RESERVED_PREFIXES, encoded_size
from claimhooks.policy import Judge, NotAPatch, Standing
from claimhooks.token import ALGORITHMS, Algorithm, SigningKey

API = "https://api.acme.example/"
KEYS = {alg: SigningKey.generate(alg) for alg in ALGORITHMS}
TOKENS = st.sampled_from(["a", "b", "c", "d", "e", "a b", 'q"', "", "ü", "a\n"])
GOOD_TOKENS = st.sampled_from(["a", "b", "c"])

names = st.one_of(
    st.sampled_from(sorted(RESERVED)),
    st.sampled_from(["https://acme.example/x", "urn:acme:x", "https://sub.auth0.com/x"]),
    st.builds("{}{}".format, st.sampled_from(["https://", "HTTP://", "urn:", ""]), st.text()),
    st.text(),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner), st.frozensets(scalars)
    ),
    max_leaves=20,
)
patches = st.dictionaries(
    names, values, max_size=5
).flatmap(
    lambda claims: st.fixed_dictionaries(
        {},
        optional={
            "scope": st.one_of(st.lists(TOKENS), values),
            "expires_in": st.one_of(st.integers(-5, 5000), values),
        },
    ).map(lambda rest: {**claims, **rest})
)  # fmt: skip
policies = st.builds(
    Policy,
    mode=st.sampled_from(["strict", "lenient"]),
    scopes=st.sampled_from(["grant", "api", "any"]),
    private_claims=st.sampled_from([(), ("tier",)]),
    namespaces=st.sampled_from([(), ("https://acme.example/",)]),
)


@settings(max_examples=400, deadline=None)
@given(policies, st.lists(GOOD_TOKENS), st.lists(GOOD_TOKENS), st.lists(patches, max_size=4))
def test_nothing_beyond_the_policy_ever_reaches_the_outcome(
    policy: Policy, scope: list[str], defined: list[str], answers: list[dict[Any, Any]]
) -> None:
    exchange = Exchange(
        client=Client(id="x"),
        audience=API,
        scope=tuple(scope),
        api=Api(identifier=API, scopes=tuple(defined), token_lifetime=3600),
    )
    judge, standing = Judge(policy), Standing(exchange, policy)
    for answer in answers:
        entry = TraceEntry("h", "h.py", 0.0, None, {}, [])
        before = (list(standing.scope), dict(standing.claims), standing.expires_in)
        try:
            is_good = judge.apply(answer, standing, entry)
        except NotAPatch:
            is_good = False
        if not is_good:
            assert before == (standing.scope, standing.claims, standing.expires_in)
            assert not entry.applied
        asked = {name for name in answer if name not in {"scope", "expires_in"}}
        assert not is_good or asked <= {
            *entry.applied,
            *(refused.name for refused in entry.refused),
        }
        standing.trace.append(entry)
    for name in standing.claims:
        assert name not in RESERVED
        assert not name.lower().startswith(RESERVED_PREFIXES)
        assert "auth0.com" not in name
        assert name in policy.private_claims or name.lower().startswith(
            ("https://", "http://", "urn:")
        )
        if policy.namespaces:
            assert name in policy.private_claims or name.startswith(policy.namespaces)
    json.dumps(standing.claims, allow_nan=False).encode("ascii")
    assert encoded_size(standing.claims) <= MAX_BYTES
    assert 0 < standing.expires_in <= 3600
    assert len(standing.scope) == len(set(standing.scope))
    allowed = {"grant": set(scope), "api": {*scope, *defined}, "any": set("abcde")}
    assert set(standing.scope) <= allowed[policy.scopes]


HOOK = """from claimhooks import hookimpl

@hookimpl
def credentials_exchange():
    return {{"https://acme.example/{name}": {value}}}
"""


class Reloading(RuleBasedStateMachine):
    """Edits, breaks, mends and deletes hooks: what runs is always the last good state."""

    @initialize()
    def start(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.files: dict[str, int | None] = {}
        self.runtime = Runtime(self.folder, allow_empty=True)
        self.expected: dict[str, int] = {}

    @rule(name=st.sampled_from("abc"), value=st.integers(0, 3))
    def edit(self, name: str, value: int) -> None:
        (self.folder / f"{name}.py").write_text(HOOK.format(name=name, value=value))
        self.files[name] = value

    @rule(name=st.sampled_from("abc"))
    def break_it(self, name: str) -> None:
        (self.folder / f"{name}.py").write_text("def (")
        self.files[name] = None

    @rule(name=st.sampled_from("abc"))
    def delete(self, name: str) -> None:
        (self.folder / f"{name}.py").unlink(missing_ok=True)
        self.files.pop(name, None)

    @rule()
    def reload(self) -> None:
        broken = [name for name, value in self.files.items() if value is None]
        if broken:
            active = self.runtime.generation
            with pytest.raises(LoadError) as raised:
                self.runtime.reload()
            assert len(raised.value.problems) == len(broken)
            assert self.runtime.generation is active
        else:
            self.runtime.reload()
            self.expected = {
                f"https://acme.example/{name}": value
                for name, value in self.files.items()
                if value is not None
            }

    @invariant()
    def the_last_good_state_runs(self) -> None:
        exchange = Exchange(client=Client(id="x"), audience=API, scope=())
        assert self.runtime.run(exchange).claims == self.expected

    def teardown(self) -> None:
        self.temporary.cleanup()


TestReloading = Reloading.TestCase
TestReloading.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53) + 1, 2**53 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8")),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("aé"), inner)),
    max_leaves=10,
)


@settings(deadline=None)
@given(json_values, st.sampled_from(ALGORITHMS))
def test_whatever_is_signed_is_what_a_verifier_reads(value: Any, alg: Algorithm) -> None:
    key = KEYS[alg]
    token = key.sign({"iss": "https://issuer.example/", "https://acme.example/x": value})
    read = jwt.decode(token, jwt.PyJWK(key.public_jwk()), algorithms=[alg])
    assert read == {"iss": "https://issuer.example/", "https://acme.example/x": value}
    assert jwt.get_unverified_header(token) == key.header()
