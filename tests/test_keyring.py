"""The keys of an issuer: which one signs, which are published, and what cannot harm their files."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from joserfc import jwt as jose_jwt
from joserfc.jwk import KeySet

from claimhooks.errors import LoadError
from claimhooks.exchange import DEFAULT_TOKEN_LIFETIME
from claimhooks.keyring import PUBLISH, KeyEntry, Keyring
from claimhooks.keyring.folder import Folder
from claimhooks.keyring.ring import LOOK
from claimhooks.token import ALGORITHMS, Algorithm, SigningKey, Verifier

if TYPE_CHECKING:
    from pydantic import JsonValue

ISSUER = "https://issuer.example/"
API = "https://api.acme.example/"
START = 1_800_000_000
STAY = DEFAULT_TOKEN_LIFETIME + 600


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys"


@pytest.fixture
def keyring(folder: Path, clock: Clock) -> Keyring:
    """An issuer's keys: one of ES256 and one of EdDSA."""
    return Keyring.open(folder, ["ES256", "EdDSA"], create=True, clock=clock)


def another(folder: Path, clock: Clock) -> Keyring:
    """The same keys, in what might be another process."""
    return Keyring.open(folder, create=False, clock=clock)


def entries(keyring: Keyring, alg: Algorithm = "ES256") -> list[KeyEntry]:
    return [entry for entry in keyring.entries() if entry.alg == alg]


def states(keyring: Keyring, alg: Algorithm = "ES256") -> list[str]:
    return [entry.state for entry in entries(keyring, alg)]


def kids(keyring: Keyring) -> set[str]:
    return {jwk["kid"] for jwk in keyring.public_jwks()["keys"]}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@contextmanager
def refused(code: str, reason: str = ".") -> Iterator[None]:
    with pytest.raises(LoadError, match=reason) as raised:
        yield
    assert [problem.code for problem in raised.value.problems] == [code]
    assert "PRIVATE KEY" not in str(raised.value)


# The first start ----------------------------------------------------------------------------------


def test_a_first_start_makes_keys_that_sign_at_once(folder: Path, clock: Clock) -> None:
    keyring = Keyring.open(folder, ALGORITHMS, create=True, clock=clock)
    assert [(entry.alg, entry.state) for entry in keyring.entries()] == [
        (alg, "active") for alg in ALGORITHMS
    ]
    for entry in keyring.entries():
        assert keyring.signing_key(entry.alg).kid == entry.kid
        assert (entry.since, entry.until) == (START, None)
    assert kids(another(folder, clock)) == kids(keyring)


def test_the_files_are_for_this_user_alone_and_named_by_kid(folder: Path, keyring: Keyring) -> None:
    assert files(folder) == {"state.json", ".lock"} | {f"{kid}.pem" for kid in kids(keyring)}
    assert {oct(path.stat().st_mode) for path in folder.iterdir()} == {oct(0o100600)}
    assert [oct(path.stat().st_mode) for path in (folder, folder.parent)] == [oct(0o40700)] * 2


