"""Following a registry file: a good save is used as a whole, a bad one is told and no more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from claimhooks.errors import LoadError
from claimhooks.watch import Watcher

if TYPE_CHECKING:
    from claimhooks.registry.file import FileStore

_log: Final = logging.getLogger(__name__)


def follow(store: FileStore, quiet: float) -> Watcher:
    """Let `store` read its file again when that has changed, until the watcher is closed.

    `quiet` are the seconds for which the file must have been left alone.
    """

    def changed(_fingerprint: str) -> bool:
        try:
            store.reload()
        except LoadError as error:
            _log.warning("the registry stays as it was:\n%s", error)
        else:
            _log.info("the registry has been read again: %s", store.place)
        return True

    places = (store.place,)
    watcher = Watcher(lambda: places, store.fingerprint, changed, store.revision(), lambda: quiet)
    watcher.start()
    return watcher
