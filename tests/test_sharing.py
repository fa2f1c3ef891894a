"""Exchanges that share a worker, or its runtime, and what each may cost the others."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from claimhooks import Client, Outcome, Runtime, Settings
from claimhooks.lanes.worker import deadlines
from claimhooks.lanes.worker.crew import Crew
from claimhooks.lanes.worker.handle import Worker
from claimhooks.settings import HookSettings, WorkerSettings
from given import HEADER, Hooks, eventually, exchange, hook, processes_below

pytestmark = pytest.mark.worker

CLAIM = "https://acme.example/x"
BEHAVING = f"""{HEADER}
import asyncio, gc, os, socket, struct, time

def marker():
    (found,) = (one for one in gc.get_objects() if type(one).__name__ == "Marker")
    return found._memory

def number():
    return struct.unpack("=I", marker()[:4])[0]

def send(data):
    for fd in range(3, 64):
        try: one = socket.socket(fileno=os.dup(fd))
        except OSError: continue
        one.setblocking(True)
        one.sendall(data)
        return

@hookimpl
async def credentials_exchange(client):
    match client.id:
        case "waits": await asyncio.sleep(10)
        case "refuses-to-end":
            try: await asyncio.sleep(10)
            except asyncio.CancelledError: await asyncio.sleep(10)
        case "computes": time.sleep(0.1)
        case "loops":
            while True: pass
        case "patches": os.environ["PATCHED"] = "1"
        case "dies": os._exit(3)
        case "sees" if "PATCHED" in os.environ: raise RuntimeError("patched")
        case "forges":
            # "I have begun in a hundred years."
            marker()[8:16] = (2**62).to_bytes(8, "little")
            while True: pass
        case "garbles":
            send(b"\\xff" * 99)
            time.sleep(0.02)
        case "answers-for-others":
            for other in range(number(), number() + 10):
                send(struct.pack("!II", 14, other) + b'{{"answers":{{}}}}')
            time.sleep(0.02)
        case "dribbles":
            for byte in struct.pack("!II", 1000, number()) + b" " * 50:
                send(bytes([byte]))
                time.sleep(0.05)
        case "interrupts": raise KeyboardInterrupt
        case "dies-in-a-thread":
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, lambda: (time.sleep(0.05), os._exit(3)))
            await asyncio.sleep(0.2)
        case "late": time.sleep(0.09)
        case "aborts": os.abort()
        case "blinks": time.sleep(0.001)
        case "hogs": time.sleep(0.2)
        case "patient": await asyncio.sleep(0.18)
    return {{"{CLAIM}": client.id}}
