"""One call of a peer, from the first byte to the answer: the way of the data, for any peer."""

from __future__ import annotations

import logging
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import ValidationError

from claimhooks.bridges.effects import Effects
from claimhooks.bridges.event import Event
from claimhooks.bridges.peer import Passed, audience_of, mistake
from claimhooks.bridges.refusals import (
    Malformed,
    NotAllowed,
    Refusal,
    Unavailable,
    WrongType,
)
from claimhooks.bridges.repeats import Repeats, key_of
from claimhooks.errors import AccessDenied, LoadError, ServerError
from claimhooks.exchange import Api, Client, Denial, Exchange, RequestContext
from claimhooks.serving.call import Call, CallerGone
from claimhooks.serving.events import Events
from claimhooks.serving.patience import within

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from claimhooks.bridges.caller import Caller
    from claimhooks.bridges.clients import Clients, Known
    from claimhooks.bridges.peer import Asked, Peer
    from claimhooks.errors import Problem
    from claimhooks.exchange import Outcome
    from claimhooks.runtime import Runtime
    from claimhooks.serving.call import Answer

_log: Final = logging.getLogger(__name__)


class Bridge:
    """Answers the calls of one peer with the hooks of a runtime. For one event loop."""

    def __init__(
        self, peer: Peer[Any], runtime: Runtime, clients: Clients, caller: Caller | None = None
    ) -> None:
        """Without a `caller` the settings tell how calls are proven.

        Raises :class:`~claimhooks.errors.LoadError` if they do not.
        """
        self.peer: Final = peer
        self.runtime: Final = runtime
        self.clients: Final = clients
        self.events = Events()
        self._lane = runtime.lane.lane
        self._under_way = 0
        self._repeats = Repeats()
        self._settings = runtime.generation.settings
        self._table = self._settings.of_bridge(peer.name)
        self._caller = caller or peer.caller(self._settings)
        self._problems: tuple[Problem, ...] = ()

    @property
    def under_way(self) -> int:
        """How many calls of the peer are being decided."""
        return self._under_way

    @property
    def is_ready(self) -> bool:
        """Whether calls can be answered."""
        return self.clients.is_ready

    @property
    def registry_problems(self) -> tuple[Problem, ...]:
        """Why the registry's file, as it is now, is not in use."""
        return self.clients.problems

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the settings of the bridge, as they are now, are not in use."""
        return self._problems

    @property
    def about(self) -> dict[str, object]:
        """What is told of a bridge besides."""
        return {"peer": self.peer.name}

    async def answer(
        self, call: Call | Coroutine[Any, Any, Call], event: Event | None = None
    ) -> Answer:
        """The answer to a call, which may be just coming, within the peer's deadline.

        `event` is told what becomes of it. Raises CallerGone if there is nobody any more to answer.
        """
        event = event or Event(self.peer.name)
        try:
            try:
                answer = await within(self.peer.deadline, self._answer(call, event))
            except CallerGone:
                event.reason = "the caller has gone away"
                raise
            except Exception as error:  # noqa: BLE001 - the peer must be told no, and nobody why
                answer = self._no(error, event)
            event.status = answer.status
            return answer
        finally:
            event.finish()
            self.events.add(event)

    async def _answer(self, call: Call | Coroutine[Any, Any, Call], event: Event) -> Answer:
        if not isinstance(call, Call):
            call = await call
        event.received = perf_counter_ns()
        self._follow_settings()
        call = await self._caller.prove(call)
        event.proven = perf_counter_ns()
        # Only now: who is nobody takes no place from the peer.
        if self._under_way >= self._settings.server.concurrency:
            raise Unavailable("all places are taken")
        self._under_way += 1
        try:
            return await self._decided(call, event)
        finally:
            self._under_way -= 1

    async def _decided(self, call: Call, event: Event) -> Answer:
        peer = self.peer
        _require_json(call)
        try:
            asked = peer.read(call)
        except ValidationError as error:
            raise Malformed(f"no client is like that: {mistake(error)}") from None
        if isinstance(asked, Passed):
            event.outcome, event.reason = "passed", asked.reason
            return peer.passed()
        event.is_about(asked.client_id, asked.scope)
        audience = audience_of(asked, self._table.audience)
        known = await self.clients.known(asked.client_id, audience)
        key, repeats = None, self._repeats
        # Only now: a client that has been disabled since gets no answer of before.
        if asked.call_id is not None:
            key = key_of(asked.call_id, call.body, self.runtime.generation.digest)
            if (given := repeats.find(key)) is not None:
                event.outcome, event.repeated = given.outcome, True
                return given.answer
        exchange = _exchange(asked, known, audience)
        event.exchanged(exchange, self._lane)
        outcome = await self.runtime.arun(exchange)
        event.decided(outcome)
        answer = self._encoded(asked, exchange, outcome, event)
        if key is not None and outcome.status != "fault":
            repeats.keep(key, answer, event.outcome)
        return answer

    def _no(self, error: Exception, event: Event) -> Answer:
        """The answer to a call that no token comes of, because of `error`."""
        if isinstance(error, NotAllowed):
            event.error, event.reason = AccessDenied.error, error.reason
            return self.peer.denied(Denial(AccessDenied.error, error.text, AccessDenied.status))
        if isinstance(error, Refusal):
            event.reason = error.reason
            return self.peer.refused(error).with_headers(*error.headers)
        event.outcome, event.error = "fault", ServerError.error
        if isinstance(error, TimeoutError):
            event.reason = f"there was no answer after {self.peer.deadline:g} s"
        else:
            _log.error("call %s", event.trace, exc_info=error)
            event.reason = "a mistake of claimhooks: see the traceback in the log"
        return self.peer.fault()

    def _encoded(
        self, asked: Asked[Any], exchange: Exchange, outcome: Outcome, event: Event
    ) -> Answer:
        if outcome.status == "fault":
            return self.peer.fault()
        if outcome.status == "denied":
            return self.peer.denied(cast("Denial", outcome.error))
        effects = Effects.of(exchange, outcome, asked.claims, asked.lifetime)
        if effects and (found := [*self.peer.unsupported(asked, effects)]):
            event.found_unsupported(found)
            if self._table.on_unsupported == "deny":
                event.outcome, event.scope = "unsupported", None
                raise NotAllowed("hooks ask for what this peer cannot do")
            effects = effects.without(found)
            event.scope = effects.scope_after(exchange.scope)
        return self.peer.granted(asked, effects)

    def _follow_settings(self) -> None:
        """Use the settings as they are now; those that cannot be used are told once."""
        latest = self.runtime.generation.settings
        if latest is self._settings:
            return
        self._settings = latest
        # What was answered under other settings is not answered again.
        self._repeats = Repeats()
        table = latest.of_bridge(self.peer.name)
        if table == self._table and table.jwt is not None and "://" in table.jwt.jwks:
            # A key set that has been fetched is not thrown away.
            self._problems = ()
            return
        try:
            self._caller = self.peer.caller(latest)
        except LoadError as error:
            _log.warning("the bridge stays as it was:\n%s", error)
            self._problems = error.problems
        else:
            self._table, self._problems = table, ()


def _require_json(call: Call) -> None:
    """Raise WrongType unless the body is said to be JSON."""
    for value in call.all(b"content-type"):
        if value.partition(b";")[0].strip().lower() == b"application/json":
            return
    raise WrongType


def _exchange(asked: Asked[Any], known: Known, audience: str) -> Exchange:
    """The exchange that hooks run over, as the issuer would make it. Raises Malformed."""
    requested = asked.requested_scope
    try:
        return Exchange(
            client=known.client if asked.client is None else _client(asked.client, known.client),
            audience=audience,
            scope=tuple(asked.scope),
            grant=known.grant,
            api=_api(asked, known, audience),
            request=RequestContext(
                params={**asked.params},
                headers={**asked.headers},
                ip=asked.ip,
                requested_scope=None if requested is None else tuple(requested),
            ),
        )
    except ValidationError as error:
        raise Malformed(f"no exchange can be made of the call: {mistake(error)}") from None


def _client(told: Client, known: Client) -> Client:
    """The client as the registry has it, and for the rest as the peer tells of it."""
    return Client(
        id=known.id,
        name=known.name or told.name,
        tenant=known.tenant or told.tenant,
        metadata={**told.metadata, **known.metadata},
    )


def _api(asked: Asked[Any], known: Known, audience: str) -> Api | None:
    """The API as the registry has it; its tokens live as long as the peer tells."""
    lifetime = asked.lifetime or known.lifetime
    api = known.api
    if api is None and lifetime is None:
        return None
    return Api(
        identifier=audience,
        name=None if api is None else api.name,
        scopes=() if api is None else tuple(api.scopes),
        **({} if lifetime is None else {"token_lifetime": lifetime}),
    )
