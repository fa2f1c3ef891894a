"""Properties: `client.metadata.tier`, `scope.length`, `context.webtask.secrets.KEY`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import TABLES, Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call, int_code, text_code
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.values import properties, variables

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_MEMBERS: Final = frozenset({"member_expression", "subscript_expression"})
_NUMBERS: Final = {
    "Number.MAX_SAFE_INTEGER": int_code(2**53 - 1),
    "Number.MIN_SAFE_INTEGER": int_code(1 - 2**53),
    "Math.PI": Code("math.pi", kinds.NUMBER),
}
_METHODS: Final = frozenset(
    {
        *("toLowerCase", "toUpperCase", "toString", "trim", "startsWith", "endsWith", "includes"),
        *("indexOf", "lastIndexOf", "slice", "substring", "substr", "split", "replace", "match"),
        *("filter", "map", "flatMap", "forEach", "find", "findIndex", "some", "every", "reduce"),
        *("push", "pop", "shift", "unshift", "splice", "sort", "reverse", "concat", "join"),
        *("flat", "keys"),
    }
)
"""What texts and arrays have besides their items."""


def member(t: Translator, node: Node) -> Code:
    """A property, by name or by the value of an expression."""
    special = _of_global(t, node)
    if special is not None:
        return special
    owner_node = tree.bare(tree.field(node, "object"))
    owner = t.expression(owner_node)
    is_optional = tree.maybe(node, "optional_chain") is not None
    if is_optional and owner.type.may_be(Kind.NOTHING):
        if _continues(node) and not _is_optional(node.parent):
            owner = guard(t, owner)
        elif not owner.type.is_only(Kind.TABLE | Kind.NOTHING) or owner.type.shape not in TABLES:
            return _path(t, owner, key_of(t, node))
        else:
            owner = Code(f"({owner.at(Rank.OR)} or {{}})", owner.type.something())
    found = property_of(t, node, owner, key_of(t, node), must_be=_must_be(node))
    return chained(t, node, found)


def _path(t: Translator, owner: Code, key: Code) -> Code:
    """`owner?.key`, whatever `owner` is."""
    name = t.need("js_path")
    before = owner.text.removesuffix(")") if owner.text.startswith(f"{name}(") else None
    start = f"{name}({owner.text}" if before is None else before
    return Code(f"{start}, {key.text})", owner.type.items.or_undefined())


def guard(t: Translator, owner: Code) -> Code:
    """`owner`, where the rest of its chain is evaluated only if it is something."""
    if owner.is_simple:
        t.guards.append(f"{owner.text} is not None")
        return Code(owner.text, owner.type.something())
    t.guards.append(f"(this := {owner.text}) is not None")
    return Code("this", owner.type.something())


def chained(t: Translator, node: Node, code: Code) -> Code:
    """`code`, or None where a link of the chain that ends here is nothing."""
    if not t.guards or _continues(node):
        return code
    condition = " and ".join(t.guards)
    t.guards.clear()
    text = f"{code.at(Rank.OR)} if {condition} else None"
    return Code(text, code.type.or_undefined(), Rank.TERNARY)


def subscript_of(t: Translator, node: Node) -> str:
    """How the member `node` is written where it is known to be there."""
    with t.silently():
        owner = t.expression(tree.field(node, "object"))
        is_attribute = owner.type.shape in {Shape.CLIENT, Shape.ERROR}
        if is_attribute and node.type == "member_expression":
            return f"{owner.at(Rank.ATOM)}.{tree.text(tree.field(node, 'property'))}"
        return f"{owner.at(Rank.ATOM)}[{key_of(t, node).text}]"


def key_of(t: Translator, node: Node) -> Code:
    """The name or index of a member."""
    if node.type == "member_expression":
        return text_code(tree.text(tree.field(node, "property")))
    return t.expression(tree.field(node, "index"))


def table_of(t: Translator, node: Node) -> tuple[Code, Code] | None:
    """The table and the key of a member that may be missing, if `node` is one."""
    node = tree.bare(node)
    if node.type not in _MEMBERS or tree.maybe(node, "optional_chain") is not None:
        return None
    if _of_global(t, node) is not None:
        return None
    owner, key = t.expression(tree.field(node, "object")), key_of(t, node)
    if not _is_table(owner.type) or key.constant in {"length", "size"}:
        return None
    return owner, key


def _is_table(kind: Type) -> bool:
    """Whether a value is taken for a dict where a property of it is read."""
    return kind.shape in TABLES and kind.may_be(Kind.TABLE)


def _continues(node: Node) -> bool:
    """Whether a chain of members and calls goes on after `node`."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type in _MEMBERS:
        return tree.field(parent, "object").id == node.id
    return parent.type == "call_expression" and tree.field(parent, "function").id == node.id


