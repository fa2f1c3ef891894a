"""What goes between a runtime and its workers: frames of JSON over a socket pair.

Nothing that comes from a worker is ever unpickled, and all of it is validated: a hook may have
taken the worker over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from claimhooks.exchange import Denial, Exchange, HookError  # noqa: TC001 - pydantic reads them

MAX_REPLY: Final = 1024 * 1024
"""Bytes. Custom claims may take a tenth of it."""
MAX_OUTPUT: Final = 4096
"""Characters of what hooks print that are kept for each exchange."""

_HEAD: Final = struct.Struct("!II")
_unpack: Final = _HEAD.unpack_from
_pack: Final = _HEAD.pack
_HEAD_SIZE: Final = _HEAD.size


class Garbled(Exception):
    """The other end has sent what it never should."""


def frame(number: int, body: bytes) -> bytes:
    """`body` as it is sent; `number` is that of the exchange, 0 before the first."""
    return _pack(len(body), number) + body


class Inbox:
    """Cuts what a stream brings into frames."""

    def __init__(self, limit: int = 2**32) -> None:
        """A frame of more than `limit` bytes is :class:`Garbled`."""
        self._limit = limit
        self.rest = b""
        """What there is of the next frame."""

    def add(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames, as (number, body), that `data` completes. Raises :class:`Garbled`."""
        if self.rest:
            data = self.rest + data
        frames: list[tuple[int, bytes]] = []
        start, size = 0, len(data)
        while size - start >= _HEAD_SIZE:
            length, number = _unpack(data, start)
            if length > self._limit:
                raise Garbled(f"a frame of {length:,} bytes")
            end = start + _HEAD_SIZE + length
            if end > size:
                break
            frames.append((number, data[start + _HEAD_SIZE : end]))
            start = end
        self.rest = data[start:]
        return frames


# To the worker ----------------------------------------------------------------------------------


class Reached(BaseModel):
    """What the chain has reached before this round trip."""

    model_config = ConfigDict(frozen=True)

    scope: list[str]
    claims: dict[str, JsonValue]
    claims_bytes: int
    expires_in: int


class Request(BaseModel):
    """Run these hooks, by their places in the generation, over this exchange."""

    model_config = ConfigDict(frozen=True)

    hooks: tuple[int, ...]
    now: AwareDatetime
    limit: float
    """Seconds that they may wait together."""
    reached: Reached | None
    """None: this is the start of the chain."""
    exchange: Exchange


# From the worker --------------------------------------------------------------------------------

_Micros = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(slots=True)
class Answered:
    """What came of asking one hook."""

    micros: _Micros
    value: dict[str, JsonValue] | None = None
    unwritable: dict[str, str] = field(default_factory=dict[str, str])
    """Keys of `value` whose values are no JSON → why not."""
    error: HookError | None = None
    denial: Denial | None = None


@dataclass(slots=True)
class Reply:
    """The end of one round trip."""

    answers: dict[str, Answered]
    """By the names of the hooks that were asked."""
    output: str = ""
    """What was printed meanwhile."""
    is_worn: bool = False
    """Whether something was left behind that a worker should not go on with."""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """What the hooks have taken, as the worker says; then what the round trip has."""


Argument = Literal["client", "scope", "audience", "context"]
Rank = Literal[-1, 0, 1]


@dataclass(frozen=True, slots=True)
class FoundHook:
    """A hook, as loading has found it."""

    name: str
    arguments: tuple[Argument, ...]
    rank: Rank
    is_async: bool
    line: int | None = None


@dataclass(frozen=True, slots=True)
class FoundProblem:
    """A :class:`~claimhooks.errors.Problem`, as loading has found it."""

    code: str
    file: str
    reason: str
    remedy: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Loading:
    """How far loading has come: each report says one of these."""

    layers: list[str] | None = None
    """First: the layers of the sandbox that are in force."""
    begun: str | None = None
    """Then: the hook that is about to be imported."""
    hooks: list[FoundHook] | None = None
    """Last: what was found, …"""
    problems: list[FoundProblem] | None = None
    """… or what is wrong."""
    possible: list[str] | None = None
    """Instead of all that, from a self-test: the forbidden acts that were possible."""


REQUEST: Final = TypeAdapter(Request)
REPLY: Final = TypeAdapter(Reply)
ANSWERED: Final = TypeAdapter(Answered)
LOADING: Final = TypeAdapter(Loading)
