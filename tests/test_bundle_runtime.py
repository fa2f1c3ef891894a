"""Runtimes whose hooks are bundles: files, HTTP addresses, and stores that fsspec knows."""

from __future__ import annotations

import json
import logging
import re
import ssl
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.error import URLError
from urllib.request import Request, urlopen

import fsspec
import jwt
import pytest
import trustme
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from bundles import Served, V, bundled, publish, server, version, write_keys
from claimhooks import LoadError, Runtime, Settings
from claimhooks.bundle import build, feed, fetching, httpfile
from claimhooks.bundle.signature import sign
from claimhooks.settings import BundleSettings
from claimhooks.snapshot import Snapshot
from claimhooks.token import SigningKey
from given import eventually, exchange, hook
from replaying import claimhooks
from serving import free_port, running

if TYPE_CHECKING:
    from given import Hooks

KEY = SigningKey.generate("EdDSA")
OTHER = SigningKey.generate("EdDSA")
SOON = Settings(bundle=BundleSettings(poll=0.02), quiet=0.01)
PLACE = "/hooks.bundle"


def answer(runtime: Runtime) -> object:
    return runtime.run(exchange()).claims.get(V)


def codes(runtime: Runtime) -> list[str]:
    """Why the latest files are not in use."""
    failure = runtime.generations.failure
    return [] if failure is None else [problem.code for problem in failure.problems]


def why_not(hooks: str | Path, settings: Settings | Path | None = None) -> str:
    """Why no runtime starts with these hooks."""
    with pytest.raises(LoadError) as raised:
        Runtime(hooks, settings)
    return str(raised.value)


@pytest.fixture
def served() -> Iterator[Served]:
    with server() as found:
        found.files[PLACE] = bundled(1)
        yield found


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """Settings with a key."""
    write_keys(tmp_path, KEY)
    file = tmp_path / "claimhooks.toml"
    file.write_text('quiet = "10ms"\n[bundle]\nkey = "hooks.pub.pem"\npoll = "20ms"\n')
    return file


# A file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", ["inline", pytest.param("worker", marks=pytest.mark.worker)])
def test_a_bundle_runs_as_its_folder_does(hooks: Hooks, tmp_path: Path, lane: str) -> None:
    using = "from . import _lib\n" + hook('return {"https://acme.example/v": _lib.N}')
    folder = hooks({"10-a.py": using, "_lib.py": "N = 7\n", "20-b.py": hook("1 / 0")})
    (tmp_path / "hooks.bundle").write_bytes(build(Snapshot.read(folder), 5))
    settings = Settings.model_validate({"lane": lane, "hooks": {"20-b": {"on_error": "skip"}}})
    with (
        Runtime(folder, settings) as unbundled,
        Runtime(tmp_path / "hooks.bundle", settings) as runtime,
    ):
        assert runtime.generations.active == unbundled.generations.active
        assert (runtime.generations.revision, unbundled.generations.revision) == (5, None)
        outcome = runtime.run(exchange())
    assert outcome.claims == {V: 7}
    error = outcome.trace[1].error
    assert error is not None
    assert (error.file, error.line) == (f"{tmp_path}/hooks.bundle/20-b.py", 5)
    assert error.traceback is not None
    assert "1 / 0" in error.traceback


def test_a_newer_bundle_becomes_active_and_an_older_one_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    place = tmp_path / "hooks.bundle"
    publish(place, bundled(3))
    with Runtime(place, SOON, watch=True) as runtime:
        publish(place, bundled(4))
        assert eventually(lambda: answer(runtime) == 4)
        assert "revision 4, is active" in caplog.text
        publish(place, bundled(2))
        assert eventually(lambda: codes(runtime) == ["bundle_older"])
        assert "revision 2 is older than 4, which is active" in caplog.text
        assert (answer(runtime), runtime.generations.revision) == (4, 4)
        publish(place, bundled(4))
        assert eventually(lambda: codes(runtime) == [])
        publish(place, bundled(2, revision=5))
        assert eventually(lambda: answer(runtime) == 2)


def test_the_same_hooks_can_have_another_revision(tmp_path: Path) -> None:
    place = tmp_path / "hooks.bundle"
    publish(place, bundled(1))
    with Runtime(place, SOON, watch=True) as runtime:
        publish(place, bundled(1, revision=2))
        assert eventually(lambda: runtime.generations.revision == 2)
        publish(place, bundled(3, revision=2))
        assert eventually(lambda: answer(runtime) == 3)


