"""Clients that nobody here wrote ask a running issuer for a token, each in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from auth0.authentication import GetToken
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session as RequestsOAuth2Session

from claimhooks.token import Verifier
from given import API
from nodejs import Node
from serving import METHOD, SUSPENDED, TIER, Account, Issuer, run, serving

pytestmark = pytest.mark.interop

Token = dict[str, Any]
Ask = Callable[[Issuer, Account, str], Token]
"""Asks for a token, authenticating by a method of RFC 7591 §2."""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with serving(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture(autouse=True)
def trust(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in issuer.trust.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def node(pytestconfig: pytest.Config) -> Node:
    assert pytestconfig.cache is not None
    return Node.ready(pytestconfig.cache.mkdir("node"))


def auth0_python(issuer: Issuer, account: Account, method: str) -> Token:
    proof: dict[str, Any] = {"client_secret": account.secret}
    if method == "private_key_jwt":
        proof = {"client_assertion_signing_key": account.pem}
    client = GetToken(issuer.host, account.client_id, **proof)
    token: Token = client.client_credentials(API)
    return token


def requests_oauthlib(issuer: Issuer, account: Account, method: str) -> Token:
    client = RequestsOAuth2Session(client=BackendApplicationClient(account.client_id))
    proof: dict[str, Any] = {"auth": (account.client_id, account.secret)}
    if method == "client_secret_post":
        proof = {"client_secret": account.secret, "include_client_id": True}
    token: Token = client.fetch_token(issuer.token_url, audience=API, **proof)
    return token


def authlib(issuer: Issuer, account: Account, method: str) -> Token:
    secret = account.pem if method == "private_key_jwt" else account.secret
    client = OAuth2Session(account.client_id, secret, token_endpoint_auth_method=method)
    client.register_client_auth_method(PrivateKeyJWT(issuer.token_url))
    with client:
        token: Token = client.fetch_token(
            issuer.token_url, grant_type="client_credentials", audience=API
        )
    return token


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
        auth0_python: ["client_secret_post", "private_key_jwt"],
        requests_oauthlib: ["client_secret_basic", "client_secret_post"],
        authlib: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        curl: ["client_secret_basic", "client_secret_post"],
    }.items()
    for method in methods
]
NODE_CLIENTS = [
    pytest.param(program, method, discovery, id=f"{program}-{method}-{discovery}")
    for program, method, discovery in (
        ("client-auth0.mjs", "client_secret_post", ""),
        ("client-auth0.mjs", "private_key_jwt", ""),
        ("client-auth0-3.mjs", "client_secret_post", ""),
        ("client-openid-client.mjs", "client_secret_basic", "oidc"),
        ("client-openid-client.mjs", "client_secret_post", "oauth2"),
        ("client-openid-client.mjs", "private_key_jwt", "oauth2"),
    )
]


@pytest.mark.parametrize(("ask", "method"), PYTHON_CLIENTS)
# auth0-python asks for the time in a way that Python 3.12 would rather have changed.
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_a_python_client_gets_a_customised_token(issuer: Issuer, ask: Ask, method: str) -> None:
    expect_customised(issuer, ask(issuer, issuer.worker, method), method)


@pytest.mark.parametrize(("ask", "method"), PYTHON_CLIENTS)
@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_a_python_client_is_told_why_a_hook_denies(issuer: Issuer, ask: Ask, method: str) -> None:
    with pytest.raises(Exception, match=SUSPENDED):
        ask(issuer, issuer.suspended, method)


@pytest.mark.parametrize(("program", "method", "discovery"), NODE_CLIENTS)
def test_a_node_client_gets_a_customised_token(
    issuer: Issuer, node: Node, program: str, method: str, discovery: str
) -> None:
    given = told(issuer, issuer.worker, method, discovery)
    expect_customised(issuer, json.loads(node.run(program, given, issuer.trust)), method)


@pytest.mark.parametrize(("program", "method", "discovery"), NODE_CLIENTS)
def test_a_node_client_is_told_why_a_hook_denies(
    issuer: Issuer, node: Node, program: str, method: str, discovery: str
) -> None:
    given = told(issuer, issuer.suspended, method, discovery)
    with pytest.raises(RuntimeError, match=SUSPENDED):
        node.run(program, given, issuer.trust)


def test_no_secret_token_or_assertion_is_in_the_log(issuer: Issuer) -> None:
    """Of all that the clients above have sent and got, and of one more of each."""
    token = authlib(issuer, issuer.worker, "private_key_jwt")["access_token"]
    authlib(issuer, issuer.worker, "client_secret_basic")
    log = (issuer.folder / "log").read_text()
    assert '"client":"orders-worker"' in log
    for secret in (issuer.worker.secret, issuer.suspended.secret, token, "eyJ"):
        assert secret not in log


def told(issuer: Issuer, account: Account, method: str, discovery: str) -> str:
    """What a Node.js client has to know."""
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
    assert token["expires_in"] == 86_400
    verifier = Verifier(issuer.jwks_url, issuer=issuer.url, audience=API)
    claims = verifier.verify(token["access_token"], scope="orders:read orders:write reports:export")
    assert claims["client_id"] == "orders-worker"
    assert claims[TIER] == "gold"
    assert claims[METHOD] == method
