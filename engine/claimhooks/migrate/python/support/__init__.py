"""What JavaScript does by itself and Python does not, as functions for translated hooks.

A translation has a copy of those that it calls, so that it needs nothing of claimhooks but the
contract. The modules here are only read, never imported.
"""

from __future__ import annotations

from typing import Any

Value = Any
"""What a variable of JavaScript may hold."""
