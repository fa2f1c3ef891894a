"""Which exchanges a hook is for."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

Patterns = Annotated[tuple[str, ...], Field(strict=False)]
"""Exact names, or globs with ``*``, ``?`` and ``[…]``."""


class Match(BaseModel):
    """The table ``[hooks."NAME".match]``. Each list that is not empty must have a match."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    clients: Patterns = ()
    """Client ids."""
    audiences: Patterns = ()
    scopes: Patterns = ()
    """One of the scopes that the hook would see."""


class Matcher:
    """A :class:`Match`, compiled."""

    def __init__(self, match: Match) -> None:
        self._clients = _compiled(match.clients)
        self._audiences = _compiled(match.audiences)
        self._scopes = _compiled(match.scopes)

    @classmethod
    def of(cls, match: Match) -> Matcher | None:
        """None if `match` is for every exchange."""
        return None if match == Match() else cls(match)

    def mismatch(self, client_id: str, audience: str, scope: Iterable[str]) -> str | None:
        """Which part of the match this exchange fails; None: the hook is for it."""
        if self._clients and not self._clients.fullmatch(client_id):
            return "not for this client"
        if self._audiences and not self._audiences.fullmatch(audience):
            return "not for this audience"
        if self._scopes and not any(map(self._scopes.fullmatch, scope)):
            return "not for these scopes"
        return None


def _compiled(patterns: Iterable[str]) -> re.Pattern[str] | None:
    # As written, too: a name may hold the characters of a glob.
    forms = [form for pattern in patterns for form in (re.escape(pattern), translate(pattern))]
    return re.compile("|".join(forms)) if forms else None
