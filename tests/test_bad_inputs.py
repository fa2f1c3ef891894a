"""Bad input at the token endpoint, and its right answer; some of it over a bare socket."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import jwt
import pytest

from claimhooks.issuer import token_endpoint
from claimhooks.issuer.assertion import ASSERTION_TYPE
from claimhooks.serving.connection import MAX_HEADERS, MAX_MESSAGE, MAX_WAITING
from claimhooks.token import SigningKey
from issuing import (
    ISSUER,
    JSON,
    UNGRANTED,
    Answer,
    Served,
    basic,
    form_request,
    head,
    in_process,
    json_request,
    prepare,
    request,
    send,
    served,
)

if TYPE_CHECKING:
    from starlette.types import Message

RFC_TEXT = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
STRANGER = SigningKey.generate("ES256")
FAR = 50 * 365 * 86_400

Right = tuple[int, str | None]
"""A status and an error."""
OK: Right = (200, None)
MALFORMED: Right = (400, "invalid_request")
UNPROVEN: tuple[Right, Right] = ((401, "invalid_client"), (401, "access_denied"))
BAD_SCOPE: Right = (400, "invalid_scope")
TOO_LARGE: Right = (413, "invalid_request")


@dataclass(frozen=True)
class Case:
    """What is sent, and the right answer to the last of it in each dialect."""

    name: str
    sent: Callable[[Served], bytes | Sequence[bytes]]
    right: Right
    auth0: Right | None = None
    """None: the same."""
    may_close: bool = False
    """Whether closing the connection without an answer is right as well."""


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: issuer.example\r\n\r\n"


def kept(sent: bytes) -> bytes:
    """The same request, after which the connection goes on."""
    return sent.replace(b"Connection: close\r\n", b"")


def unproven(name: str, sent: Callable[[Served], bytes | Sequence[bytes]]) -> Case:
    """A case in which nobody is authenticated."""
    return Case(name, sent, *UNPROVEN)


def form(**changes: str | None) -> Callable[[Served], bytes]:
    return lambda issuer: form_request(issuer.form(**changes))


def as_json(**changes: Any) -> Callable[[Served], bytes]:
    return lambda issuer: json_request({**issuer.form(), **changes})


def appended(more: bytes) -> Callable[[Served], bytes]:
    """A usual form and something after it."""
    return lambda issuer: request(form(audience=None)(issuer).partition(b"\r\n\r\n")[2] + more)


def literally(sent: bytes, *headers: str, kind: str = JSON) -> Callable[[Served], bytes]:
    return lambda _: request(sent, *headers, kind=kind)


def nested(depth: int) -> bytes:
    return b'{"x":' + b"[" * depth + b"]" * depth + b"}"


def with_basic(secret: str = "", **changes: str | None) -> Callable[[Served], bytes]:
    """Authenticates by a header, and by what `changes` put into the form besides."""
    without = {"client_id": None, "client_secret": None, **changes}
    return lambda issuer: form_request(
        issuer.form(**without), basic("worker", secret or issuer.secrets["worker"])
    )


def asserting(*, key: SigningKey | None = None, headers: Any = None, **claims: Any) -> Any:
    return lambda issuer: form_request(issuer.asserting(issuer.assertion(key, headers, **claims)))


def asserted(assertion: str, **changes: str | None) -> Callable[[Served], bytes]:
    return lambda issuer: form_request(issuer.asserting(assertion, **changes))


def part(content: object) -> str:
    """One part of a JWT."""
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


CLAIMS = {"iss": "partner", "sub": "partner", "aud": ISSUER, "jti": "x", "exp": 2**33}


def hmac_of_the_public_key(issuer: Served) -> bytes:
    key = json.dumps(issuer.key.public_jwk()) * 2
    return form_request(issuer.asserting(jwt.encode(CLAIMS, key, "HS256")))


def replayed(issuer: Served) -> Sequence[bytes]:
    return [form_request(issuer.asserting(issuer.assertion(jti="once")))] * 2


def in_any_case(issuer: Served) -> bytes:
    proof = basic("worker", issuer.secrets["worker"]).partition("Basic ")[2]
    sent = b"grant_type=client_credentials&audience=https%3A%2F%2Forders.example%2F"
    kind, length = "cOnTeNt-TyPe: Application/X-WWW-Form-URLencoded", f"CONTENT-LENGTH: {len(sent)}"
    return head(kind, length, f"aUTHORIZATION: bAsIc {proof}") + sent


def in_the_query(issuer: Served) -> bytes:
    secret = issuer.secrets["worker"]
    line = f"POST /oauth/token?client_id=worker&client_secret={secret} HTTP/1.1"
    return head("Content-Length: 0", line=line)


def both_lengths(issuer: Served) -> bytes:
    sent = form()(issuer).partition(b"\r\n\r\n")[2]
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent)
    kind = "Content-Type: application/x-www-form-urlencoded"
    return head(kind, f"Content-Length: {len(chunk)}", "Transfer-Encoding: chunked") + chunk


def two_authorizations(issuer: Served) -> bytes:
    proof = basic("worker", issuer.secrets["worker"])
    return form_request(issuer.form(client_id=None, client_secret=None), proof, proof)


def method_not_allowed(method: str) -> Case:
    sent = head(line=f"{method} /oauth/token HTTP/1.1")
    return Case(method, lambda _: sent, (405, "invalid_request"))


NOT_GRANTED: tuple[Right, Right] = ((400, "unauthorized_client"), (403, "access_denied"))
UNKNOWN_API: tuple[Right, Right] = ((400, "invalid_target"), (403, "access_denied"))
SEVERAL_APIS: Right = (400, "invalid_target")

ROWS = [
    Case("control: form body", form(), OK),
    Case("control: JSON body", as_json(), OK),
    Case("control: Basic", with_basic(), OK),
    Case(
        "control: charset parameter on the form type",
        lambda issuer: form_request(
            issuer.form(), kind="application/x-www-form-urlencoded; charset=UTF-8"
        ),
        OK,
    ),
    Case("control: JSON null means absent", as_json(organization=None, scope=None), OK),
    Case("control: unknown parameter ignored", form(colour="blue"), OK),
    Case("control: header names and scheme in any case", in_any_case, OK),
    Case("duplicate client_id", appended(b"&client_id=worker"), MALFORMED),
    Case("duplicate scope", appended(b"&scope=a&scope=b"), MALFORMED),
    Case("grant_type absent", form(grant_type=None), MALFORMED),
    Case("grant_type password", form(grant_type="password"), (400, "unsupported_grant_type")),
    unproven("NUL in client_id", form(client_id="wor\0ker")),
    Case("NUL in audience (JSON)", as_json(audience="https://orders\0.example/"), *UNKNOWN_API),
    Case("invalid UTF-8, raw, JSON", literally(b'{"grant_type":"\xff\xfe"}'), MALFORMED),
    Case("invalid UTF-8, raw, form", appended(b"&x=\xff\xfe"), MALFORMED),
    Case("invalid UTF-8, encoded, form", appended(b"&x=%ff%fe"), MALFORMED),
    unproven(
        "broken percent-encoding",
        literally(
            b"grant_type=client_credentials&client_id=%zz&client_secret=%4&audience=a",
            kind="application/x-www-form-urlencoded",
        ),
    ),
    Case("scope with quote", form(scope='orders:read "admin"'), BAD_SCOPE),
    Case("scope with non-ASCII", form(scope="orders:read ädmin"), BAD_SCOPE),
    Case("scope with NUL", form(scope="orders:read\0"), BAD_SCOPE),
    Case("100,000 scopes", form(scope="a " * 100_000), TOO_LARGE),
    Case(
        "10,000 scopes",
        form(scope=" ".join(map(str, range(10_000)))),
        BAD_SCOPE,
        (403, "access_denied"),
    ),
    Case("audience without a grant", form(audience=UNGRANTED), *NOT_GRANTED),
    unproven("wrong secret, Basic", with_basic("wrong")),
    Case("no authentication", form(client_id=None, client_secret=None), UNPROVEN[0]),
    Case("Basic and body secret", with_basic(client_secret="wrong"), MALFORMED),
    Case("two Authorization headers", two_authorizations, MALFORMED),
    unproven(
        "Basic, no colon",
        lambda issuer: form_request(
            issuer.form(client_id=None, client_secret=None), "Authorization: Basic d29ya2Vy"
        ),
    ),
    unproven(
        "Basic, no base64",
        lambda issuer: form_request(
            issuer.form(client_id=None, client_secret=None), "Authorization: Basic %%%"
        ),
    ),
    unproven(
        "Authorization of another scheme",
        lambda issuer: form_request(
            issuer.form(client_id=None, client_secret=None), "Authorization: Bearer abc"
        ),
    ),
    Case("credentials in the query string", in_the_query, MALFORMED),
    Case("JSON types: secret object {$ne:null}", as_json(client_secret={"$ne": None}), MALFORMED),
    Case("JSON types: audience array", as_json(audience=["https://orders.example/"]), MALFORMED),
    Case("JSON types: client_id number", as_json(client_id=1), MALFORMED),
    Case("JSON array body", literally(b"[]"), MALFORMED),
    Case("JSON cut short", literally(b'{"grant_type":"client_cre'), MALFORMED),
    Case("JSON nested 100,000 deep", literally(nested(100_000)), TOO_LARGE),
    Case("JSON nested 30,000 deep", literally(nested(30_000)), MALFORMED),
    Case("empty body", literally(b"", kind="application/x-www-form-urlencoded"), MALFORMED),
    Case("empty body, JSON", literally(b""), MALFORMED),
    Case(
        "no content type",
        lambda issuer: form()(issuer).replace(
            b"Content-Type: application/x-www-form-urlencoded\r\n", b""
        ),
        MALFORMED,
    ),
    Case(
        "JSON labelled as a form",
        lambda issuer: request(json.dumps(issuer.form()).encode()),
        MALFORMED,
    ),
    Case("body of 20 MB", form(x="x" * 20_000_000), TOO_LARGE, may_close=True),
    Case("body of 1 MB", form(x="x" * 1_000_000), TOO_LARGE, may_close=True),
    Case("body of 1 MB, JSON", as_json(x="x" * 1_000_000), TOO_LARGE, may_close=True),
    Case("100,000 parameters", appended(b"&x=1" * 100_000), TOO_LARGE),
    Case("1,000 parameters", appended(b"".join(b"&x%d=1" % n for n in range(1000))), MALFORMED),
    Case("Transfer-Encoding and Content-Length together", both_lengths, MALFORMED),
    Case("control: assertion, aud = issuer", asserting(), OK),
    unproven("assertion jti replayed", replayed),
    Case("control: assertion, aud = token endpoint", asserting(aud=f"{ISSUER}oauth/token"), OK),
    unproven("assertion: alg nOnE", asserted(f"{part({'alg': 'nOnE'})}.{part(CLAIMS)}.")),
    unproven("assertion: signed by another key", asserting(key=STRANGER)),
    unproven(
        "assertion: jku header",
        asserting(key=STRANGER, headers={"jku": "https://evil.example/jwks"}),
    ),
    unproven(
        "assertion: jku header, the right key",
        asserting(headers={"jku": "https://evil.example/jwks"}),
    ),
    unproven("assertion: expired", asserting(exp=int(time.time()) - 60)),
    unproven("assertion: nbf in the future", asserting(nbf=int(time.time()) + 3600)),
    unproven("assertion: exp in 50 years", asserting(exp=int(time.time()) + FAR)),
    unproven("assertion: no aud", asserting(aud=None)),
    unproven("assertion: no sub", asserting(sub=None)),
    unproven("assertion: two parts", asserted(f"{part({'alg': 'ES256'})}.{part(CLAIMS)}")),
    unproven("assertion: not base64", asserted("!!!.???.***")),
    Case(
        "assertion without its type",
        lambda issuer: form_request(
            issuer.asserting(issuer.assertion(), client_assertion_type=None)
        ),
        MALFORMED,
    ),
    Case(
        "assertion and client_secret",
        lambda issuer: form_request(
            issuer.asserting(issuer.assertion(), client_id="partner", client_secret="x")
        ),
        MALFORMED,
    ),
    Case("control again: the server still answers", form(), OK),
]

NEIGHBOURS = [
    Case("JSON with a key twice", literally(b'{"scope":"a","scope":"b"}'), MALFORMED),
    Case("JSON with NaN", literally(b'{"grant_type":NaN}'), MALFORMED),
    Case("JSON with a number of 5,000 digits", literally(b'{"x":' + b"9" * 5000 + b"}"), MALFORMED),
    Case("JSON with a byte order mark", literally(b"\xef\xbb\xbf{}"), MALFORMED),
    Case("unknown parameter nested 500 deep", as_json(x=json.loads(nested(500))), MALFORMED),
    *(
        Case(f"lone surrogate in {name}", as_json(**{name: "\ud800"}), MALFORMED)
        for name in ("client_id", "client_secret", "audience", "scope", "grant_type", "unknown")
    ),
    Case("lone surrogate in the name of a parameter", as_json(**{"\ud800": "x"}), MALFORMED),
    Case(
        "lone surrogate in an assertion",
        lambda issuer: json_request(issuer.asserting("\ud800.a.b")),
        MALFORMED,
    ),
    unproven("unknown client", form(client_id="nobody")),
    unproven("client_id of 10,000 characters", form(client_id="x" * 10_000)),
    Case("unknown audience", form(audience="https://nowhere.example/"), *UNKNOWN_API),
    Case("no audience", form(audience=None), MALFORMED, (403, "access_denied")),
    Case("another resource than audience", form(resource=UNGRANTED), SEVERAL_APIS),
    Case("resource twice", appended(b"&resource=a&resource=b"), SEVERAL_APIS),
    Case("client_id of another client beside Basic", with_basic(client_id="hasty"), MALFORMED),
    unproven("assertion: the public key as HMAC secret", hmac_of_the_public_key),
    unproven("assertion: for another server", asserting(aud="https://other.example/")),
    unproven("assertion: by another issuer", asserting(iss="worker")),
    unproven("assertion: about a client that has no key", asserting(iss="worker", sub="worker")),
    unproven("assertion: about nobody", asserting(iss="nobody", sub="nobody")),
    unproven("assertion: no jti", asserting(jti=None)),
    unproven("assertion: no exp", asserting(exp=None)),
    unproven("assertion: exp as text", asserting(exp=str(int(time.time()) + 60))),
    unproven("assertion: exp infinite", asserting(exp=1e999)),
    unproven("assertion: iat in the future", asserting(iat=int(time.time()) + 3600)),
    unproven("assertion: unknown kid", asserting(key=STRANGER, headers={"kid": "unknown"})),
    unproven("assertion: 20,000 bytes", asserting(x="x" * 20_000)),
    unproven("assertion: deeply nested", asserted(f"{'W1tb' * 3000}.e30.e30")),
    unproven(
        "assertion: client_id of another client",
        lambda issuer: form_request(issuer.asserting(issuer.assertion(), client_id="worker")),
    ),
    Case(
        "assertion of an unknown type",
        asserted("a.b.c", client_assertion_type=f"{ASSERTION_TYPE}s"),
        MALFORMED,
    ),
    *(method_not_allowed(method) for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS")),
    Case("no HTTP at all", lambda _: b"hello\r\n\r\n", MALFORMED),
    Case(
        "a header of 64 KB",
        lambda issuer: form_request(issuer.form(), f"X-Padding: {'x' * 65_536}"),
        (431, "invalid_request"),
    ),
    Case(
        "a header that does not end",
        lambda _: b"POST /oauth/token HTTP/1.1\r\nX-Padding: " + b"x" * 100_000,
        (431, "invalid_request"),
    ),
    Case(
        "too many headers",
        lambda issuer: form_request(issuer.form(), *["X-Padding: x"] * MAX_HEADERS),
        (431, "invalid_request"),
    ),
    Case("a negative Content-Length", lambda _: head("Content-Length: -1"), MALFORMED),
    Case(
        "two Content-Lengths",
        lambda _: head("Content-Length: 1", "Content-Length: 2") + b"ab",
        MALFORMED,
    ),
    Case(
        "chunks of a broken size",
        lambda _: head("Transfer-Encoding: chunked") + b"xyz\r\nabc\r\n0\r\n\r\n",
        MALFORMED,
    ),
]


@pytest.fixture(scope="module", params=["rfc6749", "auth0"])
def issuer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("issuer") / request.param
    with served(prepare(folder, error_style=request.param)) as issuer:
        yield issuer
        # Whatever came in, nothing in here was surprised.
        assert "Traceback" not in issuer.events()
        assert "Logging error" not in issuer.events()


@pytest.mark.parametrize("case", ROWS + NEIGHBOURS, ids=lambda case: case.name)
def test_bad_input_has_its_right_answer(issuer: Served, case: Case) -> None:
    status, error = case.right
    if case.auth0 is not None and 'error_style = "auth0"' in issuer.config.read_text():
        status, error = case.auth0
    sent = case.sent(issuer)
    began = time.monotonic()
    for each in [sent] if isinstance(sent, bytes) else sent:
        answers = send(issuer.port, each)
    assert time.monotonic() - began < 10
    if answers or not case.may_close:
        check(answers[0], issuer)
        document = json.loads(answers[0].body)
        assert (answers[0].status, document.get("error")) == (status, error)
        challenged = b"\r\nAuthorization: " in (sent if isinstance(sent, bytes) else b"")
        assert ("www-authenticate" in answers[0].headers) == (challenged and status == 401)
    assert send(issuer.port, form()(issuer))[0].status == 200


def check(answer: Answer, issuer: Served) -> None:
    """What holds for every answer."""
    assert answer.status < 500
    assert answer.headers["content-type"] == JSON
    assert answer.headers["cache-control"] == "no-store"
    document = json.loads(answer.body)
    assert isinstance(document, dict)
    for name in ("error", "error_description"):
        assert RFC_TEXT.fullmatch(document.get(name, ""))
    whole = f"{answer.headers}{answer.body!r}"
    assert not any(secret in whole for secret in issuer.secrets.values())


# How a request comes -----------------------------------------------------------------------------

in_one_dialect = pytest.mark.parametrize("issuer", ["rfc6749"], indirect=True)
"""What is no matter of words."""


@in_one_dialect
def test_pipelined_requests_are_answered_in_order(issuer: Served) -> None:
    first = kept(form()(issuer))
    answers = send(issuer.port, first + first.replace(b"worker", b"nobody", 1) + form()(issuer))
    assert [answer.status for answer in answers] == [200, 401, 200]


@in_one_dialect
@pytest.mark.parametrize(
    "wrong",
    [
        b"no HTTP at all\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Padding: " + b"x" * 40_000 + b"\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    ],
    ids=["no HTTP", "no host", "a large head", "no path"],
)
def test_what_is_wrong_costs_no_earlier_request_its_answer(issuer: Served, wrong: bytes) -> None:
    first = kept(form()(issuer))
    for earlier in (first, first + HEALTH):
        began = time.monotonic()
        answers = send(issuer.port, earlier + wrong)
        assert [answer.status for answer in answers] == [200] * earlier.count(b" HTTP/1.1")
        assert time.monotonic() - began < 3


@in_one_dialect
def test_of_too_many_pipelined_requests_the_first_are_answered(issuer: Served) -> None:
    answers = send(issuer.port, kept(form()(issuer)) * 400)
    assert MAX_WAITING <= len(answers) < 400
    assert {answer.status for answer in answers} == {200}


@in_one_dialect
def test_a_head_that_comes_behind_another_request_is_limited_as_well(issuer: Served) -> None:
    large = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Padding: " + b"x" * 40_000
    answers = send(issuer.port, kept(form()(issuer)) + large, b"\r\n\r\n")
    assert [answer.status for answer in answers] == [200, 431]
    # What it comes behind is not counted.
    body = form(padding="x" * 50_000)(issuer)
    answers = send(issuer.port, kept(body) + body[:50], body[50:])
    assert [answer.status for answer in answers] == [200, 200]


@in_one_dialect
@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("at", [None, 0], ids=["in one piece", "the body later"])
def test_bodies_are_read_up_to_their_limit(issuer: Served, more: int, at: int | None) -> None:
    small = urlencode(issuer.form(padding="")).encode()
    whole = form(padding="x" * (token_endpoint.MAX_BODY - len(small) + more))(issuer)
    top, end, body = whole.partition(b"\r\n\r\n")
    assert len(body) == token_endpoint.MAX_BODY + more
    parts = (whole,) if at is None else (top + end, body)
    assert [answer.status for answer in send(issuer.port, *parts)] == [413 if more else 200]


@in_one_dialect
def test_a_request_may_be_cut_anywhere(issuer: Served) -> None:
    whole = kept(form()(issuer)) + HEALTH + form()(issuer)
    with ThreadPoolExecutor(20) as threads:
        cut = threads.map(lambda at: send(issuer.port, whole[:at], whole[at:]), range(len(whole)))
        for answers in cut:
            assert [answer.status for answer in answers] == [200, 200, 200]


@in_one_dialect
def test_whoever_will_send_no_more_is_answered(issuer: Served) -> None:
    first = kept(form()(issuer))
    for sent in (first, first + HEALTH + first, HEALTH, first + first[:50]):
        answers = send(issuer.port, sent, ends=True)
        assert [answer.status for answer in answers] == [200] * sent.count(b"\r\n\r\n")
    assert send(issuer.port, b"", ends=True) == []


@in_one_dialect
def test_trailers_are_not_read_without_end(issuer: Served) -> None:
    chunked = head("Transfer-Encoding: chunked", line="POST /oauth/token HTTP/1.1")
    trailers = b"x: y\r\n" * 100_000
    with socket.create_connection(("127.0.0.1", issuer.port), 10) as connection:
        connection.sendall(chunked + b"1\r\nx\r\n0\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(trailers * (5 * MAX_MESSAGE // len(trailers)))
    assert send(issuer.port, form()(issuer))[0].status == 200


@in_one_dialect
def test_http_1_0_is_answered_and_the_connection_closed(issuer: Served) -> None:
    sent = kept(form()(issuer)).replace(b"HTTP/1.1", b"HTTP/1.0")
    answers = send(issuer.port, sent)
    assert [answer.status for answer in answers] == [200]


@in_one_dialect
@pytest.mark.parametrize("header", ["Upgrade: h2c", "UPGRADE: websocket"])
def test_an_upgrade_of_the_protocol_is_ignored(issuer: Served, header: str) -> None:
    upgrade = b"Connection: close, Upgrade\r\n" + header.encode()
    sent = form()(issuer).replace(b"Connection: close", upgrade)
    assert [answer.status for answer in send(issuer.port, sent)] == [200]
    first = kept(form()(issuer))
    assert [answer.status for answer in send(issuer.port, first + sent)] == [200, 200]
    for at in range(sent.index(header.encode()) - 4, sent.index(header.encode()) + 14):
        answers = send(issuer.port, first + sent[:at], sent[at:])
        assert [answer.status for answer in answers] == [200, 200]


@in_one_dialect
def test_what_looks_like_an_upgrade_in_a_body_is_left_alone(issuer: Served) -> None:
    text = "a\r\nUpgrade: b\r\nupgrade:"
    body = urlencode(issuer.form(hook="seen")).encode() + f"&text={text}".encode()
    for sent in (request(body), request(body)[:-9]):
        (answer,) = send(issuer.port, sent, request(body)[len(sent) :])
        token = json.loads(answer.body)["access_token"]
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["https://acme.example/seen"]["params"]["text"] == text


@in_one_dialect
def test_a_trailer_is_no_header(issuer: Served) -> None:
    body = urlencode(issuer.form(client_id=None, client_secret=None)).encode()
    kind = "Content-Type: application/x-www-form-urlencoded"
    sent = head(kind, "Transfer-Encoding: chunked", "Trailer: Authorization")
    proof = basic("worker", issuer.secrets["worker"]).encode()
    sent += b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(body), body, proof)
    assert [answer.status for answer in send(issuer.port, sent)] == [401]


@in_one_dialect
def test_a_body_in_chunks_is_read(issuer: Served) -> None:
    sent = form()(issuer).partition(b"\r\n\r\n")[2]
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in sent) + b"0\r\n\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded"
    assert send(issuer.port, head(kind, "Transfer-Encoding: chunked") + chunks)[0].status == 200


@in_one_dialect
def test_what_follows_a_content_length_too_small_is_no_request_with_this_body(
    issuer: Served,
) -> None:
    sent = kept(form()(issuer))
    sent = re.sub(rb"Content-Length: \d+", b"Content-Length: 20", sent)
    answers = send(issuer.port, sent)
    assert [answer.status for answer in answers] == [400]
    for answer in answers:
        check(answer, issuer)


@in_one_dialect
def test_a_client_that_ends_before_its_content_length_gets_no_token(issuer: Served) -> None:
    sent = re.sub(rb"Content-Length: \d+", b"Content-Length: 2000", form()(issuer))
    assert send(issuer.port, sent, ends=True) == []
    assert send(issuer.port, form()(issuer))[0].status == 200


@in_one_dialect
@pytest.mark.slow
def test_who_sends_too_slowly_is_told_so_and_let_go(issuer: Served) -> None:
    whole = form()(issuer)
    halves = {
        "half a body": whole[:-10],
        "no body": whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        "half a chunk": head("Transfer-Encoding: chunked") + b"a\r\nx",
        "half a head": whole[:40],
        "half a request line": b"POST /oau",
    }
    refused = b"GET /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf a body"
    began = time.monotonic()
    with ThreadPoolExecutor(len(halves) + 2) as threads:
        nothing = threads.submit(send, issuer.port, b"")
        unread = threads.submit(send, issuer.port, refused)
        answers = list(threads.map(lambda sent: send(issuer.port, sent), halves.values()))
    assert time.monotonic() - began < 15
    assert nothing.result() == []
    assert [answer.status for answer in unread.result()] == [405]
    assert [answer.status for [answer] in answers] == [408] * len(halves)
    for [answer] in answers:
        check(answer, issuer)
    assert send(issuer.port, whole)[0].status == 200


@in_one_dialect
@pytest.mark.slow
def test_slow_connections_keep_nobody_else_out(issuer: Served) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        for _ in range(min(10_000, most // 2)):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", issuer.port)))
            slow.sendall(b"POST /oauth/token HTTP/1.1\r\n")
        assert send(issuer.port, form()(issuer))[0].status == 200
    assert send(issuer.port, form()(issuer))[0].status == 200


def test_a_body_that_never_comes_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_endpoint, "PATIENCE", 0.1)
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def take(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/oauth/token", "query_string": b""}
    with in_process(prepare(tmp_path / "issuer")) as client:
        asyncio.run(asyncio.wait_for(client.app({**scope, "headers": []}, receive, take), 5))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"] == "invalid_request"
