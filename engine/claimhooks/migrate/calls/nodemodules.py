"""The npm modules that have a translation besides those for HTTP: crypto, uuid, Buffer, lodash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import TEXT, Kind, Type
from claimhooks.migrate.python.code import Code, Rank, call, quoted
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.values.logic import unless_nothing
from claimhooks.migrate.values.searches import contains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def called(t: Translator, node: Node, module: str) -> Code | None:
    """A call of a module, or of a function in it, if it has a translation."""
    if module in {"crypto.randomUUID", "uuid.v4", "uuid"}:
        t.imported("import uuid")
        return call("str", ["uuid.uuid4()"], TEXT)
    name, _, member = module.partition(".")
    if name == "lodash" and member in _LODASH:
        return _LODASH[member](t, tree.arguments(node))
    if name in {"querystring", "qs"} and member == "stringify":
        t.imported("from urllib.parse import urlencode")
        return call("urlencode", [t.expression(tree.arguments(node)[0]).text], TEXT)
    return None


# Hashes and encodings, which are chains of calls


def chained(t: Translator, node: Node) -> Code | None:
    """`crypto.createHash("sha256").update(text).digest("hex")` and its like, if it is one."""
    callee, links = _links(node)
    names = [name for name, _ in links]
    if names == ["", "toString"] and tree.text(callee) == "Buffer.from":
        return _encoded(t, links[0][1], links[1][1])
    module = modules.module_of(callee, t.bindings, t.modules)
    if names == ["", "update", "digest"] and module in {"crypto.createHash", "crypto.createHmac"}:
        return _digest(t, module, *(given for _, given in links))
    return None


def _links(node: Node) -> tuple[Node, list[tuple[str, list[Node]]]]:
    """What is called first in a chain of calls, and each call: its method and its arguments."""
    callee = tree.bare(tree.field(node, "function"))
    given = tree.arguments(node)
    if callee.type == "member_expression":
        owner = tree.bare(tree.field(callee, "object"))
        if owner.type == "call_expression":
            first, links = _links(owner)
            return first, [*links, (tree.text(tree.field(callee, "property")), given)]
    return callee, [("", given)]


def _digest(
    t: Translator, module: str, made: list[Node], data: list[Node], form: list[Node]
) -> Code:
    algorithm = t.expression(made[0]).constant
    encoding = t.expression(form[0]).constant if form else None
    if algorithm not in {"md5", "sha1", "sha256", "sha384", "sha512"} or encoding not in _FORMS:
        raise Untranslatable("this hash has no translation")
    content = _bytes(t, data[0])
    t.imported("import hashlib")
    if module == "crypto.createHmac":
        t.imported("import hmac")
        key = _bytes(t, made[1])
        digest = f"hmac.new({key}, {content}, hashlib.{algorithm})"
    else:
        digest = f"hashlib.{algorithm}({content})"
    if encoding == "hex":
        return Code(f"{digest}.hexdigest()", TEXT)
    return _as_base64(t, f"{digest}.digest()", str(encoding))


def _bytes(t: Translator, node: Node) -> str:
    """What a text is in UTF-8; like in JavaScript, anything but a text fails."""
    return f"{t.expression(node).at(Rank.ATOM)}.encode()"


_FORMS: Final = frozenset({"hex", "base64", "base64url"})


def _encoded(t: Translator, given: list[Node], form: list[Node]) -> Code:
    source = t.expression(given[1]).constant if len(given) > 1 else "utf8"
    target = t.expression(form[0]).constant if form else "utf8"
    plain = {"utf8", "utf-8", "ascii"}
    if source in plain and target in {"base64", "base64url"}:
        return _as_base64(t, _bytes(t, given[0]), str(target))
    if source in plain and target == "hex":
        return Code(f"{_bytes(t, given[0])}.hex()", TEXT)
    if source == "base64" and target in plain:
        t.imported("import base64")
        return Code(f"base64.b64decode({t.expression(given[0]).text}).decode()", TEXT)
    raise Untranslatable("this encoding has no translation")


def _as_base64(t: Translator, data: str, form: str) -> Code:
    t.imported("import base64")
    if form == "base64":
        return Code(f"base64.b64encode({data}).decode()", TEXT)
    return Code(f'base64.urlsafe_b64encode({data}).decode().rstrip("=")', TEXT)


# lodash


def _get(t: Translator, given: list[Node]) -> Code:
    owner, path = t.expression(given[0]), t.expression(given[1]).constant
    if not isinstance(path, str) or "[" in path:
        raise Untranslatable("the path of _.get cannot be seen here")
    steps = path.split(".")
    if owner.type.shape is kinds.Shape.CLIENT:
        if steps[0] != "metadata" or len(steps) == 1:
            raise Untranslatable("this path of _.get has no translation")
        owner, steps = Code(f"{owner.at(Rank.ATOM)}.metadata", t.types.metadata), steps[1:]
    code = owner
    for index, step in enumerate(steps):
        base = code.at(Rank.ATOM) if not index else f"({code.at(Rank.OR)} or {{}})"
        getter = f"{base}.get({quoted(step)}"
        code = Code(f"{getter})", owner.type.items.or_undefined(), getter=getter)
    return code if len(given) < 3 else unless_nothing(t, code, t.expression(given[2]))


def _unique(t: Translator, given: list[Node]) -> Code:
    items = t.expression(given[0])
    return Code(f"list(dict.fromkeys({items.source}))", Type(Kind.LIST, items.type.of))


def _union(t: Translator, given: list[Node]) -> Code:
    codes = [t.expression(one) for one in given]
    inner = ", ".join(code.starred for code in codes)
    kind = kinds.either([code.type.items for code in codes])
    return Code(f"list(dict.fromkeys([{inner}]))", kinds.list_of(kind))


def _kept(word: str) -> Callable[[Translator, list[Node]], Code]:
    def rule(t: Translator, given: list[Node]) -> Code:
        first, second = (t.expression(one) for one in given)
        text = f"[item for item in {first.source} if item {word} {second.at(Rank.SUM)}]"
        if word == "in":
            text = f"list(dict.fromkeys({text[1:-1]}))"
        return Code(text, Type(Kind.LIST, first.type.of))

    return rule


def _includes(t: Translator, given: list[Node]) -> Code:
    return contains(t, t.expression(given[0]), t.expression(given[1]))


_LODASH: Final[Mapping[str, Callable[[Translator, list[Node]], Code]]] = {
    "get": _get,
    "uniq": _unique,
    "union": _union,
    "difference": _kept("not in"),
    "intersection": _kept("in"),
    "includes": _includes,
}
