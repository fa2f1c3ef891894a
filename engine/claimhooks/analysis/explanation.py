"""What each code of the analysis means, with an example that has the finding and one without.

The texts are files in the folder ``explained``, in Markdown: a title, what the code means, then
the sections *Wrong* and *Right*. Each block of code begins with a comment that names its file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from claimhooks.analysis.finding import REMEDIES

_FOLDER: Final = Path(__file__).with_name("explained")
_BLOCK: Final = re.compile(
    r"^```(?:python|toml)\n# (?P<file>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one code."""

    markdown: str
    """All of it."""

    @property
    def title(self) -> str:
        """What the code means, in a line."""
        return self.markdown.partition("\n")[0].removeprefix("# ")

    @property
    def text(self) -> str:
        """What the code means, without the examples."""
        return self.markdown.partition("\n")[2].partition("\n## ")[0].strip()

    @property
    def wrong(self) -> dict[str, str]:
        """Files, by their names, that have the finding."""
        return _files(self.markdown.partition("\n## Right\n")[0])

    @property
    def right(self) -> dict[str, str]:
        """The files of the wrong example as they should be."""
        return self.wrong | _files(self.markdown.partition("\n## Right\n")[2])


@cache
def explanation_of(code: str) -> Explanation | None:
    """The explanation of `code`; None if the analysis has no such code."""
    if code not in REMEDIES:
        return None
    return Explanation((_FOLDER / f"{code}.md").read_text(encoding="utf-8"))


def _files(markdown: str) -> dict[str, str]:
    return {found["file"]: found["text"] for found in _BLOCK.finditer(markdown)}
