"""What is known about a JavaScript value before the script runs, and how Python holds it.

Python has one None for `undefined` and `null`, lists for arrays and dicts for plain objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Kind(Flag):
    """The kinds that a value may have."""

    TEXT = auto()
    INT = auto()
    FLOAT = auto()
    """Any other number but NaN."""
    NAN = auto()
    BOOL = auto()
    NULL = auto()
    UNDEFINED = auto()
    LIST = auto()
    TABLE = auto()
    OBJECT = auto()
    """Anything else, which both languages take for true: a function, an error, a date."""

    NUMBER = INT | FLOAT
    NOTHING = NULL | UNDEFINED
    JSON = TEXT | NUMBER | BOOL | NULL | LIST | TABLE
    ANY = JSON | NAN | UNDEFINED | OBJECT


class Shape(Enum):
    """Which object a value is, where that decides about its members."""

    CLIENT = auto()
    METADATA = auto()
    """A table whose values are text."""
    SCOPE = auto()
    """The granted scopes. Where there are none, JavaScript saw undefined and Python sees []."""
    MIXED = auto()
    """The granted scopes or another list, so that [] may stand for undefined or for itself."""
    CONTEXT = auto()
    SECRETS = auto()
    TOKEN = auto()
    """What the hook answers with."""
    ERROR = auto()
    DATE = auto()
    PATTERN = auto()
    MATCH = auto()
    SET = auto()
    """A list in which nothing is twice."""
    PROMISE = auto()
    """Awaited already; `of` is what it gives."""
    AXIOS = auto()
    """A response of axios; the next two likewise."""
    FETCH = auto()
    REQUEST = auto()


TABLES: Final = frozenset({None, Shape.METADATA, Shape.TOKEN})
"""The shapes of what Python has a dict for."""


@dataclass(frozen=True, slots=True)
class Type:
    """What is known about a value."""

    kinds: Kind
    of: Type | None = None
    """What the items of a list, the values of a table, or a promise are."""
    shape: Shape | None = None
    fields: Mapping[str, Type] = field(default_factory=dict[str, "Type"])
    """Of a table: what is there for certain."""

    def may_be(self, kinds: Kind) -> bool:
        """Whether it may have one of `kinds`."""
        return bool(self.kinds & kinds)

    def is_only(self, kinds: Kind) -> bool:
        """Whether it has one of `kinds` for certain."""
        return bool(self.kinds) and not self.kinds & ~kinds

    @property
    def items(self) -> Type:
        """What an item or value of it is."""
        return ANY if self.of is None else self.of

    def something(self) -> Type:
        """The same, but neither null nor undefined."""
        return replace(self, kinds=self.kinds & ~Kind.NOTHING)

    def or_undefined(self) -> Type:
        """The same, or undefined."""
        return replace(self, kinds=self.kinds | Kind.UNDEFINED)


def either(types: Iterable[Type]) -> Type:
    """The type of a value that has one of `types`."""
    found = [kind for kind in types if kind.kinds]
    if not found:
        return NEVER
    kinds = found[0].kinds
    for one in found[1:]:
        kinds |= one.kinds
    shaped = [one for one in found if not one.is_only(Kind.NOTHING)] or found
    first = shaped[0]
    if all(one == first for one in shaped):
        return replace(first, kinds=kinds)
    shapes = {one.shape for one in shaped}
    of_lists = {one.shape for one in shaped if one.may_be(Kind.LIST)}
    if of_lists & {Shape.SCOPE, Shape.MIXED}:
        shapes = of_lists if of_lists == {Shape.SCOPE} else {Shape.MIXED}
    items = [one.items for one in shaped if one.may_be(Kind.LIST | Kind.TABLE)]
    return Type(kinds, either(items) if items else None, shapes.pop() if len(shapes) == 1 else None)


NEVER: Final = Type(Kind(0))
ANY: Final = Type(Kind.ANY)
JSON: Final = Type(Kind.JSON)
TEXT: Final = Type(Kind.TEXT)
INT: Final = Type(Kind.INT)
NUMBER: Final = Type(Kind.NUMBER)
MAYBE_NAN: Final = Type(Kind.NUMBER | Kind.NAN)
BOOL: Final = Type(Kind.BOOL)
NULL: Final = Type(Kind.NULL)
UNDEFINED: Final = Type(Kind.UNDEFINED)
OBJECT: Final = Type(Kind.OBJECT)
TEXTS: Final = Type(Kind.LIST, TEXT)

CLIENT: Final = Type(Kind.OBJECT, shape=Shape.CLIENT)
METADATA: Final = Type(Kind.TABLE, TEXT, Shape.METADATA)
SCOPE: Final = Type(Kind.LIST | Kind.UNDEFINED, TEXT, Shape.SCOPE)
CONTEXT: Final = Type(Kind.OBJECT, shape=Shape.CONTEXT)
ERROR: Final = Type(Kind.OBJECT, shape=Shape.ERROR)
DATE: Final = Type(Kind.OBJECT, shape=Shape.DATE)


def stored(kind: Type, name: str | None) -> Type:
    """What a value of type `kind` is once it is in a table, under `name`.

    Where there are no scopes, it is [] as `scope`, and else None for undefined.
    """
    if kind.shape not in {Shape.SCOPE, Shape.MIXED}:
        return kind
    return TEXTS if name == "scope" else Type(kind.kinds, TEXT)


def list_of(items: Type) -> Type:
    """A list of `items`."""
    return Type(Kind.LIST, items)


def table_of(values: Type) -> Type:
    """A table with such `values`."""
    return Type(Kind.TABLE, values)


def promise_of(result: Type) -> Type:
    """A promise of `result`."""
    return Type(Kind.OBJECT, result, Shape.PROMISE)


def awaited(kind: Type) -> Type:
    """What comes of `await` on a value of type `kind`."""
    return kind.items if kind.shape is Shape.PROMISE else kind
