"""Verifiers that nobody here wrote accept the issuer's tokens, and none that it would not issue."""

from __future__ import annotations

import json
import ssl
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import jwt
import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from claimhooks.token import SigningKey
from given import API
from nodejs import Node
from serving import OTHER_API, TIER, Issuer, serving

pytestmark = pytest.mark.interop

Claims = dict[str, Any]


class Refused(Exception):
    """What a verifier says of a token that it does not accept."""


WHATEVER = "<InvalidTokenError"
"""Authlib tells no reason."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One that is good for the API, and three that are not."""

    good: str
    expired: str
    of_another_api: str
    wrongly_signed: str


Verify = Callable[[Issuer, Node | None, str], Claims]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with serving(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> Tokens:
    good = ask(issuer, API)
    payload = good.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    key = issuer.signing_key
    past = int(time.time()) - 3600
    forger = SigningKey(SigningKey.generate("RS256").private, "RS256", key.kid)
    return Tokens(
        good,
        expired=key.sign({**claims, "iat": past, "exp": past + 600}),
        of_another_api=ask(issuer, OTHER_API),
        wrongly_signed=forger.sign(claims),
    )


def ask(issuer: Issuer, audience: str) -> str:
    """A token that the issuer issues."""
    parameters = {
        "grant_type": "client_credentials",
        "client_id": issuer.worker.client_id,
        "client_secret": issuer.worker.secret,
        "audience": audience,
    }
    request = Request(issuer.token_url, urlencode(parameters).encode())
    return cast("str", fetched(issuer, request)["access_token"])


def fetched(issuer: Issuer, request: Request | str) -> Claims:
    """The JSON that the issuer answers with."""
    with urlopen(request, context=ssl.create_default_context(cafile=issuer.ca)) as answer:
        document: Claims = json.load(answer)
    return document


def pyjwt(issuer: Issuer, _node: Node | None, token: str) -> Claims:
    trusted = ssl.create_default_context(cafile=issuer.ca)
    keys = jwt.PyJWKClient(issuer.jwks_url, ssl_context=trusted)
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims: Claims = jwt.decode(
            token, key, algorithms=["RS256"], audience=API, issuer=issuer.url
        )
    except jwt.PyJWTError as error:
        raise Refused(repr(error)) from error
    return claims


def joserfc(issuer: Issuer, _node: Node | None, token: str) -> Claims:
    expected = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "value": API},
        exp={"essential": True},
    )
    try:
        decoded = joserfc_jwt.decode(token, key_set(issuer), algorithms=["RS256"])
        expected.validate(decoded.claims)
    except JoseError as error:
        raise Refused(repr(error)) from error
    assert decoded.header["typ"] == "at+jwt"
    return decoded.claims


def key_set(issuer: Issuer) -> KeySet:
    return KeySet.import_key_set(cast("Any", fetched(issuer, issuer.jwks_url)))


def authlib(issuer: Issuer, _node: Node | None, token: str) -> Claims:
    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]  # authlib has no types
        def get_jwks(self) -> KeySet:
            return key_set(issuer)

    validator = Validator(issuer=issuer.url, resource_server=API)
    try:
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, ["orders:read reports:export"], None)
    except OAuth2Error as error:
        raise Refused(repr(error)) from error
    return dict(claims)


def jose(issuer: Issuer, node: Node | None, token: str) -> Claims:
    return by_node("verifier-jose.mjs", issuer, node, token)


def express_oauth2_jwt_bearer(issuer: Issuer, node: Node | None, token: str) -> Claims:
    return by_node("verifier-express.mjs", issuer, node, token)


def by_node(program: str, issuer: Issuer, node: Node | None, token: str) -> Claims:
    given = {"issuer": issuer.url, "jwks_uri": issuer.jwks_url, "audience": API, "tokens": [token]}
    assert node is not None
    (verdict,) = json.loads(node.run(program, json.dumps(given), issuer.trust))
    if refusal := verdict.get("refusal"):
        raise Refused(refusal)
    claims: Claims = verdict["claims"]
    return claims


@pytest.fixture
def node(request: pytest.FixtureRequest, verify: Verify) -> Node | None:
    """Where `verify` is in a package for Node.js."""
    if verify not in (jose, express_oauth2_jwt_bearer):
        return None
    cache = request.config.cache
    assert cache is not None
    return Node.ready(cache.mkdir("node"))


@pytest.mark.parametrize("verify", [pyjwt, joserfc, authlib, jose, express_oauth2_jwt_bearer])
class TestVerifier:
    def test_accepts_a_token_with_its_customised_claims(
        self, verify: Verify, issuer: Issuer, tokens: Tokens, node: Node | None
    ) -> None:
        claims = verify(issuer, node, tokens.good)
        assert claims[TIER] == "gold"
        assert claims["scope"] == "orders:read orders:write reports:export"

    def test_refuses_one_that_has_expired(
        self, verify: Verify, issuer: Issuer, tokens: Tokens, node: Node | None
    ) -> None:
        with pytest.raises(Refused, match=rf"expired|.exp. claim|{WHATEVER}"):
            verify(issuer, node, tokens.expired)

    def test_refuses_one_for_another_audience(
        self, verify: Verify, issuer: Issuer, tokens: Tokens, node: Node | None
    ) -> None:
        with pytest.raises(Refused, match=rf"Audience|.aud.|{WHATEVER}"):
            verify(issuer, node, tokens.of_another_api)

    def test_refuses_one_that_is_wrongly_signed(
        self, verify: Verify, issuer: Issuer, tokens: Tokens, node: Node | None
    ) -> None:
        with pytest.raises(Refused, match=rf"[Ss]ignature|{WHATEVER}"):
            verify(issuer, node, tokens.wrongly_signed)
