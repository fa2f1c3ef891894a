"""What clients and APIs find out about the issuer: its metadata (RFC 8414) and keys (RFC 7517)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from pydantic_core import to_json
from starlette.responses import Response

from claimhooks.issuer.parts import JWKS_PATH, TOKEN_PATH
from claimhooks.serving.jwts import ALGORITHMS as ASSERTION_ALGORITHMS
from claimhooks.token import ALGORITHMS

if TYPE_CHECKING:
    from starlette.requests import Request

    from claimhooks.issuer.parts import Parts

JWKS_AGE: Final = 300
"""Seconds for which verifiers may keep the keys: less than a key is published before it signs."""
METADATA_AGE: Final = 3600
METADATA_PATHS: Final = (
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
)


def path_of(issuer: str) -> str:
    """The path of the URL `issuer`, as a server sees it: empty, or without a slash at its end."""
    return unquote(urlsplit(issuer).path).rstrip("/")


def metadata_paths(issuer: str) -> tuple[str, ...]:
    """Where the metadata of `issuer` is: its path, if any, stands at the end (RFC 8414 §3.1).

    A slash may follow, which some clients leave there. OpenID has the path in front (OpenID Connect
    Discovery 1.0 §4), like that of all else that belongs to the issuer.
    """
    path = path_of(issuer)
    ends = ("", path, f"{path}/") if path else ("",)
    return tuple(known + end for end in ends for known in METADATA_PATHS)


class Metadata:
    """The endpoints under ``/.well-known/``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def configuration(self, request: Request) -> Response:
        """``/.well-known/oauth-authorization-server`` (RFC 8414 §3), and OpenID's name for it."""
        return cached(request, self.document(), METADATA_AGE)

    async def jwks(self, request: Request) -> Response:
        """The public keys of all tokens that may be about (RFC 7517 §5)."""
        return cached(request, self._parts.keyring.public_jwks(), JWKS_AGE)

    def document(self) -> dict[str, object]:
        """The metadata (RFC 8414 §2)."""
        base = self._parts.issuer.rstrip("/")
        return {
            "issuer": self._parts.issuer,
            "token_endpoint": f"{base}{TOKEN_PATH}",
            "jwks_uri": f"{base}{JWKS_PATH}",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": [*ASSERTION_ALGORITHMS],
            # OpenID's document must have these two (OpenID Connect Discovery 1.0 §3).
            "subject_types_supported": ["public"],
            # Some verifiers refuse access tokens, too, that are signed with another one.
            "id_token_signing_alg_values_supported": [*ALGORITHMS],
        }


def cached(request: Request, document: object, age: int) -> Response:
    """`document`, or 304 if the client has it already (RFC 9110 §13.1.2)."""
    body = to_json(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"cache-control": f"public, max-age={age}", "etag": etag}
    # Public documents: browsers of any origin may read them.
    headers["access-control-allow-origin"] = "*"
    known = {
        tag.strip().removeprefix("W/")
        for tag in request.headers.get("if-none-match", "").split(",")
    }
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
