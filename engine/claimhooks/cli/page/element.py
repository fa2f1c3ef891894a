"""HTML as a tree: what is put into it as text stays text, as writing the tree escapes it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from claimhooks.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    Content = Element | str | None


def element(tag: str, *content: Content, **attributes: str) -> Element:
    """The element `tag`. In names of attributes ``_`` stands for ``-``; one at the end is dropped.

    Of `content`, None is left out.
    """
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    made = Element(tag, {name: printable(value) for name, value in named.items()})
    put(made, content)
    return made


def put(into: Element, content: Iterable[Content]) -> None:
    """Append `content`, elements and text, to what is in `into`."""
    last = into[-1] if len(into) else None
    for part in content:
        if isinstance(part, Element):
            into.append(part)
            last = part
        elif part is not None:
            text = "\n".join(map(printable, part.split("\n")))
            if last is None:
                into.text = (into.text or "") + text
            else:
                last.tail = (last.tail or "") + text


def literal(tag: str, source: str) -> Element:
    """A ``style`` or ``script`` of our own, written as it is."""
    made = Element(tag)
    made.text = source
    return made


def html(made: Element) -> bytes:
    """`made` as HTML."""
    return tostring(made, encoding="unicode", method="html").encode()
