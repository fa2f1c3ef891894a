"""The zygote: a process that has imported everything, holds no secret, and forks workers.

It was exec'd, so nothing of the issuer's memory is in it; it has one thread, so that forking it is
safe. It ends when its socket does, or its parent; and the kernel ends the workers with it. What
workers start that have no sandbox to keep them from it comes to the zygote when they die, and is
ended as well.
"""

from __future__ import annotations

import array
import gc
import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Final, Literal, NoReturn, TypedDict, cast

from claimhooks.lanes.inside import confine, serve

PARENT_CHECK: Final = 0.5
"""Seconds between looks at whether the parent is still there, and whose children are here."""
BURIAL: Final = 1.0
"""Seconds for a killed worker to end: giving back gigabytes takes its time."""

_MAX_MESSAGE: Final = 4096


class Fork(TypedDict):
    """Asks for a worker. With it come its socket and its mark."""

    op: Literal["fork"]
    memory: int
    sandbox: bool
    network: bool
    probe: bool
    """Whether it is to test its confinement and end."""
    issuer: int
    """The process that a self-test tries to signal."""


class Bury(TypedDict):
    """Asks for the wait status of a worker that has been killed."""

    op: Literal["bury"]
    pid: int


def main(descriptor: int) -> NoReturn:
    """Serve the parent at the other end of the socket `descriptor`."""
    os.environ.clear()
    os.chdir("/")
    serve.warm_up()
    gc.collect()
    gc.freeze()
    confine.hide_memory()
    confine.adopt_orphans()
    parent = os.getppid()
    control = socket.socket(fileno=descriptor)
    control.settimeout(PARENT_CHECK)
    control.send(b"{}")
    workers: set[int] = set()
    while os.getppid() == parent:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, _MAX_MESSAGE, 2)
        except TimeoutError:
            _end_children(spared=workers)
            continue
        if not message:
            break
        asked = cast("Fork | Bury", json.loads(message))
        if asked["op"] == "bury":
            workers.discard(asked["pid"])
            control.send(json.dumps({"status": _status(asked["pid"])}).encode())
        else:
            _fork(asked, descriptors, control, workers)
    _end_children(spared=set())
    sys.exit()


def _status(pid: int) -> int | None:
    """The wait status of the killed process `pid`; None if it takes too long to end."""
    until = time.monotonic() + BURIAL
    while True:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if ended:
            return status
        if time.monotonic() > until:
            return None
        time.sleep(0.0005)


def _end_children(spared: set[int]) -> None:
    """End and reap what is here but is no worker: what workers have left behind."""
    children: set[int] = set()
    task = f"/proc/self/task/{os.getpid()}/children"
    try:
        with open(task) as file:  # noqa: PTH123 - as few steps as possible
            children = {int(pid) for pid in file.read().split()} - spared
    except OSError:
        # Without CONFIG_PROC_CHILDREN; then only those that have ended are seen.
        return
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _status(pid)


def _fork(asked: Fork, descriptors: list[int], control: socket.socket, workers: set[int]) -> None:
    zygote = os.getpid()
    pid = pidfd = -1
    try:
        if (pid := os.fork()) == 0:
            control.close()
            _become_worker(asked, *descriptors, zygote=zygote)
        workers.add(pid)
        pidfd = os.pidfd_open(pid)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
        control.sendmsg([json.dumps({"pid": pid}).encode()], ancillary)
    except OSError as error:
        # No more processes or descriptors to be had: no reason for the other workers to go.
        if pid > 0:
            os.kill(pid, signal.SIGKILL)
            workers.discard(pid)
        control.send(json.dumps({"error": str(error)}).encode())
    finally:
        for descriptor in (*descriptors, *([pidfd] if pidfd >= 0 else [])):
            os.close(descriptor)


def _become_worker(asked: Fork, channel: int, mark: int, *, zygote: int) -> NoReturn:
    status = 1
    try:
        confine.limit(zygote, asked["memory"])
        confine.mute()
        connection = socket.socket(fileno=channel)
        if asked["probe"]:
            serve.probe(connection, asked["issuer"], is_sandboxed=asked["sandbox"])
        else:
            serve.serve(connection, mark, is_sandboxed=asked["sandbox"], network=asked["network"])
        status = 0
    finally:
        # Never back into the loop of the zygote, nor through its exit handlers.
        os._exit(status)
