"""The course of one hook: what runs when it is loaded and when it is called."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from claimhooks.analysis.names import HOOKIMPL, Assigned, Instance, Names
from claimhooks.analysis.scopes import File, Parameter, Scope
from claimhooks.loading import ARGUMENTS
from claimhooks.syntax import HOOK_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from claimhooks.settings import HookSettings

_OF_SETTINGS: Final = ("secrets", "generation")
_CONSTRUCTING: Final = ("__new__", "__init__", "__post_init__")


class Course:
    """All that is known about what one hook does."""

    def __init__(self, name: str, file: File, settings: HookSettings, names: Names) -> None:
        self.name: Final = name
        self.file: Final = file
        self.settings: Final = settings
        self.names: Final = names
        self.function: Final = hook_of(file, names)
        """None: loading will tell why there is none."""
        is_plain = self.function is not None and names.is_undecorated(self.function)
        self.undecorated: Final = self.function if is_plain else None
        """The function, if what it takes and returns is the hook's: no decorator changes it."""
        self.loading: Final = self._closure([file.scope], self._touched)
        """What runs when the hook's file is loaded, helpers and all."""
        start = [] if self.function is None else [self.function]
        self.acting: Final = self._closure(start, self._touched)
        """What runs, or may do so, for an exchange: what is called, or handed to somebody who
        may call it."""
        self.called: Final = self._closure(start, self._calls)
        """What runs for an exchange before the hook goes on: what is called."""
        self.contexts: Final[set[Parameter]] = set()
        """The parameters that are the hook's `context`."""
        self.of_exchange: Final[set[Parameter]] = set()
        """The parameters that have something of the exchange in them."""
        self._pass_on()

    @property
    def running(self) -> list[Scope]:
        """Everything, each scope once, what is called for an exchange first."""
        return [*dict.fromkeys((*self.acting, *self.loading))]

    def is_context(self, node: ast.expr, scope: Scope) -> bool:
        """Whether `node` is the `context` of the hook."""
        return self.names.value(node, scope) in self.contexts

    def tells_of_exchange(self, node: ast.AST, scope: Scope) -> bool:
        """Whether something of the exchange is, or has made, a part of `node`."""
        return bool(self._sources(node, scope) & self.of_exchange)

    def _closure(
        self, start: Iterable[Scope], step: Callable[[Scope], Iterable[Scope]]
    ) -> list[Scope]:
        found = dict.fromkeys(start)
        todo = [*found]
        while todo:
            new = [scope for scope in step(todo.pop()) if scope not in found]
            found.update(dict.fromkeys(new))
            todo.extend(new)
        return [*found]

    def _touched(self, scope: Scope) -> Iterator[Scope]:
        yield from scope.inner
        for node in scope.loads():
            yield from _entered(self.names.value(node, scope))
        for statement in scope.of_kind(ast.ImportFrom):
            yield from self._imported(scope, statement)

    def _calls(self, scope: Scope) -> Iterator[Scope]:
        for call in scope.of_kind(ast.Call):
            yield from self._called_by(call, scope)

    def _called_by(self, call: ast.Call, scope: Scope) -> Iterator[Scope]:
        """The functions of the snapshot that `call` surely runs, with what it gives to them.

        A decorator may give them something else, or have a thread run them.
        """
        called = _entered(self.names.value(call.func, scope), is_called=True)
        return filter(self.names.is_undecorated, called)

    def _imported(self, scope: Scope, statement: ast.ImportFrom) -> Iterator[Scope]:
        """The modules of the snapshot that an import loads."""
        if not statement.level:
            return
        kept = len(scope.file.package) - statement.level + 1
        module = [*scope.file.package[: max(kept, 0)], *(statement.module or "").split(".")]
        name = tuple(filter(None, module))
        for parts in (name, *((*name, alias.name) for alias in statement.names)):
            if parts in self.names.files:
                yield self.names.files[parts].scope

    def _pass_on(self) -> None:
        """Follow the hook's arguments into the functions that it calls."""
        if self.function is None:
            return
        for parameter in self.function.parameters:
            if parameter.arg in ARGUMENTS:
                self.of_exchange.add(Parameter(self.function, parameter.arg))
            if parameter.arg == "context" and self.undecorated is not None:
                self.contexts.add(Parameter(self.function, parameter.arg))
        before = -1
        while before != (before := len(self.of_exchange) + len(self.contexts)):
            for scope in self.acting:
                for call in scope.of_kind(ast.Call):
                    for given, value in self.passed(call, scope):
                        if self.is_context(value, scope):
                            self.contexts.add(given)
                        if self.tells_of_exchange(value, scope):
                            self.of_exchange.add(given)

    def passed(self, call: ast.Call, scope: Scope) -> Iterator[tuple[Parameter, ast.expr]]:
        """The parameters of functions of the snapshot that `call` gives values to."""
        for function in self._called_by(call, scope):
            for name, value in self.names.arguments(call, function, scope):
                yield Parameter(function, name), value

    def _sources(self, node: ast.AST, scope: Scope) -> set[Parameter]:
        """The parameters that `node` is made of, through names that are given one value."""
        found: set[Parameter] = set()
        todo: list[tuple[ast.AST, Scope]] = [(node, scope)]
        seen: set[ast.AST] = set()
        while todo:
            part, where = todo.pop()
            if part in seen:
                continue
            seen.add(part)
            if isinstance(part, ast.Attribute) and self._is_of_settings(part, where):
                continue
            if isinstance(part, ast.Name):
                definition = self.names.definition(part, where)
                if isinstance(definition, Parameter):
                    found.add(definition)
                elif isinstance(definition, Assigned):
                    todo.append((definition.value, definition.scope))
            else:
                todo.extend((child, where) for child in ast.iter_child_nodes(part))
        return found

    def _is_of_settings(self, node: ast.Attribute, scope: Scope) -> bool:
        """Whether `node` is a part of `context` that is the same for all exchanges."""
        return node.attr in _OF_SETTINGS and self.is_context(node.value, scope)


def hook_of(file: File, names: Names) -> Scope | None:
    """The function of `file` that is its hook."""
    named = names.definition(ast.Name(HOOK_NAME, ast.Load()), file.scope)
    if isinstance(named, Scope) and not named.is_class:
        return named
    for bindings in file.scope.bindings.values():
        for function in (binding.value for binding in bindings):
            if isinstance(function, Scope) and _is_named_hook(function, names):
                return function
    return None


def _is_named_hook(function: Scope, names: Names) -> bool:
    for decorator in function.decorators:
        match decorator:
            case ast.Call(func=marker, keywords=keywords):
                if names.outside(marker, function.file.scope) in HOOKIMPL:
                    return any(
                        keyword.arg == "specname"
                        and isinstance(keyword.value, ast.Constant)
                        and keyword.value.value == HOOK_NAME
                        for keyword in keywords
                    )
            case _:
                pass
    return False


def _entered(value: object, *, is_called: bool = False) -> Iterator[Scope]:
    """The functions that run by calling `value`, or else may run as it is handed around."""
    if isinstance(value, Scope) and not value.is_class:
        yield value
    owner = value.of if isinstance(value, Instance) else value
    if isinstance(owner, Scope) and owner.is_class:
        by_call = ("__call__",) if isinstance(value, Instance) else _CONSTRUCTING
        for name, bindings in owner.bindings.items():
            is_special = name.startswith("__") and name.endswith("__")
            if name in by_call or (is_special and not is_called):
                yield from (b.value for b in bindings if isinstance(b.value, Scope))
