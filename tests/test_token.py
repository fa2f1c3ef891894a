"""Tokens, and the five steps of verifying one."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwk as jose_jwk
from joserfc import jwt as jose_jwt

from claimhooks import Client, Exchange, Outcome, TokenRejected
from claimhooks.exchange import Denial
from claimhooks.token import (
    ALGORITHMS,
    STEPS,
    Algorithm,
    NoToken,
    SigningKey,
    Verifier,
    payload,
    thumbprint,
)

ISSUER = "https://issuer.example/"
API = "https://api.acme.example/"
EXCHANGE = Exchange(client=Client(id="orders-worker"), audience=API, scope=("a", "b"))
KEY = SigningKey.generate("ES256")


def granted(**changes: Any) -> Outcome:
    fields: dict[str, Any] = {
        "status": "granted",
        "generation": "0" * 64,
        "scope": ["a", "b"],
        "claims": {"https://acme.example/tier": "gold"},
        "expires_in": 300,
        "error": None,
        "trace": [],
        "warnings": [],
    }
    return Outcome(**fields | changes)


def claims(**changes: Any) -> dict[str, Any]:
    found = payload(EXCHANGE, granted(), issuer=ISSUER)
    # Those made for parameters of a test may wait for it as long as the whole suite takes.
    found["exp"] = int(time.time()) + 172_800
    return {name: value for name, value in (found | changes).items() if value is not None}


def verifier(key: SigningKey = KEY) -> Verifier:
    return Verifier({"keys": [key.public_jwk()]}, issuer=ISSUER, audience=API)


def test_the_rfc9068_profile_has_its_claims() -> None:
    found = payload(EXCHANGE, granted(), issuer=ISSUER, issued_at=1000)
    assert isinstance(found.pop("jti"), str)
    assert found == {
        "https://acme.example/tier": "gold",
        "iss": ISSUER,
        "sub": "orders-worker",
        "aud": API,
        "client_id": "orders-worker",
        "iat": 1000,
        "exp": 1300,
        "scope": "a b",
    }


def test_the_auth0_profile_has_its_claims() -> None:
    found = payload(EXCHANGE, granted(scope=[]), issuer=ISSUER, profile="auth0", issued_at=1000)
    assert found == {
        "https://acme.example/tier": "gold",
        "iss": ISSUER,
        "sub": "orders-worker@clients",
        "aud": API,
        "azp": "orders-worker",
        "gty": "client-credentials",
        "iat": 1000,
        "exp": 1300,
    }


@pytest.mark.parametrize("status", ["denied", "fault"])
def test_only_a_granted_outcome_becomes_a_token(status: str) -> None:
    denial = Denial("access_denied", "no", 400)
    with pytest.raises(NoToken):
        payload(EXCHANGE, granted(status=status, error=denial), issuer=ISSUER)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc's opinion of the name
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_is_accepted_by_ours_and_by_another_verifier(algorithm: Algorithm) -> None:
    key = SigningKey.generate(algorithm)
    token = key.sign(claims())
    assert verifier(key).verify(token, scope="a b")["sub"] == "orders-worker"
    other = jose_jwt.decode(
        token, jose_jwk.import_key(dict(key.public_jwk())), algorithms=[algorithm, "Ed25519"]
    )
    assert other.header == {"alg": algorithm, "typ": "at+jwt", "kid": key.kid}
    assert other.claims["https://acme.example/tier"] == "gold"


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    jwk = {"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_key_must_fit_its_algorithm() -> None:
    with pytest.raises(TypeError):
        SigningKey.of(KEY.private, "RS256")
    with pytest.raises(ValueError, match="P-256"):
        SigningKey.of(ec.generate_private_key(ec.SECP384R1()), "ES256")
    assert "private" not in repr(KEY)


def unsigned(header: Mapping[str, object], body: Mapping[str, object], signature: str = "") -> str:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, body)]
    return b".".join(parts).decode() + "." + signature


def hs256_with_the_public_key() -> str:
    signed = unsigned({"alg": "HS256", "typ": "at+jwt", "kid": KEY.kid}, claims())[:-1]
    mac = hmac.HMAC(json.dumps(KEY.public_jwk()).encode(), hashes.SHA256())
    mac.update(signed.encode())
    return f"{signed}.{urlsafe_b64encode(mac.finalize()).rstrip(b'=').decode()}"


NOW = int(time.time())
STRANGER = SigningKey(SigningKey.generate("ES256").private, "ES256", KEY.kid)
AT_JWT = {"typ": "at+jwt", "kid": KEY.kid}

REJECTED = [
    ("", "well-formed"),
    ("a.b", "well-formed"),
    ("a.b.c", "well-formed"),
    ("§.§.§", "well-formed"),
    (KEY.sign(claims(), "auth0"), "well-formed"),
    (unsigned({"alg": "none", **AT_JWT}, claims()), "signature"),
    (unsigned({"alg": "nOnE", **AT_JWT}, claims()), "signature"),
    (hs256_with_the_public_key(), "signature"),
    (STRANGER.sign(claims()), "signature"),
    (SigningKey.generate("ES256").sign(claims()), "signature"),
    (
        SigningKey(SigningKey.generate("RS256").private, "RS256", KEY.kid).sign(claims()),
        "signature",
    ),
    (KEY.sign(claims())[:-6] + "AAAAAA", "signature"),
    (KEY.sign(claims(iss="https://evil.example/")), "issuer and time"),
    (KEY.sign(claims(iss=None)), "issuer and time"),
    (KEY.sign(claims(exp=NOW - 60)), "issuer and time"),
    (KEY.sign(claims(exp=None)), "issuer and time"),
    (KEY.sign(claims(iat=NOW + 86_400)), "issuer and time"),
    (KEY.sign(claims(iat=None)), "issuer and time"),
    (KEY.sign(claims(nbf=NOW + 86_400)), "issuer and time"),
    (KEY.sign(claims(aud="https://other.example/")), "audience"),
    (KEY.sign(claims(aud=None)), "audience"),
    (KEY.sign(claims(aud=["https://other.example/"])), "audience"),
    (KEY.sign(claims(scope="b")), "scope"),
    (KEY.sign(claims(scope=None)), "scope"),
    (KEY.sign(claims(scope=["a"])), "scope"),
]


@pytest.mark.parametrize(("token", "step"), REJECTED)
def test_a_token_that_is_not_valid_is_rejected_at_its_step(token: str, step: str) -> None:
    with pytest.raises(TokenRejected) as raised:
        verifier().verify(token, scope="a")
    assert raised.value.step == step


def test_every_step_is_tried() -> None:
    assert {step for _, step in REJECTED} == set(STEPS)


def test_an_audience_among_others_is_enough() -> None:
    verifier().verify(KEY.sign(claims(aud=["https://other.example/", API])))


def test_a_key_that_the_token_brings_along_is_not_used() -> None:
    evil = SigningKey.generate("ES256")
    headers = {"typ": "at+jwt", "kid": KEY.kid, "jku": "https://evil.example/jwks.json"}
    headers["jwk"] = evil.public_jwk()  # type: ignore[assignment]
    token = jwt.encode(claims(), evil.private, algorithm="ES256", headers=headers)
    with pytest.raises(TokenRejected, match="signature"):
        verifier().verify(token)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_no_changed_byte_goes_unnoticed(place: int) -> None:
    parts = KEY.sign(claims()).split(".")
    raw = bytearray(urlsafe_b64decode(parts[place] + "=="))
    raw[len(raw) // 2] ^= 1
    parts[place] = urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(TokenRejected):
        verifier().verify(".".join(parts))


@pytest.fixture
def published() -> Iterator[tuple[str, list[SigningKey]]]:
    keys: list[SigningKey] = []

    class Jwks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": [key.public_jwk() for key in keys]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Jwks) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/jwks.json", keys
        server.shutdown()


def test_a_key_set_is_fetched_and_again_for_a_new_key(
    published: tuple[str, list[SigningKey]],
) -> None:
    url, keys = published
    keys.append(KEY)
    remote = Verifier(url, issuer=ISSUER, audience=API)
    remote.verify(KEY.sign(claims()))
    rotated = SigningKey.generate("EdDSA")
    keys.append(rotated)
    remote.verify(rotated.sign(claims()))
    with pytest.raises(TokenRejected, match="kid"):
        remote.verify(SigningKey.generate("ES256").sign(claims()))


def test_a_key_set_that_cannot_be_had_rejects() -> None:
    remote = Verifier("http://127.0.0.1:9/jwks.json", issuer=ISSUER, audience=API)
    with pytest.raises(TokenRejected, match="cannot be had"):
        remote.verify(KEY.sign(claims()))
