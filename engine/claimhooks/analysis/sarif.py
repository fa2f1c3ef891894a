"""Findings as a SARIF 2.1.0 log, which code scanning services read (OASIS standard)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from claimhooks.analysis.explanation import explanation_of
from claimhooks.analysis.finding import path_from_root, root
from claimhooks.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from claimhooks.analysis.finding import Finding

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_log(
    findings: Sequence[Finding], not_applied: Mapping[str, str], version: str
) -> dict[str, object]:
    """One run of claimhooks `version`. Files are named from the root of the repository."""
    codes = [*dict.fromkeys(finding.code for finding in findings)]
    remedies = {finding.code: finding.remedy for finding in findings}
    levels = {finding.code: finding.severity for finding in findings}
    notifications = [
        {
            "level": "note",
            "message": {"text": f"not looked for: {reason}"},
            "associatedRule": {"id": code},
        }
        for code, reason in not_applied.items()
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "claimhooks",
                        "version": version,
                        "rules": [_rule(code, levels[code], remedies[code]) for code in codes],
                    }
                },
                "invocations": [
                    {"executionSuccessful": True, "toolConfigurationNotifications": notifications}
                ],
                "originalUriBaseIds": {"%SRCROOT%": {"uri": f"{root().as_uri()}/"}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes.index(finding.code)) for finding in findings],
            }
        ],
    }


def _rule(code: str, level: str, remedy: str) -> dict[str, object]:
    explanation = explanation_of(code)
    text = explanation.text if explanation is not None else remedy
    whole = explanation.markdown if explanation is not None else remedy
    return {
        "id": code,
        "shortDescription": {"text": explanation.title if explanation is not None else code},
        "fullDescription": {"text": text},
        "help": {"text": text, "markdown": whole},
        "defaultConfiguration": {"level": level},
    }


def _result(finding: Finding, rule: int) -> dict[str, object]:
    location: dict[str, object] = {"artifactLocation": _artifact(finding.file)}
    if finding.line is not None:
        column = {} if finding.column is None else {"startColumn": finding.column}
        location["region"] = {"startLine": finding.line, **column}
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": printable(f"{finding.reason}; {finding.remedy}")},
        "locations": [{"physicalLocation": location}],
    }


def _artifact(file: str) -> dict[str, str]:
    path = path_from_root(file)
    if path is None:
        return {"uri": Path(file).absolute().as_uri()}
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