def test_a_second_start_finds_the_same_keys_and_makes_only_what_is_missing(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    before = kids(keyring)
    assert kids(Keyring.open(folder, ["ES256"], create=True, clock=clock)) == before
    more = Keyring.open(folder, ["ES256", "RS256"], create=True, clock=clock)
    assert states(more, "RS256") == ["active"]
    assert before < kids(more)


def test_without_create_nothing_is_made(tmp_path: Path, folder: Path, keyring: Keyring) -> None:
    with refused("keys_missing", "no such folder"):
        Keyring.open(tmp_path / "elsewhere", create=False)
    assert not (tmp_path / "elsewhere").exists()
    with refused("signing_key_missing", "RS256"):
        Keyring.open(folder, ["RS256"], create=False)
    with refused("signing_key_missing", "RS256"):
        keyring.signing_key("RS256")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc's opinion of the name
def test_a_token_of_each_algorithm_is_accepted_by_ours_and_by_another_verifier(
    folder: Path,
) -> None:
    keyring = Keyring.open(folder, ALGORITHMS, create=True)
    now = int(time.time())
    claims: dict[str, JsonValue] = {
        "iss": ISSUER,
        "sub": "orders",
        "aud": API,
        "iat": now,
        "exp": now + 60,
    }
    jwks: Any = keyring.public_jwks()
    for alg in ALGORITHMS:
        token = keyring.signing_key(alg).sign(claims)
        assert Verifier(jwks, issuer=ISSUER, audience=API).verify(token)["sub"] == "orders"
        other = jose_jwt.decode(token, KeySet.import_key_set(jwks), algorithms=[alg])
        assert other.claims == claims


def test_only_public_members_are_published(folder: Path) -> None:
    keyring = Keyring.open(folder, ALGORITHMS, create=True)
    for jwk in keyring.public_jwks()["keys"]:
        assert jwk.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}
    assert repr(keyring) == f"<Keyring {folder}>"


# Rotation -----------------------------------------------------------------------------------------


