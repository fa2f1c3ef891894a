"""Every way in which a bridge refuses a call before the hooks have been asked, or in spite of them.

How a refusal is written is the peer's own affair: see `Peer.refused` and `Peer.denied`.
"""

from __future__ import annotations

from typing import ClassVar

from claimhooks.errors import ClaimhooksError
from claimhooks.serving.call import CLOSE


class Refusal(ClaimhooksError):
    """A call that no token may come of. `reason` is for the log, `text` for the caller."""

    status: ClassVar[int] = 400
    """The HTTP status for peers that stop at any."""
    headers: ClassVar[tuple[tuple[bytes, bytes], ...]] = ()
    """Of the answer, besides those that the peer wants."""
    text: ClassVar[str] = "the call cannot be understood"

    def __init__(self, reason: str = "") -> None:
        self.reason = reason or self.text
        super().__init__(self.reason)


class NotAuthenticated(Refusal):
    """The caller has not proven to be the peer: all ways look the same from outside."""

    status = 401
    text = "the caller is not authenticated"


class Malformed(Refusal):
    """The call is not one of this peer, or says what cannot be."""


class WrongMethod(Refusal):
    """RFC 9110 §15.5.6."""

    status = 405
    text = "a token hook is called by POST"
    headers = ((b"allow", b"POST"),)


class TooSlow(Refusal):
    """RFC 9110 §15.5.9."""

    status = 408
    text = "the call did not arrive in time"
    headers = (CLOSE,)


class TooLarge(Refusal):
    """RFC 9110 §15.5.14."""

    status = 413
    text = "the call is too large"
    headers = (CLOSE,)


class WrongType(Refusal):
    """RFC 9110 §15.5.16."""

    status = 415
    text = "the content type must be application/json"


class Unavailable(Refusal):
    """The bridge is full, or something that it needs is gone for the moment."""

    status = 503
    text = "try again in a moment"


class NotAllowed(Refusal):
    """The call is the peer's, but the token must not be issued: a denial, not an error."""

    status = 403
    text = "the token cannot be issued as it would have to be"


class UnknownClient(NotAllowed):
    """The registry does not know the client, or has it disabled."""

    text = "the client is not known"
