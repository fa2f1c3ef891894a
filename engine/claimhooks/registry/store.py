"""What every store of the registry can do, and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from claimhooks.errors import ClaimhooksError, ProblemsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from claimhooks.errors import Problem
    from claimhooks.registry.model import ApiRecord, ClientRecord, Document, GrantRecord


class StoreUnavailable(ClaimhooksError):
    """The database cannot be reached or used now; trying again may help."""


class ChangeRefused(ProblemsError):
    """A change would leave the registry inconsistent; nothing was changed."""


class Store(Protocol):
    """A registry to read. Safe to share between threads.

    Every method but `close` raises :class:`StoreUnavailable` where there is a database to lose.
    """

    problems: tuple[Problem, ...] = ()
    """Why what is there now is not in use, but what was there before."""

    def client(self, client_id: str) -> ClientRecord | None:
        """The client with this id; None: there is none."""
        ...

    def api(self, identifier: str) -> ApiRecord | None:
        """The API with this identifier; None: there is none."""
        ...

    def grant(self, client_id: str, audience: str) -> GrantRecord | None:
        """What this client may have at this API; None: nothing."""
        ...

    def revision(self) -> str:
        """Another text whenever a record has changed. Cheap."""
        ...

    def document(self) -> Document:
        """Everything, as it was at one instant."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@runtime_checkable
class WritableStore(Store, Protocol):
    """A registry to change. Each method is one transaction and raises :class:`ChangeRefused`."""

    def put_client(self, client: ClientRecord) -> None:
        """Add a client, or replace the one with its id."""
        ...

    def change_client(
        self, client_id: str, change: Callable[[ClientRecord], ClientRecord]
    ) -> ClientRecord | None:
        """Put what `change` makes of the client with this id, as it is now; None: there is none."""
        ...

    def put_api(self, api: ApiRecord) -> None:
        """Add an API, or replace the one with its identifier."""
        ...

    def put_grant(self, grant: GrantRecord) -> None:
        """Add a grant, or replace the one of its client at its API."""
        ...

    def delete_client(self, client_id: str) -> bool:
        """Remove a client and its grants. Returns whether it was there."""
        ...

    def delete_api(self, identifier: str) -> bool:
        """Remove an API and all grants at it. Returns whether it was there."""
        ...

    def delete_grant(self, client_id: str, audience: str) -> bool:
        """Remove a grant. Returns whether it was there."""
        ...

    def replace(self, document: Document, *, removing: bool = True) -> Document:
        """Put `document` in place of everything; returns what was there.

        Unless `removing`, every record that is there must be in `document`.
        """
        ...

    def merge(self, document: Document) -> Document:
        """Put every record of `document`, and leave the others; returns what was there."""
        ...


@runtime_checkable
class SharedState(Protocol):
    """What all processes that issue tokens have to agree on.

    Both changes are atomic across processes and raise :class:`StoreUnavailable`.
    """

    def use_jti(self, client_id: str, jti: str, expires: float) -> bool:
        """Use up the id of an assertion (RFC 7523 §3); False: it was used before.

        It is remembered until `expires`, in seconds since the epoch.
        """
        ...

    def count_token(self, client_id: str, window_start: int, window_seconds: int) -> int:
        """Count a token of this client in a window of time; the number counted in it so far.

        `window_start` is in seconds since the epoch.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
