"""Expressions of JavaScript: what they give in Node.js, and translated, in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from claimhooks import Client, Exchange, Policy, Runtime, Settings
from claimhooks.migrate import translate
from given import API
from programs import Programs

Text = st.SearchStrategy[str]
DEPTH = 2
BATCH = 40
BEGIN = """module.exports = function (client, scope, audience, context, cb) {
  const data = JSON.parse(client.metadata.json);
  const token = { scope };
  const a = data.a, x = client.metadata.x, n = data.n, list = ['b', 'a', 'c'];
"""
END = "  cb(null, token);\n};\n"
# There is no null: Python has one None for null and undefined, which the README tells.
SCALARS = [True, False, 0, 1, 2, 2.5, -1, "", "a", "0", "10", "b c", "true"]
TEXTS = ["a", "", "b c", "10", " 7 ", "x,y", "1e3", "-1", "0x1F", "A"]


def some(*texts: str) -> Text:
    return st.sampled_from(texts)


def made(template: str, *parts: Text) -> Text:
    return st.tuples(*parts).map(lambda found: template % found)


def anything(depth: int) -> Text:
    """Expressions of any kind."""
    atoms = some(
        "data.a", "data.b", "data.missing", "data.o", "data.l", "data['l']", "client.metadata.x",
        "client.metadata.missing", "scope", "undefined", "true", "false", "0", "1", "2.5",
        "[]", "['a', 1]", "{}", "({k: 'v', n: 1})", "a", "x", "data.o.p", "data.o?.p",
        "data.a?.b?.c", "data.missing?.x",
    )  # fmt: skip
    if not depth:
        return atoms
    inner = st.deferred(lambda: anything(depth - 1))
    return st.one_of(
        atoms,
        text(depth),
        array(depth),
        number(depth),
        condition(depth),
        *(made(f"(%s {sign} %s)", inner, inner) for sign in ("||", "&&", "??", "+")),
        made("(%s ? %s : %s)", inner, inner, inner),
        made("%s[%s]", array(depth - 1), some("0", "1", "5")),
        made("(%s).length", inner),
    )


def text(depth: int) -> Text:
    """Expressions that give a text."""
    atoms = some(
        "String(data.a)", "audience", "client.id", "'x,y'", "''", "'b c'", "`${data.b}`"
    )  # fmt: skip
    if not depth:
        return atoms
    inner, any_ = st.deferred(lambda: text(depth - 1)), st.deferred(lambda: anything(depth - 1))
    suffixes = (
        ".toUpperCase()", ".trim()", ".slice(1)", ".slice(-2)", ".substring(2, 1)",
        ".replace('a', 'b')", ".replace(/[ab]/g, '-')", ".split(',')[0]",
    )  # fmt: skip
    return st.one_of(
        atoms,
        made("%s%s", inner, some(*suffixes)),
        made("`a${%s}{${%s}`", any_, inner),
        made("(%s + %s)", inner, any_),
        made("(%s + %s)", any_, inner),
        made("%s.join('-')", st.deferred(lambda: array(depth - 1))),
        made("encodeURIComponent(%s)", inner),
        made("JSON.stringify([%s])", inner),
    )


def array(depth: int) -> Text:
    """Expressions that give an array."""
    atoms = some("scope", "['a', 'b', 'a']", "[1, 2, 10]", "Object.keys(data)", "list")
    if not depth:
        return atoms
    inner, any_ = st.deferred(lambda: array(depth - 1)), st.deferred(lambda: anything(depth - 1))
    suffixes = (
        ".map(x => x + 1)", ".map((x, i) => `${i}:${x}`)", ".map(String)", ".filter(x => x)",
        ".filter(Boolean)", ".filter(x => x !== 'a')", ".slice()", ".slice(1)", ".slice().sort()",
        ".concat('z')",
    )  # fmt: skip
    return st.one_of(
        atoms,
        made("%s%s", inner, some(*suffixes)),
        made("%s.concat(%s)", inner, any_),
        made("[%s, %s]", any_, any_),
        made("[...%s, %s]", inner, any_),
        made("[...new Set(%s)]", inner),
        made("%s.split(%s)", text(depth - 1), some("','", "''", "'a'")),
        some("Object.values(data.o)", "Object.entries(data.o).map(([k, v]) => k + v)"),
    )


def number(depth: int) -> Text:
    """Expressions that give a number."""
    atoms = some("0", "7", "2.5", "scope.length", "n", "Number(x)", "parseInt(x, 10)")
    if not depth:
        return atoms
    inner = st.deferred(lambda: number(depth - 1))
    return st.one_of(
        atoms,
        *(made(f"(%s {sign} %s)", inner, inner) for sign in ("+", "-", "*", "/")),
        made("%s.length", st.one_of(text(depth - 1), array(depth - 1))),
        made("%s(%s)", some("Number", "parseInt", "+", "-"), anything(depth - 1)),
        made("Math.%s(%s)", some("floor", "round"), inner),
        made("%s.reduce((sum, one) => sum + String(one).length, 0)", array(depth - 1)),
    )


def condition(depth: int) -> Text:
    """Expressions that give true or false."""
    atoms = some("true", "!data.a", "!!client.metadata.x", "data.f")
    if not depth:
        return atoms
    any_, texts, lists = anything(depth - 1), text(depth - 1), array(depth - 1)
    literal = some("undefined", "true", "''", "0", "'a'")
    return st.one_of(
        atoms,
        *(made(f"(%s {sign} %s)", any_, any_) for sign in ("===", "!==", "==", "<", ">=")),
        *(made(f"(%s {sign} %s)", any_, literal) for sign in ("===", "!==", "==", "!=")),
        made("!(%s)", any_),
        made("Boolean(%s)", any_),
        made("Array.isArray(%s)", any_),
        made("(typeof (%s) === %s)", any_, some("'string'", "'number'", "'undefined'")),
        made("%s.includes(%s)", lists, any_),
        made("(%s.indexOf(%s) %s)", lists, texts, some("!== -1", "=== -1", "> -1", ">= 0")),
        made("(%s.indexOf('a') %s)", texts, some("!== -1", "=== 0")),
        made("%s.%s", lists, some("some(x => x === 'a')", "every(x => x)")),
        made("(%s in client.metadata)", texts),
        made("/^a|\\d$/.test(%s)", texts),
    )


def values(depth: int = 0) -> st.SearchStrategy[Any]:
    """What JSON may hold, but null."""
    scalars = st.sampled_from(SCALARS)
    if depth == 2:
        return scalars
    inner = values(depth + 1)
    return st.one_of(
        scalars,
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from("pq"), inner, max_size=2),
    )


ANYTHING = anything(DEPTH)


def script(expressions: list[str]) -> str:
    """A hook with a claim for each expression; the first is in line 5."""
    lines = [
        f"  try {{ token['https://acme.example/{number}'] = String({expression}); }} "
        f"catch (e) {{ token['https://acme.example/{number}'] = "
        "e.message.endsWith('is not a function') ? 'no such method' : 'threw'; }\n"
        for number, expression in enumerate(expressions)
    ]
    return BEGIN + "".join(lines) + END


@st.composite
def expression_lists(draw: st.DrawFn) -> list[str]:
    """Some expressions, for one script."""
    return [draw(ANYTHING) for _ in range(BATCH)]


EXCHANGES = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries(
            {
                "a": values(),
                "b": values(),
                "o": st.fixed_dictionaries({"p": values(1), "q": values(1)}),
                "l": st.lists(values(1), max_size=3),
                "n": st.sampled_from([0, 1, 3, 2.5]),
                "f": st.booleans(),
            }
        ),
        "x": st.sampled_from(TEXTS),
        "scope": st.lists(st.sampled_from(["a", "b:c", "x"]), min_size=1, unique=True),
    }
)


@pytest.fixture(scope="module")
def in_node(pytestconfig: pytest.Config) -> Callable[[str, list[Any]], list[Any]]:
    assert pytestconfig.cache is not None
    programs = Programs.with_packages("migrate/node", pytestconfig.cache)

    def answers(hook: str, exchanges: list[Any]) -> list[Any]:
        given = [{"hook": hook, "exchanges": exchanges}]
        found: list[list[Any]] = json.loads(programs.run("run.js", json.dumps(given), {}))
        return found[0]

    return answers


@pytest.mark.slow
@pytest.mark.interop
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    expressions=expression_lists(),
    exchanges=st.lists(EXCHANGES, min_size=4, max_size=4),
)
def test_expressions_give_the_same_text_in_both(
    expressions: list[str],
    exchanges: list[Any],
    in_node: Callable[[str, list[Any]], list[Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # What is marked fails where it is reached, and with it the exchange.
    marked = {note.line for note in translate(script(expressions), "hook.js", "hook").notes}
    expressions = [one for line, one in enumerate(expressions, 5) if line not in marked]
    claims = [f"https://acme.example/{number}" for number in range(len(expressions))]
    folder = tmp_path_factory.mktemp("expressions")
    (folder / "hook.js").write_text(script(expressions))
    translation = translate(script(expressions), "hook.js", "hook")
    assert not [note for note in translation.notes if note.decide]
    (folder / "hooks").mkdir()
    (folder / "hooks" / "hook.py").write_text(translation.python)
    clients = [
        {"id": "orders", "metadata": {"json": json.dumps(one["data"]), "x": one["x"]}}
        for one in exchanges
    ]
    given_to_node = [
        {"client": client, "scope": one["scope"], "audience": API, "secrets": {}}
        for client, one in zip(clients, exchanges, strict=True)
    ]
    answers = in_node(str(folder / "hook.js"), given_to_node)
    with Runtime(folder / "hooks", Settings(policy=Policy(scopes="any"))) as runtime:
        for client, one, answer in zip(clients, exchanges, answers, strict=True):
            exchange = Exchange(
                client=Client.model_validate(client), audience=API, scope=tuple(one["scope"])
            )
            outcome = runtime.run(exchange)
            assert outcome.status == "granted", outcome.trace
            for claim, expression in zip(claims, expressions, strict=True):
                # A script that calls what its value does not have has never worked; and what
                # fails here, such as reckoning with an object, gives no wrong token.
                found = outcome.claims[claim], answer["data"][claim]
                is_well = found[0] in {found[1], "threw"} or found[1] == "no such method"
                assert is_well, (expression, client, *found)
