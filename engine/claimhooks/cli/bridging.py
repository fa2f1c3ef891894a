"""``claimhooks run --bridge``: the dry run over calls as a peer makes them."""

from __future__ import annotations

import asyncio
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

import click
from pydantic_core import to_json

from claimhooks.bridges.event import Event
from claimhooks.bridges.opening import open_bridge
from claimhooks.cli.report import Result, trace_entry
from claimhooks.cli.text import WIDTH, hook_lines, line_writer
from claimhooks.errors import SampleError, printable
from claimhooks.runtime import Runtime
from claimhooks.samples import Sample, find
from claimhooks.serving.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from claimhooks.bridges.bridge import Bridge
    from claimhooks.errors import Problem
    from claimhooks.exchange import Exchange, Outcome
    from claimhooks.samples import Written
    from claimhooks.serving.call import Answer
    from claimhooks.settings import PeerName, Settings

GOOD: Final = {"granted": "green", "denied": "yellow", "passed": "green"}


@dataclass(slots=True)
class _Seen(Event):
    """What became of a call, with all that the log does not tell."""

    exchange: Exchange | None = None
    result: Outcome | None = None

    def exchanged(self, exchange: Exchange, lane: str) -> None:
        self.exchange = exchange
        Event.exchanged(self, exchange, lane)

    def decided(self, outcome: Outcome) -> None:
        self.result = outcome
        Event.decided(self, outcome)


@dataclass(frozen=True, slots=True)
class _Called:
    """One call, and the answer to it."""

    name: str
    seen: _Seen
    answer: Answer
    headers: dict[str, str] = field(default_factory=dict[str, str])


class _Operator:
    """Whoever dry-runs a call need not prove to be the peer."""

    async def prove(self, call: Call) -> Call:
        return call


def run_calls(
    peer: PeerName,
    places: Sequence[str],
    hooks: Path,
    settings: Settings,
    style: str,
    *,
    allow_empty: bool,
    quiet: bool,
) -> bool:
    """Answer the calls in `places` as a bridge would, and print it; whether all went well.

    Raises :class:`~claimhooks.errors.ProblemsError`.
    """
    problems: list[Problem] = []
    calls = [*find(places, problems)]
    if problems:
        raise SampleError(problems)
    # Standard output is for the results, and not for what hooks print.
    with redirect_stdout(sys.stderr), Runtime(hooks, settings, allow_empty=allow_empty) as runtime:
        bridge = open_bridge(peer, runtime, _Operator())
        called = asyncio.run(_answered(bridge, calls))
        digest = runtime.generation.digest
    shown = [one for one in called if not quiet or one.seen.outcome not in GOOD]
    write = _write_json if style == "json" else _write_text
    write(sys.stdout.buffer, digest, peer, shown)
    return all(one.seen.outcome in GOOD for one in called)


async def _answered(bridge: Bridge, calls: Sequence[Written]) -> list[_Called]:
    await bridge.clients.start()
    try:
        return [await _called(bridge, written) for written in calls]
    finally:
        await bridge.clients.stop()


async def _called(bridge: Bridge, written: Written) -> _Called:
    seen = _Seen(bridge.peer.name)

    answer = await bridge.answer(Call.of({"content-type": "application/json"}, written.data), seen)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return _Called(written.name, seen, answer, headers)


def _write_text(file: IO[bytes], digest: str, peer: str, called: Sequence[_Called]) -> None:
    write = line_writer(file)
    write(f"generation {digest[:12]}, bridge {peer}")
    for one in called:
        for line in _lines(one):
            write(line)


def _lines(called: _Called) -> Iterator[str]:
    seen, answer = called.seen, called.answer
    color = GOOD.get(seen.outcome, "red")
    yield ""
    verdict = click.style(seen.outcome, fg=color, bold=True)
    yield f"{click.style(printable(called.name), bold=True)}  {verdict}"
    if seen.reason:
        yield from _wrapped(seen.reason, color)
    if seen.exchange is not None:
        yield "  exchange, made of the call"
        yield from _indented(seen.exchange.model_dump_json(indent=2, exclude_defaults=True))
    if seen.exchange is not None and seen.result is not None:
        sample = Sample.model_validate({**dict(seen.exchange), "name": called.name})
        yield from hook_lines(Result(sample, seen.result, []))
    if seen.unsupported:
        yield "  what the peer cannot do"
        for what in seen.unsupported:
            yield from _wrapped(f"! {what}", "red", "      ")
    yield "  answer, as it is sent"
    yield f"    HTTP {answer.status}"
    for name, value in called.headers.items():
        yield f"    {name}: {value}"
    # In one piece, so that it can be copied.
    yield from [answer.body.decode()] if answer.body else []


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"    {printable(line)}"


def _wrapped(text: str, color: str, margin: str = "  ") -> Iterator[str]:
    wrapped = click.wrap_text(printable(text), WIDTH, margin, f"{margin}  ")
    for line in wrapped.splitlines():
        yield click.style(line, fg=color)


def _write_json(file: IO[bytes], digest: str, peer: str, called: Sequence[_Called]) -> None:
    results = [_document(one) for one in called]
    document = {"generation": digest, "bridge": peer, "results": results}
    file.write(to_json(document) + b"\n")


def _document(called: _Called) -> dict[str, object]:
    seen, answer = called.seen, called.answer
    exchange, result = seen.exchange, seen.result
    return {
        "sample": called.name,
        "outcome": seen.outcome,
        "reason": seen.reason,
        "exchange": exchange and exchange.model_dump(mode="json", exclude_defaults=True),
        "trace": [trace_entry(entry) for entry in result.trace] if result else [],
        "unsupported": seen.unsupported or [],
        "answer": {
            "status": answer.status,
            "headers": called.headers,
            "body": answer.body.decode(),
        },
    }
