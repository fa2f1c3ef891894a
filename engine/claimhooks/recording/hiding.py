"""What an entry does not tell: secrets, redacted fields, and who is behind a pseudonym."""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Final, cast

from claimhooks.errors import rfc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import JsonValue

    from claimhooks.secret import Redactor

    Table = dict[str, JsonValue]
    Change = Callable[[JsonValue], JsonValue]

MARK: Final = "[redacted]"
PREFIX: Final = "pseudonym-"
DIGITS: Final = 32
NUMBER: Final = 5
"""Digits of a number that is unlikely to stand elsewhere by chance."""

_BEGIN: Final = re.compile(r"(?<!\w)")
_is_end: Final = re.compile(r"(?!\w)").match
_is_hidden: Final = re.compile(rf"{re.escape(MARK)}|{PREFIX}[0-9a-f]{{{DIGITS}}}").fullmatch


def pseudonym(text: str, key: bytes) -> str:
    """What stands for `text`: the first half of its HMAC-SHA256 (RFC 2104 §5) in hexadecimal.

    Always the same for one text and key. What is hidden already stays as it is.
    """
    if _is_hidden(text):
        return text
    return PREFIX + hmac.digest(key, text.encode(), "sha256").hex()[:DIGITS]


class Hiding:
    """Hides what is at some paths of an entry, as `RecordSettings` names them.

    What is hidden at its path is hidden as well where it stands as a word in metadata, parameters,
    headers, claims and the description of the error: a hook may have made a claim of it. Not so a
    client, audience or scope that the entry tells anyway, nor a number of a few digits.
    """

    def __init__(
        self, redact: Iterable[str] = (), pseudonymise: Iterable[str] = (), key: bytes = b""
    ) -> None:
        self._redact = tuple(redact)
        self._pseudonymise = tuple(pseudonymise)
        self._key = key

    def __bool__(self) -> bool:
        return bool(self._redact or self._pseudonymise)

    def hide(self, entry: Table, redactor: Redactor) -> None:
        """Change `entry`, which is an `Entry` as JSON. `redactor` knows its hooks' secrets."""
        exchange, outcome = _table(entry["exchange"]), _table(entry["outcome"])
        client, request = _table(exchange["client"]), _table(exchange["request"])
        free = [(client, "metadata"), (request, "params"), (request, "headers")]
        free.append((outcome, "claims"))
        if outcome["error"] is not None:
            free.append((_table(outcome["error"]), "error_description"))
        if redactor:
            # First: who hides a part of a secret makes the rest of it unknown.
            named = [(client, "id"), (client, "name"), (client, "tenant"), (request, "ip")]
            for table, name in (*free, *named):
                if name in table:
                    table[name] = _without_secrets(table[name], redactor)
            scope = cast("list[str]", outcome["scope"])
            outcome["scope"] = [redactor.text(token) for token in scope]
        if not self:
            return
        hidden = self._hide({"client": client, "request": request, "claims": outcome["claims"]})
        told = [client["id"], client.get("name"), client.get("tenant"), exchange["audience"]]
        for word in cast("list[str]", [*told, *cast("list[str]", exchange["scope"])]):
            hidden.pop(word, None)
        # An error's description is told in ASCII (RFC 6749 §5.2).
        hidden = {rfc_text(word): mark for word, mark in hidden.items()} | hidden
        lengths = sorted({len(word) for word in hidden}, reverse=True)
        for table, name in free if hidden else ():
            table[name] = _mapped(table[name], lambda leaf: _without(hidden, lengths, leaf))

    def _hide(self, fields: Table) -> dict[str, str]:
        """Hide what is at the paths; returns the words that were there, with what stands for each.

        Of numbers, only long ones count as words: too many others are equal by chance.
        """
        hidden: dict[str, str] = {}

        def redact_leaf(leaf: JsonValue) -> None:
            if (word := _word(leaf)) is not None:
                hidden.setdefault(word, MARK)

        def redact(value: JsonValue) -> JsonValue:
            _mapped(value, redact_leaf)
            return None if value is None else MARK

        def hash_leaf(leaf: JsonValue) -> JsonValue:
            if leaf is None or leaf == "" or isinstance(leaf, bool):
                return leaf
            mark = pseudonym(leaf if isinstance(leaf, str) else json.dumps(leaf), self._key)
            if (word := _word(leaf)) is not None:
                hidden[word] = mark
            return mark

        for path in self._redact:
            _at(path, fields, redact)
        for path in self._pseudonymise:
            _at(path, fields, lambda value: _mapped(value, hash_leaf))
        return hidden


def _at(path: str, value: JsonValue, change: Change) -> None:
    """Change what is at `path` below `value`. Names may hold dots: every way to read it counts."""
    first, _, rest = path.partition(".")
    if isinstance(value, dict):
        if path in value:
            value[path] = change(value[path])
        dot = path.find(".")
        while dot >= 0:
            if path[:dot] in value:
                _at(path[dot + 1 :], value[path[:dot]], change)
            dot = path.find(".", dot + 1)
        for name in value if first == "*" else ():
            if rest:
                _at(rest, value[name], change)
            else:
                value[name] = change(value[name])
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if path == "*":
                value[number] = change(item)
            else:
                # A list on the way is its items, with a * for it or without.
                _at(path, item, change)
                if first == "*":
                    _at(rest, item, change)


def _mapped(value: JsonValue, change: Change) -> JsonValue:
    """`value` with all that is neither a list nor an object changed."""
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    return change(value)


def _without_secrets(value: JsonValue, redactor: Redactor) -> JsonValue:
    return redactor.table(value) if isinstance(value, dict) else redactor.text(cast("str", value))


def _without(hidden: Mapping[str, str], lengths: Iterable[int], leaf: JsonValue) -> JsonValue:
    """`leaf` with what stands for it, or for the words in it, if they are hidden.

    `lengths` are those of all hidden words, the longest first: a client may have sent thousands.
    """
    word = _word(leaf)
    if word is None or word in hidden or not isinstance(leaf, str):
        return leaf if word is None else hidden.get(word, leaf)
    parts, done = "", 0
    for begin in map(re.Match[str].start, _BEGIN.finditer(leaf)):
        for length in lengths if begin >= done else ():
            word = leaf[begin : begin + length]
            if word in hidden and _is_end(leaf, begin + length):
                parts += leaf[done:begin] + hidden[word]
                done = begin + length
                break
    return parts + leaf[done:]


def _word(leaf: JsonValue) -> str | None:
    """What is looked for elsewhere once `leaf` is hidden; None: nothing."""
    if isinstance(leaf, str):
        return None if not leaf or _is_hidden(leaf) else leaf
    if leaf is None or isinstance(leaf, bool):
        return None
    text = json.dumps(leaf)
    return text if len(text) >= NUMBER else None


def _table(value: JsonValue) -> Table:
    return cast("Table", value)
