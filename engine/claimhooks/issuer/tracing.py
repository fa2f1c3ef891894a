"""Spans for OpenTelemetry, where its API is installed and told where they go."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

    from claimhooks.issuer.event import Event

_IS_INSTALLED: Final = find_spec("opentelemetry") is not None


def is_traced() -> bool:
    """Whether anybody takes spans: making them for nobody would cost as much as a hook or two.

    For the start of the issuer, to be asked once.
    """
    if not _IS_INSTALLED:
        return False
    from opentelemetry.trace import (  # noqa: PLC0415 - it is optional
        ProxyTracerProvider,
        get_tracer_provider,
    )

    return not isinstance(get_tracer_provider(), ProxyTracerProvider)


@contextmanager
def span(event: Event) -> Generator[None]:
    """A span around one token request, with what its event tells."""
    from opentelemetry.trace import SpanKind, get_tracer  # noqa: PLC0415 - it is optional

    tracer = get_tracer("claimhooks")
    with tracer.start_as_current_span("token_exchange", kind=SpanKind.SERVER) as current:
        yield
        if current.is_recording():
            told = {
                "claimhooks.trace": event.trace,
                "claimhooks.client": event.client,
                "claimhooks.audience": event.audience,
                "claimhooks.outcome": event.outcome,
                "claimhooks.error": event.error,
                "claimhooks.generation": event.generation,
            }
            current.set_attributes({name: value for name, value in told.items() if value})
