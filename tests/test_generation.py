"""From a folder to hooks that run, or to every reason why not."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimhooks import Exchange, HookSettings, LoadError, Problem, Runtime, Settings
from claimhooks.errors import PROBLEMS
from claimhooks.generation import Plan
from claimhooks.hookspec import PACKAGE
from claimhooks.loading import LoadedGeneration
from claimhooks.modules import Modules
from claimhooks.snapshot import Snapshot
from given import eventually

if TYPE_CHECKING:
    from given import Hooks

GOOD = "from claimhooks import hookimpl\n\n@hookimpl\ndef credentials_exchange():\n    pass\n"
MARKED = "from claimhooks import hookimpl\n\n@hookimpl\n"


def problems_of(folder: Path, settings: Settings | None = None) -> list[Problem]:
    with pytest.raises(LoadError) as raised:
        Runtime(folder, settings)
    return list(raised.value.problems)


BROKEN = [
    ("x = (", "syntax_error", 1),
    ("x = 1\n\x00", "syntax_error", None),
    ("import nowhere_at_all\n" + GOOD, "import_failed", 1),
    ("from . import _nowhere\n" + GOOD, "import_failed", 1),
    ("\n\n1 / 0\n", "load_raised", 3),
    ("import sys\nsys.exit(3)\n", "load_exited", 2),
    ("raise BaseException('odd')\n", "load_raised", 1),
    ("x = 1\n", "hook_missing", None),
    ("\ndef credentials_exchange():\n    pass\n", "hook_missing", 2),
    (MARKED + "def credential_exchange():\n    pass\n", "hook_misspelt", 3),
    (GOOD + "\n" + GOOD, "hook_twice", 10),
    (GOOD + "\n@hookimpl(specname='credentials_exchange')\ndef b():\n    pass\n", "hook_twice", 3),
    (MARKED + "def credentials_exchange(user):\n    pass\n", "argument_unknown", 3),
    (MARKED + "def credentials_exchange(*args):\n    pass\n", "argument_unknown", 3),
    (MARKED + "def credentials_exchange(**kwargs):\n    pass\n", "argument_unknown", 3),
    (MARKED + "def credentials_exchange(*, client):\n    pass\n", "argument_unknown", 3),
    (MARKED + "def credentials_exchange():\n    yield\n", "hook_is_generator", 3),
    (MARKED + "async def credentials_exchange():\n    yield\n", "hook_is_generator", 3),
    (GOOD.replace("hookimpl\ndef", "hookimpl(wrapper=True)\ndef"), "hook_is_wrapper", 3),
    (GOOD.replace("hookimpl\ndef", "hookimpl(hookwrapper=True)\ndef"), "hook_is_wrapper", 3),
    ("import _lib\n" + GOOD, "absolute_sibling_import", 1),
    ("from _lib import x\n" + GOOD, "absolute_sibling_import", 1),
]


@pytest.mark.parametrize(("source", "code", "line"), BROKEN)
def test_a_file_that_cannot_be_used_is_named_with_line_reason_and_remedy(
    hooks: Hooks, source: str, code: str, line: int | None
) -> None:
    folder = hooks({"10-bad.py": source, "20-good.py": GOOD, "_lib.py": "x = 1\n"})
    (problem,) = problems_of(folder)
    assert (problem.code, problem.line) == (code, line)
    assert problem.file == str(folder / "10-bad.py")
    assert problem.reason
    assert "→" in str(problem)
    assert "_claimhooks_" not in str(problem)


def test_all_problems_are_reported_together(hooks: Hooks) -> None:
    folder = hooks({f"{n:02}-bad.py": source for n, (source, _, _) in enumerate(BROKEN)})
    hooks({"_lib.py": "x = 1\n"})
    assert len(problems_of(folder)) == len(BROKEN)


def test_a_broken_helper_is_reported_once_and_in_its_own_place(hooks: Hooks) -> None:
    use = "from . import _lib\n" + GOOD
    folder = hooks({"10-a.py": use, "20-b.py": use, "_lib.py": "\n1 / 0\n"})
    (problem,) = problems_of(folder)
    assert (problem.file, problem.line) == (str(folder / "_lib.py"), 2)
    hooks({"_lib.py": "x = ("})
    (problem,) = problems_of(folder)
    assert problem.code == "syntax_error"


def test_an_unknown_argument_is_told_which_there_are(hooks: Hooks) -> None:
    (problem,) = problems_of(hooks({"a.py": MARKED + "def credentials_exchange(user):\n    pass"}))
    assert "'user'" in problem.reason
    (problem,) = problems_of(
        hooks({"a.py": MARKED + "def credentials_exchange(scopes):\n    pass"})
    )
    assert "did you mean 'scope'" in problem.reason


TIMER = "threading.Timer(0.2, print).start()"


@pytest.mark.parametrize(
    "source",
    [TIMER, f"one = threading.Thread(target=lambda: {TIMER})\none.start()\none.join()"],
    ids=["of the file", "of a thread of the file"],
)
def test_a_thread_left_running_is_a_problem(hooks: Hooks, source: str) -> None:
    (problem,) = problems_of(hooks({"a.py": f"import threading\n{source}\n{GOOD}"}))
    assert problem.code == "thread_left_running"


def test_threads_that_others_start_meanwhile_are_no_problem_of_a_hook(
    hooks: Hooks, tmp_path: Path
) -> None:
    mark, end = tmp_path / "loading", threading.Event()
    source = f"""
