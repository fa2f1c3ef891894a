"""Replaying on many machines: the same, over Ray Data."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import sys
import threading
from contextlib import closing, contextmanager, redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from claimhooks.errors import Problem, ProblemsError
from claimhooks.replay.process import Process, Stopped
from claimhooks.replay.processes import in_order

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from claimhooks.replay.evaluation import Job
    from claimhooks.replay.pieces import Piece
    from claimhooks.replay.processes import Done
    from claimhooks.replay.tally import Tally

    Result = Tally | Stopped | tuple[Problem, ...] | None

MAX_BLOCKS: Final = 1000
"""In so many parts at most the pieces are handed out."""
PATIENCE: Final = 10.0
"""Seconds for a cluster to answer, and for a thread to end."""
ITERATING: Final = "iter_threaded"
"""The name of the threads that iterate over results."""
ENVIRONMENT: Final = {
    # Ray tells of errors that it mends itself; all is in its own log files.
    "RAY_DATA_LOG_LEVEL": "ERROR",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # Of this, too, nobody else is told.
    "RAY_USAGE_STATS_ENABLED": "0",
    # What is still going on when it is shut down must not start it again.
    "RAY_ENABLE_AUTO_CONNECT": "0",
}


def on_ray(job: Job, pieces: Iterator[Piece]) -> Generator[tuple[Piece, Tally]]:
    """Each of `pieces` with its tally, in their order.

    On the cluster that the environment variable ``RAY_ADDRESS`` names, or a local one. Raises
    what :func:`~claimhooks.replay.processes.in_processes` does.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        ray: Any = import_module("ray")
        import_module("ray.data")
    except ImportError:
        problem = Problem("ray_missing", "--engine ray", "Ray is not installed")
        raise ProblemsError([problem]) from None
    handed_out = [*pieces]
    if not handed_out:
        return
    _check_address(os.environ.get("RAY_ADDRESS", ""))
    # Ray prints messages of its own, which do not belong to the results.
    with (
        redirect_stdout(sys.stderr),
        _running(ray),
        closing(_results(ray, job, handed_out)) as done,
    ):
        yield from in_order(done)


@contextmanager
def _running(ray: Any) -> Generator[None]:  # noqa: ANN401 - a module
    is_ours = not ray.is_initialized()
    try:
        if is_ours:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        yield
    except (ray.exceptions.RayError, ConnectionError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ProblemsError([Problem("ray_failed", "--engine ray", reason)]) from None
    finally:
        if is_ours:
            ray.shutdown()


def _results(ray: Any, job: Job, pieces: list[Piece]) -> Generator[Done]:  # noqa: ANN401 - a module
    class Replayer:
        """In an actor: a process, so that hooks meet what they meet without Ray."""

        def __init__(self) -> None:
            self.process: Process | None = None

        def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
            try:
                if self.process is None:
                    self.process = Process(job)
                    self.process.result()
                self.process.begin(row["number"], pickle.loads(row["piece"]))  # noqa: S301 - ours
                result: Result = self.process.result()
                if isinstance(result, Stopped):
                    self.process.end()
                    self.process = None
            except ProblemsError as error:
                result = error.problems
            return {"number": row["number"], "result": pickle.dumps(result)}

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    rows = [{"number": n, "piece": pickle.dumps(piece)} for n, piece in enumerate(pieces)]
    blocks = min(len(rows), MAX_BLOCKS)
    cores = int(ray.cluster_resources().get("CPU", 1))
    actors = ray.data.ActorPoolStrategy(size=max(1, min(cores, blocks)))
    results = ray.data.from_items(rows, override_num_blocks=blocks).map(
        Replayer, compute=actors, num_cpus=1
    )
    with _ended(iter(results.iter_rows())) as answers:
        for row in answers:
            number = cast("int", row["number"])
            result = cast("Result", pickle.loads(row["result"]))  # noqa: S301 - ours
            if isinstance(result, tuple):
                raise ProblemsError(result)
            if result is not None:
                yield number, pieces[number], result


@contextmanager
def _ended(iterator: Any) -> Generator[Any]:  # noqa: ANN401 - of Ray
    """`iterator`, and at the end all threads that it has started: Ray ends this process, with
    status 1, if one of them asks for something after `ray.shutdown`."""
    before = {*threading.enumerate()}
    try:
        with closing(iterator):
            yield iterator
    finally:
        for thread in {*threading.enumerate()} - before:
            if thread.name == ITERATING:
                thread.join(PATIENCE)


def _check_address(address: str) -> None:
    """Raise ProblemsError if nobody answers at `address`: Ray would ask for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # none, or "auto" or "local"
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except OSError as error:
        reason = f"there is no cluster at RAY_ADDRESS, {address}: {error.strerror or error}"
        raise ProblemsError([Problem("ray_failed", "--engine ray", reason)]) from None
