"""What an issuer is made of, put together from a configuration."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from claimhooks.errors import LoadError, Problem
from claimhooks.issuer.assertion import Assertions
from claimhooks.issuer.authentication import Authentication
from claimhooks.issuer.directory import Directory
from claimhooks.issuer.quotas import Quotas
from claimhooks.keyring import Keyring
from claimhooks.registry import open_state, open_store, secret_key
from claimhooks.registry.file import FileStore
from claimhooks.runtime import Runtime
from claimhooks.serving.events import Events
from claimhooks.serving.following import follow
from claimhooks.token import ALGORITHMS

if TYPE_CHECKING:
    from claimhooks.registry import SharedState, Store
    from claimhooks.settings import ServerSettings, Settings
    from claimhooks.watch import Watcher

DEFAULT_HOOKS: Final = Path("hooks")
REGISTRY_NAME: Final = "registry.db"
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - no password
JWKS_PATH: Final = "/.well-known/jwks.json"

_log: Final = logging.getLogger(__name__)


def make_folder(data: Path) -> None:
    """Make the folder of registry and keys, for its owner only. Raises LoadError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made: {error.strerror}"
        raise LoadError([Problem("folder_unreadable", str(data), reason)]) from None


@dataclass(slots=True)
class Parts:
    """One issuer in one process."""

    issuer: str
    """Its identifier, as it stands in ``iss`` and in the metadata (RFC 8414 §2)."""
    settings: Settings
    store: Store
    state: SharedState
    keyring: Keyring
    runtime: Runtime
    directory: Directory
    authentication: Authentication
    quotas: Quotas
    lane: str
    assertions: Assertions
    following: Watcher | None
    """What follows the registry, if that is a file."""
    events: Events = field(default_factory=Events)
    """Where what has become of requests is told."""

    @classmethod
    def open(
        cls, issuer: str, settings: Settings, config: Path | None, hooks: str | None, data: Path
    ) -> Self:
        """Open everything. Raises :class:`~claimhooks.errors.ProblemsError` with the reasons.

        The runtime starts before the keys are read: the processes of its worker lane are made
        while there is nothing in memory that hooks must not see.
        """
        make_folder(data)
        runtime = Runtime(
            hooks or DEFAULT_HOOKS,
            config or settings,
            lane="worker",
            watch=True,
            # What somebody has named must be there.
            allow_empty=hooks is None,
        )
        if not runtime.generation.hooks:
            _log.warning("there are no hooks in %s: tokens are issued as they are", DEFAULT_HOOKS)
        store = open_store(settings.registry_address or data / REGISTRY_NAME, create=True)
        state = open_state(store, data)
        keyring = Keyring.open(data / "keys", ALGORITHMS, create=True)
        directory = Directory(store)
        audiences = (issuer, issuer.rstrip("/") + TOKEN_PATH)
        assertions = Assertions(audiences, state)
        return cls(
            issuer=issuer,
            settings=settings,
            store=store,
            state=state,
            keyring=keyring,
            runtime=runtime,
            directory=directory,
            authentication=Authentication(directory, secret_key(data, store), assertions),
            quotas=Quotas(state),
            lane=runtime.lane.lane,
            assertions=assertions,
            following=follow(store, settings.quiet) if isinstance(store, FileStore) else None,
        )

    @property
    def server(self) -> ServerSettings:
        """The table ``[server]`` as it is now: it is followed with the hooks."""
        return self.runtime.generation.settings.server

    @property
    def is_ready(self) -> bool:
        """Whether tokens can be issued."""
        return self.directory.is_ready

    @property
    def registry_problems(self) -> tuple[Problem, ...]:
        """Why the registry's file, as it is now, is not in use."""
        return self.store.problems

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the keys, as they are now, are not in use."""
        return () if self.keyring.problem is None else (self.keyring.problem,)

    @property
    def about(self) -> dict[str, object]:
        """What is told of an issuer besides."""
        return {"registry": "reachable" if self.directory.is_reachable else "unreachable"}

    def close(self) -> None:
        """Let go of everything, once no request is under way any more."""
        if self.following is not None:
            self.following.close()
        self.directory.close()
        self.assertions.close()
        self.runtime.close()
        self.store.close()
        self.state.close()