import threading
from pathlib import Path

Path({str(mark)!r}).touch()
while not any(thread.name == "a request" for thread in threading.enumerate()):
    pass
"""

    def serve() -> None:
        assert eventually(mark.exists)
        threading.Thread(target=end.wait, name="a request").start()

    threading.Thread(target=serve).start()
    try:
        Runtime(hooks({"a.py": source + GOOD})).close()
    finally:
        end.set()


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Do `work` again and again, in a thread that takes turns with this one all the time."""
    is_over, switch = threading.Event(), sys.getswitchinterval()

    def go_on() -> None:
        while not is_over.is_set():
            work()

    other = threading.Thread(target=go_on)
    other.start()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(switch)
        is_over.set()
        other.join()


def test_modules_are_forgotten_while_another_thread_imports(
    hooks: Hooks,
) -> None:
    """A dict that is iterated over must not grow: `sys.modules` of a program that runs does."""
    plan = Plan.of(Snapshot.read(hooks({"a.py": GOOD})), Settings())
    numbers = itertools.count()

    def import_something() -> None:
        number = next(numbers)
        sys.modules[f"made_up_{number}"] = sys
        sys.modules.pop(f"made_up_{number - 500}", None)

    try:
        with meanwhile(import_something):
            for _ in range(50):
                modules = LoadedGeneration.load(plan).modules
                modules.unload()
                assert not [name for name in [*sys.modules] if name.startswith(modules.package)]
    finally:
        for name in [name for name in sys.modules if name.startswith("made_up_")]:
            del sys.modules[name]


def test_one_generation_is_forgotten_while_another_is_loaded(hooks: Hooks) -> None:
    plan = Plan.of(Snapshot.read(hooks({"a.py": GOOD})), Settings())

    def forget_some() -> None:
        loaded = [LoadedGeneration.load(plan).modules for _ in range(5)]
        for modules in loaded:
            modules.unload()

    with meanwhile(forget_some):
        for _ in range(200):
            LoadedGeneration.load(plan).modules.unload()


def test_a_hook_in_a_subfolder_is_a_problem(hooks: Hooks) -> None:
    (problem,) = problems_of(hooks({"a.py": GOOD, "more/b.py": GOOD}))
    assert problem.code == "hook_in_subfolder"


def test_settings_for_a_hook_that_is_not_there_are_a_problem(hooks: Hooks) -> None:
    settings = Settings(hooks={"20-tire": HookSettings()})
    (problem,) = problems_of(hooks({"20-tier.py": GOOD}), settings)
    assert "did you mean '20-tier'" in problem.reason


def test_a_missing_secret_is_a_problem(hooks: Hooks) -> None:
    settings = Settings(hooks={"a": HookSettings(secrets=("NOT_SET",))})
    (problem,) = problems_of(hooks({"a.py": GOOD}), settings)
    assert problem.code == "secret_missing"
    assert "NOT_SET" in problem.reason


