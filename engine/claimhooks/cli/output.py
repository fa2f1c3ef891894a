"""A file that a command writes: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from claimhooks.errors import LoadError, Problem

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def replacing(path: Path) -> Generator[IO[bytes]]:
    """A new file that takes the place of the one at `path` at the end, unless there is an error.

    Raises :class:`~claimhooks.errors.LoadError`, ``output_unwritable``.
    """
    try:
        # The place of a link stays, and what it leads to is replaced.
        place = Path(os.path.realpath(path))
        if place.exists() and not place.is_file():
            raise LoadError([Problem("output_unwritable", str(path), "is there, and is no file")])
        new = place.with_name(f".claimhooks-{secrets.token_hex(4)}")
        try:
            with new.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(place)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        reason = f"cannot be written: {error.strerror}"
        raise LoadError([Problem("output_unwritable", str(path), reason)]) from None
