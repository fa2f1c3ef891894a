"""What moves through a page: a filter, and keys. It is shown where scripts run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.cli.page.element import element

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_KEYS: Final = (
    ("j", "next sample"),
    ("k", "previous sample"),
    ("/", "find"),
    ("f", "only those that fail, or all"),
    ("t", "fold or unfold the tokens"),
    ("Esc", "show all"),
)


def tools() -> Element:
    """The bar that stays in sight."""
    keys = [
        element("div", element("dt", element("kbd", key)), element("dd", what))
        for key, what in _KEYS
    ]
    return element(
        "search",
        element(
            "label",
            element("span", "Find ", class_="hidden"),
            element(
                "input", type="search", id="find", placeholder="Find a sample, client, claim …"
            ),
        ),
        element(
            "fieldset",
            element("legend", "Show", class_="hidden"),
            *(_choice(name) for name in ("all", "failing", "granted", "denied", "fault")),
        ),
        element("button", "Tokens", type="button", id="tokens", aria_pressed="true"),
        element("output", id="shown"),
        element("details", element("summary", "Keys"), element("dl", *keys), id="keys"),
        id="tools",
        hidden="",
    )


def _choice(name: str) -> Element:
    checked = {"checked": ""} if name == "all" else {}
    radio = element("input", type="radio", name="show", value=name, **checked)
    return element("label", radio, element("span", name))
