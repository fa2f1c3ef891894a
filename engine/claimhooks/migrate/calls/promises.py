"""`await`, and promises: each is awaited where it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import handed, local
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Type, promise_of
from claimhooks.migrate.python.code import Code, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import is_chain

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def awaited(t: Translator, node: Node) -> Code:
    """`await`: whatever is a promise has been awaited where it was made."""
    inner = tree.bare(tree.children(node)[0])
    if inner.type == "new_expression":
        code = new_promise(t, inner)
        return Code(code.text, kinds.awaited(code.type), code.rank)
    if is_chain(inner):
        raise Untranslatable("this chain of promises stands where only a value can")
    code = t.expression(inner)
    return Code(code.text, kinds.awaited(code.type), code.rank, code.constant)


def new_promise(t: Translator, node: Node) -> Code:
    """`new Promise(executor)`: a function of its own, called at once."""
    given = tree.arguments(node)
    if tree.text(tree.field(node, "constructor")) != "Promise" or len(given) != 1:
        raise Untranslatable("this object cannot be made in Python")
    if given[0].type not in tree.LITERAL_FUNCTIONS:
        raise Untranslatable("what this promise does cannot be seen here")
    name = handed.defined(t, given[0], "step")
    code = call(name, [], kinds.ANY)
    return local.awaited_call(t, Code(code.text, kinds.ANY), given[0])


def all_of(t: Translator, node: Node) -> Code:
    """`Promise.all([…])`: one after the other."""
    given = tree.arguments(node)
    code = t.expression(given[0]) if given else Code("[]", kinds.ANY)
    kind = code.type
    settled = Type(
        kind.kinds,
        None if kind.of is None else kinds.awaited(kind.of),
        kind.shape,
        {name: kinds.awaited(one) for name, one in kind.fields.items()},
    )
    return Code(code.text, promise_of(settled), code.rank)


def made_promise(t: Translator, node: Node) -> Code:
    """`Promise.resolve(x)`."""
    given = tree.arguments(node)
    code = t.expression(given[0]) if given else Code("None", kinds.UNDEFINED)
    return Code(code.text, promise_of(kinds.awaited(code.type)), code.rank)


EXPRESSIONS: Final = {"await_expression": awaited}
