"""For tests of hooks: exchanges with good defaults, and assertions about what becomes of them.

With any test framework; pytest has them as fixtures too (:mod:`pytest_claimhooks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from claimhooks.exchange import DEFAULT_TOKEN_LIFETIME, Api, Client, Exchange, RequestContext
from claimhooks.expectation import Expect, failures
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import JsonValue

    from claimhooks.exchange import Outcome

AUDIENCE: Final = "https://api.example/"
NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When exchanges take place if they do not say: always the same, so that outcomes are."""


class ExchangeBuilder:
    """Makes exchanges: of a usual client, but for what is said."""

    def __call__(
        self,
        *,
        client_id: str = "orders-worker",
        tenant: str | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        scope: Iterable[str] = ("orders:read",),
        audience: str = AUDIENCE,
        api_scopes: Iterable[str] = (),
        token_lifetime: int = DEFAULT_TOKEN_LIFETIME,
        params: Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] | None = None,
        now: datetime = NOW,
    ) -> Exchange:
        """An exchange. The API defines its `scope`, and `api_scopes` that hooks may add to it."""
        __tracebackhide__ = True
        for name, scopes in {"scope": scope, "api_scopes": api_scopes}.items():
            if isinstance(scopes, str):  # which would be taken for a scope a letter
                raise TypeError(f"{name}: must be a list, not text")
        scope = tuple(scope)
        return Exchange(
            client=Client(id=client_id, tenant=tenant, metadata=dict(metadata or {})),
            audience=audience,
            scope=scope,
            api=Api(
                identifier=audience,
                scopes=tuple(dict.fromkeys((*scope, *api_scopes))),
                token_lifetime=token_lifetime,
            ),
            request=RequestContext(params=dict(params or {}), headers=dict(headers or {})),
            now=now,
        )


exchange: Final = ExchangeBuilder()


def granted(
    outcome: Outcome,
    *,
    scope: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    claims: Mapping[str, JsonValue] | None = None,
    claims_like: Mapping[str, Mapping[str, JsonValue]] | None = None,
    expires_in: int | None = None,
) -> None:
    """Assert that `outcome` is granted, with this in the token; None may be anything.

    All are as in the `expect` of a sample: `scope` is a list, or says what it ``contains`` and what
    is ``absent``; `claims` are all custom claims but for those in `claims_like`.
    """
    __tracebackhide__ = True
    given = {
        "scope": dict(scope) if isinstance(scope, Mapping) else scope,
        "claims": None if claims is None else dict(claims),
        "claims_like": claims_like and {name: dict(like) for name, like in claims_like.items()},
        "expires_in": expires_in,
    }
    check(_expect(given | {"status": "granted"}), outcome)


def denied(outcome: Outcome, *, error: str | None = None, description: str | None = None) -> None:
    """Assert that a hook denied, with this OAuth `error` and `description`."""
    __tracebackhide__ = True
    check(_expect({"status": "denied", "error": error}), outcome)
    if description is not None:
        code = "" if outcome.error is None else outcome.error.error
        error_and_text = {"error": error or code, "error_description": description}
        check(_expect({"error": error_and_text}), outcome)


def check(expect: Expect, outcome: Outcome) -> None:
    """Raise AssertionError with all that is not as expected, and which hooks denied or failed."""
    __tracebackhide__ = True
    if differences := expect.differences(outcome):
        lines = [line for difference in differences for line in difference.lines()]
        lines += [f"! {why}" for why in failures(outcome)]
        raise AssertionError("\n  ".join(["the outcome is not as expected", *lines]))


def _expect(given: Mapping[str, object]) -> Expect:
    __tracebackhide__ = True
    try:
        return Expect.model_validate(given)
    except ValidationError as error:
        reasons = "; ".join(reason for _, reason in explain(error, Expect))
        raise TypeError(reasons) from None
