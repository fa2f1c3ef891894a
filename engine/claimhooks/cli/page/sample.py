"""One sample: what was asked, the chain of hooks from left to right, and the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.cli.page.element import element
from claimhooks.cli.page.hook import hook
from claimhooks.cli.page.token import token
from claimhooks.cli.text import duration
from claimhooks.policy import Policy, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from pydantic import JsonValue

    from claimhooks.cli.report import Result
    from claimhooks.token import Profile


def sample(
    number: int, result: Result, complaints: Sequence[str], issuer: str, profile: Profile
) -> Element:
    """The article of `result`, the sample with this `number`."""
    is_good = result.is_good and not complaints
    status = result.outcome.status
    # A chain of no hooks would end where this one begins.
    start = Standing(result.sample, Policy())
    made = element(
        "article",
        _head(number, result),
        _differences(result),
        *(element("p", complaint, class_="note bad") for complaint in complaints),
        *(element("p", warning, class_="note warning") for warning in result.outcome.warnings),
        element("ol", *_chain(result, start), class_="chain"),
        token(result, start, issuer, profile),
        _folded("Exchange", _exchange(result)),
        id=f"s{number}",
        class_=f"sample {status}" if is_good else f"sample {status} failing",
        tabindex="-1",
        aria_labelledby=f"n{number}",
    )
    if result.jwt is not None:
        made.append(_folded("JWT", result.jwt))
    return made


def _head(number: int, result: Result) -> Element:
    asked, outcome = result.sample, result.outcome
    client = asked.client
    about = ", ".join(filter(None, [client.name, client.tenant]))
    expectation = None
    if asked.expect is not None:
        text = "not as expected" if result.differences else "as expected"
        expectation = element("span", text, class_="bad" if result.differences else "good")
    return element(
        "header",
        element("h2", element("a", str(number), href=f"#s{number}"), asked.name, id=f"n{number}"),
        element("span", outcome.status, class_=f"verdict {outcome.status}"),
        expectation,
        element("span", duration(sum(entry.micros for entry in outcome.trace)), class_="time"),
        element(
            "p",
            element("b", client.id),
            f" ({about})" if about else None,
            " for ",
            element("b", asked.audience),
        ),
    )


def _differences(result: Result) -> Element | None:
    """What was expected, and what there is instead."""
    lines = [line for difference in result.differences for line in difference.lines()]
    if not lines:
        return None
    made = element("ul", element("li", "− expected, + got", class_="quiet"), class_="note differs")
    for line in lines:
        kind = {"+": "ins", "-": "del"}.get(line[0], "span")
        sign = line[0].replace("-", "−")
        mark = element("span", sign, class_="sign")
        made.append(element("li", mark, element("code", element(kind, line[2:]))))
    return made


def _chain(result: Result, start: Standing) -> Iterator[Element]:
    outcome = result.outcome
    scope = start.scope
    lifetime: JsonValue = start.expires_in
    yield _end("start", "granted scope", scope, lifetime)
    for entry in outcome.trace:
        yield hook(entry, scope, lifetime)
        if isinstance(left := entry.applied.get("scope"), list):
            scope = [str(token) for token in left]
        lifetime = entry.applied.get("expires_in", lifetime)
    if outcome.error is None:
        yield _end("granted", "granted", outcome.scope, outcome.expires_in)
        return
    yield element(
        "li",
        element("h3", outcome.status),
        element("p", f"HTTP {outcome.error.status} ", element("code", outcome.error.error)),
        element("p", outcome.error.error_description),
        class_=f"end {outcome.status}",
    )


def _end(kind: str, title: str, scope: list[str], lifetime: JsonValue) -> Element:
    """One of the two ends of a chain: what came in, or what is left."""
    scopes = [part for token in scope for part in (element("code", token), " ")]
    return element(
        "li",
        element("h3", title),
        element("p", *scopes, None if scope else "no scope"),
        element("p", f"{lifetime} s", class_="quiet"),
        class_=f"end {kind}",
    )


def _exchange(result: Result) -> str:
    # What is not the default.
    return result.sample.model_dump_json(indent=2, exclude_unset=True, exclude={"name", "expect"})


def _folded(title: str, text: str) -> Element:
    return element("details", element("summary", title), element("pre", text))
