"""Verifiers that nobody here wrote accept the issuer's tokens, and none that it would not issue."""

from __future__ import annotations

import json
import re
import ssl
import time
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import jwt
import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

from claimhooks.token import ALGORITHMS, TYPES, Algorithm, Profile, SigningKey
from given import API
from programs import NODE, Programs
from serving import TIER, Issuer, api_of, serving

pytestmark = pytest.mark.interop

Claims = dict[str, Any]


class Refused(Exception):
    """What a verifier says of a token that it does not accept."""


class Api(NamedTuple):
    """An API, as a verifier knows it."""

    issuer: Issuer
    profile: Profile
    algorithm: Algorithm

    @property
    def identifier(self) -> str:
        return api_of(self.profile, self.algorithm)


Verify = Callable[[Api, str], Claims]
Verdicts = Mapping[str, Claims | Refused]
"""By the name of the token."""


# What they judge ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with serving(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


def tokens_of(api: Api) -> dict[str, str]:
    """One that is good for `api`, and three that are not, each for one reason alone."""
    good = ask(api)
    payload = good.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    key = api.issuer.signing_key(api.algorithm)
    past = int(time.time()) - 3600
    forger = SigningKey(SigningKey.generate(api.algorithm).private, api.algorithm, key.kid)
    return {
        "good": good,
        "expired": key.sign({**claims, "iat": past, "exp": past + 600}, api.profile),
        "for another audience": key.sign({**claims, "aud": API}, api.profile),
        "wrongly signed": forger.sign(claims, api.profile),
    }


def ask(api: Api) -> str:
    """A token that the issuer issues."""
    parameters = {
        "grant_type": "client_credentials",
        "client_id": api.issuer.worker.client_id,
        "client_secret": api.issuer.worker.secret,
        "audience": api.identifier,
    }
    request = Request(api.issuer.token_url, urlencode(parameters).encode())
    return cast("str", fetched(api.issuer, request)["access_token"])


def fetched(issuer: Issuer, request: Request | str) -> Claims:
    """The JSON that the issuer answers with."""
    with urlopen(request, context=ssl.create_default_context(cafile=issuer.ca)) as answer:
        document: Claims = json.load(answer)
    return document


def key_set(issuer: Issuer) -> KeySet:
    return KeySet.import_key_set(cast("Any", fetched(issuer, issuer.jwks_url)))


# Verifiers ---------------------------------------------------------------------------------------


def pyjwt(api: Api, token: str) -> Claims:
    trusted = ssl.create_default_context(cafile=api.issuer.ca)
    keys = jwt.PyJWKClient(api.issuer.jwks_url, ssl_context=trusted)
    try:
        decoded = jwt.decode_complete(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=[api.algorithm],
            audience=api.identifier,
            issuer=api.issuer.url,
        )
    except jwt.PyJWTError as error:
        raise Refused(repr(error)) from error
    assert decoded["header"]["typ"] == TYPES[api.profile]
    claims: Claims = decoded["payload"]
    return claims


def joserfc(api: Api, token: str) -> Claims:
    expected = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": api.issuer.url},
        aud={"essential": True, "value": api.identifier},
        exp={"essential": True},
    )
    try:
        with warnings.catch_warnings():
            # It would rather have EdDSA called by the name of its curve (RFC 9864).
            warnings.simplefilter("ignore", SecurityWarning)
            decoded = joserfc_jwt.decode(token, key_set(api.issuer), algorithms=[api.algorithm])
        expected.validate(decoded.claims)
    except JoseError as error:
        raise Refused(repr(error)) from error
    assert decoded.header["typ"] == TYPES[api.profile]
    return decoded.claims


def authlib(api: Api, token: str) -> Claims:
    class Validator(JWTBearerTokenValidator):  # type: ignore[misc]  # authlib has no types
        def get_jwks(self) -> KeySet:
            return key_set(api.issuer)

    validator = Validator(issuer=api.issuer.url, resource_server=api.identifier)
    try:
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, ["orders:read reports:export"], None)
    except OAuth2Error as error:
        # It tells clients no reason.
        raise Refused(repr(error.__cause__)) from error
    return dict(claims)


