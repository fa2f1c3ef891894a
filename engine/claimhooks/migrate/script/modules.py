"""Which npm module, or member of one, a name stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from claimhooks.migrate.script import tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node

    from claimhooks.migrate.script.bindings import Bindings
    from claimhooks.migrate.script.scopes import Binding

AXIOS: Final = frozenset({"axios"})
FETCH: Final = frozenset({"node-fetch", "cross-fetch", "isomorphic-fetch", "undici.fetch"})
REQUEST: Final = frozenset({"request"})
PROMISED_REQUEST: Final = frozenset({"request-promise", "request-promise-native"})

_VERBS: Final = frozenset({"get", "post", "put", "patch", "delete", "head"})

_COUNTERPARTS: Final = {
    "auth0": "call the Management API with httpx2",
    "crypto": "hashlib, hmac, secrets",
    "uuid": "uuid",
    "jsonwebtoken": "PyJWT",
    "jwks-rsa": "PyJWT's PyJWKClient",
    "aws-sdk": "boto3",
    "pg": "psycopg",
    "mysql": "PyMySQL",
    "mongodb": "PyMongo",
    "redis": "redis-py",
    "moment": "datetime",
    "got": "httpx2",
    "superagent": "httpx2",
    "https": "httpx2",
    "http": "httpx2",
    "xml2js": "xml.etree",
}

Modules = dict["Binding", str]


def modules_of(program: Node, bindings: Bindings) -> Modules:
    """What each variable stands for that is set to a module, or to a member of one."""
    found: Modules = {}
    for node in tree.walk(program):
        if node.type != "variable_declarator" or (value := tree.maybe(node, "value")) is None:
            continue
        module = module_of(value, bindings, found)
        if module is not None:
            for name, member in _names(tree.field(node, "name")):
                if (binding := bindings.of(name)) is not None:
                    found[binding] = module + member
    return found


def module_of(node: Node, bindings: Bindings, known: Mapping[Binding, str]) -> str | None:
    """The module that an expression stands for, with the member: ``axios.get``."""
    node = tree.bare(node)
    if node.type == "identifier":
        binding = bindings.of(node)
        return None if binding is None else known.get(binding)
    if node.type == "member_expression":
        module = module_of(tree.field(node, "object"), bindings, known)
        member = tree.text(tree.field(node, "property"))
        # axios.default and axios.request are axios itself.
        is_same = module is None or member in {"default", "request"}
        return module if is_same else f"{module}.{member}"
    if node.type == "call_expression" and tree.text(tree.field(node, "function")) == "require":
        given = tree.arguments(node)
        if given and given[0].type == "string":
            return tree.string_value(given[0]).removeprefix("node:")
    return None


def is_request(module: str) -> bool:
    """Whether a call of `module` is an HTTP request."""
    name, _, verb = module.partition(".")
    known = AXIOS | REQUEST | PROMISED_REQUEST
    return module in FETCH or (name in known and (not verb or verb in _VERBS))


def advice(module: str) -> str:
    """What a person is told about a module that has no translation."""
    name = module.partition(".")[0].partition("@")[0] or module
    counterpart = _COUNTERPARTS.get(name)
    instead = f" (in Python: {counterpart})" if counterpart else ""
    return f"{module} of npm has no translation{instead}"


def _names(target: Node) -> Iterator[tuple[Node, str]]:
    if target.type == "identifier":
        yield target, ""
    elif target.type == "object_pattern":
        for child in tree.children(target):
            if child.type == "shorthand_property_identifier_pattern":
                yield child, f".{tree.text(child)}"
            elif child.type == "pair_pattern":
                yield tree.field(child, "value"), f".{tree.text(tree.field(child, 'key'))}"
