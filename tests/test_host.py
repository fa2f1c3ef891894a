"""The Host header of HTTP/1.1, which says whom a request is for (RFC 9112 §3.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from issuing import Served, form_request, prepare, send, served


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An issuer that runs."""
    with served(prepare(tmp_path_factory.mktemp("issuer"))) as issuer:
        yield issuer


def status(issuer: Served, *hosts: str, version: str = "1.1") -> int:
    """What a token request is answered that has these Host headers."""
    lines = "".join(f"Host: {host}\r\n" for host in hosts).encode()
    sent = form_request(issuer.form()).replace(b"Host: issuer.example\r\n", lines)
    sent = sent.replace(b"HTTP/1.1", f"HTTP/{version}".encode())
    (answer,) = send(issuer.port, sent)
    if answer.status != 200:
        assert json.loads(answer.body)["error"] == "invalid_request"
        assert "Host" in json.loads(answer.body)["error_description"]
    return answer.status


@pytest.mark.parametrize(
    "host", ["issuer.example", "issuer.example:8443", "127.0.0.1:80", "[::1]:8080", "[::1]", ""]
)
def test_one_host_is_enough(issuer: Served, host: str) -> None:
    assert status(issuer, host) == 200


def test_none_is_too_few_and_two_are_too_many(issuer: Served) -> None:
    assert status(issuer) == 400
    assert status(issuer, "issuer.example", "issuer.example") == 400


@pytest.mark.parametrize("host", ["a b", "user@issuer.example", "a/b", "issuer.example:x", "[::1"])
def test_what_is_no_host_is_refused(issuer: Served, host: str) -> None:
    assert status(issuer, host) == 400


def test_http_1_0_needs_none_but_two_are_too_many_there_as_well(issuer: Served) -> None:
    assert status(issuer, version="1.0") == 200
    assert status(issuer, "a", "b", version="1.0") == 400


def test_a_refused_request_ends_its_connection(issuer: Served) -> None:
    sent = form_request(issuer.form()).replace(b"Host: issuer.example\r\n", b"")
    assert [answer.status for answer in send(issuer.port, sent * 2)] == [400]