PYTHON: dict[str, Verify] = {"PyJWT": pyjwt, "joserfc": joserfc, "Authlib": authlib}
JAVASCRIPT: dict[str, tuple[str, bool]] = {
    "jose": ("verifier-jose.mjs", True),
    "express-oauth2-jwt-bearer": ("verifier-express.mjs", False),
    "express-oauth2-jwt-bearer, strict": ("verifier-express.mjs", True),
}
"""The program, and whether it is to be strict."""

ONLY_RFC_9068 = {"Authlib": "typ", "express-oauth2-jwt-bearer, strict": "'typ'"}
"""Why these refuse whatever has the profile ``auth0``."""
NOT_BY_AUTHLIB = ("PS256", "EdDSA")
"""Its validator knows no way to allow what joserfc, which it is made of, does not recommend."""


def reason_to_refuse(verifier: str, profile: Profile, algorithm: Algorithm) -> str | None:
    """Why `verifier` cannot be used for such tokens; None if it can."""
    if verifier == "Authlib" and algorithm in NOT_BY_AUTHLIB:
        return f"'{algorithm}' is not recommended"
    if profile == "auth0":
        return ONLY_RFC_9068.get(verifier)
    return None


COMBINATIONS = [
    (verifier, profile, algorithm)
    for verifier in (*PYTHON, *JAVASCRIPT)
    for profile in TYPES
    for algorithm in ALGORITHMS
]
USABLE = [each for each in COMBINATIONS if reason_to_refuse(*each) is None]
UNUSABLE = [each for each in COMBINATIONS if reason_to_refuse(*each) is not None]


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest, issuer: Issuer) -> Verdicts:
    """What a verifier says of each of the tokens of an API."""
    verifier, profile, algorithm = request.param
    api = Api(issuer, profile, algorithm)
    tokens = tokens_of(api)
    if verifier in PYTHON:
        return {name: verdict(PYTHON[verifier], api, token) for name, token in tokens.items()}
    assert request.config.cache is not None
    node = Programs.with_packages(NODE, request.config.cache)
    program, strict = JAVASCRIPT[verifier]
    given = {
        "issuer": issuer.url,
        "jwks_uri": issuer.jwks_url,
        "audience": api.identifier,
        "typ": TYPES[profile],
        "strict": strict,
        "tokens": [*tokens.values()],
    }
    said = json.loads(node.run(program, json.dumps(given), issuer.trust))
    return {
        name: Refused(each["refusal"]) if "refusal" in each else each["claims"]
        for name, each in zip(tokens, said, strict=True)
    }


def verdict(verify: Verify, api: Api, token: str) -> Claims | Refused:
    try:
        return verify(api, token)
    except Refused as refusal:
        return refusal


# What they say -----------------------------------------------------------------------------------


@pytest.mark.parametrize("verdicts", USABLE, indirect=True, ids="-".join)
def test_a_verifier_accepts_a_token_with_its_customised_claims(verdicts: Verdicts) -> None:
    claims = verdicts["good"]
    assert isinstance(claims, dict), claims
    assert claims[TIER] == "gold"
    assert claims["scope"] == "orders:read orders:write reports:export"


@pytest.mark.parametrize("verdicts", USABLE, indirect=True, ids="-".join)
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("expired", r"expired|.exp. (claim|value)"),
        ("for another audience", r"Audience|.aud."),
        ("wrongly signed", r"[Ss]ignature"),
    ],
)
def test_a_verifier_refuses_a_token(verdicts: Verdicts, token: str, reason: str) -> None:
    assert re.search(reason, str(refusal(verdicts[token])))


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [(each, reason_to_refuse(*each)) for each in UNUSABLE],
    indirect=["verdicts"],
    ids=map("-".join, UNUSABLE),
)
def test_a_verifier_refuses_what_it_is_not_made_for(verdicts: Verdicts, reason: str) -> None:
    assert reason in str(refusal(verdicts["good"]))


def refusal(verdict: Claims | Refused) -> Refused:
    assert isinstance(verdict, Refused), verdict
    return verdict
