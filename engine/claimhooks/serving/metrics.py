"""Metrics for Prometheus, of one process."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from claimhooks.serving.counts import BOUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from claimhooks.runtime import Runtime
    from claimhooks.serving.counts import Counts, Times
    from claimhooks.serving.operations import Service


def exposition(service: Service) -> bytes:
    """All metrics of `service`, in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Collector(service))
    return generate_latest(registry)


class _Collector:
    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        service = self._service
        yield from _of_exchanges(service.events.counts)
        yield from _of_runtime(service.runtime)
        yield _gauge(
            "claimhooks_registry_last_reload_successful",
            "Whether the registry file, as it is now, is in use.",
            not service.registry_problems,
        )


def _of_exchanges(counts: Counts) -> Iterator[Metric]:
    exchanges = CounterMetricFamily(
        "claimhooks_exchanges",
        "Requests, by what became of them.",
        labels=["outcome", "error"],
    )
    for (outcome, error), count in [*counts.by_outcome.items()]:
        exchanges.add_metric([outcome, error or ""], count)
    yield exchanges
    yield _histogram("claimhooks_exchange_seconds", "Time of a whole request.", counts.total)
    yield _histogram("claimhooks_hooks_seconds", "Time of all hooks of a request.", counts.hooks)


def _of_runtime(runtime: Runtime) -> Iterator[Metric]:
    generations, lane = runtime.generations, runtime.lane
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
    if (recording := runtime.recording) is not None:
        recorded = CounterMetricFamily(
            "claimhooks_recorded_exchanges",
            "Exchanges chosen to be recorded, by what became of that.",
            labels=["result"],
        )
        recorded.add_metric(["written"], recording.written)
        recorded.add_metric(["lost"], recording.lost)
        yield recorded


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _histogram(name: str, text: str, times: Times) -> Metric:
    bounds = [*(str(bound / 1e6) for bound in BOUNDS), "+Inf"]
    counted = [*zip(bounds, accumulate(times.counts), strict=True)]
    return HistogramMetricFamily(name, text, buckets=counted, sum_value=times.sum / 1e6)
