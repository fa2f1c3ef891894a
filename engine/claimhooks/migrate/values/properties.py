"""Objects with properties of their own: client, context, errors, responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate import kinds
from claimhooks.migrate.calls import http
from claimhooks.migrate.kinds import Kind, Shape, Type
from claimhooks.migrate.python.code import Code, Rank, call
from claimhooks.migrate.state import Untranslatable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.translator import Translator


def _of_client(t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "metadata":
        return Code(f"{owner.at(Rank.ATOM)}.metadata", kinds.METADATA)
    if key.constant == "id":
        return Code(f"{owner.at(Rank.ATOM)}.id", kinds.TEXT)
    if key.constant in {"name", "tenant"}:
        text = f"{owner.at(Rank.ATOM)}.{key.constant}"
        return Code(text, kinds.TEXT if text in t.facts else kinds.TEXT.or_undefined())
    raise Untranslatable("a client has id, name, tenant and metadata, and nothing else")


def _of_context(t: Translator, node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "webtask":
        return owner
    if key.constant == "secrets":
        return Code(f"{owner.at(Rank.ATOM)}.secrets", Type(Kind.OBJECT, kinds.TEXT, Shape.SECRETS))
    if key.constant == "body":
        t.decide(
            node,
            "body was that of the old system's internal call; here it is that of the token "
            "request, without credentials",
        )
        return Code(f"{owner.at(Rank.ATOM)}.request.params", kinds.table_of(kinds.JSON))
    what = key.constant or "property by that name"
    raise Untranslatable(f"context has no {what} any more; the token request is context.request")


def _of_secrets(t: Translator, node: Node, owner: Code, key: Code) -> Code:
    if isinstance(key.constant, str):
        t.effects.secrets[key.constant] = None
    else:
        t.decide(node, "list the names of these secrets in the settings of the hook")
    return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", kinds.TEXT)


def _of_error(t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    if key.constant in {"message", "stack"}:
        return call("str", [owner.text], kinds.TEXT)
    if key.constant in {"status", "statusCode"}:
        response = f'getattr({owner.text}, "response", None)'
        return call("getattr", [response, '"status_code"', "None"], kinds.INT.or_undefined())
    if key.constant != "response":
        raise Untranslatable(f"errors have no {key.constant} in Python, or another")
    if f"{owner.at(Rank.ATOM)}.response" in t.facts:
        return Code(f"{owner.at(Rank.ATOM)}.response", http.RESPONSE)
    return call("getattr", [owner.text, '"response"', "None"], http.RESPONSE.or_undefined())


def _of_match(_t: Translator, node: Node, owner: Code, key: Code) -> Code:
    if node.type == "subscript_expression" and key.type.is_only(Kind.INT):
        return Code(f"{owner.at(Rank.ATOM)}[{key.text}]", kinds.TEXT.or_undefined())
    raise Untranslatable("a match has no such property in Python")


def _of_set(_t: Translator, _node: Node, owner: Code, key: Code) -> Code:
    if key.constant == "size":
        return call("len", [owner.text], kinds.INT)
    raise Untranslatable("a Set has no such property in Python")


OF_SHAPE: Final[Mapping[Shape, Callable[[Translator, Node, Code, Code], Code]]] = {
    Shape.CLIENT: _of_client,
    Shape.CONTEXT: _of_context,
    Shape.SECRETS: _of_secrets,
    Shape.ERROR: _of_error,
    Shape.MATCH: _of_match,
    Shape.SET: _of_set,
    Shape.AXIOS: http.response_member,
    Shape.FETCH: http.response_member,
    Shape.REQUEST: http.response_member,
}

OBJECTS: Final = frozenset({Shape.CLIENT, Shape.CONTEXT, Shape.SECRETS, Shape.DATE})
"""What is no dict in Python, so that it has no properties to be set."""
