"""The translation of one script: its state, and the way from a node to the rule for it."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from claimhooks.errors import printable, utf8_text
from claimhooks.migrate import comments, facts, kinds
from claimhooks.migrate.calls import calling as calls
from claimhooks.migrate.calls import functions, local
from claimhooks.migrate.kinds import Kind
from claimhooks.migrate.python.code import Block, Code, Line, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import Callbacks
from claimhooks.migrate.script.modules import modules_of
from claimhooks.migrate.state import Effects, Flow, Frame, Jumps, Note, Returns, Untranslatable
from claimhooks.migrate.statements import (
    expressions,
    loops,
    sequences,
    switches,
)
from claimhooks.migrate.statements import plain as statements
from claimhooks.migrate.types import Types
from claimhooks.migrate.values import arrays_and_objects, literals, members, operators

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from tree_sitter import Node

    from claimhooks.migrate.kinds import Type
    from claimhooks.migrate.script.bindings import Bindings
    from claimhooks.migrate.script.scopes import Binding

    ExpressionRule = Callable[["Translator", Node], Code]
    StatementRule = Callable[["Translator", Node], Block]
    Rule = TypeVar("Rule")

COMMENT_WIDTH: Final = 76
"""Of a mark, without what is before it in its line."""

_EXPRESSIONS: Final[Mapping[str, ExpressionRule]] = {
    **literals.EXPRESSIONS,
    **arrays_and_objects.EXPRESSIONS,
    **operators.EXPRESSIONS,
    **members.EXPRESSIONS,
    **calls.EXPRESSIONS,
    **functions.EXPRESSIONS,
    **local.EXPRESSIONS,
}
_STATEMENTS: Final[Mapping[str, StatementRule]] = {
    **statements.STATEMENTS,
    **loops.STATEMENTS,
    **switches.STATEMENTS,
    **functions.STATEMENTS,
}


def _rule(rules: Mapping[str, Rule], node: Node) -> Rule:
    rule = rules.get(node.type)
    if rule is None:
        raise Untranslatable(f"there is no Python for this {node.type.replace('_', ' ')}")
    return rule


class Translator:
    """Translates the nodes of one script, and collects what comes with it."""

    def __init__(
        self, source: str, program: Node, bindings: Bindings, hook: Node, known: Effects
    ) -> None:
        """`known` is what an earlier translation of the same script has brought up."""
        self.program: Final = program
        self.bindings: Final = bindings
        self.hook: Final = hook
        self.known: Final = known
        self.modules: Final = modules_of(program, bindings)
        self.callbacks: Final = Callbacks(bindings, hook, self.modules)
        self.effects = Effects()
        self.facts: frozenset[str] = frozenset()
        """What is neither null nor undefined here: subscripts and variables, as written."""
        self.guards: list[str] = []
        """What must not be None for the chain that is being translated to go on."""
        self.flow = Flow(Returns.VALUE)
        self.jumps = Jumps()
        self.frame = Frame(program)
        self._source = source.encode()
        self._names: dict[int, str] = {}
        self.types: Final = Types(self)
        self.types.begin()

    # What comes with the code

    def decide(self, node: Node, message: str, *, original: bool = False) -> None:
        """Mark that a person must decide something; on request, show what it is about."""
        self._note(node, message, decide=True)
        before = self.effects.before
        marked = textwrap.wrap(f"TODO(migrate): {printable(message)}", COMMENT_WIDTH)
        lines = [Line(f"# {line}") for line in marked]
        if not original and before[-len(lines) :] == lines:
            return
        before.extend(lines)
        if original:
            source = (printable(line.strip()) for line in tree.text(node).splitlines())
            before.extend(Line(f"#   {line}") for line in source)

    def remark(self, node: Node, message: str) -> None:
        """Tell something about a translation that is complete."""
        self._note(node, message, decide=False)

    def _note(self, node: Node, message: str, *, decide: bool) -> None:
        note = Note(*tree.place(node, self._source), utf8_text(message), decide)
        if note not in self.effects.notes:
            self.effects.notes.append(note)

    def leave_out(self, node: Node, kind: Type) -> None:
        """Note that a value of type `kind`, if it is None, is left out of a table at `node`."""
        if not kind.may_be(Kind.NULL):
            return
        if kind.may_be(Kind.LIST | Kind.TABLE | Kind.BOOL):
            # As of any JSON: once said is enough.
            self.effects.loses_null = self.effects.loses_null or node
        else:
            self.decide(node, "what is null is left out here like undefined: was it to be null?")

    def todo(self, node: Node, reason: str) -> Code:
        """In place of what cannot be translated: it fails when it is reached."""
        self.decide(node, reason, original=True)
        line = node.start_point.row + 1
        return call(self.need("js_todo"), [str(line)], kinds.ANY)

    def never(self, node: Node, reason: str) -> Block:
        """In place of what JavaScript never answered."""
        self.decide(node, reason)
        line = node.start_point.row + 1
        return Block([Line(f"{self.need('js_todo')}({line})")], completes=False)

    def need(self, name: str) -> str:
        """A function of `support` that the translation calls."""
        self.effects.support.add(name)
        return name

    def imported(self, statement: str) -> None:
        """Note that the translation needs this import."""
        self.effects.imports.add(statement)

    def awaits(self) -> None:
        """Note that the function that is being written awaits something."""
        self.effects.awaiting.add(self.frame.node.id)

    def remark_at_last(self) -> None:
        """Tell which scopes the hook adds, since the API has to define them, and what is lost."""
        if self.effects.loses_null is not None:
            message = "what is null is left out of a table here, as what is undefined is"
            self.remark(self.effects.loses_null, message)
        added = self.effects.added_scopes
        if added:
            names = ", ".join(added)
            what = "this" if len(added) == 1 else "these"
            message = f'the API has to define {names}, or [policy] scopes = "any" allow {what}'
            self.remark(next(iter(added.values())), message)

    def binding(self, name: Node) -> Binding:
        """The variable that `name` means. Raises if the script declares none."""
        found = self.bindings.of(name)
        if found is None:
            raise Untranslatable(f"nothing declares {tree.text(name)}")
        return found

    def name_for(self, node: Node, name: str) -> str:
        """A name like `name` that nothing else has, always the same for `node`."""
        if node.id not in self._names:
            taken = {*self._names.values()}
            self._names[node.id] = self.bindings.fresh(name, taken)
        return self._names[node.id]

    def argument(self, name: str) -> str:
        """An argument of the hook, which thereby takes it."""
        if not self.is_within_hook:
            raise Untranslatable(f"the {name} of the exchange cannot be seen outside of the hook")
        self.effects.arguments.add(name)
        return name

    @property
    def is_within_hook(self) -> bool:
        """Whether the arguments of the hook can be seen where the translation stands."""
        return tree.is_within(self.frame.node, self.hook)

    @contextmanager
    def silently(self) -> Generator[None]:
        """Within it, nothing comes with what is translated, and nothing is known."""
        effects, facts = self.effects, self.facts
        self.effects, self.facts = Effects(), frozenset()
        try:
            yield
        finally:
            self.effects, self.facts = effects, facts

    @contextmanager
    def within(self, flow: Flow, jumps: Jumps | None = None) -> Generator[None]:
        """Within it, this happens after a statement, and this is what `break` does."""
        outer = self.flow, self.jumps
        self.flow, self.jumps = flow, jumps or self.jumps
        try:
            yield
        finally:
            self.flow, self.jumps = outer

    def gathered(self, make: Callable[[], Block]) -> Block:
        """What `make` makes, after what has to stand before it."""
        outer, self.effects.before = self.effects.before, []
        try:
            block = make()
            return Block([*self.effects.before, *block.lines], block.completes)
        finally:
            self.effects.before = outer

    def forget(self, changed: str) -> None:
        """Know no longer what a variable was, or what was in a member: it changes."""
        self.facts = facts.without(self.facts, [changed])

    # From a node to its translation

    def expression(self, node: Node, *, is_link: bool = False) -> Code:
        """The translation of an expression.

        What guards a link of a chain guards the whole chain, which is marked as a whole.
        """
        node = tree.bare(node)
        guards = self.guards
        if not is_link:
            self.guards = []
        try:
            return _rule(_EXPRESSIONS, node)(self, node)
        except (Untranslatable, IndexError, ValueError) as error:
            # The rules for calls take their arguments as they come.
            is_miscounted = not isinstance(error, Untranslatable)
            reason = "these arguments have no translation" if is_miscounted else str(error)
            if is_link:
                raise Untranslatable(reason) from None
            return self.todo(node, reason)
        finally:
            self.guards = guards

    def statement(self, node: Node) -> Block:
        """The translation of a statement, with what has to stand before it."""
        block = self.gathered(lambda: self._statement(node))
        return Block([*comments.unsaid(self, node), *block.lines], block.completes)

    def _statement(self, node: Node) -> Block:
        try:
            return _rule(_STATEMENTS, node)(self, node)
        except Untranslatable as error:
            return Block([Line(self.todo(node, str(error)).text)])

    def body(self, nodes: Sequence[Node]) -> Block:
        """The translation of statements that follow each other, and comments among them."""
        return sequences.body(self, nodes)

    def effect(self, node: Node) -> Block:
        """What an expression does, its value being of no interest."""
        return expressions.effect(self, node)

    def returned(self, node: Node, value: Node | None) -> Block:
        """What `return value` does at `node`."""
        return statements.returned(self, node, value)

    def block(self, node: Node) -> Block:
        """The translation of a block, or of a single statement in place of one."""
        if node.type == "statement_block":
            return self.body(node.named_children)
        return self.body([node])
