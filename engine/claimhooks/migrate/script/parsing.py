"""From the text of a script to its tree, and to the function in it that is the hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.errors import Problem, ScriptError
from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Bindings


def parse(source: str, file: str) -> Node:
    """The tree of a JavaScript program.

    Raises :class:`ScriptError`: ``migrate_missing`` without the parser, ``javascript_malformed``
    with the first mistake.
    """
    try:
        # Not at the top: only this command needs them, and they may not be installed.
        import tree_sitter_javascript  # noqa: PLC0415
        from tree_sitter import Language, Parser  # noqa: PLC0415
    except ImportError as error:
        reason = f"the parser is not installed: {error}"
        raise ScriptError([Problem("migrate_missing", file, reason)]) from None
    data = source.encode()
    language = Language(tree_sitter_javascript.language())
    program = Parser(language).parse(data).root_node
    if program.has_error:
        mistake = _first_mistake(program)
        line, column = tree.place(mistake, data)
        reason = f"column {column}: {_what_is_wrong(mistake)}"
        raise ScriptError([Problem("javascript_malformed", file, reason, line)])
    return program


def _first_mistake(node: Node) -> Node:
    while not (node.is_error or node.is_missing):
        node = next(child for child in node.children if child.has_error or child.is_missing)
    return node


def _what_is_wrong(mistake: Node) -> str:
    if mistake.is_missing:
        return f"{mistake.type} is missing"
    words = tree.text(mistake).split()
    return f"unexpected {words[0][:40]}" if words else "unexpected end"


PARAMETERS: Final = 5
"""client, scope, audience, context and the callback, under any names."""


def find_hook(program: Node, bindings: Bindings, file: str) -> Node:
    """The function that the script exports as a hook.

    Raises :class:`ScriptError`, ``javascript_not_a_hook``, with what the script is instead.
    """
    exported = [
        (node, tree.text(tree.field(node, "left")))
        for node in tree.walk(program, within_functions=False)
        if node.type == "assignment_expression"
    ]
    for node, target in exported:
        if target == "module.exports":
            return _hook_of(node, bindings, file)
    for node, target in exported:
        if target == "exports.onExecuteCredentialsExchange":
            reason = "an Action, which is another contract: only Hooks are translated"
            raise _not_a_hook(reason, node, file)
        if target.startswith(("exports.", "module.exports.")):
            raise _not_a_hook(f"sets {target}; a hook is what module.exports is set to", node, file)
    for node in tree.children(program):
        if node.type == "export_statement":
            reason = "an ES module; a hook is a CommonJS module that sets module.exports"
            raise _not_a_hook(reason, node, file)
    raise _not_a_hook("nothing sets module.exports to a function", None, file)


def _hook_of(assignment: Node, bindings: Bindings, file: str) -> Node:
    value = tree.bare(tree.field(assignment, "right"))
    while value.type == "assignment_expression":
        value = tree.bare(tree.field(value, "right"))
    function: Node | None = value
    if value.type == "identifier":
        binding = bindings.of(value)
        function = None if binding is None else binding.function
    if function is None or function.type not in tree.FUNCTIONS:
        what = tree.text(value).partition("\n")[0][:40]
        raise _not_a_hook(f"module.exports is no function of this file: {what}", value, file)
    names = [tree.text(parameter) for parameter in tree.parameters(function)]
    if len(names) != PARAMETERS:
        reason = (
            f"the function takes {len(names)} parameters ({', '.join(names)}); a hook of the "
            f"client-credentials exchange takes {PARAMETERS}: client, scope, audience, context, cb"
        )
        raise _not_a_hook(reason, function, file)
    if tree.parameters(function)[-1].type != "identifier":
        raise _not_a_hook("the last parameter is no name for the callback", function, file)
    return function


def _not_a_hook(reason: str, node: Node | None, file: str) -> ScriptError:
    line = None if node is None else node.start_point.row + 1
    return ScriptError([Problem("javascript_not_a_hook", file, reason, line)])
