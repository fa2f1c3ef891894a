"""The OpenAPI document of the issuer: every endpoint, and every answer that it gives."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from claimhooks.errors import (
    AccessDenied,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    ServerError,
    TemporarilyUnavailable,
)
from claimhooks.exchange import SCOPE_SYNTAX
from claimhooks.issuer.grant import CLIENT_CREDENTIALS
from claimhooks.issuer.metadata import METADATA_AGE, METADATA_PATHS, cached
from claimhooks.issuer.parameters import FORM, JSON, KNOWN
from claimhooks.issuer.parts import JWKS_PATH, TOKEN_PATH
from claimhooks.issuer.refusals import Malformed, TooSlow, WrongMethod, catalogue

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from claimhooks.issuer.answers import ErrorStyle
    from claimhooks.issuer.parts import Parts

    Object = dict[str, object]

OPENAPI_PATH: Final = "/openapi.json"
VERSION: Final = "1"
"""Of what the document describes."""

DENIALS: Final = (
    AccessDenied,
    InvalidScope,
    InvalidRequest,
    InvalidTarget,
    TemporarilyUnavailable,
    ServerError,
)
"""What hooks may raise; a fault looks like the last."""

_TEXT: Final[Object] = {"type": "string"}
_URL: Final[Object] = {"type": "string", "format": "uri"}


class OpenApi:
    """``/openapi.json``."""

    def __init__(self, parts: Parts) -> None:
        self._document = document(parts.issuer, parts.server.error_style)

    async def document(self, request: Request) -> Response:
        """The document, which stays the same as long as the issuer runs."""
        return cached(request, self._document, METADATA_AGE)


def document(issuer: str, style: ErrorStyle) -> Object:
    """The document (OpenAPI 3.1.0) of the issuer with this identifier."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "claimhooks",
            "version": VERSION,
            "summary": "An OAuth 2.0 token issuer for the client credentials grant.",
        },
        "servers": [{"url": issuer.rstrip("/")}],
        "paths": {
            TOKEN_PATH: {"post": _token(style)},
            JWKS_PATH: {"get": _public("jwks", "The public keys (RFC 7517 §5)", "JwkSet")},
            **{path: {"get": _metadata(path)} for path in METADATA_PATHS},
            OPENAPI_PATH: {"get": _public("openapi", "This document", "OpenApi")},
            "/healthz": {"get": _health("healthz", "Whether the process answers", {200: "Alive"})},
            "/readyz": {
                "get": _health(
                    "readyz", "Whether tokens can be issued", {200: "Readiness", 503: "Readiness"}
                )
            },
        },
        "components": {
            "securitySchemes": {"client_secret_basic": {"type": "http", "scheme": "basic"}},
            "schemas": _schemas(),
        },
    }


# Operations --------------------------------------------------------------------------------------


def _token(style: ErrorStyle) -> Object:
    """RFC 6749 §4.4."""
    return {
        "operationId": "token",
        "summary": "Issue an access token (RFC 6749 §4.4)",
        # Credentials may be in the body as well.
        "security": [{}, {"client_secret_basic": []}],
        "requestBody": {
            "required": True,
            "content": {
                FORM: {"schema": _request({"type": "string"})},
                # A null counts as omitted.
                JSON: {"schema": _request({"type": ["string", "null"]})},
            },
        },
        "responses": {
            "200": _answer("The access token (RFC 6749 §5.1)", "Token", "Cache-Control"),
            **_refusals(style),
        },
    }


def _request(text: Object) -> Object:
    """The parameters of a token request, whose values are `text`."""
    return {
        "type": "object",
        "properties": {
            **dict.fromkeys(KNOWN, text),
            "grant_type": {"const": CLIENT_CREDENTIALS},
            "scope": {**text, "pattern": SCOPE_SYNTAX.replace("[", "[ ").replace("+", "*")},
        },
        "required": ["grant_type"],
        "anyOf": [{"required": ["audience"]}, {"required": ["resource"]}],
        "additionalProperties": True,
        "description": "Hooks see the parameters that are not named here.",
    }


def _refusals(style: ErrorStyle) -> Object:
    """Every refusal of the issuer and every denial of hooks, by status."""
    found: dict[int, dict[str, list[str]]] = {}
    for refusal in catalogue():
        if refusal is WrongMethod:
            continue  # this is about a POST
        other = refusal.auth0 if style == "auth0" else None
        answer = other or refusal
        texts = found.setdefault(answer.status, {}).setdefault(answer.error, [])
        texts.append(other.description if other else refusal.default_description)
    for denial in DENIALS:
        texts = found.setdefault(denial.status, {}).setdefault(denial.error, [])
        texts.append("a hook's own text")
    found[431] = {Malformed.error: ["the headers of the request are too large"]}
    return {str(status): _error(status, found[status]) for status in sorted(found)}


