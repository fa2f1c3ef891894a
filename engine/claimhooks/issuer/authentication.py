"""Client authentication at the token endpoint (RFC 6749 §2.3, RFC 7523 §2.2)."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from claimhooks.issuer.assertion import ASSERTION_TYPE, Assertions, unverified_subject
from claimhooks.issuer.refusals import Malformed, NoClient, NotAuthenticated
from claimhooks.registry import matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from claimhooks.issuer.directory import Directory
    from claimhooks.registry import AuthMethod, ClientRecord


FAILURE: Final = 0.05
"""Seconds after which a failed authentication is answered."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a request authenticates with. Never shown."""

    method: AuthMethod
    client_id: str
    proof: str
    """The secret, or the assertion."""


def credentials(parameters: Mapping[str, JsonValue], authorization: Sequence[str]) -> Credentials:
    """The one way in which a request authenticates its client.

    `authorization` are the values of all Authorization headers. Raises
    :class:`~claimhooks.issuer.refusals.NoClient` without any, and
    :class:`~claimhooks.issuer.refusals.Malformed` for more than one (RFC 6749 §2.3).
    """
    client_id = _text(parameters, "client_id")
    secret = _text(parameters, "client_secret")
    assertion = _text(parameters, "client_assertion")
    kind = _text(parameters, "client_assertion_type")
    if len(authorization) + bool(secret) + bool(assertion) > 1:
        raise Malformed("the client authenticates in more than one way")
    if bool(assertion) != bool(kind):
        raise Malformed("client_assertion and client_assertion_type go together")
    if authorization:
        name, proof = _basic(authorization[0])
        if client_id and client_id != name:
            raise Malformed("client_id is not the client that authenticates")
        return Credentials("client_secret_basic", name, proof)
    if assertion:
        if kind != ASSERTION_TYPE:
            raise Malformed(f"the client_assertion_type must be {ASSERTION_TYPE}")
        # RFC 7521 §4.2: client_id may be left out, the assertion names its subject.
        subject = unverified_subject(assertion)
        if client_id and client_id != subject:
            raise NotAuthenticated("the assertion is about another client")
        return Credentials("private_key_jwt", subject, assertion)
    if not client_id or not secret:
        raise NoClient
    return Credentials("client_secret_post", client_id, secret)


class Authentication:
    """Tells who a request is from. Raises refusals."""

    def __init__(self, directory: Directory, secret_key: bytes, assertions: Assertions) -> None:
        """`secret_key` is what the hashes of client secrets are keyed with."""
        self._directory = directory
        self._secret_key = secret_key
        self._assertions = assertions

    async def client(self, given: Credentials) -> ClientRecord:
        """The client that `given` authenticate.

        Every failure is answered after the same time, so that it does not tell who is known.
        """
        began = monotonic()
        try:
            return await self._client(given)
        except NotAuthenticated:
            await asyncio.sleep(FAILURE - (monotonic() - began))
            raise

    async def _client(self, given: Credentials) -> ClientRecord:
        by_basic = given.method == "client_secret_basic"
        if given.method == "private_key_jwt":
            client = await self._by_assertion(given)
        else:
            client = self._directory.remembered_client(given.client_id)
            if not self._is_proven(given, client):
                # A secret may be newer than what is remembered. And so every failure takes one
                # look into the registry, whether the client is known or not.
                client = await self._directory.client(given.client_id)
                if not self._is_proven(given, client):
                    reason = "unknown client" if client is None else "wrong secret"
                    raise NotAuthenticated(reason, by_basic=by_basic)
        if client is None:
            raise NotAuthenticated("unknown client", by_basic=by_basic)
        if given.method not in client.auth_methods:
            raise NotAuthenticated(f"{given.method} is not allowed", by_basic=by_basic)
        if not client.enabled:
            raise NotAuthenticated("the client is disabled", by_basic=by_basic)
        return client

    def _is_proven(self, given: Credentials, client: ClientRecord | None) -> bool:
        return matches(given.proof, client.secrets if client else (), self._secret_key)

    async def _by_assertion(self, given: Credentials) -> ClientRecord | None:
        client = self._directory.remembered_client(given.client_id)
        client = client or await self._directory.client(given.client_id)
        if client is not None:
            await self._assertions.verify(given.proof, client)
        return client


def _text(parameters: Mapping[str, JsonValue], name: str) -> str:
    value = parameters.get(name)
    return value if isinstance(value, str) else ""


_SCHEME: Final = "basic "


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of a Basic header (RFC 7617 §2, RFC 6749 §2.3.1)."""
    if not authorization.lower().startswith(_SCHEME):
        raise NotAuthenticated("an Authorization header of another scheme", by_basic=True)
    try:
        decoded = base64.b64decode(authorization[len(_SCHEME) :].strip(), validate=True).decode()
    except ValueError:
        raise NotAuthenticated("a malformed Basic header", by_basic=True) from None
    name, colon, secret = decoded.partition(":")
    if not colon or not name:
        raise NotAuthenticated("a malformed Basic header", by_basic=True)
    return unquote_plus(name), unquote_plus(secret)
