"""The results of tests as the page of a dry run."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from claimhooks.cli.dryrun import EXAMPLE_ISSUER
from claimhooks.cli.page import HtmlReport

if TYPE_CHECKING:
    from claimhooks.cli.testing.summary import Summary
    from claimhooks.cli.testing.verdict import Verdict


class PageReport:
    """Needs the results of all samples, of those that pass as well."""

    def __init__(self, file: IO[bytes], digest: str, issuer: str | None) -> None:
        issuer = issuer or EXAMPLE_ISSUER
        self._page = HtmlReport(file, digest, issuer, "rfc9068", quiet=False)

    def add(self, verdict: Verdict) -> None:
        """Take up one result."""
        if verdict.result is not None:
            self._page.add(verdict.result, [str(unstable) for unstable in verdict.unstable])

    def end(self, summary: Summary) -> None:  # noqa: ARG002 - the page counts itself
        """Write the page."""
        self._page.end()
