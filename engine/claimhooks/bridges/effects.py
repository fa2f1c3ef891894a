"""What the hooks have changed: an outcome against the token that the peer was about to issue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

    from claimhooks.bridges.capabilities import Unsupported
    from claimhooks.exchange import Exchange, Outcome


@dataclass(slots=True)
class Effects:
    """Changes of one token. Without any, it is issued as it is."""

    claims: dict[str, JsonValue]
    """Custom claims to set: those that the token does not have, or has with another value."""
    replaced: frozenset[str]
    """The names of those that it has."""
    scopes_added: list[str]
    scopes_removed: list[str]
    lifetime: int | None
    """Seconds; None: as it is."""

    def __bool__(self) -> bool:
        return bool(
            self.claims or self.scopes_added or self.scopes_removed or self.lifetime is not None
        )

    @classmethod
    def of(
        cls,
        exchange: Exchange,
        outcome: Outcome,
        claims: Mapping[str, JsonValue],
        lifetime: int | None,
    ) -> Effects:
        """What the granted `outcome` of `exchange` changes.

        The token has `claims` besides the issuer's own, and `lifetime` seconds to live; None if
        the peer does not tell: then whatever a hook asks for is a change.
        """
        new, replaced = outcome.claims, frozenset[str]()
        if claims:
            new = {
                name: value
                for name, value in outcome.claims.items()
                if name not in claims or not _is_same(claims[name], value)
            }
            replaced = frozenset(new.keys() & claims.keys())
        added: list[str] = []
        removed: list[str] = []
        if (before := exchange.scope) != (after := tuple(outcome.scope)):
            added = [token for token in after if token not in before]
            removed = [token for token in dict.fromkeys(before) if token not in after]
        return cls(new, replaced, added, removed, _lifetime(outcome, lifetime))

    def scope_after(self, before: Iterable[str]) -> list[str]:
        """The scopes of the token, which had those `before`."""
        return [*(t for t in before if t not in self.scopes_removed), *self.scopes_added]

    def without(self, left_out: Iterable[Unsupported]) -> Effects:
        """These without those that the peer cannot carry."""
        names: dict[str, set[str]] = {}
        for one in left_out:
            names.setdefault(one.effect, set()).add(one.name)
        claims, added, removed = (
            names.get(effect, set()) for effect in ("claim", "scope added", "scope removed")
        )
        return Effects(
            {name: value for name, value in self.claims.items() if name not in claims},
            self.replaced - claims,
            [token for token in self.scopes_added if token not in added],
            [token for token in self.scopes_removed if token not in removed],
            None if "lifetime" in names else self.lifetime,
        )


def _lifetime(outcome: Outcome, lifetime: int | None) -> int | None:
    if lifetime is not None:
        return None if outcome.expires_in == lifetime else outcome.expires_in
    for entry in outcome.trace:
        if "expires_in" in entry.applied:
            return outcome.expires_in
    return None


def _is_same(before: JsonValue, now: JsonValue) -> bool:
    # As JSON: for Python, True is 1.
    return json.dumps(before, sort_keys=True) == json.dumps(now, sort_keys=True)
