"""The manifest: what a bundle says of itself, as JSON."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from claimhooks import strictjson
from claimhooks.bundle.archive import MAX_MEMBERS
from claimhooks.validation import explain

if TYPE_CHECKING:
    from pydantic import JsonValue

    from claimhooks.snapshot import Snapshot

FORMAT: Final = 1
MAX_REVISION: Final = 2**53 - 1
"""As far as every reader of JSON has exact integers (RFC 7493 §2.2)."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class NoManifest(ValueError):
    """Text that is not a manifest; the text of the exception says why."""


class NewerFormat(ValueError):
    """The manifest of a format that this release does not know."""


class _Object(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class BundledFile(_Object):
    """One file of the hooks folder."""

    path: str
    """Below the folder, with slashes."""
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    """In bytes."""


class Manifest(_Object):
    """All of the manifest, in the order in which it is written."""

    format: Literal[1]
    revision: Annotated[int, Field(ge=0, le=MAX_REVISION)]
    """Never less than that of the bundle that it replaces."""
    digest: Sha256
    """That of the generation which the files become."""
    files: Annotated[tuple[BundledFile, ...], Field(strict=False, max_length=MAX_MEMBERS - 1)]

    @classmethod
    def of(cls, snapshot: Snapshot, revision: int) -> Self:
        """The manifest of the files in `snapshot`."""
        files = tuple(
            BundledFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
            for path, content in snapshot.files.items()
        )
        return cls(format=FORMAT, revision=revision, digest=snapshot.digest, files=files)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """The manifest in `text`. Raises :class:`NoManifest` and :class:`NewerFormat`."""
        try:
            document = cast("JsonValue", strictjson.decode(text.decode()))
        except (ValueError, RecursionError) as error:
            raise NoManifest(str(error)) from None
        found = document.get("format") if isinstance(document, dict) else None
        if isinstance(found, int) and found > FORMAT:
            raise NewerFormat(f"its format is {found}, and this claimhooks knows {FORMAT}")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise NoManifest("; ".join(reason for _, reason in explain(error, cls))) from None

    def to_json(self) -> bytes:
        """The one way to write it."""
        return (json.dumps(self.model_dump(), indent=2) + "\n").encode()
