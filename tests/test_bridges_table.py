"""The README tells of every peer what its bridge declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from claimhooks.bridges import PEERS, peer_of
from claimhooks.bridges.table import table
from claimhooks.settings import CALLERS, PeerName

README = Path(__file__).parent.parent / "README.md"


def test_the_readme_has_the_table_of_what_works_where() -> None:
    assert table() in README.read_text()


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_answers_in_the_time_that_it_is_waited_for(name: PeerName) -> None:
    peer = peer_of(name)
    assert peer.name == name
    waits = {"hydra": 30, "okta": 3, "cognito": 5, "wso2": 5, "entra": 2, "zitadel": 10}
    assert 0 < peer.deadline < waits[name]
    assert set(peer.callers) <= set(CALLERS)
