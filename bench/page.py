"""The page of a dry run: writing it, and opening it in Chromium."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from statistics import median

from bench.engine import child, peak
from bench.given import SAMPLE, folder_of
from bench.table import Row, row

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def page(parent: Path) -> list[Row]:
    folder_of(3, parent)
    line = json.dumps(SAMPLE) + "\n"
    for count in (1_000, 10_000):
        (parent / f"{count}.jsonl").write_text(line * count)
    arguments = ["run", "--hooks", "hooks-3", "--html", "page.html"]
    command = ["-m", "claimhooks", *arguments, "1000.jsonl"]
    seconds = [child(command, parent, one_core=True) for _ in range(5)]
    size = (parent / "page.html").stat().st_size / 1e6
    rows = [
        row("page of 1,000 samples, written", min(seconds), " s", 3),
        row("  its size", size, " MB", 6),
        *_opened(parent / "page.html"),
    ]
    if sys.platform == "linux":
        many, few = (peak([*arguments, f"{n}.jsonl"], parent) for n in (10_000, 1_000))
        rows.append(row("peak memory, a page of 10,000 samples over 1,000", many - few, " MB", 12))
    return rows


def _opened(file: Path) -> list[Row]:
    from playwright.sync_api import Error, sync_playwright  # noqa: PLC0415 - of this part alone

    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=browser, args=FLAGS)
        except Error:
            return [("  opened in Chromium", "", "", "skipped: it is not installed")]
        millis: list[float] = []
        for _ in range(5):
            tab = launched.new_page()
            tab.goto(file.as_uri())
            script = "performance.getEntriesByType('navigation')[0].duration"
            millis.append(float(tab.evaluate(script)))
            tab.close()
        launched.close()
    return [row("  opened in Chromium", median(millis) / 1000, " s", 1.5)]
