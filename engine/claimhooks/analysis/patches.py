"""The rule about names of claims: every name that a hook may return is asked of the policy."""

from __future__ import annotations

import ast
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from claimhooks.analysis.finding import Found
from claimhooks.analysis.lasting import Lasting
from claimhooks.analysis.names import Assigned
from claimhooks.analysis.scopes import Parameter, Scope
from claimhooks.analysis.text import Known, Text, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claimhooks.analysis.course import Course
    from claimhooks.analysis.names import Names
    from claimhooks.policy import Judge

MAX_DEPTH: Final = 8
"""How many calls and names a patch is followed through."""
_OWN_KEYS: Final = ("scope", "expires_in")
_PUTTING: Final = (ast.Subscript, ast.AugAssign, ast.Call)
"""What may put a key into a dict."""
_SCHEMES: Final = ("http://", "https://", "urn:")


class Key(NamedTuple):
    """A key of a patch: where it stands, its text, and the value that is put there."""

    node: ast.AST
    scope: Scope
    text: Text | None
    value: ast.expr | None = None


def claims(course: Course, judge: Judge) -> Iterator[Found]:
    """The claims that the policy refuses for their names."""
    for key in keys_of(course):
        if key.text is not None and (refusal := _refusal(key.text, judge)) is not None:
            code, reason = refusal
            yield Found(code, key.scope.file, key.node, reason)


def keys_of(course: Course) -> Iterator[Key]:
    """The keys of all patches that the hook may return, as far as they can be followed."""
    if course.undecorated is not None:
        yield from _Patches(course.names).returned(course.undecorated, {}, 0)


def _refusal(text: Text, judge: Judge) -> tuple[str, str] | None:
    name = text.start
    if text.is_whole:
        if name in _OWN_KEYS or (refusal := judge.refusal_of_name(name)) is None:
            return None
        code, reason = refusal
        meant = get_close_matches(name, _OWN_KEYS, n=1, cutoff=0.75)
        hint = f"; did you mean {meant[0]!r}?" if meant else ""
        return code, f"the claim {name!r}: {reason}{hint}"
    return _refusal_of_start(name, judge)


def _refusal_of_start(start: str, judge: Judge) -> tuple[str, str] | None:
    """Why the policy refuses every name that begins so; None if it may allow one."""
    policy, lower = judge.policy, start.lower()
    if any(name.startswith(start) for name in (*policy.private_claims, *_OWN_KEYS)):
        return None
    if not any(lower.startswith(s) or s.startswith(lower) for s in _SCHEMES):
        reason = f"a claim that begins with {start!r} is neither an http(s) URL nor a URN"
        return "claim_not_namespaced", reason
    code, reason = judge.refusal_of_name(start) or ("", "")
    is_sure = {
        "claim_reserved": True,
        "claim_reserved_host": start.count("/") >= 3,
        "claim_not_in_namespaces": not any(
            space.startswith(start) or start.startswith(space) for space in policy.namespaces
        ),
    }.get(code, False)
    return (code, f"a claim that begins with {start!r}: {reason}") if is_sure else None


