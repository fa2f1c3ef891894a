"""What a name stands for, where that can be told before anything runs."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.analysis.scopes import Binding, File, Imported, Parameter, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_STEPS: Final = 30
"""How many definitions are followed from one name."""

HOOKIMPL: Final = ("claimhooks.hookimpl", "claimhooks.hookspec.hookimpl")
_BUILTINS: Final = frozenset(dir(builtins))
CACHES: Final = frozenset(
    {
        *("functools.cache", "functools.lru_cache", "functools.lru_cache()"),
        *("cachetools.cached()", "cachetools.func.lru_cache()", "cachetools.func.ttl_cache()"),
        *("async_lru.alru_cache", "async_lru.alru_cache()"),
    }
)
"""Decorators that keep what a function has answered."""
_TRANSPARENT: Final = frozenset(
    {
        "builtins.staticmethod",
        "builtins.classmethod",
        *(f"{marker}{call}" for marker in HOOKIMPL for call in ("", "()")),
        *CACHES,
    }
)
"""Decorators after which a function still does what it says."""
_STILL_A_PATH: Final = frozenset(
    {
        *("absolute", "cwd", "expanduser", "home", "joinpath", "parent", "relative_to", "resolve"),
        *("with_name", "with_stem", "with_suffix"),
    }
)
"""What makes one path out of another."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Something of Python or of an installed package."""

    name: str
    """Its full name, ``requests.get``; after a call, ``pathlib.Path()``."""


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the snapshot."""

    of: Scope


@dataclass(frozen=True, slots=True)
class Assigned:
    """The one value that a name is ever given, not followed further."""

    value: ast.expr
    scope: Scope
    """Where the name is bound."""


Value = Outside | Instance | Parameter | Scope | File
Definition = Value | Assigned


class Names:
    """Looks names up in the files of one snapshot."""

    def __init__(self, files: Mapping[tuple[str, ...], File]) -> None:
        self.files: Final = files
        self._values: dict[ast.expr, Value | None] = {}
        self._depth = 0
        self._stars: set[tuple[str, File]] = set()
        """The names that are being looked up where ``import *`` takes from."""

    def value(self, node: ast.expr, scope: Scope) -> Value | None:
        """What `node`, in `scope`, stands for, through every assignment on the way."""
        if node not in self._values:
            # Whoever comes by again while this is being looked up has gone round in a circle.
            self._values[node] = None
            if self._depth < MAX_STEPS:
                self._depth += 1
                self._values[node] = self._value(node, scope)
                self._depth -= 1
        return self._values[node]

    def outside(self, node: ast.expr, scope: Scope) -> str:
        """The full name of something of Python or a package; "" for anything else."""
        value = self.value(node, scope)
        return value.name if isinstance(value, Outside) else ""

    def definition(self, node: ast.expr, scope: Scope) -> Definition | None:
        """What the name or attribute `node` is bound to, if there is just one such thing."""
        if isinstance(node, ast.Name):
            return self._named(node.id, scope)
        if isinstance(node, ast.Attribute):
            return self._attribute(self.value(node.value, scope), node.attr)
        return None

    def arguments(
        self, call: ast.Call, function: Scope, scope: Scope
    ) -> Iterator[tuple[str, ast.expr]]:
        """The parameters of `function` and what `call`, in `scope`, gives for each.

        As far as can be told: nothing after a ``*`` by position.
        """
        skipped = int(self._has_receiver(call, function, scope))
        parameters = [parameter.arg for parameter in function.parameters][skipped:]
        for name, value in zip(parameters, call.args, strict=False):
            if isinstance(value, ast.Starred):
                break
            yield name, value
        for keyword in call.keywords:
            if keyword.arg is not None and keyword.arg in function.bindings:
                yield keyword.arg, keyword.value

    def _has_receiver(self, call: ast.Call, function: Scope, scope: Scope) -> bool:
        """Whether the first parameter of a method is given by what stands before the dot."""
        kind = _receiver(Parameter(function, function.first or ""))
        if kind is None or isinstance(kind, Scope):
            return kind is not None
        by_class = isinstance(call.func, ast.Attribute) and isinstance(
            self.value(call.func.value, scope), Scope
        )
        return not by_class

    def is_undecorated(self, function: Scope) -> bool:
        """Whether calling it runs the function as it is written, and answers what it returns."""
        where = function.parent or function
        return all(self.outside(node, where) in _TRANSPARENT for node in function.decorators)

    def _value(self, node: ast.expr, scope: Scope) -> Value | None:
        for _ in range(MAX_STEPS):
            match node:
                case ast.Name() | ast.Attribute():
                    found = self.definition(node, scope)
                    if not isinstance(found, Assigned):
                        return found
                    node, scope = found.value, found.scope
                case ast.NamedExpr(value=value):
                    node = value
                case ast.Call(func=function):
                    return _called(self.value(function, scope))
                case ast.BinOp(left=left, op=ast.Div()):
                    return _PATH if self.value(left, scope) == _PATH else None
                case ast.Lambda():
                    return next((one for one in scope.inner if one.node is node), None)
                case _:
                    return None
        return None

    def _named(self, name: str, scope: Scope) -> Definition | None:
        for around in _around(name, scope):
            if bindings := around.bindings.get(name):
                return self._bound(bindings, around)
        if (found := self._by_star(name, scope.file)) is not None or name not in _BUILTINS:
            return found
        return Outside(f"builtins.{name}")

    def _member(self, name: str, file: File) -> Definition | None:
        """What `name` is for those who import `file`."""
        if bindings := file.scope.bindings.get(name):
            return self._bound(bindings, file.scope)
        return self._by_star(name, file)

    def _by_star(self, name: str, file: File) -> Definition | None:
        """What `name` is by an ``import *`` of `file`."""
        if (name, file) in self._stars:
            return None
        self._stars.add((name, file))
        relative = (self._imported(star, file, name) for star in file.stars if star.level)
        found: Definition | None = next((one for one in relative if one is not None), None)
        self._stars.remove((name, file))
        absolute = [star.module for star in file.stars if not star.level]
        if found is None and len(absolute) == 1 and name not in _BUILTINS:
            return Outside(f"{absolute[0]}.{name}")
        return found

    def _bound(self, bindings: Iterable[Binding], scope: Scope) -> Definition | None:
        """What all of `bindings` agree on. None as a value is what a name has until it has one."""
        found: set[Definition | None] = set()
        for binding in bindings:
            if not _is_none(binding):
                found.add(self._one(binding, scope))
            if len(found) > 1:
                return None
        return found.pop() if found else None

    def _one(self, binding: Binding, scope: Scope) -> Definition | None:
        value = binding.value
        if isinstance(value, Imported):
            return self._imported(value, scope.file, value.name)
        if isinstance(value, Parameter):
            return _receiver(value) or value
        return Assigned(value, scope) if isinstance(value, ast.expr) else value

    def _imported(self, imported: Imported, file: File, name: str | None) -> Definition | None:
        if not imported.level or name is None:
            return Outside(f"{imported.module}.{name}" if name else imported.module)
        kept = len(file.package) - imported.level + 1
        if kept < 0:
            return None
        module = (*file.package[:kept], *filter(None, imported.module.split(".")))
        where = self.files.get(module)
        found = self._member(name, where) if where is not None else None
        return found or self.files.get((*module, name))

    def _attribute(self, base: Value | None, name: str) -> Definition | None:
        if isinstance(base, Outside):
            is_path = base in {_PATH, _PATH_CLASS} and name in _STILL_A_PATH
            return _PATH if is_path else Outside(f"{base.name}.{name}")
        if isinstance(base, File):
            return self._member(name, base)
        if isinstance(base, Instance):
            return self._of_object(base.of, name)
        return self._of_class(base, name) if isinstance(base, Scope) else None

    def _of_class(self, owner: Scope, name: str) -> Definition | None:
        for each in self._with_bases(owner):
            if name in each.bindings:
                return self._bound(each.bindings[name], each)
        return None

    def _of_object(self, owner: Scope, name: str) -> Definition | None:
        """What all objects of the class `owner`, and of those below it, have under `name`."""
        family = [*self._with_bases(owner)]
        for one in (one for file in self.files.values() for one in file.classes):
            is_below = one is not owner and owner in self._with_bases(one)
            if is_below and (name in one.bindings or name in one.of_objects):
                return None
        of_class = self._of_class(owner, name)
        given = [one for each in family for one in each.of_objects.get(name, ())]
        if isinstance(of_class, Scope) and not given:
            return of_class
        if not all(map(self._is_plain, family)):
            return None  # Such as a dataclass, whose objects have what they are made with.
        found = {self._one(binding, scope) for binding, scope in given if not _is_none(binding)}
        if of_class is not None:
            found.add(of_class)
        return found.pop() if len(found) == 1 else None

    def _is_plain(self, owner: Scope) -> bool:
        """Whether the class `owner` is as it is written."""
        if not isinstance(owner.node, ast.ClassDef) or owner.decorators or owner.node.keywords:
            return False
        bases = [self.value(base, owner.parent or owner) for base in owner.node.bases]
        return all(isinstance(base, Scope) or base == _OBJECT for base in bases)

    def _with_bases(self, owner: Scope) -> Iterator[Scope]:
        todo, seen = [owner], {owner}
        while todo:
            each = todo.pop(0)
            yield each
            if isinstance(each.node, ast.ClassDef) and each.parent is not None:
                bases = [self.value(base, each.parent) for base in each.node.bases]
                new = [base for base in bases if isinstance(base, Scope) and base not in seen]
                seen.update(new)
                todo.extend(new)


_PATH: Final = Outside("pathlib.Path()")
_OBJECT: Final = Outside("builtins.object")
_PATH_CLASS: Final = Outside("pathlib.Path")


def _called(function: Value | None) -> Value | None:
    """What calling `function` gives."""
    if isinstance(function, Outside):
        return function if function == _PATH else Outside(f"{function.name}()")
    return Instance(function) if isinstance(function, Scope) and function.is_class else None


def _around(name: str, scope: Scope) -> Iterator[Scope]:
    """The scopes that `name` is looked for in: classes only for what stands in them."""
    around: Scope | None = scope.file.scope if name in scope.globals else scope
    while around is not None:
        if around is scope or not around.is_class:
            yield around
        around = around.parent


def _is_none(binding: Binding) -> bool:
    return isinstance(binding.value, ast.Constant) and binding.value.value is None


def _receiver(parameter: Parameter) -> Instance | Scope | None:
    """What `self` and `cls` are, of a method of the snapshot."""
    scope, owner = parameter.scope, parameter.scope.parent
    if owner is None or not owner.is_class or parameter.name != scope.first:
        return None
    kinds = {node.id for node in scope.decorators if isinstance(node, ast.Name)}
    if "staticmethod" in kinds:
        return None
    return owner if "classmethod" in kinds else Instance(owner)
