"""Bundles: a hooks folder as one reproducible file, with a manifest and a detached signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claimhooks.bundle.content import Bundle, build
from claimhooks.bundle.feed import Feed, signature_place
from claimhooks.bundle.manifest import MAX_REVISION, BundledFile, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from claimhooks.bundle.signature import PublicKey


def read(place: str | Path, key: PublicKey | None = None) -> Bundle:
    """The bundle at a path or an address: its `manifest`, and the `snapshot` of its files.

    With a `key` (:meth:`claimhooks.bundle.signature.PublicKey.load`) only if it is signed by that.
    Raises :class:`~claimhooks.errors.LoadError`.
    """
    return Feed(place).read(key, fetch=True)


__all__ = [
    "MAX_REVISION",
    "Bundle",
    "BundledFile",
    "Feed",
    "Manifest",
    "build",
    "read",
    "signature_place",
]
