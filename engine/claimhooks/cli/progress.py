"""How far a replay has come, on a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from claimhooks.replay.place import Pipe

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from claimhooks.replay.pieces import Piece
    from claimhooks.replay.place import Place
    from claimhooks.replay.tally import Tally


@contextmanager
def progress(
    label: str, recording: Sequence[Place | Pipe]
) -> Generator[Callable[[Piece, Tally], None]]:
    """A bar with the rate and the time that is left, if standard error is a terminal.

    What it gives is to be told each piece that is done, and the tally so far.
    """
    sizes = [0 if isinstance(place, Pipe) else place.size for place in recording]
    began, before = time.monotonic(), 0

    def rate(tally: Tally | None) -> str:
        if tally is None:
            return ""
        return f"{(tally.exchanges - before) / (time.monotonic() - began):,.0f} a second"

    with click.progressbar(
        length=sum(sizes),
        label=label,
        file=sys.stderr,
        item_show_func=rate,
        hidden=not sys.stderr.isatty(),
    ) as bar:

        def advance(piece: Piece, tally: Tally) -> None:
            bar.update(piece.size, tally)

        yield advance
