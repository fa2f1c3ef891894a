"""Which variables are callbacks whose call ends a function, and which functions call them.

JavaScript hands on what comes next; Python returns to it. So a call of the hook's callback becomes
`return` or `raise`, and a function that is given a callback returns what it would be called with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from claimhooks.migrate.script import modules, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Bindings
    from claimhooks.migrate.script.modules import Modules
    from claimhooks.migrate.script.scopes import Binding

CHAINED: Final = frozenset({"then", "catch", "finally"})
"""What is done with promises."""


class Ends(Enum):
    """How a function ends that calls a callback."""

    HOOK = auto()
    """With the answer of the hook: a patch, or an exception."""
    RESULTS = auto()
    """With the arguments, as a tuple of `size`."""


@dataclass(frozen=True, slots=True)
class Callback:
    """What a call of one variable does."""

    ends: Ends
    owner: int
    """The function, by the id of its node, that the call ends."""
    size: int = 0


class Callbacks:
    """The callbacks of one script."""

    def __init__(self, bindings: Bindings, hook: Node, known: Modules) -> None:
        self._bindings = bindings
        self._modules = known
        self._of: dict[Binding, Callback] = {}
        self._functions = {
            binding.function.id: (binding, binding.function)
            for binding in bindings.all()
            if binding.function is not None
        }
        callback = bindings.of(tree.parameters(hook)[-1])
        if callback is not None:
            self._of[callback] = Callback(Ends.HOOK, hook.id)
        self._find_parameters()
        self._answering = self._find_answering()

    def of(self, name: Node) -> Callback | None:
        """What a call of `name` does, if it is a callback."""
        binding = self._bindings.of(name) if name.type in tree.NAMES else None
        return None if binding is None else self._of.get(binding)

    def function_of(self, name: Node) -> tuple[Binding, Node] | None:
        """The function of this script that `name` means, after the variable that it is."""
        binding = self._bindings.of(name) if name.type in tree.NAMES else None
        if binding is None or binding.function is None:
            return None
        return binding, binding.function

    def binding_of(self, function: Node) -> Binding | None:
        """The variable that `function` is the value of."""
        found = self._functions.get(function.id)
        return None if found is None else found[0]

    def is_answering(self, function: Node) -> bool:
        """Whether a call of `function` may end the hook, or what is around it."""
        return function.id in self._answering

    def is_called_by(self, call: Node) -> bool:
        """Whether `call` is one of a callback, or of a function that calls one."""
        callee = tree.bare(tree.field(call, "function"))
        found = self.function_of(callee)
        return self.of(callee) is not None if found is None else self.is_answering(found[1])

    def results_of(self, function: Node) -> tuple[int, Callback] | None:
        """Which parameter of `function` is a callback that is given results."""
        for index, parameter in enumerate(tree.parameters(function)):
            callback = self.of(parameter)
            if callback is not None and callback.ends is Ends.RESULTS:
                return index, callback
        return None

    def is_inlined(self, function: Node) -> bool:
        """Whether the statements of a function literal stand where it does, in Python."""
        parent = function.parent
        outer = None if parent is None else parent.parent
        if function.type not in tree.LITERAL_FUNCTIONS or parent is None or outer is None:
            return False
        if parent.type == "parenthesized_expression":
            return _is_callee(parent, outer)
        is_given = parent.type == "arguments" and outer.type == "call_expression"
        return is_given and self._inlines(outer, function)

    def _inlines(self, call: Node, function: Node) -> bool:
        """Whether a call goes on with `function`, which it is given."""
        callee = tree.bare(tree.field(call, "function"))
        if is_chained(call):
            return True
        if callee.type == "member_expression" and call.parent is not None:
            is_loop = tree.text(tree.field(callee, "property")) == "forEach"
            if is_loop and call.parent.type in {"expression_statement", "return_statement"}:
                return True
        return self.takes_callback(call) and tree.arguments(call)[-1].id == function.id

    def takes_callback(self, call: Node) -> bool:
        """Whether `call` hands on what comes next: to `request`, or to a function of the script."""
        callee = tree.field(call, "function")
        module = modules.module_of(callee, self._bindings, self._modules)
        if module is not None:
            return module.partition(".")[0] in modules.REQUEST and modules.is_request(module)
        found = self.function_of(callee)
        return found is not None and self.results_of(found[1]) is not None

    def home(self, node: Node) -> Node:
        """The Python function that `node` stands in, or the program."""
        outer = node.parent
        while outer is not None:
            if outer.type in tree.FUNCTIONS and not self.is_inlined(outer):
                return outer
            if outer.parent is None:
                return outer
            outer = outer.parent
        return node

    # Finding out

    def _find_parameters(self) -> None:
        found = -1
        while found != len(self._of):
            found = len(self._of)
            for binding, function in self._functions.values():
                for index, parameter in enumerate(tree.parameters(function)):
                    target = self._bindings.of(parameter)
                    if target is not None and target not in self._of:
                        self._find_parameter(binding, function, index, target)

    def _find_parameter(
        self, binding: Binding, function: Node, index: int, target: Binding
    ) -> None:
        given = [tree.arguments(call)[index : index + 1] for call in binding.calls]
        if not given or not all(given) or not binding.is_only_called:
            return
        values = [value for (value,) in given]
        ends = [callback for value in values if (callback := self.of(value)) is not None]
        if len(ends) == len(values) and all(one.ends is Ends.HOOK for one in ends):
            self._of[target] = ends[0]
        elif all(value.type in tree.LITERAL_FUNCTIONS for value in values) and self._is_called(
            target
        ):
            size = max(
                [len(tree.arguments(call)) for call in target.calls]
                + [len(tree.parameters(value)) for value in values]
            )
            self._of[target] = Callback(Ends.RESULTS, function.id, size)

    def _is_called(self, target: Binding) -> bool:
        """Whether each use of `target` is a statement, or the value of one, that calls it."""
        return bool(target.calls) and target.is_only_called and all(map(_ends, target.calls))

    def _find_answering(self) -> frozenset[int]:
        """The functions that call a callback of a function around them."""
        found: dict[int, set[int]] = {}
        for binding, callback in self._of.items():
            for call in binding.calls:
                home = self.home(call)
                if home.id not in {callback.owner, binding.scope.node.id}:
                    found.setdefault(home.id, set()).add(callback.owner)
        for target, callback in self._of.items():
            function = target.scope.node
            if callback.ends is Ends.HOOK and function.id != callback.owner:
                found.setdefault(function.id, set()).add(callback.owner)
        changed = True
        while changed:
            changed = False
            for function_id, owners in list(found.items()):
                answering = self._functions.get(function_id)
                for call in [] if answering is None else answering[0].calls:
                    home = self.home(call)
                    further = owners - {home.id} - found.get(home.id, set())
                    if further and home.parent is not None:
                        found.setdefault(home.id, set()).update(further)
                        changed = True
        return frozenset(found)

    def answers(self) -> Iterator[Node]:
        """What the hook answers with, wherever it calls its callback."""
        for binding, callback in self._of.items():
            if callback.ends is Ends.HOOK:
                for call in binding.calls:
                    yield from map(tree.bare, tree.arguments(call)[1:2])


def is_chained(call: Node) -> bool:
    """Whether a call is one of `then`, `catch` or `finally`."""
    callee = tree.bare(tree.field(call, "function"))
    return callee.type == "member_expression" and (
        tree.text(tree.field(callee, "property")) in CHAINED
    )


def is_chain(node: Node) -> bool:
    """Whether a call is the last of a chain, or of a function that is written where it is."""
    if node.type != "call_expression":
        return False
    return is_chained(node) or (
        tree.bare(tree.field(node, "function")).type in tree.LITERAL_FUNCTIONS
    )


def _is_callee(node: Node, call: Node) -> bool:
    return call.type == "call_expression" and tree.field(call, "function").id == node.id


def _ends(call: Node) -> bool:
    """Whether a call stands where a statement could."""
    parent = call.parent
    while parent is not None and parent.type in {
        "parenthesized_expression",
        "ternary_expression",
        "binary_expression",
        "sequence_expression",
        "await_expression",
    }:
        parent = parent.parent
    return parent is not None and parent.type in {
        "expression_statement",
        "return_statement",
        "arrow_function",
    }
