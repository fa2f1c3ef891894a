"""One dry run: the hooks as they are now, over samples, with the tokens that would come of it."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Final

from claimhooks.cli.report import Result
from claimhooks.runtime import Runtime
from claimhooks.token import SigningKey, payload

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from claimhooks.samples import Sample
    from claimhooks.settings import Settings
    from claimhooks.token import Profile

EXAMPLE_ISSUER: Final = "https://issuer.example/"


class DryRun:
    """Runs samples as an issuer would, with a throw-away key."""

    def __init__(
        self,
        hooks_dir: Path,
        settings: Callable[[], Settings],
        profile: Profile,
        *,
        allow_empty: bool,
        sign: bool,
    ) -> None:
        self.hooks_dir: Final = hooks_dir
        self.key: Final = SigningKey.generate("ES256")
        self._settings = settings
        self._profile: Profile = profile
        self._allow_empty = allow_empty
        self._sign = sign

    @contextmanager
    def started(self) -> Generator[str]:
        """Within it, :meth:`result` can be called; gives the digest of the hooks."""
        settings = self._settings()
        self.issuer = settings.issuer or EXAMPLE_ISSUER
        # Standard output is for the results: what hooks print must not come between them.
        with redirect_stdout(sys.stderr):
            runtime = Runtime(self.hooks_dir, settings, allow_empty=self._allow_empty)
        with runtime as self._runtime:
            yield runtime.generation.digest

    def result(self, sample: Sample) -> Result:
        """What becomes of `sample`."""
        with redirect_stdout(sys.stderr):
            outcome = self._runtime.run(sample)
        differences = sample.expect.differences(outcome) if sample.expect else []
        if outcome.status != "granted":
            return Result(sample, outcome, differences)
        claims = payload(sample, outcome, issuer=self.issuer, profile=self._profile)
        header = self.key.header(self._profile)
        if self._sign:
            jwt = self.key.sign(claims, self._profile)
            return Result(sample, outcome, differences, header, claims, jwt)
        del header["kid"]
        return Result(sample, outcome, differences, header, claims)
