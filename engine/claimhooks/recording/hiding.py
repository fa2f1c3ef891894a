"""What an entry does not tell: secrets, redacted fields, and who is behind a pseudonym."""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import JsonValue

    from claimhooks.secret import Redactor

    Table = dict[str, JsonValue]
    Change = Callable[[JsonValue], JsonValue]

MARK: Final = "[redacted]"
PREFIX: Final = "pseudonym-"
DIGITS: Final = 32

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
    client, audience or scope that the entry tells anyway.
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
        for told in (client["id"], client.get("name"), client.get("tenant"), exchange["audience"]):
            hidden.pop(told, None)
        for token in cast("list[str]", exchange["scope"]):
            hidden.pop(token, None)
        for table, name in free if hidden else ():
            table[name] = _mapped(table[name], lambda leaf: _without(hidden, leaf))

    def _hide(self, fields: Table) -> dict[JsonValue, str]:
        """Hide what is at the paths; returns what was there, with what stands for it now."""
        hidden: dict[JsonValue, str] = {}

        def redact(value: JsonValue) -> JsonValue:
            # Numbers are not looked for elsewhere: too many are equal by chance.
            _mapped(value, lambda leaf: hidden.setdefault(leaf, MARK) if _is_word(leaf) else None)
            return None if value is None else MARK

        def hash_leaf(leaf: JsonValue) -> JsonValue:
            if leaf is None or leaf == "" or isinstance(leaf, bool):
                return leaf
            text = leaf if isinstance(leaf, str) else json.dumps(leaf)
            hidden[leaf] = pseudonym(text, self._key)
            return hidden[leaf]

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


def _without(hidden: Mapping[JsonValue, str], leaf: JsonValue) -> JsonValue:
    """`leaf` with what stands for it, or for the words in it, if they are hidden."""
    if leaf is None or isinstance(leaf, bool):
        return leaf
    if leaf in hidden:
        return hidden[leaf]
    if not isinstance(leaf, str):
        return leaf
    words = [word for word in hidden if isinstance(word, str) and word in leaf]
    if not words:
        return leaf
    either = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda found: hidden[found[0]], leaf)


def _is_word(leaf: JsonValue) -> bool:
    return isinstance(leaf, str) and leaf not in {"", MARK}


def _table(value: JsonValue) -> Table:
    return cast("Table", value)
