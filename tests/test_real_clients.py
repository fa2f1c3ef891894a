"""Clients that nobody here wrote ask a running issuer for a token, each in its own way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as RequestsOAuth2Session

from claimhooks.token import Verifier
from given import API
from programs import INSTALLED, NODE, Programs, run
from serving import METHOD, SUSPENDED, TIER, Account, Issuer, serving

pytestmark = pytest.mark.interop

Token = dict[str, Any]
Ask = Callable[[Issuer, Account, str], Token]
"""Asks for a token, authenticating by a method of RFC 7591 §2."""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with serving(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer whose URL has a path."""
    with serving(tmp_path_factory.mktemp("tenant"), "tenants/acme/") as issuer:
        yield issuer


@pytest.fixture(autouse=True)
def trust(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    trust_in(issuer, monkeypatch)


def trust_in(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in issuer.trust.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def programs(request: pytest.FixtureRequest) -> Programs:
    """With packages that are installed before anything trusts nobody but the issuer."""
    assert request.config.cache is not None
    return Programs.with_packages(request.param, request.config.cache)


def requests_oauthlib(issuer: Issuer, account: Account, method: str) -> Token:
    client = RequestsOAuth2Session(client=BackendApplicationClient(account.client_id))
    proof: dict[str, Any] = {"auth": (account.client_id, account.secret)}
    if method == "client_secret_post":
        proof = {"client_secret": account.secret, "include_client_id": True}
    token: Token = client.fetch_token(issuer.token_url, audience=API, **proof)
    return token


def authlib_requests(issuer: Issuer, account: Account, method: str) -> Token:
    with authlib(OAuth2Session, issuer, account, method) as client:
        token: Token = client.fetch_token(**client_credentials(issuer))
    return token


def authlib_httpx(issuer: Issuer, account: Account, method: str) -> Token:
    with authlib(OAuth2Client, issuer, account, method) as client:
        token: Token = client.fetch_token(**client_credentials(issuer))
    return token


def authlib_httpx_async(issuer: Issuer, account: Account, method: str) -> Token:
    async def asked() -> Token:
        async with authlib(AsyncOAuth2Client, issuer, account, method) as client:
            token: Token = await client.fetch_token(**client_credentials(issuer))
        return token

    return asyncio.run(asked())


def authlib(kind: type[Any], issuer: Issuer, account: Account, method: str) -> Any:
    """One of Authlib's clients: they differ in what they send requests with."""
    secret = account.pem if method == "private_key_jwt" else account.secret
    client = kind(account.client_id, secret, token_endpoint_auth_method=method)
    client.register_client_auth_method(PrivateKeyJWT(issuer.token_url))
    return client


def client_credentials(issuer: Issuer) -> dict[str, str]:
    return {"url": issuer.token_url, "grant_type": "client_credentials", "audience": API}


def curl(issuer: Issuer, account: Account, method: str) -> Token:
    parameters = {"grant_type": "client_credentials", "audience": API}
    basic = f"user = {account.client_id}:{account.secret}"
    if method == "client_secret_post":
        basic = ""
        parameters |= {"client_id": account.client_id, "client_secret": account.secret}
    data = "\n".join(f'data-urlencode = "{name}={value}"' for name, value in parameters.items())
    answer = run(
        ["curl", "--silent", "--show-error", "--config", "-", issuer.token_url],
        issuer.trust,
        given=f"{basic}\n{data}",
    )
    return granted(json.loads(answer))


def granted(answer: Token) -> Token:
    """`answer`, of a client that leaves it to its caller to look for errors."""
    if "error" in answer:
        raise RuntimeError(answer["error_description"])
    return answer


PYTHON_CLIENTS = [
    pytest.param(ask, method, id=f"{ask.__name__}-{method}")
    for ask, methods in {
        requests_oauthlib: ["client_secret_basic", "client_secret_post"],
        authlib_requests: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        authlib_httpx: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        authlib_httpx_async: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        curl: ["client_secret_basic", "client_secret_post"],
    }.items()
    for method in methods
]
PARAMETERS = ("programs", "program", "method", "discovery")
PROGRAMS = [
    pytest.param(
        packages, program, method, discovery, id=f"{packages}-{program}-{method}-{discovery}"
    )
    for packages, program, method, discovery in (
        (INSTALLED, "client_auth0.py", "client_secret_post", ""),
        (INSTALLED, "client_auth0.py", "private_key_jwt", ""),
        ("auth0-python==4.*", "client_auth0.py", "client_secret_post", ""),
        ("auth0-python==4.*", "client_auth0.py", "private_key_jwt", ""),
        ("auth0-python==5.*", "client_auth0.py", "client_secret_post", ""),
        ("auth0-python==5.*", "client_auth0.py", "private_key_jwt", ""),
        (NODE, "client-auth0.mjs", "client_secret_post", ""),
        (NODE, "client-auth0.mjs", "private_key_jwt", ""),
        (NODE, "client-auth0-3.mjs", "client_secret_post", ""),
        (NODE, "client-auth0-auth-js.mjs", "client_secret_post", "oidc"),
        (NODE, "client-auth0-auth-js.mjs", "private_key_jwt", "oidc"),
        (NODE, "client-openid-client.mjs", "client_secret_basic", "oidc"),
        (NODE, "client-openid-client.mjs", "client_secret_post", "oauth2"),
        (NODE, "client-openid-client.mjs", "private_key_jwt", "oauth2"),
        (NODE, "client-simple-oauth2.mjs", "client_secret_basic", ""),
        (NODE, "client-simple-oauth2.mjs", "client_secret_post", ""),
    )
]


@pytest.mark.parametrize(("ask", "method"), PYTHON_CLIENTS)
def test_a_python_client_gets_a_customised_token(issuer: Issuer, ask: Ask, method: str) -> None:
    expect_customised(issuer, ask(issuer, issuer.worker, method), method)


@pytest.mark.parametrize(("ask", "method"), PYTHON_CLIENTS)
def test_a_python_client_is_told_why_a_hook_denies(issuer: Issuer, ask: Ask, method: str) -> None:
    with pytest.raises(Exception, match=SUSPENDED):
        ask(issuer, issuer.suspended, method)


@pytest.mark.parametrize(PARAMETERS, PROGRAMS, indirect=["programs"])
def test_a_program_gets_a_customised_token(
    issuer: Issuer, programs: Programs, program: str, method: str, discovery: str
) -> None:
    given = told(issuer, issuer.worker, method, discovery)
    expect_customised(issuer, json.loads(programs.run(program, given, issuer.trust)), method)


@pytest.mark.parametrize(PARAMETERS, PROGRAMS, indirect=["programs"])
def test_a_program_is_told_why_a_hook_denies(
    issuer: Issuer, programs: Programs, program: str, method: str, discovery: str
) -> None:
    given = told(issuer, issuer.suspended, method, discovery)
    with pytest.raises(RuntimeError, match=SUSPENDED):
        programs.run(program, given, issuer.trust)


@pytest.mark.parametrize("discovery", ["oidc", "oauth2"])
@pytest.mark.parametrize("programs", [NODE], indirect=True)
def test_a_program_finds_an_issuer_with_a_path(
    tenant: Issuer, monkeypatch: pytest.MonkeyPatch, programs: Programs, discovery: str
) -> None:
    trust_in(tenant, monkeypatch)
    given = told(tenant, tenant.worker, "client_secret_basic", discovery)
    token = json.loads(programs.run("client-openid-client.mjs", given, tenant.trust))
    expect_customised(tenant, token, "client_secret_basic")


def test_no_secret_token_or_assertion_is_in_the_log(issuer: Issuer) -> None:
    """Of all that the clients above have sent and got, and of one more of each."""
    token = authlib_requests(issuer, issuer.worker, "private_key_jwt")["access_token"]
    authlib_requests(issuer, issuer.worker, "client_secret_basic")
    log = (issuer.folder / "log").read_text()
    assert '"client":"orders-worker"' in log
    for secret in (issuer.worker.secret, issuer.suspended.secret, token, "eyJ"):
        assert secret not in log


def told(issuer: Issuer, account: Account, method: str, discovery: str) -> str:
    """What a program has to know."""
    return json.dumps(
        {
            "issuer": issuer.url,
            "host": issuer.host,
            "client_id": account.client_id,
            "secret": account.secret,
            "pem": account.pem,
            "method": method,
            "discovery": discovery,
            "audience": API,
        }
    )


def expect_customised(issuer: Issuer, token: Token, method: str) -> None:
    """The token is what the issuer's hook has made of the whole grant."""
    assert token["token_type"].lower() == "bearer"
    # A client that keeps the time of its end has counted from a second that may have passed.
    assert token["expires_in"] == pytest.approx(86_400, abs=2)
    verifier = Verifier(issuer.jwks_url, issuer=issuer.url, audience=API)
    claims = verifier.verify(token["access_token"], scope="orders:read orders:write reports:export")
    assert claims["client_id"] == "orders-worker"
    assert claims[TIER] == "gold"
    assert claims[METHOD] == method
