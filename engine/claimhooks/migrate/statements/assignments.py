"""Assignments, `++` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds, review
from claimhooks.migrate.calls import functions
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, int_code
from claimhooks.migrate.python.lines import Block, Line
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import chains, patterns
from claimhooks.migrate.values import logic, members, operators, properties, variables
from claimhooks.migrate.values.coercion import as_number, as_text

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_MEMBERS: Final = frozenset({"member_expression", "subscript_expression"})


def settled(code: Code) -> Code:
    """`code`, whose value has been awaited if it is a promise."""
    return Code(code.text, kinds.awaited(code.type), code.rank, code.constant)


def assigned(t: Translator, node: Node) -> Block | None:
    """An assignment as a statement, if `node` is one."""
    if node.type == "assignment_expression":
        return _assignment(t, tree.field(node, "left"), tree.field(node, "right"))
    if node.type == "augmented_assignment_expression":
        return _augmented(t, node)
    if node.type == "update_expression":
        return _updated(t, node)
    if node.type == "unary_expression" and tree.text(tree.field(node, "operator")) == "delete":
        return _deleted(t, tree.bare(tree.field(node, "argument")))
    return None


def _assignment(t: Translator, target: Node, value: Node) -> Block:
    target, value = tree.bare(target), tree.bare(value)
    if tree.text(target) in {"module.exports", "exports"}:
        return _exported(t, value)
    if value.type == "assignment_expression":
        inner = tree.field(value, "left")
        first = _assignment(t, inner, tree.field(value, "right"))
        return Block([*first.lines, *_assignment(t, target, inner).lines])
    chained = chains.assigned(t, target, value)
    if chained is not None:
        return Block(chained)
    return Block(assign(t, target, settled(t.expression(value))))


def _exported(t: Translator, value: Node) -> Block:
    while value.type == "assignment_expression":
        value = tree.bare(tree.field(value, "right"))
    if value.id == t.hook.id:
        return Block(functions.definition(t, value, ""))
    binding = t.bindings.of(value) if value.type == "identifier" else None
    if binding is None or binding.function is None or binding.function.id != t.hook.id:
        raise Untranslatable("module.exports is set a second time")
    return Block([])


def assign(t: Translator, target: Node, code: Code) -> list[Line]:
    """The assignment of `code` to whatever `target` is."""
    if target.type == "identifier":
        name = assigned_name(t, target)
        if not code.type.may_be(Kind.NOTHING):
            t.facts |= {name}
        return [Line(f"{name} = {code.text}")]
    if target.type in _MEMBERS:
        return [_member_assigned(t, target, code)]
    return patterns.taken_apart(t, target, code)


def assigned_name(t: Translator, target: Node) -> str:
    """The name of a variable that is assigned to, which makes it one of this function."""
    binding = t.bindings.of(target)
    if binding is None:
        raise Untranslatable(f"nothing declares {tree.text(target)}")
    if binding.is_constant:
        raise Untranslatable(f"{binding.name} is a const, so that JavaScript fails here")
    if t.callbacks.of(target) is not None:
        raise Untranslatable("the callback is replaced here by something else")
    t.frame.assigned.add(binding)
    t.forget(binding.python)
    if binding.scope.node.id == t.hook.id and binding.python in variables.ARGUMENTS:
        t.effects.arguments.add(binding.python)
    return binding.python


def _member_assigned(t: Translator, target: Node, code: Code) -> Line:
    owner_node = tree.bare(tree.field(target, "object"))
    owner, key = t.expression(owner_node), members.key_of(t, target)
    if owner.type.shape is Shape.ERROR and target.type == "member_expression":
        return Line(f"{owner.at(Rank.ATOM)}.{key.constant} = {code.text}")
    if not owner.type.may_be(Kind.TABLE | Kind.LIST) or owner.type.shape in properties.OBJECTS:
        raise Untranslatable("this has no properties that could be set")
    if key.constant == "length":
        if code.text != "0":
            raise Untranslatable("the length of a list cannot be set")
        return Line(f"{owner.at(Rank.ATOM)}.clear()")
    if key.text == f"len({owner.text})" and owner.type.is_only(Kind.LIST):
        return Line(f"{owner.at(Rank.ATOM)}.append({code.text})")
    if owner.type.is_only(Kind.TABLE):
        key = as_text(t, key)
    subscript = f"{owner.at(Rank.ATOM)}[{key.text}]"
    t.forget_below(subscript)
    is_token = owner.type.shape is Shape.TOKEN
    if is_token:
        review.review_claim(t, target, key)
    if code.type.may_be(Kind.UNDEFINED) and code.type.shape is not Shape.SCOPE:
        binding = t.bindings.of(owner_node) if owner_node.type == "identifier" else None
        if not is_token or binding is None or t.types.is_put(binding):
            return Line(f"{t.need('js_put')}({owner.text}, {key.text}, {code.text})")
        t.effects.missing.add(owner.text)
    elif not code.type.may_be(Kind.NULL):
        t.facts |= {subscript}
    return Line(f"{subscript} = {code.text}")


def _augmented(t: Translator, node: Node) -> Block:
    target = tree.bare(tree.field(node, "left"))
    sign = tree.text(tree.field(node, "operator")).removesuffix("=")
    value = tree.field(node, "right")
    if sign in {"||", "&&", "??"}:
        return Block(assign(t, target, logic.combined(t, sign, target, value)))
    left, right = t.expression(target), t.expression(value)
    code = operators.applied(t, sign, left, right)
    operand = as_text(t, right) if left.type.is_only(Kind.TEXT) else as_number(t, right)
    tight = Rank.SIGN if sign == "*" else Rank.PRODUCT
    if target.type == "identifier" and code.text == f"{left.text} {sign} {operand.at(tight)}":
        return Block([Line(f"{assigned_name(t, target)} {sign}= {operand.text}")])
    return Block(assign(t, target, code))


def _updated(t: Translator, node: Node) -> Block:
    target = tree.bare(tree.field(node, "argument"))
    sign = tree.text(tree.field(node, "operator"))[0]
    left = t.expression(target)
    if left.type.is_only(Kind.NUMBER | Kind.NAN) and target.type == "identifier":
        return Block([Line(f"{assigned_name(t, target)} {sign}= 1")])
    number, one = as_number(t, left), int_code(1)
    code = Code(f"{number.at(Rank.SUM)} {sign} {one.text}", kinds.MAYBE_NAN, Rank.SUM)
    return Block(assign(t, target, code))


def _deleted(t: Translator, target: Node) -> Block:
    if target.type not in _MEMBERS:
        raise Untranslatable("only properties can be deleted")
    owner, key = t.expression(tree.field(target, "object")), members.key_of(t, target)
    if not owner.type.may_be(Kind.TABLE) or owner.type.shape in properties.OBJECTS:
        raise Untranslatable("this has no properties that could be deleted")
    t.forget_below(f"{owner.at(Rank.ATOM)}[{key.text}]")
    return Block([Line(f"{owner.at(Rank.ATOM)}.pop({as_text(t, key).text}, None)")])


def written_type(t: Translator, node: Node) -> Type:
    """The type of what a variable is set to: by a value, `+=` and the like, or `++`."""
    if node.type == "update_expression":
        return kinds.INT
    if node.type != "augmented_assignment_expression":
        return t.expression(node).type
    sign = tree.text(tree.field(node, "operator"))
    kind = t.expression(tree.field(node, "right")).type
    if sign in {"+=", "||=", "&&=", "??="}:
        is_plain = kind.is_only(Kind.TEXT | Kind.NUMBER) or sign != "+="
        return kind if is_plain else Type(Kind.TEXT | Kind.NUMBER | Kind.NAN)
    return kind if kind.is_only(Kind.NUMBER) and sign in {"-=", "*="} else kinds.MAYBE_NAN


def expression(t: Translator, node: Node) -> Code:
    """An assignment whose value is used."""
    target = tree.bare(tree.field(node, "left"))
    if target.type != "identifier":
        raise Untranslatable("the value of this assignment cannot be used in Python")
    code = t.expression(tree.field(node, "right"))
    return Code(f"({assigned_name(t, target)} := {code.text})", code.type)


EXPRESSIONS: Final = {"assignment_expression": expression}
