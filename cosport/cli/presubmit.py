"""`cosport presubmit`: runs the checks on a commit or a range, and tells what they find in the form that is wanted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport.cli.options import command
from cosport.cli.output import Styled
from cosport.cli.session import Session
from cosport.errors import UsageError
from cosport.presubmit import registry, runner
from cosport.presubmit.check import State
from cosport.presubmit.context import Context, guess_target, target
from cosport.presubmit.finding import Severity
from cosport.presubmit.formats.gerrit import reviews
from cosport.presubmit.formats.junit import junit
from cosport.presubmit.formats.sarif import sarif
from cosport.presubmit.report import Verdict, document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.cli.output import Printer
    from cosport.model.commit import Commit
    from cosport.presubmit.finding import Finding
    from cosport.presubmit.report import Report

_STYLES: Final = {"block": "red", "warn": "yellow", "info": "dim"}
_VERDICTS: Final = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCOMPLETE: "yellow"}


class Format(StrEnum):
    """The forms in which reports are told."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GERRIT = "gerrit"


@dataclass(frozen=True, slots=True)
class Listed:
    """A check as `--list` tells it."""

    check: str
    severity: str
    label: str
    kinds: tuple[str, ...]
    rules: tuple[str, ...]
    what: str


@command(
    example="""cosport presubmit
cosport presubmit main..HEAD --branch cos-5.4
cosport presubmit HEAD --only fixes --only upstream-patch"""
)
def presubmit(
    session: Session,
    revision: Annotated[str, typer.Argument(metavar="[REV|RANGE]", help="A commit, or a range A..B.")] = "HEAD",
    branch: Annotated[
        str, typer.Option("--branch", metavar="BRANCH", help="The branch that it is for (default: the nearest one).")
    ] = "",
    only: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="Run these checks alone.")] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="Leave a check out.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to tell it.")] = Format.TEXT,
    listing: Annotated[bool, typer.Option("--list", help="List the checks, and judge nothing.")] = False,
) -> int:
    """Judge commits by the checks that the hooks and the Gerrit bot run too.

    Severities, required fields and checks come from the clone's own configuration or from refs/meta/cosport, never from
    the commit. The exit code is 1 where something blocks, or where a check that could block had no answer.
    """
    if listing:
        return _list(session)
    form = Format.JSON if session.json and form is Format.TEXT else form
    if session.json and form is not Format.JSON:
        raise UsageError("--json and another --format are two answers", hint="give one of them")
    skipped = dict.fromkeys(skip or (), "left out with --skip")
    with presubmitting(session) as context:
        commits = commits_of(context, revision)
        aim = target(context, branch) if branch else guess_target(context, commits[-1].sha, refs_at(context, revision))
        reports = []
        with session.printer.progress("judging", len(commits)) as step:
            for commit in commits:
                made = runner.run(context, commit, aim, only=only or (), skip=skipped, head=commits[-1].sha)
                reports.append(made)
                step(1)
    tell(session.printer, form, reports)
    return 0 if all(report.verdict is Verdict.PASS for report in reports) else 1


@contextmanager
def presubmitting(session: Session) -> Iterator[Context]:
    """What checks work with, the history up to date. Raises ConfigError where upstream's ref is not here."""
    from cosport.cli.working import working

    with working(session) as known:
        yield Context.of(known.repository, known.reader, known.history, known.config, known.upstream)


def commits_of(context: Context, revision: str) -> tuple[Commit, ...]:
    """The commits of a range along first parents, oldest first, or the one commit.

    Raises RevisionError for a name that leads nowhere, UsageError for a range without commits.
    """
    if ".." not in revision:
        return (context.reader.resolve(revision),)
    first, _, last = revision.partition("...") if "..." in revision else revision.partition("..")
    begin, end = (context.reader.resolve(name or "HEAD").sha for name in (first, last))
    names = context.repository.text("rev-list", "--reverse", "--first-parent", end, f"^{begin}", "--").split()
    if not names:
        raise UsageError(f"{revision} has no commits", hint="the older end stands first: OLD..NEW")
    return tuple(context.reader.resolve(name) for name in names)


def refs_at(context: Context, revision: str) -> tuple[str, ...]:
    """The full ref that a revision or a range's end names, HEAD's branch among them; none for a bare commit."""
    from cosport.git import refs

    name = revision.rpartition("..")[2].lstrip(".") or "HEAD"
    if name == "HEAD":
        name = (
            context.repository.attempt("symbolic-ref", "-q", "HEAD").stdout.decode("utf-8", "surrogateescape").strip()
        )
    found = refs.full_name(context.repository, name) if name else ""
    return (found,) if found else ()


def tell(printer: Printer, form: Format, reports: list[Report]) -> None:
    """Print reports in one of the forms."""
    match form:
        case Format.JSON:
            printer.as_json = True
            printer.json(document(reports))
        case Format.JUNIT:
            printer.whole(junit(reports))
        case Format.SARIF:
            printer.as_json = True
            printer.json(sarif(reports, registry.checks()))
        case Format.GERRIT:
            printer.as_json = True
            printer.json(reviews(reports))
        case _:
            for report in reports:
                _tell(printer, report)
            blocking = (each for report in reports for each in report.findings if each.severity is Severity.BLOCK)
            for rule, explanation in dict.fromkeys((each.rule, each.explanation) for each in blocking):
                printer.note(f"{rule}: {explanation}")


def _tell(printer: Printer, report: Report) -> None:
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


def _list(session: Session) -> int:
    rows = [
        Listed(
            check.id,
            check.severity.value,
            check.label,
            tuple(sorted(kind.value for kind in check.kinds)),
            tuple(rule.id for rule in check.rules),
            check.title,
        )
        for check in registry.checks()
    ]
    if session.json:
        session.printer.json({"schema": "cosport.presubmit-list/1", "checks": rows})
    session.printer.table(["check", "severity", "what it sees to"], [(r.check, r.severity, r.what) for r in rows])
    return 0
