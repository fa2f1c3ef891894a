"""The file store: a registry in a TOML file, edited by hand and followed like hooks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from claimhooks import strictjson, tomlfile
from claimhooks.errors import LoadError, Problem
from claimhooks.registry.model import Document, dangling
from claimhooks.validation import explain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from claimhooks.registry.model import ApiRecord, ClientRecord, GrantRecord

MAX_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Contents:
    document: Document
    grants: Mapping[tuple[str, str], GrantRecord]
    revision: str

    @classmethod
    def read(cls, path: Path) -> _Contents:
        text = tomlfile.read(path, "registry", MAX_BYTES)
        document = _from_toml(text, str(path))
        grants = {(grant.client_id, grant.audience): grant for grant in document.grants}
        return cls(document, grants, _hash(text.encode()))


class FileStore:
    """A registry in the TOML file at `path`."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`LoadError` with every problem of the file."""
        self.place: Final = path
        self.problems: tuple[Problem, ...] = ()
        self._contents = _Contents.read(path)

    def client(self, client_id: str) -> ClientRecord | None:
        """The client with this id; None: there is none."""
        return self._contents.document.clients.get(client_id)

    def api(self, identifier: str) -> ApiRecord | None:
        """The API with this identifier; None: there is none."""
        return self._contents.document.apis.get(identifier)

    def grant(self, client_id: str, audience: str) -> GrantRecord | None:
        """What this client may have at this API; None: nothing."""
        return self._contents.grants.get((client_id, audience))

    def revision(self) -> str:
        """A hash of the file as it was read."""
        return self._contents.revision

    def document(self) -> Document:
        """Everything, as it was read."""
        return self._contents.document

    def close(self) -> None:
        """Nothing is held open."""

    def reload(self) -> None:
        """Read the file again, and use it as a whole.

        Raises :class:`LoadError` with every problem; what was read before stays in use then.
        """
        try:
            self._contents = _Contents.read(self.place)
        except LoadError as error:
            self.problems = error.problems
            raise
        self.problems = ()

    def fingerprint(self) -> str:
        """What :meth:`revision` would be after :meth:`reload`. Never raises."""
        try:
            return _hash(self.place.read_bytes())
        except OSError as error:
            # Whoever reloads tells why it cannot be read.
            return f"unreadable: {error.strerror}"


def read_document(path: Path, *, partial: bool = False) -> Document:
    """The document in a file: JSON if it is named ``.json``, else TOML.

    Grants of a `partial` document may name what it does not hold. Raises :class:`LoadError` with
    every problem.
    """
    text = tomlfile.read(path, "registry", MAX_BYTES)
    read = _from_json if path.suffix == ".json" else _from_toml
    return read(text, str(path), partial=partial)


def _from_toml(text: str, file: str, *, partial: bool = False) -> Document:
    document = tomlfile.load(text, Document, file, "registry")
    if not partial and (missing := [*dangling(document)]):
        raise LoadError(tomlfile.located(missing, "registry_reference", file, text))
    return document


def _from_json(text: str, file: str, *, partial: bool = False) -> Document:
    try:
        document = Document.model_validate(strictjson.decode(text))
    except ValidationError as error:
        reasons = [reason for _, reason in explain(error, Document)]
        raise LoadError([Problem("registry_invalid", file, reason) for reason in reasons]) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise LoadError([Problem("registry_malformed", file, reason)]) from None
    if not partial and (missing := [*dangling(document)]):
        raise LoadError([Problem("registry_reference", file, reason) for _, reason in missing])
    return document


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
