"""The parent's end of the zygote: starts it, and lets it fork and bury workers."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final, cast

from claimhooks.errors import ClaimhooksError
from claimhooks.lanes import mark, wire
from claimhooks.lanes.state import LAYERS, Isolation
from claimhooks.lanes.worker.handle import Worker

if TYPE_CHECKING:
    from claimhooks.lanes.inside.zygote import Bury, Fork

START: Final = 30.0
"""Seconds that the zygote may take to import everything."""
ANSWER: Final = 5.0
"""Seconds that it may take to fork, or to see a killed worker end."""
PROBE: Final = 10.0
"""Seconds that the self-test may take."""
END: Final = 1.0

_CODE: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from claimhooks.lanes.inside.zygote import main; main(int(sys.argv[1]))"
)
_ENVIRONMENT: Final = {"PYTHONHASHSEED": "0"}
"""Nothing of ours; and sets iterate in the same order in every worker."""

_log: Final = logging.getLogger(__name__)


class ZygoteFailed(ClaimhooksError):
    """No worker can be had; the text says why."""


class _Lost(Exception):
    """The zygote has ended, or does not answer."""


class Zygote:
    """Safe to share between threads. A zygote that has ended is replaced when it is next needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_closed = False
        self._process, self._control = _start()

    def fork(self, memory: int, *, is_sandboxed: bool, network: bool) -> Worker:
        """A new worker of at most `memory` MiB. Raises :class:`ZygoteFailed`."""
        return self._fork(memory, is_sandboxed=is_sandboxed, network=network, probe=False)

    def status_of(self, worker: Worker) -> int | None:
        """The wait status of a worker that has been killed; None if it went with its zygote."""
        with self._lock:
            if self._process.pid != worker.zygote or self._is_closed:
                return None
            try:
                answer, _ = self._ask({"op": "bury", "pid": worker.pid})
            except _Lost:
                return None
            status = answer["status"]
            return status if isinstance(status, int) else None

    def probe(self, memory: int, *, is_sandboxed: bool) -> Isolation:
        """What a hook in a worker is kept from, as a worker has tried it out."""
        worker = self._fork(memory, is_sandboxed=is_sandboxed, network=False, probe=True)
        try:
            worker.connection.settimeout(PROBE)
            frames: list[tuple[int, bytes]] = []
            while not frames:
                if not (data := worker.connection.recv(wire.MAX_REPLY)):
                    raise ZygoteFailed("the self-test of the workers ended without a result")
                frames = worker.inbox.add(data)
        except TimeoutError:
            raise ZygoteFailed("the self-test of the workers took too long") from None
        finally:
            worker.kill()
            worker.bury(self.status_of)
        found = wire.LOADING.validate_json(frames[0][1])
        layers, possible = tuple(found.layers or ()), tuple(found.possible or ())
        if not layers:
            return Isolation("process", layers, possible)
        is_whole = layers == LAYERS and not possible
        return Isolation("sandbox" if is_whole else "partial", layers, possible)

    def close(self) -> None:
        """End the zygote, and with it all workers that are left."""
        with self._lock:
            self._is_closed = True
            _end(self._process, self._control)

    def _fork(self, memory: int, *, is_sandboxed: bool, network: bool, probe: bool) -> Worker:
        asked: Fork = {
            "op": "fork",
            "memory": memory,
            "sandbox": is_sandboxed,
            "network": network,
            "probe": probe,
            "issuer": os.getpid(),
        }
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise ZygoteFailed(f"workers cannot be started: {error}") from None
        mark_file = -1
        try:
            mark_file = mark.create()
            with self._lock:
                pid, pidfd = self._ask_a_living(asked, theirs.fileno(), mark_file)
                zygote = self._process.pid
        except BaseException as error:
            ours.close()
            if mark_file >= 0:
                os.close(mark_file)
            if isinstance(error, OSError):
                raise ZygoteFailed(f"workers cannot be started: {error}") from None
            raise
        finally:
            theirs.close()
        return Worker(pid, pidfd, ours, mark_file, zygote)

    def _ask_a_living(self, asked: Fork, *descriptors: int) -> tuple[int, int]:
        if self._is_closed:
            raise ZygoteFailed("the runtime has been closed")
        try:
            answer, received = self._ask(asked, *descriptors)
        except _Lost:
            _log.warning("the zygote has ended, and all workers with it: starting another")
            _end(self._process, self._control)
            self._process, self._control = _start()
            try:
                answer, received = self._ask(asked, *descriptors)
            except _Lost as error:
                raise ZygoteFailed(f"workers cannot be started: {error}") from None
        pid = answer.get("pid")
        if not isinstance(pid, int) or not received:
            # The worker that there may be ends by itself: nobody is at the other end of its socket.
            raise ZygoteFailed(
                f"workers cannot be started: {answer.get('error', 'no descriptors')}"
            )
        return pid, received[0]

    def _ask(
        self, asked: Fork | Bury, *descriptors: int
    ) -> tuple[dict[str, int | str | None], list[int]]:
        try:
            socket.send_fds(self._control, [json.dumps(asked).encode()], descriptors)
            message, received, _, _ = socket.recv_fds(self._control, 4096, 1)
        except OSError as error:
            # What it may still answer would be taken for the answer to the next question.
            self._process.kill()
            raise _Lost(str(error)) from None
        if not message:
            raise _Lost("the zygote has ended")
        return cast("dict[str, int | str | None]", json.loads(message)), received


def _start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    # Datagrams, so that a message is whole or not there.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    paths = json.dumps([os.path.abspath(path) for path in sys.path if path])  # noqa: PTH100
    # Not -E nor -I, which would drop the hash seed: there is no other variable to ignore.
    command = [sys.executable, "-s", "-P", "-c", _CODE, str(theirs.fileno()), paths]
    process = subprocess.Popen(  # noqa: S603
        command,
        pass_fds=[theirs.fileno()],
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # Signals of the terminal are for the parent, which ends us in good order.
        start_new_session=True,
    )
    theirs.close()
    ours.settimeout(START)
    try:
        message = ours.recv(16)
    except OSError:
        message = b""
    if not message:
        ours.close()
        process.kill()
        _, errors = process.communicate()
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise ZygoteFailed(f"workers cannot be started: {last or 'their zygote does not answer'}")
    ours.settimeout(ANSWER)
    return process, ours


def _end(process: subprocess.Popen[bytes], control: socket.socket) -> None:
    control.close()
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stderr is not None:
        process.stderr.close()
