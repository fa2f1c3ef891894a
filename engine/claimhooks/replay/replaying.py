"""Replaying a whole recording: piece by piece, into one tally."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Literal

from claimhooks.errors import Problem, ProblemsError, SampleError
from claimhooks.replay.pieces import pieces_of
from claimhooks.replay.process import Stopped
from claimhooks.replay.processes import in_processes
from claimhooks.replay.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from claimhooks.replay.checkpoint import Checkpoint
    from claimhooks.replay.evaluation import Job
    from claimhooks.replay.pieces import Piece
    from claimhooks.replay.place import Pipe, Place

Engine = Literal["local", "ray"]


def replay(
    job: Job,
    recording: Sequence[Place | Pipe],
    engine: Engine = "local",
    *,
    checkpoint: Checkpoint | None = None,
    strict: bool = False,
    advance: Callable[[Piece, Tally], object] = lambda _piece, _tally: None,
) -> Tally:
    """Replay `recording`, on from `checkpoint`.

    With `strict`, a line that cannot be run is an error. `advance` is told each piece that has
    been counted, those of earlier times included. Raises
    :class:`~claimhooks.errors.ProblemsError`, and KeyboardInterrupt; `checkpoint` then holds
    whole pieces that have been counted.
    """
    tally = Tally() if checkpoint is None else checkpoint.tally
    pieces = pieces_of(recording, unpack=engine == "local")
    for piece in islice(pieces, checkpoint.pieces if checkpoint else 0):
        advance(piece, tally)
    try:
        with closing(_engine(engine)(job, pieces)) as results:
            for piece, found in results:
                if strict and found.unread:
                    raise _unreadable(found, _above(piece, tally))
                if checkpoint is None:
                    tally.follow(found, begins_file=piece.is_first)
                else:
                    checkpoint.add(found, begins_file=piece.is_first)
                advance(piece, tally)
    except BaseException as error:
        if checkpoint is not None:
            checkpoint.save()
        if isinstance(error, Stopped):
            raise _stopped(error, tally) from None
        raise
    return tally


def _stopped(stopped: Stopped, tally: Tally) -> ProblemsError:
    line = stopped.line + _above(stopped.piece, tally)
    reason = f"{stopped} while this line was replayed"
    return ProblemsError([Problem(stopped.code, stopped.piece.name, reason, line)])


def _above(piece: Piece, tally: Tally) -> int:
    """How many lines of its file are before `piece`, which comes next."""
    return 0 if piece.is_first else tally.lines


def _unreadable(found: Tally, above: int) -> SampleError:
    unread = found.unread_first[0]
    return SampleError(
        [Problem("recording_malformed", unread.file, unread.reason, unread.line + above)]
    )


def _engine(
    name: Engine,
) -> Callable[[Job, Iterator[Piece]], Generator[tuple[Piece, Tally]]]:
    if name == "local":
        return in_processes
    # Not at the top: Ray is optional, and slow to load.
    from claimhooks.replay.cluster import on_ray  # noqa: PLC0415

    return on_ray
