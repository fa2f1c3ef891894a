"""The Lambda handler for Cognito, over its golden events."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridging import Golden, Kept, goldens, prepare
from claimhooks import Runtime
from claimhooks.bridges.cognito import LambdaHandler, TokenRefused

CASES = {
    "unchanged",
    "claims",
    "narrowing",
    "denial",
    "fault",
    "unsupported",
    "replay",
    "unknown-fields",
}


@contextmanager
def handling(folder: Path, golden: Golden) -> Iterator[tuple[LambdaHandler, list[bytes]]]:
    document = golden.document
    table = document.get("bridge", "[bridges.cognito]\n")
    config = prepare(
        folder, "cognito", document.get("hook", ""), table, registry=document.get("registry")
    )
    with Runtime(folder / "hooks", config) as runtime:
        handler = LambdaHandler(runtime)
        lines: list[bytes] = []
        handler.bridge.events = Kept(lines)
        try:
            yield handler, lines
        finally:
            handler.close()


@pytest.mark.parametrize("golden", goldens("cognito"), ids=str)
def test_an_event_is_answered_as_cognito_understands_it(golden: Golden, tmp_path: Path) -> None:
    with handling(tmp_path, golden) as (handler, lines):
        for _ in range(golden.document["request"].get("times", 1)):
            event: dict[str, Any] = golden.document["request"]["body"]
            before = copy.deepcopy(event)
            if isinstance(expected := golden.answer["body"], str):
                with pytest.raises(TokenRefused) as caught:
                    handler(event, None)
                assert str(caught.value) == expected
            else:
                assert handler(event, None) == expected
            assert event == before
            logged = json.loads(lines[-1])
            assert {name: logged.get(name) for name in golden.event} == golden.event
            assert logged["status"] == golden.answer["status"]


def test_the_golden_events_show_every_case() -> None:
    assert {golden.case for golden in goldens("cognito")} >= CASES


def test_a_hook_that_takes_too_long_ends_before_cognito_gives_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (golden,) = (one for one in goldens("cognito") if one.case == "unchanged")
    with handling(tmp_path, golden) as (handler, _):
        (tmp_path / "hooks" / "10-hook.py").write_text(
            "import asyncio\n\nfrom claimhooks import hookimpl\n\n\n@hookimpl\n"
            "async def credentials_exchange():\n    await asyncio.sleep(10)\n"
        )
        handler.bridge.runtime.reload()
        monkeypatch.setattr(type(handler.bridge.peer), "deadline", 0.1)
        with pytest.raises(TokenRefused, match="could not issue the token"):
            handler(golden.document["request"]["body"])
