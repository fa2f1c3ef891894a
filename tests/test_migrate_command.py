"""``claimhooks migrate`` as an operator meets it: what it prints, marks and refuses."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from claimhooks import Client, Exchange, Policy, Runtime, Settings
from claimhooks.cli import main
from claimhooks.errors import REFUSALS
from claimhooks.migrate import translate
from claimhooks.migrate.python.code import Block, Line, suite
from claimhooks.migrate.python.document import document, support_names
from claimhooks.migrate.state import Effects
from given import API

HEAD = "module.exports = function (client, scope, audience, context, cb) {\n"


def migrate(folder: Path, *arguments: str) -> Result:
    """`claimhooks migrate`, in `folder`."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, ["migrate", *arguments])


def hook(body: str) -> str:
    """A script whose hook has this body, which starts in line 2."""
    return f"{HEAD}{body}\n}};\n"


def marks(body: str) -> list[str]:
    """What a person has to decide about a hook with this body."""
    return [note.message for note in translate(hook(body), "a.js", "a").notes if note.decide]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A hook that needs a secret, and is translated completely."""
    path = tmp_path / "tier.js"
    body = "cb(null, { scope, 'https://acme.example/k': context.webtask.secrets.CRM_KEY });"
    path.write_text(hook(body))
    return path


def test_the_hook_goes_to_stdout_and_what_it_needs_to_stderr(script: Path) -> None:
    done = migrate(script.parent, "tier.js")
    assert done.exit_code == 0
    assert done.stdout == (
        '"""Translated from tier.js by claimhooks migrate."""\n\n'
        "from claimhooks import hookimpl\n\n\n"
        "@hookimpl\n"
        "def credentials_exchange(scope, context):\n"
        '    return {"scope": scope, "https://acme.example/k": context.secrets["CRM_KEY"]}\n'
    )
    assert done.stderr == 'claimhooks.toml needs:\n\n[hooks."tier"]\nsecrets = ["CRM_KEY"]\n\n'


def test_a_file_is_written_whole_and_never_over_another(script: Path) -> None:
    done = migrate(script.parent, "tier.js", "--output", "20-tier.py")
    assert (done.exit_code, done.stdout) == (0, "")
    assert '[hooks."20-tier"]' in done.stderr
    written = (script.parent / "20-tier.py").read_text()
    assert "credentials_exchange" in written
    script.write_text(hook("cb(null, {});"))
    again = migrate(script.parent, "tier.js", "--output", "20-tier.py")
    assert again.exit_code == 2
    assert "20-tier.py: is there already [output_exists]" in again.stderr
    assert (script.parent / "20-tier.py").read_text() == written


def test_a_file_that_cannot_be_written_is_said_and_leaves_nothing(script: Path) -> None:
    done = migrate(script.parent, "tier.js", "--output", "missing/tier.py")
    assert done.exit_code == 2
    assert "output_unwritable" in done.stderr
    assert [path.name for path in script.parent.iterdir()] == ["tier.js"]


def test_json_has_the_hook_the_notes_and_the_settings(script: Path) -> None:
    script.write_text(hook("  const t = { scope };\n  t.tier = 'gold';\n  cb(null, t);"))
    done = migrate(script.parent, "tier.js", "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert document.keys() == {"python", "notes", "settings"}
    (note,) = document["notes"]
    assert note.keys() == {"line", "column", "message", "decide"}
    assert (note["line"], note["column"], note["decide"]) == (3, 3, True)
    assert document["settings"] == ""


def test_a_decision_exits_1_and_is_marked_in_the_hook_and_at_its_place(script: Path) -> None:
    script.write_text(hook("  var x = jwt.verify(1);\n  cb(null, { scope, 'urn:acme:x': x });"))
    done = migrate(script.parent, "tier.js")
    assert done.exit_code == 1
    assert (
        "    # TODO(migrate): jwt.verify has no translation\n    #   jwt.verify(1)\n" in done.stdout
    )
    assert "tier.js:2:11: decide: jwt.verify has no translation" in done.stderr
    assert "to decide, marked TODO(migrate)" in done.stderr


# What is no hook

NO_HOOKS = {
    "": "nothing sets module.exports to a function [javascript_not_a_hook]",
    "{": "[javascript_malformed]",
    "module.exports = {};": "tier.js:1: module.exports is no function of this file: {}",
    "module.exports = main;": "module.exports is no function of this file: main",
    "module.exports = function (user, context, cb) {};": "takes 3 parameters (user, context, cb)",
    "module.exports = function (a, b, c, d, {e}) {};": "the last parameter is no name",
    "exports.onExecuteCredentialsExchange = async (event, api) => {};": "an Action",
    "exports.handler = (a, b, c, d, e) => {};": "sets exports.handler",
    "export default function (a, b, c, d, e) {}": "an ES module",
    "function (client, scope, audience, context, cb) {}": "nothing sets module.exports",
    'def credentials_exchange(client):\n    return {"a": 1}\n': "[javascript_malformed]",
    '{"kind": "hook"}': "nothing sets module.exports",
    f"{HEAD}  if (x = ) {{}}\n}};": "tier.js:2: column 9: unexpected = [javascript_malformed]",
    f"{HEAD}  cb(null, {{}});\n": "is missing [javascript_malformed]",
    "x = " + "(" * 5000 + "1" + ")" * 5000: "nested too deeply",
}


@pytest.mark.parametrize("source", NO_HOOKS, ids=lambda source: source[:30])
def test_a_script_that_is_no_hook_is_refused_with_the_reason(script: Path, source: str) -> None:
    script.write_text(source)
    done = migrate(script.parent, "tier.js", "--output", "tier.py")
    assert (done.exit_code, done.stdout) == (2, "")
    assert NO_HOOKS[source] in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in script.parent.iterdir()] == ["tier.js"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xff\xfe", "javascript_malformed"),
        (b"\0" * 10, "javascript_malformed"),
        (b"//" + b"x" * 2**20, "javascript_malformed"),
    ],
)
def test_a_file_that_is_no_text_is_refused(script: Path, content: bytes, code: str) -> None:
    script.write_bytes(content)
    done = migrate(script.parent, "tier.js")
    assert (done.exit_code, done.stdout) == (2, "")
    assert code in done.stderr
    missing = migrate(script.parent, "missing.js")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "missing.js: cannot be read" in missing.stderr


@pytest.mark.parametrize("module", ["tree_sitter_javascript", "ruff"])
def test_without_what_it_needs_the_extra_is_named(
    script: Path, tmp_path: Path, module: str
) -> None:
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / f"{module}.py").write_text("raise ImportError('gone')")
    done = subprocess.run(
        [sys.executable, "-m", "claimhooks", "migrate", script, "--output", "tier.py"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "gone [migrate_missing]" in done.stderr
    assert "install claimhooks[migrate]" in done.stderr
    assert not (tmp_path / "tier.py").exists()


def test_a_module_in_the_current_folder_is_not_taken_for_the_formatter(script: Path) -> None:
    (script.parent / "ruff.py").write_text("print('hacked')")
    done = migrate(script.parent, "tier.js")
    assert done.exit_code == 0
    assert "hacked" not in done.stdout


def test_a_hostile_script_reaches_no_terminal_raw(script: Path) -> None:
    body = """
    // \x1b[2J comment
    const t = { scope: scope }; /* \x07 bell */
    t['\\x1b[31mred'] = '\\ud800 \\x1b[0m';
    t['\\ud800'] = 1;
    foo('\x1b[31m');
    cb(null, t);
    """
    script.write_text(hook(body))
    for arguments in ([], ["--format", "json"]):
        done = migrate(script.parent, "tier.js", *arguments)
        assert done.exit_code == 1
        assert not {"\x1b", "\x07"} & {*done.stdout, *done.stderr}
    compile(json.loads(done.stdout)["python"], "tier.py", "exec")


# What is marked


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tier", "claim_not_namespaced"),
        ("permissions", "claim_reserved"),
        ("https://acme.auth0.com/tier", "claim_reserved_host"),
    ],
)
def test_claims_that_the_policy_refuses_are_marked_with_the_remedy(name: str, code: str) -> None:
    for body in (
        f"const t = {{ scope }}; t['{name}'] = 1; cb(null, t);",
        f"const K = '{name}'; const t = {{ scope }}; t[K] = 1; cb(null, t);",
        f"cb(null, {{ scope, '{name}': 1 }});",
    ):
        (message,) = marks(body)
        assert f"the policy refuses the claim {name}" in message
        assert message.endswith(REFUSALS[code])
    assert marks("const t = { scope }; t['urn:acme:tier'] = 1; cb(null, t);") == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("eval('1'); cb(null, { scope });", "nothing declares eval"),
        ("setTimeout(() => cb(null, { scope }), 5);", "setTimeout"),
        ("require('pg').connect(); cb(null, { scope });", "in Python: psycopg"),
        ("class A {} cb(null, { scope });", "class declaration"),
        ("cb(null, { scope: context.webtask.data });", "context has no data any more"),
        ("cb(null, { scope: client.grants });", "a client has id, name, tenant and metadata"),
        ("const s = process.env.KEY; cb(null, { scope });", "hooks see no environment"),
        ("const b = context.body.x; cb(null, { scope });", "internal call"),
        ("if (audience) return; cb(null, { scope });", "the callback is not called on this way"),
        ("console.log(1);", "the hook can end here without having called its callback"),
        ("cb();", "answers with nothing"),
        (
            "const v = JSON.parse(audience).v; cb(null, { scope, 'urn:a:b': v === null });",
            "None",
        ),
        ("x: for (const a of scope) { break x; } cb(null, { scope });", "labeled statement"),
        ("scope.map((s) => cb(null, { scope }));", "handed on"),
        ("cb(null, { scope, get a() { return 1; } });", "methods of objects"),
        ("const r = /(?<=a+)b/; cb(null, { scope });", "read this pattern otherwise"),
        ("const a = audience.trim('x'); cb(null, { scope });", "with these arguments"),
        ("const n = 1; if (audience === 'x') n++; cb(null, { scope });", "n is a const"),
        ("const f = scope.filter ? 1 : 2; cb(null, { scope });", "unless it is called"),
        ("if (!scope) cb = console.log; cb(null, { scope });", "the callback is replaced"),
        ("module.exports = scope; cb(null, { scope });", "set a second time"),
        ("const f = (a) => a; f(1, audience.trim()); cb(null, { scope });", "more arguments"),
        ("cb(null, { scope, 'urn:a:b': '' + client });", "no text of its own"),
    ],
)
def test_what_a_person_must_decide_is_marked_and_loads_all_the_same(
    body: str, said: str, tmp_path: Path
) -> None:
    found = translate(hook(body), "a.js", "a")
    assert not found.is_complete
    assert any(said in note.message for note in found.notes if note.decide), found.notes
    assert "# TODO(migrate): " in found.python
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "a.py").write_text(found.python)
    with Runtime(tmp_path / "hooks", Settings(policy=Policy(scopes="any"))):
        pass


NOT_TRANSLATED = {
    # Statements
    "while (audience) {}": "while statement",
    "do { } while (audience);": "do statement",
    "for (let i = 9; i > 1; i = i - 2) {}": "counts by one",
    "for (let i = 0, j = 1; i < j; i++) {}": "counts by one",
    "for (const i in scope) {}": "no dict",
    "let a, b; a = b = 1;": "assignment expression",
    "let a; if ((a = audience)) {}": "assignment expression",
    "let a = 1, b = 2; [a, b] = [b, a];": "pattern",
    "const { tier, ...rest } = client.metadata;": "pattern",
    "const [, second] = audience.split('/');": "pattern",
    "audience, scope;": "sequence expression",
    "function f(...all) {} f();": "any number of arguments",
    "function f(a) {} f(...scope);": "more arguments",
    # Expressions
    "const x = 0x10;": "decimal",
    "const x = scope.length % 2;": "operator %",
    "const x = scope.length ** 2;": "operator **",
    "const x = typeof audience;": "operator typeof",
    "const x = typeof JSON.parse(audience) === 'object';": "of type object",
    "const x = { a: 1, a: 2 };": "twice",
    "const x = JSON.parse(audience), y = x.a < x.b;": "compared by their value",
    "const x = /(?<=a)b/.test(audience);": "read this pattern otherwise",
    "const x = /(?<year>a)/.test(audience);": "read this pattern otherwise",
    "const x = /(a)\\1/.test(audience);": "read this pattern otherwise",
    "const x = /^a/m.test(audience);": "read this pattern otherwise",
    "const x = client.metadata.place.region;": "unless it is called",
    # What JavaScript brings
    "const p = new Promise((resolve) => resolve(1));": "new Promise",
    "const p = Promise.all([1]);": "Promise.all",
    "const m = new Map();": "new Map",
    "const x = Buffer.from('a').toString('base64');": "Buffer.from",
    "const x = Object.fromEntries([['a', 1]]);": "Object.fromEntries",
    "const t = {}, x = Object.assign(t, { a: 1 });": "value of this Object.assign",
    "const x = Math.max(1, 2);": "Math.max",
    "const x = parseFloat('1.5');": "parseFloat",
    "const x = parseInt('a', 16);": "another base",
    "const x = new Date().getFullYear();": "getFullYear",
    "const x = scope.splice(0, 1);": "method splice",
    "const x = scope.pop();": "method pop",
    "const x = scope.indexOf('a');": "method indexOf",
    "const x = scope.slice().sort((a, b) => 1);": "without a function only",
    "const x = scope.reduce((a, b) => a + b);": "these arguments",
    "const x = audience.charAt(0);": "method charAt",
    "const x = audience.padStart(3, '0');": "method padStart",
    "const x = ['1', '2'].map(parseInt);": "cannot be seen",
    "const crypto = require('crypto'); crypto.createHash('md5');": "in Python: hashlib",
    "const uuid = require('uuid'); uuid.v4();": "uuid.v4 of npm",
    "const _ = require('lodash'); _.get(client, 'id');": "lodash.get of npm",
    # What would come out wrong
    "const x = scope.filter((s, i, all) => all.indexOf(s) === i);": "the whole array",
    "const f = []; for (const s of scope) { f.push(() => s); }": "its last value",
    "let x = scope; if (audience) x = ['a']; if (x) { }": "cannot be told",
    "scope = scope.filter((s) => s); if (scope) { }": "cannot be told",
    "const x = { at: new Date() };": "toISOString",
    "const x = { all: new Set(scope) };": "a Set is {}",
    "let x = client.metadata.a; if (!x) x = null; const y = { x };": "was it to be null",
    "throw { message: 'no' };": "no error",
    "switch (true) { case audience.length: break; }": "only if it is true or false",
    "scope.forEach(async (s) => { await s; });": "did not wait",
    "const x = scope.map(async (s) => s);": "did not wait",
    "async function f() { await fetch('x'); } f(); scope.push('a');": "ran before the answer",
}


@pytest.mark.parametrize("body", NOT_TRANSLATED)
def test_what_is_not_translated_is_marked_once_and_where_it_is(body: str, tmp_path: Path) -> None:
    found = translate(
        hook(f"  cb(null, {{ scope }});\n  function unused() {{\n    {body}\n  }}"), "a.js", "a"
    )
    marks = [note for note in found.notes if note.decide]
    assert [note.line for note in marks] == [4] * len(marks)
    assert any(NOT_TRANSLATED[body] in note.message for note in marks), marks
    assert len(marks) <= 2, marks
    (tmp_path / "a.py").write_text(found.python)
    with Runtime(tmp_path) as runtime:
        outcome = runtime.run(Exchange(client=Client(id="a"), audience=API, scope=("a",)))
    assert outcome.status == "granted"


@pytest.mark.parametrize(
    "body",
    [
        "const x = weird(scope); cb(null, { scope, 'urn:acme:x': x });",
        "try { weird(); } catch (e) { } cb(null, { scope });",
        "if (audience) return; cb(null, { scope });",
        "try { if (audience) return; } catch (e) { } cb(null, { scope });",
    ],
)
def test_no_token_comes_of_what_is_not_translated(body: str, tmp_path: Path) -> None:
    found = translate(hook(body), "a.js", "a")
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "a.py").write_text(found.python)
    with Runtime(tmp_path / "hooks") as runtime:
        outcome = runtime.run(Exchange(client=Client(id="a"), audience=API, scope=("a",)))
    assert outcome.status == "fault"
    (entry,) = outcome.trace
    assert entry.error is not None
    assert "of the script is not translated" in entry.error.reason


def test_remarks_are_no_decisions() -> None:
    found = translate(hook("scope.push('a:b'); cb(new Error('no'));"), "a.js", "a")
    assert found.is_complete
    assert [note.message for note in found.notes] == [
        'the API has to define a:b, or [policy] scopes = "any" allow this',
        "the client is told server_error, without this text; raise ServerError to show it",
    ]


def test_an_error_that_was_given_to_the_callback_is_not_caught() -> None:
    body = """
    try {
      if (audience) return cb(new InvalidScopeError('no'));
      cb(null, { scope });
    } catch (e) {
      cb(null, { scope: [] });
    }"""
    python = translate(hook(body), "a.js", "a").python
    assert "    except OAuthError:\n        raise\n    except Exception:\n" in python


def test_an_error_given_to_the_callback_by_a_function_is_marked_where_it_would_be_caught() -> None:
    body = """
    function finish(tier) {
      if (!tier) return cb(new Error('no tier'));
      cb(null, { scope });
    }
    try {
      finish(client.metadata.tier);
    } catch (e) {
      cb(null, { scope: [] });
    }"""
    assert marks(body) == ["this error would be caught below, where cb(error) was not"]


# The form of what is written


def test_translations_are_formatted_as_ruff_would(tmp_path: Path) -> None:
    for path in (Path(__file__).parent / "migrate").glob("*.js"):
        found = translate(path.read_text(), path.name, path.stem)
        (tmp_path / f"{path.stem}.py").write_text(found.python)
    lines = [Line("@hookimpl"), *suite("def credentials_exchange()", Block([]))]
    everything = document(lines, Effects(support={*support_names()}), "all.js", "all.js")
    (tmp_path / "support.py").write_text(everything)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["format", "--diff"], ["check", "--select", "F,I", "--ignore", "F841"]):
        done = subprocess.run(
            [*ruff, *command, "--isolated", tmp_path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


def test_comments_stay_beside_what_they_are_about() -> None:
    body = """
    // above
    const t = {}; // beside
    t.scope = scope;

    t['urn:acme:x'] = {
      a: 1, // of a
      // above b
      b: 2
    };
    // at the end
    cb(null, t);"""
    python = translate(hook(body), "a.js", "a").python
    assert python.endswith(
        "def credentials_exchange(scope):\n"
        "    # above\n"
        "    t = {}  # beside\n"
        '    t["scope"] = scope\n'
        "\n"
        '    t["urn:acme:x"] = {\n'
        '        "a": 1,  # of a\n'
        "        # above b\n"
        '        "b": 2,\n'
        "    }\n"
        "    # at the end\n"
        "    return t\n"
    )
