"""Who calls? Every way in which a peer proves itself. Secrets are compared in constant time."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final, Protocol, cast

import jwt

from claimhooks import strictjson
from claimhooks.bridges.refusals import NotAuthenticated, Unavailable
from claimhooks.errors import LoadError, Problem
from claimhooks.secret import SecretMissing, read_secret
from claimhooks.serving.jwts import Keys, KnownKeys, NotProven, proven

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from claimhooks.serving.call import Call
    from claimhooks.settings import Caller as Kind
    from claimhooks.settings import JwtSettings, PeerName, Settings

MAX_JWKS: Final = 256 * 1024
"""Bytes of a file with keys."""

_SIGNATURE: Final = re.compile(r"t=(\d{1,12})((?:,v1=[0-9A-Fa-f]{64}){1,8})")


class Caller(Protocol):
    """Tells whether a call is of the peer."""

    async def prove(self, call: Call) -> Call:
        """The call, as far as it has been proven. Raises NotAuthenticated, Unavailable."""
        ...


class ApiKey:
    """A secret in a header or a cookie, as it is."""

    def __init__(self, keys: Sequence[bytes], header: str | None, cookie: str | None) -> None:
        self._keys = keys
        self._header = (header or "cookie").encode()
        self._cookie = None if cookie is None else cookie.encode()

    async def prove(self, call: Call) -> Call:
        """Raise NotAuthenticated unless the secret is there."""
        given = _one(call, self._header)
        if given is not None and self._cookie is not None:
            given = _cookie(given, self._cookie)
        if given is None:
            raise NotAuthenticated("the call has no API key")
        if not is_one_of(given, self._keys):
            raise NotAuthenticated("the API key is not the one that is configured")
        return call


class Basic:
    """HTTP Basic authentication (RFC 7617)."""

    def __init__(self, user: str, passwords: Sequence[bytes]) -> None:
        self._pairs = [user.encode() + b":" + password for password in passwords]

    async def prove(self, call: Call) -> Call:
        """Raise NotAuthenticated unless user and password are there."""
        try:
            given = b64decode(_authorization(call, b"basic"), validate=True)
        except binascii.Error:
            raise NotAuthenticated("the header authorization is no Basic authentication") from None
        if not is_one_of(given, self._pairs):
            raise NotAuthenticated("user or password are not those that are configured")
        return call


class Bearer:
    """A fixed token in the header ``authorization`` (RFC 6750 §2.1)."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self._tokens = tokens

    async def prove(self, call: Call) -> Call:
        """Raise NotAuthenticated unless the token is there."""
        if not is_one_of(_authorization(call, b"bearer"), self._tokens):
            raise NotAuthenticated("the bearer token is not the one that is configured")
        return call


class Hmac:
    """A header ``t=SECONDS,v1=HEX[,v1=HEX…]``: HMAC-SHA256 of time and body, by any of the keys.

    Within the tolerance a call can be repeated. It cannot be told from another one of the same
    client in the same second.
    """

    def __init__(self, keys: Sequence[bytes], headers: Sequence[str], tolerance: float) -> None:
        """The signature is in the first of `headers` that is there; `tolerance` in seconds."""
        self._keys = keys
        self._headers = [header.encode() for header in headers]
        self._tolerance = tolerance

    async def prove(self, call: Call) -> Call:
        """Raise NotAuthenticated unless body and time are signed, and the time is not long ago."""
        given = next(filter(None, (_one(call, name) for name in self._headers)), None)
        if given is None:
            raise NotAuthenticated("the call has no signature")
        found = _SIGNATURE.fullmatch(given.decode("latin-1"))
        if found is None:
            raise NotAuthenticated("the signature is not of the form t=…,v1=…")
        signed = found[1].encode() + b"." + call.body
        signatures = [bytes.fromhex(part[3:]) for part in found[2].split(",")[1:]]
        is_signed = False
        for key in self._keys:
            expected = hmac.digest(key, signed, hashlib.sha256)
            is_signed |= is_one_of(expected, signatures)
        if not is_signed:
            raise NotAuthenticated("the signature is by none of the keys that are configured")
        # Only now: who cannot sign learns nothing of our clock.
        if abs(time() - int(found[1])) > self._tolerance:
            raise NotAuthenticated("the signature is too old, or of the future")
        return call


class BearerJwt:
    """A JWT in the header ``authorization``, by a key of the peer's key set."""

    def __init__(
        self,
        keys: Keys,
        settings: JwtSettings,
        refusal_of: Callable[[Mapping[str, object]], str | None] | None = None,
    ) -> None:
        """`refusal_of` tells what else is wrong with the claims of a valid JWT."""
        self._keys = keys
        self._settings = settings
        self._refusal_of = refusal_of

    async def prove(self, call: Call) -> Call:
        """Raise NotAuthenticated unless there is such a JWT, and it is valid now."""
        token = _authorization(call, b"bearer").decode("latin-1")
        claims = await claims_of(token, self._keys, self._settings, ("exp", "aud", "iss"))
        if self._refusal_of is not None and (reason := self._refusal_of(claims)) is not None:
            raise NotAuthenticated(f"a JWT {reason}")
        return call


