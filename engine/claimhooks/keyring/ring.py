"""The keys that an issuer signs with and publishes, as the folder and the clock have it now."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError, Problem
from claimhooks.exchange import DEFAULT_TOKEN_LIFETIME
from claimhooks.keyring.folder import Folder, Stamp
from claimhooks.keyring.pem import read_pem
from claimhooks.keyring.state import JWKS_CACHE, PUBLISH, KeyEntry, State
from claimhooks.token import ALGORITHMS, Algorithm, Jwk, SigningKey
from claimhooks.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from pathlib import Path

LOOK: Final = 1.0
"""Seconds between looks at the state file, for what another process has changed."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was found in the folder at one instant."""

    stamp: Stamp | None
    state: State
    keys: Mapping[str, SigningKey]
    signers: Mapping[Algorithm, Sequence[tuple[float, SigningKey]]]
    """Per algorithm, in the order in which they sign: when each key retires, and the key."""
    published: Sequence[tuple[float, Jwk]]
    """When each key expires, and its public half."""


class Keyring:
    """The signing keys in one folder. Safe to share between threads, and between processes.

    What another process changes in the folder is in effect within a second. If the folder cannot be
    read any more, the keys stay as they were.
    """

    problem: Problem | None
    """Why the folder cannot be followed at the moment, if so."""

    def __init__(
        self,
        folder: Folder,
        algs: tuple[Algorithm, ...],
        clock: Callable[[], float],
        *,
        longest_token: int,
        publish: int,
    ) -> None:
        """Use :meth:`open`."""
        self.problem = None
        self._folder = folder
        self._algs = algs
        self._clock = clock
        self._publish = publish
        self._stay = longest_token + JWKS_CACHE
        self._reading = self._read(known={})
        self._looked = clock()

    def __repr__(self) -> str:
        return f"<Keyring {self._folder.path}>"

    @classmethod
    def open(
        cls,
        folder: Path,
        algs: Iterable[Algorithm] = (),
        *,
        create: bool,
        clock: Callable[[], float] = time.time,
        longest_token: int = DEFAULT_TOKEN_LIFETIME,
        publish: int = PUBLISH,
    ) -> Keyring:
        """The keys in `folder`, with one that signs for each of `algs`.

        With `create`, the folder and the keys that are missing are made; several processes that do
        so at once get the same. The first key of an algorithm signs at once, so create all that may
        be needed together, before any verifier asks. `clock` tells seconds since the epoch.

        For :meth:`rotate` and :meth:`import_pem`: `longest_token` is the longest lifetime of a
        token, for which a former key stays published, and `publish` is how long a new key is
        published before it signs; both in seconds.

        Raises :class:`~claimhooks.errors.LoadError`.
        """
        place, algs = Folder(folder), tuple(algs)
        if create:
            place.make()
            _create(place, algs, int(clock()))
        return cls(place, algs, clock, longest_token=longest_token, publish=publish)

    def signing_key(self, alg: Algorithm) -> SigningKey:
        """The key to sign with now. Raises :class:`~claimhooks.errors.LoadError` without one."""
        now = self._clock()
        for until, key in self._current(now).signers.get(alg, ()):
            if now < until:
                return key
        raise self._no_key(alg)

    def public_jwks(self) -> dict[str, list[Jwk]]:
        """The JWK set (RFC 7517 §5) of all keys that verifiers need to know now."""
        now = self._clock()
        return {"keys": [jwk for until, jwk in self._current(now).published if now < until]}

    def entries(self) -> list[KeyEntry]:
        """Every published key and what it does: per algorithm, in the order in which they sign."""
        now = self._clock()
        state = self._current(now).state
        published = state.published(now)
        return [
            state.entry(kid, now)
            for alg in ALGORITHMS
            for kid in state.signers(alg)
            if kid in published
        ]

    def rotate(self, alg: Algorithm, *, now: bool = False) -> KeyEntry:
        """Make a new key, which signs once verifiers know it; with `now`, at once.

        `now` is for a key that has leaked: verifiers meet a kid that they have to fetch. The first
        key of an algorithm signs at once in any case. Raises
        :class:`~claimhooks.errors.LoadError`, and then nothing has changed.
        """
        return self._add(_generate(alg), wait=0 if now else self._publish)

    def import_pem(self, path: Path, alg: Algorithm) -> KeyEntry:
        """Like :meth:`rotate`, with the unencrypted private key in the PEM file at `path`."""
        return self._add(read_pem(path, alg), wait=self._publish)

    def retire(self, kid: str) -> None:
        """Take a key out at once: tokens that it has signed no longer verify.

        Raises :class:`~claimhooks.errors.LoadError` for the key that signs.
        """
        with self._changing() as (state, now):
            if kid not in state.keys:
                reason = f"there is no key {kid!r}{nearest(kid, state.keys)}"
                raise self._refusal("key_unknown", reason)
            entry = state.entry(kid, now)
            if entry.state == "active":
                raise self._refusal("key_active", f"{kid} is the one that signs {entry.alg} now")
            self._folder.store(state.removing(kid, now))

    def _add(self, key: SigningKey, wait: int) -> KeyEntry:
        with self._changing() as (state, now):
            if kept := state.keys.get(key.kid):
                raise self._refusal("key_known", f"{key.kid} is there already, for {kept.alg}")
            added = state.adding(key.kid, key.algorithm, now, wait=wait, stay=self._stay)
            self._folder.store(added, key)
        return added.entry(key.kid, now)

    @contextmanager
    def _changing(self) -> Generator[tuple[State, int]]:
        """The stored state without what has expired, and the time; no other process changes it."""
        with self._folder.changing() as state:
            now = int(self._clock())
            yield state.sweeping(now), now
        self._look()

    def _current(self, now: float) -> _Reading:
        """The latest reading that was good, after a look at the folder if it is time for one."""
        # A clock that was set back must not put it off.
        if not 0 <= now - self._looked < LOOK:
            self._looked = now
            self._look()
        return self._reading

    def _look(self) -> None:
        try:
            if self.problem is not None or self._folder.stamp() != self._reading.stamp:
                self._reading = self._read(self._reading.keys)
            self.problem = None
        except LoadError as error:
            self.problem = error.problems[0]

    def _read(self, known: Mapping[str, SigningKey]) -> _Reading:
        """What is in the folder now; `known` has keys of which the files were read before."""
        while True:
            stamp = self._folder.stamp()
            try:
                return self._read_once(stamp, known)
            except LoadError:
                # Else a key was taken out, and its file deleted, while this read.
                if self._folder.stamp() == stamp:
                    raise

    def _read_once(self, stamp: Stamp | None, known: Mapping[str, SigningKey]) -> _Reading:
        state = self._folder.read_state()
        published = state.published(self._clock())
        keys = {
            kid: known.get(kid) or self._folder.read_key(kid, state.keys[kid].alg)
            for kid in published
        }
        signers: dict[Algorithm, list[tuple[float, SigningKey]]] = {}
        for alg in ALGORITHMS:
            kids = [kid for kid in state.signers(alg) if kid in keys]
            signers[alg] = [(state.keys[kid].signs_until, keys[kid]) for kid in kids]
        for alg in self._algs:
            if not signers[alg]:
                raise self._no_key(alg)
        jwks = [(state.keys[kid].published_until, keys[kid].public_jwk()) for kid in published]
        return _Reading(stamp, state, keys, signers, jwks)

    def _no_key(self, alg: Algorithm) -> LoadError:
        return self._refusal("signing_key_missing", f"there is no key for {alg}")

    def _refusal(self, code: str, reason: str) -> LoadError:
        return LoadError([Problem(code, str(self._folder.path), reason)])


def _create(folder: Folder, algs: Iterable[Algorithm], now: int) -> None:
    """Make the first key of each algorithm that has none."""
    # A folder that is complete need not be writable.
    if all(folder.read_state().signer(alg, now) for alg in algs):
        return
    with folder.changing() as stored:
        state = stored.sweeping(now)
        for alg in algs:
            if state.signer(alg, now) is None:
                key = _generate(alg)
                state = state.adding(key.kid, alg, now, wait=0, stay=0)
                folder.store(state, key)


def _generate(alg: Algorithm) -> SigningKey:
    """A new key whose kid no command line takes for an option."""
    while (key := SigningKey.generate(alg)).kid.startswith("-"):
        continue
    return key
