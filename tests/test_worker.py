"""The worker lane: the same outcomes as inline, from processes that come and go."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from claimhooks import ClaimhooksError, LoadError, Outcome, Policy, Runtime, Settings
from claimhooks.lanes.worker import breaker, nursery
from claimhooks.samples import read
from claimhooks.settings import HookSettings, WorkerSettings
from given import HEADER, eventually, exchange, hook, processes_below

if TYPE_CHECKING:
    from given import Hooks

pytestmark = pytest.mark.worker

ROOT = Path(__file__).parent.parent
CLAIM = "https://acme.example/x"


def worker(**changes: object) -> Settings:
    return Settings(lane="worker").model_copy(update=changes)


def comparable(outcome: Outcome) -> Outcome:
    for entry in outcome.trace:
        entry.micros = 0
    return outcome


# Each hook runs what the metadata has for it.
SAYING = f"""{HEADER}
import decimal

@hookimpl
KIND def credentials_exchange(client, scope, audience, context):
    said = {{}}
    exec("def answer():\\n" + client.metadata.get("NAME", " pass"), globals() | locals(), said)
    return said["answer"]()
"""

ANSWERS = [
    "return None",
    "return {}",
    "return {'https://acme.example/a': [1, 2.5, None, True, {'b': 'ü\\u2028'}]}",
    "return {'https://acme.example/a': NAME_}",
    "return {'scope': scope + ['orders:write'], 'expires_in': 60}",
    "return {'scope': ['nowhere:defined']}",
    "return {'scope': 'orders:read'}",
    "return {'scope': ['\\ud800', 1]}",
    "return {'expires_in': 1e3}",
    "return {'iss': 'x', 'tier': 1, 'https://auth0.com/x': 2}",
    "return {'https://acme.example/a': {1, 2}}",
    "return {'https://acme.example/a': float('nan'), 'https://acme.example/b': 1}",
    "return {'https://acme.example/a': {'deep': [{'er': decimal.Decimal(1)}]}}",
    "return {'https://acme.example/a': 2**53}",
    "return {'https://acme.example/a': '\\ud800'}",
    "return {'\\ud800': 1}",
    "return {1: 2}",
    "return [1]",
    "return {'https://acme.example/a': 'x' * 200_000}",
    "return {'https://acme.example/a': 'ü' * 4_000}",
    "raise AccessDenied('no \"quotes\" \\\\ here \\n ü \\ud800')",
    "raise InvalidScope",
    "raise ServerError('text')",
    "raise KeyError('missing')",
    "raise ValueError('\\ud800')",
    "raise SystemExit(3)",
    "return {'https://acme.example/a': list(context.claims), 'https://acme.example/s': scope}",
    "client.metadata['x'] = 1; scope.append('x'); context.claims['y'] = 2",
    "return {'https://acme.example/a': [client.id, client.name, client.tenant, audience]}",
    "return {'https://acme.example/a': [context.request.method, context.request.headers]}",
    "return {'https://acme.example/a': [context.api.scopes, context.api.token_lifetime]}",
    "return {'https://acme.example/a': [str(context.now), context.generation]}",
    "return {'https://acme.example/a': context.secrets['TOKEN']}",
    "raise ValueError(context.secrets['TOKEN'])",
    "context.secrets['OTHER']",
]


class Pair:
    """The same hooks in both lanes."""

    def __init__(self, folder: Path, policy: Policy, kind: str, on_error: str) -> None:
        folder.mkdir(parents=True)
        hooks = {}
        for name in ("10-a", "20-b", "30-c"):
            source = SAYING.replace("KIND ", kind).replace("NAME", name)
            (folder / f"{name}.py").write_text(source)
            hooks[name] = HookSettings.model_validate({"secrets": ["TOKEN"], "on_error": on_error})
        common = Settings(policy=policy, hooks=hooks)
        self.inline = Runtime(folder, common)
        self.worker = Runtime(folder, common.model_copy(update={"lane": "worker"}))

    def check(self, *bodies: str) -> Outcome:
        names = ("10-a", "20-b", "30-c")
        metadata = {
            name: f"    {body.replace('NAME_', repr(name))}"
            for name, body in zip(names, bodies, strict=False)
        }
        asked = exchange(metadata=metadata, now="2026-11-25T12:00:00Z")
        inline = comparable(self.inline.run(asked))
        assert comparable(self.worker.run(asked)) == inline
        assert comparable(asyncio.run(self.worker.arun(asked))) == inline
        return inline

    def close(self) -> None:
        self.inline.close()
        self.worker.close()


@pytest.fixture(
    scope="module",
    params=[("strict", "", "deny"), ("lenient", "async ", "skip")],
    ids=["strict", "lenient-async-skip"],
)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    os.environ["TOKEN"] = "the-secret-value"
    mode, kind, on_error = request.param
    policy = Policy.model_validate({"mode": mode})
    pair = Pair(tmp_path_factory.mktemp("pair") / "hooks", policy, kind, on_error)
    yield pair
    pair.close()
    del os.environ["TOKEN"]


class TestTheOutcome:
    """Is the same as in the inline lane, to the letter."""

    @pytest.mark.parametrize("body", ANSWERS)
    def test_of_one_hook(self, pair: Pair, body: str) -> None:
        pair.check(body)

    @pytest.mark.slow
    @settings(
        max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.lists(st.sampled_from(ANSWERS), min_size=2, max_size=3))
    def test_of_several(self, pair: Pair, bodies: list[str]) -> None:
        pair.check(*bodies)

    def test_of_the_shipped_samples(self) -> None:
        file = Settings.load(ROOT / "claimhooks.toml")
        inline = Runtime(ROOT / "hooks", file)
        with Runtime(ROOT / "hooks", file.model_copy(update={"lane": "worker"})) as worker:
            for sample in read([str(ROOT / "examples" / "exchanges")]):
                assert comparable(worker.run(sample)) == comparable(inline.run(sample))

    def test_of_an_answer_that_is_far_too_large_is_a_fault(self, pair: Pair) -> None:
        metadata = {"10-a": "    return {'https://acme.example/a': 'x' * 5_000_000}"}
        outcome = pair.worker.run(exchange(metadata=metadata))
        error = outcome.trace[0].error
        assert error is not None
        assert error.code == "answer_too_large"

    def test_of_an_exchange_that_is_larger_than_what_a_socket_takes(self, pair: Pair) -> None:
        body = "    return {'https://acme.example/a': len(client.metadata['much'])}"
        asked = exchange(metadata={"10-a": body, "much": "ü" * 700_000})
        assert pair.worker.run(asked).claims == {"https://acme.example/a": 700_000}
        outcome = asyncio.run(pair.worker.arun(asked))
        assert outcome.claims == {"https://acme.example/a": 700_000}


def test_an_awaitable_from_a_plain_function_is_awaited(hooks: Hooks) -> None:
    source = f"""{HEADER}
