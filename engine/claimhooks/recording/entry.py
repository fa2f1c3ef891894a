"""One line of a recording: an exchange, and the outcome that it had."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from claimhooks.exchange import Exchange, Table, Text  # noqa: TC001 - pydantic reads them

VERSION: Final = 1


class RecordedError(BaseModel):
    """The OAuth error that the client was answered (RFC 6749 §5.2)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    error: Text
    error_description: Text


class RecordedOutcome(BaseModel):
    """What an outcome says, without its trace."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    status: Literal["granted", "denied", "fault"]
    generation: Text
    """The digest of the hooks that ran."""
    scope: list[Text]
    claims: Table
    expires_in: int | None
    error: RecordedError | None


class Entry(BaseModel):
    """One line."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    claimhooks: Literal[1]
    """The version of this format."""
    at: AwareDatetime = Field(strict=False)
    """When the outcome was written."""
    exchange: Exchange
    """Its `now` is what the hooks saw."""
    outcome: RecordedOutcome
