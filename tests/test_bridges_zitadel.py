"""ZITADEL's signed and encrypted payloads, which golden files cannot show."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from bridging import KEYS, PATH, Answering, answering
from claimhooks import LoadError

ISSUER = "https://acme.zitadel.example"
TABLE = f"""
[bridges.zitadel]
audience = "https://api.example.com/"
jwt = {{ jwks = "jwks.json", issuer = "{ISSUER}", audience = "https://hooks.acme.example/"@ }}
"""
MESSAGE: dict[str, Any] = {
    "function": "function/preaccesstoken",
    "user": {"id": "1", "username": "orders-worker", "machine": {"encoded_hash": "hunter2"}},
}
REFUSED = {"forwardedStatusCode": 401, "forwardedErrorMessage": "the caller is not authenticated"}
GRANTED = {"append_claims": [{"key": "urn:acme:tier", "value": "gold"}]}

Make = Callable[[], str]


def signed(key: str = "peer", **changes: Any) -> str:
    """A payload as ZITADEL signs it: with empty issuer and audience."""
    now = int(time.time())
    claims = {**MESSAGE, "iss": "", "aud": [], "iat": now, "exp": now + 300, **changes}
    present = {name: value for name, value in claims.items() if value is not None}
    signer = KEYS[key]
    return jwt.encode(present, signer.private, "ES256", {"kid": KEYS["peer"].kid})


def unsigned() -> str:
    """With ``alg: none`` (RFC 8725 §3.2)."""
    return jwt.encode({**MESSAGE, "iat": 1, "exp": int(time.time()) + 300}, "", "none")


def confused() -> str:
    """Signed with the public key as if that were a secret (RFC 8725 §2.1)."""
    head, claims = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256", "kid": KEYS["peer"].kid}, MESSAGE)
    )
    secret = json.dumps(KEYS["peer"].public_jwk()).encode()
    signature = jwt.get_algorithm_by_name("HS256").sign(f"{head}.{claims}".encode(), secret)
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@contextmanager
def bridge(folder: Path, more: str = "", hook: str = "") -> Iterator[Answering]:
    body = hook or 'return {"urn:acme:tier": "gold"}'
    folder.mkdir(exist_ok=True)
    with answering(folder, "zitadel", body=body, bridge=TABLE.replace("@", more)) as found:
        yield found


def ask(found: Answering, body: str) -> Any:
    """ZITADEL says that it is JSON whatever it is."""
    answer = found.http.post(PATH, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    return answer.json()


def test_a_signed_payload_is_answered(tmp_path: Path) -> None:
    with bridge(tmp_path) as found:
        assert ask(found, signed()) == GRANTED
        assert found.event["client"] == "orders-worker"
        addressed = signed(iss=ISSUER, aud=["https://hooks.acme.example/"])
        assert ask(found, addressed) == GRANTED


@pytest.mark.parametrize(
    "made",
    [
        lambda: signed("other"),
        lambda: signed(exp=int(time.time()) - 3600),
        lambda: signed(exp=None),
        lambda: signed(iat=None),
        lambda: signed(iat=int(time.time()) + 3600),
        unsigned,
        confused,
        lambda: json.dumps(MESSAGE),
        lambda: signed()[:-10] + "AAAAAAAAAA",
        lambda: signed() + "é",
        lambda: "",
    ],
    ids=[
        "another key",
        "expired",
        "without an end",
        "without a beginning",
        "of the future",
        "unsigned",
        "signed with the public key",
        "not signed at all",
        "changed",
        "no ASCII",
        "empty",
    ],
)
def test_a_payload_that_is_not_of_zitadel_is_refused(tmp_path: Path, made: Make) -> None:
    with bridge(tmp_path, hook='raise RuntimeError("must not run")') as found:
        assert ask(found, made()) == REFUSED
        assert found.event["outcome"] == "refused"
        assert "hunter2" not in b"".join(found.lines).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ISSUER, "aud": ["https://api.example.com/"], "sub": "1"},
        {"iss": ISSUER},
        {"aud": ["https://hooks.acme.example/"]},
        {"iss": "https://other.zitadel.example", "aud": ["https://hooks.acme.example/"]},
    ],
    ids=["an access token", "for nobody", "of nobody", "of another instance"],
)
def test_what_the_same_key_signs_for_others_is_no_call(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with bridge(tmp_path) as found:
        assert ask(found, signed(**changes)) == REFUSED
        assert "no call" in found.event["reason"]


# Encrypted ---------------------------------------------------------------------------------------

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())
PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ENCRYPTED = ', decryption_keys = ["ZITADEL_PEM", "ZITADEL_PEM_NEXT"]'


def encrypted(
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, inner: str, **changes: str
) -> str:
    is_rsa = isinstance(private, rsa.RSAPrivateKey)
    pem = private.private_bytes(*PEM)
    key = RSAKey.import_key(pem) if is_rsa else ECKey.import_key(pem)
    alg = "RSA-OAEP-256" if is_rsa else "ECDH-ES+A256KW"
    header = {"alg": alg, "enc": "A256GCM", "typ": "JWT", "cty": "JWT", **changes}
    allowed = [header["alg"], header["enc"], *(["DEF"] if "zip" in header else [])]
    return jwe.encrypt_compact(header, inner, key, algorithms=allowed)


@pytest.fixture
def private_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZITADEL_PEM", RSA.private_bytes(*PEM).decode())
    monkeypatch.setenv("ZITADEL_PEM_NEXT", EC.private_bytes(*PEM).decode())


@pytest.mark.usefixtures("private_keys")
@pytest.mark.parametrize("private", [RSA, EC], ids=["RSA-OAEP-256", "ECDH-ES+A256KW"])
def test_an_encrypted_payload_is_answered(
    tmp_path: Path, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
) -> None:
    with bridge(tmp_path, ENCRYPTED) as found:
        assert ask(found, encrypted(private, signed())) == GRANTED


@pytest.mark.usefixtures("private_keys")
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: encrypted(STRANGER, signed()), "none of the keys opens"),
        (lambda: encrypted(EC, signed("other")), "a JWT"),
        (lambda: encrypted(EC, unsigned()), "not allowed"),
        (lambda: encrypted(EC, json.dumps(MESSAGE)), "a JWT that is none"),
        (lambda: encrypted(EC, signed(), alg="ECDH-ES+A128KW"), "not allowed"),
        (lambda: encrypted(RSA, signed(), alg="RSA-OAEP"), "not allowed"),
        (lambda: encrypted(EC, signed(), enc="A128GCM"), "not allowed"),
        (lambda: encrypted(EC, signed(), zip="DEF"), "compressed"),
        (signed, "not encrypted"),
        (lambda: "e30.e30.e30.e30.e30", "not allowed"),
        (lambda: "!.a.a.a.a", "header"),
    ],
)
def test_an_encrypted_payload_that_proves_nothing_is_refused(
    tmp_path: Path, made: Make, reason: str
) -> None:
    with bridge(tmp_path, ENCRYPTED, hook='raise RuntimeError("must not run")') as found:
        assert ask(found, made()) == REFUSED
        assert reason in found.event["reason"]


def test_a_key_that_cannot_decrypt_is_a_problem_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZITADEL_PEM", "no key")
    with (
        pytest.raises(LoadError, match="ZITADEL_PEM is no private key"),
        bridge(tmp_path, ', decryption_keys = ["ZITADEL_PEM"]'),
    ):
        pass
