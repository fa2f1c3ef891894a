"""The OpenAPI document of the issuer is valid, whole, and true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette
from starlette.routing import Route

from claimhooks.issuer.answers import ErrorStyle
from claimhooks.issuer.openapi import DENIALS, document
from claimhooks.issuer.parts import TOKEN_PATH
from claimhooks.issuer.refusals import WrongMethod, catalogue
from issuing import ISSUER, Served, in_process, prepare, served

STYLES = get_args(ErrorStyle)


def answers(style: ErrorStyle) -> dict[str, Any]:
    """Those of the token endpoint, by status."""
    paths: Any = document(ISSUER, style)["paths"]
    found: dict[str, Any] = paths[TOKEN_PATH]["post"]["responses"]
    return found


def errors(answer: Any) -> list[str]:
    """The OAuth errors that an answer may hold."""
    found: list[str] = answer["content"]["application/json"]["schema"]["properties"]["error"][
        "enum"
    ]
    return found


@pytest.mark.parametrize("style", STYLES)
def test_it_is_valid(style: ErrorStyle) -> None:
    openapi_spec_validator.validate(document(ISSUER, style))


def test_it_is_served_and_lists_every_route(tmp_path_factory: pytest.TempPathFactory) -> None:
    with in_process(prepare(tmp_path_factory.mktemp("issuer"))) as client:
        found = client.get("/openapi.json")
        app = client.app
    assert found.json() == document(ISSUER, "rfc6749")
    assert isinstance(app, Starlette)
    assert {route.path for route in app.routes if isinstance(route, Route)} == {
        *found.json()["paths"]
    }


@pytest.mark.parametrize("style", STYLES)
def test_it_has_every_refusal_of_the_issuer(style: ErrorStyle) -> None:
    found = answers(style)
    for refusal in set(catalogue()) - {WrongMethod}:
        answer = (style == "auth0" and refusal.auth0) or refusal
        assert answer.error in errors(found[str(answer.status)]), refusal


def test_it_has_every_denial_of_hooks() -> None:
    found = answers("rfc6749")
    for denial in DENIALS:
        assert denial.error in errors(found[str(denial.status)])


# schemathesis ------------------------------------------------------------------------------------

FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
UNKNOWABLE: list[Any] = [positive_data_acceptance]
"""Whether a request is granted is up to the registry, which the document cannot tell."""


@pytest.fixture(scope="module")
def auth0(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("auth0")
    with served(prepare(folder, error_style="auth0")) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(prepare(tmp_path_factory.mktemp("issuer"))) as issuer:
        yield issuer


api, auth0_api = (schemathesis.openapi.from_dict(document(ISSUER, style)) for style in STYLES)


@pytest.mark.slow
@api.parametrize()
@FEW
def test_whatever_is_asked_is_answered_as_documented(
    case: schemathesis.Case[Any], issuer: Served
) -> None:
    case.call_and_validate(base_url=issuer.address, excluded_checks=UNKNOWABLE)


@pytest.mark.slow
@api.include(path=TOKEN_PATH).parametrize()
@FEW
def test_whatever_a_known_client_asks_is_answered_as_documented(
    case: schemathesis.Case[Any], issuer: Served
) -> None:
    if isinstance(case.body, dict):
        case.body |= issuer.form()
    case.call_and_validate(base_url=issuer.address, excluded_checks=UNKNOWABLE)


@pytest.mark.slow
@auth0_api.include(path=TOKEN_PATH).parametrize()
@FEW
def test_the_other_dialect_is_as_documented(case: schemathesis.Case[Any], auth0: Served) -> None:
    if isinstance(case.body, dict):
        case.body |= auth0.form(audience=None)
    case.call_and_validate(base_url=auth0.address, excluded_checks=UNKNOWABLE)
