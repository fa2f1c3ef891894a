"""The zygote: a process that has imported everything, holds no secret, and forks workers.

It was exec'd, so nothing of the issuer's memory is in it; it has one thread, so that forking it is
safe. It ends when its socket does, or its parent; and the kernel ends the workers with it.
"""

from __future__ import annotations

import array
import gc
import json
import os
import socket
import sys
from typing import Final, Literal, NoReturn, TypedDict, cast

from claimhooks.lanes.inside import confine, serve

PARENT_CHECK: Final = 0.5
"""Seconds between looks at whether the parent is still there."""

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
    parent = os.getppid()
    control = socket.socket(fileno=descriptor)
    control.settimeout(PARENT_CHECK)
    control.send(b"{}")
    while os.getppid() == parent:
        try:
            message, descriptors, _, _ = socket.recv_fds(control, _MAX_MESSAGE, 2)
        except TimeoutError:
            continue
        if not message:
            break
        asked = cast("Fork | Bury", json.loads(message))
        if asked["op"] == "bury":
            _, status = os.waitpid(asked["pid"], 0)
            control.send(json.dumps({"status": status}).encode())
        else:
            _fork(asked, descriptors, control)
    sys.exit()


def _fork(asked: Fork, descriptors: list[int], control: socket.socket) -> None:
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        control.close()
        _become_worker(asked, *descriptors, zygote=zygote)
    for descriptor in descriptors:
        os.close(descriptor)
    pidfd = os.pidfd_open(pid)
    try:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))]
        control.sendmsg([json.dumps({"pid": pid}).encode()], ancillary)
    finally:
        os.close(pidfd)


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
