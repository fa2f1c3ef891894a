"""The results of a test for programs: TAP version 14, one JSON document, JUnit XML."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import Element, ElementTree, SubElement

from pydantic_core import to_json

from claimhooks.errors import printable, utf8_text
from claimhooks.expectation import failures

if TYPE_CHECKING:
    from claimhooks.cli.testing.summary import Summary
    from claimhooks.cli.testing.verdict import Verdict


class TapReport:
    """The Test Anything Protocol, version 14 (https://testanything.org)."""

    def __init__(self, file: IO[bytes], digest: str) -> None:
        self._file = file
        self._count = 0
        self._write(f"TAP version 14\n# generation {digest}")

    def add(self, verdict: Verdict) -> None:
        """Write one test point, with a YAML block if it failed."""
        self._count += 1
        is_ok = verdict.kind != "failed"
        name = printable(verdict.name).replace("\\", "\\\\").replace("#", "\\#")
        directive = " # SKIP it has no expectation" if verdict.kind == "no expectation" else ""
        self._write(f"{'ok' if is_ok else 'not ok'} {self._count} - {name}{directive}")
        if not is_ok:
            # JSON is YAML.
            self._write(f"  ---\n  at: {_json(verdict.place)}")
            self._write(f"  duration_ms: {verdict.seconds * 1000:.3f}\n  diagnostic: |2")
            for line in _explanation(verdict):
                self._write(f"    {line}")
            self._write("  ...")

    def end(self, summary: Summary) -> None:
        """Write the plan."""
        if summary.coverage is not None:
            self._write(f"# coverage {summary.coverage.percent:g} %")
            for file in summary.coverage.files:
                if file.missing:
                    self._write(f"# {printable(file.file)} not reached: {file.ranges}")
        self._write(f"1..{self._count}")

    def _write(self, line: str) -> None:
        self._file.write(line.encode(errors="backslashreplace") + b"\n")


class JsonReport:
    """One JSON document, written result by result."""

    def __init__(self, file: IO[bytes], digest: str) -> None:
        self._file = file
        self._separator = b""
        file.write(to_json({"generation": digest}).removesuffix(b"}") + b',"results":[')

    def add(self, verdict: Verdict) -> None:
        """Write one result."""
        document: dict[str, object] = {
            "sample": verdict.name,
            "file": utf8_text(verdict.file),
            "line": verdict.line,
            "result": verdict.kind,
            "seconds": round(verdict.seconds, 6),
            "differences": verdict.differences,
            "unstable": verdict.unstable,
        }
        if verdict.update:
            document["update"] = verdict.update
        if verdict.kind == "failed" and verdict.result is not None:
            document["why"] = failures(verdict.result.outcome)
        self._file.write(self._separator + to_json(document))
        self._separator = b",\n"

    def end(self, summary: Summary) -> None:
        """Close the document."""
        rest: dict[str, object] = {"totals": summary.counts, "seconds": round(summary.seconds, 3)}
        if summary.coverage is not None:
            percent = summary.coverage.percent
            rest["coverage"] = {"percent": percent, **asdict(summary.coverage)}
        self._file.write(b"]," + to_json(rest).removeprefix(b"{") + b"\n")


class JunitReport:
    """JUnit's XML, as continuous integration reads it: a test case for each sample."""

    def __init__(self, file: IO[bytes], digest: str) -> None:
        self._file = file
        self._suites = Element("testsuites")
        self._suite = SubElement(self._suites, "testsuite", name="claimhooks")
        properties = SubElement(self._suite, "properties")
        SubElement(properties, "property", name="generation", value=digest)

    def add(self, verdict: Verdict) -> None:
        """Add one test case."""
        case = SubElement(
            self._suite,
            "testcase",
            classname=printable(verdict.file),
            name=printable(verdict.name),
            time=f"{verdict.seconds:.6f}",
        )
        if verdict.kind == "no expectation":
            SubElement(case, "skipped", message="it has no expectation")
        elif verdict.kind == "failed":
            explanation = _explanation(verdict)
            failure = SubElement(case, "failure", message=verdict.place, type="expectation")
            failure.text = "\n".join(explanation)

    def end(self, summary: Summary) -> None:
        """Write the document."""
        counts = {
            "tests": str(summary.total),
            "failures": str(summary.counts["failed"]),
            "errors": "0",
            "time": f"{summary.seconds:.3f}",
        }
        self._suites.attrib |= counts
        self._suite.attrib |= {**counts, "skipped": str(summary.counts["no expectation"])}
        ElementTree(self._suites).write(self._file, encoding="utf-8", xml_declaration=True)


def _explanation(verdict: Verdict) -> list[str]:
    lines = [line for difference in verdict.differences for line in difference.lines()]
    lines += [f"! {unstable}" for unstable in verdict.unstable]
    if verdict.result is not None:
        lines += [f"hook: {why}" for why in failures(verdict.result.outcome)]
    return [printable(line) for line in lines]


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
