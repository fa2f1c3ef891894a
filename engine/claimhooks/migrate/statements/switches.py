"""`switch`, as `if`, `elif` and `else`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts
from claimhooks.migrate.kinds import Kind
from claimhooks.migrate.python.code import Block, Code, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values import equality

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_LEAVES: Final = frozenset(
    {"return_statement", "throw_statement", "continue_statement", "break_statement"}
)


@dataclass(slots=True)
class _Case:
    """Some values, or else the default, and what is done for them."""

    values: list[Node]
    is_default: bool
    nodes: list[Node]


def switch_statement(t: Translator, node: Node) -> Block:
    """`switch`."""
    cases = _cases(tree.field(node, "body"))
    subject = tree.bare(tree.field(node, "value"))
    lines: list[Line] = []
    code: Code | None = None
    if subject.type != "true":
        code = t.expression(subject)
        if not code.is_simple:
            name = t.name_for(subject, "chosen")
            lines.append(Line(f"{name} = {code.text}"))
            code = Code(name, code.type)
    entry = t.facts
    ends = [] if any(case.is_default for case in cases) else [entry]
    word = "if"
    for case in cases:
        tests = [_test(t, code, t.expression(value)) for value in case.values]
        t.facts = entry
        block = _body(t, case)
        if block.completes:
            ends.append(t.facts)
        if case.is_default:
            lines.extend(suite("else", block) if word == "elif" else block.lines)
        else:
            lines.extend(suite(f"{word} {' or '.join(tests)}", block))
            word = "elif"
    t.facts = facts.common(ends, entry)
    return Block(lines, bool(ends))


def _test(t: Translator, subject: Code | None, value: Code) -> str:
    """Whether the subject is `value`; of `switch (true)`, whether `value` is true."""
    if subject is not None:
        return equality.same(t, subject, value).text
    if not value.type.is_only(Kind.BOOL):
        raise Untranslatable("a case of switch (true) is translated only if it is true or false")
    return value.text


def _cases(body: Node) -> list[_Case]:
    found: list[_Case] = []
    current = _Case([], is_default=False, nodes=[])
    for child in tree.children(body):
        value = tree.maybe(child, "value")
        if value is None:
            current.is_default = True
        else:
            current.values.append(value)
        own = [one for one in child.named_children if value is None or one.id != value.id]
        if any(one.type != "comment" for one in own):
            current.nodes = own
            found.append(current)
            current = _Case([], is_default=False, nodes=[])
    if current.values or current.is_default:
        found.append(current)
    for case, following in zip(reversed(found[:-1]), reversed(found[1:]), strict=True):
        # One that does not end goes on with the next.
        if not _leaves(case.nodes):
            case.nodes = [*case.nodes, *following.nodes]
    return sorted(found, key=lambda case: case.is_default)


def _leaves(nodes: list[Node]) -> bool:
    last = [node for node in nodes if node.type != "comment"][-1:]
    if not last:
        return False
    if last[0].type == "statement_block":
        return _leaves(last[0].named_children)
    if last[0].type == "if_statement":
        alternative = tree.maybe(last[0], "alternative")
        return alternative is not None and all(
            _leaves([branch])
            for branch in (tree.field(last[0], "consequence"), tree.children(alternative)[0])
        )
    return last[0].type in _LEAVES


def _body(t: Translator, case: _Case) -> Block:
    nodes = list(case.nodes)
    if len(nodes) == 1 and nodes[0].type == "statement_block":
        nodes = nodes[0].named_children
    for index, node in enumerate(nodes):
        if node.type == "break_statement":
            nodes = nodes[:index]
            break
    with t.within(t.flow, replace(t.jumps, is_switch=True)):
        return t.body(nodes)


STATEMENTS: Final = {"switch_statement": switch_statement}
