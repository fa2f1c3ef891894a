"""The translation of one script: its state, and the way from a node to the rule for it."""

from __future__ import annotations

import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from claimhooks.errors import printable, utf8_text
from claimhooks.migrate import comments, facts, kinds
from claimhooks.migrate.calls import calling as calls
from claimhooks.migrate.calls import functions, handed, promises
from claimhooks.migrate.effects import Effects, Note, Untranslatable
from claimhooks.migrate.flow import Flow, Frame, Jumps, Returns
from claimhooks.migrate.python.code import Code, call
from claimhooks.migrate.python.lines import Block, Line
from claimhooks.migrate.script import tree
from claimhooks.migrate.script.callbacks import Callbacks
from claimhooks.migrate.script.modules import modules_of
from claimhooks.migrate.statements import (
    assignments,
    expressions,
    loops,
    returns,
    sequences,
    switches,
)
from claimhooks.migrate.statements import plain as statements
from claimhooks.migrate.types import Types
from claimhooks.migrate.values import arrays_and_objects, literals, members, operators

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Bindings

    ExpressionRule = Callable[["Translator", Node], Code]
    StatementRule = Callable[["Translator", Node], Block]

COMMENT_WIDTH: Final = 76
"""Of a mark, without what is before it in its line."""

_EXPRESSIONS: Final[Mapping[str, ExpressionRule]] = {
    **literals.EXPRESSIONS,
    **arrays_and_objects.EXPRESSIONS,
    **operators.EXPRESSIONS,
    **members.EXPRESSIONS,
    **calls.EXPRESSIONS,
    **handed.EXPRESSIONS,
    **promises.EXPRESSIONS,
    **assignments.EXPRESSIONS,
}
_STATEMENTS: Final[Mapping[str, StatementRule]] = {
    **statements.STATEMENTS,
    **loops.STATEMENTS,
    **switches.STATEMENTS,
    **functions.STATEMENTS,
}


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

    def todo(self, node: Node, reason: str) -> Code:
        """In place of what cannot be translated: it fails when it is reached."""
        self.decide(node, reason, original=True)
        line = node.start_point.row + 1
        return call(self.need("js_todo"), [str(line)], kinds.ANY)

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

    def remark_on_scopes(self) -> None:
        """Tell which scopes the hook adds, since the API has to define them."""
        added = self.effects.added_scopes
        if added:
            names = ", ".join(added)
            what = "this" if len(added) == 1 else "these"
            message = f'the API has to define {names}, or [policy] scopes = "any" allow {what}'
            self.remark(next(iter(added.values())), message)

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
        effects, facts, guards = self.effects, self.facts, self.guards
        self.effects, self.facts, self.guards = Effects(), frozenset(), []
        try:
            yield
        finally:
            self.effects, self.facts, self.guards = effects, facts, guards

    @contextmanager
    def flowing(self, flow: Flow) -> Generator[None]:
        """Within it, this is what happens after a statement."""
        outer, self.flow = self.flow, flow
        try:
            yield
        finally:
            self.flow = outer

    @contextmanager
    def jumping(self, jumps: Jumps) -> Generator[None]:
        """Within it, this is what `break` and `continue` do."""
        outer, self.jumps = self.jumps, jumps
        try:
            yield
        finally:
            self.jumps = outer

    def gathered(self, make: Callable[[], Block]) -> Block:
        """What `make` makes, after what has to stand before it."""
        outer, self.effects.before = self.effects.before, []
        try:
            block = make()
            return Block([*self.effects.before, *block.lines], block.completes)
        finally:
            self.effects.before = outer

    def forget(self, name: str) -> None:
        """Know no longer what a variable was: it changes."""
        self.facts = facts.without(self.facts, [name])

    def forget_below(self, subscript: str) -> None:
        """Know no longer what was in a member: it changes."""
        self.facts = frozenset(fact for fact in self.facts if not fact.startswith(subscript))

    # From a node to its translation

    def expression(self, node: Node) -> Code:
        """The translation of an expression."""
        node = tree.bare(node)
        try:
            rule = _EXPRESSIONS.get(node.type)
            if rule is None:
                raise Untranslatable(f"there is no Python for this {node.type.replace('_', ' ')}")
            return rule(self, node)
        except Untranslatable as error:
            return self.todo(node, str(error))
        except (IndexError, ValueError):
            # The rules for calls take their arguments as they come.
            return self.todo(node, "this is given fewer arguments than it takes, or more")

    def statement(self, node: Node) -> Block:
        """The translation of a statement, with what has to stand before it."""
        block = self.gathered(lambda: self._statement(node))
        return Block([*comments.unsaid(self, node), *block.lines], block.completes)

    def _statement(self, node: Node) -> Block:
        try:
            rule = _STATEMENTS.get(node.type)
            if rule is None:
                raise Untranslatable(f"there is no Python for this {node.type.replace('_', ' ')}")
            return rule(self, node)
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
        return returns.returned(self, node, value)

    def block(self, node: Node) -> Block:
        """The translation of a block, or of a single statement in place of one."""
        if node.type == "statement_block":
            return self.body(node.named_children)
        return self.body([node])
