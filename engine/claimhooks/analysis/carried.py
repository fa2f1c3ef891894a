"""The rule about bridges: what a hook may return, asked of the issuers behind them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Protocol

from claimhooks.analysis.finding import Found
from claimhooks.analysis.patches import keys_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from claimhooks.analysis.course import Course
    from claimhooks.analysis.patches import Key


class Carrier(Protocol):
    """An issuer that may not be able to do all that hooks ask for."""

    @property
    def title(self) -> str:
        """What it is called."""
        ...

    def refusal(self, key: str) -> str | None:
        """Why no hook can ask for this key of a patch; None: it can."""
        ...

    def refusal_of_value(self, kind: type) -> str | None:
        """Why no claim can have a value of this type; None: it can."""
        ...


def carried(course: Course, carriers: Collection[Carrier]) -> Iterator[Found]:
    """What the hook asks for and one of `carriers` cannot do."""
    for key in keys_of(course) if carriers else ():
        if key.text is None or not key.text.is_whole:
            continue
        for carrier in carriers:
            if (reason := _refusal(key, key.text.start, carrier)) is not None:
                what = f"{key.text.start!r} on {carrier.title}: {reason}"
                yield Found("effect_unsupported", key.scope.file, key.node, what)


def _refusal(key: Key, name: str, carrier: Carrier) -> str | None:
    reason = carrier.refusal(name)
    if reason is not None or name in {"scope", "expires_in"}:
        return reason
    return None if (kind := _kind(key.value)) is None else carrier.refusal_of_value(kind)


def _kind(value: ast.expr | None) -> type | None:
    """The type that `value` has as JSON, where that is plain to see; a list is one of text."""
    match value:
        case ast.Dict() | ast.DictComp():
            return dict
        case ast.List(elts=items):
            kinds = [_kind(item) for item in items]
            # A list of anything but text is for a carrier what an object is.
            return list if all(kind in {str, None} for kind in kinds) else dict
        case ast.ListComp(elt=item):
            return list if _kind(item) in {str, None} else dict
        case ast.Constant(value=constant):
            return type(constant)
        case ast.JoinedStr():
            return str
        case _:
            return None
