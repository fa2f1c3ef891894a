"""A log beside the settings is no concern of whoever follows those."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from claimhooks import Runtime, watch
from given import eventually, exchange, hook

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent

    from given import Hooks


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, closing a file is no event")
def test_lines_of_a_log_beside_the_settings_are_no_events(
    hooks: Hooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[FileSystemEvent] = []
    dispatch = watch._Handler.dispatch

    def counted(handler: watch._Handler, event: FileSystemEvent) -> None:
        seen.append(event)
        dispatch(handler, event)

    monkeypatch.setattr(watch._Handler, "dispatch", counted)
    monkeypatch.setattr(watch, "RECONCILE", 60)
    config = tmp_path / "claimhooks.toml"
    config.write_text('quiet = "10ms"\n')
    folder = hooks({"10-hook.py": hook('return {"https://acme.example/n": 1}')})
    with (tmp_path / "log").open("w") as log, Runtime(folder, config, watch=True) as runtime:
        assert runtime.watch_mode == "events"
        time.sleep(0.2)
        seen.clear()
        for number in range(100):
            log.write(f"line {number}\n")
            log.flush()
            time.sleep(0.001)
        time.sleep(0.1)
        assert not seen
        config.write_text('quiet = "10ms"\n[policy]\nnamespaces = ["https://other.example/"]\n')
        assert eventually(lambda: runtime.run(exchange()).status == "fault")