class _Patches:
    """Follows what a hook returns to the keys that are put into it."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._texts = Texts(names)
        self._lasting = Lasting()
        self._within: set[Scope | tuple[str, Scope]] = set()
        """The functions and names that are being followed: inside of themselves is nothing new."""

    def returned(self, function: Scope, known: Known, depth: int) -> Iterator[Key]:
        """The keys of the dicts that `function` returns."""
        if function in self._within:
            return
        self._within.add(function)
        if isinstance(function.node, ast.Lambda):
            yield from self._keys(function.node.body, function, known, depth)
        values = [one.value for one in function.of_kind(ast.Return) if one.value is not None]
        # A name once, however often it is returned.
        once = {value.id if isinstance(value, ast.Name) else value: value for value in values}
        for value in once.values():
            yield from self._keys(value, function, known, depth)
        self._within.remove(function)

    def _keys(self, node: ast.expr, scope: Scope, known: Known, depth: int) -> Iterator[Key]:
        """The keys of the dict that `node` is, if it is one."""
        if depth > MAX_DEPTH:
            return
        parts: list[ast.expr] = []
        match node:
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if key is None:
                        parts.append(value)
                    else:
                        yield from self._key(key, scope, known, value)
            case ast.DictComp(key=key, value=value):
                yield from self._key(key, scope, known, value)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                parts = [left, right]
            case ast.IfExp(body=body, orelse=orelse):
                parts = [body, orelse]
            case ast.BoolOp(op=operator, values=values):
                # `x and y` is x only if x is empty.
                parts = values[-1:] if isinstance(operator, ast.And) else values
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                parts = [value]
            case ast.Call():
                yield from self._keys_of_call(node, scope, known, depth)
            case ast.Name() | ast.Attribute():
                yield from self._keys_of_name(node, scope, known, depth)
            case _:
                pass
        for part in parts:
            yield from self._keys(part, scope, known, depth + 1)

    def _key(
        self, node: ast.expr, scope: Scope, known: Known, value: ast.expr | None = None
    ) -> Iterator[Key]:
        choices = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
        for choice in choices:
            yield Key(choice, scope, self._texts.of(choice, scope, known), value)
            for text in self._texts.in_turn(choice, scope):
                yield Key(choice, scope, text, value)

    def _keys_of_call(
        self, call: ast.Call, scope: Scope, known: Known, depth: int
    ) -> Iterator[Key]:
        function = self._names.value(call.func, scope)
        if isinstance(function, Scope) and not function.is_class:
            if self._names.is_undecorated(function):
                given = self._texts.given(call, function, scope, known)
                yield from self.returned(function, given, depth + 1)
            return
        if self._names.outside(call.func, scope) in {"builtins.dict", "copy.copy", "copy.deepcopy"}:
            yield from self._keys_of_arguments(call, scope, known, depth)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "copy":
            yield from self._keys(call.func.value, scope, known, depth + 1)

    def _keys_of_arguments(
        self, call: ast.Call, scope: Scope, known: Known, depth: int
    ) -> Iterator[Key]:
        """The keys that ``dict(…)`` or ``patch.update(…)`` gets."""
        for value in call.args[:1]:
            yield from self._keys(value, scope, known, depth + 1)
        for keyword in call.keywords:
            if keyword.arg is None:
                yield from self._keys(keyword.value, scope, known, depth + 1)
            else:
                yield Key(keyword, scope, Text(keyword.arg), keyword.value)

    def _keys_of_name(
        self, node: ast.Name | ast.Attribute, scope: Scope, known: Known, depth: int
    ) -> Iterator[Key]:
        if isinstance(node, ast.Name) and node.id in scope.bindings:
            yield from self._keys_of_local(node.id, scope, known, depth)
            return
        found = self._names.definition(node, scope)
        if isinstance(found, Assigned):
            yield from self._keys(found.value, found.scope, {}, depth + 1)

    def _keys_of_local(self, name: str, scope: Scope, known: Known, depth: int) -> Iterator[Key]:
        """The keys of a dict that is made, and then filled, in one function."""
        if (name, scope) in self._within or self._loses_keys(name, scope):
            return
        self._within.add((name, scope))
        for binding in scope.bindings[name]:
            value = binding.value
            if isinstance(value, ast.expr) and self._lasting.lasts(name, binding.node, scope):
                yield from self._keys(value, scope, known, depth + 1)
        for node in scope.of_kind(*_PUTTING):
            put = [*self._keys_put(node, name, scope, known, depth)]
            if put and self._lasting.lasts(name, node, scope):
                yield from put
        self._within.remove((name, scope))

    def _keys_put(
        self, node: ast.AST, name: str, scope: Scope, known: Known, depth: int
    ) -> Iterator[Key]:
        """The keys that `node` puts into the dict `name`."""
        match node:
            case ast.Subscript(value=ast.Name(id=owner), slice=key, ctx=ast.Store()):
                if owner == name:
                    yield from self._key(key, scope, known)
            case ast.AugAssign(target=ast.Name(id=owner), op=ast.BitOr(), value=value):
                if owner == name:
                    yield from self._keys(value, scope, known, depth + 1)
            case ast.Call(func=ast.Attribute(ast.Name(owner), method)) if owner == name:
                if method == "update":
                    yield from self._keys_of_arguments(node, scope, known, depth)
                elif method == "setdefault" and node.args:
                    yield from self._key(node.args[0], scope, known)
            case ast.Call() if depth < MAX_DEPTH:
                for parameter, called in self._handed(node, name, scope):
                    given = self._texts.given(node, called, scope, known)
                    yield from self._keys_put_in(called, parameter, given, depth + 1)
            case _:
                pass

    def _keys_put_in(
        self, function: Scope, parameter: str, known: Known, depth: int
    ) -> Iterator[Key]:
        """The keys that `function` puts into the dict that is its `parameter`."""
        bindings = function.bindings.get(parameter, [])
        is_kept = [binding.value for binding in bindings] == [Parameter(function, parameter)]
        if is_kept and not self._loses_keys(parameter, function):
            for node in function.of_kind(*_PUTTING):
                yield from self._keys_put(node, parameter, function, known, depth)

    def _loses_keys(self, name: str, scope: Scope) -> bool:
        """Whether keys are also taken out of the dict `name`, here or by who is handed it."""
        todo = [(name, scope)]
        for owner, where in todo:
            for node in where.of_kind(ast.Subscript, ast.Call):
                match node:
                    case ast.Subscript(ast.Name(id), _, ast.Del()) if id == owner:
                        return True
                    case ast.Call(ast.Attribute(ast.Name(id), method)) if id == owner:
                        if method in {"pop", "popitem", "clear"}:
                            return True
                    case ast.Call():
                        todo += [one for one in self._handed(node, owner, where) if one not in todo]
                    case _:
                        pass
        return False

    def _handed(self, call: ast.Call, name: str, scope: Scope) -> Iterator[tuple[str, Scope]]:
        """The parameters of a function of the snapshot that `call` gives the dict `name` to."""
        called = self._names.value(call.func, scope)
        if isinstance(called, Scope) and not called.is_class:
            for parameter, value in self._names.arguments(call, called, scope):
                if isinstance(value, ast.Name) and value.id == name:
                    yield parameter, called
