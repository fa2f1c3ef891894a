"""Whether what a function does to one of its names still holds when it returns."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claimhooks.analysis.scopes import Scope

_BLOCKS: Final = ("body", "orelse", "finalbody")


class Lasting:
    """Looks at what comes after a statement."""

    def __init__(self) -> None:
        self._turns: dict[tuple[ast.AST, str, str], list[tuple[int, bool]]] = {}

    def lasts(self, name: str, node: ast.AST, scope: Scope) -> bool:
        """Whether what `node` does to `name` is not undone by what surely comes after it."""
        inner, around = node, scope.file.parent(node)
        while around is not None and inner is not scope.node:
            for block in _BLOCKS:
                statements = cast("Sequence[ast.AST] | ast.AST", getattr(around, block, ()))
                if isinstance(statements, list) and inner in statements:
                    place = statements.index(inner)
                    for at, lasts in self._turns_of(name, around, block):
                        if at > place:
                            return lasts
            inner, around = around, scope.file.parent(around)
        return True

    def _turns_of(self, name: str, around: ast.AST, block: str) -> list[tuple[int, bool]]:
        """The statements of a block that decide it for all before them: which, and how."""
        key = (around, block, name)
        if key not in self._turns:
            turns = [_decides(statement, name) for statement in getattr(around, block)]
            self._turns[key] = [(at, lasts) for at, lasts in enumerate(turns) if lasts is not None]
        return self._turns[key]


def _decides(statement: ast.AST, name: str) -> bool | None:
    """False: what `name` was is gone; True: it may be returned; None: neither."""
    match statement:
        case ast.Raise() | ast.Return(value=None | ast.Constant()):
            return False
        case ast.Assign(targets=targets) if any(_is(target, name) for target in targets):
            return False
        case ast.AnnAssign(target=target, value=ast.expr()) if _is(target, name):
            return False
        case _:
            returned = (one for one in ast.walk(statement) if isinstance(one, ast.Return))
            return any(_has(one, name) for one in returned) or None


def _has(node: ast.AST, name: str) -> bool:
    """Whether `name` is a part of `node`, and not just what something is called with."""
    if isinstance(node, ast.Call):
        return False
    return _is(node, name) or any(_has(child, name) for child in ast.iter_child_nodes(node))


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
