"""A call whose body is a JWT: the claims are the message. It may be encrypted as well."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic_core import to_json

from claimhooks import strictjson
from claimhooks.bridges.caller import keys_of, secrets
from claimhooks.bridges.refusals import NotAuthenticated, Unavailable
from claimhooks.errors import LoadError, Problem
from claimhooks.serving.call import Call
from claimhooks.serving.jwts import Keys, NotProven, proven

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimhooks.settings import JwtSettings, Settings

KEY_MANAGEMENT: Final = ("RSA-OAEP-256", "ECDH-ES+A256KW")
"""RFC 7518 §4.1; nothing else may be asked of our private keys."""
ENCRYPTION: Final = "A256GCM"
MAX_BYTES: Final = 1024 * 1024


class SignedBody:
    """Takes the message out of a JWS (RFC 7515), or of a JWE around one (RFC 7516)."""

    def __init__(self, keys: Keys, settings: JwtSettings, private: Sequence[Any]) -> None:
        """`private` are joserfc's keys; with them, every body must be encrypted."""
        self._keys = keys
        self._settings = settings
        self._private = private

    @classmethod
    def of(cls, table: JwtSettings, settings: Settings) -> SignedBody:
        """As the settings have it. Raises :class:`~claimhooks.errors.LoadError`."""
        names = table.decryption_keys or ()
        private = [
            _private_key(name, pem, settings)
            for name, pem in zip(names, secrets(names, settings), strict=True)
        ]
        return cls(keys_of(table, settings), table, private)

    async def prove(self, call: Call) -> Call:
        """The call with the message as its body. Raises NotAuthenticated, Unavailable."""
        try:
            token = call.body.decode("ascii").strip()
        except UnicodeDecodeError:
            raise NotAuthenticated("the body is no JWT") from None
        if self._private:
            token = self._decrypted(token)
        claims = await self._claims(token)
        return Call(call.headers, to_json(claims))

    async def _claims(self, token: str) -> dict[str, object]:
        # Not at the top: it is for those who have keys at a URL.
        from claimhooks.serving.remotekeys import KeysUnavailable  # noqa: PLC0415

        try:
            claims = await proven(
                token,
                self._keys,
                audience=None,
                issuer=None,
                required=("exp", "iat"),
                max_bytes=MAX_BYTES,
            )
        except NotProven as error:
            raise NotAuthenticated(f"a JWT {error}") from None
        except KeysUnavailable as error:
            raise Unavailable(str(error)) from None
        self._check_purpose(claims)
        return claims

    def _check_purpose(self, claims: dict[str, object]) -> None:
        """Raise unless this is a call: the same keys sign access tokens, which anybody may have.

        A call names neither issuer nor audience, or those that the settings have.
        """
        issuer, audience = claims.get("iss") or "", claims.get("aud") or ""
        audiences = cast("list[object]", audience) if isinstance(audience, list) else [audience]
        if not issuer and not any(audiences):
            return
        if issuer != self._settings.issuer or self._settings.audience not in audiences:
            raise NotAuthenticated("a JWT that is no call, or not for this bridge")

    def _decrypted(self, token: str) -> str:
        from joserfc import jwe  # noqa: PLC0415 - it is optional
        from joserfc.errors import JoseError  # noqa: PLC0415

        algorithm = _key_management(token)
        for key in self._private:
            if (key.key_type == "RSA") != algorithm.startswith("RSA"):
                continue
            try:
                found = jwe.decrypt_compact(token, key, algorithms=[algorithm, ENCRYPTION])
                return (found.plaintext or b"").decode("ascii")
            except (JoseError, ValueError):
                continue
        raise NotAuthenticated("an encrypted body that none of the keys opens")


def _key_management(token: str) -> str:
    """How the key of a JWE is encrypted. Raises NotAuthenticated for what is not allowed."""
    head, _, rest = token.partition(".")
    if rest.count(".") != 3:
        raise NotAuthenticated("the body is not encrypted")
    try:
        header = strictjson.decode(urlsafe_b64decode(head + "=" * (-len(head) % 4)).decode())
    except (ValueError, RecursionError):
        raise NotAuthenticated("an encrypted body with a header that cannot be read") from None
    if not isinstance(header, dict):
        raise NotAuthenticated("an encrypted body with a header that cannot be read")
    members = cast("dict[str, object]", header)
    algorithm = members.get("alg")
    if algorithm not in KEY_MANAGEMENT or members.get("enc") != ENCRYPTION:
        raise NotAuthenticated("an encrypted body with an algorithm that is not allowed")
    # RFC 8725 §3.6: what is small here may be large once it is unpacked.
    if "zip" in members or "crit" in members:
        raise NotAuthenticated("an encrypted body that is compressed, or has critical members")
    return algorithm


def _private_key(name: str, pem: bytes, settings: Settings) -> Any:  # noqa: ANN401 - joserfc's
    try:
        from joserfc.errors import JoseError  # noqa: PLC0415 - it is optional
        from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415
    except ImportError:
        reason = "[bridges.zitadel] jwt.decryption_keys: joserfc is not installed"
        raise LoadError([Problem("jwe_missing", settings.file, reason)]) from None
    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError):
            continue
        if key.is_private:
            return key
    reason = f"the secret {name} is no private key that can decrypt"
    raise LoadError([Problem("bridge_decryption", settings.file, reason)])