def test_going_back_is_a_rollback_or_a_greater_revision(tmp_path: Path) -> None:
    place = tmp_path / "hooks.bundle"
    publish(place, bundled(1))
    with Runtime(place, SOON, watch=True) as runtime:
        publish(place, bundled(2))
        assert eventually(lambda: answer(runtime) == 2)
        runtime.rollback()
        time.sleep(0.1)
        assert (answer(runtime), runtime.generations.revision) == (1, 1)
        publish(place, bundled(1, revision=3))
        assert eventually(lambda: runtime.generations.revision == 3)
        assert answer(runtime) == 1


def test_a_server_that_is_away_for_a_while_does_not_undo_a_rollback(served: Served) -> None:
    with Runtime(f"{served.address}{PLACE}", SOON, watch=True) as runtime:
        for number in (2, 3):
            served.files[PLACE] = bundled(number)
            assert eventually(lambda number=number: answer(runtime) == number)  # type: ignore[misc]
        runtime.rollback()
        runtime.rollback()
        for number in (3, 2):
            served.fault = "error"
            assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
            served.files[PLACE], served.fault = bundled(number), ""
            assert eventually(lambda: codes(runtime) == [])
            time.sleep(0.1)
            assert answer(runtime) == 1
        assert runtime.reload().revision == 2
        served.files[PLACE] = bundled(3)
        assert eventually(lambda: answer(runtime) == 3)


