"""Variables and properties: `scope`, `client.metadata.tier`, `context.webtask.secrets.KEY`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import TABLES, Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call, text_code
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values import properties
from claimhooks.migrate.values.coercion import as_value

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def member(t: Translator, node: Node) -> Code:
    """A property, by name or by the value of an expression."""
    _refuse_global(t, node)
    owner = t.expression(tree.field(node, "object"), is_link=True)
    if is_optional(node) and owner.type.may_be(Kind.NOTHING):
        is_last = not _continues(node) or is_optional(node.parent)
        if is_last and owner.type.shape in TABLES:
            return _path(t, owner, key_of(t, node))
        owner = guard(t, node, owner)
    found = property_of(t, node, owner, key_of(t, node), must_be=_must_be(node))
    return chained(t, node, found)


def _path(t: Translator, owner: Code, key: Code) -> Code:
    """`owner?.key`, whatever `owner` is."""
    name = t.need("js_path")
    before = owner.text.removesuffix(")") if owner.text.startswith(f"{name}(") else None
    start = f"{name}({owner.text}" if before is None else before
    kind = property_type(owner, key)
    return Code(f"{start}, {key.text})", kind.or_undefined())


def guard(t: Translator, node: Node, owner: Code) -> Code:
    """`owner`, where the rest of its chain, `node`, is evaluated only if it is something."""
    if owner.type.shape is Shape.SCOPE:
        t.guards.append(owner.at(Rank.NOT))
        return owner
    asked = owner = as_value(owner)
    if not owner.is_simple:
        owner = Code(t.name_for(node, "this"), owner.type)
        asked = Code(f"({owner.text} := {asked.text})", asked.type)
    t.guards.append(f"{asked.text} is not None")
    return Code(owner.text, owner.type.something())


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


def subscripts_like(t: Translator, node: Node) -> str:
    """What the facts about a member begin with, or about any member if it cannot be told."""
    with t.silently():
        key = key_of(t, node)
    subscript = subscript_of(t, node)
    return subscript if key.constant is not None else subscript.removesuffix(f"{key.text}]")


def key_of(t: Translator, node: Node) -> Code:
    """The name or index of a member."""
    if node.type == "member_expression":
        return text_code(tree.text(tree.field(node, "property")))
    return t.expression(tree.field(node, "index"))


def table_of(t: Translator, node: Node) -> tuple[Code, Code] | None:
    """The table and the key of a member that may be missing, if `node` is one."""
    node = tree.bare(node)
    if node.type not in tree.MEMBERS or is_optional(node):
        return None
    _refuse_global(t, node)
    owner, key = t.expression(tree.field(node, "object")), key_of(t, node)
    return (owner, key) if _is_table(owner.type) and key.constant != "length" else None


def _is_table(kind: Type) -> bool:
    """Whether a value is taken for a dict where a property of it is read."""
    return kind.shape in TABLES and kind.may_be(Kind.TABLE)


def _continues(node: Node) -> bool:
    """Whether a chain of members and calls goes on after `node`."""
    parent = node.parent
    if parent is None:
        return False
    name = "object" if parent.type in tree.MEMBERS else "function"
    return parent.type in {*tree.MEMBERS, "call_expression"} and (
        tree.field(parent, name).id == node.id
    )


def is_optional(node: Node | None) -> bool:
    """Whether `node` is a link of a chain that begins with ``?.``."""
    return node is not None and tree.maybe(node, "optional_chain") is not None


def _must_be(node: Node) -> bool:
    """Whether a member of `node` is used, so that it has to be something."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None or parent.type not in tree.MEMBERS:
        return False
    return tree.field(parent, "object").id == node.id and not is_optional(parent)


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
    if subscript in t.facts:
        return Code(subscript, property_type(owner, key).something())
    return None


def property_type(owner: Code, key: Code) -> Type:
    """What a property of a table is, if it is there."""
    is_scope = owner.type.shape is Shape.TOKEN and key.constant == "scope"
    return kinds.TEXTS if is_scope else owner.type.items


def _item(t: Translator, owner: Code, key: Code, *, must_be: bool) -> Code:
    """An item of a list, or a character of a text."""
    if isinstance(key.constant, str) and not owner.type.may_be(Kind.TABLE):
        raise Untranslatable(f"{key.constant} of this has no translation, unless it is called")
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
    return call(t.need("js_get"), [owner.text, '"length"'], kinds.INT.or_undefined())


def _of_table(t: Translator, owner: Code, key: Code, *, must_be: bool) -> Code:
    kind = property_type(owner, key)
    if not key.type.is_only(Kind.TEXT | Kind.NOTHING):
        key = call(t.need("js_text"), [key.text], kinds.TEXT)
    if must_be:
        return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", kind.something())
    getter = f"{owner.at(Rank.ATOM)}.get({key.text}"
    return Code(f"{getter})", kind.or_undefined(), getter=getter)


def _refuse_global(t: Translator, node: Node) -> None:
    """Raise for a property of an object that is there without being declared."""
    if tree.text(node).startswith("process.env."):
        raise Untranslatable("hooks see no environment: make this a secret of the hook")
    module = modules.module_of(node, t.bindings, t.modules)
    if module is not None:
        raise Untranslatable(modules.advice(module))


def name(t: Translator, node: Node) -> Code:
    """A variable."""
    binding = t.binding(node)
    if binding in t.modules:
        raise Untranslatable(modules.advice(t.modules[binding]))
    if t.callbacks.of(node) is not None:
        raise Untranslatable("the callback is handed on here as a value")
    if binding.scope.node.id == t.hook.id and binding.python in ARGUMENTS:
        t.effects.arguments.add(binding.python)
    kind = t.types.of(binding)
    if binding.python in t.facts:
        kind = kind.something()
    return Code(binding.python, kind, constant=t.types.constant(binding))


ARGUMENTS: Final = {
    "client": kinds.CLIENT,
    "scope": kinds.SCOPE,
    "audience": kinds.TEXT,
    "context": kinds.CONTEXT,
}
"""What a hook takes, and its types."""


EXPRESSIONS: Final = {
    "member_expression": member,
    "subscript_expression": member,
    "identifier": name,
    "shorthand_property_identifier": name,
}
