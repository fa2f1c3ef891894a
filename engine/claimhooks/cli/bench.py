"""``claimhooks bench``: what hooks cost, in both lanes, against signing a token."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from claimhooks.cli.measuring import Chain, Signing, Times, measure
from claimhooks.cli.options import config_option, format_option, hooks_option, settings_from
from claimhooks.cli.text import duration
from claimhooks.errors import LoadError
from claimhooks.exchange import Client, Exchange
from claimhooks.runtime import Runtime
from claimhooks.samples import read
from claimhooks.token import ALGORITHMS, payload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from claimhooks.settings import Lane

LANES: Final[tuple[Lane, ...]] = ("inline", "worker")
SAMPLES: Final = "samples"
"""The folder of samples beside that of the hooks."""
EXAMPLE: Final = Exchange(
    client=Client(id="bench"), audience="https://api.example/", scope=("read",)
)
"""What is measured where there are no samples."""
ISSUER: Final = "https://issuer.example/"


@click.command(
    epilog="""\b
Examples:
  claimhooks bench
  claimhooks bench samples/20-gold.json --seconds 10
  claimhooks bench --format json > bench.json

Exit status: 0; 2 if hooks, settings or samples cannot be used."""
)
@click.argument("samples", nargs=-1, metavar="[SAMPLE]...", type=click.Path())
@hooks_option
@config_option
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 60),
    default=3,
    show_default=True,
    help="How long to measure.",
)
@format_option
def bench(
    samples: tuple[str, ...], hooks_dir: Path, config: Path | None, seconds: float, style: str
) -> None:
    """Measure what hooks cost, in both lanes and against signing.

    A SAMPLE is what it is for `claimhooks run`. Default: the folder samples beside that of the
    hooks, or else an exchange of a client without metadata. All samples are run in turn.

    The time of a hook is that of its function. The time of the chain is all that an exchange takes
    before its token is signed: with workers, the way there and back is in it.
    """
    settings = settings_from(config, hooks_dir).model_copy(update={"gate": None})
    exchanges = _exchanges(samples, hooks_dir)
    chains: dict[str, Chain] = {}
    missing: dict[str, str] = {}
    signing: dict[str, Signing] = {}
    with ExitStack() as stack:
        # What hooks print is not among the results.
        stack.enter_context(redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        for lane in LANES:
            try:
                runtime = Runtime(hooks_dir, settings.model_copy(update={"lane": lane}))
            except LoadError as error:
                if lane == LANES[0]:
                    raise
                missing[lane] = str(error)
                continue
            stack.enter_context(runtime)
            chains[lane] = Chain(runtime, exchanges)
            if not signing and (claims := _claims(runtime, exchanges)) is not None:
                signing |= {alg: Signing(alg, claims) for alg in ALGORITHMS}
        measure([*chains.values(), *signing.values()], seconds)
    found = Found(chains[LANES[0]].generation, len(exchanges), chains, missing, signing)
    click.echo(json.dumps(found.document(), indent=2) if style == "json" else found.text())


@dataclass(frozen=True)
class Found:
    """What has been measured."""

    generation: str
    exchanges: int
    chains: Mapping[str, Chain]
    missing: Mapping[str, str]
    """Lane → why it could not be measured."""
    signing: Mapping[str, Signing]

    def document(self) -> dict[str, object]:
        """For programs. Times are in microseconds."""
        return {
            "generation": self.generation,
            "exchanges": self.exchanges,
            "lanes": {lane: chain.figures() for lane, chain in self.chains.items()},
            "missing": self.missing,
            "signing": {alg: one.whole.figures() for alg, one in self.signing.items()},
        }

    def text(self) -> str:
        """For reading, in 80 columns."""
        return "\n".join(line.rstrip() for line in self._lines())

    def _lines(self) -> Iterator[str]:
        chains = self.chains.values()
        yield f"generation {self.generation[:12]}, exchanges: {self.exchanges:,}"
        yield ""
        yield _row("", *(cell for lane in self.chains for cell in ("", lane)))
        yield _row("", *("p50", "p99") * len(chains))
        for name in self.chains[LANES[0]].hooks:
            yield _row(name, *(cell for chain in chains for cell in _cells(chain.hooks[name])))
        yield _row("the chain", *(cell for chain in chains for cell in _cells(chain.whole)))
        yield ""
        if self.signing:
            yield _row("signing alone", "p50", "p99", *(f"chain {lane}" for lane in self.chains))
        else:
            yield "no exchange is granted, so there is no token to sign"
        for alg, one in self.signing.items():
            yield _row(alg, *_cells(one.whole), *(_part(chain, one) for chain in chains))
        for lane, chain in self.chains.items():
            if count := chain.statuses["fault"]:
                part = count / chain.statuses.total()
                yield f"{lane}: {part:.0%} of the exchanges end in a fault: see 'claimhooks run'"
        for lane, reason in self.missing.items():
            yield f"{lane} is not measured: {reason}"


def _row(title: str, *cells: str) -> str:
    return f"{title:<24}" + "".join(f"{cell:>14}" for cell in cells)


def _cells(times: Times) -> tuple[str, str]:
    half, most = times.percentile(50), times.percentile(99)
    return "—" if half is None else duration(half), "—" if most is None else duration(most)


def _part(chain: Chain, signing: Signing) -> str:
    """What the chain takes, in parts of signing."""
    taken, whole = chain.whole.percentile(50), signing.whole.percentile(50)
    return f"{taken / whole:.0%}" if taken and whole else "—"


def _exchanges(samples: Sequence[str], hooks_dir: Path) -> Sequence[Exchange]:
    if not samples and (beside := hooks_dir.parent / SAMPLES).is_dir():
        samples = [str(beside)]
    return [*read(samples)] or [EXAMPLE]


def _claims(runtime: Runtime, exchanges: Sequence[Exchange]) -> dict[str, JsonValue] | None:
    """The claims of the first token that there is."""
    for exchange in exchanges:
        outcome = runtime.run(exchange)
        if outcome.status == "granted":
            return payload(exchange, outcome, issuer=ISSUER)
    return None
