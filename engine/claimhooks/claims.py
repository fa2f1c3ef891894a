"""Which names and values a custom claim may have, whatever the configuration."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Final, TypeGuard, cast
from urllib.parse import urlsplit

from pydantic_core import to_json

from claimhooks.errors import utf8_text
from claimhooks.hookspec import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sized

    from pydantic import JsonValue

# Registered by RFC 7519 §4.1 and others, or owned by the issuer in the documented system.
_RESTRICTED: Final = """
    acr act active amr at_hash ath attest aud auth_time authorization_details azp c_hash client_id
    cnf cty dest entitlements events exp groups gty htm htu iat internalService iss jcard jku jti
    jwe jwk kid may_act mky nbf nonce object_id org_id org_name orig origid permissions roles rph
    s_hash sid sip_callid sip_cseq_num sip_date sip_from_tag sip_via_branch sub sub_jwk toe txn typ
    uuid vot vtm x5t#S256
"""
# Owned by the issuers that a bridge may serve.
_OWNED_BY_PEERS: Final = "scope scp cid uid ver token_type token_use origin_jti ext"

RESERVED: Final = frozenset(f"{_RESTRICTED} {_OWNED_BY_PEERS}".split())
RESERVED_PREFIXES: Final = ("urn:auth0:", "urn:zitadel:iam", "cognito:")

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Beyond it, JSON numbers lose digits in many readers (RFC 8259 §6)."""
MAX_DEPTH: Final = 8
MAX_BYTES: Final = 100_000
"""What all custom claims of a token may take, encoded as they are signed."""

# RFC 8141 §2: urn:NID:NSS
_URN: Final = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]:[!-~]+", re.IGNORECASE)
_HOST: Final = re.compile(r"[a-z0-9_.:-]+")
_PRINTABLE_ASCII: Final = re.compile(r"[!-~]+")


class NotJson(Exception):
    """A value that cannot be signed as JSON; the text says what it is and where in the value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = ""

    def inside(self, step: str) -> NotJson:
        """This error, seen from one level further out."""
        self.path = step + self.path
        return self

    def __str__(self) -> str:
        return f"{self.reason} at ${self.path}" if self.path else self.reason


class Unwritable:
    """Stands for a value that another process has found not to be JSON."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


def is_reserved(name: str) -> bool:
    """Whether the issuer, or a peer behind a bridge, owns this claim name."""
    return name in RESERVED or name.lower().startswith(RESERVED_PREFIXES)


def namespace_host(name: str) -> str | None:
    """The host of a namespaced claim name in lower case, "" for a URN, None for any other name.

    A namespaced name is an absolute http(s) URI (RFC 3986 §4.3, so ASCII) or a URN (RFC 8141).
    """
    if not _PRINTABLE_ASCII.fullmatch(name):
        return None
    if _URN.fullmatch(name):
        return ""
    try:
        parts = urlsplit(name)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    # A backslash ends the host for browsers but not for RFC 3986: refuse what is read two ways.
    if parts.scheme not in {"http", "https"} or not host or "\\" in name or "@" in parts.netloc:
        return None
    return host.rstrip(".") or None if _HOST.fullmatch(host) else None


def is_within(host: str, domains: Iterable[str]) -> str | None:
    """The first of `domains` that `host` equals or is a subdomain of."""
    for domain in domains:
        if host == domain or host.endswith(f".{domain}"):
            return domain
    return None


def encoded_size(claims: dict[str, JsonValue]) -> int:
    """Bytes that `claims` take in a token's payload, before base64url."""
    return len(to_json(claims))


def checked_copy(value: object) -> JsonValue:
    """A deep copy of `value`, which must be JSON as it can be signed.

    Only str, int, float, bool, None, list and dict with str keys, and no subclasses of them, since
    those may print, compare or iterate in their own way; no NaN or infinities; integers within
    ±(2^53−1); no lone surrogates; at most 8 levels of nesting; no more items than a token may hold
    bytes. Raises :class:`NotJson`.
    """
    # The two most common values, text and a list of text, without the bookkeeping.
    if type(value) is str and value.isascii():
        return value
    if _is_plain_list(value):
        return value.copy()
    return _copy(value, MAX_DEPTH, [MAX_BYTES])


def _is_plain_list(value: object) -> TypeGuard[list[JsonValue]]:
    if type(value) is not list or len(items := cast("list[object]", value)) > MAX_BYTES:
        return False
    return all([type(item) is str and item.isascii() for item in items])  # noqa: C419 - faster


def _copy(value: object, depth: int, room: list[int]) -> JsonValue:
    if type(value) is str:
        return _writable(value)
    if value is None or type(value) is bool:
        return value
    if type(value) is int:
        if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            return value
        raise NotJson("an integer beyond ±(2^53−1), which JSON readers round")
    if type(value) is float:
        if isfinite(value):
            return value
        raise NotJson(f"the float {value}, which JSON does not have")
    if type(value) is list:
        return _copy_list(cast("list[object]", value), depth, room)
    if type(value) is dict:
        return _copy_dict(cast("dict[object, object]", value), depth, room)
    if type(value) is Unwritable:
        raise NotJson(value.reason)
    raise NotJson(f"a value of type {type_name(value)}")


def _enter(items: Sized, depth: int, room: list[int]) -> None:
    if depth == 0:
        raise NotJson(f"nesting deeper than {MAX_DEPTH} levels")
    room[0] -= len(items)
    if room[0] < 0:
        raise NotJson(f"more than {MAX_BYTES:,} items")


def _copy_list(items: list[object], depth: int, room: list[int]) -> JsonValue:
    _enter(items, depth, room)
    copy: list[JsonValue] = []
    for index, item in enumerate(items):
        try:
            copy.append(_copy(item, depth - 1, room))
        except NotJson as error:
            raise error.inside(f"[{index}]") from None
    return copy


def _copy_dict(items: dict[object, object], depth: int, room: list[int]) -> JsonValue:
    _enter(items, depth, room)
    copy: dict[str, JsonValue] = {}
    for key, item in items.items():
        if type(key) is not str:
            raise NotJson(f"a dict with a key of type {type_name(key)}")
        try:
            copy[_writable(key)] = _copy(item, depth - 1, room)
        except NotJson as error:
            raise error.inside(f".{utf8_text(key)}") from None
    return copy


def _writable(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotJson("text with a lone surrogate, which UTF-8 cannot write") from None
    return text


def type_name(value: object) -> str:
    """The type of `value` as Python code would name it: ``set``, ``decimal.Decimal``."""
    kind = type(value)
    module = kind.__module__
    if module.startswith(PACKAGE):
        # Nobody has written its name.
        module = module.partition(".")[2]
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
