"""What the policy will refuse of a translated hook, by the policy's own judgement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.errors import REFUSALS
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.arrays_and_objects import key_code
from claimhooks.policy import Judge, Policy

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.python.code import Code
    from claimhooks.migrate.translator import Translator

_JUDGE: Final = Judge(Policy())


def review_claim(t: Translator, node: Node, name: Code) -> None:
    """Mark a claim that the policy would refuse by its name."""
    if not isinstance(name.constant, str) or name.constant == "scope":
        return
    if name.constant == "expires_in":
        t.decide(node, "expires_in was left out there; here it shortens the token's lifetime")
        return
    refusal = _JUDGE.refusal_of_name(name.constant)
    if refusal is not None:
        code, reason = refusal
        what = f"the policy refuses the claim {name.constant} ({reason})"
        t.decide(node, f"{what}: {REFUSALS[code]}")


def review_answer(t: Translator, answer: Node) -> None:
    """The same for each claim of an object literal that the hook answers with."""
    if answer.type != "object":
        return
    for child in tree.children(answer):
        if child.type == "pair":
            with t.silently():
                name = key_code(t, tree.field(child, "key"))
            review_claim(t, child, name)


def review_scope(t: Translator, node: Node, token: Code) -> None:
    """Remember a scope that the hook adds, since the API has to define it."""
    if isinstance(token.constant, str):
        t.effects.added_scopes.setdefault(token.constant, node)