import asyncio

async def later():
    await asyncio.sleep(0.01)
    return {{"{CLAIM}": 1}}

@hookimpl
def credentials_exchange():
    return later()
"""
    with Runtime(hooks({"a.py": source}), worker()) as runtime:
        assert runtime.run(exchange()).claims == {CLAIM: 1}


class TestLoading:
    """In a worker, with every problem told as inline."""

    def test_problems_are_those_of_the_inline_lane(self, hooks: Hooks) -> None:
        folder = hooks(
            {
                "a.py": "x = (",
                "b.py": "import nowhere_to_be_found",
                "c.py": "1 / 0",
                "d.py": hook("return None", "client, scopes"),
                "e.py": "raise SystemExit",
                "f.py": "from . import _g",
                "_g.py": "raise ValueError('ü')",
                "h.py": "",
            }
        )
        unknown = {"z": HookSettings()}
        with pytest.raises(LoadError) as inline:
            Runtime(folder, Settings(hooks=unknown))
        with pytest.raises(LoadError) as found:
            Runtime(folder, worker(hooks=unknown))
        assert found.value.problems == inline.value.problems
        assert len(found.value.problems) == 8

    @pytest.mark.parametrize(
        ("source", "code", "reason"),
        [
            ("import os\nos._exit(3)", "load_ended_process", "exit status 3"),
            ("import ctypes\nctypes.string_at(0)", "load_ended_process", "SIGSEGV"),
            ("while True: pass", "load_timed_out", "not loaded within"),
        ],
    )
    def test_a_file_that_takes_the_worker_along_is_named(
        self,
        hooks: Hooks,
        monkeypatch: pytest.MonkeyPatch,
        source: str,
        code: str,
        reason: str,
    ) -> None:
        monkeypatch.setattr(nursery, "LOAD", 0.5)
        folder = hooks({"a.py": hook("return None"), "b.py": source})
        with pytest.raises(LoadError) as found:
            Runtime(folder, worker())
        (problem,) = found.value.problems
        assert (problem.code, problem.file) == (code, str(folder / "b.py"))
        assert reason in problem.reason

    def test_hooks_import_the_standard_library_and_installed_packages(self, hooks: Hooks) -> None:
        source = f"""{HEADER}
