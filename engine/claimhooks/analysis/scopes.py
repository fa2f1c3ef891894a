"""The files of a snapshot as syntax trees: which scope binds which name, and to what.

Nothing is guessed: a name that is bound in a way that is not followed here is bound to None, and
whoever asks for it is told nothing.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import decode_source
from typing import TYPE_CHECKING, Final, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from claimhooks.snapshot import Snapshot

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ScopeNode = ast.Module | ast.ClassDef | FunctionNode
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import statement binds: a module, or `name` of it."""

    module: str
    name: str | None
    level: int
    """The dots of a relative import."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function."""

    scope: Scope
    name: str


Bound = ast.expr | Imported | Parameter
"""What a name may be bound to, besides a function or a class: those are scopes."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A name gets a value."""

    node: ast.AST
    """The statement, or the expression."""
    value: Bound | Scope | None
    """None: something that is not followed, such as what a loop goes over."""


class Scope:
    """A module, a class, a function or a lambda."""

    def __init__(self, node: ScopeNode, file: File, parent: Scope | None) -> None:
        self.node: Final = node
        self.file: Final = file
        self.parent: Final = parent
        self.bindings: Final[dict[str, list[Binding]]] = {}
        self.globals: Final[set[str]] = set()
        self.nonlocals: Final[set[str]] = set()
        self._nodes: Final[dict[type[ast.AST], list[ast.AST]]] = {}
        self.inner: Final[list[Scope]] = []
        """Lambdas and classes, which come to be as this scope runs."""
        self.of_objects: Final[dict[str, list[tuple[Binding, Scope]]]] = {}
        """Of a class: what its methods bind to attributes of `self`, and in which of them."""

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def parameters(self) -> list[ast.arg]:
        """Those that may be given by position."""
        if isinstance(self.node, ast.Module | ast.ClassDef):
            return []
        return [*self.node.args.posonlyargs, *self.node.args.args]

    @property
    def first(self) -> str | None:
        """The name of the first parameter: of a method, `self` or `cls`."""
        return self.parameters[0].arg if self.parameters else None

    @property
    def decorators(self) -> list[ast.expr]:
        return [] if isinstance(self.node, ast.Module | ast.Lambda) else self.node.decorator_list

    def binds(self, name: str) -> Iterator[Scope]:
        """The scopes in which an assignment to `name` in this one may bind it."""
        if name in self.globals:
            yield self.file.scope
        elif name in self.nonlocals:
            # One of those around it: which, may not be known yet.
            around = self.parent
            while around is not None and around.parent is not None:
                yield around
                around = around.parent
        else:
            yield self

    def add(self, node: ast.AST) -> None:
        """Count `node` among those that run in this scope, not in one within it."""
        self._nodes.setdefault(type(node), []).append(node)

    def of_kind(self, *kinds: type[Node]) -> Iterator[Node]:
        """The nodes of these kinds that run in this scope, kind by kind."""
        for kind in kinds:
            yield from cast("list[Node]", self._nodes.get(kind, ()))

    def loads(self) -> Iterator[ast.Name | ast.Attribute]:
        """The names and attributes that are read in this scope."""
        yield from (node for node in self.of_kind(ast.Name) if isinstance(node.ctx, ast.Load))
        yield from (node for node in self.of_kind(ast.Attribute) if isinstance(node.ctx, ast.Load))