async def claims_of(
    token: str, keys: Keys, settings: JwtSettings, required: Sequence[str]
) -> dict[str, object]:
    """The claims of a JWT of the peer. Raises NotAuthenticated, Unavailable."""
    # Not at the top: it is for those who have keys at a URL.
    from claimhooks.serving.remotekeys import KeysUnavailable  # noqa: PLC0415

    try:
        return await proven(
            token,
            keys,
            audience=[settings.audience],
            issuer=settings.issuer,
            required=required,
        )
    except NotProven as error:
        raise NotAuthenticated(f"a JWT {error}") from None
    except KeysUnavailable as error:
        raise Unavailable(str(error)) from None


def caller_of(name: PeerName, kinds: Sequence[Kind], settings: Settings) -> Caller:
    """What the settings of the bridge `name` say, which must be one of `kinds`.

    Raises :class:`~claimhooks.errors.LoadError`, also if they say nothing: whoever knew the address
    could ask the hooks otherwise.
    """
    table = settings.of_bridge(name)
    if table.caller not in kinds:
        said = f"cannot be {table.caller}" if table.caller else "is missing"
        known = ", ".join(kinds)
        reason = f"[bridges.{name}]: how {name} authenticates itself {said}: it is one of {known}"
        raise LoadError([Problem("bridge_caller", settings.file, reason)])
    if (api_key := table.api_key) is not None:
        return ApiKey(secrets(api_key.secrets, settings), api_key.header, api_key.cookie)
    if (basic := table.basic) is not None:
        return Basic(basic.user, secrets(basic.secrets, settings))
    if (bearer := table.bearer) is not None:
        return Bearer(secrets(bearer.secrets, settings))
    if (signed := table.jwt) is not None:
        return BearerJwt(keys_of(signed, settings), signed)
    raise NotImplementedError(f"{name} makes its own caller of {table.caller}")


def secrets(names: Iterable[str], settings: Settings) -> list[bytes]:
    """The values of these secrets. Raises :class:`~claimhooks.errors.LoadError`."""
    values: list[bytes] = []
    problems: list[Problem] = []
    for name in names:
        try:
            values.append(read_secret(name, settings.secrets_dir).encode())
        except SecretMissing as error:
            problems.append(Problem("secret_missing", settings.file, str(error)))
    if problems:
        raise LoadError(problems)
    return values


def keys_of(table: JwtSettings, settings: Settings) -> Keys:
    """The keys at a URL, or in a file. Raises :class:`~claimhooks.errors.LoadError`."""
    if "://" in table.jwks:
        try:
            # Not at the top: it is for those who have keys at a URL.
            from claimhooks.serving.remotekeys import RemoteKeys  # noqa: PLC0415
        except ImportError as error:
            reason = f"needs {error.name}, which is not installed"
            raise LoadError([Problem("server_missing", table.jwks, reason)]) from None
        return RemoteKeys(table.jwks)
    path = Path(settings.file).parent / table.jwks
    try:
        with path.open("rb") as file:
            document = strictjson.read(file.read(MAX_JWKS))
        jwks = cast("dict[str, list[dict[str, object]]]", document)["keys"]
        return KnownKeys(jwks)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except (strictjson.Unreadable, jwt.PyJWTError, TypeError, KeyError, AttributeError):
        reason = "it is no JWK set (RFC 7517 §5)"
    raise LoadError([Problem("bridge_keys", str(path), reason)])


def is_one_of(given: bytes, expected: Iterable[bytes]) -> bool:
    """Whether `given` is one of `expected`. The time it takes tells neither which, nor how near."""
    found = False
    for one in expected:
        found |= hmac.compare_digest(given, one)
    return found


def _one(call: Call, name: bytes) -> bytes | None:
    """The value of a header that proves something. Raises NotAuthenticated for two of them."""
    values = call.all(name)
    if len(values) > 1:
        raise NotAuthenticated(f"the header {name.decode('latin-1')} is there more than once")
    return values[0] if values else None


def _authorization(call: Call, scheme: bytes) -> bytes:
    given = _one(call, b"authorization")
    if given is None:
        raise NotAuthenticated("the call has no header authorization")
    found, _, rest = given.partition(b" ")
    if found.lower() != scheme:
        raise NotAuthenticated(f"the header authorization is not of the kind {scheme.decode()}")
    return rest.strip(b" ")


def _cookie(header: bytes, name: bytes) -> bytes | None:
    """The value of a cookie (RFC 6265 §4.2.1). Raises NotAuthenticated if it is there twice."""
    pairs = [part.strip().partition(b"=") for part in header.split(b";")]
    values = [value.strip(b'"') for key, _, value in pairs if key == name]
    if len(values) > 1:
        raise NotAuthenticated("the cookie is there more than once")
    return values[0] if values else None
