"""The rule about state: what a hook keeps in memory is there for the next exchange."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from claimhooks.analysis.finding import Found
from claimhooks.analysis.names import CACHES, MAX_STEPS, Assigned, Instance, Outside
from claimhooks.analysis.scopes import File, Parameter, Scope
from claimhooks.analysis.text import defaults_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.analysis.course import Course

_LITERALS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_CONTAINERS: Final = frozenset(
    {
        *(f"builtins.{name}()" for name in ("list", "dict", "set", "bytearray")),
        *(f"collections.{name}()" for name in ("defaultdict", "deque", "Counter", "OrderedDict")),
    }
)
_OF_PYTHON: Final = frozenset({"os.environ", "sys.path", "sys.modules"})
_CHANGING: Final = frozenset(
    {
        *("append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault"),
        *("pop", "popleft", "popitem", "remove", "discard", "clear", "sort", "reverse", "rotate"),
        *("subtract", "difference_update", "intersection_update", "symmetric_difference_update"),
    }
)
"""Methods of containers that change them."""


class _Lasting(NamedTuple):
    """Something that outlives an exchange."""

    name: str
    is_container: bool


def state(course: Course) -> Iterator[Found]:
    """What an exchange leaves behind in modules, classes, default arguments and caches."""
    for scope in course.acting:
        if isinstance(scope.node, ast.Module):
            continue
        for node in scope.of_kind(ast.Name, ast.Attribute, ast.Subscript, ast.Call):
            if (kept := _changed(node, scope, course)) is not None:
                reason = f"changes {kept}: the next exchange finds it"
                yield Found("state_kept", scope.file, node, reason)
        yield from _cached(scope, course)


def _cached(function: Scope, course: Course) -> Iterator[Found]:
    """Caches that keep what they are asked with data of an exchange."""
    asked = [p.arg for p in function.parameters if Parameter(function, p.arg) in course.of_exchange]
    for decorator in function.decorators:
        name = course.names.outside(decorator, function.parent or function)
        if name in CACHES and asked:
            short = name.rpartition(".")[2].removesuffix("()")
            reason = f"{short} keeps answers for {', '.join(asked)} of past exchanges"
            yield Found("state_kept", function.file, decorator, reason)


def _changed(node: ast.AST, scope: Scope, course: Course) -> str | None:
    """What lasting thing `node` changes; None if it changes none for sure."""
    kept: str | None = None
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name in scope.globals:
            kept = None if _is_fresh(node, scope, course) else f"the global {name}"
        case ast.Name(ctx=ast.Store()) if isinstance(scope.file.parent(node), ast.AugAssign):
            kept = _name(_aliased(node, scope, course))
        case ast.Subscript(value=owner, ctx=ast.Store() | ast.Del()):
            kept = _name(_lasting(owner, scope, course))
        case ast.Attribute(value=owner, attr=name, ctx=ast.Store() | ast.Del()):
            whole = course.names.value(owner, scope)
            is_of_module = isinstance(whole, Scope) and _is_of_module(whole.parent)
            if isinstance(whole, File) or is_of_module:
                kept = ast.unparse(node)
            elif isinstance(whole, Outside) and "()" not in whole.name:
                kept = f"{whole.name}.{name}"
            else:
                kept = _name(_lasting(owner, scope, course))
        case ast.Call(func=ast.Attribute(value=owner, attr=name) as method):
            lasting = _lasting(owner, scope, course)
            if lasting is not None and (
                (name in _CHANGING and lasting.is_container)
                or _changes_its_object(course.names.value(method, scope), course)
            ):
                kept = lasting.name
        case ast.Call(func=function, args=[iterator, *_]):
            if course.names.outside(function, scope) == "builtins.next":
                kept = _name(_lasting(iterator, scope, course))
        case _:
            pass
    return kept


def _aliased(name: ast.Name, scope: Scope, course: Course) -> _Lasting | None:
    """The lasting container that `name` stands for where ``+=`` or ``|=`` changes it."""
    others = [one.value for one in scope.bindings.get(name.id, ()) if one.node is not name]
    if len(others) != 1 or not isinstance(others[0], ast.expr):
        return None
    lasting = _lasting(others[0], scope, course)
    return lasting if lasting is not None and lasting.is_container else None


def _name(lasting: _Lasting | None) -> str | None:
    return None if lasting is None else lasting.name


def _lasting(owner: ast.expr, scope: Scope, course: Course) -> _Lasting | None:
    """`owner`, or what it is a part of, if that outlives the exchange."""
    for _ in range(MAX_STEPS):
        match course.names.definition(owner, scope):
            case Outside(name) if "()" not in name:
                return _Lasting(name, name in _OF_PYTHON)
            case Parameter() as parameter:
                return _default(parameter, course)
            case Assigned(value, where) if _is_of_module(where):
                kind = "class" if where.is_class else "module"
                name = f"{ast.unparse(owner)} of the {kind}"
                return _Lasting(name, _is_container(value, where, course))
            case Assigned(value, where):
                owner, scope = value, where
            case _ if isinstance(owner, ast.Subscript | ast.Attribute):
                if isinstance(owner, ast.Subscript) and isinstance(owner.slice, ast.Slice):
                    return None  # a copy of that part
                owner = owner.value
            case _:
                return None
    return None


def _is_of_module(scope: Scope | None) -> bool:
    """Whether what is bound in `scope` is there for as long as its module."""
    around = scope
    while around is not None and around.is_class:
        around = around.parent
    return around is not None and isinstance(around.node, ast.Module)


def _default(parameter: Parameter, course: Course) -> _Lasting | None:
    """The default of `parameter`, if it can be changed, and a call on the way leaves it."""
    function = parameter.scope
    default = dict(defaults_of(function)).get(parameter.name)
    where = function.parent
    if default is None or where is None or not _is_container(default, where, course):
        return None
    is_left = function is course.function or any(
        course.names.value(call.func, scope) is function
        and not any(isinstance(value, ast.Starred) for value in call.args)
        and all(keyword.arg for keyword in call.keywords)
        and parameter.name not in dict(course.names.arguments(call, function, scope))
        for scope in course.acting
        for call in scope.of_kind(ast.Call)
    )
    return _Lasting(f"the default of {parameter.name}", is_container=True) if is_left else None


def _is_container(node: ast.expr, scope: Scope, course: Course) -> bool:
    return isinstance(node, _LITERALS) or course.names.outside(node, scope) in _CONTAINERS


def _is_fresh(target: ast.expr, scope: Scope, course: Course) -> bool:
    """Whether `target` gets an object with nothing of the exchange, such as an HTTP client."""
    statement = scope.file.parent(target)
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    made = course.names.value(statement.value, scope)
    is_object = isinstance(made, Instance)
    if isinstance(made, Outside) and made.name not in _CONTAINERS:
        is_object = made.name.endswith("()") and made.name.rpartition(".")[2][0].isupper()
    return is_object and not course.tells_of_exchange(statement.value, scope)


def _changes_its_object(method: object, course: Course) -> bool:
    """Whether `method` changes what the object that it belongs to holds."""
    if not isinstance(method, Scope) or method.parent is None or not method.parent.is_class:
        return False
    for node in method.of_kind(ast.Attribute, ast.Subscript, ast.Call):
        match node:
            case ast.Attribute(ast.Name(id), _, ast.Store()) if id == method.first:
                is_change = not _is_fresh(node, method, course)
            case ast.Subscript(ast.Attribute(ast.Name(id)), _, ast.Store() | ast.Del()):
                is_change = id == method.first
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name(id)) as held, name)):
                is_change = (
                    id == method.first and name in _CHANGING and _holds(held, method, course)
                )
            case _:
                is_change = False
        if is_change:
            return True
    return False


def _holds(held: ast.expr, method: Scope, course: Course) -> bool:
    """Whether `held`, an attribute of `self` in `method`, is a container of each object."""
    found = course.names.definition(held, method)
    if not isinstance(found, Assigned) or found.scope.is_class:
        return False
    return _is_container(found.value, found.scope, course)
