"""What a peer can carry into a token, as data; and what of some effects it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

    from claimhooks.bridges.effects import Effects

Values = Literal["json", "nonnull", "flat", "text"]
"""Values that claims may have: any JSON; any JSON but null; text, numbers, booleans and lists of
text; or text and lists of text."""

Effect = Literal["claim", "scope added", "scope removed", "lifetime"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one peer can do with what hooks ask for."""

    add_claims: bool
    """Custom claims that the token does not have yet."""
    replace_claims: bool
    """Custom claims that it has already."""
    remove_claims: bool
    values: Values
    add_scopes: bool
    remove_scopes: bool
    audience: bool
    """No hook can change it yet: told for completeness, as is `remove_claims`."""
    lifetime: bool
    denial_code: bool
    """Whether the OAuth client gets the error code of a denial, and not always the same."""
    denial_text: bool
    """Whether it gets the text."""
    notes: tuple[str, ...] = ()
    """What an operator has to know besides, a sentence each."""

    @property
    def sets_any_claim(self) -> bool:
        """Whether no claim has to be looked at."""
        return self.add_claims and self.replace_claims and self.values == "json"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An effect that the peer cannot carry, and why."""

    effect: Effect
    name: str
    """Of the claim or the scope; of a lifetime, its seconds."""
    reason: str

    def __str__(self) -> str:
        return f"{self.effect} {self.name}: {self.reason}"


WHY: Final[dict[Effect, str]] = {
    "claim": "this issuer takes no custom claims",
    "scope added": "this issuer lets no hook add scopes",
    "scope removed": "this issuer lets no hook remove scopes",
    "lifetime": "this issuer lets no hook change the lifetime",
}
REPLACED: Final = "this issuer lets no hook replace a claim that the token has already"
VALUES: Final[dict[Values, str]] = {
    "json": "",
    "nonnull": "this issuer does not say that a claim can be null",
    "flat": "this issuer takes text, numbers, booleans and lists of text as values",
    "text": "this issuer takes text and lists of text as values",
}


def unsupported(effects: Effects, can: Capabilities) -> Iterator[Unsupported]:
    """What of `effects` a peer with these capabilities cannot carry."""
    if not can.sets_any_claim:
        for name, value in effects.claims.items():
            is_new = name not in effects.replaced
            if not (can.add_claims if is_new else can.replace_claims):
                yield Unsupported("claim", name, WHY["claim"] if is_new else REPLACED)
            elif not takes(can.values, value):
                yield Unsupported("claim", name, VALUES[can.values])
    if not can.add_scopes:
        for token in effects.scopes_added:
            yield Unsupported("scope added", token, WHY["scope added"])
    if not can.remove_scopes:
        for token in effects.scopes_removed:
            yield Unsupported("scope removed", token, WHY["scope removed"])
    if effects.lifetime is not None and not can.lifetime:
        yield Unsupported("lifetime", f"{effects.lifetime} s", WHY["lifetime"])


def takes(values: Values, value: JsonValue) -> bool:
    """Whether a peer that takes these values takes `value`."""
    if values == "json" or isinstance(value, str):
        return True
    if values == "nonnull":
        return value is not None
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return values == "flat" and isinstance(value, bool | int | float)
