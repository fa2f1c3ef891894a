"""Whether something is in a list or text: `indexOf` compared with -1, and `includes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind
from claimhooks.migrate.python.code import Code, Rank, call, comparison
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.truth import negated

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_IS_FOUND: Final = {
    "> -1": True,
    ">= 0": True,
    "!== -1": True,
    "!= -1": True,
    "< 0": False,
    "<= -1": False,
    "=== -1": False,
    "== -1": False,
}
_IS_FIRST: Final = {"=== 0": True, "== 0": True, "!== 0": False, "!= 0": False}


def index_found(t: Translator, left: Node, sign: str, right: Node) -> Code | None:
    """The comparison of an `indexOf` with -1 or 0, if it is one, as `in` or `startswith`."""
    test = f"{sign} {tree.text(right)}"
    sought = _index_of(left) if test in _IS_FOUND | _IS_FIRST else None
    if sought is None:
        return None
    callee = tree.bare(tree.field(sought, "function"))
    owner = t.expression(tree.field(callee, "object"))
    item = t.expression(tree.arguments(sought)[0])
    if test in _IS_FOUND:
        found = contains(t, owner, item)
        return found if _IS_FOUND[test] else negated(found)
    if not owner.type.is_only(Kind.TEXT) or not item.type.is_only(Kind.TEXT):
        return None
    found = Code(f"{owner.at(Rank.ATOM)}.startswith({item.text})", kinds.BOOL)
    return found if _IS_FIRST[test] else negated(found)


def _index_of(node: Node) -> Node | None:
    """`node`, if it is `owner.indexOf(item)`."""
    if node.type != "call_expression" or len(tree.arguments(node)) != 1:
        return None
    callee = tree.bare(tree.field(node, "function"))
    if callee.type != "member_expression" or tree.maybe(callee, "optional_chain") is not None:
        return None
    return node if tree.text(tree.field(callee, "property")) == "indexOf" else None


def contains(t: Translator, owner: Code, item: Code) -> Code:
    """Whether `item` is in the list or text `owner`."""
    is_text = not owner.type.may_be(Kind.TEXT) or item.type.is_only(Kind.TEXT)
    is_scalar = not item.type.may_be(Kind.LIST | Kind.TABLE)
    is_alike = not item.type.may_be(Kind.BOOL | Kind.NUMBER) or owner.type.items.is_only(
        item.type.kinds
    )
    if not (is_text and is_scalar and is_alike):
        return call(t.need("js_includes"), [owner.text, item.text], kinds.BOOL)
    return comparison(item.at(Rank.SUM), "in", owner.at(Rank.SUM))
