"""What commands print, as JSON: for programs, the same as for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from claimhooks.cli import main
from claimhooks.token import SigningKey
from given import hook

API = "https://api.acme.example/"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAIMHOOKS_REGISTRY", raising=False)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def result(*arguments: str, status: int = 0) -> Any:
    done = invoke(*arguments, "--format", "json")
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


# The registry ------------------------------------------------------------------------------------


def test_records_that_are_added() -> None:
    added = result("registry", "add-client", "orders", "--name", "Orders worker")
    assert added.keys() == {"client", "client_secret"}
    assert added["client"]["name"] == "Orders worker"
    assert added["client"]["secrets"][0].keys() == {"created"}
    assert len(added["client_secret"]) == 43
    rotated = result("registry", "rotate-secret", "orders")
    assert len(rotated["client"]["secrets"]) == 2
    assert rotated["client_secret"] != added["client_secret"]
    api = result("registry", "add-api", API, "--scope", "x=X")["api"]
    assert (api["identifier"], api["scopes"], api["signing_alg"]) == (API, {"x": "X"}, "RS256")
    granted = result("registry", "grant", "orders", API, "--all")
    assert granted == {"grant": {"client_id": "orders", "audience": API, "scopes": "all"}}


def test_a_client_without_a_secret(folder: Path) -> None:
    (folder / "jwks.json").write_text(
        json.dumps({"keys": [SigningKey.generate("ES256").public_jwk()]})
    )
    added = result("registry", "add-client", "partner", "--jwks", "jwks.json")
    assert added.keys() == {"client"}


def test_an_import(folder: Path) -> None:
    (folder / "all.toml").write_text("[clients.a]\n[clients.b]\n")
    imported = result("registry", "import", "all.toml")
    assert imported["imported"]["clients"] == {"added": 2, "changed": 0, "removed": 0}


def test_a_registry_that_is_edited_by_hand(folder: Path) -> None:
    (folder / "registry.toml").touch()
    address = ["--registry", "registry.toml"]
    told = result("registry", "add-api", API, *address, status=1)
    assert told["api"]["identifier"] == API
    (folder / "registry.toml").write_text(told["toml"])
    assert result("registry", "list", "apis", *address)[0] == told["api"]
    (folder / "all.toml").write_text("[clients.a]\n")
    told = result("registry", "import", "all.toml", *address, status=1)
    assert told == {"toml": "[clients.a]\n"}


# Keys and tokens ---------------------------------------------------------------------------------


def test_keys_that_have_changed(folder: Path) -> None:
    pem = folder / "key.pem"
    private = SigningKey.generate("ES256").private
    pem.touch(0o600)
    pem.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (imported,) = result("keys", "import", str(pem), "--alg", "ES256")["keys"]
    assert (imported["alg"], imported["state"]) == ("ES256", "active")
    rotated = {key["state"]: key for key in result("keys", "rotate", "--now")["keys"]}
    assert rotated.keys() == {"active", "retired"}
    assert rotated["retired"]["kid"] == imported["kid"]
    left = result("keys", "retire", imported["kid"])["keys"]
    assert left == [rotated["active"]]
    assert result("keys", "list")["keys"] == left


def test_a_token_that_is_verified(folder: Path) -> None:
    key = SigningKey.generate("ES256")
    (folder / "jwks.json").write_text(json.dumps({"keys": [key.public_jwk()]}))
    claims = {"iss": "https://i.example/", "sub": "orders", "aud": API, "scope": "x"}
    token = key.sign({**claims, "iat": 1, "exp": 4_000_000_000})
    options = ["--jwks", "jwks.json", "--issuer", "https://i.example/", "--audience", API]
    good = result("verify", token, *options)
    steps = ["well-formed", "signature", "issuer and time", "audience", "scope"]
    assert (good["valid"], good["passed"], good["failed"]) == (True, steps, None)
    assert good["claims"]["sub"] == "orders"
    bad = result("verify", token, *options, "--scope", "y", status=1)
    assert bad == {
        "valid": False,
        "passed": steps[:-1],
        "failed": {"step": "scope", "reason": "it lacks y"},
        "claims": None,
    }


# Bundles -----------------------------------------------------------------------------------------


def test_a_bundle_that_is_built_signed_and_verified(folder: Path) -> None:
    (folder / "hooks").mkdir()
    (folder / "hooks" / "10-a.py").write_text(hook("pass"))
    built = result("bundle", "build", "--revision", "7")
    assert (built["file"], built["revision"], built["files"]) == ("hooks.bundle", 7, 1)
    key = SigningKey.generate("EdDSA")
    (folder / "key.pem").touch(0o600)
    encoding = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key.private.private_bytes(*encoding))
    signed = result("bundle", "sign", "hooks.bundle", "--key", "key.pem")
    by = {"alg": "EdDSA", "kid": key.kid}
    assert signed == {"file": "hooks.bundle.sig", "signature": by}
    (folder / "jwk.json").write_text(json.dumps(key.public_jwk()))
    verify = ["bundle", "verify", "hooks.bundle", "--key", "jwk.json"]
    verified = result(*verify)
    assert (verified["valid"], verified["kid"]) == (True, key.kid)
    assert verified["manifest"]["digest"] == built["generation"]
    (folder / "hooks.bundle.sig").write_text("x")
    refused = result(*verify, status=1)
    assert refused["valid"] is False
    assert refused["problems"][0]["code"] == "bundle_signature"


# What hooks print --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["run", "samples", "--format", "json"],
        ["test", "--format", "json"],
        ["check", "--format", "json"],
        ["record", "samples"],
        ["run", "--bridge", "hydra", "call.json", "--format", "json"],
    ],
)
def test_what_hooks_print_is_not_among_the_results(folder: Path, command: list[str]) -> None:
    (folder / "hooks").mkdir()
    (folder / "hooks" / "10-a.py").write_text("print('LOADED')\n" + hook("print('RUN')"))
    (folder / "samples").mkdir()
    sample = {"client": {"id": "orders"}, "audience": API, "scope": []}
    (folder / "samples" / "one.json").write_text(json.dumps(sample))
    request = {
        "client_id": "orders",
        "granted_scopes": [],
        "granted_audience": [API],
        "grant_types": ["client_credentials"],
    }
    call = {"session": {"client_id": "orders"}, "request": request}
    (folder / "call.json").write_text(json.dumps(call))
    done = invoke(*command)
    assert done.exit_code == 0, done.output
    json.loads(done.stdout)
    assert "LOADED" in done.stderr
    assert ("RUN" in done.stderr) == ("check" not in command)