def test_a_key_is_published_before_it_signs_and_after_it_has(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    former = keyring.signing_key("ES256").kid
    new = keyring.rotate("ES256")
    assert (new.state, new.since, new.until) == ("next", START, START + PUBLISH)
    for each in (keyring, another(folder, clock)):
        assert {former, new.kid} < kids(each)
        assert each.signing_key("ES256").kid == former
        assert states(each) == ["active", "next"]

    running = another(folder, clock)
    clock.now += PUBLISH - 0.001
    assert running.signing_key("ES256").kid == former
    clock.now += 0.001
    for each in (keyring, running, another(folder, clock)):
        assert each.signing_key("ES256").kid == new.kid
        assert states(each) == ["retired", "active"]
        assert {former, new.kid} < kids(each)

    clock.now += STAY - 0.001
    assert former in kids(keyring)
    clock.now += 0.001
    for each in (keyring, running, another(folder, clock)):
        assert former not in kids(each)
        assert states(each) == ["active"]
    assert f"{former}.pem" in files(folder)
    keyring.rotate("EdDSA")
    assert f"{former}.pem" not in files(folder)
    assert files(folder) == {"state.json", ".lock"} | {f"{kid}.pem" for kid in kids(keyring)}


def test_publication_lasts_longer_than_verifiers_cache_and_issuers_look_away() -> None:
    assert PUBLISH > 600 + LOOK


def test_how_long_a_former_key_stays_is_up_to_the_longest_token(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    Keyring.open(folder, create=False, clock=clock, longest_token=60, publish=5).rotate("ES256")
    clock.now += 5
    assert [entry.until for entry in entries(keyring)] == [START + 5 + 60 + 600, None]


def test_a_key_for_a_leaked_one_signs_at_once_and_alone(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    keyring.rotate("ES256")
    running = another(folder, clock)
    new = keyring.rotate("ES256", now=True)
    assert states(keyring) == ["retired", "retired", "active"]
    assert keyring.signing_key("ES256").kid == new.kid
    clock.now += 1
    assert running.signing_key("ES256").kid == new.kid
    clock.now += PUBLISH
    assert running.signing_key("ES256").kid == new.kid


def test_rotations_queue_up(keyring: Keyring, clock: Clock) -> None:
    first = keyring.rotate("ES256")
    clock.now += 100
    second = keyring.rotate("ES256")
    assert states(keyring) == ["active", "next", "next"]
    clock.now = START + PUBLISH
    assert keyring.signing_key("ES256").kid == first.kid
    clock.now += 100
    assert keyring.signing_key("ES256").kid == second.kid
    assert states(keyring) == ["retired", "retired", "active"]


def test_a_clock_that_is_set_back_leaves_a_key_that_signs(keyring: Keyring, clock: Clock) -> None:
    first = keyring.signing_key("ES256").kid
    new = keyring.rotate("ES256")
    clock.now += PUBLISH
    assert keyring.signing_key("ES256").kid == new.kid
    clock.now -= 10 * PUBLISH
    assert keyring.signing_key("ES256").kid == first
    later = keyring.rotate("ES256")
    assert keyring.signing_key("ES256").kid == first
    clock.now += PUBLISH
    assert keyring.signing_key("ES256").kid == later.kid


def test_no_key_is_named_like_an_option(
    keyring: Keyring, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = SigningKey.generate
    found = [generate("ES256"), generate("ES256")]
    keys = iter([SigningKey(found[0].private, "ES256", "-" * 43), found[1]])
    monkeypatch.setattr(SigningKey, "generate", lambda _: next(keys))
    keyring.rotate("ES256")
    assert not any(name.startswith("-") for name in files(folder))


# Retirement ---------------------------------------------------------------------------------------


def test_a_retired_key_is_taken_out_at_once(folder: Path, keyring: Keyring, clock: Clock) -> None:
    former = keyring.signing_key("ES256").kid
    keyring.rotate("ES256", now=True)
    running = another(folder, clock)
    keyring.retire(former)
    clock.now += 1
    for each in (keyring, running):
        assert former not in kids(each)
        assert states(each) == ["active"]
    assert f"{former}.pem" not in files(folder)


@pytest.mark.parametrize("which", [1, 2])
def test_the_key_before_one_that_is_taken_out_goes_on(
    keyring: Keyring, clock: Clock, which: int
) -> None:
    keyring.rotate("ES256")
    keyring.rotate("ES256")
    first, second, third = (entry.kid for entry in entries(keyring))
    keyring.retire([first, second, third][which])
    clock.now += 2 * PUBLISH
    assert keyring.signing_key("ES256").kid == (third if which == 1 else second)
    assert states(keyring) == ["retired", "active"]


def test_the_key_that_signs_is_not_taken_out(keyring: Keyring) -> None:
    active = keyring.signing_key("ES256").kid
    keyring.rotate("ES256")
    with refused("key_active", active):
        keyring.retire(active)
    with refused("key_unknown", "did you mean"):
        keyring.retire(active[:-1])
    assert states(keyring) == ["active", "next"]


# Import -------------------------------------------------------------------------------------------


def pem(tmp_path: Path, private: Any, password: bytes = b"", form: str = "PKCS8") -> Path:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    file = tmp_path / "key.pem"
    file.touch(0o600)
    kind = getattr(serialization.PrivateFormat, form)
    file.write_bytes(private.private_bytes(serialization.Encoding.PEM, kind, encryption))
    return file


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_a_first_key_that_is_imported_signs_at_once(
    tmp_path: Path, folder: Path, clock: Clock, form: str
) -> None:
    private = rsa.generate_private_key(65537, 2048)
    keyring = Keyring.open(folder, create=True, clock=clock)
    entry = keyring.import_pem(pem(tmp_path, private, form=form), "RS256")
    assert entry.kid == SigningKey.of(private, "RS256").kid
    assert Keyring.open(folder, ["RS256"], create=True).signing_key("RS256").kid == entry.kid
    assert oct((folder / f"{entry.kid}.pem").stat().st_mode) == oct(0o100600)


def test_a_further_key_that_is_imported_is_published_first(
    tmp_path: Path, keyring: Keyring, clock: Clock
) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    file = pem(tmp_path, private)
    entry = keyring.import_pem(file, "EdDSA")
    assert states(keyring, "EdDSA") == ["active", "next"]
    with refused("key_known", "EdDSA"):
        keyring.import_pem(file, "EdDSA")
    keyring.retire(entry.kid)
    assert keyring.import_pem(file, "EdDSA").state == "next"
    clock.now += PUBLISH
    assert keyring.signing_key("EdDSA").kid == entry.kid


@pytest.mark.parametrize(
    ("private", "alg", "reason"),
    [
        (rsa.generate_private_key(65537, 1024), "RS256", "1024 bits"),
        (ec.generate_private_key(ec.SECP384R1()), "ES256", "P-256"),
        (ec.generate_private_key(ec.SECP256R1()), "RS256", "RS256 does not sign"),
        (ed448.Ed448PrivateKey.generate(), "EdDSA", "EdDSA does not sign"),
        (dsa.generate_private_key(1024), "PS256", "PS256 does not sign"),
    ],
)
def test_a_key_that_does_not_fit_is_not_imported(
    tmp_path: Path, keyring: Keyring, private: Any, alg: Algorithm, reason: str
) -> None:
    with refused("pem_unusable", reason):
        keyring.import_pem(pem(tmp_path, private), alg)


def test_an_encrypted_key_is_not_imported(tmp_path: Path, keyring: Keyring) -> None:
    file = pem(tmp_path, ed25519.Ed25519PrivateKey.generate(), b"password")
    with refused("pem_encrypted", "openssl pkey"):
        keyring.import_pem(file, "EdDSA")


def test_what_is_no_key_is_not_imported(tmp_path: Path, keyring: Keyring) -> None:
    file = tmp_path / "key.pem"
    with refused("keys_unreadable", "No such file"):
        keyring.import_pem(file, "ES256")
    file.touch(0o600)
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    for content in (
        b"",
        b"\xff",
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    ):
        file.write_bytes(content)
        with refused("pem_unusable", "no private key"):
            keyring.import_pem(file, "EdDSA")
    file.write_bytes(b"-" * (1024 * 1024 + 1))
    with refused("keys_unreadable", "1 MiB"):
        keyring.import_pem(file, "EdDSA")
    file.unlink()
    os.mkfifo(file, 0o600)
    with refused("keys_unreadable", "regular"):
        keyring.import_pem(file, "EdDSA")


# Files that others may read, or that are damaged --------------------------------------------------


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o707])
def test_a_folder_that_others_may_enter_is_refused(
    folder: Path, keyring: Keyring, mode: int
) -> None:
    assert keyring.problem is None
    folder.chmod(mode)
    for create in (False, True):
        with refused("keys_exposed", f"{mode:04o}.*\n.*chmod 700 {folder}"):
            Keyring.open(folder, ["ES256"], create=create)


def test_a_file_that_others_may_read_is_refused(folder: Path, keyring: Keyring) -> None:
    file = folder / f"{keyring.signing_key('ES256').kid}.pem"
    file.chmod(0o644)
    with refused("keys_exposed", f"0644.*\n.*chmod 600 {file}"):
        Keyring.open(folder, ["ES256"], create=True)
    with refused("keys_exposed", "0604"):
        file.chmod(0o604)
        keyring.import_pem(file, "ES256")


def test_the_group_may_have_rights_as_it_has_on_volumes(folder: Path, keyring: Keyring) -> None:
    folder.chmod(0o2770)
    for path in folder.iterdir():
        path.chmod(0o660)
    assert kids(Keyring.open(folder, ["ES256"], create=True)) == kids(keyring)


ENDLESS = {"alg": "ES256", "created": START, "activates": START}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "EOF"),
        ('{"keys": {', "EOF"),
        ("[]", "must be an object"),
        ('{"keys": {}, "more": 1}', "more: unknown key"),
        (json.dumps({"keys": {"../../etc/passwd": ENDLESS}}), "pattern"),
        (json.dumps({"keys": {"k" * 43: {**ENDLESS, "alg": "HS256"}}}), "alg"),
        (json.dumps({"keys": {"k" * 43: {**ENDLESS, "retires": 1}}}), "go together"),
        (json.dumps({"keys": {"k" * 43: {**ENDLESS, "retires": 2, "expires": 1}}}), "before"),
        (json.dumps({"keys": {"k" * 43: {**ENDLESS, "retires": 1, "expires": 2}}}), "no end"),
        (json.dumps({"keys": {"k" * 43: ENDLESS, "l" * 43: ENDLESS}}), "no end, not 2"),
    ],
)
def test_a_state_that_is_broken_is_told_and_the_last_good_one_stays(
    folder: Path, keyring: Keyring, clock: Clock, content: str, reason: str
) -> None:
    good = (folder / "state.json").read_bytes()
    before = keyring.public_jwks()
    (folder / "state.json").write_text(content)
    with refused("keys_state_broken", reason):
        another(folder, clock)
    with refused("keys_state_broken", reason):
        keyring.rotate("ES256")
    clock.now += 1
    assert keyring.public_jwks() == before
    assert keyring.problem is not None
    assert keyring.problem.code == "keys_state_broken"
    (folder / "state.json").write_bytes(good)
    clock.now += 1
    assert keyring.public_jwks() == before
    assert keyring.problem is None


