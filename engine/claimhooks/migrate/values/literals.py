"""Literals: texts, templates, numbers, patterns."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import NONE, Code, Rank, call, escaped, int_code, text_code
from claimhooks.migrate.script import tree
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
    said = "".join(str(part.constant) for part in parts if part.is_text_literal)
    quote, other = ("'", '"') if said.count('"') > said.count("'") else ('"', "'")
    inner: list[str] = []
    for part in parts:
        if part.is_text_literal:
            inner.append(escaped(str(part.constant), quote).replace("{", "{{").replace("}", "}}"))
            continue
        text = part.text.replace(quote, other)
        if "\\" in text or text.startswith("{") or (quote in part.text and other in part.text):
            # Python 3.11 does not have it within the quotes of an f-string.
            sums = " + ".join(one.at(Rank.PRODUCT) for one in map(_as_operand, parts))
            return Code(sums, kinds.TEXT, Rank.SUM, constant, prefix=parts[0].beginning)
        inner.append(f"{{{text}}}")
    text = f"f{quote}{''.join(inner)}{quote}"
    return Code(text, kinds.TEXT, constant=constant, prefix=parts[0].beginning)


def _as_operand(part: Code) -> Code:
    """A part of a template, for `+`: a number has to be made a text there."""
    return call("str", [part.text], kinds.TEXT) if part.type.is_only(Kind.INT) else part


def number(_t: Translator, node: Node) -> Code:
    """A number. One without a fraction is an int, as JSON has it."""
    source = tree.text(node).lower().replace("_", "")
    if source.endswith("n"):
        raise Untranslatable("a BigInt cannot be a claim")
    if source.startswith(("0x", "0o", "0b")):
        return Code(source, kinds.INT, constant=int(source, 0))
    if source.isdigit() and source.startswith("0") and source != "0":
        return int_code(int(source, 8) if not {*source} & {"8", "9"} else int(source))
    if source.isdigit():
        return int_code(int(source))
    value = float(source)
    if value.is_integer() and abs(value) < 1e21:
        return int_code(int(value))
    return Code(repr(value), kinds.NUMBER, constant=value)


def regex(t: Translator, node: Node) -> Code:
    """A pattern, compiled."""
    pattern, flags = pattern_of(node)
    t.imported("import re")
    arguments = [pattern, *([flags] if flags else [])]
    return call("re.compile", arguments, Type(Kind.OBJECT, shape=Shape.PATTERN))


def pattern_of(node: Node) -> tuple[str, str]:
    """The Python literal of a regular expression, and its flags; those that are no business of
    the pattern, `g` and `y`, left out."""
    source = tree.text(tree.field(node, "pattern"))
    flags_node = tree.maybe(node, "flags")
    given = tree.text(flags_node) if flags_node is not None else ""
    if "y" in given:
        raise Untranslatable("Python has no sticky patterns")
    pattern = _python_pattern(source, is_multiline="m" in given)
    flags = [_FLAGS[flag] for flag in given if flag in _FLAGS]
    if re.search(r"\\[dwbDWB]", pattern):
        flags.insert(0, "re.ASCII")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
    except (re.error, FutureWarning, DeprecationWarning) as error:
        raise Untranslatable(f"Python's re does not take this pattern: {error}") from None
    quote = '"' if '"' not in pattern else "'"
    if quote in pattern or pattern.endswith("\\") or "\n" in pattern:
        return text_code(pattern).text, " | ".join(flags)
    prefix = "r" if "\\" in pattern else ""
    return f"{prefix}{quote}{pattern}{quote}", " | ".join(flags)


_FLAGS: Final = {"i": "re.IGNORECASE", "m": "re.MULTILINE", "s": "re.DOTALL"}
_SET_SIGNS: Final = frozenset("[&|~")


def _python_pattern(source: str, *, is_multiline: bool) -> str:
    out: list[str] = []
    position, in_set = 0, False
    while position < len(source):
        sign = source[position]
        if sign == "\\":
            escape = source[position : position + 2]
            named = re.match(r"\\k<(\w+)>", source[position:])
            point = re.match(r"\\u\{([0-9a-fA-F]+)\}", source[position:])
            if named:
                out.append(f"(?P={named[1]})")
                position += named.end()
            elif point:
                out.append(f"\\U{int(point[1], 16):08x}")
                position += point.end()
            else:
                out.append("/" if escape == "\\/" else escape)
                position += 2
            continue
        if in_set:
            in_set = sign != "]"
            out.append(f"\\{sign}" if sign in _SET_SIGNS else sign)
        elif sign == "[":
            in_set = True
            out.append(sign)
        elif sign == "$" and not is_multiline:
            out.append(r"\Z")
        elif source.startswith("(?<", position) and source[position + 3 : position + 4] not in "=!":
            out.append("(?P<")
            position += 2
        else:
            out.append(sign)
        position += 1
    return "".join(out)


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
