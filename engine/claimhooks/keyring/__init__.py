"""The issuer's signing keys: files in a folder, rotated so that no verifier meets an unknown kid.

Verifiers keep a JWK set for up to ten minutes. So a new key is published before it signs, and a
former one stays published until the last token that it signed has expired. Which key does what is
told by stored times and the clock alone: nobody has to run anything at the moment of a change.
"""

from __future__ import annotations

from claimhooks.keyring.ring import Keyring
from claimhooks.keyring.state import PUBLISH, KeyEntry, KeyState

__all__ = ["PUBLISH", "KeyEntry", "KeyState", "Keyring"]
