"""Calls: of functions of the script, of what JavaScript brings, and of methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import (
    functions,
    http,
    listmethods,
    local,
    objectmethods,
    standard,
    textmethods,
)
from claimhooks.migrate.kinds import Kind, Shape
from claimhooks.migrate.python.code import Code, call
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.script.callbacks import is_chain
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.statements import answers
from claimhooks.migrate.values import members
from claimhooks.migrate.values.coercion import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

    Method = Callable[[Translator, Code, list[Node]], Code]


def call_expression(t: Translator, node: Node) -> Code:
    """A call whose value is used."""
    if tree.field(node, "arguments").type == "template_string":
        raise Untranslatable("tagged templates have no translation")
    callee = tree.bare(tree.field(node, "function"))
    if answers.exception_name(t, node):
        return answers.exception(t, node)
    module = modules.module_of(callee, t.bindings, t.modules)
    if module is not None:
        return _of_module(t, node, module)
    if callee.type == "member_expression":
        return _method(t, node, callee)
    if callee.type in tree.LITERAL_FUNCTIONS:
        name = functions.defined(t, callee, "step")
        return local.called(t, node, name, callee)
    if callee.type == "identifier":
        return _by_name(t, node, callee)
    raise Untranslatable("what this calls cannot be seen here")


def _by_name(t: Translator, node: Node, callee: Node) -> Code:
    if t.callbacks.of(callee) is not None:
        raise Untranslatable("the callback is called where only a value can stand")
    binding = t.bindings.of(callee)
    if binding is None:
        return standard.function(t, node, tree.text(callee))
    if binding.function is not None:
        return local.local_call(t, node, binding, binding.function)
    texts = [local.spread_text(t, one) for one in tree.arguments(node)]
    return call(t.expression(callee).text, texts, kinds.ANY)


def _of_module(t: Translator, node: Node, module: str) -> Code:
    if modules.is_request(module):
        if module.partition(".")[0] in modules.REQUEST:
            raise Untranslatable("the callback of this request cannot be seen here")
        if t.frame.node.id == t.program.id:
            raise Untranslatable("nothing can be looked up while a hook file is loaded")
        return http.request(t, node, module)
    raise Untranslatable(modules.advice(module))


def _method(t: Translator, node: Node, callee: Node) -> Code:
    owner_node = tree.bare(tree.field(callee, "object"))
    name = tree.text(tree.field(callee, "property"))
    if tree.text(callee).endswith("hasOwnProperty.call"):
        owner_node, *given = tree.arguments(node)
        return objectmethods.has_own_property(t, t.expression(owner_node), given)
    if owner_node.type == "identifier" and t.bindings.of(owner_node) is None:
        return standard.method(t, node, tree.text(owner_node), name)
    if is_chain(node):
        raise Untranslatable("this chain of promises stands where only a value can")
    owner = t.expression(owner_node, is_link=True)
    if members.is_optional(callee) and owner.type.may_be(Kind.NOTHING):
        owner = members.guard(t, callee, owner)
    code = _of_owner(t, node, owner, name)
    return members.chained(t, node, code)


def _of_owner(t: Translator, node: Node, owner: Code, name: str) -> Code:
    shape = owner.type.shape
    given = tree.arguments(node)
    if shape is Shape.FETCH:
        return http.response_method(owner, name)
    if shape in objectmethods.SHAPES:
        return objectmethods.of_shape(t, owner, name, given)
    rule = _OF_ALL.get(name) or _method_of(owner, name)
    if name in listmethods.METHODS and not owner.type.may_be(Kind.LIST):
        # A text has no such method in JavaScript either.
        owner = Code(owner.text, kinds.ANY, owner.rank)
    if name not in _OF_ALL and owner.type.is_only(Kind.NUMBER | Kind.NAN | Kind.BOOL):
        rule = None
    if rule is None:
        raise Untranslatable(f"the method {name} has no translation")
    return rule(t, owner, given)


def _method_of(owner: Code, name: str) -> Method | None:
    """The rule for a method of a text or an array, whichever `owner` is."""
    of_text = textmethods.METHODS.get(name) if owner.type.may_be(Kind.TEXT) else None
    of_list = listmethods.METHODS.get(name)
    if of_text is None or of_list is None:
        return of_text or of_list
    if owner.type.is_only(Kind.TEXT | Kind.NOTHING):
        return of_text
    # The rules for arrays do for both, where both have the method.
    return of_list


_OF_ALL: Final[Mapping[str, Method]] = {
    "hasOwnProperty": objectmethods.has_own_property,
    "toString": to_text,
}


def new_expression(t: Translator, node: Node) -> Code:
    """`new`."""
    if answers.exception_name(t, node):
        return answers.exception(t, node)
    name = tree.text(tree.field(node, "constructor"))
    made = standard.made(t, name, tree.arguments(node))
    if made is None:
        raise Untranslatable(f"the object new {name} has no translation")
    return made


EXPRESSIONS: Final = {"call_expression": call_expression, "new_expression": new_expression}
