"""The result of one sample, and a report of all of them as a JSON document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pydantic_core import to_json

if TYPE_CHECKING:
    from pydantic import JsonValue

    from claimhooks.exchange import Outcome, TraceEntry
    from claimhooks.expectation import Difference
    from claimhooks.samples import Sample
    from claimhooks.token import SigningKey


@dataclass(slots=True)
class Result:
    """What became of one sample."""

    sample: Sample
    outcome: Outcome
    differences: list[Difference]
    """In what the sample's `expect` does not hold."""
    header: dict[str, str] | None = None
    payload: dict[str, JsonValue] | None = None
    jwt: str | None = None

    @property
    def is_good(self) -> bool:
        """No fault, and as expected."""
        return self.outcome.status != "fault" and not self.differences


class JsonReport:
    """One JSON document, written result by result."""

    def __init__(
        self, file: IO[bytes], digest: str, key: SigningKey | None, *, quiet: bool
    ) -> None:
        self.is_good = True
        self._file = file
        self._quiet = quiet
        self._separator = b""
        jwks = {} if key is None else {"jwks": {"keys": [key.public_jwk()]}}
        start = to_json({"generation": digest, **jwks})
        file.write(start.removesuffix(b"}") + b',"results":[')

    def add(self, result: Result) -> None:
        """Write one result."""
        if result.is_good:
            if self._quiet:
                return
        else:
            self.is_good = False
        self._file.write(self._separator + to_json(_document(result)))
        self._separator = b",\n"

    def end(self) -> None:
        """Close the document."""
        self._file.write(b"]}\n")


def _document(result: Result) -> dict[str, object]:
    outcome = result.outcome
    token: dict[str, object] | None = None
    if result.payload is not None:
        token = {"header": result.header, "payload": result.payload}
        if result.jwt is not None:
            token["jwt"] = result.jwt
    error = outcome.error
    document: dict[str, object] = {
        "sample": result.sample.name,
        "generation": outcome.generation,
        "status": outcome.status,
        "scope": outcome.scope,
        "claims": outcome.claims,
        "expires_in": outcome.expires_in,
        "token": token,
        "error": error and {"error": error.error, "error_description": error.error_description},
        "trace": [trace_entry(entry) for entry in outcome.trace],
        "warnings": outcome.warnings,
    }
    if result.sample.expect is not None:
        document["expect"] = {"holds": not result.differences, "differences": result.differences}
    return document


def trace_entry(entry: TraceEntry) -> dict[str, object]:
    """What one hook did, as the document tells it."""
    document: dict[str, object] = {
        "hook": entry.hook,
        "file": entry.file,
        "micros": entry.micros,
        "patch": entry.patch,
        "applied": entry.applied,
        "refused": entry.refused,
    }
    if entry.error is not None:
        document["error"] = entry.error
    if entry.skipped is not None:
        document["skipped"] = entry.skipped
    return document