def _is_optional(node: Node | None) -> bool:
    return node is not None and tree.maybe(node, "optional_chain") is not None


def _must_be(node: Node) -> bool:
    """Whether a member of `node` is used, so that it has to be something."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None or parent.type not in _MEMBERS:
        return False
    return (
        tree.field(parent, "object").id == node.id and tree.maybe(parent, "optional_chain") is None
    )


def property_of(
    t: Translator, node: Node, owner: Code, key: Code, *, must_be: bool = False
) -> Code:
    """The property `key` of `owner`, at `node`; `must_be` if both languages fail without it."""
    rule = properties.OF_SHAPE.get(owner.type.shape) if owner.type.shape is not None else None
    if rule is not None:
        return rule(t, node, owner, key)
    if key.constant == "length" and not owner.type.is_only(Kind.TABLE | Kind.NOTHING):
        return _length(t, owner)
    known = _known_member(t, owner, key)
    if known is not None:
        return known
    is_number = key.type.may_be(Kind.NUMBER) and owner.type.may_be(Kind.LIST | Kind.TEXT)
    if _is_table(owner.type) and not is_number:
        return _of_table(t, owner, key, must_be=must_be)
    return _item(t, owner, key, must_be=must_be)


def _known_member(t: Translator, owner: Code, key: Code) -> Code | None:
    """A member that is there for certain."""
    subscript = f"{owner.at(Rank.ATOM)}[{key.text}]"
    is_index = isinstance(key.constant, int) and owner.type.is_only(Kind.LIST)
    field = str(key.constant)
    if (isinstance(key.constant, str) or is_index) and field in owner.type.fields:
        return Code(subscript, owner.type.fields[field])
    return Code(subscript, _kind(owner, key).something()) if subscript in t.facts else None


def _kind(owner: Code, key: Code) -> Type:
    """What a property of a table is."""
    if owner.type.shape is Shape.TOKEN and key.constant == "scope":
        return kinds.TEXTS
    if owner.type.shape is Shape.METADATA and isinstance(key.constant, str):
        return owner.type.entries.get(key.constant, kinds.TEXT)
    return owner.type.items


def _item(t: Translator, owner: Code, key: Code, *, must_be: bool) -> Code:
    """An item of a list, or a character of a text."""
    if key.constant in _METHODS and owner.type.is_only(Kind.LIST | Kind.TEXT | Kind.NOTHING):
        raise Untranslatable(f"the method {key.constant} is used without being called")
    is_index = isinstance(key.constant, int) and key.constant >= 0
    if must_be and is_index:
        # Where it is missing, both languages fail.
        return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", owner.type.items.something())
    kind = kinds.TEXT if owner.type.is_only(Kind.TEXT) else owner.type.items
    code = call(t.need("js_get"), [owner.text, key.text], kind.or_undefined())
    return Code(code.text, code.type.something()) if must_be else code


def _length(t: Translator, owner: Code) -> Code:
    if owner.type.is_only(Kind.LIST | Kind.TEXT | Kind.NOTHING):
        return call("len", [owner.source], kinds.INT)
    return call(t.need("js_length"), [owner.text], kinds.INT.or_undefined())


def _of_table(t: Translator, owner: Code, key: Code, *, must_be: bool) -> Code:
    kind = _kind(owner, key)
    if not key.type.is_only(Kind.TEXT | Kind.NOTHING):
        key = call(t.need("js_text"), [key.text], kinds.TEXT)
    if must_be:
        return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", kind.something())
    getter = f"{owner.at(Rank.ATOM)}.get({key.text}"
    return Code(f"{getter})", kind.or_undefined(), getter=getter)


def _of_global(t: Translator, node: Node) -> Code | None:
    """A property of an object that is there without being declared."""
    if node.type != "member_expression":
        return None
    text = tree.text(node)
    if text.startswith("process.env.") and text.count(".") == 2:
        name = text.rpartition(".")[2]
        t.effects.secrets[name] = None
        t.decide(node, f"hooks see no environment: {name} is taken for a secret of the hook")
        return Code(f'{t.argument("context")}.secrets["{name}"]', kinds.TEXT)
    if text in _NUMBERS:
        if text.startswith("Math"):
            t.imported("import math")
        return _NUMBERS[text]
    module = modules.module_of(node, t.bindings, t.modules)
    if module is not None:
        raise Untranslatable(modules.advice(module))
    return None


EXPRESSIONS: Final = {
    "member_expression": member,
    "subscript_expression": member,
    "identifier": variables.name,
    "shorthand_property_identifier": variables.name,
}
