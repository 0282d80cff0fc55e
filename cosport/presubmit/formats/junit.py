"""Reports as JUnit XML: a suite a commit, a case a check, as CI systems read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from cosport.model.text import safe
from cosport.presubmit.check import State
from cosport.presubmit.finding import PlaceKind
from cosport.presubmit.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.presubmit.finding import Finding
    from cosport.presubmit.report import CheckResult, Report

_NOT_RUN: Final = frozenset({State.NOT_APPLICABLE, State.NOT_ASKED, State.SKIPPED})


def junit(reports: Sequence[Report]) -> bytes:
    """The document. What blocks is a failure, a check without an answer an error; warnings stand in system-out."""
    suites = ET.Element("testsuites")
    for report in reports:
        _suite(suites, report)
    ET.indent(suites)
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(suites: ET.Element, report: Report) -> None:
    results = report.checks
    counts = {
        "tests": len(results),
        "failures": sum(result.verdict is Verdict.FAIL for result in results),
        "errors": sum(result.state is State.COULD_NOT_RUN for result in results),
        "skipped": sum(result.state in _NOT_RUN for result in results),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
    name = f"{report.commit[:12]} {report.subject}"
    numbers = {key: str(value) for key, value in counts.items()}
    suite = ET.SubElement(suites, "testsuite", {"name": _legal(name), **numbers})
    for result in results:
        _case(suite, report, result)


def _case(suite: ET.Element, report: Report, result: CheckResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_legal(f"presubmit.{report.branch}"),
        name=result.check,
        time=f"{result.seconds:.3f}",
    )
    if result.state is State.COULD_NOT_RUN:
        ET.SubElement(case, "error", type="could-not-run", message=_legal(result.reason))
    elif result.state in _NOT_RUN:
        ET.SubElement(case, "skipped", message=_legal(f"{result.state.value}: {result.reason}"))
    elif result.verdict is Verdict.FAIL:
        blocking = [finding for finding in result.findings if finding.severity.value == "block"]
        first = blocking[0]
        element = ET.SubElement(case, "failure", type=_legal(first.rule), message=_legal(first.message))
        element.text = "\n".join(f"{_line(finding)}\n    {_legal(finding.explanation)}" for finding in blocking)
    others = [finding for finding in result.findings if finding.severity.value != "block"]
    if others:
        ET.SubElement(case, "system-out").text = "\n".join(map(_line, others))


def _line(finding: Finding) -> str:
    place = finding.place
    where = {PlaceKind.COMMIT: "", PlaceKind.MESSAGE: f"message:{place.line}: "}.get(
        place.kind, f"{place.path}:{place.line}: "
    )
    return _legal(f"{where}{finding.severity.value}: {finding.message} [{finding.rule}]")


def _legal(text: str) -> str:
    """Text that XML 1.0 can hold (section 2.2), with what deceives people made visible."""
    return "".join(char if char not in "\ufffe\uffff" else "\ufffd" for char in safe(text))
