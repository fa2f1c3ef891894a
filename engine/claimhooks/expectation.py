"""What a sample expects of its outcome, and in what an outcome differs from that."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import unified_diff
from os.path import commonprefix
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    PlainValidator,
    TypeAdapter,
    field_validator,
    model_validator,
)

from claimhooks.errors import printable
from claimhooks.exchange import Scopes, Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from claimhooks.exchange import Outcome

CONTEXT: Final = 2
"""Lines around a change that are shown."""
MAX_SHOWN: Final = 1000
"""Characters of a line that are shown."""

JsonType = Literal["string", "number", "integer", "boolean", "null", "array", "object"]


class _Expected(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class ExpectedError(_Expected):
    """The error response that a sample expects."""

    error: Text
    error_description: Text | None = None


class ExpectedScope(_Expected):
    """Scopes that must be among those of the token, and scopes that must not."""

    contains: Scopes = ()
    absent: Scopes = ()

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if not self.contains and not self.absent:
            raise ValueError("names no scope that it contains, nor one that is absent")
        if both := set(self.contains) & set(self.absent):
            raise ValueError(f"cannot both contain and lack {', '.join(sorted(both))}")
        return self

    def holds(self, scope: Sequence[str]) -> bool:
        """Whether `scope` is as expected."""
        return set(self.contains) <= set(scope) and set(self.absent).isdisjoint(scope)


class ExpectedClaim(_Expected):
    """How one custom claim must be, where its value is not known: one of the three."""

    type: JsonType | None = None
    pattern: Text | None = None
    """A regular expression of Python that all of the text must match."""
    absent: Literal[True] | None = None

    @field_validator("pattern")
    @classmethod
    def _is_regular_expression(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if [self.type, self.pattern, self.absent].count(None) != 2:
            raise ValueError('must be one of {"type": …}, {"pattern": …} and {"absent": true}')
        return self

    def holds(self, name: str, claims: Mapping[str, JsonValue]) -> bool:
        """Whether the claim `name` of `claims` is as expected."""
        if name not in claims or self.absent:
            return name not in claims and self.absent is True
        value = claims[name]
        if self.pattern is not None:
            return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None
        found = type_of(value)
        return found == self.type or (found == "integer" and self.type == "number")


def _error(value: object) -> object:
    return {"error": value} if isinstance(value, str) else value


def _scope(value: object) -> Scopes | ExpectedScope | None:
    # Not left to a union, which would tell what is wrong from both sides.
    if value is None or isinstance(value, ExpectedScope):
        return value
    return ExpectedScope.model_validate(value) if isinstance(value, dict) else _list_of(value)


_list_of: Final = TypeAdapter[Scopes](Scopes, config=ConfigDict(strict=True)).validate_python


class Expect(_Expected):
    """What a sample expects; what it leaves out may be anything, but for a fault."""

    status: Literal["granted", "denied", "fault"] | None = None
    scope: Annotated[Scopes | ExpectedScope | None, PlainValidator(_scope)] = None
    """Exactly these, in this order; or which there must be, and which not."""
    claims: Table | None = None
    """Exactly these custom claims, beside those that `claims_like` names."""
    claims_like: dict[Text, ExpectedClaim] | None = None
    expires_in: int | None = None
    error: Annotated[ExpectedError | None, BeforeValidator(_error)] = None
    """The OAuth error; its code alone may be written as text."""

    @model_validator(mode="after")
    def _names_a_claim_once(self) -> Self:
        for name in (self.claims or {}).keys() & (self.claims_like or {}).keys():
            raise ValueError(f"{name!r} is both in claims and in claims_like")
        return self

    def differences(self, outcome: Outcome) -> list[Difference]:
        """In what `outcome` is not as expected: the status alone if that is not.

        A fault is never as expected, unless `status` says so.
        """
        is_fault = outcome.status == "fault"
        if outcome.status != self.status and (self.status is not None or is_fault):
            return [Difference("status", self.status or ["granted", "denied"], outcome.status)]
        return [*self._differences(outcome)]

    def _differences(self, outcome: Outcome) -> Iterator[Difference]:
        claims, like = outcome.claims, self.claims_like or {}
        if isinstance(self.scope, ExpectedScope):
            if not self.scope.holds(outcome.scope):
                wanted = self.scope.model_dump(mode="json", exclude_unset=True)
                yield Difference("scope", wanted, [*outcome.scope])
        elif self.scope is not None:
            yield from _unequal("scope", [*self.scope], [*outcome.scope])
        if self.claims is not None:
            rest = {name: value for name, value in claims.items() if name not in like}
            yield from _unequal("claims", self.claims, rest)
        if unlike := {name: one for name, one in like.items() if not one.holds(name, claims)}:
            expected: dict[str, JsonValue] = {
                name: one.model_dump(exclude_none=True) for name, one in unlike.items()
            }
            there = {name: claims[name] for name in unlike if name in claims}
            yield Difference("claims_like", expected, there)
        if self.expires_in is not None:
            yield from _unequal("expires_in", self.expires_in, outcome.expires_in)
        if self.error is not None:
            for name, value in self.error.model_dump(exclude_none=True).items():
                found = None if outcome.error is None else getattr(outcome.error, name)
                yield from _unequal(name, value, found)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected."""

    name: str
    """The key of `expect`, or ``error_description``."""
    expected: JsonValue
    got: JsonValue

    def __str__(self) -> str:
        return f"{self.name}: expected {_json(self.expected)}, got {_json(self.got)}"

    def lines(self) -> list[str]:
        """For reading: with ``-`` what was expected, with ``+`` what is there."""
        name, expected, got = self.name, self.expected, self.got
        if name == "claims_like":
            return changes({name: expected}, {"claims": got})
        if name == "scope" and isinstance(expected, dict) and isinstance(got, list):
            contains = _list(expected.get("contains"))
            named = [*contains, *_list(expected.get("absent"))]
            return changes({name: contains}, {name: [token for token in named if token in got]})
        return changes({name: expected}, {name: got})