def test_an_empty_or_absent_folder_is_a_problem_unless_it_is_allowed(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "absent")[0].code == "folder_missing"
    assert problems_of(tmp_path)[0].code == "folder_empty"
    for folder in (tmp_path / "absent", tmp_path):
        assert Runtime(folder, allow_empty=True).generation.hooks == ()


def test_every_problem_code_has_a_remedy() -> None:
    assert all(PROBLEMS.values())


def test_a_disabled_hook_is_not_even_compiled(hooks: Hooks) -> None:
    folder = hooks({"10-bad.py": "x = (", "20-good.py": GOOD})
    runtime = Runtime(folder, Settings(hooks={"10-bad": HookSettings(enabled=False)}))
    assert [hook.name for hook in runtime.generation.hooks] == ["20-good"]


def test_hooks_run_in_the_order_of_files_then_tryfirst_and_trylast(hooks: Hooks) -> None:
    first, last = (
        GOOD.replace("hookimpl\ndef", f"hookimpl({option}=True)\ndef")
        for option in ("tryfirst", "trylast")
    )
    folder = hooks(
        {"10.py": last, "20.py": GOOD, "30.py": first, "40.py": first, "50.py": GOOD, "60.py": last}
    )
    names = [hook.name for hook in Runtime(folder).generation.hooks]
    assert names == ["30", "40", "20", "50", "10", "60"]


@pytest.mark.parametrize("name", ["10.tier", "20 tier", "30-tïer", "class", "a.b.c"])
def test_a_hook_file_may_have_any_name(hooks: Hooks, name: str) -> None:
    assert [hook.name for hook in Runtime(hooks({f"{name}.py": GOOD})).generation.hooks] == [name]