"""


def runtime_of(hooks: Hooks, source: str, processes: int = 1) -> Runtime:
    settings = Settings(lane="worker", worker=WorkerSettings(processes=processes))
    return Runtime(hooks({"a.py": source}), settings)


def quickened(runtime: Runtime) -> Runtime:
    """One that knows its hooks to be quick, so that exchanges line up at workers."""
    assert {status for _, status, _ in together(runtime, *[("other", 0.0)] * 150)} == {"granted"}
    return runtime


def together(runtime: Runtime, *calls: tuple[str, float]) -> list[tuple[str, str, str | None]]:
    """What becomes of exchanges of these clients, each begun so many seconds from now."""

    async def one(client: str, delay: float) -> Outcome:
        await asyncio.sleep(delay)
        return await runtime.arun(exchange(client=Client(id=client)))

    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(one(*call) for call in calls))

    outcomes = asyncio.run(all_of_them())
    errors = [outcome.trace[0].error for outcome in outcomes]
    return [
        (client, outcome.status, error.code if error else None)
        for (client, _), outcome, error in zip(calls, outcomes, errors, strict=True)
    ]


def test_only_who_overruns_is_ended(hooks: Hooks) -> None:
    with runtime_of(hooks, BEHAVING) as runtime:
        found = together(
            runtime, ("waits", 0), ("waits", 0), ("computes", 0.2), ("computes", 0.2)
        )  # fmt: skip
        assert (
            found
            == [("waits", "fault", "deadline_exceeded")] * 2 + [("computes", "granted", None)] * 2
        )
        # What only waits is cancelled: no worker had to go for it.
        assert runtime.lane.kills == {}


def test_waiting_for_ones_turn_is_not_ones_own_time(hooks: Hooks) -> None:
    with runtime_of(hooks, BEHAVING, processes=2) as runtime:
        found = together(runtime, *[("computes", 0.0)] * 8)
        assert {status for _, status, _ in found} == {"granted"}


PLAIN = BEHAVING.replace("async def", "def").replace("await asyncio", "time")


def test_plain_hooks_line_up_at_a_worker_and_have_their_own_time_each(hooks: Hooks) -> None:
    with runtime_of(hooks, PLAIN) as runtime:
        # Two workers: each has more to do than any exchange has time for.
        found = together(quickened(runtime), *[("computes", 0.0)] * 12)
        assert {status for _, status, _ in found} == {"granted"}
        assert runtime.lane.kills == {}


@pytest.mark.parametrize(
    ("culprit", "code", "reason"),
    [
        ("loops", "deadline_exceeded", "deadline"),
        ("dribbles", "deadline_exceeded", "deadline"),
        ("dies", "worker_died", "died"),
        ("garbles", "worker_garbled", "garbled"),
        ("answers-for-others", "worker_garbled", "garbled"),
    ],
)
def test_who_lines_up_with_a_hook_that_spoils_its_worker_is_run_elsewhere(
    hooks: Hooks, culprit: str, code: str, reason: str
) -> None:
    with runtime_of(hooks, PLAIN) as runtime:
        # More than line up: one that waits gets the place of the last before the culprit.
        calls = [(client, 0.0) for client in ("other", "blinks", culprit, *["other"] * 50)]
        started = time.monotonic()
        for client, status, error in together(quickened(runtime), *calls):
            expected = ("fault", code) if client == culprit else ("granted", None)
            assert (status, error) == expected
        assert time.monotonic() - started < 1
        assert set(runtime.lane.kills) == {reason}
        assert runtime.lane.suspended == ()


def test_who_lines_up_behind_a_hook_that_patches_sees_nothing_of_it(hooks: Hooks) -> None:
    with runtime_of(hooks, PLAIN) as runtime:
        quickened(runtime)
        calls = [("patches" if n % 5 == 0 else "sees", 0.0) for n in range(15)]
        found = together(runtime, *calls)
        assert found == [(client, "granted", None) for client, _ in calls]


@pytest.mark.parametrize("source", [BEHAVING, PLAIN], ids=["async", "plain"])
def test_a_hook_that_forges_its_mark_is_ended_all_the_same(hooks: Hooks, source: str) -> None:
    settings = Settings(lane="worker", worker=WorkerSettings(processes=1, deadline=0.02))
    with Runtime(hooks({"a.py": source}), settings) as runtime:
        started = time.monotonic()
        found = together(runtime, ("forges", 0), ("other", 0))
        assert time.monotonic() - started < 5
        assert found == [("forges", "fault", "deadline_exceeded"), ("other", "granted", None)]


def test_nobody_lines_up_behind_a_slow_hook(hooks: Hooks) -> None:
    with runtime_of(hooks, PLAIN, processes=2) as runtime:
        # As they are known to be slow, …
        together(runtime, *[("computes", 0.0)] * 3)

        async def seconds(client: str) -> float:
            started = time.monotonic()
            await runtime.arun(exchange(client=Client(id=client)))
            return time.monotonic() - started

        async def all_of_them() -> list[float]:
            slow = asyncio.create_task(seconds("hogs"))
            await asyncio.sleep(0.01)
            others = await asyncio.gather(*(seconds("other") for _ in range(12)))
            return [*others, await slow]

        *others, slow = asyncio.run(all_of_them())
        # … all others go to the two workers that are left.
        assert slow > 0.19
        assert max(others) < 0.15


def test_the_time_of_those_that_were_answered_together_is_not_counted_twice(hooks: Hooks) -> None:
    second = "__import__('time').sleep(0.1 if client.id == 'other' else 0)"
    settings = Settings(
        lane="worker",
        worker=WorkerSettings(processes=1),
        hooks={"b": HookSettings(network=True)},
    )
    with Runtime(hooks({"a.py": PLAIN, "b.py": hook(second)}), settings) as runtime:
        # The quick ones are answered together with the slow one, and have a second round trip.
        together(runtime, *[("nobody", 0.0)] * 150)
        found = together(runtime, *[("other", 0.0)] * 2, ("hogs", 0.0), ("other", 0.0))
        assert {status for _, status, _ in found} == {"granted"}
        assert runtime.lane.kills == {}


def test_what_keeps_the_event_loop_from_sending_is_not_the_time_of_a_hook(hooks: Hooks) -> None:
    async def block() -> None:
        time.sleep(0.3)

    async def both(runtime: Runtime) -> Outcome:
        asked = exchange(client=Client(id="computes"))
        return (await asyncio.gather(runtime.arun(asked), block()))[0]

    with runtime_of(hooks, PLAIN) as runtime:
        assert asyncio.run(both(runtime)).status == "granted"


def test_a_hook_that_was_asked_where_it_is_and_ended_is_not_told_of_later(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "DUMP_SECONDS", 0.2)
    lines = PLAIN.splitlines()

    async def both(runtime: Runtime) -> list[Outcome]:
        asked = [exchange(client=Client(id=client)) for client in ("late", "aborts")]
        return [await runtime.arun(one) for one in asked]

    settings = Settings(lane="worker", worker=WorkerSettings(processes=1, deadline=0.05))
    with Runtime(hooks({"a.py": PLAIN}), settings) as runtime:
        late, aborted = asyncio.run(both(runtime))
        assert late.status == "granted"
        error = aborted.trace[0].error
        assert error is not None
        assert error.line is not None
        assert "os.abort()" in lines[error.line - 1]
        assert error.traceback is not None
        assert error.traceback.count("Stack (most recent call first)") == 1


def test_who_comes_to_a_worker_that_stands_still_is_run_elsewhere(hooks: Hooks) -> None:
    with runtime_of(hooks, PLAIN) as runtime:
        (workers,) = filter(None, map(processes_below, processes_below(os.getpid())))
        os.kill(min(workers), signal.SIGSTOP)
        found = together(runtime, *[("other", 0.0)] * 4)
        assert {status for _, status, _ in found} == {"granted"}
        assert runtime.lane.kills == {"deadline": 1}


def test_whose_worker_is_lost_before_anything_is_sent_gets_another(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend, lost = Crew.acquire, list[Worker]()

    def lend_and_lose(crew: Crew, *args: Any, **more: Any) -> Any:
        worker = lend(crew, *args, **more)
        if isinstance(worker, Worker) and not lost:
            # As others do that are on it meanwhile.
            lost.append(worker)
            crew.lose(worker, "died").result()
        return worker

    monkeypatch.setattr(Crew, "acquire", lend_and_lose)
    with runtime_of(hooks, PLAIN) as runtime:
        assert together(runtime, ("other", 0.0)) == [("other", "granted", None)]


def test_who_begins_late_has_its_time_all_the_same(hooks: Hooks) -> None:
    with runtime_of(hooks, BEHAVING) as runtime:
        found = together(runtime, *[("hogs", 0.0)] * 4, *[("patient", 0.0)] * 2)
        assert {status for _, status, _ in found} == {"granted"}
        assert runtime.lane.kills == {}


@pytest.mark.parametrize("culprit", ["dies-in-a-thread", "interrupts", "garbles"])
def test_who_waits_beside_a_hook_that_spoils_its_worker_is_run_elsewhere(
    hooks: Hooks, culprit: str
) -> None:
    with runtime_of(hooks, BEHAVING) as runtime:
        for client, status, _ in together(runtime, *[("patient", 0.0)] * 8, (culprit, 0.01)):
            assert status == ("fault" if client == culprit else "granted")
        assert runtime.lane.suspended == ()


def test_who_waits_does_not_wait_for_workers_that_an_ended_event_loop_has(hooks: Hooks) -> None:
    def abandon() -> None:
        loop = asyncio.new_event_loop()
        asked = exchange(client=Client(id="hogs"))
        tasks = [loop.create_task(runtime.arun(asked)) for _ in range(2)]
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.stop()
        for task in tasks:
            task.cancel()
        loop.close()

    with runtime_of(hooks, PLAIN) as runtime:
        thread = threading.Thread(target=abandon)
        thread.start()
        time.sleep(0.02)
        started = time.monotonic()
        assert runtime.run(exchange()).status == "granted"
        assert time.monotonic() - started < 2
        thread.join()


def test_who_keeps_a_worker_from_ending_in_order_is_the_only_one_to_fail(hooks: Hooks) -> None:
    with runtime_of(hooks, BEHAVING, processes=2) as runtime:
        calls = [("refuses-to-end", n * 0.06) for n in range(5)]
        calls += [("patient", 0.05 + n * 0.05) for n in range(12)]
        for client, status, code in together(runtime, *calls):
            if client == "patient":
                assert (status, code) == ("granted", None)
            else:
                assert (status, code) == ("fault", "deadline_exceeded")


def test_others_are_run_again_however_often_workers_are_spoilt(hooks: Hooks) -> None:
    with runtime_of(hooks, BEHAVING, processes=2) as runtime:
        calls = [("patches", n * 0.02) for n in range(40)] + [("patient", 0.1)] * 3
        assert {status for _, status, _ in together(runtime, *calls)} == {"granted"}


def test_one_event_loop_does_not_keep_all_workers_from_another_caller(hooks: Hooks) -> None:
    source = BEHAVING.replace("0.18", "0.05")
    stop = threading.Event()

    async def busy(runtime: Runtime) -> None:
        async def client(number: int) -> None:
            await asyncio.sleep(number * 0.004)
            while not stop.is_set():
                await runtime.arun(exchange(client=Client(id="patient")))

        await asyncio.gather(*map(client, range(12)))

    with runtime_of(hooks, source) as runtime:
        thread = threading.Thread(target=lambda: asyncio.run(busy(runtime)))
        thread.start()
        try:
            time.sleep(0.3)
            for _ in range(3):
                started = time.monotonic()
                assert runtime.run(exchange(client=Client(id="other"))).status == "granted"
                assert time.monotonic() - started < 1
        finally:
            stop.set()
            thread.join()


def test_a_deadline_of_one_hook_gives_no_time_to_another(hooks: Hooks) -> None:
    folder = hooks({"a.py": hook("while True: pass"), "b.py": hook("return None")})
    settings = Settings(lane="worker", hooks={"b": HookSettings(deadline=3.0)})
    with Runtime(folder, settings) as runtime:
        started = time.monotonic()
        assert runtime.run(exchange()).status == "fault"
        assert time.monotonic() - started < 0.5


def test_memory_that_a_hook_keeps_goes_with_its_worker(hooks: Hooks) -> None:
    source = f"""{HEADER}