import xml.dom.minidom, sqlite3, jwt

@hookimpl
def credentials_exchange():
    import html.parser
    return {{"{CLAIM}": html.parser.__name__}}
"""
        with Runtime(hooks({"a.py": source}), worker()) as runtime:
            assert runtime.run(exchange()).claims == {CLAIM: "html.parser"}
            # Importing within the hook is no reason to give the worker up.
            assert runtime.lane.kills == {}

    def test_sets_iterate_in_the_same_order_in_every_worker(self, hooks: Hooks) -> None:
        body = f"return {{'{CLAIM}': list({{str(n) for n in range(50)}})}}"
        folder = hooks({"a.py": hook(body)})
        with Runtime(folder, worker()) as one, Runtime(folder, worker()) as other:
            assert one.run(exchange()).claims == other.run(exchange()).claims


class TestReloading:
    """The next workers are ready before the last ones go."""

    def test_a_save_changes_the_next_exchange(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": hook(f"return {{'{CLAIM}': 1}}")})
        with Runtime(folder, worker(), watch=True) as runtime:
            hooks({"a.py": hook(f"return {{'{CLAIM}': 2}}")})
            assert eventually(lambda: runtime.run(exchange()).claims == {CLAIM: 2})
            hooks({"a.py": "x = ("})
            assert eventually(lambda: runtime.generations.failure is not None)
            assert runtime.run(exchange()).claims == {CLAIM: 2}
            runtime.rollback()
            assert runtime.run(exchange()).claims == {CLAIM: 1}

    def test_the_workers_of_old_generations_end(self, hooks: Hooks) -> None:
        with Runtime(hooks({"a.py": hook("return None")}), worker()) as runtime:
            before = len(processes_below(os.getpid()))
            for number in range(5):
                hooks({"a.py": hook(f"return {{'{CLAIM}': {number}}}")})
                runtime.reload()
            assert eventually(lambda: len(processes_below(os.getpid())) == before)

    def test_no_exchange_waits_for_an_import(self, hooks: Hooks) -> None:
        slow = "import time\ntime.sleep(1)\n"
        folder = hooks({"a.py": hook("return None")})
        with Runtime(folder, worker(), watch=True) as runtime:
            before = runtime.generation
            hooks({"a.py": slow + hook("return None")})
            longest = 0.0
            while runtime.generation is before:
                started = time.monotonic()
                runtime.run(exchange())
                longest = max(longest, time.monotonic() - started)
            assert longest < 0.5

    def test_the_gate_is_passed_in_workers(self, hooks: Hooks, tmp_path: Path) -> None:
        sample = {"client": {"id": "c"}, "audience": "https://a.example/", "scope": []}
        expect = {"claims": {CLAIM: 1}}
        (tmp_path / "sample.json").write_text(json.dumps({**sample, "expect": expect}))
        folder = hooks({"a.py": hook("while True: pass")})
        with pytest.raises(LoadError, match="killed after 250 ms"):
            Runtime(folder, worker(gate=tmp_path / "sample.json"))


class TestDeadlines:
    """Of the exchange, and of single hooks."""

    @pytest.mark.parametrize("kind", ["", "async "])
    def test_a_hook_may_have_less_or_more_than_the_others(self, hooks: Hooks, kind: str) -> None:
        waits = "await asyncio.sleep(0.4)" if kind else "time.sleep(0.4)"
        source = f"{HEADER}import asyncio, time\n@hookimpl\n{kind}def credentials_exchange():\n    "
        folder = hooks({"a.py": source + waits, "b.py": hook(f"return {{'{CLAIM}': 1}}")})
        more = worker(hooks={"a": HookSettings(deadline=2.0)})
        with Runtime(folder, more) as runtime:
            assert runtime.run(exchange()).claims == {CLAIM: 1}
        less = worker(hooks={"a": HookSettings(deadline=0.05, on_error="skip")})
        with Runtime(folder, less) as runtime:
            started = time.monotonic()
            outcome = runtime.run(exchange())
            assert time.monotonic() - started < 0.3
            assert outcome.claims == {CLAIM: 1}
            error = outcome.trace[0].error
            assert error is not None
            assert error.code == "deadline_exceeded"
            # What only waits is ended without killing anybody.
            assert runtime.lane.kills == ({} if kind else {"deadline": 1})

    def test_a_hundred_that_wait_share_two_workers(self, hooks: Hooks) -> None:
        source = f"""{HEADER}
