"""What a hostile or broken hook in a worker costs: its own exchange, and nothing else."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from claimhooks import Outcome, Runtime, Settings
from claimhooks.settings import WorkerSettings
from given import HEADER, eventually, exchange, hook, processes_below

pytestmark = pytest.mark.worker

# Does what the metadata of the client say, and then answers as usual.
OBEYING = f"""{HEADER}
import asyncio, ctypes, json, os, re, signal, sys, threading, time

@hookimpl
KIND def credentials_exchange(client):
    exec(client.metadata.get("do", "pass"))
    return {{"https://acme.example/by": json.dumps(client.id)}}
"""
AFTER = f"""{HEADER}
@hookimpl
def credentials_exchange(client):
    return {{"https://acme.example/after": True}}
"""
USUAL = {"https://acme.example/by": '"orders-worker"', "https://acme.example/after": True}
DEADLINE = 0.25


def runtime_with(folder: Path, kind: str, settings: Settings) -> Runtime:
    folder.mkdir()
    (folder / "10-obeying.py").write_text(OBEYING.replace("KIND ", kind))
    (folder / "20-after.py").write_text(AFTER)
    return Runtime(folder, settings)


@pytest.fixture(scope="module", params=["def", "async def"])
def runtime(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    """One with plain hooks, and one with an ``async def`` one, whose workers are shared."""
    kind = "async " if request.param == "async def" else ""
    settings = Settings(lane="worker", worker=WorkerSettings(memory=256))
    folder = tmp_path_factory.mktemp("containment") / "hooks"
    with runtime_with(folder, kind, settings) as runtime:
        yield runtime


def do(runtime: Runtime, code: str) -> Outcome:
    return runtime.run(exchange(metadata={"do": code}))


def is_well(runtime: Runtime) -> bool:
    """Whether everybody else is served at once, and all workers are there again."""
    started = time.monotonic()
    outcome = runtime.run(exchange())
    assert outcome.claims == USUAL, outcome
    assert time.monotonic() - started < 0.2
    return eventually(lambda: runtime.lane.workers == 3)


def failure(outcome: Outcome) -> tuple[str, str, int | None]:
    assert outcome.status == "fault"
    assert outcome.error is not None
    assert outcome.error.error == "server_error"
    error = outcome.trace[0].error
    assert error is not None
    assert error.file.endswith("10-obeying.py")
    return error.code, error.reason, error.line


@pytest.mark.parametrize(
    "hang",
    [
        "while True: pass",
        "re.match('(a+)+$', 'a' * 64 + 'b')",
        "time.sleep(3600)",
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\nwhile True: pass",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
        "while True:\n  try: time.sleep(9)\n  except BaseException: pass",
    ],
)
def test_a_hang_ends_at_the_deadline(runtime: Runtime, hang: str) -> None:
    started = time.monotonic()
    code, reason, line = failure(do(runtime, hang))
    assert time.monotonic() - started < DEADLINE + 0.2
    assert (code, reason) == ("deadline_exceeded", "killed after 250 ms")
    assert line is not None
    assert is_well(runtime)


def test_a_hang_is_told_with_its_line(runtime: Runtime) -> None:
    outcome = do(runtime, "time.sleep(3600)")
    error = outcome.trace[0].error
    assert error is not None
    assert error.line == 7
    assert error.traceback is not None
    assert f'File "{error.file}", line 7' in error.traceback
    assert is_well(runtime)


@pytest.mark.parametrize(
    "eat", ["bytearray(4 << 30)", "eaten = []\nwhile True: eaten.append(bytearray(1 << 25))"]
)
@pytest.mark.parametrize("kind", ["", "async "])
def test_memory_is_bounded(tmp_path: Path, kind: str, eat: str) -> None:
    # On a busy machine it takes a while to get to where there is no more.
    settings = Settings(lane="worker", worker=WorkerSettings(memory=256, deadline=5.0))
    with runtime_with(tmp_path / "hooks", kind, settings) as runtime:
        code, reason, line = failure(do(runtime, eat))
        assert (code, line) == ("hook_raised", 7)
        assert "MemoryError" in reason
        assert is_well(runtime)


@pytest.mark.parametrize(
    ("crash", "how"),
    [
        ("ctypes.string_at(0)", "by SIGSEGV"),
        ("os.abort()", "by SIGABRT"),
        ("os._exit(3)", "with exit status 3"),
        ("os.closerange(0, 64); time.sleep(0.1)", "its process"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "by SIGKILL"),
    ],
)
def test_a_process_that_ends_is_told_with_how(runtime: Runtime, crash: str, how: str) -> None:
    code, reason, _ = failure(do(runtime, crash))
    assert code == "worker_died"
    assert reason.startswith("the hook ended its process")
    assert how in reason
    assert is_well(runtime)


def test_a_crash_is_told_with_its_line(runtime: Runtime) -> None:
    assert failure(do(runtime, "ctypes.string_at(0)"))[2] == 7


@pytest.mark.parametrize("leave", ["sys.exit(3)", "raise SystemExit", "raise KeyboardInterrupt"])
def test_leaving_is_a_fault(runtime: Runtime, leave: str) -> None:
    code, _, _ = failure(do(runtime, leave))
    assert code in {"hook_exited", "worker_died"}
    assert is_well(runtime)


def test_processes_cannot_be_started(runtime: Runtime) -> None:
    before = processes_below(os.getpid())
    code, reason, _ = failure(do(runtime, "while True: os.fork()"))
    assert code == "hook_raised"
    assert "PermissionError" in reason
    assert processes_below(os.getpid()) == before
    assert is_well(runtime)


@pytest.mark.parametrize(
    "write",
    [
        """
