"""What is known about the variables and functions of a script, wherever they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type, either
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.metadata import structured_entries
from claimhooks.migrate.statements import assignments, continuations
from claimhooks.migrate.values import variables

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Binding
    from claimhooks.migrate.translator import Translator


class Types:
    """The types of one script, found out when they are asked for."""

    def __init__(self, t: Translator) -> None:
        self._t = t
        self._found: dict[Binding, Type] = {}
        self._given: dict[Binding, Type] = {}
        self._parameters: dict[int, Type] = {}
        self._constants: dict[Binding, str | int | float | None] = {}
        self._put: dict[Binding, bool] = {}
        entries = dict.fromkeys(structured_entries(t.program, t.bindings), kinds.JSON)
        any_entry = kinds.JSON if entries else kinds.TEXT
        self.metadata: Final = Type(Kind.TABLE, any_entry, Shape.METADATA, entries=entries)
        """Flat text, as the old system had it, but for what the script takes for more."""
        self.returned: dict[int, Type] = {}
        """What functions return, by the ids of their nodes."""

    def begin(self) -> None:
        """Say what is certain from the beginning."""
        t = self._t
        for parameter, (name, kind) in zip(
            tree.parameters(t.hook), variables.ARGUMENTS.items(), strict=False
        ):
            target = parameter
            if parameter.type == "assignment_pattern":
                target = tree.field(parameter, "left")
            if (binding := t.bindings.of(target)) is not None and binding.python == name:
                self.give(binding, kind)
        for answer in t.callbacks.answers():
            if (binding := t.bindings.of(answer)) is not None:
                binding.is_token = True
        for node in tree.walk(t.program):
            for parameter, kind in continuations.parameter_types(t, node):
                self.know(parameter, kind)

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
            if declarator is not None and tree.maybe(declarator, "value") is None:
                found.append(kinds.UNDEFINED)
            kind = either(found)
            if kind.may_be(Kind.TABLE | Kind.LIST):
                shape = Shape.TOKEN if binding.is_token else kind.shape
                self._found[binding] = Type(kind.kinds, None, shape)
                kind = self._with_members(replace(kind, shape=shape), binding)
        return kind

    def _with_members(self, kind: Type, binding: Binding) -> Type:
        """`kind`, with what is put into it later."""
        members = [
            (name, kinds.stored(self._t.expression(node).type))
            for name, node in binding.members_written
        ]
        values = [one for name, one in members if not (binding.is_token and name == "scope")]
        if kind.of is not kinds.NEVER:
            values.append(kind.items)
        fields: dict[str, Type] = {}
        for field, first in kind.fields.items():
            later = [one for name, one in members if name in {field, None}]
            if not any(one.may_be(Kind.UNDEFINED) for one in later):
                fields[field] = either([first, *later])
        is_certain = not (binding.is_reassigned or binding.loses_members)
        of = either(values) if values else None
        return replace(kind, of=of, fields=fields if is_certain else {})

    def constant(self, binding: Binding) -> str | int | float | None:
        """The value of a variable that never changes, if it is known."""
        if binding.is_reassigned or binding.is_varied or len(binding.writes) != 1:
            return None
        if binding not in self._constants:
            self._constants[binding] = None  # while it is being found out
            with self._t.silently():
                self._constants[binding] = self._t.expression(binding.writes[0]).constant
        return self._constants[binding]

    def is_put(self, binding: Binding) -> bool:
        """Whether claims that are undefined are taken out one by one, since others are null."""
        if binding not in self._put:
            self._put[binding] = False  # while it is being found out
            nodes = [*binding.writes, *(node for _, node in binding.members_written)]
            with self._t.silently():
                found = [self._t.expression(node).type for node in nodes]
            found += [one for kind in found for one in kind.fields.values()]
            self._put[binding] = any(
                kind.may_be(Kind.NULL) and not kind.may_be(Kind.UNDEFINED) for kind in found
            )
        return self._put[binding]