import asyncio

@hookimpl
async def credentials_exchange(client):
    await asyncio.sleep(0.05)
    return {{"{CLAIM}": client.metadata["n"]}}
"""
        folder = hooks({"a.py": source})
        # One stands by: with two in all, there is one and the one that stands by.
        with Runtime(folder, worker(worker=WorkerSettings(processes=1))) as runtime:

            async def all_of_them() -> list[Outcome]:
                asked = [exchange(metadata={"n": n}) for n in range(100)]
                return await asyncio.gather(*map(runtime.arun, asked))

            asyncio.run(all_of_them())
            started = time.monotonic()
            outcomes = asyncio.run(all_of_them())
            assert time.monotonic() - started < 0.6
            assert [outcome.claims for outcome in outcomes] == [{CLAIM: n} for n in range(100)]


class TestAHookThatTakesTheWorkerAlong:
    """Costs the answers of the hooks before it, which were in the same round trip."""

    BODIES = {  # noqa: RUF012
        "a.py": hook(f"return {{'{CLAIM}a': 1}}"),
        "b.py": hook("__import__('os')._exit(3)"),
        "c.py": hook(f"return {{'{CLAIM}c': list(context.claims)}}"),
    }

    def test_is_blamed_itself(self, hooks: Hooks) -> None:
        with Runtime(hooks(self.BODIES), worker()) as runtime:
            outcome = runtime.run(exchange())
        assert outcome.status == "fault"
        assert [(entry.hook, entry.skipped) for entry in outcome.trace] == [
            ("a", "its answer was lost with the worker"),
            ("b", None),
        ]
        error = outcome.trace[1].error
        assert error is not None
        assert (error.code, error.file.endswith("b.py")) == ("worker_died", True)

    def test_may_be_left_out(self, hooks: Hooks) -> None:
        settings = worker(hooks={"b": HookSettings(on_error="skip")})
        with Runtime(hooks(self.BODIES), settings) as runtime:
            outcome = runtime.run(exchange())
        assert outcome.claims == {f"{CLAIM}a": 1, f"{CLAIM}c": [f"{CLAIM}a"]}
        assert [entry.error and entry.error.code for entry in outcome.trace] == [
            None,
            "worker_died",
            None,
        ]


class TestTheBreaker:
    """Suspends a hook that keeps killing workers."""

    @pytest.fixture
    def folder(self, hooks: Hooks) -> Path:
        body = "if client.metadata.get('die'): __import__('os')._exit(1)"
        return hooks({"a.py": hook(body), "b.py": hook(f"return {{'{CLAIM}': 1}}")})

    def die(self, runtime: Runtime, times: int = breaker.KILLS) -> list[str]:
        outcomes = [runtime.run(exchange(metadata={"die": True})) for _ in range(times)]
        errors = [outcome.trace[0].error for outcome in outcomes]
        return [error.code for error in errors if error is not None]

    def test_its_own_policy_applies_at_once_and_the_others_go_on(self, folder: Path) -> None:
        skip = worker(hooks={"a": HookSettings(on_error="skip")})
        with Runtime(folder, skip) as runtime:
            codes = self.die(runtime, breaker.KILLS + 1)
            assert codes == ["worker_died"] * breaker.KILLS + ["hook_suspended"]
            assert runtime.lane.suspended == ("a",)
            outcome = runtime.run(exchange())
            assert outcome.claims == {CLAIM: 1}
            assert outcome.trace[0].skipped is not None
            assert runtime.lane.kills == {"died": breaker.KILLS}

    def test_it_fails_closed_by_default(self, folder: Path) -> None:
        with Runtime(folder, worker()) as runtime:
            self.die(runtime)
            outcome = runtime.run(exchange())
            assert outcome.status == "fault"
            assert outcome.trace[-1].error is not None
            assert outcome.trace[-1].error.code == "hook_suspended"

    def test_it_closes_after_a_pause_by_itself(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(breaker, "PAUSE", 0.3)
        with Runtime(folder, worker()) as runtime:
            self.die(runtime)
            assert runtime.run(exchange()).status == "fault"
            time.sleep(0.3)
            assert runtime.run(exchange()).status == "granted"
            assert runtime.lane.suspended == ()

    def test_a_reload_closes_it(self, folder: Path) -> None:
        with Runtime(folder, worker()) as runtime:
            self.die(runtime)
            runtime.reload()
            assert runtime.run(exchange()).status == "granted"

    def test_kills_that_are_not_in_a_row_do_not_open_it(self, folder: Path) -> None:
        with Runtime(folder, worker()) as runtime:
            for _ in range(breaker.KILLS + 1):
                self.die(runtime, 1)
                assert runtime.run(exchange()).status == "granted"


def test_hooks_that_need_the_network_run_in_workers_that_have_it(hooks: Hooks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = f"""
            import socket
            socket.create_connection(("127.0.0.1", {port}), 1).close()
            return {{"https://acme.example/" + context.request.method: list(context.claims)}}
        """
        folder = hooks(
            {
                "1.py": hook(f"return {{'{CLAIM}1': 1}}"),
                "2.py": hook(connect),
                "3.py": hook(f"return {{'{CLAIM}3': list(context.claims)}}"),
            }
        )
        with Runtime(folder, worker(hooks={"2": HookSettings(network=True)})) as runtime:
            outcome = runtime.run(exchange())
            assert outcome.claims == {
                f"{CLAIM}1": 1,
                "https://acme.example/POST": [f"{CLAIM}1"],
                f"{CLAIM}3": [f"{CLAIM}1", "https://acme.example/POST"],
            }
        with Runtime(folder, worker()) as runtime:
            outcome = runtime.run(exchange())
            error = outcome.trace[1].error
            assert error is not None
            assert "PermissionError" in error.reason


class TestFaults:
    """Nothing hangs, and nothing leaks a process."""

    before: set[int]

    @pytest.fixture
    def runtime(self, hooks: Hooks) -> Iterator[Runtime]:
        self.before = set(processes_below(os.getpid()))
        with Runtime(hooks({"a.py": hook(f"return {{'{CLAIM}': 1}}")}), worker()) as runtime:
            yield runtime

    def pids(self) -> tuple[int, set[int]]:
        """The zygote and its workers, once they are all there."""
        found: list[tuple[int, set[int]]] = []

        def are_complete() -> bool:
            ours = set(processes_below(os.getpid())) - self.before
            found[:] = [(pid, set(processes_below(pid))) for pid in ours]
            return any(len(below) == 3 for _, below in found)

        assert eventually(are_complete)
        return next(one for one in found if len(one[1]) == 3)

    def is_well(self, runtime: Runtime) -> bool:
        outcome = runtime.run(exchange())
        assert outcome.claims == {CLAIM: 1}, outcome
        return eventually(lambda: runtime.lane.workers == 3)

    def test_all_workers_killed_at_once(self, runtime: Runtime) -> None:
        for pid in self.pids()[1]:
            os.kill(pid, signal.SIGKILL)
        assert self.is_well(runtime)
        assert asyncio.run(runtime.arun(exchange())).status == "granted"

    def test_all_workers_killed_at_once_in_an_event_loop(self, runtime: Runtime) -> None:
        async def kill_and_run() -> Outcome:
            for pid in self.pids()[1]:
                os.kill(pid, signal.SIGKILL)
            return await runtime.arun(exchange())

        assert asyncio.run(kill_and_run()).claims == {CLAIM: 1}
        assert self.is_well(runtime)

    def test_the_zygote_killed(self, runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
        zygote, workers = self.pids()
        os.kill(zygote, signal.SIGKILL)
        assert eventually(lambda: not workers & set(processes_below(1)))
        assert self.is_well(runtime)
        assert "starting another" in caplog.text

    def test_the_zygote_killed_under_load_fails_no_exchange(self, runtime: Runtime) -> None:
        found: list[Outcome] = []
        stop = threading.Event()

        def load() -> None:
            while not stop.is_set():
                found.append(runtime.run(exchange()))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.2)
            os.kill(self.pids()[0], signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        assert {outcome.status for outcome in found} == {"granted"}

    def test_closing_ends_all_processes(self, hooks: Hooks) -> None:
        before = processes_below(os.getpid())
        runtime = Runtime(hooks({"a.py": hook("return None")}), worker())
        assert len(processes_below(os.getpid())) == len(before) + 4
        runtime.close()
        assert processes_below(os.getpid()) == before
        with pytest.raises(ClaimhooksError, match="closed"):
            runtime.run(exchange())

    def test_closing_waits_for_exchanges_under_way(self, hooks: Hooks) -> None:
        runtime = Runtime(hooks({"a.py": hook("__import__('time').sleep(0.2)")}), worker())
        found: list[Outcome] = []
        thread = threading.Thread(target=lambda: found.append(runtime.run(exchange())))
        thread.start()
        time.sleep(0.05)
        runtime.close()
        thread.join()
        assert [outcome.status for outcome in found] == ["granted"]

    @pytest.mark.parametrize("in_loop", [False, True], ids=["threads", "loop"])
    def test_closing_waits_for_exchanges_that_go_from_worker_to_worker(
        self, hooks: Hooks, *, in_loop: bool
    ) -> None:
        slow = hook("__import__('time').sleep(0.06)")
        folder = hooks({"a.py": slow, "b.py": slow, "c.py": slow})
        runtime = Runtime(folder, worker(hooks={"b": HookSettings(network=True)}))
        found: list[Outcome] = []

        async def both() -> None:
            found.extend(await asyncio.gather(*(runtime.arun(exchange()) for _ in range(2))))

        def run() -> None:
            found.append(runtime.run(exchange()))

        targets = [lambda: asyncio.run(both())] if in_loop else [run, run]
        threads = [threading.Thread(target=target) for target in targets]
        for thread in threads:
            thread.start()
        time.sleep(0.03)
        runtime.close()
        for thread in threads:
            thread.join()
        assert [outcome.status for outcome in found] == ["granted"] * 2

    def test_a_runtime_that_is_dropped_leaves_nothing_behind(self, hooks: Hooks) -> None:
        before = processes_below(os.getpid())
        runtime = Runtime(hooks({"a.py": hook("return None")}), worker())
        assert processes_below(os.getpid()) != before
        del runtime
        assert eventually(lambda: processes_below(os.getpid()) == before)

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
    def test_no_worker_outlives_the_parent_by_more_than_a_second(
        self, hooks: Hooks, how: signal.Signals
    ) -> None:
        folder = hooks({"a.py": hook("while True: pass")})
        program = f"""
