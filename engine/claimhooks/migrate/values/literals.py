"""Literals: texts, templates, numbers, patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import (
    NONE,
    Code,
    Rank,
    call,
    escaped,
    int_code,
    quoted,
    text_code,
)
from claimhooks.migrate.script import tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values.coercion import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def string(_t: Translator, node: Node) -> Code:
    """A text in quotes."""
    return text_code(tree.string_value(node))


def template(t: Translator, node: Node) -> Code:
    """A text with expressions in it."""
    parts: list[Code] = []
    for child in node.named_children:
        if child.type == "template_substitution":
            code = t.expression(tree.children(child)[0])
            is_int = code.type.is_only(Kind.INT) and code.constant is None
            parts.append(code if is_int else as_text(t, code))
        elif child.type == "escape_sequence":
            parts.append(text_code(tree.unescaped(tree.text(child))))
        elif child.type == "string_fragment":
            parts.append(text_code(tree.text(child)))
    return joined(parts)


def joined(parts: list[Code]) -> Code:
    """Texts, one after the other."""
    constant = None
    if all(isinstance(part.constant, str) for part in parts):
        constant = "".join(str(part.constant) for part in parts)
    if all(part.is_text_literal for part in parts):
        return text_code(constant or "")
    if len(parts) == 1:
        return parts[0]
    inner: list[str] = []
    for part in parts:
        if part.is_text_literal:
            inner.append(escaped(str(part.constant)).replace("{", "{{").replace("}", "}}"))
            continue
        text = part.text.replace('"', "'")
        if re.search(r"[\\\n]|^\{", text) or text.count("'") > part.text.count('"'):
            # Python 3.11 does not have it within the quotes of an f-string.
            sums = " + ".join(one.at(Rank.PRODUCT) for one in map(_as_operand, parts))
            return Code(sums, kinds.TEXT, Rank.SUM, constant)
        inner.append(f"{{{text}}}")
    return Code(f'f"{"".join(inner)}"', kinds.TEXT, constant=constant)


def _as_operand(part: Code) -> Code:
    """A part of a template, for `+`: a number has to be made a text there."""
    return call("str", [part.text], kinds.TEXT) if part.type.is_only(Kind.INT) else part


def number(_t: Translator, node: Node) -> Code:
    """A number. One without a fraction is an int, as JSON has it."""
    source = tree.text(node)
    if re.fullmatch(r"0|[1-9]\d*", source):
        return int_code(int(source))
    if not re.fullmatch(r"(\d*\.\d+|[1-9]\d*)(e\d+)?", source):
        raise Untranslatable("a number that is not written in decimal has no translation")
    value = float(source)
    return int_code(int(value)) if value.is_integer() else Code(repr(value), kinds.NUMBER)


def regex(t: Translator, node: Node) -> Code:
    """A pattern, compiled."""
    pattern, flags = pattern_of(node)
    t.imported("import re")
    arguments = [pattern, *([flags] if flags else [])]
    return call("re.compile", arguments, Type(Kind.OBJECT, shape=Shape.PATTERN))


def pattern_of(node: Node) -> tuple[str, str]:
    """The Python literal of a regular expression, and its flags but `g`, which is no business of
    the pattern."""
    source = tree.text(tree.field(node, "pattern"))
    given = flags_of(node)
    if not _PLAIN.fullmatch(source) or {*given} - {"g", "i"}:
        raise Untranslatable("Python's re may read this pattern otherwise")
    pattern = _PIECE.sub(lambda found: _PIECES.get(found[0], found[0]), source)
    flags = ["re.IGNORECASE"] if "i" in given else []
    if re.search(r"\\[dwbDWB]", pattern):
        flags.insert(0, "re.ASCII")
    text = f'"{pattern}"' if '"' not in pattern else f"'{pattern}'"
    if text[0] in pattern:
        return quoted(pattern), " | ".join(flags)
    return f"{'r' if chr(92) in pattern else ''}{text}", " | ".join(flags)


def flags_of(node: Node) -> str:
    """The flags of a regular expression, such as `gi`."""
    flags = tree.maybe(node, "flags")
    return "" if flags is None else tree.text(flags)


_PIECE: Final = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|.", re.DOTALL)
_PIECES: Final = {"$": r"\Z", r"\/": "/"}
_PLAIN: Final = re.compile(
    r"(?:\\[dDwWsSbBtnr/.*+?^$|(){}\[\]\\-]"  # an escape that both know
    r"|\[\^?(?:\\[dDwWsStnr/.*+?^$|(){}\[\]\\-]|[^\]\[\\&|~])+\]"  # a set of characters
    r"|\((?:\?[:=!]|(?!\?))"
    r"|\{\d+(?:,\d*)?\}"
    r"|[^\\\[({])*"
)
"""A pattern of which Python and JavaScript think the same."""


def _always(code: Code) -> Callable[[Translator, Node], Code]:
    def rule(_t: Translator, _node: Node) -> Code:
        return code

    return rule


EXPRESSIONS: Final = {
    "string": string,
    "template_string": template,
    "number": number,
    "regex": regex,
    "true": _always(Code("True", kinds.BOOL)),
    "false": _always(Code("False", kinds.BOOL)),
    "null": _always(NONE),
    "undefined": _always(Code("None", kinds.UNDEFINED)),
}