import mmap
kept = []

@hookimpl
def credentials_exchange(client):
    size = 64 << 20
    while client.id == "greedy" and size >= 1 << 20:
        try: kept.append(mmap.mmap(-1, size))
        except (OSError, MemoryError): size //= 2
    if client.id == "greedy": raise MemoryError
    return {{"{CLAIM}": len(bytearray(3_000_000))}}
"""
    with runtime_of(hooks, source) as runtime:
        for _ in range(3):
            assert runtime.run(exchange(client=Client(id="greedy"))).status == "fault"
        for _ in range(5):
            assert runtime.run(exchange()).status == "granted"


def test_output_is_logged_within_bounds_without_secrets_and_on_one_line(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOKEN", "the-secret-value")
    caplog.set_level("INFO")
    body = """
        print(context.secrets["TOKEN"])
        print("CRITICAL forged \\x1b[31m" + "x" * 100_000)
    """
    settings = Settings(lane="worker", hooks={"a": HookSettings(secrets=("TOKEN",))})
    with Runtime(hooks({"a.py": hook(body)}), settings) as runtime:
        runtime.run(exchange())
    (line,) = [r.getMessage() for r in caplog.records if "printed" in r.getMessage()]
    assert "[secret TOKEN]" in line
    assert "the-secret-value" not in line
    assert len(line) < 5000
    assert "\n" not in line
    assert "\x1b" not in line


class TestProcesses:
    """Workers come and go, and nothing else does."""

    def test_a_bad_save_costs_no_worker_of_the_active_generation(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": hook("return None")})
        with Runtime(folder, Settings(lane="worker"), watch=True) as runtime:
            before = set(processes_below(os.getpid()))
            hooks({"b.py": "import os\nos._exit(3)"})
            assert eventually(lambda: runtime.generations.failure is not None)
            assert before <= set(processes_below(os.getpid()))
            assert eventually(lambda: set(processes_below(os.getpid())) == before)

    def test_a_worker_that_lies_about_its_problems_is_not_believed(self, hooks: Hooks) -> None:
        source = """
