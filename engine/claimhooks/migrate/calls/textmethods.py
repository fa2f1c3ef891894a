"""Methods of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import TEXTS, Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values.coercion import as_number, as_text
from claimhooks.migrate.values.equality import contains
from claimhooks.migrate.values.literals import flags_of, pattern_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

    Method = Callable[[Translator, Code, list[Node]], Code]

_PARTS: Final = Type(Kind.LIST, kinds.TEXT, fields={"0": kinds.TEXT})
"""What a text is split into: one part at least."""
_MATCH: Final = Type(Kind.OBJECT | Kind.NULL, shape=Shape.MATCH)


def _plain(python: str, returns: Type, *, takes: int = 0) -> Method:
    """A method that Python has by another name."""

    def method(t: Translator, owner: Code, given: list[Node]) -> Code:
        if len(given) != takes:
            raise Untranslatable("with these arguments, this method has no translation")
        texts = [as_text(t, t.expression(one)).text for one in given]
        return call(f"{owner.at(Rank.ATOM)}.{python}", texts, returns)

    return method


def _includes(t: Translator, owner: Code, given: list[Node]) -> Code:
    (sought,) = given
    return contains(t, owner, as_text(t, t.expression(sought)))


def _slice(t: Translator, owner: Code, given: list[Node]) -> Code:
    bounds = [as_number(t, t.expression(one)) for one in given]
    if not all(bound.type.is_only(Kind.INT) for bound in bounds) or len(bounds) > 2:
        raise Untranslatable("slice without whole numbers has no translation")
    kind = kinds.TEXT if owner.type.is_only(Kind.TEXT | Kind.NOTHING) else owner.type.something()
    texts = [bound.text for bound in bounds]
    if texts in ([], ["0"]) and kind.is_only(Kind.LIST):
        return call(f"{owner.at(Rank.ATOM)}.copy", [], kind)
    inside = ":".join([*texts, *[""] * (2 - len(texts))])
    return Code(f"{owner.at(Rank.ATOM)}[{inside}]", Type(kind.kinds, kind.of))


def _substring(t: Translator, owner: Code, given: list[Node]) -> Code:
    bounds = [t.expression(one).constant for one in given]
    if not bounds or not all(isinstance(bound, int) and bound >= 0 for bound in bounds):
        raise Untranslatable("substring without plain numbers has no translation")
    ordered = sorted(int(bound) for bound in bounds if bound is not None)
    end = ordered[1] if len(ordered) > 1 else ""
    return Code(f"{owner.at(Rank.ATOM)}[{ordered[0]}:{end}]", kinds.TEXT)


def _substr(t: Translator, owner: Code, given: list[Node]) -> Code:
    if len(given) == 1:
        return _slice(t, owner, given)
    start, length = (t.expression(one).constant for one in given)
    if not isinstance(start, int) or not isinstance(length, int) or start < 0 or length < 0:
        raise Untranslatable("substr without plain numbers has no translation")
    return Code(f"{owner.at(Rank.ATOM)}[{start}:{start + length}]", kinds.TEXT)


def _split(t: Translator, owner: Code, given: list[Node]) -> Code:
    (sought,) = given
    if tree.bare(sought).type == "regex":
        pattern, flags = pattern_of(tree.bare(sought))
        t.imported("import re")
        return call("re.split", [pattern, owner.text, *_named("flags", flags)], _PARTS)
    separator = as_text(t, t.expression(sought))
    if separator.constant == "":
        return call("list", [owner.text], TEXTS)
    return call(f"{owner.at(Rank.ATOM)}.split", [separator.text], _PARTS)


def _named(name: str, text: str) -> list[str]:
    return [f"{name}={text}"] if text else []


def _replace(t: Translator, owner: Code, given: list[Node]) -> Code:
    sought, replacement = tree.bare(given[0]), t.expression(given[1])
    constant = replacement.constant
    if not replacement.type.is_only(Kind.TEXT) or {"$", "\\"} & {*str(constant or "")}:
        raise Untranslatable("replace is translated with a plain text as replacement only")
    if sought.type != "regex":
        texts = [as_text(t, t.expression(sought)).text, replacement.text, "1"]
        return call(f"{owner.at(Rank.ATOM)}.replace", texts, kinds.TEXT)
    pattern, flags = pattern_of(sought)
    t.imported("import re")
    text = replacement.text if constant is not None else f"lambda _: {replacement.text}"
    extra = [*([] if "g" in flags_of(sought) else ["count=1"]), *_named("flags", flags)]
    return call("re.sub", [pattern, text, owner.text, *extra], kinds.TEXT)


def _match(t: Translator, owner: Code, given: list[Node]) -> Code:
    node = tree.bare(given[0])
    if node.type != "regex" or "g" in flags_of(node):
        raise Untranslatable("match is translated with a pattern without g only")
    pattern, flags = pattern_of(node)
    t.imported("import re")
    return call("re.search", [pattern, owner.text, *([flags] if flags else [])], _MATCH)


METHODS: Final[Mapping[str, Method]] = {
    "toLowerCase": _plain("lower", kinds.TEXT),
    "toUpperCase": _plain("upper", kinds.TEXT),
    "trim": _plain("strip", kinds.TEXT),
    "startsWith": _plain("startswith", kinds.BOOL, takes=1),
    "endsWith": _plain("endswith", kinds.BOOL, takes=1),
    "includes": _includes,
    "slice": _slice,
    "substring": _substring,
    "substr": _substr,
    "split": _split,
    "replace": _replace,
    "match": _match,
}
