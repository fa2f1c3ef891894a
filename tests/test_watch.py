"""Following the files, against the real file system."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimhooks import LoadError, Runtime, Settings, watch
from given import eventually, exchange, hook

if TYPE_CHECKING:
    from given import Hooks


def version(number: int) -> str:
    return hook(f'return {{"https://acme.example/v": {number}}}')


def answer(runtime: Runtime) -> object:
    return runtime.run(exchange()).claims.get("https://acme.example/v")


@contextmanager
def following(
    folder: Path, settings: Settings | Path | None = None, mode: str = "events"
) -> Iterator[Runtime]:
    with Runtime(folder, settings, watch=True) as runtime:
        assert runtime.watch_mode == mode
        yield runtime
    assert str(runtime.watch_mode) == "off"


@pytest.fixture(autouse=True)
def _only_events(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The safety net must not be what makes a test of events pass."""
    if "net" not in request.fixturenames:
        monkeypatch.setattr(watch, "RECONCILE", 3600)


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> None:
    """The safety net, knotted tighter."""
    monkeypatch.setattr(watch, "RECONCILE", 0.2)
    monkeypatch.setattr(watch, "POLL", 0.1)


class TestSurvives:
    """What editors, deployment tools and container platforms do to a folder."""

    def test_a_write_in_place(self, hooks: Hooks) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            hooks({"a.py": version(2)})
            assert eventually(lambda: answer(runtime) == 2)

    def test_a_temporary_file_renamed_over_the_hook(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            (folder / ".a.py.tmp").write_text(version(2))
            (folder / ".a.py.tmp").replace(folder / "a.py")
            assert eventually(lambda: answer(runtime) == 2)

    def test_a_file_renamed_into_the_folder_from_elsewhere(
        self, hooks: Hooks, tmp_path: Path
    ) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            (tmp_path / "made-elsewhere").write_text(version(2))
            (tmp_path / "made-elsewhere").replace(folder / "a.py")
            assert eventually(lambda: answer(runtime) == 2)

    def test_the_backup_dance_of_vim(self, hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            for number in range(2, 6):
                (folder / "a.py").rename(folder / "a.py~")
                time.sleep(0.02)
                (folder / "a.py").write_text(version(number))
                (folder / "a.py~").unlink()
                assert eventually(lambda number=number: answer(runtime) == number)  # type: ignore[misc]
        assert "not loaded" not in caplog.text

    def test_hooks_that_are_added_renamed_and_deleted(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:

            def names() -> list[str]:
                return [one.name for one in runtime.generation.hooks]

            hooks({"b.py": hook("return None")})
            assert eventually(lambda: names() == ["a", "b"])
            (folder / "b.py").rename(folder / "0.py")
            assert eventually(lambda: names() == ["0", "a"])
            (folder / "a.py").unlink()
            assert eventually(lambda: names() == ["0"])

    def test_the_swap_of_a_kubernetes_config_map(self, tmp_path: Path) -> None:
        mount = tmp_path / "mount"
        mount.mkdir()

        def publish(stamp: str, source: str) -> None:
            (mount / stamp).mkdir()
            (mount / stamp / "a.py").write_text(source)
            (mount / "..data_tmp").symlink_to(stamp)
            (mount / "..data_tmp").replace(mount / "..data")

        publish("..2026_11_24_1", version(1))
        (mount / "a.py").symlink_to("..data/a.py")
        with following(mount) as runtime:
            for number in (2, 3):
                publish(f"..2026_11_24_{number}", version(number))
                shutil.rmtree(mount / f"..2026_11_24_{number - 1}")
                assert eventually(lambda number=number: answer(runtime) == number)  # type: ignore[misc]

    def test_settings_that_come_from_a_config_map(self, hooks: Hooks, tmp_path: Path) -> None:
        folder = hooks({"a.py": version(1)})
        mount = tmp_path / "etc"
        mount.mkdir()

        def publish(stamp: str, text: str) -> None:
            (mount / stamp).mkdir()
            (mount / stamp / "claimhooks.toml").write_text(text)
            (mount / "..data_tmp").symlink_to(stamp)
            (mount / "..data_tmp").replace(mount / "..data")

        publish("..1", "")
        (mount / "claimhooks.toml").symlink_to("..data/claimhooks.toml")
        with following(folder, mount / "claimhooks.toml") as runtime:
            publish("..2", "[hooks.a]\nenabled = false\n")
            assert eventually(lambda: answer(runtime) is None)

    def test_a_root_that_is_a_link_pointed_elsewhere_again_and_again(self, tmp_path: Path) -> None:
        for number in range(1, 5):
            release = tmp_path / f"release-{number}"
            release.mkdir()
            (release / "a.py").write_text(version(number))
        current = tmp_path / "current"
        current.symlink_to("release-1")
        with following(current) as runtime:
            for number in range(2, 5):
                (tmp_path / "next").symlink_to(f"release-{number}")
                (tmp_path / "next").replace(current)
                assert eventually(lambda number=number: answer(runtime) == number)  # type: ignore[misc]
            # The new target is followed too.
            (tmp_path / "release-4" / "a.py").write_text(version(9))
            assert eventually(lambda: answer(runtime) == 9)

    def test_the_folder_deleted_and_made_anew(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            shutil.rmtree(folder)
            assert eventually(lambda: runtime.generations.failure is not None)
            assert answer(runtime) == 1
            hooks({"a.py": version(2)})
            assert eventually(lambda: answer(runtime) == 2)
            assert runtime.generations.failure is None
            hooks({"a.py": version(3)})
            assert eventually(lambda: answer(runtime) == 3)

    def test_the_folder_replaced_by_a_file_for_a_while(self, hooks: Hooks, tmp_path: Path) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            folder.rename(tmp_path / "aside")
            folder.write_text("not a folder")
            assert eventually(lambda: runtime.generations.failure is not None)
            folder.unlink()
            (tmp_path / "aside").rename(folder)
            # The very same files: nothing to load, but all is well again.
            assert eventually(lambda: runtime.generations.failure is None)
            assert answer(runtime) == 1

    @pytest.mark.slow
    def test_a_git_checkout_that_changes_300_files(self, tmp_path: Path) -> None:
        folder = tmp_path / "hooks"
        folder.mkdir()

        def git(*arguments: str) -> None:
            identity = ["-c", "user.name=t", "-c", "user.email=t@acme.example"]
            subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)

        def write(number: int) -> None:
            (folder / "a.py").write_text(
                "from . import _299\n" + hook('return {"https://acme.example/v": _299.N}')
            )
            for file in range(300):
                (folder / f"_{file}.py").write_text(f"N = {number}\n")

        git("init", "-q", "-b", "main", ".")
        for number in (1, 2):
            write(number)
            git("add", "-A")
            git("commit", "-qm", str(number))
            git("tag", f"v{number}")
        with following(folder) as runtime:
            assert answer(runtime) == 2
            before = len(runtime.generations.past)
            git("checkout", "-q", "v1")
            assert eventually(lambda: answer(runtime) == 1)
            assert len(runtime.generations.past) == before + 1, "half a checkout was loaded"

    @pytest.mark.slow
    def test_ten_thousand_touches_without_a_change(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            active = runtime.generation
            for _ in range(10_000):
                (folder / "a.py").touch()
            time.sleep(0.5)
            assert runtime.generation is active
            hooks({"a.py": version(2)})
            assert eventually(lambda: answer(runtime) == 2)

    def test_a_constant_writer_beside_the_hooks(self, hooks: Hooks) -> None:
        folder = hooks({"a.py": version(1)})
        with following(folder) as runtime:
            hooks({"a.py": version(2)})
            latest = time.monotonic() + 10
            while answer(runtime) != 2 and time.monotonic() < latest:
                (folder / "notes.txt").write_text(str(time.monotonic()))
                time.sleep(0.01)
            assert answer(runtime) == 2

    def test_an_edit_of_the_same_size_in_the_same_second_with_bytecode_written(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        with following(hooks({"a.py": version(1)})) as runtime:
            for number in (2, 3, 4):
                hooks({"a.py": version(number)})
                os.utime(runtime.snapshot.root / "a.py", (1_000_000_000, 1_000_000_000))
                assert eventually(lambda number=number: answer(runtime) == number)  # type: ignore[misc]
            assert not list(runtime.snapshot.root.rglob("*.pyc"))

    def test_an_edit_of_a_helper_alone(self, hooks: Hooks) -> None:
        using = "from . import _lib\n" + hook('return {"https://acme.example/v": _lib.N}')
        with following(hooks({"a.py": using, "_lib.py": "N = 1\n"})) as runtime:
            hooks({"_lib.py": "N = 2\n"})
            assert eventually(lambda: answer(runtime) == 2)

    def test_an_edit_of_the_settings(self, hooks: Hooks, tmp_path: Path) -> None:
        folder = hooks({"a.py": version(1)})
        file = tmp_path / "claimhooks.toml"
        file.write_text("")
        with following(folder, file) as runtime:
            file.write_text("[hooks.a]\nenabled = false\n")
            assert eventually(lambda: answer(runtime) is None)
            file.write_text("[hooks.a]\nenabled = 1\n")
            assert eventually(lambda: runtime.generations.failure is not None)
            assert answer(runtime) is None
            file.write_text("[hooks.a]\nenabled = true\n")
            assert eventually(lambda: answer(runtime) == 1)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    @pytest.mark.usefixtures("net")
    def test_an_error_in_the_handler_of_events(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            with monkeypatch.context() as broken:

                def dispatch(*_: object) -> None:
                    raise RuntimeError("by the test")

                broken.setattr(watch._Handler, "dispatch", dispatch)
                hooks({"a.py": version(2)})
                assert eventually(lambda: answer(runtime) == 2)
            assert eventually(lambda: runtime.watch_mode == "events")
            hooks({"a.py": version(3)})
            assert eventually(lambda: answer(runtime) == 3)

    @pytest.mark.usefixtures("net")
    def test_a_change_that_no_event_tells_of(self, hooks: Hooks, tmp_path: Path) -> None:
        target = tmp_path / "elsewhere" / "a.py"
        target.parent.mkdir()
        target.write_text(version(1))
        folder = hooks({"b.py": hook("return None")})
        (folder / "a.py").symlink_to(target)
        with following(folder) as runtime:
            target.write_text(version(2))
            assert eventually(lambda: answer(runtime) == 2)

    @pytest.mark.usefixtures("net")
    def test_no_inotify_instance_left(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(watch, "REARM", 0.2)
        folder = hooks({"a.py": version(1)})
        with _inotify_used_up(), following(folder, mode="polling") as runtime:
            hooks({"a.py": version(2)})
            assert eventually(lambda: answer(runtime) == 2)
            assert caplog.text.count("no file events") == 1
            _release_inotify()
            assert eventually(lambda: runtime.watch_mode == "events")
            hooks({"a.py": version(3)})
            assert eventually(lambda: answer(runtime) == 3)


_held: list[object] = []


@contextmanager
def _inotify_used_up() -> Iterator[None]:
    """All inotify instances of this user, taken by real observers."""
    libc = ctypes.CDLL(None, use_errno=True)
    while (descriptor := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
        _held.append(descriptor)
    assert ctypes.get_errno() == errno.EMFILE
    try:
        yield
    finally:
        _release_inotify()


def _release_inotify() -> None:
    while _held:
        descriptor = _held.pop()
        assert isinstance(descriptor, int)
        os.close(descriptor)


class TestABadSave:
    """Changes nothing but the state, until it is mended."""

    def test_keeps_the_last_good_generation_and_is_logged_once_with_every_problem(
        self, hooks: Hooks, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = hooks({"a.py": version(1), "b.py": hook("return None")})
        with following(folder) as runtime:
            good = runtime.generation
            hooks({"a.py": "x = (\n", "b.py": "import nowhere_to_be_found\n"})
            assert eventually(lambda: runtime.generations.failure is not None)
            assert runtime.generation is good
            (folder / "unrelated").touch()
            time.sleep(0.4)
            text = caplog.text
            assert text.count("not loaded") == 1
            assert f"{folder}/a.py:1" in text
            assert f"{folder}/b.py:1" in text
            assert good.digest[:12] in text
            failure = runtime.generations.failure
            assert failure is not None
            assert [problem.code for problem in failure.problems] == [
                "syntax_error",
                "import_failed",
            ]

    def test_is_over_with_a_good_one(self, hooks: Hooks) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            hooks({"a.py": "x = ("})
            assert eventually(lambda: runtime.generations.failure is not None)
            hooks({"a.py": version(2)})
            assert eventually(lambda: runtime.generations.failure is None)
            assert answer(runtime) == 2

    def test_is_over_when_the_files_are_the_active_ones_again(self, hooks: Hooks) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            active = runtime.generation
            hooks({"a.py": "x = ("})
            assert eventually(lambda: runtime.generations.failure is not None)
            hooks({"a.py": version(1)})
            assert eventually(lambda: runtime.generations.failure is None)
            assert runtime.generation is active

    def test_at_the_start_refuses_to_start(self, hooks: Hooks) -> None:
        with pytest.raises(LoadError):
            Runtime(hooks({"a.py": "x = ("}), watch=True)

    def test_of_settings_that_change_the_lane_is_refused(
        self, hooks: Hooks, tmp_path: Path
    ) -> None:
        file = tmp_path / "claimhooks.toml"
        file.write_text("")
        with following(hooks({"a.py": version(1)}), file) as runtime:
            file.write_text('lane = "worker"\n')
            assert eventually(lambda: runtime.generations.failure is not None)
            failure = runtime.generations.failure
            assert failure is not None
            assert [problem.code for problem in failure.problems] == ["lane_changed"]

    def test_that_a_full_disk_cut_short(self, tmp_path: Path) -> None:
        folder = tmp_path / "small-disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            assert os.environ.get("CI") != "true", "CI must be able to mount a small disk"
            pytest.skip("mounting a small disk needs more privileges")
        try:
            (folder / "a.py").write_text(version(1))
            with following(folder) as runtime:
                with pytest.raises(OSError, match="No space left"):
                    (folder / "a.py").write_text("# " + "x" * 100_000 + "\n" + version(2))
                assert eventually(lambda: runtime.generations.failure is not None)
                assert answer(runtime) == 1
                (folder / "a.py").unlink()
                (folder / "a.py").write_text(version(3))
                assert eventually(lambda: answer(runtime) == 3)
        finally:
            subprocess.run(["umount", str(folder)], check=True)

    def test_that_cannot_be_read_for_a_moment(self) -> None:
        with tempfile.TemporaryDirectory() as above:
            Path(above).chmod(0o755)
            folder = Path(above) / "hooks"
            folder.mkdir()
            (folder / "a.py").write_text(version(1))
            if os.getuid() == 0:
                os.seteuid(65534)
            try:
                with following(folder) as runtime:
                    _as_owner(lambda: folder.chmod(0))
                    assert eventually(lambda: runtime.generations.failure is not None)
                    _as_owner(lambda: folder.chmod(0o755))
                    assert eventually(lambda: runtime.generations.failure is None)
            finally:
                os.seteuid(os.getuid())
                folder.chmod(0o755)


def _as_owner(act: Callable[[], None]) -> None:
    effective = os.geteuid()
    os.seteuid(os.getuid())
    try:
        act()
    finally:
        os.seteuid(effective)


class TestTheThreadThatFollows:
    """Survives whatever it meets."""

    @pytest.mark.parametrize(
        "source",
        [
            "raise KeyboardInterrupt",
            "class E(BaseException): pass\nraise E",
            version(2) + "credentials_exchange.__signature__ = 3\n",
            version(2) + "def __dir__(): raise ValueError\n",
        ],
    )
    def test_a_file_that_is_made_to_raise(self, hooks: Hooks, source: str) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            hooks({"a.py": source})
            assert eventually(lambda: runtime.generations.failure is not None)
            assert answer(runtime) == 1
            hooks({"a.py": version(3)})
            assert eventually(lambda: answer(runtime) == 3)
            assert runtime.watch_mode == "events"

    def test_a_mistake_of_ours(
        self, hooks: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            with monkeypatch.context() as broken:

                def load(_plan: object) -> None:
                    raise ArithmeticError("by the test")

                broken.setattr(runtime._lane, "load", load)
                hooks({"a.py": version(2)})
                assert eventually(lambda: runtime.generations.failure is not None)
                failure = runtime.generations.failure
                assert failure is not None
                assert failure.problems[0].code == "reload_failed"
                assert "by the test" in caplog.text
            hooks({"a.py": version(3)})
            assert eventually(lambda: answer(runtime) == 3)

    @pytest.mark.usefixtures("net")
    def test_a_secret_that_comes_later_than_the_hook(
        self, hooks: Hooks, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = tmp_path / "claimhooks.toml"
        file.write_text("")
        with following(hooks({"a.py": version(1)}), file) as runtime:
            file.write_text(f'secrets_dir = "{tmp_path}"\n[hooks.a]\nsecrets = ["LATE"]\n')
            assert eventually(lambda: runtime.generations.failure is not None)
            (tmp_path / "LATE").write_text("value")
            assert eventually(lambda: runtime.generations.failure is None)
            assert runtime.generation.settings.of_hook("a").secrets == ("LATE",)
            assert caplog.text.count("not loaded") == 1

    @pytest.mark.usefixtures("net")
    def test_a_bad_reload_that_is_taken_back_at_once(self, hooks: Hooks) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            hooks({"a.py": "x = ("})
            with pytest.raises(LoadError):
                runtime.reload()
            hooks({"a.py": version(1)})
            assert eventually(lambda: runtime.generations.failure is None)

    def test_a_folder_of_no_hooks_is_allowed_and_one_that_has_gone_is_not(
        self, hooks: Hooks, tmp_path: Path
    ) -> None:
        folder = hooks({"a.py": hook("raise AccessDenied")})
        with Runtime(folder, watch=True, allow_empty=True) as runtime:
            folder.rename(tmp_path / "aside")
            assert eventually(lambda: runtime.generations.failure is not None)
            assert runtime.run(exchange()).status == "denied"


class TestTheGate:
    """Samples that a generation must satisfy before it becomes active."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Path:
        (tmp_path / "samples").mkdir()
        self.expect(tmp_path, 1)
        file = tmp_path / "claimhooks.toml"
        file.write_text('gate = "samples"\n')
        return file

    def expect(self, folder: Path, number: int) -> None:
        sample = (
            '{"client": {"id": "c"}, "audience": "https://api.acme.example/", "scope": [],'
            '"expect": {"claims": {"https://acme.example/v": %s}}}'
        )
        (folder / "samples" / "first.json").write_text(sample % number)

    def test_lets_pass_what_meets_it_and_nothing_else(
        self, hooks: Hooks, settings: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with following(hooks({"a.py": version(1)}), settings) as runtime:
            hooks({"a.py": version(2)})
            assert eventually(lambda: runtime.generations.failure is not None)
            assert answer(runtime) == 1
            assert "sample first: claims: expected" in caplog.text
            # The sample was wrong, not the hook.
            self.expect(settings.parent, 2)
            assert eventually(lambda: answer(runtime) == 2)

    def test_tells_the_fault_of_a_hook(self, hooks: Hooks, settings: Path) -> None:
        folder = hooks({"a.py": hook("1 / 0")})
        with pytest.raises(LoadError, match=r"ZeroDivisionError.*a\.py:5"):
            Runtime(folder, settings)

    def test_whose_samples_are_gone_lets_nothing_pass(self, hooks: Hooks, settings: Path) -> None:
        shutil.rmtree(settings.parent / "samples")
        with pytest.raises(LoadError, match="samples"):
            Runtime(hooks({"a.py": version(1)}), settings)


class TestRollingBack:
    """To any of the last generations, as they were."""

    def test_to_the_one_before_holds_until_the_files_change(self, hooks: Hooks) -> None:
        with following(hooks({"a.py": version(1)})) as runtime:
            first = runtime.generation.digest
            hooks({"a.py": version(2)})
            assert eventually(lambda: answer(runtime) == 2)
            assert runtime.generations.past == (first,)
            runtime.rollback()
            assert answer(runtime) == 1
            assert runtime.generation.digest == first
            (runtime.snapshot.root / "a.py").touch()
            time.sleep(0.4)
            assert answer(runtime) == 1
            hooks({"a.py": version(3)})
            assert eventually(lambda: answer(runtime) == 3)
            assert runtime.generations.past == (first,)

    def test_by_digest(self, hooks: Hooks) -> None:
        runtime = Runtime(hooks({"a.py": version(1)}))
        first = runtime.generation.digest
        for number in (2, 3, 4):
            hooks({"a.py": version(number)})
            runtime.reload()
        runtime.rollback(first[:8])
        assert answer(runtime) == 1
        with pytest.raises(Exception, match="no earlier generation"):
            runtime.rollback()

    def test_again_and_again_goes_further_back(self, hooks: Hooks) -> None:
        runtime = Runtime(hooks({"a.py": version(0)}))
        for number in range(1, 15):
            hooks({"a.py": version(number)})
            runtime.reload()
        for number in (13, 12, 11):
            runtime.rollback()
            assert answer(runtime) == number

    def test_that_fails_is_no_failure_of_the_files(self, hooks: Hooks, tmp_path: Path) -> None:
        file = tmp_path / "claimhooks.toml"
        file.write_text(f'secrets_dir = "{tmp_path}"\n[hooks.a]\nsecrets = ["GONE"]\n')
        (tmp_path / "GONE").write_text("value")
        runtime = Runtime(hooks({"a.py": version(1)}), file)
        file.write_text("")
        runtime.reload()
        (tmp_path / "GONE").unlink()
        with pytest.raises(LoadError, match="GONE"):
            runtime.rollback()
        assert runtime.generations.failure is None

    def test_with_the_settings_of_then(self, hooks: Hooks, tmp_path: Path) -> None:
        file = tmp_path / "claimhooks.toml"
        file.write_text("")
        runtime = Runtime(hooks({"a.py": version(1)}), file)
        file.write_text("[hooks.a]\nenabled = false\n")
        runtime.reload()
        assert answer(runtime) is None
        runtime.rollback()
        assert answer(runtime) == 1

    def test_only_so_many_are_kept(self, hooks: Hooks) -> None:
        runtime = Runtime(hooks({"a.py": version(0)}))
        for number in range(1, 20):
            hooks({"a.py": version(number)})
            runtime.reload()
        assert len(runtime.generations.past) == 10

    def test_by_signal(self, hooks: Hooks) -> None:
        runtime = Runtime(hooks({"a.py": version(1)}))
        before = [signal.getsignal(n) for n in (signal.SIGHUP, signal.SIGUSR2)]
        try:
            runtime.handle_signals()
            hooks({"a.py": version(2)})
            signal.raise_signal(signal.SIGHUP)
            assert eventually(lambda: answer(runtime) == 2)
            signal.raise_signal(signal.SIGUSR2)
            assert eventually(lambda: answer(runtime) == 1)
        finally:
            for number, handler in zip((signal.SIGHUP, signal.SIGUSR2), before, strict=True):
                signal.signal(number, handler)


def test_an_exchange_keeps_its_generation_alive_until_it_ends(hooks: Hooks) -> None:
    body = """
        import time
        global steps
        steps = globals().get("steps", 0) + 1
        time.sleep(0.4)
        return {"https://acme.example/v": 1}
    """
    runtime = Runtime(hooks({"a.py": hook(body)}))
    old = runtime.generation.digest
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(runtime.run(exchange())))
    thread.start()
    time.sleep(0.1)
    hooks({"a.py": version(2)})
    runtime.reload()
    assert runtime.generations.draining == (old,)
    assert answer(runtime) == 2
    thread.join()
    (outcome,) = found
    assert getattr(outcome, "generation", None) == old
    found.clear()
    assert len(runtime.generations.draining) == 0


def test_who_asks_for_the_generations_does_not_wait_for_hooks_that_load(hooks: Hooks) -> None:
    with following(hooks({"a.py": version(1)})) as runtime:
        hooks({"a.py": f"import time\ntime.sleep(1)\n{version(2)}"})
        longest, latest = 0.0, time.monotonic() + 10
        while answer(runtime) == 1 and time.monotonic() < latest:
            began = time.monotonic()
            assert len(runtime.generations.active) == len(runtime.snapshot.digest)
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.01)
        assert answer(runtime) == 2
        assert longest < 0.5


def test_a_forked_process_is_told_that_nothing_follows_its_hooks(hooks: Hooks) -> None:
    then = """
import os, sys, time
from claimhooks import Runtime, watch
from given import exchange
watch.RECONCILE = 0.1
runtime = Runtime(sys.argv[1], watch=True)
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
latest = time.monotonic() + 1  # longer than what follows would have waited
while time.monotonic() < latest and runtime.run(exchange()).status == "granted": pass
runtime.close()
os._exit(0)
"""
    command = [sys.executable, "-W", "ignore", "-c", then, str(hooks({"a.py": version(1)}))]
    done = subprocess.run(
        command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr.count("make one in each process") == 1


def test_nothing_is_logged_of_a_reload_without_a_change(
    hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with following(hooks({"a.py": version(1)})) as runtime:
        (runtime.snapshot.root / "a.py").touch()
        time.sleep(0.3)
    assert caplog.text.count("is active") == 1


@pytest.mark.slow
def test_an_event_loop_that_is_never_idle_does_not_keep_changes_out(hooks: Hooks) -> None:
    folder = hooks({"a.py": version(1)})
    (folder / ".new").write_text(version(2))

    async def busy(runtime: Runtime) -> object:
        until = time.monotonic() + 15
        while (found := await answered(runtime)) != 2 and time.monotonic() < until:
            await asyncio.sleep(0)
        return found

    async def answered(runtime: Runtime) -> object:
        outcome = await runtime.arun(exchange())
        return outcome.claims["https://acme.example/v"]

    # By another process, since a thread of this one would wait for its turn as well.
    later = ["sh", "-c", "sleep 0.3; mv .new a.py"]
    with Runtime(folder, watch=True) as runtime, subprocess.Popen(later, cwd=folder):
        assert asyncio.run(busy(runtime)) == 2
