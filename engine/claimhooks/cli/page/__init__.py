"""The results of a dry run for looking at: one HTML page that needs nothing but a browser.

The page loads nothing, and runs no script but its own: its policy (CSP) names it by its hash.
Without scripts it shows the same; they only move, filter and fold.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from base64 import b64encode
from datetime import UTC, datetime
from importlib import resources
from typing import IO, TYPE_CHECKING, Final

from claimhooks.cli.page.element import element, html, literal
from claimhooks.cli.page.sample import sample
from claimhooks.cli.page.summary import Summary
from claimhooks.cli.page.tools import tools

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from claimhooks.cli.report import Result
    from claimhooks.token import Profile

IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


class HtmlReport:
    """A page: the totals, then sample by sample. `file` is written by :meth:`end`."""

    def __init__(
        self, file: IO[bytes], digest: str, issuer: str, profile: Profile, *, quiet: bool
    ) -> None:
        self.is_good = True
        self._file = file
        self._digest = digest
        self._issuer = issuer
        self._profile: Profile = profile
        self._quiet = quiet
        self._summary = Summary()
        # The head tells the totals, so what comes after it waits.
        self._samples = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - until end()

    def add(self, result: Result, complaints: Sequence[str] = ()) -> None:
        """Take up one result; with complaints beyond what it is not as expected in, it fails."""
        is_good = result.is_good and not complaints
        self.is_good = self.is_good and is_good
        self._summary.add(result, is_good=is_good)
        if not (self._quiet and is_good):
            number = self._summary.total
            article = sample(number, result, complaints, self._issuer, self._profile)
            self._samples.write(html(article) + b"\n")

    def end(self) -> None:
        """Write the page."""
        style, script = _source("page.css"), _source("page.js")
        summary = self._summary
        scale = f"--full:{max(summary.scale, 0.1):.1f}"
        self._file.write(b'<!doctype html>\n<html lang="en">\n')
        self._file.write(html(_head(f"claimhooks: {summary.verdict}", style, script)))
        self._file.write(f'\n<body style="{scale}">\n'.encode())
        self._file.write(html(summary.header(self._digest, datetime.now(UTC))))
        self._file.write(html(tools()) + b"\n<main>\n")
        with self._samples:
            self._samples.seek(0)
            shutil.copyfileobj(self._samples, self._file)
        self._file.write(b"</main>\n" + html(literal("script", script)) + b"\n</body>\n</html>\n")


def _head(title: str, style: str, script: str) -> Element:
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "style-src-attr 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        # Without it, browsers ask the server for one.
        element("link", rel="icon", href="data:,"),
        literal("style", style),
    )


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _source(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")
