"""From an exchange and its outcome to the line that is written of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic_core import from_json, to_json

from claimhooks.exchange import Exchange
from claimhooks.recording.entry import VERSION

if TYPE_CHECKING:
    from claimhooks.exchange import Outcome
    from claimhooks.recording.hiding import Hiding
    from claimhooks.secret import Redactor

# Of a sample, too, only what belongs to an exchange.
_exchange_json: Final = Exchange.__pydantic_serializer__.to_json


def dated(exchange: Exchange) -> Exchange:
    """`exchange` with the time that its hooks see, so that the same can be recorded."""
    if exchange.now is not None:
        return exchange
    return exchange.model_copy(update={"now": datetime.now(UTC)})


def line_of(exchange: Exchange, outcome: Outcome) -> bytes:
    """The line of `exchange`, before anything in it is hidden."""
    error = outcome.error
    told = {
        "status": outcome.status,
        "generation": outcome.generation,
        "scope": outcome.scope,
        "claims": outcome.claims,
        "expires_in": outcome.expires_in,
        "error": error and {"error": error.error, "error_description": error.error_description},
    }
    head = to_json({"claimhooks": VERSION, "at": datetime.now(UTC), "outcome": told})
    return b'%b,"exchange":%b}\n' % (head[:-1], _exchange_json(exchange, exclude_none=True))


def hidden(line: bytes, hiding: Hiding, redactor: Redactor) -> bytes:
    """`line` as it may be kept. NaN and the infinities, which are not JSON, become null."""
    if not (hiding or redactor or b"NaN" in line or b"Infinity" in line):
        return line
    entry = from_json(line)
    hiding.hide(entry, redactor)
    return to_json(entry, inf_nan_mode="null") + b"\n"
