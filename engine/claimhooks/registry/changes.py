"""What is different between two documents, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from claimhooks.registry.model import Document


def changes(before: Document, after: Document) -> dict[str, dict[str, int]]:
    """How many ``clients``, ``apis`` and ``grants`` are ``added``, ``changed`` and ``removed``."""
    news = _records(after)
    return {kind: _counts(old, news[kind]) for kind, old in _records(before).items()}


def _counts(old: Mapping[Any, object], new: Mapping[Any, object]) -> dict[str, int]:
    return {
        "added": len(new.keys() - old.keys()),
        "changed": sum(old[key] != new[key] for key in old.keys() & new.keys()),
        "removed": len(old.keys() - new.keys()),
    }


def _records(document: Document) -> dict[str, Mapping[Any, object]]:
    grants = {(grant.client_id, grant.audience): grant for grant in document.grants}
    return {"clients": document.clients, "apis": document.apis, "grants": grants}
