"""The token of a sample: without the hooks on the left, with them on the right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from claimhooks.cli.page.element import element
from claimhooks.exchange import Outcome
from claimhooks.token import payload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from pydantic import JsonValue

    from claimhooks.cli.report import Result
    from claimhooks.policy import Standing
    from claimhooks.samples import Sample
    from claimhooks.token import Profile

SHOWN: Final = 2_000
"""Characters of a value; of longer ones, the length is told."""
NARROW: Final = 60
"""Characters beyond which a nested value takes several lines."""

_SIGNS: Final = {"added": "+", "removed": "−", "changed": "~"}
_HEADS: Final = ("claim", "without hooks", "with hooks")
_TIMES: Final = ("iat", "exp")
_ABSENT: Final = object()


def token(result: Result, start: Standing, issuer: str, profile: Profile) -> Element:
    """The table of both tokens, with their differences marked."""
    after = result.payload
    if after is None and result.outcome.status == "granted":
        after = payload(result.sample, result.outcome, issuer=issuer, profile=profile)
    before = _without_hooks(result.sample, start, issuer, profile, after)
    if after is None:
        rows = [_row(name, value, value) for name, value in before.items()]
        for row in rows:
            row.remove(row[-1])
        rows[0].append(element("td", "no token", rowspan=str(len(rows))))
    else:
        rows = [
            _row(name, before.get(name, _ABSENT), after.get(name, _ABSENT))
            for name in after | before
        ]
    header = element("code", json.dumps(result.header)) if result.header else None
    kinds = [row.get("class") for row in rows]
    counts = [f"{sign} {kinds.count(kind)}" for kind, sign in _SIGNS.items() if kind in kinds]
    heads = (element("th", text, scope="col") for text in _HEADS)
    return element(
        "table",
        element("caption", "Token ", element("span", ", ".join(counts), " ", header)),
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
        class_="token",
    )


def _without_hooks(
    sample: Sample,
    start: Standing,
    issuer: str,
    profile: Profile,
    after: dict[str, JsonValue] | None,
) -> dict[str, JsonValue]:
    """The claims of the token as it would be if the chain ended where it begins."""
    outcome = Outcome("granted", "", start.scope, start.claims, start.expires_in, None, [], [])
    issued_at = after and after["iat"]
    claims = payload(
        sample,
        outcome,
        issuer=issuer,
        profile=profile,
        issued_at=issued_at if isinstance(issued_at, int) else None,
    )
    if after is not None and "jti" in claims:
        claims["jti"] = after["jti"]
    return claims


def _row(name: str, before: object, after: object) -> Element:
    if before == after:
        kind = "same"
    elif before is _ABSENT:
        kind = "added"
    else:
        kind = "removed" if after is _ABSENT else "changed"
    sign = element("span", _SIGNS.get(kind, ""), class_="sign")
    return element(
        "tr",
        element("th", sign, element("code", name), scope="row"),
        _cell(name, before, after, "del"),
        _cell(name, after, before, "ins"),
        class_=kind,
    )


def _cell(name: str, value: object, other: object, marked: str) -> Element:
    """The cell of one side; what the `other` does not have is in the element `marked`."""
    if value is _ABSENT:
        return element("td", element("span", "—"))
    if name == "scope" and isinstance(value, str):
        known = other.split(" ") if isinstance(other, str) else []
        return element("td", element("code", *_scopes(value.split(" "), known, marked)))
    code = element("code", _shown(value))
    when = _date(value) if name in _TIMES and isinstance(value, int) else None
    return element("td", code if value == other else element(marked, code), " ", when)


def _date(seconds: int) -> Element | None:
    try:
        return element("span", f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}Z")
    except (ValueError, OverflowError):
        return None  # after the year 9999


def _scopes(tokens: list[str], known: list[str], marked: str) -> Iterator[Element | str]:
    for number, scope in enumerate(tokens):
        if number:
            yield " "
        yield scope if scope in known else element(marked, scope)


def _shown(value: object) -> str:
    """`value` as JSON: in one line if it is short."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > NARROW and isinstance(value, (dict, list)):
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return cut(text, SHOWN)


def cut(text: str, most: int) -> str:
    """`text`, of which at most so many characters are shown."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