import socket
for fd in range(3, 64):
    try: connection = socket.socket(fileno=fd)
    except OSError: continue
    body = b'{"problems":[{"code":"no_such","file":"f","reason":"r","line":1,"remedy":""}]}'
    connection.sendall(len(body).to_bytes(4, "big") + bytes(4) + body)
    connection.detach()
"""
        folder = hooks({"a.py": hook("return None")})
        with Runtime(folder, Settings(lane="worker"), watch=True) as runtime:
            hooks({"a.py": source})
            assert eventually(lambda: runtime.generations.failure is not None)
            failure = runtime.generations.failure
            assert failure is not None
            assert failure.problems[0].code == "load_ended_process"
            assert str(runtime.watch_mode) == "events"
            hooks({"a.py": hook(f"return {{'{CLAIM}': 1}}")})
            assert eventually(lambda: runtime.run(exchange()).claims == {CLAIM: 1})

    def test_what_a_worker_without_a_sandbox_starts_ends_with_the_runtime(
        self, hooks: Hooks
    ) -> None:
        body = """
            import os, time
            if (pid := os.fork()) == 0:
                os.setsid()
                time.sleep(60)
                os._exit(0)
            return {"https://acme.example/pid": pid}
        """
        settings = Settings(
            lane="worker",
            worker=WorkerSettings(sandbox="off"),
            hooks={"a": HookSettings(network=True)},
        )
        before = set(processes_below(os.getpid()))
        with Runtime(hooks({"a.py": hook(body)}), settings) as runtime:
            outcome = runtime.run(exchange())
            assert outcome.status == "granted", outcome
        assert eventually(lambda: set(processes_below(os.getpid())) == before, 2)
        assert not Path(f"/proc/{outcome.claims['https://acme.example/pid']}").exists()

    def test_no_descriptor_is_left_open(self, hooks: Hooks) -> None:
        def descriptors() -> int:
            return sum(1 for _ in Path("/proc/self/fd").iterdir())

        async def cancelled(runtime: Runtime) -> None:
            tasks = [asyncio.create_task(runtime.arun(exchange())) for _ in range(3)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()

        with Runtime(hooks({"a.py": hook("return None")}), Settings(lane="worker")) as runtime:
            before = 0
            for number in range(12):
                asyncio.run(cancelled(runtime))
                hooks({"a.py": hook(f"return {{'{CLAIM}': {number}}}")})
                runtime.reload()
                runtime.run(exchange())
                if number == 2:
                    assert eventually(lambda: len(runtime.generations.draining) == 0)
                    before = descriptors()
            assert eventually(lambda: descriptors() <= before + 3)


@pytest.mark.parametrize("kind", ["", "async "])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "Strange"])
def test_inline_whatever_a_hook_raises_is_in_the_outcome(
    hooks: Hooks, kind: str, error: str
) -> None:
    source = f"""{HEADER}
class Strange(BaseException): pass

@hookimpl
{kind}def credentials_exchange():
    raise {error}
"""
    runtime = Runtime(hooks({"a.py": source}))
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(runtime.run(exchange())), daemon=True)
    thread.start()
    thread.join(5)
    assert [outcome.status for outcome in found] == ["fault"]
    runtime.close()