@pytest.mark.parametrize("content", [bundled(2)[:-1], bundled(2)[:300], b"", b"\0" * 500])
def test_a_broken_bundle_changes_nothing(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "hooks.bundle"
    publish(place, bundled(1))
    with Runtime(place, SOON, watch=True) as runtime:
        publish(place, content)
        assert eventually(lambda: codes(runtime) == ["bundle_broken"])
        assert answer(runtime) == 1
        place.unlink()
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
        publish(place, bundled(2))
        assert eventually(lambda: answer(runtime) == 2)
        assert codes(runtime) == []


def test_a_bundle_that_is_copied_slowly_is_used_once_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "hooks.bundle"
    publish(place, bundled(1))
    with Runtime(place, Settings(quiet=0.3), watch=True) as runtime:
        content = bundled(2)
        with place.open("wb", buffering=0) as file:
            for start in range(0, len(content), 100):
                file.write(content[start : start + 100])
                time.sleep(0.02)
        assert eventually(lambda: answer(runtime) == 2)
    assert "not loaded" not in caplog.text


def test_what_is_a_bundle_never_becomes_a_folder(hooks: Hooks, tmp_path: Path) -> None:
    place = tmp_path / "hooks.bundle"
    publish(place, bundled(1))
    with Runtime(place, SOON, watch=True) as runtime:
        place.unlink()
        hooks({"10-v.py": version(2)["10-v.py"].decode()}).rename(place)
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
        assert answer(runtime) == 1


# The signature -----------------------------------------------------------------------------------


def test_with_a_key_only_what_it_has_signed_is_run(signed: Path) -> None:
    place, marker = signed.with_name("hooks.bundle"), signed.with_name("compiled")
    body = f"import pathlib\npathlib.Path({str(marker)!r}).touch()\n{hook('return None')}"
    files = {"10-a.py": body.encode()}
    content = build(Snapshot.of(place, files), 1)
    publish(place, content)
    assert "hooks.bundle.sig: there is no such file [bundle_unsigned]" in why_not(place, signed)
    publish(place, content, OTHER)
    assert f"says to be by {OTHER.kid}, not by {KEY.kid} [bundle_sig" in why_not(place, signed)
    publish(place, bundled(1), KEY)
    publish(place, content)
    assert f"the bundle is not the one that {KEY.kid} has signed" in why_not(place, signed)
    assert not marker.exists()
    publish(place, content, KEY)
    with Runtime(place, signed) as runtime:
        assert runtime.generations.revision == 1
    assert marker.exists()


def test_a_key_that_cannot_be_used_keeps_everything_from_running(signed: Path) -> None:
    place = signed.with_name("hooks.bundle")
    publish(place, bundled(1), KEY)
    signed.with_name("hooks.pub.pem").write_text("no key")
    assert "[bundle_key]" in why_not(place, signed)
    signed.with_name("hooks.pub.pem").unlink()
    assert "[bundle_key]" in why_not(place, signed)


def test_a_bundle_and_its_signature_are_followed(
    signed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = signed.with_name("hooks.bundle")
    publish(place, bundled(1), KEY)
    with Runtime(place, signed, watch=True) as runtime:
        # Between the two, the signature is already that of the bundle to come.
        signature = place.with_name("hooks.bundle.sig")
        signature.write_bytes(sign(bundled(2), KEY))
        time.sleep(0.2)
        publish(place, bundled(2))
        assert eventually(lambda: answer(runtime) == 2)
        assert "not loaded" not in caplog.text

        publish(place, bundled(3), OTHER)
        assert eventually(lambda: codes(runtime) == ["bundle_signature"])
        publish(place, bundled(4))
        signature.unlink()
        assert eventually(lambda: codes(runtime) == ["bundle_unsigned"])
        assert answer(runtime) == 2
        publish(place, bundled(5), KEY)
        assert eventually(lambda: answer(runtime) == 5)


def test_another_key_is_followed(signed: Path) -> None:
    place = signed.with_name("hooks.bundle")
    publish(place, bundled(1), KEY)
    with Runtime(place, signed, watch=True) as runtime:
        write_keys(signed.parent, OTHER)
        assert eventually(lambda: codes(runtime) == ["bundle_signature"])
        assert answer(runtime) == 1
        publish(place, bundled(2), OTHER)
        assert eventually(lambda: answer(runtime) == 2)


def test_a_key_that_comes_later_holds_at_once(served: Served, tmp_path: Path) -> None:
    write_keys(tmp_path, KEY)
    file = tmp_path / "claimhooks.toml"
    file.write_text("")
    with Runtime(f"{served.address}{PLACE}", file, watch=True) as runtime:
        file.write_text('[bundle]\nkey = "hooks.pub.pem"\n')
        assert eventually(lambda: codes(runtime) == ["bundle_unsigned"])
        served.files[f"{PLACE}.sig"] = sign(served.files[PLACE], KEY)
        runtime.reload()
        assert codes(runtime) == []


# Over HTTP ---------------------------------------------------------------------------------------


def test_an_address_is_polled_and_nothing_is_sent_twice(served: Served) -> None:
    with Runtime(f"{served.address}{PLACE}", SOON, watch=True) as runtime:
        assert runtime.watch_mode == "polling"
        assert answer(runtime) == 1
        assert eventually(lambda: served.count(PLACE, 304) >= 5)
        assert served.count(PLACE, 200) == 1
        served.files[PLACE] = bundled(2)
        assert eventually(lambda: answer(runtime) == 2)
        before = served.count(PLACE, 304)
        assert eventually(lambda: served.count(PLACE, 304) >= before + 5)
        assert served.count(PLACE, 200) == 2
        assert {path for path, _ in served.asked} == {PLACE}
    assert str(runtime.watch_mode) == "off"


def test_without_watching_an_address_is_asked_to_reload_only(served: Served) -> None:
    with Runtime(f"{served.address}{PLACE}", SOON) as runtime:
        served.files[PLACE] = bundled(2)
        time.sleep(0.1)
        assert (answer(runtime), len(served.asked)) == (1, 1)
        assert runtime.reload().revision == 2
        served.fault = "error"
        with pytest.raises(LoadError, match="HTTP 503"):
            runtime.reload()
        assert answer(runtime) == 2


def test_the_signature_at_an_address_is_asked_for_with_each_bundle(
    served: Served, signed: Path
) -> None:
    signature = f"{PLACE}.sig"
    served.files[signature] = sign(bundled(1), KEY)
    with Runtime(f"{served.address}{PLACE}?token=t", signed, watch=True) as runtime:
        assert eventually(lambda: served.count(PLACE, 304) >= 3)
        assert (served.count(PLACE, 200), served.count(signature, 200)) == (1, 1)
        served.files[PLACE] = bundled(2)
        assert eventually(lambda: codes(runtime) == ["bundle_signature"])
        served.files[signature] = sign(bundled(2), KEY)
        assert eventually(lambda: answer(runtime) == 2)
        # The bundle itself had not to be sent again.
        assert (served.count(PLACE, 200), served.count(signature, 200)) == (2, 2)
        del served.files[signature]
        served.files[PLACE] = bundled(3)
        assert eventually(lambda: codes(runtime) == ["bundle_unsigned"])
        assert answer(runtime) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("error", "HTTP 503"),
        ("half", "half of it: [0-9]+ bytes are missing|IncompleteRead"),
        ("half, of an untold length", "cut short"),
        ("silent", "the server says nothing for 0.2 s"),
        ("dripping", "has not come within"),
        ("hostile", r"^\\u001b\[31mHTTP/1.1"),
    ],
)
def test_a_poll_that_fails_is_told_once_and_recovers(
    served: Served,
    fault: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(httpfile, "SILENCE", 0.2)
    monkeypatch.setattr(fetching, "PATIENCE", 0.4)
    with Runtime(f"{served.address}{PLACE}", SOON, watch=True) as runtime:
        served.fault = fault
        served.files[PLACE] = bundled(2)
        assert eventually(lambda: codes(runtime) != [])
        time.sleep(0.3)
        assert (answer(runtime), runtime.generations.failures) == (1, 1)
        assert caplog.text.count("not loaded") == 1
        problems = runtime.generations.failure
        assert problems is not None
        served.fault = ""
        assert eventually(lambda: answer(runtime) == 2)
        assert codes(runtime) == []
    assert re.search(reason, problems.problems[0].reason), problems


def test_a_reading_that_still_goes_on_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.05)
    may_end, begun = threading.Event(), []

    class Slow(fetching.File):
        def read(self) -> bytes:
            begun.append(time.monotonic())
            may_end.wait()
            return b"what has come at last"

    file = fetching.TimelyFile(Slow("hooks.bundle", 100))
    for _ in range(3):
        with pytest.raises(fetching.Unreachable, match="has not come within"):
            file.read()
    may_end.set()
    assert file.read() == b"what has come at last"
    assert len(begun) == 1