def changes(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> list[str]:
    """What differs between two tables as in `expect`, a line for each scope and claim."""
    lines = unified_diff([*_lines(before)], [*_lines(after)], n=CONTEXT, lineterm="")
    shown: list[str] = []
    for line in [*lines][2:]:
        if not line.startswith("@@"):
            shown.append(f"{line[0]} {printable(line[1:])}")
        elif shown:
            shown.append("  …")
    return [_short(line, shown) for line in shown]


def cut(text: str, others: Iterable[str], most: int) -> str:
    """About `most` characters of `text`, with the first that tells it from the most like it."""
    if len(text) <= most:
        return text
    prefixes = (commonprefix([text, one]) for one in others if one != text)  # noqa: RUF071 - of text
    alike = max(map(len, prefixes), default=0)
    quarter = most // 4
    if alike < most - quarter:
        return f"{text[:most]}…"
    return f"{text[:quarter]}…{text[alike - quarter : alike + 2 * quarter]}…"


def failures(outcome: Outcome) -> list[str]:
    """Which hooks denied or failed, why, and where."""
    return [
        f"{entry.error.reason} at {entry.error.file}:{entry.error.line}"
        for entry in outcome.trace
        if entry.error is not None
    ]


def type_of(value: JsonValue) -> JsonType:
    """The JSON type of `value`; ``number`` for those with a fraction or exponent."""
    return next(name for kind, name in _TYPES if isinstance(value, kind))


_TYPES: Final[tuple[tuple[type, JsonType], ...]] = (
    (NoneType, "null"),
    (bool, "boolean"),  # before int, which it is a kind of
    (str, "string"),
    (int, "integer"),
    (float, "number"),
    (list, "array"),
    (dict, "object"),
)


def _unequal(name: str, expected: JsonValue, got: JsonValue) -> Iterator[Difference]:
    # As JSON: 1 is neither 1.0 nor true.
    if _json(expected) != _json(got):
        yield Difference(name, expected, got)


def _lines(table: Mapping[str, JsonValue]) -> Iterator[str]:
    for name, value in table.items():
        match name, value:
            case "scope", list() as tokens:
                yield from (f"scope {token}" for token in tokens)
            case "scope", dict() as parts:
                yield from (f"scope {part} {_json(tokens)}" for part, tokens in parts.items())
            case "claims", dict() as claims:
                for claim in sorted(claims):
                    yield from f"claim {claim} = {_readable(claims[claim])}".split("\n")
            case "claims_like", dict() as claims:
                for claim in sorted(claims):
                    yield from _likeness(claim, claims[claim])
            case "error", dict() as error:
                yield from _lines(error)
            case "status", list() as choice:
                yield f"status {' or '.join(map(str, choice))}"
            case "status" | "error", str():
                yield f"{name} {value}"
            case _:
                yield f"{name} {_json(value)}"


def _likeness(claim: str, expected: JsonValue) -> Iterator[str]:
    match expected:
        case {"type": kind}:
            yield f"claim {claim} is of type {kind}"
        case {"pattern": pattern}:
            yield f"claim {claim} matches {pattern}"
        case _:
            return  # it is to be absent


def _readable(value: JsonValue) -> str:
    is_nested = isinstance(value, (dict, list)) and bool(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2 if is_nested else None)


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _short(line: str, lines: Iterable[str]) -> str:
    if len(line) <= MAX_SHOWN:
        return line
    text = cut(line[2:], (other[2:] for other in lines), MAX_SHOWN)
    return f"{line[:2]}{text} ({len(line):,} characters)"
