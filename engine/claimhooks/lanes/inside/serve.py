"""A worker: confines itself, loads one generation, and runs its hooks over exchanges.

A hook may have changed any module, so what answering takes has been bound to names here, and
nobody believes a word of the result before the runtime has judged it.
"""

from __future__ import annotations

import _thread
import asyncio
import faulthandler
import importlib
import os
import pickle
import signal
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, cast

from claimhooks.errors import LoadError, utf8_text
from claimhooks.lanes import mark, wire
from claimhooks.lanes.inside import acts, confine
from claimhooks.lanes.inside.guard import Baseline, guard_modules
from claimhooks.lanes.inside.output import Output
from claimhooks.lanes.inside.rounds import Round, Rounds
from claimhooks.loading import LoadedGeneration

if TYPE_CHECKING:
    import socket

    from claimhooks.generation import Plan

CHUNK: Final = 64 * 1024
TOGETHER: Final = 0.0003
"""Seconds of replies that are sent together: others may go on with the processor meanwhile."""
HAS_SANDBOX: Final = all(map(find_spec, ("landlockpy", "seccompy")))
"""Whether claimhooks[sandbox] is installed."""

_now: Final = time.monotonic
# What hooks commonly import: once here, instead of in each worker.
_COMMON: Final = """
    base64 collections dataclasses datetime decimal enum fnmatch functools hashlib hmac ipaddress
    itertools json math re secrets string time typing urllib.parse uuid zoneinfo
"""


def warm_up() -> None:
    """Import what every worker needs, before any is forked."""
    for name in _COMMON.split():
        importlib.import_module(name)
    if HAS_SANDBOX:
        from claimhooks.lanes.inside import sandbox  # noqa: PLC0415 - it is optional

        sandbox.warm_up()
    guard_modules()


def probe(connection: socket.socket, issuer: int, *, is_sandboxed: bool) -> None:
    """Confine this process as a worker, and report what a hook could do all the same."""
    layers = _confine(is_sandboxed=is_sandboxed, network=False)
    report = wire.Loading(layers=layers, possible=acts.possible(issuer))
    connection.sendall(_written(report))


def serve(connection: socket.socket, mark_file: int, *, is_sandboxed: bool, network: bool) -> None:
    """Load the plan that comes first, and answer until the other end is closed."""
    inbox = wire.Inbox()
    frames: list[tuple[int, bytes]] = []
    while not frames:
        if not (data := connection.recv(CHUNK)):
            return
        frames = inbox.add(data)
    # What the runtime sends may be trusted: it is the runtime that must not trust what we send.
    plan = cast("Plan", pickle.loads(frames[0][1]))  # noqa: S301
    output = Output()
    sys.stdout = sys.stderr = output
    os.lseek(mark_file, mark.REPORT_AT, os.SEEK_SET)
    faulthandler.enable(file=mark_file, all_threads=False)
    faulthandler.register(signal.SIGUSR1, file=mark_file, all_threads=False)
    marker = mark.Marker(mark_file)
    layers = _confine(is_sandboxed=is_sandboxed, network=network)
    connection.sendall(_written(wire.Loading(layers=layers)))

    def begin(name: str) -> None:
        connection.sendall(_written(wire.Loading(begun=name)))

    try:
        generation = LoadedGeneration.load(plan, begin)
    except LoadError as error:
        problems = [
            wire.FoundProblem(p.code, p.file, utf8_text(p.reason), p.remedy, p.line)
            for p in error.problems
        ]
        connection.sendall(_written(wire.Loading(problems=problems)))
        return
    rounds = Rounds(generation, marker, output)
    connection.sendall(_written(wire.Loading(hooks=rounds.found)))
    if rounds.is_shared:
        # Not run(), which would cancel and answer what else is under way if a hook ends the loop.
        asyncio.new_event_loop().run_until_complete(_answer_many(connection, inbox, rounds))
    else:
        _answer_one_by_one(connection, inbox, rounds)


def _confine(*, is_sandboxed: bool, network: bool) -> list[str]:
    layers: list[str] = []
    if is_sandboxed and HAS_SANDBOX:
        from claimhooks.lanes.inside import sandbox  # noqa: PLC0415 - it is optional

        layers = sandbox.put_on(network=network)
    if "seccomp" not in layers and not network:
        confine.forbid_processes()
    return layers


def _written(loading: wire.Loading) -> bytes:
    return wire.frame(0, wire.LOADING.dump_json(loading, exclude_none=True))


def _answer_one_by_one(connection: socket.socket, inbox: wire.Inbox, rounds: Rounds) -> None:
    receive, send, add, frame, now = (
        connection.recv,
        connection.sendall,
        inbox.add,
        wire.frame,
        _now,
    )
    # The one count of threads that costs nothing and knows all of them.
    count_threads = _thread._count  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    threads, baseline, is_worn = count_threads(), Baseline(), False
    while not is_worn and (data := receive(CHUNK)):
        replies, began = b"", now()
        until = began + TOGETHER
        for number, body in add(data):
            reply = Round(rounds, number, body).start()
            if not isinstance(reply, wire.Reply):
                # A hook that is no coroutine function has answered with an awaitable. It is the
                # first without a reply, where the runtime looks for who keeps the others.
                send(replies)
                replies = b""
                reply = asyncio.run(reply)
            reply.seconds, began = now() - began, now()
            is_worn = count_threads() != threads or baseline.is_touched or rounds.is_exhausted
            reply.is_worn = is_worn
            replies += frame(number, rounds.written(reply))
            if is_worn:
                break
            if now() > until:
                send(replies)
                replies, until = b"", now() + TOGETHER
        send(replies)


async def _answer_many(connection: socket.socket, inbox: wire.Inbox, rounds: Rounds) -> None:
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    under_way: set[asyncio.Task[None]] = set()
    sending = asyncio.Lock()
    baseline = Baseline()

    async def answer(number: int, body: bytes) -> None:
        reply = Round(rounds, number, body).start()
        if not isinstance(reply, wire.Reply):
            reply = await reply
        # Threads are the loop's own way to wait for what cannot be awaited.
        reply.is_worn = baseline.is_touched or rounds.is_exhausted
        async with sending:
            await loop.sock_sendall(connection, wire.frame(number, rounds.written(reply)))

    while data := await loop.sock_recv(connection, CHUNK):
        for number, body in inbox.add(data):
            task = loop.create_task(answer(number, body))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