import sys, threading
from claimhooks import *
settings = Settings.model_validate({{"lane": "worker", "worker": {{"deadline": 60.0}}}})
runtime = Runtime({str(folder)!r}, settings)
asked = Exchange(client=Client(id="c"), audience="https://a.example/", scope=())
threading.Thread(target=runtime.run, args=[asked], daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
        with subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
            below = set(processes_below(parent.pid))
            assert len(below) == 4
            parent.send_signal(how)
            parent.wait()
            time.sleep(1)
            assert not below & set(processes_below(1))

    def test_a_cancelled_exchange_gives_its_worker_back(self, runtime: Runtime) -> None:
        async def cancel_many() -> Outcome:
            for _ in range(20):
                task = asyncio.create_task(runtime.arun(exchange()))
                await asyncio.sleep(0)
                task.cancel()
            return await runtime.arun(exchange())

        assert asyncio.run(cancel_many()).status == "granted"
        assert eventually(lambda: self.is_well(runtime))

    def test_an_event_loop_that_ends_early_costs_no_worker_for_good(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": hook("if client.metadata: __import__('time').sleep(0.2)")})
        with Runtime(folder, worker()) as runtime:
            for _ in range(5):

                async def give_up() -> None:
                    asked = exchange(metadata={"wait": True})
                    tasks = [asyncio.ensure_future(runtime.arun(asked)) for _ in range(3)]
                    await asyncio.sleep(0.01)
                    assert not any(task.done() for task in tasks)

                asyncio.run(give_up())
            assert runtime.run(exchange()).status == "granted"

    def test_a_fork_of_the_process_is_told_to_make_its_own(self, runtime: Runtime) -> None:
        runtime.run(exchange())
        read_end, write_end = os.pipe()
        if (pid := os.fork()) == 0:
            try:
                runtime.run(exchange())
            except ClaimhooksError as error:
                os.write(write_end, str(error).encode())
            finally:
                os._exit(0)
        os.close(write_end)
        os.waitpid(pid, 0)
        assert b"before the process was forked" in os.read(read_end, 1000)
        os.close(read_end)
        assert self.is_well(runtime)

    @pytest.mark.parametrize("how", ["closes", "forgets"])
    @pytest.mark.parametrize("kind", ["def", "async def"])
    @pytest.mark.parametrize("lane", ["inline", "worker"])
    def test_what_a_fork_does_with_its_copy_is_nothing_to_the_parent(
        self, hooks: Hooks, lane: str, kind: str, how: str
    ) -> None:
        folder = hooks({"a.py": hook("return None").replace("def", kind)})
        runtime = [Runtime(folder, worker(lane=lane))]
        runtime[0].run(exchange())
        before = set(processes_below(os.getpid()))
        if (pid := os.fork()) == 0:
            try:
                if how == "closes":
                    runtime[0].close()
                runtime.clear()
                gc.collect()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
        assert set(processes_below(os.getpid())) == before
        assert runtime[0].run(exchange()).status == "granted"
        assert runtime[0].lane.kills == {}
        runtime[0].close()


class TestThreads:
    """A runtime is shared by the threads and event loops of its process."""

    @pytest.mark.parametrize("kind", ["", "async "])
    def test_every_caller_gets_the_outcome_of_its_own_exchange(
        self, hooks: Hooks, kind: str
    ) -> None:
        source = f"""{HEADER}
import asyncio, time
@hookimpl
{kind}def credentials_exchange(client):
    {"await asyncio.sleep(0.002)" if kind else "time.sleep(0.002)"}
    return {{"{CLAIM}": client.metadata["n"]}}
"""
        wrong: list[object] = []

        def ask(runtime: Runtime, first: int) -> None:
            for n in range(first, first + 40):
                outcome = runtime.run(exchange(metadata={"n": n}))
                wrong.extend([outcome] if outcome.claims != {CLAIM: n} else [])

        async def ask_too(runtime: Runtime, first: int) -> None:
            asked = [exchange(metadata={"n": n}) for n in range(first, first + 40)]
            outcomes = await asyncio.gather(*map(runtime.arun, asked))
            for n, outcome in enumerate(outcomes, start=first):
                wrong.extend([outcome] if outcome.claims != {CLAIM: n} else [])

        with Runtime(hooks({"a.py": source}), worker()) as runtime:
            threads = [threading.Thread(target=ask, args=[runtime, n * 40]) for n in range(4)]
            threads += [
                threading.Thread(target=lambda n=n: asyncio.run(ask_too(runtime, n * 40)))
                for n in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []


class TestIsolation:
    """Is what the self-test has found, or the runtime does not start."""

    def test_is_complete_here(self, hooks: Hooks) -> None:
        with Runtime(hooks({"a.py": hook("return None")}), worker()) as runtime:
            assert runtime.lane.isolation.level == "sandbox"
            assert runtime.lane.isolation.layers == ("landlock", "seccomp")
            assert runtime.lane.isolation.possible == ()

    def test_without_a_sandbox_tells_what_is_possible(
        self, hooks: Hooks, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        off = worker(worker=WorkerSettings(sandbox="off"))
        with Runtime(hooks({"a.py": hook("return None")}), off) as runtime:
            isolation = runtime.lane.isolation
            assert isolation.level == "process"
            assert "reading files" in isolation.possible
            assert "not prevented: reading files" in caplog.text
            assert "setting the clock" not in isolation.possible
            assert "reading the issuer's memory" not in isolation.possible

    def test_that_is_required_and_not_reached_refuses_to_start(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        # As where the packages of the sandbox are not installed.
        for name in ("landlockpy", "seccompy"):
            (tmp_path / f"{name}.py").write_text("raise ImportError")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        required = worker(worker=WorkerSettings(sandbox="required"))
        with pytest.raises(LoadError) as found:
            Runtime(hooks({"a.py": hook("return None")}), required)
        assert [problem.code for problem in found.value.problems] in (
            ["sandbox_missing"],
            ["lane_unavailable"],
        )

    def test_inline_there_is_none(self, hooks: Hooks) -> None:
        runtime = Runtime(hooks({"a.py": hook("return None")}))
        assert runtime.lane.isolation.level == "none"


def test_workers_start_where_their_priority_cannot_be_changed(hooks: Hooks) -> None:
    program = """
import ctypes, os, sys
if len(sys.argv) == 2:
    # As an unprivileged user of the lowest priority.
    PR_CAPBSET_DROP, CAP_SYS_NICE = 24, 23
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "again"])
from claimhooks import *
asked = Exchange(client=Client(id="c"), audience="https://a.example/", scope=())
with Runtime(sys.argv[1], Settings(lane="worker")) as runtime:
    print(runtime.run(asked).status)
"""
    command = [sys.executable, "-c", program, str(hooks({"a.py": hook("return None")}))]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("granted\n", "")


def test_the_lane_is_told_where_workers_cannot_be_started(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LoadError) as found:
        Runtime(hooks({"a.py": hook("return None")}), worker())
    assert [problem.code for problem in found.value.problems] == ["lane_unavailable"]


class TestBeingTerminated:
    """SIGTERM, to a program that closes its runtime as it should."""

    PROGRAM = """
import signal, sys, threading, time
from claimhooks import *

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
asked = Exchange(client=Client(id="c"), audience="https://a.example/", scope=())
with Runtime(sys.argv[1], Settings(lane="worker"), watch=True) as runtime:
    def run():
        print(runtime.run(asked).status, flush=True)
    print("ready", flush=True)
    sys.stdin.readline()
    thread = threading.Thread(target=run)
    thread.start()
    print("running", flush=True)
    time.sleep(60)
"""

    @contextmanager
    def program(self, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            below = set(processes_below(process.pid))
            assert len(below) == 4
            yield process
            assert eventually(lambda: not below & set(processes_below(1)), 2)

    def test_during_an_exchange_lets_it_end(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": hook("__import__('time').sleep(0.2)")})
        with self.program(folder) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == b"running\n"
            time.sleep(0.05)
            process.terminate()
            assert process.stdout.readline() == b"granted\n"
            assert process.wait(5) == 0

    def test_during_a_reload_gives_it_up(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": hook("return None")})
        with self.program(folder) as process:
            hooks({"a.py": "import time\ntime.sleep(9)\n" + hook("return None")})
            time.sleep(0.5)
            assert len(processes_below(process.pid)) == 7, "the next workers are being made ready"
            started = time.monotonic()
            process.terminate()
            assert process.wait(5) == 0
            assert time.monotonic() - started < 3
            assert process.stderr is not None
            assert process.stderr.read() == b""
