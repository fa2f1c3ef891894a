"""HTTP lookups: axios, fetch and request, as requests of httpx2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.kinds import Kind, Shape, Type, promise_of
from claimhooks.migrate.python.code import Code, Rank, call, quoted
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.state import Untranslatable
from claimhooks.migrate.values import coercion

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

RESPONSE: Final = Type(Kind.OBJECT, shape=Shape.AXIOS)
_FETCHED: Final = Type(Kind.OBJECT, shape=Shape.FETCH)
REQUESTED: Final = Type(Kind.OBJECT | Kind.UNDEFINED, shape=Shape.REQUEST)

FAILURE: Final = Type(Kind.OBJECT | Kind.NULL, shape=Shape.ERROR)
"""What `request` gives to its callback first."""

_WITH_BODY: Final = {"post", "put", "patch"}


def module_called(t: Translator, callee: Node) -> str | None:
    """The module, with the method, that a call of `callee` sends a request with."""
    callee = tree.bare(callee)
    if tree.text(callee) == "fetch" and t.bindings.of(callee) is None:
        return "node-fetch"
    module = modules.module_of(callee, t.bindings, t.modules)
    return module if module is not None and modules.is_request(module) else None


def request(t: Translator, node: Node, module: str) -> Code:
    """A request whose answer is a promise: of axios, fetch or request-promise."""
    given = tree.arguments(node)
    if module in modules.FETCH:
        code, _ = _sent(t, given, "", Shape.FETCH, "js_http")
        return Code(code.text, promise_of(_FETCHED), code.rank)
    name, _, verb = module.partition(".")
    if name in modules.AXIOS:
        code, _ = _sent(t, given, verb, Shape.AXIOS, "js_axios")
        return Code(code.text, promise_of(RESPONSE), code.rank)
    code, parses = _sent(t, given, verb, Shape.REQUEST, "js_axios")
    if parses:
        return call(f"({code.text}).json", [], promise_of(kinds.JSON))
    return Code(f"({code.text}).text", promise_of(kinds.TEXT))


def callback_request(t: Translator, node: Node, module: str) -> tuple[Code, list[Type]]:
    """A request whose answer is given to a callback, and the types of what that is given."""
    given = tree.arguments(node)[:-1]
    code, parses = _sent(t, given, module.partition(".")[2], Shape.REQUEST, "js_request")
    return code, [FAILURE, REQUESTED, kinds.ANY if parses else kinds.TEXT.or_undefined()]


def _sent(
    t: Translator, given: list[Node], verb: str, style: Shape, helper: str
) -> tuple[Code, bool]:
    """A request, as code that gives its answer; and whether that is read as JSON."""
    options: dict[str, Node] = {}
    url: Code | None = None
    rest = list(given)
    if rest and _options_of(t, rest[0]) is None:
        url = coercion.as_text(t, t.expression(rest.pop(0)))
    data = rest.pop(0) if verb in _WITH_BODY and style is Shape.AXIOS and rest else None
    if rest:
        found = _options_of(t, rest.pop(0))
        if found is None or rest:
            raise Untranslatable("the options of this request cannot be seen here")
        options = found
    if data is not None:
        options["data"] = data
    arguments = _Options(t, style)
    # Whether a body is written as JSON depends on whether the answer is read so.
    for name in sorted(options, key="json".__ne__):
        arguments.take(name, options[name])
    url = url or arguments.url
    if url is None:
        raise Untranslatable("the address of this request cannot be seen here")
    keywords = [f"{name}={text}" for name, text in arguments.keywords.items()]
    if helper == "js_request" and arguments.parses:
        keywords.append("parse=True")
    method = arguments.method or quoted((verb or "get").upper())
    t.effects.network = True
    t.awaits()
    code = call(f"await {t.need(helper)}", [method, url.text, *keywords], kinds.ANY)
    return Code(code.text, kinds.ANY, Rank.AWAIT), arguments.parses


class _Options:
    """The options of a request, one by one."""

    def __init__(self, t: Translator, style: Shape) -> None:
        self._t = t
        self._style = style
        self.url: Code | None = None
        self.method = ""
        self.parses = False
        self.keywords: dict[str, str] = {}

    def take(self, name: str, node: Node) -> None:
        """Take in one option."""
        t = self._t
        if name in {"url", "uri"}:
            self.url = coercion.as_text(t, t.expression(node))
        elif name == "method":
            method = t.expression(node).constant
            if not isinstance(method, str):
                raise Untranslatable("the method of this request cannot be seen here")
            self.method = quoted(method.upper())
        elif name == "json":
            self.parses = True
            if node.type != "true":
                self.keywords["json"] = t.expression(node).text
        elif name in {"data", "body"}:
            self._body(node)
        elif name == "timeout":
            milliseconds = t.expression(node)
            self.keywords["timeout"] = f"{milliseconds.at(Rank.PRODUCT)} / 1000"
        elif name in _KEYWORDS:
            self.keywords[_KEYWORDS[name]] = t.expression(node).text
        else:
            t.decide(node, f"the option {name} of this request has no translation")

    def _body(self, node: Node) -> None:
        sent = tree.bare(node)
        if sent.type == "call_expression" and tree.text(tree.field(sent, "function")) == (
            "JSON.stringify"
        ):
            self.keywords["json"] = self._t.expression(tree.arguments(sent)[0]).text
            return
        code = self._t.expression(node)
        # axios writes objects as JSON by itself; request does so where json is true.
        writes_json = self._style is Shape.AXIOS or self.parses
        is_text = code.type.is_only(Kind.TEXT) or not writes_json
        self.keywords["content" if is_text else "json"] = code.text


_KEYWORDS: Final = {"headers": "headers", "params": "params", "qs": "params", "form": "data"}


def _options_of(t: Translator, node: Node) -> dict[str, Node] | None:
    """The properties of an object literal, or of a variable that is one and stays so."""
    node = tree.bare(node)
    if node.type == "identifier":
        binding = t.bindings.of(node)
        if binding is None or len(binding.writes) != 1 or binding.members_written:
            return None
        node = tree.bare(binding.writes[0])
    if node.type != "object":
        return None
    options: dict[str, Node] = {}
    for child in tree.children(node):
        if child.type == "pair" and (key := tree.key_name(tree.field(child, "key"))) is not None:
            options[key] = tree.field(child, "value")
        elif child.type == "shorthand_property_identifier":
            options[tree.text(child)] = child
        else:
            return None
    return options


def response_member(t: Translator, node: Node, owner: Code, key: Code) -> Code:
    """A property of a response."""
    shape = owner.type.shape
    if key.constant in {"status", "statusCode"}:
        return Code(f"{owner.at(Rank.ATOM)}.status_code", kinds.INT)
    if key.constant == "ok" and shape is Shape.FETCH:
        return Code(f"{owner.at(Rank.ATOM)}.is_success", kinds.BOOL)
    if key.constant == "data" and shape is Shape.AXIOS:
        return call(f"{owner.at(Rank.ATOM)}.json", [], kinds.JSON)
    if key.constant == "body" and shape is Shape.REQUEST:
        t.decide(node, "body is read as JSON here; is it?")
        return call(f"{owner.at(Rank.ATOM)}.json", [], kinds.JSON)
    raise Untranslatable("a response has no such property in Python")


def response_method(owner: Code, name: str) -> Code:
    """A method of a response of fetch."""
    if name == "json":
        return call(f"{owner.at(Rank.ATOM)}.json", [], promise_of(kinds.JSON))
    if name == "text":
        return Code(f"{owner.at(Rank.ATOM)}.text", promise_of(kinds.TEXT))
    raise Untranslatable("a response has no such method in Python")
