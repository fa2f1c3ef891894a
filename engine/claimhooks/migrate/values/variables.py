"""Variables, and what is there without being declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Type
from claimhooks.migrate.python.code import NONE, Code
from claimhooks.migrate.script import modules, tree

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def name(t: Translator, node: Node) -> Code:
    """A variable."""
    binding = t.bindings.of(node)
    if binding is None:
        return _of_undeclared(node)
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


def _of_undeclared(node: Node) -> Code:
    known = _GLOBALS.get(tree.text(node))
    if known is None:
        raise Untranslatable(f"nothing declares {tree.text(node)}")
    return known


ARGUMENTS: Final = {
    "client": kinds.CLIENT,
    "scope": kinds.SCOPE,
    "audience": kinds.TEXT,
    "context": kinds.CONTEXT,
}
"""What a hook takes, and its types."""

_GLOBALS: Final = {
    "undefined": NONE,
    "NaN": Code('float("nan")', Type(Kind.NAN)),
    "Infinity": Code('float("inf")', kinds.NUMBER),
}