class File:
    """One file of a snapshot."""

    def __init__(self, path: str, shown: str, content: bytes, tree: ast.Module) -> None:
        self.path: Final = path
        self.shown: Final = shown
        self.text: Final = decode_source(content)
        self.parents: Final[dict[ast.AST, ast.AST]] = {}
        self.stars: Final[list[Imported]] = []
        """What ``from … import *`` takes from."""
        self.classes: Final[list[Scope]] = []
        *folders, name = path.removesuffix(".py").split("/")
        self.package: Final = tuple(folders)
        self.name: Final = self.package if name == "__init__" else (*folders, name)
        self.scope: Final = Scope(tree, self, None)
        _fill(self.scope)
        self._lines = self.text.split("\n")

    def place(self, node: ast.AST) -> tuple[int, int]:
        """The line and the column of `node`, both from 1, the column in characters."""
        line: int = getattr(node, "lineno", 1)
        start: int = getattr(node, "col_offset", 0)
        # The syntax tree counts bytes.
        return line, len(self._lines[line - 1].encode()[:start].decode(errors="replace")) + 1

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around `node`."""
        return self.parents.get(node)


def files_of(snapshot: Snapshot, trees: Mapping[str, ast.Module]) -> dict[tuple[str, ...], File]:
    """The files of a snapshot, by the parts of their names as modules."""
    files = (
        File(path, snapshot.shown(path), snapshot.files[path], tree) for path, tree in trees.items()
    )
    return {file.name: file for file in files}


def _fill(module: Scope) -> None:
    """Find every scope and binding of a file. Without recursion: trees may be deep."""
    parents = module.file.parents
    todo: list[tuple[ast.AST, Scope]] = [(module.node, module)]
    while todo:
        node, scope = todo.pop()
        scope.add(node)
        if isinstance(node, ast.ClassDef | FunctionNode):
            inner = Scope(node, module.file, scope)
            if isinstance(node, ast.ClassDef | ast.Lambda):
                scope.inner.append(inner)
            if isinstance(node, ast.ClassDef):
                module.file.classes.append(inner)
            if not isinstance(node, ast.Lambda):
                scope.bindings.setdefault(node.name, []).append(Binding(node, inner))
            inside = [*_of_scope(node, scope, inner)]
        else:
            _bind(node, scope)
            inside = [(child, scope) for child in _running(node) if child._fields]
        parents.update((child, node) for child, _ in inside)
        todo.extend(reversed(inside))


def _of_scope(
    node: ast.ClassDef | FunctionNode, outer: Scope, inner: Scope
) -> Iterator[tuple[ast.AST, Scope]]:
    """The parts of a class or function, each with the scope that it runs in."""
    for decorator in inner.decorators:
        yield decorator, outer
    if isinstance(node, ast.ClassDef):
        for part in (*node.bases, *node.keywords):
            yield part, outer
    else:
        arguments = node.args
        for default in (*arguments.defaults, *filter(None, arguments.kw_defaults)):
            yield default, outer
        named = [*inner.parameters, *arguments.kwonlyargs]
        for argument in (*named, *filter(None, (arguments.vararg, arguments.kwarg))):
            parameter = Parameter(inner, argument.arg) if argument in named else None
            inner.bindings[argument.arg] = [Binding(argument, parameter)]
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    for part in body:
        yield part, inner


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The children of `node` that run; annotations do not, nor does what is never true."""
    if isinstance(node, ast.If) and _is_never(node.test):
        yield from node.orelse
    elif isinstance(node, ast.AnnAssign):
        yield node.target
        if node.value is not None:
            yield node.value
    else:
        yield from ast.iter_child_nodes(node)


def _is_never(test: ast.expr) -> bool:
    match test:
        case ast.Constant(value=value):
            return not value
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return True
        case _:
            return False


def _bind(node: ast.AST, scope: Scope) -> None:
    def bind(name: str, value: Bound | None = None) -> None:
        for owner in scope.binds(name):
            owner.bindings.setdefault(name, []).append(Binding(node, value))

    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            parent = scope.file.parent(node)
            if not isinstance(parent, ast.AnnAssign) or parent.value is not None:
                bind(name, _given(node, parent))
        case ast.Attribute(ast.Name(id=first), name, ast.Store() | ast.Del()):
            owner = scope.parent
            if owner is not None and owner.is_class and first == scope.first:
                binding = Binding(node, _given(node, scope.file.parent(node)))
                owner.of_objects.setdefault(name, []).append((binding, scope))
        case ast.Import(names=aliases):
            for alias in aliases:
                # `import a.b` binds a; `import a.b as c` binds a.b.
                module = alias.name if alias.asname else alias.name.split(".")[0]
                bind(alias.asname or module, Imported(module, None, 0))
        case ast.ImportFrom(module=module, names=aliases, level=level):
            for alias in aliases:
                imported = Imported(module or "", alias.name, level)
                if alias.name == "*":
                    scope.file.stars.append(imported)
                else:
                    bind(alias.asname or alias.name, imported)
        case ast.Global(names=names):
            scope.globals.update(names)
        case ast.Nonlocal(names=names):
            scope.nonlocals.update(names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            bind(name)
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            bind(name)
        case _:
            pass


def _given(target: ast.AST, parent: ast.AST | None) -> ast.expr | None:
    """The value that the statement or expression around `target` gives to it, if to it alone."""
    match parent:
        case ast.Assign(targets=targets, value=value) if target in targets:
            return value
        case ast.AnnAssign(value=value) | ast.NamedExpr(value=value):
            return value
        case ast.withitem(context_expr=value):
            # What a context manager gives is nearly always itself.
            return value
        case _:
            return None
