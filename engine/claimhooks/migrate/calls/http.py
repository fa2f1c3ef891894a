"""HTTP lookups: axios, fetch and request, as requests of httpx2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape, Type, promise_of
from claimhooks.migrate.python.code import Code, Rank, call, int_code, quoted
from claimhooks.migrate.script import modules, tree
from claimhooks.migrate.values import coercion

if TYPE_CHECKING:
    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator

RESPONSE: Final = Type(Kind.OBJECT, shape=Shape.AXIOS)
_FETCHED: Final = Type(Kind.OBJECT, shape=Shape.FETCH)
REQUESTED: Final = Type(Kind.OBJECT, shape=Shape.REQUEST)

FAILURE: Final = Type(Kind.OBJECT | Kind.NULL, shape=Shape.ERROR)
"""What `request` gives to its callback first."""

_VERBS: Final = {"get", "post", "put", "patch", "delete", "del", "head", "options"}
_WITH_BODY: Final = {"post", "put", "patch"}

_STATUS: Final = {"status": "status_code", "statusCode": "status_code"}


def is_request(module: str) -> bool:
    """Whether a call of `module` is an HTTP request."""
    name, _, verb = module.partition(".")
    if module in modules.FETCH:
        return True
    known = modules.AXIOS | modules.REQUEST | modules.PROMISED_REQUEST
    return name in known and (not verb or verb in _VERBS or verb == "request")


def module_called(t: Translator, callee: Node) -> str | None:
    """The module, with the method, that a call of `callee` sends a request with."""
    callee = tree.bare(callee)
    if tree.text(callee) == "fetch" and t.bindings.of(callee) is None:
        return "node-fetch"
    module = modules.module_of(callee, t.bindings, t.modules)
    return module if module is not None and is_request(module) else None


def request(t: Translator, node: Node, module: str) -> Code:
    """A request whose answer is a promise: of axios, fetch or request-promise."""
    given = tree.arguments(node)
    if module in modules.FETCH:
        return _promised(_sent(t, given, None, style=Shape.FETCH), _FETCHED)
    name, _, verb = module.partition(".")
    method = verb if verb in _VERBS else None
    if name in modules.AXIOS:
        body = method in _WITH_BODY
        return _promised(_sent(t, given, method, body=body, style=Shape.AXIOS), RESPONSE)
    sent = _sent(t, given, method, style=Shape.REQUEST)
    if sent.parses:
        return call(f"({sent.code.text}).json", [], promise_of(kinds.JSON))
    return Code(f"({sent.code.text}).text", promise_of(kinds.TEXT))


def _promised(sent: _Sent, kind: Type) -> Code:
    return Code(sent.code.text, promise_of(kind), sent.code.rank)


def callback_request(t: Translator, node: Node, module: str) -> tuple[Code, list[Type]]:
    """A request whose answer is given to a callback, and the types of what that is given."""
    verb = module.partition(".")[2]
    given = tree.arguments(node)[:-1]
    method = verb if verb in _VERBS else None
    sent = _sent(t, given, method, style=Shape.REQUEST, helper="js_request")
    body = kinds.ANY if sent.parses else kinds.TEXT.or_undefined()
    return sent.code, [FAILURE, REQUESTED.or_undefined(), body]


class _Sent:
    """A request, as code that gives its answer."""

    def __init__(self, code: Code, *, parses: bool) -> None:
        self.code = code
        self.parses = parses


def _sent(
    t: Translator,
    given: list[Node],
    method: str | None,
    *,
    style: Shape,
    body: bool = False,
    helper: str = "",
) -> _Sent:
    options: dict[str, Node] = {}
    url: Code | None = None
    rest = list(given)
    if rest and _options_of(t, rest[0]) is None:
        url = coercion.as_text(t, t.expression(rest.pop(0)))
    data = rest.pop(0) if body and rest else None
    if rest:
        found = _options_of(t, rest.pop(0))
        if found is None or rest:
            raise Untranslatable("the options of this request cannot be seen here")
        options = found
    if data is not None:
        options["data"] = data
    arguments = _Options(t, style)
    for name, value in options.items():
        arguments.take(name, value)
    arguments.close()
    url = url if url is not None else arguments.url
    if url is None:
        raise Untranslatable("the address of this request cannot be seen here")
    if arguments.base is not None:
        url = Code(
            f'{arguments.base.at(Rank.ATOM)}.rstrip("/") + "/" + {url.at(Rank.SUM)}', url.type
        )
    verb = arguments.method or quoted("DELETE" if method == "del" else (method or "get").upper())
    parses = arguments.parses
    keywords = [f"{name}={text}" for name, text in arguments.keywords.items()]
    if helper == "js_request" and parses:
        keywords.append("parse=True")
    helper = helper or ("js_http" if style is Shape.FETCH else "js_axios")
    t.need(helper)
    t.effects.network = True
    t.awaits()
    code = call(f"await {helper}", [verb, url.text, *keywords], kinds.ANY)
    return _Sent(Code(code.text, kinds.ANY, Rank.AWAIT), parses=parses)


class _Options:
    """The options of a request, one by one."""

    def __init__(self, t: Translator, style: Shape) -> None:
        self._t = t
        self._style = style
        self.url: Code | None = None
        self.base: Code | None = None
        self.method = ""
        self.parses = False
        self.keywords: dict[str, str] = {}
        self._bearer = ""

    def take(self, name: str, node: Node) -> None:
        """Take in one option."""
        t = self._t
        if name in {"url", "uri"}:
            self.url = coercion.as_text(t, t.expression(node))
        elif name == "baseURL":
            self.base = coercion.as_text(t, t.expression(node))
        elif name == "method":
            code = t.expression(node)
            text = code.constant
            self.method = quoted(text.upper()) if isinstance(text, str) else code.text
        elif name == "json":
            self.parses = True
            if node.type != "true":
                self.keywords["json"] = t.expression(node).text
        elif name in {"data", "body"}:
            self._body(node)
        elif name == "auth":
            self._auth(node)
        elif name == "timeout":
            self.keywords["timeout"] = _seconds(t.expression(node))
        elif name in {"simple", "resolveWithFullResponse", "validateStatus", "responseType"}:
            raise Untranslatable(f"the option {name} of this request has no translation")
        elif name in _KEYWORDS:
            self.keywords[_KEYWORDS[name]] = t.expression(node).text
        else:
            t.decide(node, f"the option {name} of this request has no translation")

    def close(self) -> None:
        """Put together what comes of several options."""
        if self._bearer:
            others = self.keywords.get("headers")
            inner = f"**{others}, {self._bearer}" if others else self._bearer
            self.keywords["headers"] = f"{{{inner}}}"

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

    def _auth(self, node: Node) -> None:
        given = _options_of(self._t, node) or {}
        if "bearer" in given:
            token = coercion.as_text(self._t, self._t.expression(given["bearer"]))
            self._bearer = f'"Authorization": "Bearer " + {token.at(Rank.PRODUCT)}'
            return
        user, password = (
            next((given[name] for name in names if name in given), None)
            for names in (("username", "user"), ("password", "pass"))
        )
        if user is None or password is None:
            raise Untranslatable("the option auth of this request has no translation")
        pair = [coercion.as_text(self._t, self._t.expression(one)).text for one in (user, password)]
        self.keywords["auth"] = f"({', '.join(pair)})"


_KEYWORDS: Final = {"headers": "headers", "params": "params", "qs": "params", "form": "data"}


def _seconds(milliseconds: Code) -> str:
    if isinstance(milliseconds.constant, int):
        seconds = milliseconds.constant / 1000
        return int_code(int(seconds)).text if seconds.is_integer() else str(seconds)
    return f"{milliseconds.at(Rank.PRODUCT)} / 1000"


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
    if key.constant in _STATUS:
        return Code(f"{owner.at(Rank.ATOM)}.status_code", kinds.INT)
    if key.constant == "statusText":
        return Code(f"{owner.at(Rank.ATOM)}.reason_phrase", kinds.TEXT)
    if key.constant == "headers":
        return Code(f"{owner.at(Rank.ATOM)}.headers", Type(Kind.TABLE, kinds.TEXT, Shape.HEADERS))
    if key.constant == "ok" and shape is Shape.FETCH:
        return Code(f"{owner.at(Rank.ATOM)}.is_success", kinds.BOOL)
    if key.constant == "data" and shape is Shape.AXIOS:
        return call(f"{owner.at(Rank.ATOM)}.json", [], kinds.JSON)
    if key.constant == "body" and shape is Shape.REQUEST:
        t.remark(node, "body is read as JSON here")
        return call(f"{owner.at(Rank.ATOM)}.json", [], kinds.JSON)
    raise Untranslatable("a response has no such property in Python")


def response_method(owner: Code, name: str, arguments: list[Code]) -> Code:
    """A method of a response of fetch."""
    if name == "json":
        return call(f"{owner.at(Rank.ATOM)}.json", [], promise_of(kinds.JSON))
    if name == "text":
        return Code(f"{owner.at(Rank.ATOM)}.text", promise_of(kinds.TEXT))
    if name == "get" and arguments:
        return call(f"{owner.at(Rank.ATOM)}.get", [arguments[0].text], kinds.TEXT.or_undefined())
    raise Untranslatable("a response has no such method in Python")
