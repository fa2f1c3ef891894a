"""Asking a registry from an event loop, and knowing when what it has answered may be used no more.

A lookup in a database takes longer than all the rest of an exchange, so who asks remembers the
answers until the registry's revision changes. While the registry cannot be reached, what is
remembered is used for a while longer.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final

from claimhooks.registry.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from claimhooks.registry.store import Store

    Found = TypeVar("Found")

FOLLOW: Final = 1.0
"""Seconds between looks at the revision."""
STALE: Final = 60.0
"""Seconds that answers are given from memory while the registry cannot be reached."""
AT_A_TIME: Final = 4
WAITING: Final = 32
"""Lookups under way or waiting; more are refused at once."""
PATIENCE: Final = 3.0
"""Seconds that a lookup may take, and a look at the revision."""
NO_ANSWER: Final = "the registry does not answer in time"

_log: Final = logging.getLogger(__name__)


class Lookups:
    """Asks `store` in threads. For one event loop."""

    def __init__(self, store: Store, forget: Callable[[], object]) -> None:
        """`forget` is called when what has been found may be so no longer."""
        self._store = store
        self._forget = forget
        self._revision: str | None = None
        self._confirmed = -STALE
        self._is_reachable = False
        self._waiting = 0
        self._following: asyncio.Task[None] | None = None
        # Threads of their own: nothing else can take those away that lookups need.
        self._lookups = ThreadPoolExecutor(AT_A_TIME, "claimhooks-registry")
        self._looks = ThreadPoolExecutor(1, "claimhooks-revision")

    @property
    def revision(self) -> str | None:
        """Of what is remembered."""
        return self._revision

    @property
    def is_reachable(self) -> bool:
        """Whether the last look at the registry has succeeded."""
        return self._is_reachable

    @property
    def is_ready(self) -> bool:
        """Whether answers can be given that are not too old."""
        return monotonic() < self._confirmed + STALE

    async def ask(self, look_up: Callable[[], Found]) -> Found:
        """What `look_up` finds, in a thread. Raises StoreUnavailable, and what it raises."""
        if not self._is_reachable or self._waiting >= WAITING:
            raise StoreUnavailable("the registry cannot be reached, or is asked too much")
        self._waiting += 1
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.get_running_loop().run_in_executor(self._lookups, look_up)
        except TimeoutError:
            raise StoreUnavailable(NO_ANSWER) from None
        finally:
            self._waiting -= 1

    async def look(self) -> None:
        """Have forgotten what has changed in the registry."""
        try:
            async with asyncio.timeout(PATIENCE):
                revision = await asyncio.get_running_loop().run_in_executor(
                    self._looks, self._store.revision
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is confirmed
            if self._is_reachable or self._revision is None:
                _log.warning("the registry cannot be reached: %s", str(error) or NO_ANSWER)
            self._is_reachable = False
            return
        if not self._is_reachable and self._revision is not None:
            _log.warning("the registry can be reached again")
        self._is_reachable, self._confirmed = True, monotonic()
        if revision != self._revision:
            self._forget()
            self._revision = revision

    async def start(self) -> None:
        """Look, and look again and again until :meth:`stop`."""
        await self.look()
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End looking, and let go of the threads."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        self.close()

    def close(self) -> None:
        """Let go of the threads, without waiting for a database that does not answer."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        self._looks.shutdown(wait=False, cancel_futures=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(FOLLOW)
            await self.look()
