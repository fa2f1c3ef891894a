"""What the state file says: which keys there are, and from when to when each does what.

Pure: nothing here reads a file or a clock. Times are whole seconds since the epoch.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    StringConstraints,
    model_validator,
)

from claimhooks.token import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from collections.abc import Iterable

JWKS_CACHE: Final = 600
"""Seconds for which verifiers may keep a JWK set."""
PUBLISH: Final = JWKS_CACHE + 10
"""Seconds from the publication of a key to its first signature.

The ten are for the issuers: until they have read of the key, verifiers get the set without it.
"""

KeyState = Literal["next", "active", "retired"]
"""``next``: published, not yet signing; ``active``: signing; ``retired``: still published."""

Kid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""A SHA-256 thumbprint (RFC 7638) in base64url; safe as the name of a file."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class KeyTimes(_Table):
    """One key's algorithm, and the times of its life."""

    alg: Algorithm
    created: NonNegativeInt
    activates: NonNegativeInt
    """When it begins to sign."""
    retires: NonNegativeInt | None = None
    """When it ends to sign, because another begins."""
    expires: NonNegativeInt | None = None
    """When it is no longer published."""

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if (self.retires is None) != (self.expires is None):
            raise ValueError("'retires' and 'expires' go together")
        if self.retires is not None and self.expires is not None and self.expires < self.retires:
            raise ValueError("it expires before it retires")
        return self

    @property
    def signs_until(self) -> float:
        """`retires`, or infinity."""
        return inf if self.retires is None else self.retires

    @property
    def published_until(self) -> float:
        """`expires`, or infinity."""
        return inf if self.expires is None else self.expires


class KeyEntry(_Table):
    """A key as people see it at one moment."""

    kid: str
    alg: Algorithm
    state: KeyState
    since: int
    """When it came into this state, in seconds since the epoch."""
    until: int | None
    """When it leaves this state; None: when another key is made to follow it."""


class State(_Table):
    """All keys, in the order in which they were added; every change makes a new one."""

    keys: dict[Kid, KeyTimes] = Field(default_factory=dict[Kid, KeyTimes])
    discarded: Annotated[tuple[Kid, ...], Field(strict=False)] = ()
    """Keys that are not used, whose files are to be deleted if they are still there."""

    @model_validator(mode="after")
    def _one_key_goes_on_signing(self) -> Self:
        for alg in ALGORITHMS:
            keys = [self.keys[kid] for kid in self.signers(alg)]
            endless = [times for times in keys if times.retires is None]
            if keys and len(endless) != 1:
                raise ValueError(f"one {alg} key must have no end, not {len(endless)}")
        return self

    def signers(self, alg: Algorithm) -> list[str]:
        """The keys of one algorithm, in the order in which they sign."""
        found = [kid for kid, times in self.keys.items() if times.alg == alg]
        return sorted(found, key=lambda kid: self.keys[kid].signs_until)

    def signer(self, alg: Algorithm, now: float) -> str | None:
        """The key that signs: the first that is not retired.

        Not the latest that is activated: a clock that was set back leaves no gap.
        """
        found = self.signers(alg)
        return next((kid for kid in found if now < self.keys[kid].signs_until), None)

    def published(self, now: float) -> list[str]:
        """The keys that verifiers are to know."""
        return [kid for kid, times in self.keys.items() if now < times.published_until]

    def entry(self, kid: str, now: float) -> KeyEntry:
        """What one key does."""
        times = self.keys[kid]
        if times.retires is not None and times.retires <= now:
            return _entry(kid, times, "retired", times.retires, times.expires)
        if kid == self.signer(times.alg, now):
            return _entry(kid, times, "active", times.activates, times.retires)
        return _entry(kid, times, "next", times.created, times.activates)

    def adding(self, kid: str, alg: Algorithm, now: int, *, wait: int, stay: int) -> State:
        """With a new key that signs in `wait` seconds; the first of an algorithm, at once.

        From then on it alone signs: the others retire, and stay published for `stay` seconds.
        """
        begins = now if self.signer(alg, now) is None else now + wait
        keys = dict(self.keys)
        for other in self.signers(alg):
            if keys[other].signs_until > begins:
                keys[other] = _retiring(keys[other], begins, begins + stay)
        keys[kid] = KeyTimes(alg=alg, created=now, activates=begins)
        # It may be one that was here before.
        return self._with(keys, [known for known in self.discarded if known != kid])

    def removing(self, kid: str, now: int) -> State:
        """Without one key, which does not sign now; the key that it would have followed goes on."""
        removed = self.keys[kid]
        keys = dict(self.keys)
        if now < removed.signs_until:
            signers = self.signers(removed.alg)
            before = signers[signers.index(kid) - 1]
            keys[before] = _retiring(keys[before], removed.retires, removed.expires)
        del keys[kid]
        return self._with(keys, [*self.discarded, kid])

    def sweeping(self, now: float) -> State:
        """Without the keys that have expired, and without those discarded before."""
        published = self.published(now)
        expired = [kid for kid in self.keys if kid not in published]
        return self._with({kid: self.keys[kid] for kid in published}, expired)

    def discarding(self, kid: str) -> State:
        """With one more key whose file is to be deleted."""
        return self._with(self.keys, [*self.discarded, kid])

    def _with(self, keys: dict[str, KeyTimes], discarded: Iterable[str]) -> State:
        return State(keys=keys, discarded=tuple(discarded))


def _retiring(times: KeyTimes, retires: int | None, expires: int | None) -> KeyTimes:
    return times.model_copy(update={"retires": retires, "expires": expires})


def _entry(kid: str, times: KeyTimes, state: KeyState, since: int, until: int | None) -> KeyEntry:
    return KeyEntry(kid=kid, alg=times.alg, state=state, since=since, until=until)
