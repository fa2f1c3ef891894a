"""What ``claimhooks check`` has found, in each of its formats."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, Literal

import click

from claimhooks import __version__
from claimhooks.generation import Hook, hook_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from claimhooks.analysis import Analysis, Finding
    from claimhooks.bridges.checking import Facts
    from claimhooks.errors import ProblemsError
    from claimhooks.generation import Generation
    from claimhooks.lanes.state import LaneState
    from claimhooks.settings import HookSettings, Settings
    from claimhooks.snapshot import Snapshot

Style = Literal["text", "json", "sarif", "github"]
STYLES: Final[tuple[Style, ...]] = ("text", "json", "sarif", "github")
_COLORS: Final = {"error": "red", "warning": "yellow"}


@dataclass(slots=True)
class Checked:
    """How far a check has come, and what it has found."""

    snapshot: Snapshot | None = None
    settings: Settings | None = None
    analysis: Analysis | None = None
    """None: not asked for, or not reached."""
    is_strict: bool = False
    """Whether everything was looked for, or only what a bridge cannot do."""
    has_run: bool = False
    """Whether it came to running any file."""
    generation: Generation | None = None
    """None: not loaded."""
    lane: LaneState | None = None
    bridge: Facts | None = None
    """How the bridge in question would start; None: it is about none."""
    error: ProblemsError | None = None
    """Why it could not go on."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return () if self.analysis is None else self.analysis.findings

    @property
    def not_applied(self) -> Mapping[str, str]:
        return {} if self.analysis is None else self.analysis.not_applied

    @property
    def status(self) -> int:
        """The exit status."""
        return 2 if self.error is not None else int(bool(self.findings))


def written(checked: Checked, style: Style) -> Iterator[str]:
    """The lines of the result. Text leaves the problems to whoever ends the command."""
    # Not at the top, nor is the analysis: most checks need neither.
    if style == "text":
        yield from _text(checked)
    elif style == "json":
        yield json.dumps(_document(checked), indent=2, ensure_ascii=False)
    elif style == "sarif":
        from claimhooks.analysis.sarif import sarif_log  # noqa: PLC0415

        log = sarif_log(_everything(checked), checked.not_applied, __version__)
        yield json.dumps(log, indent=2, ensure_ascii=False)
    else:
        from claimhooks.analysis.annotations import annotation, not_applied  # noqa: PLC0415

        yield from map(annotation, _everything(checked))
        yield from itertools.starmap(not_applied, checked.not_applied.items())


def _everything(checked: Checked) -> list[Finding]:
    return [*_problems(checked), *checked.findings]


def _text(checked: Checked) -> Iterator[str]:
    if checked.generation is not None:
        yield from _listing(checked)
        yield from [""] if checked.findings else []
    for finding in checked.findings:
        place, _, remedy = str(finding).partition("\n")
        yield f"{click.style(place, fg=_COLORS[finding.severity])}\n{remedy}"
    if checked.analysis is not None:
        yield from _verdict(checked, checked.analysis)


def _verdict(checked: Checked, analysis: Analysis) -> Iterator[str]:
    name = "strict" if checked.is_strict else "bridge"
    errors = sum(finding.severity == "error" for finding in analysis.findings)
    count = f"{errors:,} errors, {len(analysis.findings) - errors:,} warnings"
    yield f"\n{name}: {count}{'' if checked.has_run else '; no file was run'}"
    for code, reason in analysis.not_applied.items():
        yield f"{name}: {code} was not looked for: {reason}"
    if analysis.findings:
        yield f"{name}: what a code means: claimhooks explain {analysis.findings[0].code}"


