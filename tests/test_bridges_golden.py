"""Every peer's golden calls: written from the documentation of its wire format."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridging import FOLDER, Golden, goldens, replaying

CASES = {
    "unchanged",
    "claims",
    "narrowing",
    "denial",
    "fault",
    "unsupported",
    "bad-signature",
    "replay",
    "oversize",
    "unknown-fields",
}
PEERS = sorted(path.parent.name for path in FOLDER.glob("*/peer.toml"))


HTTP = [golden for golden in goldens() if golden.peer != "cognito"]
"""Cognito calls a function: see test_bridges_cognito.py."""


@pytest.mark.parametrize("golden", HTTP, ids=str)
def test_a_call_is_answered_as_the_peer_understands_it(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replaying(golden, tmp_path, monkeypatch) as bridge:
        for _ in range(golden.document["request"].get("times", 1)):
            answer = bridge.call(golden)
            expected = golden.answer
            assert answer.status_code == expected["status"]
            assert (answer.json() if answer.content else None) == expected["body"]
            headers = expected.get("headers", {})
            assert {name: answer.headers.get(name) for name in headers} == headers
            event = bridge.event
            assert {name: event.get(name) for name in golden.event} == golden.event
            assert event["peer"] == golden.peer
            assert event["status"] == expected["status"]
            # What a hook raises is for the operator alone.
            told = answer.content + (b"" if event.get("hooks") else bridge.lines[-1])
            assert b"hunter2" not in told
            assert b"eyJ" not in told
            proof = golden.headers().get("authorization", "").rpartition(" ")[2].encode()
            assert not proof or proof not in told


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_has_all_golden_calls(peer: str) -> None:
    assert {golden.case for golden in goldens(peer)} >= CASES