def test_helpers_load_from_files_subfolders_and_inside_functions(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    body = """
    from . import _late
    from ._pack.inner import DEEP
    from .plain import FLAT
    return {"https://acme.example/x": [_late.LATE, DEEP, FLAT]}
    """
    folder = hooks(
        {
            "a.py": hook(body),
            "_late.py": "LATE = 1\n",
            "_pack/__init__.py": "",
            "_pack/inner.py": "DEEP = 2\n",
            "plain/__init__.py": "from .._late import LATE\nFLAT = LATE + 2\n",
        }
    )
    outcome = Runtime(folder).run(exchange())
    assert outcome.claims == {"https://acme.example/x": [1, 2, 3]}


def test_two_generations_live_side_by_side_with_their_own_helpers(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    body = 'from . import _lib\nreturn {"https://acme.example/v": _lib.VERSION}'
    folder = hooks({"a.py": hook(body), "_lib.py": "VERSION = 1\n"})
    old = Runtime(folder)
    hooks({"_lib.py": "VERSION = 2\n"})
    new = Runtime(folder)
    assert old.run(exchange()).claims == {"https://acme.example/v": 1}
    assert new.run(exchange()).claims == {"https://acme.example/v": 2}
    assert old.generation.digest != new.generation.digest


def test_an_edit_of_the_same_size_within_a_second_is_seen_although_bytecode_is_written(
    hooks: Hooks, hook: Callable[..., str]
) -> None:
    body = 'from . import _lib\nreturn {"https://acme.example/v": _lib.VERSION}'
    folder = hooks({"a.py": hook(body), "_lib.py": "VERSION = 1\n"})
    program = """
import os, pathlib, sys
from claimhooks import Client, Exchange, Runtime
assert not sys.dont_write_bytecode
lib = pathlib.Path(sys.argv[1], "_lib.py")
os.utime(lib, ns=(10**18, 10**18))
runtime = Runtime(sys.argv[1])
exchange = Exchange(client=Client(id="x"), audience="https://a.example/", scope=())
print(runtime.run(exchange).claims)
lib.write_text("VERSION = 2\\n")
os.utime(lib, ns=(10**18, 10**18))
runtime.reload()
print(runtime.run(exchange).claims)
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    printed = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert [line[-2] for line in printed.splitlines()] == ["1", "2"]
    assert not list(folder.rglob("__pycache__"))


def test_a_failed_reload_keeps_the_active_generation(
    hooks: Hooks, hook: Callable[..., str], exchange: Callable[..., Exchange]
) -> None:
    folder = hooks({"a.py": hook('return {"https://acme.example/v": 1}')})
    runtime = Runtime(folder)
    active = runtime.generation
    hooks({"a.py": "x = ("})
    with pytest.raises(LoadError):
        runtime.reload()
    assert runtime.generation is active
    assert runtime.run(exchange()).claims == {"https://acme.example/v": 1}


def test_old_generations_leave_no_modules_behind(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    folder = hooks({"a.py": GOOD})

    def packages() -> set[str]:
        gc.collect()
        named = {name.partition(".")[0] for name in sys.modules if name.startswith(PACKAGE)}
        return named | {one.package for one in gc.get_objects() if type(one) is Modules}

    before = packages()  # of other tests
    runtime = Runtime(folder)
    for number in range(20):
        hooks({"a.py": f"N = {number}\n{GOOD}"})
        runtime.reload()
    hooks({"a.py": "x = ("})
    # What is logged is kept, with the error in it, and what that was raised among.
    with caplog.at_level("CRITICAL"), pytest.raises(LoadError):
        runtime.reload()
    (active,) = packages() - before
    assert active.endswith(runtime.generation.digest[:8])


def test_the_digest_is_of_paths_and_contents(tmp_path: Path) -> None:
    one = Snapshot.of(tmp_path, {"a.py": b"1", "b.py": b"2"})
    assert one.digest == Snapshot.of(tmp_path / "x", {"b.py": b"2", "a.py": b"1"}).digest
    assert one.digest != Snapshot.of(tmp_path, {"a.py": b"1b.py2"}).digest
    assert one.digest != Snapshot.of(tmp_path, {"a.py": b"2", "b.py": b"1"}).digest


def test_a_wrapped_interrupt_while_loading_is_not_swallowed(hooks: Hooks) -> None:
    folder = hooks({"a.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        LoadedGeneration.load(Plan.of(Snapshot.read(folder)))


class TestUnusableFolders:
    """Each named, none followed into."""

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "hooks").write_text("")
        assert problems_of(tmp_path / "hooks")[0].code == "bundle_broken"

    def test_a_link_to_a_folder_above(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": GOOD})
        (folder / "loop").symlink_to(folder)
        (problem,) = problems_of(folder)
        assert problem.code == "folder_unreadable"

    def test_a_link_to_itself(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": GOOD})
        (folder / "b.py").symlink_to(folder / "b.py")
        (problem,) = problems_of(folder)
        assert problem.code == "file_unreadable"

    def test_a_file_that_is_not_utf8(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": GOOD})
        (folder / "b.py").write_bytes(b"# one\n# caf\xe9\n")
        (problem,) = problems_of(folder)
        assert (problem.code, problem.line) == ("file_not_utf8", 2)

    def test_a_file_whose_name_is_not_utf8(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": GOOD})
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.py")).write_text(GOOD)
        (problem,) = problems_of(folder)
        assert "not UTF-8" in problem.reason
        str(problem).encode()

    def test_a_file_of_ten_megabytes(self, hooks: Hooks) -> None:
        (problem,) = problems_of(hooks({"a.py": GOOD + "#" * 10_000_000}))
        assert problem.code == "file_too_large"

    def test_a_named_pipe(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": GOOD})
        os.mkfifo(folder / "b.py")
        (problem,) = problems_of(folder)
        assert problem.code == "file_unreadable"

    def test_a_folder_without_permission(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": GOOD})
        folder.chmod(0)
        user = os.geteuid()
        try:
            if user == 0:  # root reads everything, so be nobody
                os.seteuid(65534)
            assert problems_of(folder)[0].code == "folder_unreadable"
        finally:
            os.seteuid(user)
            folder.chmod(0o755)

    def test_a_config_map_mount_is_read_through_its_links(self, tmp_path: Path) -> None:
        version = tmp_path / "..2026_11_23"
        version.mkdir()
        (version / "a.py").write_text(GOOD)
        (tmp_path / "..data").symlink_to(version.name)
        (tmp_path / "a.py").symlink_to("..data/a.py")
        assert list(Snapshot.read(tmp_path).files) == ["a.py"]
