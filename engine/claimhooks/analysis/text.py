"""Text that is known before anything runs: constants, and what is put together from them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from claimhooks.analysis.names import Assigned, Names
from claimhooks.analysis.scopes import Parameter, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_DEPTH: Final = 12


class Text(NamedTuple):
    """Text, or only its beginning."""

    start: str
    is_whole: bool = True

    def then(self, other: Text | None) -> Text:
        """This text followed by another, of which nothing may be known."""
        if not self.is_whole or other is None:
            return Text(self.start, is_whole=False)
        return Text(self.start + other.start, other.is_whole)


Known = dict[Parameter, Text]
"""The text that parameters have in the call that is being followed."""


class Texts:
    """Tells the text of expressions."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._alike: dict[ast.For | ast.comprehension, bool] = {}

    def of(
        self, node: ast.expr, scope: Scope, known: Mapping[Parameter, Text], depth: int = 0
    ) -> Text | None:
        """The text that `node` has in `scope`; None if nothing of it is known."""
        found: Text | None = None
        match node:
            case _ if depth > MAX_DEPTH:
                pass
            case ast.Constant(value=str(text)):
                found = Text(text)
            case ast.JoinedStr(values=parts):
                found = Text("")
                for part in parts:
                    found = found.then(self.of(part, scope, known, depth + 1))
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                found = self.of(value, scope, known, depth + 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                if (start := self.of(left, scope, known, depth + 1)) is not None:
                    found = start.then(self.of(right, scope, known, depth + 1))
            case ast.Name() | ast.Attribute():
                match self._names.definition(node, scope):
                    case Assigned(value, where):
                        found = self.of(value, where, known, depth + 1)
                    case Parameter() as parameter:
                        found = known.get(parameter)
                    case _:
                        pass
            case ast.Call():
                found = self._answered(node, scope, known, depth + 1)
            case _:
                pass
        return found

    def in_turn(self, node: ast.expr, scope: Scope) -> Iterator[Text]:
        """The texts that `node` has one after the other, if it is what a loop has of constants."""
        loop = _loop_of(node, scope) if isinstance(node, ast.Name) else None
        if loop is None:
            return
        if loop not in self._alike:
            self._alike[loop] = _takes_all_alike(loop, scope)
        if not self._alike[loop]:
            return
        items, where = loop.iter, scope
        if isinstance(found := self._names.definition(items, scope), Assigned):
            items, where = found.value, found.scope
        if isinstance(items, ast.Tuple | ast.List | ast.Set):
            yield from filter(None, (self.of(item, where, {}) for item in items.elts))

    def given(
        self,
        call: ast.Call,
        function: Scope,
        scope: Scope,
        known: Mapping[Parameter, Text],
        depth: int = 0,
    ) -> Known:
        """The text that the parameters of `function` have in `call`, which is in `scope`."""
        given = {
            name: self.of(value, scope, known, depth + 1)
            for name, value in self._names.arguments(call, function, scope)
        }
        unpacks = any(isinstance(value, ast.Starred) for value in call.args)
        if not unpacks and all(keyword.arg for keyword in call.keywords):
            for name, value in defaults_of(function):
                if name not in given:
                    given[name] = self.of(value, function.parent or scope, {}, depth + 1)
        return {Parameter(function, name): text for name, text in given.items() if text is not None}

    def _answered(
        self, call: ast.Call, scope: Scope, known: Mapping[Parameter, Text], depth: int
    ) -> Text | None:
        function = self._names.value(call.func, scope)
        if not isinstance(function, Scope) or not self._names.is_undecorated(function):
            return None
        if (result := _only_result(function)) is None:
            return None
        return self.of(result, function, self.given(call, function, scope, known, depth), depth)


def defaults_of(function: Scope) -> Iterator[tuple[str, ast.expr]]:
    """The parameters of `function` that have a default, and the defaults."""
    node = function.node
    if isinstance(node, ast.Module | ast.ClassDef):
        return
    with_default = function.parameters[len(function.parameters) - len(node.args.defaults) :]
    for parameter, value in zip(with_default, node.args.defaults, strict=True):
        yield parameter.arg, value
    for parameter, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if default is not None:
            yield parameter.arg, default


def _only_result(function: Scope) -> ast.expr | None:
    """What a function answers that does nothing but to answer."""
    if isinstance(function.node, ast.Lambda):
        return function.node.body
    if not isinstance(function.node, ast.FunctionDef):
        return None
    body = [statement for statement in function.node.body if not _is_docstring(statement)]
    only = body[0] if len(body) == 1 else None
    return only.value if isinstance(only, ast.Return) else None


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _loop_of(name: ast.Name, scope: Scope) -> ast.For | ast.comprehension | None:
    """The loop around `name` that it is the variable of."""
    around = scope.file.parent(name)
    while around is not None and around is not scope.node:
        loops = [around] if isinstance(around, ast.For) else getattr(around, "generators", [])
        for loop in cast("list[ast.For | ast.comprehension]", loops):
            if isinstance(loop.target, ast.Name) and loop.target.id == name.id:
                return loop
        around = scope.file.parent(around)
    return None


def _takes_all_alike(loop: ast.For | ast.comprehension, scope: Scope) -> bool:
    """Whether nothing in `loop` depends on the text of its variable."""
    whole = loop if isinstance(loop, ast.For) else scope.file.parent(loop)
    target = loop.target
    return (
        whole is not None
        and isinstance(target, ast.Name)
        and all(
            _takes_any(part, scope.file.parent(part))
            for part in ast.walk(whole)
            if isinstance(part, ast.Name) and part.id == target.id and part is not target
        )
    )


def _takes_any(node: ast.Name, around: ast.AST | None) -> bool:
    match around:
        case ast.Subscript() | ast.Dict() | ast.DictComp() | ast.FormattedValue() | ast.BinOp():
            return True
        case ast.Call(func=ast.Attribute()):
            return True  # `metadata.get(name)`
        case ast.Compare(left, [ast.In() | ast.NotIn()], [ast.Attribute() | ast.Call()]):
            return left is node  # `name in client.metadata`
        case _:
            return False
