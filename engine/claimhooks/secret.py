"""The secrets that hooks may use: where their values come from, and how they are kept out of sight.

A secret is looked up by name where Docker and Kubernetes put it: in the environment variable
``NAME``, in the file that ``NAME_FILE`` points to, or in the file ``NAME`` of the secrets folder.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import JsonValue

MAX_SECRET_BYTES: Final = 64 * 1024


class SecretMissing(Exception):
    """A secret has no value; the text says where it was looked for."""


def read_secret(name: str, folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """The value of the secret `name`, without the line end that editors add to a file.

    Raises :class:`SecretMissing`, also for an empty value.
    """
    if value := environ.get(name):
        return value
    pointed = environ.get(f"{name}_FILE")
    path = Path(pointed) if pointed else folder / name
    try:
        with path.open("rb") as file:
            value = file.read(MAX_SECRET_BYTES).decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SecretMissing(
            f"secret {name} is not in the environment, and {path} cannot be read: {reason}"
        ) from None
    if not value:
        raise SecretMissing(f"secret {name} is not in the environment, and {path} is empty")
    return value


class Redactor:
    """Replaces secret values in what people and programs get to read."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        forms: dict[str, str] = {}
        for name, value in secrets.items():
            # As it is, as repr() and as JSON write it: a traceback or a reason may hold any.
            in_json = (json.dumps(value), json.dumps(value, ensure_ascii=False))
            escaped = (text[1:-1] for text in (repr(value), ascii(value), *in_json))
            forms |= dict.fromkeys((value, *escaped), f"[secret {name}]")
        self._forms = forms
        longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
        self._pattern = re.compile("|".join(longest_first)) if forms else None

    @classmethod
    def of(cls, groups: Iterable[Mapping[str, str]]) -> Redactor:
        """One redactor for several groups of secrets."""
        return cls({name: value for group in groups for name, value in group.items()})

    def __bool__(self) -> bool:
        return self._pattern is not None

    def text(self, text: str) -> str:
        """`text` with the name of a secret in place of each value."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._forms[found[0]], text)

    def table(self, table: dict[str, JsonValue]) -> dict[str, JsonValue]:
        """`table` with every text in it redacted, keys too."""
        return {self.text(key): self._json(value) for key, value in table.items()}

    def _json(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._json(item) for item in value]
        return self.table(value) if isinstance(value, dict) else value
