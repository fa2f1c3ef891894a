"""What golden files cannot show of the bridge for Entra."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridging import FOLDER, answering
from claimhooks import LoadError


def test_entra_needs_a_plain_word_that_hooks_may_run_for_people(tmp_path: Path) -> None:
    table = (FOLDER / "entra" / "peer.toml").read_text().replace("tokens_of_people = true\n", "")
    with (
        pytest.raises(LoadError, match="calls no hook for client credentials"),
        answering(tmp_path, "entra", bridge=table),
    ):
        pass
