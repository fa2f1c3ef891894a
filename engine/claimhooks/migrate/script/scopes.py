"""Scopes, the variables in them, and what these are called in Python."""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

BLOCKS: Final = frozenset(
    {"statement_block", "for_statement", "for_in_statement", "switch_body", "catch_clause"}
)
"""What opens a scope, besides functions."""


@dataclass(eq=False)
class Binding:
    """One variable, parameter or function."""

    name: str
    declaration: Node
    scope: Scope
    python: str = ""
    writes: list[Node] = field(default_factory=list["Node"])
    """The values that are assigned to it, where they can be told."""
    members_written: list[tuple[str | None, Node]] = field(
        default_factory=list[tuple[str | None, "Node"]]
    )
    """What is assigned to properties of it, with the property's name if it can be told."""
    loses_members: bool = False
    """Whether properties or items are taken from it."""
    is_varied: bool = False
    """Whether it is also assigned in ways that cannot be told."""
    is_reassigned: bool = False
    is_set_elsewhere: bool = False
    """Whether another function than its own assigns to it, so that any call may change it."""
    references: list[Node] = field(default_factory=list["Node"])
    function: Node | None = None
    """The function that it stands for, if it never stands for anything else."""
    is_token: bool = False
    """Whether it is what the hook answers with."""

    @property
    def calls(self) -> list[Node]:
        """Where it is called."""
        return [parent for node in self.references if (parent := _call_of(node)) is not None]

    @property
    def outlives_its_block(self) -> bool:
        """Whether it is a `var` that is used outside of the block in which it gets its value."""
        declarator = self.declaration.parent
        if declarator is None or declarator.type != "variable_declarator":
            return False
        block = declarator.parent
        while block is not None and block.type != "statement_block":
            block = block.parent
        return block is not None and not all(tree.is_within(one, block) for one in self.references)

    @property
    def is_constant(self) -> bool:
        """Whether nothing can be assigned to it."""
        declarator = self.declaration.parent
        declared = None if declarator is None else declarator.parent
        return declared is not None and tree.has_token(declared, "const")

    @property
    def is_only_called(self) -> bool:
        """Whether it is never handed on as a value."""
        return len(self.calls) == len(self.references)


@dataclass(eq=False)
class Scope:
    """A function or block, and what is declared in it."""

    node: Node
    outer: Scope | None
    names: dict[str, Binding] = field(default_factory=dict[str, Binding])
    inner: list[Scope] = field(default_factory=list["Scope"])

    @property
    def function(self) -> Scope:
        """The function that it belongs to, or the script."""
        scope = self
        while scope.node.type in BLOCKS and scope.outer is not None:
            scope = scope.outer
        return scope

    def find(self, name: str) -> Binding | None:
        """The variable that `name` means here."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def related(self) -> Iterator[Scope]:
        """This scope, those around it and those within it."""
        outer = self.outer
        while outer is not None:
            yield outer
            outer = outer.outer
        yield from self.below()

    def below(self) -> Iterator[Scope]:
        """This scope and those within it."""
        yield self
        for scope in self.inner:
            yield from scope.below()


def _call_of(name: Node) -> Node | None:
    parent = name.parent
    if parent is None or parent.type != "call_expression":
        return None
    return parent if tree.field(parent, "function").id == name.id else None


# Names


_MODULES: Final = "asyncio base64 datetime functools hashlib hmac httpx2 json math os re sys uuid"


_TAKEN: Final = frozenset(
    {*keyword.kwlist, *dir(builtins), *_MODULES.split(), "UTC", "quote", "hookimpl"}
    | {"AccessDenied", "InvalidRequest", "InvalidScope", "OAuthError", "ServerError"}
    | {"credentials_exchange"}
)


def free_name(binding: Binding, reserved: Iterable[str]) -> str:
    """A name for a variable that means nothing else where it is seen; none of `reserved`."""
    taken = {
        other.python
        for scope in binding.scope.related()
        for other in scope.names.values()
        if other is not binding
    }
    taken.update(_TAKEN, reserved)
    # What stands beside the hook begins with js_.
    name = binding.name.replace("$", "_").removeprefix("js_") or "js"
    return next(each for each in numbered(name) if each not in taken)


def numbered(name: str) -> Iterator[str]:
    """`name`, and names like it without end."""
    yield name
    yield f"{name}_"
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
