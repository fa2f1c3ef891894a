"""Calls of callbacks: `cb(null, token)` is `return`, `cb(new InvalidScopeError())` is `raise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds, review
from claimhooks.migrate.kinds import Kind, Shape
from claimhooks.migrate.python.code import Block, Code, Line, call, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import Ends
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values.arrays_and_objects import spread
from claimhooks.migrate.values.coercion import as_text, truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.callbacks import Callback
    from claimhooks.migrate.translator import Translator

EXCEPTIONS: Final = {
    "InvalidScopeError": "InvalidScope",
    "InvalidRequestError": "InvalidRequest",
    "ServerError": "ServerError",
    "Error": "RuntimeError",
    "TypeError": "TypeError",
    "RangeError": "ValueError",
    "SyntaxError": "ValueError",
}
OAUTH: Final = frozenset({"InvalidScope", "InvalidRequest", "ServerError"})
_NOTHING: Final = frozenset({"null", "undefined", "false"})


def exception(t: Translator, node: Node) -> Code:
    """`new Error(text)` and its like."""
    python = EXCEPTIONS[exception_name(t, node)]
    if python in OAUTH:
        t.effects.names.add(python)
    given = tree.arguments(node)[:1]
    return call(python, [as_text(t, t.expression(one)).text for one in given], kinds.ERROR)


def exception_name(t: Translator, node: Node) -> str:
    """The kind of the error that `node` makes anew, if it is one that hooks know."""
    if node.type not in {"new_expression", "call_expression"}:
        return ""
    made = tree.field(node, "constructor" if node.type == "new_expression" else "function")
    is_known = t.bindings.of(made) is None and tree.text(made) in EXCEPTIONS
    return tree.text(made) if is_known else ""


def raised(t: Translator, node: Node) -> Line:
    """The `raise` of what `node` evaluates to."""
    node = tree.bare(node)
    code = t.expression(node)
    if code.type.shape is Shape.ERROR:
        return Line(f"raise {code.text}")
    if code.type.may_be(Kind.LIST | Kind.TABLE) and not code.type.may_be(Kind.OBJECT):
        raise Untranslatable("what is raised here is no error")
    if code.type.may_be(Kind.OBJECT):
        return Line(f"raise {t.need('js_error')}({code.text})")
    return Line(f"raise RuntimeError({as_text(t, code).text})")


def answered(t: Translator, node: Node, callback: Callback) -> Block:
    """What a call of a callback does."""
    given = tree.arguments(node)
    if any(one.type == "spread_element" for one in given):
        raise Untranslatable("what the callback is given cannot be seen here")
    if callback.ends is Ends.HOOK:
        return _of_hook(t, node, given)
    codes = [t.expression(one).text for one in given]
    codes += ["None"] * (callback.size - len(codes))
    text = codes[0] if len(codes) == 1 else ", ".join(codes)
    return Block([Line(f"return {text}")], completes=False)


def _of_hook(t: Translator, node: Node, given: list[Node]) -> Block:
    failing = given[0] if given else None
    if failing is None or tree.bare(failing).type in _NOTHING:
        return Block([*_granted(t, node, given[1:2])], completes=False)
    made = tree.bare(failing)
    if exception_name(t, made) == "Error":
        t.remark(
            node,
            "the client is told server_error, without this text; raise ServerError to show it",
        )
    if len(given) == 1 or exception_name(t, made):
        return Block([raised(t, failing)], completes=False)
    code = t.expression(failing)
    if not code.type.may_be(Kind.NOTHING) and code.type.shape is Shape.ERROR:
        return Block([raised(t, failing)], completes=False)
    test = truth(t, code)
    refused = suite(f"if {test.text}", Block([raised(t, failing)]))
    return Block([*refused, *_granted(t, node, given[1:2])], completes=False)


def _granted(t: Translator, node: Node, given: list[Node]) -> list[Line]:
    """The patch that a hook answers with, as the old system took it."""
    answer = tree.bare(given[0]) if given else None
    if answer is None or answer.type in _NOTHING:
        t.decide(node, "the hook answers with nothing, which is taken to clear the scopes")
        return [Line('return {"scope": []}')]
    code = t.expression(answer)
    review.review_answer(t, answer)
    if not code.type.may_be(Kind.TABLE):
        raise Untranslatable("the hook answers with something that is no object")
    text = code.text
    if "scope" in code.type.fields or f'{text}["scope"]' in t.facts:
        return [Line(f"return {text}")]
    t.remark(node, "where the answer leaves scope out, the scopes are cleared, as they were")
    if text == "{}":
        return [Line('return {"scope": []}')]
    if answer.type == "object" and text.startswith("{"):
        return [Line(f'return {{"scope": [], {text[1:]}')]
    return [Line(f'return {{"scope": [], **{spread(code)}}}')]
