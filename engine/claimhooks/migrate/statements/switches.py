"""`switch`, as `match` or as `if`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import facts
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.python.code import Code, comparison
from claimhooks.migrate.python.lines import Block, Line, suite
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.truth import truth

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

_LITERALS: Final = frozenset({"string", "number", "true", "false", "null", "undefined"})
_LEAVES: Final = frozenset({"return_statement", "throw_statement", "continue_statement"})


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
    values = [value for case in cases for value in case.values]
    if subject.type in {"true", "false"} or not all(one.type in _LITERALS for one in values):
        return _as_if(t, subject, cases)
    return _as_match(t, subject, cases)


def _cases(body: Node) -> list[_Case]:
    found: list[_Case] = []
    current = _Case([], is_default=False, nodes=[])
    for child in body.named_children:
        if child.type == "comment":
            continue
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
    if any(case.is_default for case in found[:-1]):
        found.sort(key=lambda case: case.is_default)
    return found


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
    return last[0].type in _LEAVES or last[0].type == "break_statement"


class _Ends:
    """Whether, and with what being known, the cases of a switch come to their end."""

    def __init__(self, t: Translator, cases: list[_Case]) -> None:
        self._t = t
        self._entry = t.facts
        self._found = [] if any(case.is_default for case in cases) else [t.facts]

    def body(self, case: _Case) -> Block:
        """The translation of one case."""
        t = self._t
        t.facts = self._entry
        block = _body(t, case)
        if block.completes:
            self._found.append(t.facts)
        return block

    def close(self) -> bool:
        """Whether what comes after the switch is reached; what is known there is known."""
        t = self._t
        t.facts = facts.common(self._found, self._entry)
        return bool(self._found)


def _body(t: Translator, case: _Case) -> Block:
    nodes = list(case.nodes)
    if len(nodes) == 1 and nodes[0].type == "statement_block":
        nodes = nodes[0].named_children
    for index, node in enumerate(nodes):
        if node.type == "break_statement":
            nodes = nodes[:index]
            break
    with t.jumping(replace(t.jumps, is_switch=True)):
        return t.body(nodes)


def _as_match(t: Translator, subject: Node, cases: list[_Case]) -> Block:
    code = t.expression(subject)
    lines: list[Line] = []
    ends = _Ends(t, cases)
    for case in cases:
        block = ends.body(case)
        patterns = " | ".join(t.expression(value).text for value in case.values)
        lines.extend(suite(f"case {'_' if case.is_default else patterns}", block))
    if not cases:
        return Block([Line(code.text)])
    return Block(suite(f"match {code.text}", Block(lines)), ends.close())


def _as_if(t: Translator, subject: Node, cases: list[_Case]) -> Block:
    lines: list[Line] = []
    code: Code | None = None
    if subject.type not in {"true", "false"}:
        code = t.expression(subject)
        if not code.is_simple:
            name = t.name_for(subject, "chosen")
            lines.append(Line(f"{name} = {code.text}"))
            code = Code(name, code.type)
    ends = _Ends(t, cases)
    word = "if"
    for case in cases:
        tests: list[str] = []
        for value in case.values:
            found = t.expression(value)
            if code is not None:
                tests.append(comparison(code.text, "==", found.text).text)
            else:
                tests.append(truth(t, found).text)
        block = ends.body(case)
        if case.is_default:
            lines.extend(suite("else", block) if word == "elif" else block.lines)
        else:
            lines.extend(suite(f"{word} {' or '.join(tests)}", block))
            word = "elif"
    if subject.type == "false":
        raise Untranslatable("a switch over false has no translation")
    return Block(lines, ends.close())


STATEMENTS: Final = {"switch_statement": switch_statement}
