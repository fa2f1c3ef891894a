"""May this patch be applied? Each rule has its own refusal code (see `errors.REFUSALS`)."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from claimhooks import claims as rules
from claimhooks.errors import utf8_text
from claimhooks.exchange import (
    DEFAULT_TOKEN_LIFETIME,
    SCOPE_SYNTAX,
    Exchange,
    Patch,
    Refused,
    TraceEntry,
)

WARN_BYTES: Final = 4_000
"""From here on, tokens come near the header limits of real servers (8 kB and less)."""

_is_scope_token: Final = re.compile(SCOPE_SYNTAX).fullmatch

Strings = Annotated[tuple[str, ...], Field(strict=False)]


class Policy(BaseModel):
    """What hooks are allowed to ask for: the ``[policy]`` table of ``claimhooks.toml``."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    mode: Literal["strict", "lenient"] = "strict"
    """Whether a refusal fails the exchange, or leaves the refused part out."""
    scopes: Literal["grant", "api", "any"] = "api"
    """Which scopes a hook may add: those of the client's grant, or also those that the API
    defines, or any."""
    namespaces: Strings = ()
    """If not empty, namespaced claim names must start with one of these."""
    private_claims: Strings = ()
    """Plain claim names that hooks may set, such as ``tier``."""
    reserved_hosts: Strings = ("auth0.com", "webtask.io", "webtask.run")
    """Hosts whose claim names, and those of their subdomains, are refused."""

    @field_validator("private_claims")
    @classmethod
    def _not_reserved(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if found := [name for name in names if rules.is_reserved(name)]:
            raise ValueError(f"{', '.join(found)}: the issuer's own, so no hook may set it")
        return names

    @field_validator("namespaces")
    @classmethod
    def _absolute(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if rules.namespace_host(name) is None and rules.namespace_host(f"{name}x") is None:
                raise ValueError(f"{name!r} is neither an absolute http(s) URI nor a URN")
        return names

    @field_validator("reserved_hosts")
    @classmethod
    def _lower_case(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(host.lower().strip(".") for host in hosts)


class NotAPatch(Exception):
    """A hook answered with something that is no patch at all; the text names its type."""


def patch_of(answer: object) -> dict[str, object]:
    """What a hook answered, which must be a dict with text as keys. Raises :class:`NotAPatch`."""
    if type(answer) is not dict:
        raise NotAPatch(f"returned a value of type {rules.type_name(answer)}, not a dict")
    # No cast(): this is asked of every hook, and a call takes its time.
    patch: dict[str, object] = answer  # pyright: ignore[reportUnknownVariableType]
    for key in patch:
        if type(key) is not str:
            raise NotAPatch(f"returned a dict with a key of type {rules.type_name(key)}")
    return patch


class Standing:
    """What the chain has reached so far for one exchange."""

    __slots__ = ("addable", "claims", "claims_bytes", "expires_in", "longest", "scope", "trace")

    def __init__(self, exchange: Exchange, policy: Policy) -> None:
        api, granted = exchange.api, exchange.scope
        self.scope = list(dict.fromkeys(granted))
        self.longest = DEFAULT_TOKEN_LIFETIME if api is None else api.token_lifetime
        """Seconds that no hook may exceed."""
        self.expires_in = self.longest
        """Seconds."""
        self.addable: frozenset[str] | None = None
        """The scopes that a hook may ask for; None: any."""
        if policy.scopes != "any":
            if exchange.grant is not None:
                granted += exchange.grant
            if policy.scopes == "api" and api is not None:
                granted += api.scopes
            self.addable = frozenset(granted)
        self.claims: dict[str, JsonValue] = {}
        self.claims_bytes = 0
        """What the claims take in a token, encoded, at most."""
        self.trace: list[TraceEntry] = []


class Judge:
    """Applies one policy to the answers of hooks. Holds no state of any exchange."""

    def __init__(self, policy: Policy, issuer: str | None = None) -> None:
        """`issuer` is the URL of the token issuer: its host is reserved as well."""
        self.policy = policy
        own_host = rules.namespace_host(issuer) if issuer else None
        self._reserved_hosts = (*policy.reserved_hosts, *([own_host] if own_host else ()))
        self._beyond = (
            "the client's grant does not have it"
            if policy.scopes == "grant"
            else "neither the client's grant has it, nor does the API define it"
        )
        self.refusal_of_name = lru_cache(maxsize=4096)(self._judge_name)
        """Why a claim may not have this name: code and reason; None: it may."""

    def apply(self, answer: object, standing: Standing, entry: TraceEntry) -> bool:
        """Judge what the hook of `entry` answered, and apply to `standing` what is allowed.

        Writes the judgement into `entry`. False if the exchange fails by it; nothing has been
        applied then. Raises :class:`NotAPatch` if the answer is no dict with text as keys.
        """
        patch: Patch = {}
        # Those that the entry has, still empty.
        claims, refused = entry.applied, entry.refused
        scope, expires_in = standing.scope, standing.expires_in
        for key, value in patch_of(answer).items():
            name = key if key.isascii() else utf8_text(key)
            try:
                asked = patch[name] = rules.checked_copy(value)
            except rules.NotJson as error:
                patch[name] = f"<{error}>"
                refused.append(Refused(name, _MALFORMED.get(name, "claim_not_json"), str(error)))
                continue
            if name == "scope":
                scope = self._judge_scope(asked, standing, refused)
            elif name == "expires_in":
                expires_in = _judge_lifetime(asked, standing, refused)
            else:
                why = self.refusal_of_name(name)
                if why is None and name in standing.claims:
                    why = _conflict(name, asked, standing)
                if why is None:
                    claims[name] = asked
                else:
                    refused.append(Refused(name, *why))
        claims_bytes = standing.claims_bytes
        if claims:
            claims_bytes += rules.encoded_size(claims)
            if claims_bytes > WARN_BYTES:
                claims_bytes = _drop_what_is_too_large(claims, standing, patch, refused)
        entry.patch = patch
        if refused and (self.policy.mode == "strict" or _is_unusable(refused)):
            entry.applied = {}
            return False
        if claims:
            standing.claims |= claims
            standing.claims_bytes = claims_bytes
        if "scope" in patch:
            standing.scope = scope
            claims["scope"] = [*scope]
        if "expires_in" in patch:
            claims["expires_in"] = standing.expires_in = expires_in
        return True

    def _judge_scope(
        self, asked: JsonValue, standing: Standing, refused: list[Refused]
    ) -> list[str]:
        if type(asked) is not list:
            reason = f"a value of type {rules.type_name(asked)}, not a list"
            refused.append(Refused("scope", "scope_malformed", reason))
            return []
        addable = standing.addable
        allowed: dict[str, None] = {}
        for token in asked:
            if type(token) is not str:
                reason = f"an item of type {rules.type_name(token)}, which is no scope token"
                refused.append(Refused("scope", "scope_malformed", reason))
            elif addable is not None and token in addable:
                allowed[token] = None
            elif not _is_scope_token(token):
                reason = "a character, or no text, that RFC 6749 §3.3 does not allow in a scope"
                refused.append(Refused(token, "scope_malformed", reason))
            elif addable is None:
                allowed[token] = None
            else:
                refused.append(Refused(token, "scope_not_allowed", self._beyond))
        return list(allowed)

    def _judge_name(self, name: str) -> tuple[str, str] | None:
        policy = self.policy
        if rules.is_reserved(name):
            return "claim_reserved", "the name is registered, or the issuer's own"
        if name in policy.private_claims:
            return None
        host = rules.namespace_host(name)
        if host is None:
            return "claim_not_namespaced", "the name is neither an http(s) URL nor a URN"
        if domain := rules.is_within(host, self._reserved_hosts):
            return "claim_reserved_host", f"the host {host} belongs to {domain}, which is reserved"
        if policy.namespaces and not any(_is_inside(name, space) for space in policy.namespaces):
            spaces = ", ".join(policy.namespaces)
            return "claim_not_in_namespaces", f"the name is in none of the namespaces {spaces}"
        return None


_MALFORMED: Final = {"scope": "scope_malformed", "expires_in": "lifetime_malformed"}


def _is_unusable(refused: list[Refused]) -> bool:
    # Leaving these out would leave scopes or time that the hook may have meant to take away.
    return any(_MALFORMED.get(refusal.name) == refusal.code for refusal in refused)


def _is_inside(name: str, namespace: str) -> bool:
    rest = name.removeprefix(namespace)
    return rest != name and (namespace[-1] in "/:#" or rest[0] in "/:#?")


def _judge_lifetime(asked: JsonValue, standing: Standing, refused: list[Refused]) -> int:
    # Hooks do not see each other's expires_in, so each is a ceiling: the shortest wins.
    if type(asked) is not int or asked < 1:
        shown = asked if type(asked) is int else f"a value of type {rules.type_name(asked)}"
        reason = f"{shown}, not a whole number of seconds from 1"
        refused.append(Refused("expires_in", "lifetime_malformed", reason))
        return standing.expires_in
    if asked > standing.longest:
        reason = f"{asked} s is more than the API's token lifetime, {standing.longest} s"
        refused.append(Refused("expires_in", "lifetime_extended", reason))
        return standing.expires_in
    return min(asked, standing.expires_in)


def _conflict(name: str, asked: JsonValue, standing: Standing) -> tuple[str, str] | None:
    before, now = (json.dumps(value, sort_keys=True) for value in (standing.claims[name], asked))
    if before == now:
        return None
    # In a worker, the trace begins with the hooks of this round trip.
    owner = next((entry.hook for entry in standing.trace if name in entry.applied), "another hook")
    return "claim_conflict", f"{owner} has set it to {before}, not {now}"


def _drop_what_is_too_large(
    claims: dict[str, JsonValue], standing: Standing, patch: Patch, refused: list[Refused]
) -> int:
    """Keep of `claims` what fits, counting to the byte; returns what all claims take then."""
    size = rules.encoded_size(standing.claims)
    for name, value in list(claims.items()):
        own = rules.encoded_size({name: value}) - 1
        if size + own <= rules.MAX_BYTES:
            size += own
            continue
        del claims[name]
        patch[name] = f"<{own:,} bytes>"
        reason = f"{own:,} bytes on top of {size:,}; {rules.MAX_BYTES:,} are allowed in all"
        refused.append(Refused(name, "claim_too_large", reason))
    return size
