"""The rule about matches: a hook for exchanges that the registry never has does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from claimhooks.analysis.finding import Found
from claimhooks.match import Match, Matcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from claimhooks.analysis.course import Course
    from claimhooks.registry import Document


class _Grant(NamedTuple):
    """An exchange that may be, and all scopes that a hook may see in it."""

    client_id: str
    audience: str
    scopes: Sequence[str]


class Reach:
    """What a registry, with the scopes that hooks may add, makes possible."""

    def __init__(self, registry: Document, addable: str, hooks: int) -> None:
        """`addable` is the policy's `scopes`; `hooks` is how many hooks there are."""
        self._grants: list[_Grant] = []
        self._has_any_scope = addable == "any" and hooks > 1
        for grant in registry.grants:
            client, api = registry.clients[grant.client_id], registry.apis[grant.audience]
            if client.enabled and "client_credentials" in client.grant_types:
                # Another hook may have added those that the API defines.
                is_all = grant.scopes == "all" or (addable == "api" and hooks > 1)
                scopes = [*api.scopes] if is_all else [*grant.scopes]
                self._grants.append(_Grant(client.id, api.identifier, scopes))

    def unreachable(self, course: Course) -> Iterator[Found]:
        """The hook, if no exchange that the registry allows satisfies its `match`."""
        hook = course.function
        if hook is None:
            return
        match = course.settings.match
        if self._has_any_scope:
            match = match.model_copy(update={"scopes": ()})
        whole = Matcher.of(match)
        if whole is None or any(whole.mismatch(*grant) is None for grant in self._grants):
            return
        grants: Iterable[_Grant] = self._grants
        for part in ("clients", "audiences", "scopes"):
            only = Matcher(Match(**{part: getattr(match, part)}))
            grants = [grant for grant in grants if only.mismatch(*grant) is None]
            if not grants:
                reason = self._reason(part, getattr(match, part), only)
                yield Found("hook_unreachable", hook.file, hook.node, reason)
                return

    def _reason(self, part: str, patterns: Iterable[str], matcher: Matcher) -> str:
        shown = ", ".join(map(repr, patterns))
        if all(matcher.mismatch(*grant) for grant in self._grants):
            who = {
                "clients": "no enabled client with a grant is",
                "audiences": "no API that a client has a grant at is",
                "scopes": "no grant has a scope that is",
            }
            return f"match.{part}: {who[part]} {shown}"
        return f"match.{part}: no grant that fits the rest of the match has {shown}"