_HEADERS_OF: Final = {429: ["Retry-After"], 503: ["Retry-After"]}


def _error(status: int, errors: dict[str, list[str]]) -> Object:
    texts = "\n".join(
        f"* `{error}`: {'; '.join(dict.fromkeys(texts))}" for error, texts in errors.items()
    )
    description = f"{HTTPStatus(status).phrase} (RFC 6749 §5.2)\n\n{texts}"
    schema = {**_ref("Error"), "properties": {"error": {"enum": sorted(errors)}}}
    headers = _headers("Cache-Control", *_HEADERS_OF.get(status, ()))
    if status == 401:
        # Only what was tried with Basic is answered with a challenge.
        headers["WWW-Authenticate"] = {"schema": _TEXT}
    return {"description": description, "headers": headers, "content": {JSON: {"schema": schema}}}


def _metadata(path: str) -> Object:
    name = path.rpartition("/")[2]
    return _public(name, "The issuer's metadata (RFC 8414 §3)", "Metadata")


def _public(name: str, summary: str, schema: str) -> Object:
    """A document that anybody may keep for a while (RFC 9110 §13.1.2)."""
    headers = ("Cache-Control", "ETag", "Access-Control-Allow-Origin")
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [{"name": "If-None-Match", "in": "header", "schema": _TEXT}],
        "responses": {
            "200": _answer(summary, schema, *headers),
            "304": {"description": "It has not changed.", "headers": _headers(*headers)},
            **_unread(),
        },
    }


def _health(name: str, summary: str, schemas: dict[int, str]) -> Object:
    answers = {
        str(status): _answer(summary, schema, "Cache-Control") for status, schema in schemas.items()
    }
    return {"operationId": name, "summary": summary, "responses": {**answers, **_unread()}}


def _unread() -> Object:
    """What a request that is not understood at all is answered with, whatever its path."""
    return {
        str(status): _error(status, {Malformed.error: [HTTPStatus(status).phrase]})
        for status in (Malformed.status, TooSlow.status, 431)
    }


def _answer(description: str, schema: str, *headers: str) -> Object:
    return {
        "description": description,
        "headers": _headers(*headers),
        "content": {JSON: {"schema": _ref(schema)}},
    }


def _headers(*names: str) -> Object:
    return {name: {"schema": _TEXT, "required": True} for name in names}


# Schemas -----------------------------------------------------------------------------------------


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Object, **optional: object) -> Object:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": [*required],
    }


def _list(items: Object) -> Object:
    return {"type": "array", "items": items}


def _schemas() -> Object:
    rfc_text: Object = {"type": "string", "pattern": r"^[\x20\x21\x23-\x5b\x5d-\x7e]*$"}
    return {
        "Token": _object(
            {
                "access_token": _TEXT,
                "token_type": {"const": "Bearer"},
                "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds."},
            },
            scope=_TEXT,
        ),
        "Error": _object({"error": _TEXT}, error_description=rfc_text, error_uri=_URL),
        "JwkSet": _object({"keys": _list(_ref("Jwk"))}),
        "Jwk": _object(
            {
                "kty": {"enum": ["RSA", "EC", "OKP"]},
                "kid": _TEXT,
                "use": {"const": "sig"},
                "alg": {"enum": ["RS256", "PS256", "ES256", "EdDSA"]},
            },
            **dict.fromkeys(("n", "e", "crv", "x", "y"), _TEXT),
        ),
        "Metadata": _object(
            {
                "issuer": _URL,
                "token_endpoint": _URL,
                "jwks_uri": _URL,
                "grant_types_supported": _list({"const": CLIENT_CREDENTIALS}),
                "response_types_supported": _list(_TEXT),
                "token_endpoint_auth_methods_supported": _list(_TEXT),
                "token_endpoint_auth_signing_alg_values_supported": _list(_TEXT),
            },
            subject_types_supported=_list(_TEXT),
            id_token_signing_alg_values_supported=_list(_TEXT),
        ),
        "OpenApi": _object({"openapi": _TEXT, "info": {"type": "object"}}),
        "Alive": _object({"status": {"const": "alive"}}),
        "Readiness": _object(
            {
                "status": {"enum": ["ready", "degraded", "down"]},
                "problems": _list(_TEXT),
                "generation": _TEXT,
                "revision": {"type": ["integer", "null"]},
                "registry": {"enum": ["reachable", "unreachable"]},
                "lane": {"enum": ["inline", "worker"]},
                "isolation": _TEXT,
                "workers": {"type": "integer"},
                "suspended_hooks": _list(_TEXT),
                "watch": {"type": ["string", "null"]},
            }
        ),
    }
