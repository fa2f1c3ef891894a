"""What is known about the variables and functions of a script, wherever they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type, either
from claimhooks.migrate.script import tree
from claimhooks.migrate.statements import assignments
from claimhooks.migrate.values import members

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.scopes import Binding
    from claimhooks.migrate.translator import Translator


class Types:
    """The types of one script, found out when they are asked for."""

    def __init__(self, t: Translator) -> None:
        self._t = t
        self._found: dict[Binding, Type] = {}
        self._given: dict[Binding, Type] = {}
        self._parameters: dict[int, Type] = {}
        self._constants: dict[Binding, str | int | float | None] = {}
        self.returned: dict[int, Type] = {}
        """What functions return, by the ids of their nodes."""

    def begin(self) -> None:
        """Say what is certain from the beginning."""
        t = self._t
        for parameter, (name, kind) in zip(
            tree.parameters(t.hook), members.ARGUMENTS.items(), strict=False
        ):
            target = parameter
            if parameter.type == "assignment_pattern":
                target = tree.field(parameter, "left")
            if (binding := t.bindings.of(target)) is not None and binding.python == name:
                self.give(binding, kind)
                with t.silently():
                    written = [assignments.written_type(t, node) for node in binding.writes]
                self.give(binding, either([kind, *written]))
        for answer in t.callbacks.answers():
            if (binding := t.bindings.of(answer)) is not None:
                binding.is_token = True

    # What is said

    def give(self, binding: Binding, kind: Type) -> None:
        """Say what type a variable has."""
        self._given[binding] = kind
        self._t.effects.types[binding.declaration.id] = kind

    def know(self, parameter: Node, kind: Type) -> None:
        """Say what a parameter of a function is given; it may be a pattern."""
        self._parameters[parameter.id] = kind
        binding = self._t.bindings.of(parameter)
        if binding is not None and not binding.is_reassigned:
            self.give(binding, kind)

    def is_known(self, parameter: Node) -> bool:
        """Whether it has been said what a parameter is given."""
        return parameter.id in self._parameters

    def of_parameter(self, parameter: Node) -> Type:
        """What a parameter is given."""
        return self._parameters.get(parameter.id, kinds.ANY)

    # What is found out

    def of_name(self, name: Node) -> Type:
        """What is known about the variable that a name means."""
        binding = self._t.bindings.of(name)
        return kinds.ANY if binding is None else self.of(binding)

    def of(self, binding: Binding) -> Type:
        """What is known about a variable."""
        known = self._given.get(binding) or self._found.get(binding)
        if known is None:
            self._found[binding] = kinds.NEVER  # while it is being found out
            known = self._found[binding] = self._of(binding)
        return known

    def _of(self, binding: Binding) -> Type:
        if binding.is_varied:
            return self._t.known.types.get(binding.declaration.id, kinds.ANY)
        if binding.function is not None:
            return kinds.OBJECT
        with self._t.silently():
            found = [assignments.written_type(self._t, node) for node in binding.writes]
            declarator = binding.declaration.parent
            is_empty = declarator is not None and tree.maybe(declarator, "value") is None
            if is_empty or binding.outlives_its_block:
                found.append(kinds.UNDEFINED)
            kind = either(found)
            if kind.may_be(Kind.TABLE | Kind.LIST):
                shape = Shape.TOKEN if binding.is_token else kind.shape
                self._found[binding] = Type(kind.kinds, None, shape)
                kind = self._with_members(replace(kind, shape=shape), binding)
        return kind

    def _with_members(self, kind: Type, binding: Binding) -> Type:
        """`kind`, with what is put into it later."""
        members = [(name, self._put(name, node)) for name, node in binding.members_written]
        values = [one for name, one in members if not (binding.is_token and name == "scope")]
        if kind.of is not kinds.NEVER:
            values.append(kind.items)
        fields: dict[str, Type] = {}
        for field, first in kind.fields.items():
            later = [one for name, one in members if name in {field, None}]
            if not any(one.may_be(Kind.UNDEFINED) for one in later):
                fields[field] = either([first, *later])
        is_certain = not (binding.is_reassigned or binding.loses_members)
        is_shared = any(map(self._is_shared, binding.references))
        of = either(values) if values and not is_shared else None
        return replace(kind, of=of, fields=fields if is_certain else {})

    def _is_shared(self, reference: Node) -> bool:
        """Whether something may be put into a table under another name: of a parameter, say."""
        parent = reference.parent
        if parent is None or parent.type != "arguments" or parent.parent is None:
            return parent is not None and parent.type == "variable_declarator"
        callee = tree.maybe(parent.parent, "function")
        found = None if callee is None else self._t.callbacks.function_of(callee)
        if callee is None or found is None:
            return callee is not None and tree.text(callee) == "Object.assign"
        given = [one.id for one in tree.children(parent)]
        parameters = tree.parameters(found[1])[given.index(reference.id) :]
        target = self._t.bindings.of(parameters[0]) if parameters else None
        return target is None or bool(target.members_written)

    def _put(self, name: str | None, node: Node) -> Type:
        """The type of what is put into a table or list by an assignment, or by `push`."""
        if node.type == "spread_element":
            return self._t.expression(tree.children(node)[0]).type.items
        return kinds.stored(assignments.written_type(self._t, node), name)

    def constant(self, binding: Binding) -> str | int | float | None:
        """The value of a variable that never changes, if it is known."""
        if binding.is_reassigned or binding.is_varied or len(binding.writes) != 1:
            return None
        if binding not in self._constants:
            self._constants[binding] = None  # while it is being found out
            with self._t.silently():
                self._constants[binding] = self._t.expression(binding.writes[0]).constant
        return self._constants[binding]
