"""Metrics for Prometheus, of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from claimhooks.issuer.event import Event
    from claimhooks.registry import Store
    from claimhooks.runtime import Runtime

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Counts exchanges, and looks at the runtime when asked."""

    def __init__(self, runtime: Runtime, store: Store) -> None:
        self._registry = CollectorRegistry()
        self._exchanges = Counter(
            "claimhooks_exchanges",
            "Token requests, by what became of them.",
            ("outcome", "error"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "claimhooks_exchange_seconds",
            "Time of a whole token request.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._hooks = Histogram(
            "claimhooks_hooks_seconds",
            "Time of all hooks of a token request.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_RuntimeCollector(runtime))
        self._registry.register(_StoreCollector(store))
        self._by_outcome: dict[tuple[str, str], Counter] = {}

    def count(self, event: Event) -> None:
        """Count one token request."""
        labels = (event.outcome, event.error or "")
        counter = self._by_outcome.get(labels)
        if counter is None:
            counter = self._by_outcome[labels] = self._exchanges.labels(*labels)
        counter.inc()
        self._seconds.observe(event.seconds)
        if (micros := event.micros.get("hooks")) is not None:
            self._hooks.observe(micros / 1e6)

    def exposition(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        return generate_latest(self._registry)


class _RuntimeCollector:
    """Metrics that are read off the runtime, so that a reload never has to register anything."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        """What there is to tell now."""
        generations, lane = self._runtime.generations, self._runtime.lane
        yield _gauge(
            "claimhooks_last_reload_successful",
            "Whether the files, as they are now, are in use.",
            generations.failure is None,
        )
        yield _gauge(
            "claimhooks_last_reload_success_timestamp_seconds",
            "When the active generation became active.",
            generations.active_since.timestamp(),
        )
        yield _gauge(
            "claimhooks_last_reload_seconds",
            "What loading the active generation took.",
            generations.load_seconds,
        )
        reloads = CounterMetricFamily(
            "claimhooks_reloads", "Loads of hooks, by result.", labels=["result"]
        )
        reloads.add_metric(["success"], generations.loads)
        reloads.add_metric(["failure"], generations.failures)
        yield reloads
        active = GaugeMetricFamily(
            "claimhooks_active_generation_info", "The active generation.", labels=["digest", "lane"]
        )
        active.add_metric([generations.active, lane.lane], 1)
        yield active
        if generations.revision is not None:
            yield _gauge(
                "claimhooks_bundle_revision",
                "The revision of the bundle that the active generation is from.",
                generations.revision,
            )
        yield _gauge(
            "claimhooks_generations_draining",
            "Replaced generations that exchanges still run on.",
            len(generations.draining),
        )
        yield _gauge("claimhooks_workers", "Workers of the active generation.", lane.workers)
        kills = CounterMetricFamily(
            "claimhooks_worker_kills", "Workers that had to be killed.", labels=["reason"]
        )
        for reason, count in lane.kills.items():
            kills.add_metric([reason], count)
        yield kills
        suspended = GaugeMetricFamily(
            "claimhooks_suspended_hooks", "Hooks whose breaker is open.", labels=["hook"]
        )
        for hook in lane.suspended:
            suspended.add_metric([hook], 1)
        yield suspended
        if (recording := self._runtime.recording) is not None:
            recorded = CounterMetricFamily(
                "claimhooks_recorded_exchanges",
                "Exchanges chosen to be recorded, by what became of that.",
                labels=["result"],
            )
            recorded.add_metric(["written"], recording.written)
            recorded.add_metric(["lost"], recording.lost)
            yield recorded


class _StoreCollector:
    """Tells of a registry file that is not in use as it is now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """What there is to tell now."""
        yield _gauge(
            "claimhooks_registry_last_reload_successful",
            "Whether the registry file, as it is now, is in use.",
            not self._store.problems,
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
