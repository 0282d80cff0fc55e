"""Reports as SARIF 2.1.0, as code-scanning tools read it: the checks' rules, and a result a finding."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cosport import __version__
from cosport.model.text import safe
from cosport.presubmit.check import State
from cosport.presubmit.finding import PlaceKind, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.presubmit.check import Check
    from cosport.presubmit.finding import Finding, Rule
    from cosport.presubmit.report import CheckResult, Report

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {Severity.BLOCK: "error", Severity.WARN: "warning", Severity.INFO: "note"}


def sarif(reports: Sequence[Report], checks: Sequence[Check]) -> dict[str, Any]:
    """The log: one run, with the rules of `checks`; a check without an answer makes the invocation unsuccessful."""
    rules = {rule.id: (check, rule) for check in checks for rule in check.rules}
    index = {name: number for number, name in enumerate(rules)}
    failed = [(report, result) for report in reports for result in report.checks if result.state is State.COULD_NOT_RUN]
    driver = {
        "name": "cosport presubmit",
        "version": __version__,
        "rules": [_rule(check, rule) for check, rule in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not failed,
                "toolExecutionNotifications": [_notification(report, result) for report, result in failed],
            }
        ],
        "results": [_result(report, finding, index) for report in reports for finding in report.findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(check: Check, rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": safe(f"{check.id}: {rule.id}")},
        "fullDescription": {"text": safe(check.title)},
        "help": {"text": safe(rule.explanation)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"check": check.id, "kinds": sorted(kind.value for kind in check.kinds)},
    }


def _result(report: Report, finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": safe(finding.message)},
        "locations": [_location(report, finding)],
        "partialFingerprints": {"cosport/v1": _fingerprint(report, finding)},
        "properties": {"commit": report.commit, "branch": safe(report.branch), "check": finding.check},
    }
    if finding.rule in index:  # a team's check may find what it does not list
        said["ruleIndex"] = index[finding.rule]
    return said


def _location(report: Report, finding: Finding) -> dict[str, Any]:
    place = finding.place
    if place.kind is PlaceKind.FILE:
        physical: dict[str, Any] = {"artifactLocation": {"uri": quote(place.path, safe="/"), "uriBaseId": "%SRCROOT%"}}
        if place.line:
            physical["region"] = {"startLine": place.line}
        return {"physicalLocation": physical}
    name = "commit message" if place.kind is PlaceKind.MESSAGE else "commit"
    where = f"{report.commit}:{place.line}" if place.line else report.commit
    return {"logicalLocations": [{"name": name, "fullyQualifiedName": where, "kind": "object"}]}


def _notification(report: Report, result: CheckResult) -> dict[str, Any]:
    text = safe(f"{report.commit[:12]}: the check {result.check} could not run: {result.reason}")
    return {"level": "error", "message": {"text": text}, "descriptor": {"id": result.check}}


def _fingerprint(report: Report, finding: Finding) -> str:
    """The same for the same finding on the next patch set of a change, whose lines may have moved."""
    whose = report.change_id or report.subject
    parts = (whose, report.branch, finding.rule, finding.place.path, finding.message)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
