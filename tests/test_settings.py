"""claimhooks.toml, and the secrets that it gives to hooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimhooks import Exchange, HookSettings, LoadError, Runtime, Settings

if TYPE_CHECKING:
    from given import Hooks


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[polcy]\n", 1, "polcy: unknown key; did you mean 'policy'?"),
        ("[policy]\nscope = 'api'\n", 2, "did you mean 'scopes'?"),
        ("[policy]\nmode = 'lax'\n", 2, "policy.mode: must be 'strict' or 'lenient'"),
        ("[policy]\nnamespaces = 'x'\n", 2, "must be a list, not text"),
        ("[policy]\nnamespaces = ['acme']\n", 2, "neither an absolute"),
        ("[policy]\nprivate_claims = ['iss']\n", 2, "iss: the issuer's own"),
        ("\n[hooks.'10-a']\non_eror = 'skip'\n", 3, "did you mean 'on_error'?"),
        ("[hooks.'10-a'.match]\nclient = ['x']\n", 2, "did you mean 'clients'?"),
        ("[hooks.a]\nenabled = 1\n", 2, "must be true or false, not a number"),
        ("[hooks.a]\nsecrets = ['a/b']\n", 2, "text should match"),
        ("x = \n", 1, "Invalid value"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    file = tmp_path / "claimhooks.toml"
    file.write_text(text)
    with pytest.raises(LoadError) as raised:
        Settings.load(file)
    (problem,) = raised.value.problems
    assert reason in problem.reason
    assert (problem.file, problem.line) == (str(file), line)


@pytest.mark.parametrize("content", [b"\xff", b"#" * 2_000_000, b"x = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "claimhooks.toml"
    file.write_bytes(content)
    with pytest.raises(LoadError) as raised:
        Settings.load(file)
    assert raised.value.problems[0].code == "settings_malformed"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="No such file"):
        Settings.load(tmp_path / "claimhooks.toml")


def test_the_settings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "claimhooks.toml"
    file.write_text(
        "[policy]\nscopes = 'grant'\n[hooks.'10-a']\nmatch.clients = ['a*']\non_error = 'skip'\n"
    )
    settings = Settings.load(file)
    assert settings.policy.scopes == "grant"
    assert settings.of_hook("10-a").match.clients == ("a*",)
    assert settings.of_hook("20-b") == HookSettings()


SECRET = 'p"ass\\wörd'


@pytest.fixture(params=["variable", "file variable", "folder"])
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    file = tmp_path / "CRM_TOKEN"
    if request.param == "variable":
        monkeypatch.setenv("CRM_TOKEN", SECRET)
    else:
        file.write_text(SECRET + "\n")
    if request.param == "file variable":
        monkeypatch.setenv("CRM_TOKEN_FILE", str(file))
        return Settings(hooks={"a": HookSettings(secrets=("CRM_TOKEN",))})
    return Settings(secrets_dir=tmp_path, hooks={"a": HookSettings(secrets=("CRM_TOKEN",))})


def test_a_secret_reaches_its_hook_and_no_other(
    settings: Settings, hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    show = "return {'https://acme.example/%s': dict(context.secrets)}"
    folder = hooks({"a.py": hook(show % "a"), "b.py": hook(show % "b")})
    outcome = Runtime(folder, settings).run(exchange())
    assert outcome.claims["https://acme.example/a"] == {"CRM_TOKEN": SECRET}
    assert outcome.claims["https://acme.example/b"] == {}


@pytest.mark.parametrize(
    "body",
    [
        "return {'https://acme.example/x': ['my ' + s, {s: 1}]}",
        "return {'tier' + s: 1}",
        "return {'scope': [s]}",
        "raise ValueError('wrong: ' + s)",
        "raise ValueError(repr(s))",
        "{}[s]",
        "raise AccessDenied('because of ' + s)",
        "return {'https://acme.example/x': {1, s}}",
    ],
)
def test_a_secret_shows_in_no_trace_and_no_error(
    settings: Settings,
    hooks: Hooks,
    hook: Callable[..., str],
    exchange: Callable[..., Exchange],
    body: str,
) -> None:
    folder = hooks({"a.py": hook("s = context.secrets['CRM_TOKEN']\n" + body)})
    outcome = Runtime(folder, settings).run(exchange())
    outcome.claims.clear()
    text = str(outcome) + outcome.to_json().decode()
    assert "wörd" not in text
    assert "w\\xf6rd" not in text
    assert "w\\u00f6rd" not in text


def test_a_secret_shows_in_no_load_error(
    settings: Settings, hooks: Hooks, hook: Callable[..., str]
) -> None:
    folder = hooks({"a.py": hook("pass") + f"raise ValueError({SECRET!r})\n"})
    with pytest.raises(LoadError) as raised:
        Runtime(folder, settings)
    assert "wörd" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\xff"])
def test_an_empty_or_unreadable_secret_is_a_missing_one(
    tmp_path: Path, hooks: Hooks, hook: Callable[..., str], content: bytes
) -> None:
    (tmp_path / "CRM_TOKEN").write_bytes(content)
    settings = Settings(secrets_dir=tmp_path, hooks={"a": HookSettings(secrets=("CRM_TOKEN",))})
    with pytest.raises(LoadError) as raised:
        Runtime(hooks({"a.py": hook("pass")}), settings)
    assert raised.value.problems[0].code == "secret_missing"
