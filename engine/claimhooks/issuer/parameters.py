"""The parameters of a token request: from a body, form or JSON, to text by name.

RFC 6749 §3.2 and §4.4.2 ask for a form; the documented system and its clients send JSON as well.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote_to_bytes

from pydantic_core import to_json

from claimhooks import strictjson
from claimhooks.issuer.refusals import Malformed, SeveralTargets

if TYPE_CHECKING:
    from pydantic import JsonValue

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

MAX_PARAMETERS: Final = 200
MAX_DEPTH: Final = 8

KNOWN: Final = (
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "audience",
    "resource",
    "scope",
)
"""Parameters that must be text; hooks see the others as they are."""


def parameters(body: bytes, content_type: str) -> dict[str, JsonValue]:
    """The parameters in `body`, without those that have no value.

    A parameter without a value counts as omitted (RFC 6749 §3.2), and so does a JSON null. Raises
    :class:`~claimhooks.issuer.refusals.Malformed`.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        found = _form(body)
    elif kind == JSON:
        found = _json(body)
    else:
        raise Malformed(f"the content type must be {FORM} or {JSON}")
    return {name: value for name, value in found.items() if value is not None and value != ""}


def _check(found: dict[str, JsonValue]) -> None:
    """Raise unless `found` can be written as UTF-8, and is nested as far as people do."""
    for name in KNOWN:
        if not isinstance(found.get(name), str | None):
            raise Malformed(f"the parameter {name} must be text")
    try:
        to_json(found)
    except ValueError:
        raise Malformed("a parameter is not text that UTF-8 can write") from None
    level: list[JsonValue] = [found]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    if any(isinstance(value, dict | list) for value in level):
        raise Malformed(f"a parameter is nested in more than {MAX_DEPTH} levels")


def _form(body: bytes) -> dict[str, JsonValue]:
    # As `urllib.parse.parse_qsl` does it, which takes almost twice as long.
    if not body.isascii():
        raise Malformed("the body is no form of UTF-8 text")
    if body.count(b"&") >= MAX_PARAMETERS:
        raise Malformed(f"the form has more than {MAX_PARAMETERS} parameters")
    split = [part.partition("=") for part in body.decode().split("&") if part]
    try:
        pairs = [(_text(name), _text(value)) for name, _, value in split]
    except UnicodeDecodeError:
        raise Malformed("the body is no form of UTF-8 text") from None
    found: dict[str, JsonValue] = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        if names.count("resource") > 1:
            # The one parameter that may be repeated (RFC 8707 §2).
            raise SeveralTargets
        # One that we know: what a client has made up is not repeated to it, nor logged.
        twice = next((f"parameter {name}" for name in KNOWN if names.count(name) > 1), "parameter")
        # RFC 6749 §3.2: parameters must not be included more than once.
        raise Malformed(f"the {twice} is there more than once")
    return found


def _text(encoded: str) -> str:
    if "%" in encoded or "+" in encoded:
        return unquote_to_bytes(encoded.replace("+", " ")).decode()
    return encoded


def _json(body: bytes) -> dict[str, JsonValue]:
    try:
        decoded = strictjson.decode(body.decode())
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except json.JSONDecodeError:
        raise Malformed("the body is not JSON") from None
    except strictjson.Unclear as error:
        raise Malformed(str(error)) from None
    except ValueError:
        raise Malformed("the body has a number of too many digits") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    if not isinstance(decoded, dict):
        raise Malformed("the body must be a JSON object")
    found = cast("dict[str, JsonValue]", decoded)
    if len(found) > MAX_PARAMETERS:
        raise Malformed(f"the body has more than {MAX_PARAMETERS} parameters")
    _check(found)
    return found
