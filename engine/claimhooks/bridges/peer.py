"""What a bridge has to know of a peer: one subclass, in one file, for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from claimhooks.bridges.caller import caller_of
from claimhooks.bridges.capabilities import Unsupported, unsupported
from claimhooks.bridges.refusals import Malformed, NotAllowed
from claimhooks.exchange import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from claimhooks.bridges.caller import Caller
    from claimhooks.bridges.capabilities import Capabilities
    from claimhooks.bridges.effects import Effects
    from claimhooks.bridges.refusals import Refusal
    from claimhooks.exchange import Client, Denial
    from claimhooks.serving.call import Answer, Call
    from claimhooks.settings import Caller as Kind
    from claimhooks.settings import PeerName, Settings

CLIENT_CREDENTIALS: Final = "client_credentials"
UNTOLD: Final = "the call tells of no lifetime that another could take the place of"

Message = TypeVar("Message")
Model = TypeVar("Model", bound=BaseModel)


class Lenient(BaseModel):
    """A part of a peer's message: fields that we do not know come with the peer's releases."""

    model_config = ConfigDict(extra="ignore")


def parsed(model: type[Model], body: bytes) -> Model:
    """The `model` that is written in `body`. Raises Malformed, without repeating any of it."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Malformed(f"the body is not what this peer sends: {mistake(error)}") from None


def mistake(error: ValidationError) -> str:
    """The first mistake: where it is, and what, without any value of the input."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"][:8])) or "all of it"
    return f"{place}: {first['msg']}"


@dataclass(slots=True, kw_only=True)
class Asked(Generic[Message]):
    """What a peer asks about: one token of the client-credentials grant."""

    message: Message
    """The peer's own, for `Peer.granted`."""
    client_id: str
    call_id: str | None = None
    """The peer's own: the same if it calls again for the same token; None: it has none."""
    audiences: Sequence[str] = ()
    """Who the token will be for."""
    issuer: str = ""
    """Who is about to issue it: the audience where there is no other."""
    scope: Sequence[str] = ()
    """The scopes that have been granted."""
    requested_scope: Sequence[str] | None = None
    params: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    """Parameters of the token request, without credentials."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers of the token request, without credentials."""
    ip: str | None = None
    client: Client | None = None
    """What the peer tells of the client besides its id."""
    claims: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    """Custom claims that the token has anyway."""
    lifetime: int | None = None
    """Seconds that the token has to live; None: the peer does not tell."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A call about another grant than client credentials: no hook has anything to say to it."""

    reason: str


class Peer(ABC, Generic[Message]):
    """One kind of issuer: reads its calls, and writes the answers that it understands.

    Stateless: what belongs to one call is in its :class:`Asked`.
    """

    name: ClassVar[PeerName]
    title: ClassVar[str]
    """As its vendor calls it."""
    capabilities: ClassVar[Capabilities]
    deadline: ClassVar[float]
    """Seconds for a whole call: less than the peer waits."""
    callers: ClassVar[tuple[Kind, ...]]
    """How this peer can authenticate itself, as named in its settings. None at all: it calls no
    URL, and its module says how it is answered instead."""

    def caller(self, settings: Settings) -> Caller:
        """What proves a call to be of this peer. Raises :class:`~claimhooks.errors.LoadError`."""
        return caller_of(self.name, self.callers, settings)

    @abstractmethod
    def read(self, call: Call) -> Asked[Message] | Passed:
        """What is asked by a call that has been proven. Raises Refusal."""

    def refusal_of_claim(self, name: str) -> str | None:  # noqa: ARG002
        """Why no hook can set a claim of this name here, whatever the call; None: it can."""
        return None

    def unsupported(self, asked: Asked[Message], effects: Effects) -> Iterator[Unsupported]:
        """What of `effects` cannot be carried into this very token."""
        yield from unsupported(effects, self.capabilities)
        if self.capabilities.lifetime and effects.lifetime is not None and asked.lifetime is None:
            yield Unsupported("lifetime", f"{effects.lifetime} s", UNTOLD)
        for name in effects.claims:
            if (reason := self.refusal_of_claim(name)) is not None:
                yield Unsupported("claim", name, reason)

    @abstractmethod
    def granted(self, asked: Asked[Message], effects: Effects) -> Answer:
        """The token is to be issued with `effects`, all of which are supported."""

    @abstractmethod
    def passed(self) -> Answer:
        """The token of another grant is to be issued as it is."""

    @abstractmethod
    def denied(self, denial: Denial) -> Answer:
        """No token is to be issued, because a hook or the operator says so."""

    @abstractmethod
    def fault(self) -> Answer:
        """No token is to be issued, because something has failed here."""

    @abstractmethod
    def refused(self, refusal: Refusal) -> Answer:
        """No token is to be issued, because of the call itself."""


def audience_of(asked: Asked[Message], default: str | None) -> str:
    """The one audience that hooks are asked about. Raises NotAllowed.

    A client's own id says nothing beside another audience. Hooks are told of one audience, and
    those that are for another would be left out: a token for several is refused.
    """
    found = asked.audiences
    if len(found) > 1:
        found = [one for one in dict.fromkeys(found) if one != asked.client_id]
    if len(found) > 1:
        raise NotAllowed(f"a token for several audiences: {', '.join(found[:4])}")
    audience = next(iter(found), default or asked.issuer)
    if not audience:
        raise NotAllowed("a token for no audience: set one in the settings of the bridge")
    return audience


def texts(aud: JsonValue) -> list[str]:
    """The audiences in a claim ``aud``: text, or a list of it (RFC 7519 §4.1.3). Raises Malformed.

    One that is left out would have hooks asked about another.
    """
    found = aud if isinstance(aud, list) else [aud] if aud is not None else []
    if not all(isinstance(one, str) for one in found):
        raise Malformed("the claim aud is neither text nor a list of it")
    return [one for one in cast("list[str]", found) if one]


def parameters(params: Mapping[str, Sequence[str]]) -> dict[str, JsonValue]:
    """Parameters as hooks see them: one value as text, several as a list, and no credentials."""
    return without_credentials(
        {name: values[0] if len(values) == 1 else [*values] for name, values in params.items()}
    )