for fd in range(3, 64):
    try: os.write(fd, b"garbage!" * 100)
    except OSError: pass
""",
        # A thousand times a megabyte, to whatever is open.
        """
import socket
for fd in range(3, 64):
    try: s = socket.socket(fileno=os.dup(fd))
    except OSError: continue
    s.setblocking(True)
    for _ in range(1000): s.sendall(b"\\xff" * (1 << 20))
""",
        """
import socket, struct
for fd in range(3, 64):
    try: s = socket.socket(fileno=os.dup(fd))
    except OSError: continue
    s.sendall(struct.pack("!II", 2, 99) + b"{}")
""",
    ],
)
def test_garbage_on_the_socket_is_a_fault(runtime: Runtime, write: str) -> None:
    code, _, _ = failure(do(runtime, write))
    assert code in {"worker_garbled", "worker_died", "deadline_exceeded"}
    assert is_well(runtime)


@pytest.mark.parametrize(
    "write", ["for _ in range(1000): print('x' * (1 << 20))", "os.write(1, b'x' * (1 << 24))"]
)
def test_output_is_bounded_and_harms_nobody(
    runtime: Runtime, write: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert do(runtime, write).claims == USUAL
    assert capfd.readouterr().out == ""
    assert is_well(runtime)


def test_what_hooks_print_is_logged(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    do(runtime, "print('here I am')")
    assert "printed: here I am" in caplog.text
    assert runtime.generation.digest[:12] in caplog.text


@pytest.mark.parametrize(
    "kill",
    ["os.killpg(0, signal.SIGKILL)", "os.kill(-1, signal.SIGKILL)", "os.kill(os.getppid(), 9)"],
)
def test_signals_reach_nobody_else(runtime: Runtime, kill: str) -> None:
    code, reason, _ = failure(do(runtime, kill))
    assert code == "worker_died" or "PermissionError" in reason
    assert is_well(runtime)


def test_a_thread_that_is_left_behind_goes_with_its_worker(runtime: Runtime) -> None:
    code = "threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()"
    assert do(runtime, code).claims == USUAL
    assert is_well(runtime)


def test_a_patched_standard_library_does_not_reach_the_answer(runtime: Runtime) -> None:
    code = """
import socket, struct, builtins, time as t, traceback
for module in (os, re, socket, struct, asyncio, t, traceback, threading):
    for name in list(vars(module)):
        if not name.startswith("__"):
            try: setattr(module, name, None)
            except Exception: pass
"""
    outcome = do(runtime, code)
    assert outcome.status in {"granted", "fault"}
    assert is_well(runtime)
    for _ in range(5):
        assert runtime.run(exchange()).claims == USUAL


def test_the_environment_and_the_clock_are_their_own(runtime: Runtime) -> None:
    assert do(runtime, "os.environ['X_CLAIMHOOKS'] = 'changed'").claims == USUAL
    assert "X_CLAIMHOOKS" not in os.environ
    before = time.time()
    code, reason, _ = failure(do(runtime, "time.clock_settime(time.CLOCK_REALTIME, 0)"))
    assert code == "hook_raised"
    assert "PermissionError" in reason
    assert abs(time.time() - before) < 60
    assert is_well(runtime)


@pytest.mark.parametrize(
    "secret", ["open('/etc/passwd').read()", "open(f'/proc/{os.getppid()}/environ').read()",
               "open('/proc/self/environ').read()", "__import__('socket').socket()"]
)  # fmt: skip
def test_what_is_not_needed_for_computing_is_refused(runtime: Runtime, secret: str) -> None:
    code, reason, line = failure(do(runtime, secret))
    assert (code, line) == ("hook_raised", 7)
    assert "PermissionError" in reason


def test_a_worker_has_no_environment_and_nothing_open_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEY", "secret")
    look = """
import fcntl
if os.environ: raise ValueError(str(dict(os.environ)))
for fd in range(64):
    try: fcntl.fcntl(fd, fcntl.F_GETFD)
    except OSError: continue
    opened.append(fd)
"""
    folder = tmp_path / "hooks"
    folder.mkdir()
    body = f"opened = []\nexec({look!r})\nreturn {{'https://acme.example/open': opened}}"
    (folder / "a.py").write_text(hook("import os\n" + body))
    descriptor = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(descriptor, True)
    try:
        with Runtime(folder, Settings(lane="worker")) as runtime:
            outcome = runtime.run(exchange())
    finally:
        os.close(descriptor)
    opened = outcome.claims["https://acme.example/open"]
    assert isinstance(opened, list)
    # The standard streams, the socket, the mark; and what faulthandler keeps of it.
    assert len(opened) <= 6, outcome


def test_other_exchanges_of_a_shared_worker_are_run_again(tmp_path: Path) -> None:
    async def all_of_them(runtime: Runtime) -> list[Outcome]:
        waiting = exchange(metadata={"do": "pass"})
        stuck = exchange(metadata={"do": "while True: pass"})
        return await asyncio.gather(
            *(runtime.arun(stuck if n == 7 else waiting) for n in range(30))
        )

    slow = OBEYING.replace("KIND ", "async ").replace(
        "    return", "    await asyncio.sleep(0.05)\n    return"
    )
    folder = tmp_path / "hooks"
    folder.mkdir()
    (folder / "10-obeying.py").write_text(slow)
    with Runtime(folder, Settings(lane="worker")) as runtime:
        outcomes = asyncio.run(all_of_them(runtime))
    assert [n for n, outcome in enumerate(outcomes) if outcome.status == "fault"] == [7]
