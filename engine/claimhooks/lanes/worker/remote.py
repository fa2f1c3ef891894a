"""A generation in workers, and the legs that a chain over it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic_core import to_json

from claimhooks.generation import Generation
from claimhooks.lanes.worker.breaker import Breakers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claimhooks.generation import Hook, Plan
    from claimhooks.lanes import wire
    from claimhooks.lanes.worker.crew import Crew


@dataclass(frozen=True, slots=True)
class Leg:
    """The hooks that one round trip asks for."""

    crew: Crew
    first: str
    """The name of the first of them, which is always asked."""
    places: tuple[int, ...]
    names: frozenset[str]
    own: float | None
    """Seconds that they have for themselves; None: what the exchange has left."""
    head: bytes
    """The beginning of a request for them."""


class WorkerGeneration(Generation):
    """A generation whose functions are in workers."""

    def __init__(
        self, plan: Plan, found: Sequence[wire.FoundHook], crews: Mapping[bool, Crew]
    ) -> None:
        """`crews` are those with the network and without."""
        hooks = [plan.hook(one.name, one.line, one.arguments, one.rank) for one in found]
        super().__init__(plan, hooks)
        self.crews: Final = crews
        self.breakers: Final = Breakers()
        self.files: Final = frozenset(map(plan.snapshot.shown, plan.snapshot.files))
        self.is_shared: Final = any(one.is_async for one in found)
        self._places = {hook.name: place for place, hook in enumerate(self.hooks)}
        none: frozenset[str] = frozenset()
        self._legs = {hook.name: self._leg(hook, none) for hook in self.hooks}

    def leg(self, first: Hook, left_out: frozenset[str]) -> Leg:
        """The leg from `first` on, without the hooks that are `left_out`."""
        return self._leg(first, left_out) if left_out else self._legs[first.name]

    def _leg(self, first: Hook, left_out: frozenset[str]) -> Leg:
        places: list[int] = []
        for hook in self.hooks[self._places[first.name] :]:
            if hook.name in left_out:
                if hook.on_error == "deny":
                    break
                continue
            # A hook with a deadline of its own goes alone, so that nobody else has that time.
            is_apart = hook.deadline is not None or first.deadline is not None
            if hook is not first and (is_apart or hook.network != first.network):
                break
            places.append(self._places[hook.name])
        return Leg(
            self.crews[first.network],
            first.name,
            tuple(places),
            frozenset(self.hooks[place].name for place in places),
            first.deadline,
            b'{"hooks":%b' % to_json(places),
        )