def test_a_server_that_is_away_for_a_while_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with server() as served:
        served.files[PLACE] = bundled(1)
        port = int(served.address.rpartition(":")[2])
        runtime = Runtime(f"{served.address}{PLACE}", SOON, watch=True)
    with runtime:
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
        time.sleep(0.2)
        assert (answer(runtime), runtime.generations.failures) == (1, 1)
        with server(port) as served:
            served.files[PLACE] = bundled(1)
            assert eventually(lambda: codes(runtime) == [])
            assert served.count(PLACE, 304) >= 1
            assert served.count(PLACE, 200) == 0
    assert caplog.text.count("Connection refused") == 1
    assert "again" in caplog.text


@pytest.mark.parametrize(
    "fault", ["error", "half", "half, of an untold length", "silent", "dripping"]
)
def test_without_a_bundle_nothing_starts(
    served: Served, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpfile, "SILENCE", 0.2)
    monkeypatch.setattr(fetching, "PATIENCE", 0.4)
    served.fault = fault
    assert why_not(f"{served.address}{PLACE}").startswith(f"{served.address}{PLACE}: ")
    served.fault = ""
    assert "HTTP 404 [bundle_unreachable]" in why_not(f"{served.address}/nowhere")


def test_a_reload_that_waits_for_a_server_keeps_nobody_else_waiting(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpfile, "SILENCE", 2.0)
    with Runtime(f"{served.address}{PLACE}") as runtime:
        served.files[PLACE] = bundled(2)
        assert runtime.reload().revision == 2
        served.fault = "silent"
        with ThreadPoolExecutor() as threads:
            reloading = threads.submit(runtime.reload)
            time.sleep(0.2)
            began = time.monotonic()
            assert runtime.generations.revision == 2
            assert runtime.rollback().revision == 1
            assert time.monotonic() - began < 1
            served.fault = ""
            with suppress(LoadError):
                reloading.result()


def test_a_runtime_is_closed_while_its_server_says_nothing(served: Served) -> None:
    runtime = Runtime(f"{served.address}{PLACE}", SOON, watch=True)
    served.fault = "silent"
    time.sleep(0.1)
    began = time.monotonic()
    runtime.close()
    assert time.monotonic() - began < 2


def test_a_server_without_etags_is_followed_too(served: Served) -> None:
    served.fault = "without etag"
    with Runtime(f"{served.address}{PLACE}", SOON, watch=True) as runtime:
        served.files[PLACE] = bundled(2)
        assert eventually(lambda: answer(runtime) == 2)
        assert served.count(PLACE, 304) == 0


