"""Objects with properties of their own: client, context, errors, responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import http
from claimhooks.migrate.effects import Untranslatable
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call, text_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def _of_client(t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "metadata":
        return Code(f"{owner.at(Rank.ATOM)}.metadata", t.types.metadata)
    if key.constant == "id":
        return Code(f"{owner.at(Rank.ATOM)}.id", kinds.TEXT)
    if key.constant in {"name", "tenant"}:
        text = f"{owner.at(Rank.ATOM)}.{key.constant}"
        return Code(text, kinds.TEXT if text in t.facts else kinds.TEXT.or_undefined())
    raise Untranslatable("a client has id, name, tenant and metadata, and nothing else")


def _of_context(t: Translator, node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "webtask" and owner.type.shape is Shape.CONTEXT:
        return Code(owner.text, Type(Kind.OBJECT, shape=Shape.WEBTASK))
    if key.constant == "secrets":
        return Code(f"{owner.at(Rank.ATOM)}.secrets", Type(Kind.OBJECT, kinds.TEXT, Shape.SECRETS))
    if key.constant in {"body", "headers"}:
        t.decide(
            node,
            f"{key.constant} was that of the old system's internal call; here it is that of the "
            "token request, without credentials",
        )
        if key.constant == "body":
            params = Type(Kind.TABLE, kinds.JSON, Shape.PARAMS)
            return Code(f"{owner.at(Rank.ATOM)}.request.params", params)
        headers = Type(Kind.TABLE, kinds.TEXT, Shape.HEADERS)
        return Code(f"{owner.at(Rank.ATOM)}.request.headers", headers)
    raise Untranslatable(f"context has no {key.constant or 'property by that name'} any more")


def _of_secrets(t: Translator, node: Node, owner: Code, key: Code) -> Code:
    if isinstance(key.constant, str):
        t.effects.secrets[key.constant] = None
    else:
        t.decide(node, "list the names of these secrets in the settings of the hook")
    return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", kinds.TEXT)


def _of_headers(_t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    name = text_code(key.constant.lower()) if isinstance(key.constant, str) else key
    return call(f"{owner.at(Rank.ATOM)}.get", [name.text], kinds.TEXT.or_undefined())


def _of_error(t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    if key.constant in {"message", "stack"}:
        return call("str", [owner.text], kinds.TEXT)
    if key.constant in {"status", "statusCode"}:
        response = f'getattr({owner.text}, "response", None)'
        return call("getattr", [response, '"status_code"', "None"], kinds.INT.or_undefined())
    if key.constant == "name":
        raise Untranslatable("errors have other names in Python; ask instanceof")
    kind = http.RESPONSE if key.constant == "response" else kinds.ANY.something()
    if f"{owner.at(Rank.ATOM)}.{key.constant}" in t.facts:
        return Code(f"{owner.at(Rank.ATOM)}.{key.constant}", kind)
    kind = kind.or_undefined()
    return call("getattr", [owner.text, key.text, "None"], kind)


def _of_match(_t: Translator, node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "index":
        return call(f"{owner.at(Rank.ATOM)}.start", [], kinds.INT)
    if key.constant == "groups":
        groups = kinds.table_of(kinds.TEXT.or_undefined())
        return call(f"{owner.at(Rank.ATOM)}.groupdict", [], groups)
    if node.type == "subscript_expression" and key.type.is_only(Kind.INT):
        return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", kinds.TEXT.or_undefined())
    raise Untranslatable("a match has no such property in Python")


def _of_keys(_t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "size":
        return call("len", [owner.text], kinds.INT)
    raise Untranslatable("a Set or Map has no such property in Python")


def _of_response(t: Translator, node: Node, owner: Code, key: Code) -> Code:
    return http.response_member(t, node, owner, key)


OF_SHAPE: Final[Mapping[Shape, Callable[[Translator, Node, Code, Code], Code]]] = {
    Shape.CLIENT: _of_client,
    Shape.CONTEXT: _of_context,
    Shape.WEBTASK: _of_context,
    Shape.SECRETS: _of_secrets,
    Shape.HEADERS: _of_headers,
    Shape.ERROR: _of_error,
    Shape.MATCH: _of_match,
    Shape.SET: _of_keys,
    Shape.MAP: _of_keys,
    Shape.AXIOS: _of_response,
    Shape.FETCH: _of_response,
    Shape.REQUEST: _of_response,
}

OBJECTS: Final = frozenset(
    {Shape.CLIENT, Shape.CONTEXT, Shape.WEBTASK, Shape.SECRETS, Shape.HEADERS, Shape.DATE}
)
"""What is no dict in Python, so that it has no properties to be set."""
