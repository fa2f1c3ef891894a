"""Clients, APIs and client grants: what they are, and the stores that keep them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from claimhooks.errors import LoadError, Problem
from claimhooks.registry.model import (
    ApiRecord,
    AuthMethod,
    ClientRecord,
    Document,
    GrantRecord,
    Quota,
    SecretRecord,
    scopes_of,
)
from claimhooks.registry.secret_hash import KEY_NAME, matches, read_key
from claimhooks.registry.store import (
    ChangeRefused,
    SharedState,
    Store,
    StoreUnavailable,
    WritableStore,
)

if TYPE_CHECKING:
    from claimhooks.registry.sql import SqlStore

__all__ = [
    "ApiRecord",
    "AuthMethod",
    "ChangeRefused",
    "ClientRecord",
    "Document",
    "GrantRecord",
    "Quota",
    "SecretRecord",
    "SharedState",
    "Store",
    "StoreUnavailable",
    "WritableStore",
    "has_secrets",
    "matches",
    "open_sql",
    "open_state",
    "open_store",
    "scopes_of",
    "secret_key",
]


def open_store(address: str | Path, *, create: bool = False) -> Store:
    """The registry at `address`: a ``.toml`` file, or what :func:`open_sql` opens.

    Raises :class:`~claimhooks.errors.LoadError`, :class:`StoreUnavailable`.
    """
    if str(address).endswith(".toml"):
        # Not at the top, nor is SQLAlchemy: each store loads only what it needs.
        from claimhooks.registry.file import FileStore  # noqa: PLC0415

        return FileStore(Path(address))
    return open_sql(address, create=create)


def open_sql(address: str | Path, *, create: bool = False) -> SqlStore:
    """The database at `address`: ``sqlite:///FILE``, ``postgresql+psycopg://…`` or a file.

    With `create` its tables are made, or migrated to those that this claimhooks knows; any number
    of processes may do so at once. Raises :class:`~claimhooks.errors.LoadError`,
    :class:`StoreUnavailable`.
    """
    try:
        from claimhooks.registry.database import url_of  # noqa: PLC0415
        from claimhooks.registry.sql import SqlStore  # noqa: PLC0415

        return SqlStore(url_of(address), create=create)
    except ImportError as error:
        reason = f"needs {error.name}, which is not installed"
        raise LoadError([Problem("server_missing", "the registry", reason)]) from None


def open_state(store: Store, folder: Path) -> SharedState:
    """What all processes share: in the database of `store`, else in a file of `folder`.

    Raises :class:`~claimhooks.errors.LoadError`, :class:`StoreUnavailable`.
    """
    return store if isinstance(store, SharedState) else open_sql(folder / "state.db", create=True)


def secret_key(folder: Path, store: Store | None = None) -> bytes:
    """The key with which client secrets are hashed: in a file of `folder`.

    It is made there only if `store` has no secrets yet: those that it has were hashed with a key
    that is elsewhere. Raises :class:`~claimhooks.errors.LoadError`, :class:`StoreUnavailable`.
    """
    path = folder / KEY_NAME
    is_new = not path.exists() and not (store and has_secrets(store))
    return read_key(path, create=is_new)


def has_secrets(store: Store) -> bool:
    """Whether any client in `store` has a secret. Raises :class:`StoreUnavailable`."""
    return any(client.secrets for client in store.document().clients.values())
