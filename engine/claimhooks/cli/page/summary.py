"""The head of a page: how many samples came out how, and what each hook did over all of them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from claimhooks.cli.page.element import element
from claimhooks.cli.page.hook import bar
from claimhooks.cli.text import duration
from claimhooks.errors import FAULTS

if TYPE_CHECKING:
    from datetime import datetime
    from xml.etree.ElementTree import Element

    from claimhooks.cli.report import Result
    from claimhooks.exchange import TraceEntry

MAX_LISTED: Final = 50
"""Failing samples that have a link at the top."""

_COLUMNS: Final = ("ran", "changed", "left out", "refused", "denied", "fault")


@dataclass(slots=True)
class _Deeds:
    """What one hook did over all samples."""

    file: str
    counts: dict[str, int]
    micros: float = 0.0
    longest: float = 0.0

    def add(self, entry: TraceEntry) -> None:
        error = entry.error
        found = {
            "ran": entry.micros > 0,
            "changed": bool(entry.applied),
            "left out": entry.skipped is not None,
            "refused": bool(entry.refused),
            "denied": error is not None and error.code not in FAULTS,
            "fault": error is not None and error.code in FAULTS,
        }
        for name, is_so in found.items():
            self.counts[name] += is_so
        self.micros += entry.micros
        self.longest = max(self.longest, entry.micros)


class Summary:
    """Counts results, and keeps none of them."""

    def __init__(self) -> None:
        self.total = 0
        self._statuses = dict.fromkeys(("granted", "denied", "fault"), 0)
        self._failing: list[tuple[int, str]] = []
        self._failures = self._expected = self._unexpected = self._refusals = 0
        self._hooks: dict[str, _Deeds] = {}
        self._times: Counter[int] = Counter()
        """How many times were how long, in quarters of powers of two."""

    def add(self, result: Result, *, is_good: bool) -> None:
        """Count one result."""
        self.total += 1
        self._statuses[result.outcome.status] += 1
        if result.sample.expect is not None:
            self._expected += 1
            self._unexpected += bool(result.differences)
        if not is_good:
            self._failures += 1
            if self._failures <= MAX_LISTED:
                self._failing.append((self.total, result.sample.name))
        for entry in result.outcome.trace:
            self._refusals += len(entry.refused)
            if entry.hook not in self._hooks:
                self._hooks[entry.hook] = _Deeds(entry.file, dict.fromkeys(_COLUMNS, 0))
            self._hooks[entry.hook].add(entry)
            if entry.micros:
                self._times[math.ceil(math.log2(entry.micros) * 4)] += 1

    @property
    def scale(self) -> float:
        """Microseconds of a full bar: what 99 of 100 hooks took at most, about.

        By the one that took longest, few of the others could be told from none.
        """
        left = 0.99 * self._times.total()
        for quarters, count in sorted(self._times.items()):
            left -= count
            if left <= 0:
                longest = max(deeds.longest for deeds in self._hooks.values())
                return min(math.exp2(quarters / 4), longest)
        return 1.0

    @property
    def verdict(self) -> str:
        """In a few words, whether all is well."""
        if self._failures:
            return f"{self._failures:,} of {self.total:,} samples fail"
        return f"{self.total:,} samples, none fails"

    def header(self, digest: str, now: datetime) -> Element:
        """What a page begins with."""
        code = element("code", digest[:12], title=digest)
        kind = "bad" if self._failures else "good"
        return element(
            "header",
            element(
                "div",
                element("h1", "claimhooks ", element("span", "dry run")),
                element("p", "generation ", code, f" · {now:%Y-%m-%d %H:%M} UTC", class_="about"),
                element("p", self.verdict, class_=kind, id="verdict"),
                self._figures(),
                self._failing_list(),
            ),
            self._table(),
            class_="top",
        )

    def _figures(self) -> Element:
        pairs = [(status, f"{count:,}") for status, count in self._statuses.items()]
        pairs.append(("refused", f"{self._refusals:,}"))
        kept = self._expected - self._unexpected
        pairs.append(("expectations hold", f"{kept:,} of {self._expected:,}"))
        return element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", count), class_=name.split()[0])
                for name, count in pairs
            ),
        )

    def _failing_list(self) -> Element | None:
        if not self._failures:
            return None
        rest = self._failures - len(self._failing)
        links = [
            element("li", element("a", f"{number:,} {name}", href=f"#s{number}"))
            for number, name in self._failing
        ]
        more = element("li", f"and {rest:,} more") if rest else None
        return element("nav", element("h2", "Failing"), element("ul", *links, more))

    def _table(self) -> Element | None:
        if not self._hooks:
            return None
        heads = ("hook", *_COLUMNS, "mean", f"longest (full bar: {duration(self.scale)})")
        table = element(
            "table",
            element("caption", "Hooks"),
            element("thead", element("tr", *(element("th", name, scope="col") for name in heads))),
            element("tbody", *(_row(name, deeds) for name, deeds in self._hooks.items())),
            class_="hooks",
        )
        # Narrow windows scroll it, with the keyboard as well.
        region = {"role": "region", "aria_label": "Hooks", "tabindex": "0"}
        return element("div", table, class_="scroll", **region)


def _row(name: str, deeds: _Deeds) -> Element:
    ran = deeds.counts["ran"]
    cells = [
        element("td", f"{count:,}", class_=kind.replace(" ", "-") if count else "zero")
        for kind, count in deeds.counts.items()
    ]
    return element(
        "tr",
        element("th", name, scope="row", title=deeds.file),
        *cells,
        element("td", duration(deeds.micros / ran) if ran else "—"),
        element("td", bar(deeds.longest), duration(deeds.longest) if ran else "—", class_="timing"),
    )
