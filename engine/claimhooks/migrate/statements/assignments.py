"""Declarations, assignments, `++` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.migrate import facts, kinds, review
from claimhooks.migrate.calls import functions, http
from claimhooks.migrate.calls.local import settled
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Block, Code, Line, Rank, int_code, quoted
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.statements import chains, patterns
from claimhooks.migrate.values import logic, members, operators, properties
from claimhooks.migrate.values.arrays_and_objects import stored
from claimhooks.migrate.values.coercion import as_number, as_text

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def declared(t: Translator, node: Node) -> Block:
    """`const`, `let` and `var`."""
    lines: list[Line] = []
    for declarator in tree.children(node):
        lines.extend(_declarator(t, declarator))
    return Block(lines)


def _declarator(t: Translator, node: Node) -> list[Line]:
    target, value = tree.field(node, "name"), tree.maybe(node, "value")
    if value is None:
        return [Line(f"{_declared_name(t, target)} = None")]
    if modules.module_of(value, t.bindings, t.modules) is not None or _is_options(t, target):
        return []
    value = tree.bare(value)
    binding = t.bindings.of(target)
    if value.type in tree.LITERAL_FUNCTIONS and binding is not None:
        t.frame.declared.add(binding)
        if binding.function is not None:
            return functions.definition(t, value, binding.python)
    return chains.assigned(t, target, value) or _with_value(t, target, value)


def _with_value(t: Translator, target: Node, value: Node) -> list[Line]:
    code = settled(t.expression(value))
    if target.type != "identifier":
        return patterns.taken_apart(t, target, code)
    name = _declared_name(t, target)
    if not t.types.of_name(target).may_be(Kind.NOTHING):
        t.facts |= facts.learned(t, target, outcome=True)
    # What a table has from the beginning.
    t.facts |= {f"{name}[{quoted(key)}]" for key in code.type.fields}
    return [Line(f"{name} = {code.text}")]


def _declared_name(t: Translator, target: Node) -> str:
    binding = t.binding(target)
    t.frame.declared.add(binding)
    t.forget(binding.python)
    return binding.python


def _is_options(t: Translator, target: Node) -> bool:
    """Whether a variable only holds the options of HTTP requests, which are written there."""
    binding = t.bindings.of(target) if target.type == "identifier" else None
    if binding is None or not binding.references or len(binding.writes) != 1:
        return False
    if binding.members_written or tree.bare(binding.writes[0]).type != "object":
        return False
    calls = [one.parent and one.parent.parent for one in binding.references]
    return all(
        call is not None
        and call.type == "call_expression"
        and http.module_called(t, tree.field(call, "function")) is not None
        for call in calls
    )


def assigned(t: Translator, node: Node) -> Block | None:
    """An assignment as a statement, if `node` is one."""
    if node.type == "assignment_expression":
        return _assignment(t, tree.field(node, "left"), tree.field(node, "right"))
    if node.type == "augmented_assignment_expression":
        return _augmented(t, node)
    if node.type == "update_expression":
        return _updated(t, node)
    return _deleted(t, tree.bare(tree.field(node, "argument"))) if tree.is_delete(node) else None


def _assignment(t: Translator, target: Node, value: Node) -> Block:
    target, value = tree.bare(target), tree.bare(value)
    if tree.text(target) in {"module.exports", "exports"}:
        return _exported(t, value)
    chained = chains.assigned(t, target, value)
    if chained is not None:
        return Block(chained)
    return Block(_assign(t, target, settled(t.expression(value))))


def _exported(t: Translator, value: Node) -> Block:
    while value.type == "assignment_expression":
        value = tree.bare(tree.field(value, "right"))
    if value.id == t.hook.id:
        return Block(functions.definition(t, value, ""))
    found = t.callbacks.function_of(value)
    if found is None or found[1].id != t.hook.id:
        raise Untranslatable("module.exports is set a second time")
    return Block([])


def _assign(t: Translator, target: Node, code: Code) -> list[Line]:
    """The assignment of `code` to whatever `target` is."""
    if target.type in tree.MEMBERS:
        return [_member_assigned(t, target, code)]
    if target.type != "identifier":
        raise Untranslatable("this pattern has no translation")
    name = assigned_name(t, target)
    if not code.type.may_be(Kind.NOTHING):
        t.facts |= facts.learned(t, target, outcome=True)
    return [Line(f"{name} = {code.text}")]


def assigned_name(t: Translator, target: Node) -> str:
    """The name of a variable that is assigned to, which makes it one of this function."""
    binding = t.binding(target)
    if binding.is_constant:
        raise Untranslatable(f"{binding.name} is a const, so that JavaScript fails here")
    if t.callbacks.of(target) is not None:
        raise Untranslatable("the callback is replaced here by something else")
    t.frame.assigned.add(binding)
    t.forget(binding.python)
    if binding.scope.node.id == t.hook.id and binding.python in members.ARGUMENTS:
        t.effects.arguments.add(binding.python)
    return binding.python


def _member_assigned(t: Translator, target: Node, code: Code) -> Line:
    owner, key = t.expression(tree.field(target, "object")), members.key_of(t, target)
    if owner.type.shape is Shape.ERROR and target.type == "member_expression":
        return Line(f"{owner.at(Rank.ATOM)}.{key.constant} = {code.text}")
    if not owner.type.may_be(Kind.TABLE | Kind.LIST) or owner.type.shape in properties.OBJECTS:
        raise Untranslatable("this has no properties that could be set")
    if key.constant == "length" or key.text == f"len({owner.text})":
        raise Untranslatable("a list cannot be made longer or shorter so")
    if owner.type.is_only(Kind.TABLE):
        key = as_text(t, key)
    subscript = f"{owner.at(Rank.ATOM)}[{key.text}]"
    t.forget(subscript)
    if owner.type.shape is Shape.TOKEN:
        review.review_claim(t, target, key)
    code = stored(code, key.constant)
    kind = code.type
    if kind.may_be(Kind.UNDEFINED):
        t.leave_out(target, kind)
        return Line(f"{t.need('js_put')}({owner.text}, {key.text}, {code.text})")
    if not kind.may_be(Kind.NULL):
        t.facts |= {subscript}
    return Line(f"{subscript} = {code.text}")


def _augmented(t: Translator, node: Node) -> Block:
    target = tree.bare(tree.field(node, "left"))
    sign = tree.text(tree.field(node, "operator")).removesuffix("=")
    value = tree.field(node, "right")
    if sign in {"||", "&&", "??"}:
        return Block(_assign(t, target, logic.combined(t, sign, target, value)))
    left, right = t.expression(target), t.expression(value)
    code = operators.applied(t, sign, left, right)
    operand = as_text(t, right) if left.type.is_only(Kind.TEXT) else as_number(t, right)
    tight = Rank.SIGN if sign == "*" else Rank.PRODUCT
    if target.type == "identifier" and code.text == f"{left.text} {sign} {operand.at(tight)}":
        return Block([Line(f"{assigned_name(t, target)} {sign}= {operand.text}")])
    return Block(_assign(t, target, code))


def _updated(t: Translator, node: Node) -> Block:
    target = tree.bare(tree.field(node, "argument"))
    sign = tree.text(tree.field(node, "operator"))[0]
    left = t.expression(target)
    if left.type.is_only(Kind.NUMBER | Kind.NAN) and target.type == "identifier":
        return Block([Line(f"{assigned_name(t, target)} {sign}= 1")])
    return Block(_assign(t, target, operators.applied(t, sign, as_number(t, left), int_code(1))))


def _deleted(t: Translator, target: Node) -> Block:
    if target.type not in tree.MEMBERS:
        raise Untranslatable("only properties can be deleted")
    owner, key = t.expression(tree.field(target, "object")), members.key_of(t, target)
    if not owner.type.may_be(Kind.TABLE) or owner.type.shape in properties.OBJECTS:
        raise Untranslatable("this has no properties that could be deleted")
    t.forget(f"{owner.at(Rank.ATOM)}[{key.text}]")
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
