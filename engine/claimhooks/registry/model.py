"""Clients, APIs and client grants, as every store holds them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Final, Literal, cast
from urllib.parse import urlsplit

import jwt
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from claimhooks import strictjson
from claimhooks.claims import NotJson, checked_copy
from claimhooks.exchange import DEFAULT_TOKEN_LIFETIME, Name, Scopes, ScopeToken, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
"""How a client authenticates at the token endpoint (RFC 7591 §2)."""
SigningAlg = Literal["RS256", "PS256", "ES256", "EdDSA"]
TokenProfile = Literal["rfc9068", "auth0"]

MAX_LIFETIME: Final = 2_592_000
"""Seconds: the longest that an API's tokens may live."""
MAX_SECRETS: Final = 2
"""How many secrets of a client may be live at a time: the old and the new one of a rotation."""

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Of a JWK (RFC 7518 §6)."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("characters that cannot be printed")
    return text


def _json_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return strictjson.decode(value)
    except (ValueError, RecursionError):
        raise ValueError("must be an object, or the text of one in JSON") from None


def _signable(table: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        return cast("dict[str, JsonValue]", checked_copy(table))
    except NotJson as error:
        raise ValueError(str(error)) from None


def _public(jwks: Jwks) -> Jwks:
    if not jwks.get("keys"):
        raise ValueError("a JWK set is an object with the key 'keys', a list of one key or more")
    for number, jwk in enumerate(jwks["keys"]):
        if jwk.get("kty") == "oct" or _PRIVATE_MEMBERS & jwk.keys():
            raise ValueError(f"keys[{number}] is not public: give the public half only")
        try:
            jwt.PyJWK(jwk)
        except jwt.PyJWTError:
            raise ValueError(f"keys[{number}] is not a public key as in RFC 7517") from None
    return jwks


def _fetchable(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    else:
        if host and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
            return uri
    raise ValueError("must be an https URL, or an http URL of this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _kind_of_scopes(value: object) -> str:
    return "all" if isinstance(value, str) else "list"


ClientId = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7E]+$", max_length=256)]
"""RFC 6749 appendix A.1. Best made of letters, digits, ``-`` and ``_``, which every client encodes
alike."""
Identifier = Annotated[Name, StringConstraints(max_length=512), AfterValidator(_printable)]
"""An API's identifier: what tokens for it have as their ``aud``."""
Metadata = Annotated[dict[str, JsonValue], BeforeValidator(_json_text), AfterValidator(_signable)]
"""JSON as a hook could put it into a token; in TOML, which has no null, also as JSON text."""
Jwks = dict[Literal["keys"], list[dict[str, str | bool | list[str]]]]
Lifetime = Annotated[int, Field(gt=0, le=MAX_LIFETIME)]
"""Seconds."""
Limit = Annotated[int, Field(gt=0, le=2**31 - 1)]
GrantedScopes = Annotated[
    Annotated[Scopes, Tag("list")] | Annotated[Literal["all"], Tag("all")],
    Discriminator(_kind_of_scopes),
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class SecretRecord(_Record):
    """A client secret, of which only a keyed hash is kept."""

    hash: Annotated[str, StringConstraints(pattern=r"^hmac-sha256:[0-9a-f]{64}$")]
    created: Annotated[AwareDatetime, Field(strict=False)]


class Quota(_Record):
    """How many tokens a client gets; None: any number."""

    per_hour: Limit | None = None
    per_day: Limit | None = None


class ClientRecord(_Record):
    """A client (RFC 6749 §2), with the metadata of RFC 7591 §2 that matter here."""

    id: ClientId
    name: Name | None = None
    tenant: Name | None = None
    metadata: Metadata = Field(default_factory=dict[str, JsonValue])
    enabled: bool = True
    auth_methods: Annotated[tuple[AuthMethod, ...], Field(strict=False)] = (
        "client_secret_basic",
        "client_secret_post",
    )
    grant_types: Annotated[tuple[Name, ...], Field(strict=False)] = ("client_credentials",)
    secrets: Annotated[tuple[SecretRecord, ...], Field(strict=False, max_length=MAX_SECRETS)] = ()
    jwks: Annotated[Jwks, AfterValidator(_public)] | None = None
    """Public keys for ``private_key_jwt`` (RFC 7523 §2.2)."""
    jwks_uri: Annotated[Name, AfterValidator(_fetchable)] | None = None
    """Where they are instead."""
    token_lifetime: Lifetime | None = None
    """Seconds; None: as long as the API says."""
    quota: Quota | None = None

    @model_validator(mode="after")
    def _keys_are_in_one_place(self) -> ClientRecord:
        if self.jwks is not None and self.jwks_uri is not None:
            raise ValueError("has both jwks and jwks_uri (RFC 7591 §2)")
        if "private_key_jwt" in self.auth_methods and self.jwks is None and self.jwks_uri is None:
            raise ValueError("private_key_jwt needs jwks or jwks_uri")
        return self


class ApiRecord(_Record):
    """An API: a resource server and the tokens that it wants."""

    identifier: Identifier
    name: Name | None = None
    scopes: dict[ScopeToken, Text] = Field(default_factory=dict[str, str])
    """The scopes that it defines, with their descriptions."""
    token_lifetime: Lifetime = DEFAULT_TOKEN_LIFETIME
    signing_alg: SigningAlg = "RS256"
    token_profile: TokenProfile = "rfc9068"  # noqa: S105 - no password


class GrantRecord(_Record):
    """What one client may have at one API."""

    client_id: ClientId
    audience: Identifier
    scopes: GrantedScopes = ()
    """``"all"``: whatever the API defines, now and later."""


def _one_of_a_kind(grants: tuple[GrantRecord, ...]) -> tuple[GrantRecord, ...]:
    found: set[tuple[str, str]] = set()
    for grant in grants:
        if (key := (grant.client_id, grant.audience)) in found:
            raise ValueError(f"two for {grant.client_id!r} at {grant.audience!r}")
        found.add(key)
    return grants


class Document(_Record):
    """A whole registry, as the file store reads it and ``claimhooks registry export`` writes it."""

    clients: dict[ClientId, ClientRecord] = Field(default_factory=dict[str, ClientRecord])
    """By id."""
    apis: dict[Identifier, ApiRecord] = Field(default_factory=dict[str, ApiRecord])
    """By identifier."""
    grants: Annotated[
        tuple[GrantRecord, ...], Field(strict=False), AfterValidator(_one_of_a_kind)
    ] = ()

    @field_validator("clients", mode="before")
    @classmethod
    def _with_ids(cls, clients: object) -> object:
        return _with_keys(clients, "id")

    @field_validator("apis", mode="before")
    @classmethod
    def _with_identifiers(cls, apis: object) -> object:
        return _with_keys(apis, "identifier")

    @classmethod
    def of(
        cls,
        clients: Iterable[ClientRecord] = (),
        apis: Iterable[ApiRecord] = (),
        grants: Iterable[GrantRecord] = (),
    ) -> Document:
        """A document of these records."""
        return cls(
            clients={client.id: client for client in clients},
            apis={api.identifier: api for api in apis},
            grants=tuple(grants),
        )

    def merged_with(self, other: Document) -> Document:
        """This document with every record of `other`."""
        grants = {(grant.client_id, grant.audience): grant for grant in self.grants}
        grants |= {(grant.client_id, grant.audience): grant for grant in other.grants}
        return Document.of(
            (self.clients | other.clients).values(),
            (self.apis | other.apis).values(),
            grants.values(),
        )


def scopes_of(grant: GrantRecord, api: ApiRecord) -> tuple[str, ...]:
    """All scopes that `grant` has at `api`, which is the one that it names."""
    return tuple(api.scopes) if grant.scopes == "all" else grant.scopes


def unmet(grant: GrantRecord, *, has_client: bool, api: ApiRecord | None) -> str | None:
    """What `grant` names that is not there; None: all is."""
    if not has_client:
        return f"there is no client {grant.client_id!r}"
    if api is None:
        return f"there is no API {grant.audience!r}"
    if grant.scopes != "all" and (missing := [s for s in grant.scopes if s not in api.scopes]):
        scopes = ", ".join(missing)
        return f"{grant.audience!r} does not define {scopes}, granted to {grant.client_id!r}"
    return None


def dangling(document: Document) -> Iterator[tuple[tuple[str, int], str]]:
    """Each grant that names what is not in the document: its location, and what it misses."""
    for number, grant in enumerate(document.grants):
        has_client = grant.client_id in document.clients
        api = document.apis.get(grant.audience)
        if reason := unmet(grant, has_client=has_client, api=api):
            yield ("grants", number), reason


def _with_keys(table: object, field: str) -> object:
    """Puts the key of each record into it, where the file has it only as the key."""
    if not isinstance(table, dict):
        return table
    records = cast("dict[object, object]", table)
    return {key: _with_key(record, field, key) for key, record in records.items()}


def _with_key(record: object, field: str, key: object) -> object:
    if not isinstance(record, dict):
        return record
    fields = cast("dict[object, object]", record)
    return fields if field in fields else {field: key, **fields}
