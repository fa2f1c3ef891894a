"""Bridges: the token hooks of other issuers, answered by this runtime. One file a peer."""

from claimhooks.bridges.opening import PEERS, create_bridge, open_bridge, peer_of

__all__ = ["PEERS", "create_bridge", "open_bridge", "peer_of"]