def _listing(checked: Checked) -> Iterator[str]:
    generation, settings, lane = checked.generation, checked.settings, checked.lane
    if generation is None or settings is None or lane is None or checked.snapshot is None:
        return
    policy = settings.policy
    yield f"generation {generation.digest}"
    yield f"lane       {_lane(settings)}"
    yield f"isolation  {lane.isolation}"
    yield f"policy     {policy.mode}; hooks may add scopes of: {policy.scopes}"
    if settings.gate_path is not None:
        yield f"gate       passed: {settings.gate_path}"
    if settings.record is not None:
        part = f"{settings.record.rate * 100:g} %"
        yield f"record     {part} of all exchanges, in {settings.record_folder}"
    if checked.bridge is not None:
        yield from _bridge(checked.bridge)
    for number, hook in enumerate(generation.hooks, start=1):
        place = hook.file if hook.line is None else f"{hook.file}:{hook.line}"
        yield f"\n{number}. {click.style(hook.name, bold=True)}  {place}"
        yield f"   takes {', '.join(hook.arguments) or 'nothing'}"
        for line in _settings(hook, settings.of_hook(hook.name), lane.lane):
            yield f"   {line}"
    for name in _disabled(checked.snapshot, settings):
        yield f"\n-. {name}  {checked.snapshot.shown(name + '.py')}\n   disabled"


def _bridge(bridge: Facts) -> Iterator[str]:
    proof = bridge.caller or "the peer's own platform"
    yield f"bridge     {bridge.title}: answers within {bridge.deadline:g} s; proven by {proof}"
    clients = f"from {bridge.registry}" if bridge.registry else "as the peer tells of them"
    yield f"           clients {clients}; unsupported effects: {bridge.on_unsupported}"
    for warning in bridge.warnings:
        yield f"           {click.style(warning, fg='yellow')}"


def _disabled(snapshot: Snapshot, settings: Settings) -> list[str]:
    return [name for name in hook_names(snapshot) if not settings.of_hook(name).enabled]


def _lane(settings: Settings) -> str:
    if settings.lane != "worker":
        return "inline"
    worker = settings.worker
    return (
        f"worker: {worker.processes} processes and one that stands by, of {worker.memory} MiB; "
        f"deadline {worker.deadline * 1000:,.0f} ms"
    )


def _settings(hook: Hook, settings: HookSettings, lane: str) -> Iterator[str]:
    yield f"on_error {settings.on_error}"
    for part in ("clients", "audiences", "scopes"):
        if patterns := getattr(settings.match, part):
            yield f"only for {part} {', '.join(patterns)}"
    if hook.deadline is not None and lane == "worker":
        yield f"deadline {hook.deadline * 1000:,.0f} ms of its own"
    if hook.network and lane == "worker":
        yield "runs in workers that have the network"
    if hook.secrets:
        yield f"secrets {', '.join(hook.secrets)}"


def _document(checked: Checked) -> dict[str, object]:
    settings, generation, lane = checked.settings, checked.generation, checked.lane
    snapshot, analysis = checked.snapshot, checked.analysis
    document: dict[str, object] = {
        "generation": snapshot and snapshot.digest,
        "loaded": generation is not None,
        "problems": [_plain(problem) for problem in _problems(checked)],
    }
    if analysis is not None:
        document["findings"] = [_plain(finding) for finding in analysis.findings]
        document["not_applied"] = dict(analysis.not_applied)
    if generation and settings and lane and snapshot:
        document["lane"] = lane.lane
        document["isolation"] = lane.isolation.level
        document["gate"] = settings.gate_path and str(settings.gate_path)
        document["hooks"] = [
            {
                "name": hook.name,
                "file": hook.file,
                "line": hook.line,
                "takes": hook.arguments,
                **settings.of_hook(hook.name).model_dump(mode="json"),
            }
            for hook in generation.hooks
        ]
        document["disabled"] = _disabled(snapshot, settings)
    if checked.bridge is not None:
        document["bridge"] = asdict(checked.bridge)
    return document


def _problems(checked: Checked) -> list[Finding]:
    from claimhooks.analysis import Finding  # noqa: PLC0415

    error = checked.error
    return [] if error is None else [Finding.of(problem) for problem in error.problems]


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "reason": finding.reason,
        "remedy": finding.remedy,
    }
