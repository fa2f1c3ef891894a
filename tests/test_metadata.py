"""Where clients and APIs find the metadata and the keys of an issuer, and what stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from claimhooks.issuer.parts import JWKS_PATH, TOKEN_PATH
from issuing import Prepared, in_process, prepare, verifier

if TYPE_CHECKING:
    from starlette.testclient import TestClient

METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
TENANT = "https://issuer.example/tenants/acme%20inc/"
PATH = "/tenants/acme%20inc"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("issuer"))


@pytest.fixture(scope="module")
def http(prepared: Prepared) -> Iterator[TestClient]:
    with in_process(prepared, TENANT) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(METADATA + PATH, id="RFC 8414 §3.1"),
        pytest.param(PATH + OPENID, id="OpenID Connect Discovery 1.0 §4"),
        pytest.param(OPENID + PATH, id="RFC 8414 §5"),
        pytest.param(f"{METADATA}{PATH}/", id="with the slash of the issuer"),
        pytest.param(METADATA, id="behind something that takes the path away"),
        pytest.param(OPENID, id="behind something that takes the path away, OpenID"),
    ],
)
def test_the_metadata_of_an_issuer_with_a_path_is_where_it_is_looked_for(
    http: TestClient, path: str
) -> None:
    found = http.get(path)
    assert found.status_code == 200
    assert found.json()["issuer"] == TENANT


def test_all_that_the_metadata_names_is_there(http: TestClient, prepared: Prepared) -> None:
    metadata = http.get(METADATA + PATH).json()
    token = http.post(metadata["token_endpoint"], data=prepared.form()).json()["access_token"]
    assert http.get(metadata["jwks_uri"]).json() == http.get(JWKS_PATH).json()
    assert verifier(http, issuer=TENANT).verify(token)["iss"] == TENANT


@pytest.mark.parametrize("path", [TOKEN_PATH, f"/oauth{TOKEN_PATH}"])
def test_the_path_of_an_issuer_may_be_that_of_its_token_endpoint(
    prepared: Prepared, path: str
) -> None:
    with in_process(prepared, "https://issuer.example/oauth/") as http:
        assert http.post(path, data=prepared.form()).status_code == 200


@pytest.mark.parametrize("path", [f"{METADATA}/tenants", f"/tenants{OPENID}", PATH, f"{PATH}/"])
def test_there_is_nothing_at_the_path_of_another_issuer(http: TestClient, path: str) -> None:
    assert http.get(path).status_code == 404
    assert http.post(f"/tenants{TOKEN_PATH}").status_code == 404


def test_an_issuer_without_a_path_has_no_metadata_elsewhere(prepared: Prepared) -> None:
    with in_process(prepared) as http:
        assert http.get(f"{METADATA}/").status_code == 404


def test_the_metadata_names_the_algorithms_of_all_keys(http: TestClient) -> None:
    """Some verifiers refuse tokens that are signed with another one."""
    keys = http.get(JWKS_PATH).json()["keys"]
    named = http.get(METADATA).json()["id_token_signing_alg_values_supported"]
    assert {*named} == {key["alg"] for key in keys}
