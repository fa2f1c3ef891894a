"""What hooks print: kept for the log of the issuer, within bounds."""

from __future__ import annotations

import io
from typing import Final

from claimhooks.errors import utf8_text
from claimhooks.lanes.wire import MAX_OUTPUT

_CUT: Final = " […]"


class Output(io.TextIOBase):
    """Stands for the standard streams of a worker."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = MAX_OUTPUT
        self._is_cut = False

    def write(self, text: str) -> int:
        """Keep `text`, as far as there is room."""
        part = text[: self._room]
        self._room -= len(part)
        self._is_cut = self._is_cut or len(part) < len(text)
        self._parts.append(part)
        return len(text)

    def writable(self) -> bool:
        return True

    def taken(self) -> str:
        """What has been written since the last call."""
        if not self._parts:
            return ""
        text = utf8_text("".join(self._parts)) + (_CUT if self._is_cut else "")
        self._parts, self._room, self._is_cut = [], MAX_OUTPUT, False
        return text
