"""A bundle: the manifest and the files of a hooks folder, in one file of exactly these bytes.

Two rules make reading safe. Nothing is ever written to disk. And a bundle is accepted only if
building it again from what was read of it gives the same bytes: so there is nothing in it that
has not been looked at, be it a member, a link, a comment, a date or a byte after the end.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.bundle.archive import MAX_MEMBERS, member, pack
from claimhooks.bundle.manifest import Manifest, NewerFormat, NoManifest
from claimhooks.errors import LoadError, Problem, printable, utf8_text
from claimhooks.snapshot import Snapshot, is_passed_over, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of a bundle, which is held in memory a few times over while it is read."""
MANIFEST: Final = "manifest.json"
FOLDER: Final = "hooks/"

MAX_PATH: Final = 1000
"""Characters: not every system has paths that are longer."""
MAX_REASON: Final = 300

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds, proved."""

    manifest: Manifest
    snapshot: Snapshot


def build(snapshot: Snapshot, revision: int) -> bytes:
    """The bundle of `snapshot`: always the same bytes. Raises :class:`LoadError`."""
    if found := [*_unbundled(snapshot.files)]:
        raise LoadError([Problem("bundle_path", snapshot.shown(path), why) for path, why in found])
    if len(snapshot.files) < MAX_MEMBERS:
        content = _encoded(snapshot, revision)
        if len(content) <= MAX_BYTES:
            return content
    reason = f"larger than {MAX_BYTES:,} bytes, or of more than {MAX_MEMBERS - 1:,} files"
    raise LoadError([Problem("bundle_too_large", str(snapshot.root), reason)])


def parse(content: bytes, shown: str, root: Path) -> Bundle:
    """The bundle in `content`. Raises :class:`LoadError` unless it is exactly as it was built.

    `shown` is where it is, for messages; `root` what its files are shown to be below.
    """
    try:
        manifest, snapshot = _parsed(content, root)
    except NewerFormat as error:
        raise LoadError([Problem("bundle_newer", shown, str(error))]) from None
    except _Broken as error:
        raise LoadError([Problem("bundle_broken", shown, str(error)[:MAX_REASON])]) from None
    return Bundle(manifest, snapshot)


class _Broken(Exception):
    """Not what `build` returns; the text says why."""


def _parsed(content: bytes, root: Path) -> tuple[Manifest, Snapshot]:
    if not content.startswith(b"PK"):
        raise _Broken(f"a file, but no bundle: it begins with {content[:16]!r}")
    text, end = member(content, MANIFEST, 0)
    if end > len(content):
        raise _Broken(_cut_short(content))
    try:
        manifest = Manifest.from_json(text)
    except NoManifest as error:
        raise _Broken(f"its manifest cannot be read: {printable(str(error))}") from None
    for path, why in _unbundled(file.path for file in manifest.files):
        raise _Broken(f"the file {path[:100]!r} {why}")
    files: dict[str, bytes] = {}
    for file in manifest.files:
        files[file.path], end = member(content, FOLDER + file.path, end)
    snapshot = Snapshot.of(root, files, manifest.revision)
    if _encoded(snapshot, manifest.revision) != content:
        raise _Broken(_difference(manifest, files, end, content))
    for path, one in files.items():
        if (problem := problem_of(one, path)) is not None:
            raise _Broken(f"the file {path!r}: {problem.reason}")
    return manifest, snapshot


def _encoded(snapshot: Snapshot, revision: int) -> bytes:
    manifest = Manifest.of(snapshot, revision).to_json()
    files = {FOLDER + path: content for path, content in snapshot.files.items()}
    return pack({MANIFEST: manifest} | files)


def _unbundled(paths: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Those of `paths` that no bundle has, and why."""
    for path in paths:
        parts = path.split("/")
        if "" in parts or ".." in parts:
            yield path, "is outside of the hooks folder"
        elif len(path) > MAX_PATH or _UNPRINTABLE.search(path) or utf8_text(path) != path:
            yield path, "has a name that is not the same on every system"
        elif not path.endswith(".py") or any(map(is_passed_over, parts)):
            yield path, "is no file that belongs to a generation"


def _difference(manifest: Manifest, files: dict[str, bytes], end: int, content: bytes) -> str:
    if end > len(content):
        return _cut_short(content)
    for file in manifest.files:
        if hashlib.sha256(files[file.path]).hexdigest() != file.sha256:
            return f"the file {file.path!r} is not what the manifest says"
    return "damaged: there is something in it that does not belong to a bundle of its files"


def _cut_short(content: bytes) -> str:
    return f"cut short: there are {len(content):,} bytes of it"
