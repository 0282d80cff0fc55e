"""Runs the checks on one commit and sums them up: the one door to judgements for the command line, hooks and bot."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from cosport.errors import CosportError, Interrupted
from cosport.model.grade import Grade
from cosport.presubmit import registry
from cosport.presubmit.change import Change
from cosport.presubmit.check import CouldNotRun, NotApplicable, State
from cosport.presubmit.finding import COMMIT, PlaceKind, Severity, clean
from cosport.presubmit.inputs import inputs
from cosport.presubmit.report import CheckResult, Report, verdict_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cosport.model.commit import Commit, Sha
    from cosport.presubmit.check import Answer, Check, Reads
    from cosport.presubmit.context import Context, Target
    from cosport.presubmit.finding import Finding

_NOTHING: Mapping[str, str] = {}


def run(
    context: Context,
    commit: Commit,
    target: Target,
    *,
    only: Collection[str] = (),
    skip: Mapping[str, str] = _NOTHING,
    head: Sha | None = None,
) -> Report:
    """Judge `commit` for the branch `target`.

    `only` names the checks to run (none: all; costly ones only where the configuration or `only` asks for
    them); `skip` those to leave out, each with the reason, which the report keeps. `head` is the last commit of the
    series that it is part of. Raises ConfigError for a name that is no check or rule.
    """
    return judge(Change(context, commit, target, head), only=only, skip=skip)


def judge(change: Change, *, only: Collection[str] = (), skip: Mapping[str, str] = _NOTHING) -> Report:
    """As `run`, for a change that is there already."""
    settings = change.context.config.presubmit
    source = change.context.config.source
    registry.require_known(only, "only")
    registry.require_known(skip, "skip")
    registry.require_known(settings.skip, f"{source}: presubmit.skip")
    registry.require_rules(settings.severity, f"{source}: presubmit.severity")
    left_out = {**dict.fromkeys(settings.skip, f"left out by {source}"), **skip}
    chosen = [check for check in registry.checks() if not only or check.id in only]
    judged = [
        _result(check, change, left_out.get(check.id)) if only or _wanted(check, change) else _not_asked(check)
        for check in chosen
    ]
    results = tuple(result for result, _ in judged)
    read = frozenset().union(*(reads for _, reads in judged))
    commit = change.commit
    return Report(
        commit=commit.sha,
        parents=commit.parents,
        subject=clean(commit.subject),
        change_id=clean(change.said.change_id),
        branch=clean(change.target.name),
        kind=change.kind,
        how=change.classified.how,
        profile=change.context.profile.name,
        verdict=verdict_of(results),
        checks=results,
        inputs=inputs(change.context, change.target, read),
    )


def _wanted(check: Check, change: Change) -> bool:
    return check.asked is None or check.asked(change.context.config.presubmit)


def _not_asked(check: Check) -> tuple[CheckResult, frozenset[Reads]]:
    """It is told that nobody looked: to leave it out would read as if all was well."""
    reason = "it takes long: the configuration asks for it, or --only does"
    return CheckResult(check.id, State.NOT_ASKED, check.severity, check.label, reason), frozenset()


def _result(check: Check, change: Change, skipped: str | None) -> tuple[CheckResult, frozenset[Reads]]:
    """What the check says, and what its answer depended on."""
    nothing: frozenset[Reads] = frozenset()
    if skipped is not None:
        return CheckResult(check.id, State.SKIPPED, check.severity, check.label, clean(skipped)), nothing
    if change.kind not in check.kinds:
        kinds = ", ".join(kind.value for kind in type(change.kind) if kind in check.kinds)
        return CheckResult(check.id, State.NOT_APPLICABLE, check.severity, check.label, f"it judges: {kinds}"), nothing
    begin = perf_counter()
    answer = _answer(check, change)
    seconds = round(perf_counter() - begin, 6)
    state, reason, reads = State.PASSED, "", check.reads
    findings: tuple[Finding, ...] = ()
    match answer:
        case NotApplicable():
            state, reason = State.NOT_APPLICABLE, answer.reason
            reads = nothing if answer.always else reads
        case CouldNotRun():
            state, reason = State.COULD_NOT_RUN, answer.reason
        case _:
            findings = tuple(_graded(check, change, answer))
            state = State.FINDINGS if findings else state
    return CheckResult(check.id, state, check.severity, check.label, clean(reason), findings, seconds), reads


def _answer(check: Check, change: Change) -> Answer:
    """What the check says. What goes wrong in it is no answer, and never a pass; others still run."""
    try:
        return check.judge(change)
    except Interrupted:
        raise
    except CosportError as exc:
        return CouldNotRun(f"{exc.what}{f' ({exc.hint})' if exc.hint else ''}")
    except Exception as exc:  # a team's check may raise anything, and must not take the bot down
        return CouldNotRun(f"a bug in the check: {type(exc).__name__}: {exc}")


def _graded(check: Check, change: Change, findings: Iterable[Finding]) -> Iterable[Finding]:
    """The findings as grave as the team takes them, else as the message profile does, else as they are."""
    grades = {**change.context.profile.severities, **change.context.config.presubmit.severity}
    for finding in findings:
        grade = grades.get(finding.rule)
        if grade is Grade.OFF:
            continue
        severity = Severity(grade.value) if grade is not None else finding.severity
        yield _anchored(change, replace(finding, check=check.id, severity=severity))


def _anchored(change: Change, finding: Finding) -> Finding:
    """The same at a place that a reviewer can be shown: of a file that the commit leaves as it is, at the commit."""
    place = finding.place
    if place.kind is not PlaceKind.FILE or place.path in change.shown:
        return finding
    return replace(finding, message=clean(f"{place.path}: {finding.message}"), place=COMMIT)
