"""Methods of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import TEXTS, Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.script import tree
from claimhooks.migrate.values.coercion import as_number, as_text
from claimhooks.migrate.values.literals import pattern_of
from claimhooks.migrate.values.searches import contains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

    Method = Callable[[Translator, Code, list[Node]], Code]

_PARTS: Final = Type(Kind.LIST, kinds.TEXT, fields={"0": kinds.TEXT})
"""What a text is split into: one part at least."""
_MATCH: Final = Type(Kind.OBJECT | Kind.NULL, shape=Shape.MATCH)


def _plain(python: str, returns: Type, *, takes: int = 0) -> Method:
    """A method that Python has by another name."""

    def method(t: Translator, owner: Code, given: list[Node]) -> Code:
        if len(given) != takes:
            raise Untranslatable("with these arguments, this method has no translation")
        texts = [as_text(t, t.expression(one)).text for one in given]
        return call(f"{owner.at(Rank.ATOM)}.{python}", texts, returns)

    return method


def _includes(t: Translator, owner: Code, given: list[Node]) -> Code:
    if len(given) != 1:
        raise Untranslatable("includes from a position on has no translation")
    return contains(t, owner, as_text(t, t.expression(given[0])))


def _concat(t: Translator, owner: Code, given: list[Node]) -> Code:
    parts = [owner, *(as_text(t, t.expression(one)) for one in given)]
    return Code(" + ".join(part.at(Rank.PRODUCT) for part in parts), kinds.TEXT, Rank.SUM)


def _char_at(t: Translator, owner: Code, given: list[Node]) -> Code:
    index = t.expression(given[0]).text if given else "0"
    start = "0" if index == "0" else index
    end = str(int(index) + 1) if index.isdigit() else f"{index} + 1"
    return Code(f"{owner.at(Rank.ATOM)}[{sliced(start, end)}]", kinds.TEXT)


def sliced(start: str, end: str) -> str:
    """What stands in the brackets of a slice, spaced as ruff does."""
    start = "" if start == "0" else start
    is_plain = all(part.lstrip("-").replace("_", "").isalnum() or not part for part in (start, end))
    if is_plain:
        return f"{start}:{end}"
    return f"{start} : {end}".strip() if start else f": {end}"


def _slice(t: Translator, owner: Code, given: list[Node]) -> Code:
    bounds = [as_number(t, t.expression(one)) for one in given]
    if not all(bound.type.is_only(Kind.INT) for bound in bounds):
        raise Untranslatable("slice without whole numbers has no translation")
    start = bounds[0].text if bounds else "0"
    end = bounds[1].text if len(bounds) > 1 else ""
    kind = kinds.TEXT if owner.type.is_only(Kind.TEXT | Kind.NOTHING) else owner.type.something()
    if start == "0" and not end and kind.is_only(Kind.LIST):
        return call(f"{owner.at(Rank.ATOM)}.copy", [], kind)
    return Code(f"{owner.at(Rank.ATOM)}[{sliced(start, end)}]", Type(kind.kinds, kind.of))


def _substring(t: Translator, owner: Code, given: list[Node]) -> Code:
    bounds = [t.expression(one) for one in given]
    values = [bound.constant for bound in bounds]
    if values and all(isinstance(value, int) and value >= 0 for value in values):
        ordered = sorted(int(value) for value in values if value is not None)
        end = str(ordered[1]) if len(ordered) > 1 else ""
        return Code(f"{owner.at(Rank.ATOM)}[{sliced(str(ordered[0]), end)}]", kinds.TEXT)
    texts = [as_number(t, bound).text for bound in bounds]
    return call(t.need("js_substring"), [owner.text, *texts], kinds.TEXT)


def _substr(t: Translator, owner: Code, given: list[Node]) -> Code:
    bounds = [t.expression(one) for one in given]
    if len(bounds) == 1 and bounds[0].type.is_only(Kind.INT):
        return Code(f"{owner.at(Rank.ATOM)}[{sliced(bounds[0].text, '')}]", kinds.TEXT)
    start, length = (bound.constant for bound in bounds)
    if isinstance(start, int) and isinstance(length, int) and start >= 0:
        text = sliced(str(start), str(start + length))
        return Code(f"{owner.at(Rank.ATOM)}[{text}]", kinds.TEXT)
    raise Untranslatable("substr without plain numbers has no translation")


def _split(t: Translator, owner: Code, given: list[Node]) -> Code:
    owner_text = owner.at(Rank.ATOM)
    if not given:
        return Code(f"[{owner.text}]", _PARTS)
    if tree.bare(given[0]).type == "regex":
        pattern, flags = pattern_of(tree.bare(given[0]))
        t.imported("import re")
        extra = [f"flags={flags}"] if flags else []
        code = call("re.split", [pattern, owner.text, *extra], _PARTS)
    else:
        separator = t.expression(given[0])
        code = (
            call("list", [owner.text], TEXTS)
            if separator.constant == ""
            else call(f"{owner_text}.split", [as_text(t, separator).text], _PARTS)
        )
    if len(given) > 1:
        return Code(f"{code.at(Rank.ATOM)}[{sliced('0', t.expression(given[1]).text)}]", TEXTS)
    return code


def _replace(t: Translator, owner: Code, given: list[Node]) -> Code:
    if len(given) != 2:
        raise Untranslatable("replace without a replacement has no translation")
    sought, replacement = tree.bare(given[0]), t.expression(given[1])
    if sought.type == "regex":
        return _replace_pattern(t, owner, sought, replacement)
    if not replacement.type.is_only(Kind.TEXT) or "$" in str(replacement.constant or ""):
        raise Untranslatable("this replacement has no translation")
    texts = [as_text(t, t.expression(sought)).text, replacement.text, "1"]
    return call(f"{owner.at(Rank.ATOM)}.replace", texts, kinds.TEXT)


def _replace_pattern(t: Translator, owner: Code, sought: Node, replacement: Code) -> Code:
    pattern, flags = pattern_of(sought)
    t.imported("import re")
    constant = replacement.constant
    text = replacement.text
    if not isinstance(constant, str):
        if not replacement.type.is_only(Kind.TEXT):
            raise Untranslatable("a function as replacement has no translation")
        text = f"lambda _: {replacement.text}"
    elif "$" in constant or "\\" in constant:
        raise Untranslatable("a replacement with groups has no translation")
    flags_node = tree.maybe(sought, "flags")
    is_global = flags_node is not None and "g" in tree.text(flags_node)
    extra = [*([] if is_global else ["count=1"]), *([f"flags={flags}"] if flags else [])]
    return call("re.sub", [pattern, text, owner.text, *extra], kinds.TEXT)


def _replace_all(t: Translator, owner: Code, given: list[Node]) -> Code:
    if tree.bare(given[0]).type == "regex":
        return _replace(t, owner, given)
    codes = [as_text(t, t.expression(one)) for one in given]
    if "$" in str(codes[1].constant or ""):
        raise Untranslatable("this replacement has no translation")
    return call(f"{owner.at(Rank.ATOM)}.replace", [code.text for code in codes], kinds.TEXT)


def _match(t: Translator, owner: Code, given: list[Node]) -> Code:
    node = tree.bare(given[0])
    if node.type != "regex":
        compiled = t.expression(node)
        if compiled.type.shape is not Shape.PATTERN:
            raise Untranslatable("a text as pattern has no translation")
        return call(f"{compiled.at(Rank.ATOM)}.search", [owner.text], _MATCH)
    flags_node = tree.maybe(node, "flags")
    pattern, flags = pattern_of(node)
    t.imported("import re")
    extra = [flags] if flags else []
    if flags_node is not None and "g" in tree.text(flags_node):
        found = f"[m[0] for m in re.finditer({', '.join([pattern, owner.text, *extra])})]"
        return Code(f"{found} or None", Type(Kind.LIST | Kind.NULL, kinds.TEXT), Rank.OR)
    return call("re.search", [pattern, owner.text, *extra], _MATCH)


def _index_of(t: Translator, owner: Code, given: list[Node]) -> Code:
    if not owner.type.is_only(Kind.TEXT | Kind.NOTHING):
        return call(t.need("js_index_of"), [owner.text, t.expression(given[0]).text], kinds.INT)
    texts = [
        as_text(t, t.expression(given[0])).text,
        *(t.expression(one).text for one in given[1:]),
    ]
    return call(f"{owner.at(Rank.ATOM)}.find", texts, kinds.INT)


def _pad(python: str) -> Method:
    def method(t: Translator, owner: Code, given: list[Node]) -> Code:
        fill = t.expression(given[1]) if len(given) > 1 else None
        if fill is not None and len(str(fill.constant)) != 1:
            raise Untranslatable("padding with more than one character has no translation")
        texts = [t.expression(given[0]).text, *([fill.text] if fill is not None else [])]
        return call(f"{owner.at(Rank.ATOM)}.{python}", texts, kinds.TEXT)

    return method


def _repeat(t: Translator, owner: Code, given: list[Node]) -> Code:
    times = t.expression(given[0])
    return Code(f"{owner.at(Rank.PRODUCT)} * {times.at(Rank.SIGN)}", kinds.TEXT, Rank.PRODUCT)


def _code_at(t: Translator, owner: Code, given: list[Node]) -> Code:
    index = t.expression(given[0]).text if given else "0"
    return call("ord", [f"{owner.at(Rank.ATOM)}[{index}]"], kinds.INT)


METHODS: Final[Mapping[str, Method]] = {
    "toLowerCase": _plain("lower", kinds.TEXT),
    "toLocaleLowerCase": _plain("lower", kinds.TEXT),
    "toUpperCase": _plain("upper", kinds.TEXT),
    "toLocaleUpperCase": _plain("upper", kinds.TEXT),
    "trim": _plain("strip", kinds.TEXT),
    "trimStart": _plain("lstrip", kinds.TEXT),
    "trimEnd": _plain("rstrip", kinds.TEXT),
    "startsWith": _plain("startswith", kinds.BOOL, takes=1),
    "endsWith": _plain("endswith", kinds.BOOL, takes=1),
    "lastIndexOf": _plain("rfind", kinds.INT, takes=1),
    "includes": _includes,
    "concat": _concat,
    "charAt": _char_at,
    "charCodeAt": _code_at,
    "slice": _slice,
    "substring": _substring,
    "substr": _substr,
    "split": _split,
    "replace": _replace,
    "replaceAll": _replace_all,
    "match": _match,
    "indexOf": _index_of,
    "padStart": _pad("rjust"),
    "padEnd": _pad("ljust"),
    "repeat": _repeat,
}
