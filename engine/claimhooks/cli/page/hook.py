"""What one hook did to one sample: a box in its chain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from claimhooks.cli.page.element import element
from claimhooks.cli.page.token import cut
from claimhooks.cli.text import duration
from claimhooks.errors import FAULTS, REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from pydantic import JsonValue

    from claimhooks.exchange import HookError, Refused, TraceEntry

SHOWN: Final = 160
"""Characters of a value; the token has more of it."""


def hook(entry: TraceEntry, scope: list[str], lifetime: JsonValue) -> Element:
    """The box of `entry`, a hook that found `scope` and `lifetime` (seconds)."""
    changes = [*_changes(entry, scope, lifetime)]
    error = entry.error
    kind = (
        "fault" if error is not None and error.code in FAULTS
        else "denied" if error is not None
        else "refused" if entry.refused
        else "skipped" if entry.skipped is not None
        else "changing" if changes
        else "idle"
    )  # fmt: skip
    changes.extend(_refusal(refused, entry.patch or {}) for refused in entry.refused)
    if error is not None:
        changes.append(_error(error, has_refusals=bool(entry.refused)))
    if entry.skipped is not None:
        changes.append(element("li", f"left out: {entry.skipped}", class_="quiet"))
    if not changes:
        changes.append(element("li", "no change", class_="quiet"))
    return element(
        "li",
        element("h3", entry.hook, title=entry.file),
        element("span", bar(entry.micros), duration(entry.micros), class_="timing")
        if entry.micros
        else None,
        element("ul", *changes),
        class_=f"hook {kind}",
    )


def bar(micros: float) -> Element:
    """A bar as long as `micros`, on the scale of the whole page."""
    return element("i", style=f"--t:{micros:.1f}", class_="bar", aria_hidden="true")


def changed(sign: str, kind: str, *content: Element | str) -> Element:
    """A line that says what has changed."""
    return element("li", element("span", sign, class_="sign"), *content, class_=kind)


def scope_changes(before: list[str], after: list[str]) -> Iterator[Element]:
    """A line for each scope that went or came."""
    for token in dict.fromkeys(before):
        if token not in after:
            yield changed("−", "removed", "scope ", element("code", token))
    for token in after:
        if token not in before:
            yield changed("+", "added", "scope ", element("code", token))


def _changes(entry: TraceEntry, scope: list[str], lifetime: JsonValue) -> Iterator[Element]:
    for name, value in entry.applied.items():
        if name == "scope" and isinstance(value, list):
            yield from scope_changes(scope, [str(token) for token in value])
        elif name == "expires_in":
            if value != lifetime:
                text = f"expires_in {lifetime} → {value} s"
                yield changed("~", "changed", element("code", text))
        else:
            what = (element("code", name), " = ", _json(value))
            yield changed("+", "added", "claim ", *what)


def _refusal(refused: Refused, patch: dict[str, JsonValue]) -> Element:
    asked: tuple[Element | str, ...] = ()
    if refused.name in patch:
        asked = (" = ", _json(patch[refused.name]))
    return changed(
        "✕",
        "refused",
        "refused ",
        element("code", refused.name),
        *asked,
        element("p", f"{refused.reason} ", element("code", f"[{refused.code}]")),
        element("p", f"→ {REFUSALS[refused.code]}", class_="remedy"),
    )


def _error(error: HookError, *, has_refusals: bool) -> Element:
    place = error.file if error.line is None else f"{error.file}:{error.line}"
    is_fault = error.code in FAULTS
    made = changed(
        "■" if is_fault else "⊘",
        "fault" if is_fault else "denied",
        f"{error.reason} ",
        element("code", f"[{error.code}]"),
        " at ",
        element("code", place, class_="place"),
    )
    if error.traceback:
        lines = element("pre", error.traceback.rstrip())
        made.append(element("details", element("summary", "Traceback"), lines))
    if is_fault and not has_refusals:
        made.append(element("p", f"→ {FAULTS[error.code]}", class_="remedy"))
    return made


def _json(value: JsonValue) -> Element:
    return element("code", cut(json.dumps(value, ensure_ascii=False), SHOWN))
