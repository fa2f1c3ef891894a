"""Which variable each name of a script means, and what it is called in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate.script import tree
from claimhooks.migrate.script.scopes import BLOCKS, Binding, Scope, free_name, numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

HOOK_ARGUMENTS: Final = ("client", "scope", "audience", "context")

GROWING: Final = frozenset({"push", "unshift"})
SHORTENING: Final = frozenset({"pop", "shift", "splice", "length"})
"""Members of arrays by which they lose items; the length may be set."""


class Bindings:
    """All variables of a script."""

    def __init__(self, program: Node) -> None:
        self.top = Scope(program, None)
        self._of: dict[int, Binding] = {}
        self._scope_of: dict[int, Scope] = {program.id: self.top}
        self._declare(program, self.top)
        self._resolve(program, self.top)

    def of(self, name: Node) -> Binding | None:
        """The variable that a name means, if the script declares it."""
        return self._of.get(name.id)

    def scope_of(self, node: Node) -> Scope:
        """The scope that a function or block opens."""
        return self._scope_of[node.id]

    def all(self) -> Iterator[Binding]:
        """All variables, outer ones first."""
        for scope in self.top.below():
            yield from scope.names.values()

    def name(self, hook: Node) -> None:
        """Give every variable its name in Python; the hook's parameters have theirs."""
        for parameter, name in zip(tree.parameters(hook), HOOK_ARGUMENTS, strict=False):
            if (binding := self.of(_target(parameter))) is not None:
                binding.python = name
        within_hook = {*self.scope_of(hook).related()}
        for binding in self.all():
            if not binding.python:
                reserved = HOOK_ARGUMENTS if binding.scope in within_hook else ()
                binding.python = free_name(binding, reserved)

    def fresh(self, name: str, taken: Iterable[str]) -> str:
        """A name like `name` that no variable has, nor is among `taken`."""
        taken = {*taken, *(binding.python for binding in self.all())}
        return next(each for each in numbered(name) if each not in taken)

    # Declaring

    def _declare(self, node: Node, scope: Scope) -> None:
        kind = node.type
        if kind in tree.FUNCTIONS:
            scope = self._function(node, scope)
        elif kind in BLOCKS:
            scope = self._open(node, scope)
        if kind == "catch_clause" and (parameter := tree.maybe(node, "parameter")) is not None:
            self._pattern(parameter, scope)
        elif kind == "for_in_statement" and tree.maybe(node, "kind") is not None:
            is_var = tree.text(tree.field(node, "kind")) == "var"
            self._pattern(tree.field(node, "left"), scope.function if is_var else scope)
        elif kind in {"variable_declaration", "lexical_declaration"}:
            home = scope.function if kind == "variable_declaration" else scope
            for declarator in tree.children(node):
                self._declarator(declarator, home)
        elif kind == "class_declaration":
            self._add(tree.field(node, "name"), scope).is_varied = True
        body = tree.maybe(node, "body") if kind in tree.FUNCTIONS else None
        for child in node.named_children:
            if body is not None and child.id == body.id and body.type == "statement_block":
                self._scope_of[child.id] = scope
                for statement in child.named_children:
                    self._declare(statement, scope)
            else:
                self._declare(child, scope)

    def _open(self, node: Node, outer: Scope) -> Scope:
        scope = self._scope_of[node.id] = Scope(node, outer)
        outer.inner.append(scope)
        return scope

    def _function(self, node: Node, scope: Scope) -> Scope:
        name = tree.maybe(node, "name")
        if node.type == "function_declaration" and name is not None:
            self._add(name, scope.function).function = node
        inner = self._open(node, scope)
        if node.type == "function_expression" and name is not None:
            self._add(name, inner).function = node
        for parameter in tree.parameters(node):
            self._pattern(parameter, inner)
        return inner

    def _declarator(self, declarator: Node, scope: Scope) -> None:
        target, value = tree.field(declarator, "name"), tree.maybe(declarator, "value")
        if target.type != "identifier":
            self._pattern(target, scope)
            return
        binding = self._add(target, scope)
        if value is not None:
            binding.writes.append(value)
            if value.type in tree.LITERAL_FUNCTIONS:
                binding.function = value

    def _pattern(self, pattern: Node, scope: Scope) -> None:
        for node in targets(pattern):
            self._add(node, scope).is_varied = True

    def _add(self, name: Node, scope: Scope) -> Binding:
        binding = scope.names.get(tree.text(name))
        if binding is None:
            binding = scope.names[tree.text(name)] = Binding(tree.text(name), name, scope)
        else:
            binding.is_reassigned, binding.function = True, None
        self._of[name.id] = binding
        return binding

    # Resolving

    def _resolve(self, node: Node, scope: Scope) -> None:
        scope = self._scope_of.get(node.id, scope)
        if node.type in tree.NAMES and node.id not in self._of:
            self._refer(node, scope.find(tree.text(node)))
        for child in node.named_children:
            self._resolve(child, scope)
        if node.type == "member_expression":
            self._change(node)
        elif node.type == "call_expression":
            self._grow(node)
        if node.type in {"assignment_expression", "augmented_assignment_expression"}:
            self._write(tree.field(node, "left"), node, scope)
        elif node.type == "update_expression":
            self._write(tree.field(node, "argument"), node, scope)
        elif tree.is_delete(node):
            self._delete(tree.bare(tree.field(node, "argument")))
        elif node.type == "for_in_statement" and tree.maybe(node, "kind") is None:
            self._write(tree.field(node, "left"), node, scope)

    def _refer(self, name: Node, binding: Binding | None) -> None:
        if binding is not None:
            self._of[name.id] = binding
            binding.references.append(name)

    def _change(self, node: Node) -> None:
        owner = self.of(tree.bare(tree.field(node, "object")))
        if owner is not None and tree.text(tree.field(node, "property")) in SHORTENING:
            owner.loses_members = True

    def _grow(self, call: Node) -> None:
        """What a call of `push` or `unshift` adds to a list."""
        callee = tree.bare(tree.field(call, "function"))
        if callee.type != "member_expression":
            return
        owner = self.of(tree.bare(tree.field(callee, "object")))
        if owner is not None and tree.text(tree.field(callee, "property")) in GROWING:
            owner.members_written.extend((None, given) for given in tree.arguments(call))

    def _delete(self, target: Node) -> None:
        owner = tree.maybe(target, "object")
        if owner is not None and (binding := self.of(tree.bare(owner))) is not None:
            binding.loses_members = True

    def _write(self, target: Node, node: Node, scope: Scope) -> None:
        value = tree.maybe(node, "right")
        if target.type == "identifier":
            if (binding := self.of(target)) is not None:
                binding.is_reassigned, binding.function = True, None
                binding.is_set_elsewhere |= scope.function is not binding.scope.function
                if node.type == "for_in_statement":
                    binding.is_varied = True
                else:
                    is_plain = node.type == "assignment_expression" and value is not None
                    binding.writes.append(value if is_plain and value is not None else node)
        elif target.type in tree.MEMBERS:
            owner = tree.bare(tree.field(target, "object"))
            if owner.type == "identifier" and (binding := self.of(owner)) is not None:
                written = node if value is None else value
                binding.members_written.append((tree.member_name(target), written))
        else:
            for each in targets(target):
                self._write(each, node, scope)


def targets(pattern: Node) -> Iterator[Node]:
    """The names that a pattern assigns to."""
    if pattern.type in tree.NAMES:
        yield pattern
    elif pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
        yield from targets(tree.field(pattern, "left"))
    elif pattern.type == "pair_pattern":
        yield from targets(tree.field(pattern, "value"))
    elif pattern.type in {"object_pattern", "array_pattern", "rest_pattern"}:
        for child in tree.children(pattern):
            yield from targets(child)


def _target(pattern: Node) -> Node:
    """The name of a parameter that may have a default."""
    return tree.field(pattern, "left") if pattern.type == "assignment_pattern" else pattern