def test_keys_without_a_state_are_not_replaced(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    (folder / "state.json").unlink()
    with refused("keys_state_broken", "no state.json"):
        Keyring.open(folder, ["ES256"], create=True)
    clock.now += 1
    keyring.signing_key("ES256")
    assert keyring.problem is not None


def test_a_key_under_the_name_of_another_is_refused(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    file = folder / f"{keyring.signing_key('ES256').kid}.pem"
    shutil.copy(pem(folder.parent, ec.generate_private_key(ec.SECP256R1())), file)
    with refused("key_mismatched", "another key"):
        another(folder, clock)
    file.unlink()
    with refused("keys_unreadable", "No such file"):
        another(folder, clock)


def test_a_folder_that_goes_away_while_running_changes_nothing_but_the_problem(
    folder: Path, keyring: Keyring, clock: Clock
) -> None:
    former = keyring.signing_key("ES256").kid
    new = keyring.rotate("ES256")
    folder.rename(folder.with_name("away"))
    clock.now += PUBLISH
    assert keyring.signing_key("ES256").kid == new.kid
    assert former in kids(keyring)
    assert keyring.problem is not None
    assert keyring.problem.code == "keys_missing"
    with refused("keys_missing"):
        keyring.rotate("ES256")
    folder.with_name("away").rename(folder)
    clock.now += 1
    keyring.signing_key("ES256")
    assert keyring.problem is None


def test_a_file_in_place_of_the_folder_is_told(folder: Path) -> None:
    folder.parent.mkdir()
    folder.touch(0o600)
    for create in (False, True):
        with refused("keys_missing"):
            Keyring.open(folder, ["ES256"], create=create)


# Following other processes ------------------------------------------------------------------------


def test_signing_touches_no_file_but_for_a_look_each_second(
    keyring: Keyring, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    stamp = Folder.stamp

    def look(folder: Folder) -> object:
        looks.append(clock.now)
        return stamp(folder)

    monkeypatch.setattr(Folder, "stamp", look)
    monkeypatch.setattr(Folder, "read_state", lambda _: pytest.fail("it has not changed"))
    for _ in range(100):
        clock.now += 0.04
        keyring.signing_key("ES256")
        keyring.public_jwks()
    assert 3 <= len(looks) <= 4


def test_threads_sign_while_keys_are_rotated(folder: Path) -> None:
    keyring = Keyring.open(folder, ["ES256"], create=True, publish=0)
    faults: list[Exception] = []
    is_over = threading.Event()

    def sign() -> None:
        try:
            while not is_over.wait(0.0001):
                assert keyring.signing_key("ES256").kid in kids(keyring)
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [threading.Thread(target=sign) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        keyring.rotate("ES256")
    is_over.set()
    for thread in threads:
        thread.join()
    assert faults == []


START_TOGETHER = """
import sys
from pathlib import Path
from claimhooks.keyring import Keyring
folder = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    Keyring.open(folder, ["RS256", "ES256"], create=True).rotate("ES256")
keyring = Keyring.open(folder, ["RS256", "ES256"], create=True)
print(*(jwk["kid"] for jwk in keyring.public_jwks()["keys"]))
"""


def together(folder: Path, rotations: int) -> list[set[str]]:
    """What each of three processes publishes that open `folder` at once."""
    command = [sys.executable, "-c", START_TOGETHER, str(folder), str(rotations)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    found = [set(process.communicate(timeout=60)[0].split()) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    return found


def test_processes_that_open_an_empty_folder_at_once_end_with_the_same_keys(folder: Path) -> None:
    first, *others = together(folder, rotations=0)
    assert len(first) == 2
    assert others == [first, first]
    assert files(folder) == {"state.json", ".lock"} | {f"{kid}.pem" for kid in first}


def test_no_rotation_of_several_at_once_is_lost(folder: Path) -> None:
    found = together(folder, rotations=5)
    keyring = Keyring.open(folder, ["ES256"], create=False)
    assert set.union(*found) == kids(keyring)
    assert states(keyring) == ["active"] + ["next"] * 15


# Interruptions ------------------------------------------------------------------------------------

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from claimhooks.keyring import Keyring, folder as module

template, act, *arguments = Path(sys.argv[1]), *sys.argv[2:]

def run(folder):
    if act == "open":
        Keyring.open(folder, ["ES256", "EdDSA"], create=True)
    else:
        getattr(Keyring.open(folder, create=False), act)(*arguments)

def kill_before(line):
    left = line

    def trace(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename != module.__file__:
            return None
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)

status, line = 9, 0
while status == 9:
    folder = template.with_name(str(line))
    if template.exists():
        shutil.copytree(template, folder)
    if (child := os.fork()) == 0:
        kill_before(line)
        run(folder)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    line += 1
assert status == 0, status
print(line)
"""


@pytest.mark.slow
@pytest.mark.parametrize("act", ["open", "rotate", "retire"])
def test_being_killed_at_any_point_leaves_the_former_state_or_the_new_one(
    tmp_path: Path, act: str
) -> None:
    template, arguments, before = tmp_path / "keys", [act], set[str]()
    if act != "open":
        keyring = Keyring.open(template, ["ES256", "EdDSA"], create=True)
        kid = keyring.rotate("ES256").kid
        before = kids(keyring)
        arguments.append("ES256" if act == "rotate" else kid)
    command = [sys.executable, "-c", KILLED, str(template), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    changes: list[int] = []
    for folder in (tmp_path / str(line) for line in range(int(done.stdout))):
        if act != "open":
            left = Keyring.open(folder, ["ES256", "EdDSA"], create=False)
            assert left.signing_key("ES256").kid == keyring.signing_key("ES256").kid
            changes.append(len(kids(left) ^ before))
        # Whatever was left half-done, the next change tidies up.
        again = Keyring.open(folder, ["ES256", "EdDSA"], create=True)
        again.rotate("ES256")
        assert files(folder) == {"state.json", ".lock"} | {f"{kid}.pem" for kid in kids(again)}
    assert len(list(tmp_path.iterdir())) > 30
    if act != "open":
        # Not done up to one point, and done from there on.
        assert set(changes) == {0, 1}
        assert changes == sorted(changes)


@pytest.mark.parametrize("limit", [0, 300, 1200])
def test_a_file_that_cannot_be_written_whole_leaves_the_former_state(
    folder: Path, clock: Clock, limit: int
) -> None:
    keyring = Keyring.open(folder, ["RS256"], create=True, clock=clock)
    before, stored = keyring.entries(), (folder / "state.json").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(LoadError) as raised:
            keyring.rotate("RS256")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [problem.code for problem in raised.value.problems] == ["keys_unwritable"]
    for each in (keyring, another(folder, clock)):
        assert each.entries() == before
    if limit == 0:
        assert (folder / "state.json").read_bytes() == stored
    assert len(files(folder)) == 3
    keyring.rotate("RS256")
    assert states(keyring, "RS256") == ["active", "next"]
    assert len(files(folder)) == 4


def test_a_full_disk_leaves_the_former_state(tmp_path: Path, clock: Clock) -> None:
    disk = tmp_path / "small-disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        assert os.environ.get("CI") != "true", "CI must be able to mount a small disk"
        pytest.skip("mounting a small disk needs more privileges")
    try:
        keyring = Keyring.open(disk / "keys", ["ES256"], create=True, clock=clock)
        former = keyring.signing_key("ES256").kid
        with pytest.raises(OSError, match="No space left"):
            (disk / "other").write_bytes(b"x" * 100_000)
        with refused("keys_unwritable", "No space left"):
            keyring.rotate("ES256")
        for each in (keyring, another(disk / "keys", clock)):
            assert [entry.kid for entry in each.entries()] == [former]
        (disk / "other").unlink()
        keyring.rotate("ES256")
        assert states(keyring) == ["active", "next"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# Verifiers ----------------------------------------------------------------------------------------


class Verifiers(RuleBasedStateMachine):
    """Verifiers that keep a JWK set for up to ten minutes, and tokens for as long as they live.

    An issuer runs all the while; keys are changed from outside, as the command line does.
    """

    @initialize()
    def start(self) -> None:
        self.above = tempfile.TemporaryDirectory()
        self.folder = Path(self.above.name) / "keys"
        self.clock = Clock()
        self.issuer = self.opened(create=True)
        self.tokens: list[tuple[str, float]] = []
        self.retired: set[str] = set()
        self.unannounced: dict[str, float] = {}
        self.caches: list[tuple[float, set[str]]] = []
        self.fetch()

    def teardown(self) -> None:
        self.above.cleanup()

    def opened(self, *, create: bool) -> Keyring:
        return Keyring.open(self.folder, ["ES256"], create=create, clock=self.clock)

    @rule()
    def fetch(self) -> None:
        """One more verifier asks for the JWK set."""
        self.caches.append((self.clock.now, kids(self.issuer)))

    @rule(lifetime=st.sampled_from([1, 60, DEFAULT_TOKEN_LIFETIME]))
    def sign(self, lifetime: int) -> None:
        self.tokens.append((self.issuer.signing_key("ES256").kid, self.clock.now + lifetime))

    @rule()
    def rotate(self) -> None:
        self.opened(create=False).rotate("ES256")

    @rule()
    def rotate_now(self) -> None:
        kid = self.opened(create=False).rotate("ES256", now=True).kid
        self.unannounced[kid] = self.clock.now

    @precondition(lambda self: len(self.opened(create=False).entries()) > 1)
    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        keyring = self.opened(create=False)
        others = [entry.kid for entry in keyring.entries() if entry.state != "active"]
        kid = data.draw(st.sampled_from(others))
        keyring.retire(kid)
        self.retired.add(kid)

    @rule(
        seconds=st.one_of(
            st.floats(0, 2),
            st.floats(0, 700),
            st.sampled_from([PUBLISH - 1, PUBLISH, 600, 600.5, 3600, STAY - 1, STAY]),
        )
    )
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.caches = [(at, set_) for at, set_ in self.caches if self.clock.now - at <= 600]
        self.tokens = [token for token in self.tokens if token[1] > self.clock.now]

    @rule()
    def restart(self) -> None:
        self.issuer = self.opened(create=True)

    @invariant()
    def no_verifier_meets_an_unknown_kid(self) -> None:
        signed = {kid for kid, _ in self.tokens} | {self.issuer.signing_key("ES256").kid}
        for fetched, known in self.caches:
            # An issuer may not have read of a key yet that another process made a second ago.
            new = {kid for kid, made in self.unannounced.items() if fetched <= made + LOOK}
            assert signed - known <= self.retired | new
        # And what it does not know, it learns by asking again.
        assert signed - kids(self.issuer) <= self.retired


TestVerifiers = Verifiers.TestCase
TestVerifiers.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
