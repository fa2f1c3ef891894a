"""How far a replay has come, on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING

import click

from claimhooks.replay.place import Pipe, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from claimhooks.replay.pieces import Piece
    from claimhooks.replay.tally import Tally


@contextmanager
def progress(
    label: str, recording: Sequence[Place | Pipe], *, before: int = 0
) -> Generator[Callable[[Piece, Tally], None]]:
    """A bar with the rate and the time that is left, if standard error is a terminal.

    What it gives is to be told each piece that is done, and the tally so far. `before` are the
    exchanges that were in it from the beginning.
    """
    is_endless = any(isinstance(place, Pipe) for place in recording)
    length = sum(place.size for place in recording if isinstance(place, Place))
    nothing: Iterator[Tally | None] = repeat(None)
    began = time.monotonic()

    def rate(tally: Tally | None) -> str:
        if tally is None:
            return ""
        return f"{(tally.exchanges - before) / (time.monotonic() - began):,.0f} a second"

    with click.progressbar(
        nothing,
        length=None if is_endless else length,
        label=label,
        file=sys.stderr,
        item_show_func=rate,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def advance(piece: Piece, tally: Tally) -> None:
            bar.update(piece.size or 1, tally)

        yield advance
