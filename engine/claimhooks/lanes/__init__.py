"""Where a generation runs: `inline`, in this process, or `worker`, in isolated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from claimhooks.lanes.inline import InlineLane

if TYPE_CHECKING:
    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.generation import Generation, Plan
    from claimhooks.lanes.state import LaneState
    from claimhooks.settings import Settings


class Lane(Protocol):
    """What a runtime needs of a lane. Safe to share between threads."""

    def load(self, plan: Plan) -> Generation:
        """Make the generation of `plan` ready to run. Raises LoadError with all problems."""
        ...

    def run(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The outcome of `exchange` on `generation`, which this lane has loaded; blocks."""
        ...

    async def arun(self, generation: Generation, exchange: Exchange) -> Outcome:
        """The same for callers in an event loop."""
        ...

    def state(self, generation: Generation) -> LaneState:
        """How the lane fares, with `generation` active."""
        ...

    def close(self) -> None:
        """End what is under way, and let go of threads and processes."""
        ...


def lane_of(settings: Settings) -> Lane:
    """The lane that `settings` ask for. Raises LoadError if it is not to be had."""
    if settings.lane != "worker":
        return InlineLane()
    # Not at the top: a dry run without workers need not load it.
    from claimhooks.lanes.worker import WorkerLane  # noqa: PLC0415

    return WorkerLane(settings)
