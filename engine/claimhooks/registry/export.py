"""A document as text that the file store and ``claimhooks registry import`` read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from pydantic import JsonValue

    from claimhooks.registry.model import Document

# They are the keys of their tables.
_KEYS: Final = {"clients": {"__all__": {"id"}}, "apis": {"__all__": {"identifier"}}}


def to_json(document: Document) -> str:
    """`document` as a JSON object, without what is as by default."""
    return json.dumps(_plain(document, "json"), indent=2, ensure_ascii=False)


def to_toml(document: Document) -> str:
    """`document` in TOML, without what is as by default.

    Raises :class:`~claimhooks.errors.LoadError` if what writes TOML is not installed.
    """
    try:
        # Not at the top: whoever only reads a registry does not need it.
        import tomli_w  # noqa: PLC0415
    except ImportError:
        problem = Problem("server_missing", "TOML", "is written by tomli-w, which is not installed")
        raise LoadError([problem]) from None
    plain = _plain(document, "python")
    for client in plain.get("clients", {}).values():
        if _has_null(client.get("metadata")):
            client["metadata"] = json.dumps(client["metadata"], ensure_ascii=False)
    # Each under a header of its own, so that lines can be added below: tomli-w would write short
    # ones into one line.
    grants = [f"\n[[grants]]\n{tomli_w.dumps(grant)}" for grant in plain.pop("grants", ())]
    return (tomli_w.dumps(plain) + "".join(grants)).removeprefix("\n")


def _plain(document: Document, mode: Literal["json", "python"]) -> dict[str, Any]:
    return document.model_dump(mode=mode, exclude_defaults=True, exclude=_KEYS)


def _has_null(value: JsonValue) -> bool:
    """Whether `value`, metadata or a part of it, holds a null, which TOML does not have."""
    if isinstance(value, dict):
        return any(item is None or _has_null(item) for item in value.values())
    return isinstance(value, list) and any(item is None or _has_null(item) for item in value)