def test_a_redirect_is_followed_but_never_to_where_there_is_no_tls(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with server(tls=tls) as secure:
        secure.files[PLACE] = bundled(2)
        secure.redirects = {"/up": f"{served.address}{PLACE}", "/here": PLACE}
        served.redirects = {"/down": f"{secure.address}{PLACE}"}
        for address in (f"{secure.address}/here", f"{served.address}/down"):
            with Runtime(address) as runtime:
                assert answer(runtime) == 2
                assert runtime.reload().revision == 2
        assert secure.count(PLACE, 304) >= 2
        assert "without TLS" in why_not(f"{secure.address}/up")


def test_a_password_is_for_the_server_of_the_address_alone(served: Served) -> None:
    with server() as elsewhere:
        elsewhere.files[PLACE] = bundled(1)
        served.redirects = {"/up": f"{elsewhere.address}{PLACE}"}
        host = served.address.partition("//")[2]
        with Runtime(f"http://us%40er:pa%2Fss@{host}/up"):
            assert served.authorized == [("/up", f"Basic {b64encode(b'us@er:pa/ss').decode()}")]
            assert elsewhere.authorized == [(PLACE, None)]


def test_more_than_a_bundle_may_have_is_not_taken_in(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_BYTES", 200)
    assert "larger than 200 bytes [bundle_too_large]" in why_not(f"{served.address}{PLACE}")
    monkeypatch.undo()
    monkeypatch.setattr(feed, "MAX_SIGNATURE_BYTES", 10)
    served.files[f"{PLACE}.sig"] = sign(bundled(1), KEY)
    with pytest.raises(LoadError) as raised:
        feed.Feed(f"{served.address}{PLACE}").signed()
    assert "larger than 10 bytes" in str(raised.value)


def test_what_is_secret_in_an_address_is_not_told(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host = served.address.partition("//")[2]
    address = f"http://user:pass-word@{host}{PLACE}?X-Signature=sec-ret"
    with Runtime(address, SOON, watch=True) as runtime:
        served.fault = "error"
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
    told = caplog.text + why_not(address) + why_not(address.replace(host, "127.0.0.1:1"))
    assert f"http://{host}{PLACE}: HTTP 503" in told
    assert "Connection refused" in told
    for mark in "/#?":
        told += why_not(f"http://user:pass{mark}word@{host}{PLACE}")
        told += why_not(f"memory://user:pass{mark}word@{host}{PLACE}")
    for secret in ("pass-word", "sec-ret", "user", "pass", "word"):
        assert secret not in told


def test_a_comparison_does_not_tell_the_password_in_an_address(
    served: Served, hooks: Hooks, tmp_path: Path
) -> None:
    hooks({"10-v.py": version(1)["10-v.py"].decode()})
    (tmp_path / "sample.json").write_text(exchange().model_dump_json())
    address = served.address.replace("//", "//user:pass-word@")
    for style in ("text", "json"):
        done = claimhooks(
            tmp_path, "diff", "hooks", f"{address}{PLACE}", "sample.json", "--format", style
        )
        assert done.returncode == 0, done.stderr
        assert f"{served.address}{PLACE}" in done.stdout
        assert "pass-word" not in done.stdout


# In a store --------------------------------------------------------------------------------------


class Cut(MemoryFile):  # type: ignore[misc]  # fsspec has no types
    """A file that ends early, though it knows its size."""

    def read(self, _size: int = -1) -> bytes:
        return bytes(super().read(100))


class Store(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A store that fsspec knows, which counts what is read of it."""

    protocol = "counted"
    opened: ClassVar[list[str]] = []
    is_down: ClassVar[bool] = False
    is_cutting_short: ClassVar[bool] = False

    def __init__(self, **options: object) -> None:
        if self.is_down:
            raise ConnectionError("there is no way to the store")
        super().__init__(**options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("counted://")))

    def info(self, path: str, **rest: object) -> dict[str, object]:
        """What is known of a file."""
        if self.is_down:
            raise ConnectionError("the store does not answer")
        return dict(super().info(path, **rest))

    def _open(self, path: str, mode: str = "rb", **rest: object) -> object:
        file = super()._open(path, mode, **rest)
        if mode == "rb":
            self.opened.append(path)
            if self.is_cutting_short:
                return Cut(self, path, file.getvalue())
        return file


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(Store, "store", {})
    monkeypatch.setattr(Store, "opened", [])
    monkeypatch.setattr(Store, "is_down", False)
    monkeypatch.setattr(Store, "is_cutting_short", False)
    Store.clear_instance_cache()
    fsspec.register_implementation("counted", Store, clobber=True)
    return Store()


def test_a_bundle_in_a_store_is_polled_and_read_once(
    store: Store, signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(content: bytes) -> None:
        store.pipe("/acme/hooks.bundle.sig", sign(content, KEY))
        store.pipe("/acme/hooks.bundle", content)

    put(bundled(1))
    with Runtime("counted://acme/hooks.bundle", signed, watch=True) as runtime:
        assert (answer(runtime), runtime.watch_mode) == (1, "polling")
        time.sleep(0.2)
        assert store.opened == ["/acme/hooks.bundle", "/acme/hooks.bundle.sig"]
        put(bundled(2))
        assert eventually(lambda: answer(runtime) == 2)
        monkeypatch.setattr(Store, "is_down", True)
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
        assert "the store does not answer" in str(runtime.generations.failure)
        monkeypatch.setattr(Store, "is_down", False)
        assert eventually(lambda: codes(runtime) == [])
        store.rm("/acme/hooks.bundle")
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
        assert answer(runtime) == 2


def test_half_of_a_bundle_in_a_store_is_not_taken_for_what_it_has(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe("/acme/hooks.bundle", bundled(1))
    with Runtime("counted://acme/hooks.bundle", SOON, watch=True) as runtime:
        monkeypatch.setattr(Store, "is_cutting_short", True)
        store.pipe("/acme/hooks.bundle", bundled(2))
        assert eventually(lambda: codes(runtime) == ["bundle_unreachable"])
        assert "bytes are missing" in str(runtime.generations.failure)
        monkeypatch.setattr(Store, "is_cutting_short", False)
        assert eventually(lambda: answer(runtime) == 2)


def test_a_store_that_is_not_there_at_the_start_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.pipe("/acme/hooks.bundle", bundled(1))
    Store.clear_instance_cache()
    monkeypatch.setattr(Store, "is_down", True)
    found = why_not("counted://acme/hooks.bundle")
    assert "there is no way to the store [bundle_unreachable]" in found


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("counted://acme/nowhere", "counted://acme/nowhere: there is no such file [bundle_unr"),
        ("nothing://acme/hooks.bundle", "Protocol not known: nothing [bundle_address]"),
        ("http://", "an address without a host [bundle_address]"),
    ],
)
def test_an_address_of_nothing_is_told(store: Store, address: str, reason: str) -> None:
    assert store is not None
    assert reason in why_not(address)


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Install s3fs to access S3 [remote_missing]" in why_not("s3://acme/hooks.bundle")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    monkeypatch.delitem(sys.modules, "claimhooks.bundle.storedfile", raising=False)
    found = why_not("s3://acme/hooks.bundle")
    assert "fsspec" in found
    assert "[remote_missing]\n  → install claimhooks[remote]" in found


# The issuer --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.worker
def test_an_issuer_follows_the_bundle_at_an_address(served: Served, signed: Path) -> None:
    served.files[f"{PLACE}.sig"] = sign(bundled(1), KEY)
    port = free_port()
    arguments = ["serve", "--hooks", f"{served.address}{PLACE}", "--port", str(port)]
    output = signed.parent / "log"
    with (
        output.open("w") as log,
        running([*arguments, "--metrics-port", "0"], signed.parent, log.fileno()),
    ):
        assert eventually(lambda: "curl" in output.read_text(), 30), output.read_text()
        (body,) = re.findall(r"-d '(.*)'", output.read_text())

        def claim() -> object:
            request = Request(f"http://127.0.0.1:{port}/oauth/token", body.encode())
            request.add_header("content-type", "application/json")
            try:
                with urlopen(request) as response:
                    token = json.load(response)["access_token"]
            except URLError:
                return None  # not yet
            return jwt.decode(token, options={"verify_signature": False}).get(V)

        assert eventually(lambda: claim() == 1, 30), output.read_text()
        served.files[f"{PLACE}.sig"] = sign(bundled(2), KEY)
        served.files[PLACE] = bundled(2)
        assert eventually(lambda: claim() == 2), output.read_text()
        assert "revision 2, is active" in output.read_text()
        served.files[PLACE] = bundled(3)
        assert eventually(lambda: "bundle_signature" in output.read_text())
        assert claim() == 2
