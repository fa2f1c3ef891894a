"""A bridge put together: a peer, a runtime, and the registry that its settings name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from claimhooks.bridges.bridge import Bridge
from claimhooks.bridges.clients import Anybody, Registered
from claimhooks.bridges.routes import BridgeApp
from claimhooks.errors import LoadError, Problem
from claimhooks.registry import open_store
from claimhooks.settings import PeerName

if TYPE_CHECKING:
    from claimhooks.bridges.caller import Caller
    from claimhooks.bridges.clients import Clients
    from claimhooks.bridges.peer import Peer
    from claimhooks.runtime import Runtime
    from claimhooks.settings import Settings

PEERS: Final[tuple[PeerName, ...]] = get_args(PeerName)


def peer_of(name: PeerName) -> Peer[Any]:
    """The peer of this name: ``PEER`` in the module of that name."""
    # Loaded when it is asked for: some need packages that others do without.
    module = importlib.import_module(f"claimhooks.bridges.{name}")
    return cast("Peer[Any]", module.PEER)


def open_bridge(name: PeerName, runtime: Runtime, caller: Caller | None = None) -> Bridge:
    """The bridge of the peer `name`, as the settings of `runtime` have it.

    A `caller` stands in for what they say of how calls are proven. Raises
    :class:`~claimhooks.errors.LoadError`, also if they do not say it, and
    :class:`~claimhooks.registry.StoreUnavailable`.
    """
    return Bridge(peer_of(name), runtime, _clients(name, runtime.generation.settings), caller)


def create_bridge(name: PeerName, runtime: Runtime) -> BridgeApp:
    """An ASGI application that answers the peer `name`; it raises as :func:`open_bridge` does."""
    if not peer_of(name).callers:
        reason = f"{name} calls no URL"
        raise LoadError([Problem("bridge_not_http", f"[bridges.{name}]", reason)])
    return BridgeApp(open_bridge(name, runtime))


def _clients(name: PeerName, settings: Settings) -> Clients:
    address = settings.registry_address
    if address is None or not settings.of_bridge(name).registry:
        return Anybody()
    return Registered(open_store(address), settings.quiet)
