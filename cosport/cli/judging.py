"""Opens what presubmit checks work with, and tells reports to people: shared by `presubmit` and `hook`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cosport.cli.output import Styled
from cosport.presubmit.check import State
from cosport.presubmit.context import Context
from cosport.presubmit.finding import Severity
from cosport.presubmit.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.cli.output import Printer
    from cosport.cli.session import Session
    from cosport.model.commit import Commit
    from cosport.presubmit.booted import Booted
    from cosport.presubmit.change import Change
    from cosport.presubmit.finding import Finding
    from cosport.presubmit.report import Report

_STYLES: Final = {"block": "red", "warn": "yellow", "info": "dim"}
_VERDICTS: Final = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCOMPLETE: "yellow"}


@contextmanager
def presubmitting(session: Session) -> Iterator[Context]:
    """What checks work with, the history up to date. Raises ConfigError where upstream's ref is not here."""
    from cosport.cli.working import working

    with working(session) as known:
        context = Context.of(known.repository, known.reader, known.history, known.config, known.upstream)
        yield replace(context, boots=_boot, declines=known.declines)


def _boot(change: Change, commit: Commit, /) -> Booted:
    """Boot a commit; what that takes is imported where it is asked for."""
    from cosport.workflow.boot import boot

    return boot(change, commit)


def tell_report(printer: Printer, report: Report) -> None:
    """Print a report for people: the verdict, each finding, what could not run or was skipped."""
    style = _VERDICTS[report.verdict]
    head = f"{report.commit[:12]} ({report.subject}) for {report.branch}: {report.kind.value}: "
    printer.say(head, Styled(report.verdict.value, style))
    for result in report.checks:
        for finding in result.findings:
            printer.say("  ", Styled(finding.severity.value, _STYLES[finding.severity.value]), f" {_text(finding)}")
        if result.state in (State.COULD_NOT_RUN, State.SKIPPED):
            printer.say("  ", Styled(result.state.value, "yellow"), f" {result.check}: {result.reason}")


def _text(finding: Finding) -> str:
    place = {
        "commit": "",
        "message": f"message line {finding.place.line}: ",
        "file": f"{finding.place.path}{f':{finding.place.line}' if finding.place.line else ''}: ",
    }[finding.place.kind.value]
    repair = f" (--fix {finding.fix})" if finding.fix else ""
    return f"{place}{finding.message} [{finding.check}/{finding.rule}]{repair}"


def explain(printer: Printer, reports: Sequence[Report]) -> None:
    """Tell, once for each rule that blocks, why it matters and what to do; and what nobody asked for."""
    blocking = (each for report in reports for each in report.findings if each.severity is Severity.BLOCK)
    for rule, explanation in dict.fromkeys((each.rule, each.explanation) for each in blocking):
        printer.note(f"{rule}: {explanation}")
    unasked = dict.fromkeys(each.check for report in reports for each in report.checks if each.state is State.NOT_ASKED)
    if unasked:
        printer.note(f"not asked for, as it takes long: {', '.join(unasked)}")
