"""`cosport presubmit`: runs the checks on a commit or a range, and tells what they find in the form that is wanted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cosport.cli import complete
from cosport.cli.judging import explain, presubmitting, tell_report
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.errors import UsageError
from cosport.presubmit import registry, runner
from cosport.presubmit.context import Context, guess_target, target
from cosport.presubmit.formats.gerrit import reviews
from cosport.presubmit.formats.junit import junit
from cosport.presubmit.formats.sarif import sarif
from cosport.presubmit.repair import repair
from cosport.presubmit.report import Verdict, document

if TYPE_CHECKING:
    from cosport.cli.output import Printer
    from cosport.model.commit import Commit, Sha
    from cosport.presubmit.report import Report


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
cosport presubmit backport/cos-5.4/71994620bb25 --fix
cosport presubmit HEAD --only fixes --only upstream-patch"""
)
def presubmit(
    session: Session,
    revision: Annotated[
        str, typer.Argument(metavar="[REV|RANGE]", help="A commit, or a range A..B.", autocompletion=complete.revisions)
    ] = "HEAD",
    branch: Annotated[
        str,
        typer.Option(
            "--branch",
            metavar="BRANCH",
            help="The branch that it is for (default: the nearest one).",
            autocompletion=complete.branches,
        ),
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Run these checks alone.", autocompletion=complete.checks)
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="CHECK", help="Leave a check out.", autocompletion=complete.checks)
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to tell it.")] = Format.TEXT,
    recording: Annotated[
        bool, typer.Option("--record", help="Keep the verdicts on record (cosport record show).")
    ] = False,
    fixing: Annotated[
        bool, typer.Option("--fix", help="Repair what needs no judgement in the messages, as new commits.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the checks, and judge nothing.")] = False,
) -> int:
    """Judge commits by the checks that the hooks and the Gerrit bot run too.

    Severities, required fields and checks come from the clone's own configuration or from refs/meta/cosport, never from
    the commit. The exit code is 1 where something blocks, or where a check that could block had no answer. --fix moves
    a branch that nobody has checked out to the repaired commits; for any other it says how to take them over.
    """
    if listing:
        return _list(session)
    form = Format.JSON if session.json and form is Format.TEXT else form
    if session.json and form is not Format.JSON:
        raise UsageError("--json and another --format are two answers", hint="give one of them")
    skipped = dict.fromkeys(skip or (), "left out with --skip")
    with presubmitting(session) as context:
        commits = commits_of(context, revision)
        if not commits:
            session.printer.note(f"{revision}: nothing to judge")
            tell(session.printer, form, [])
            return 0
        names = refs_at(context, revision)
        aim = target(context, branch) if branch else guess_target(context, commits[-1].sha, names)
        if fixing:
            if context.history.contains(commits[0].sha, aim.tip):
                raise UsageError(
                    f"{commits[0].sha[:12]} has landed on {aim.name}", hint="what has landed stays as it is"
                )
            before, commits = commits[-1].sha, repair(context, commits, aim, only=only or (), skip=skipped)
            _take_over(session, names, before, commits[-1].sha)
        reports = []
        with session.printer.progress("judging", len(commits)) as step:
            for commit in commits:
                made = runner.run(context, commit, aim, only=only or (), skip=skipped, head=commits[-1].sha)
                reports.append(made)
                step(1)
        if recording:
            _record(context, reports)
    tell(session.printer, form, reports)
    return 0 if all(report.verdict is Verdict.PASS for report in reports) else 1


def _record(context: Context, reports: list[Report]) -> None:
    """Write the verdicts beside their commits, with all that they depended on."""
    from cosport.records import notes
    from cosport.records.record import Kind, record

    now = dt.datetime.now(tz=dt.UTC)
    new = {
        each.commit: [
            record(
                Kind.PRESUBMIT,
                {
                    "verdict": each.verdict.value,
                    "branch": each.branch,
                    "kind": each.kind.value,
                    "checks": {result.check: result.state.value for result in each.checks},
                    "blocking": sorted({finding.rule for finding in each.findings if finding.severity == "block"}),
                    "inputs": {f"{given.kind} {given.name}": given.value for given in each.inputs},
                },
                at=now,
            )
        ]
        for each in reports
    }
    notes.append(context.reader, new)


def _take_over(session: Session, names: tuple[str, ...], before: Sha, after: Sha) -> None:
    """Move the branch to the repaired commits, or say how: what somebody has checked out is theirs to move."""
    from cosport.git import refs

    if before == after:
        session.printer.note("there is nothing to repair without judgement")
        return
    ref = names[0] if names else ""
    is_ours = ref.startswith("refs/heads/") and refs.read(session.repository, ref) == before
    if is_ours and not refs.checked_out_at(session.repository, ref):
        refs.update(session.repository, ref, after, before, why="presubmit --fix")
        session.printer.note(f"{ref.removeprefix('refs/heads/')} is at {after[:12]} now; it was at {before[:12]}")
        return
    session.printer.note(f"repaired as {after}; the files are the same, so take it over with: git reset --soft {after}")


def commits_of(context: Context, revision: str) -> tuple[Commit, ...]:
    """The commits of a range along first parents, oldest first, or the one commit; none between a commit and itself.

    Raises RevisionError for a name that leads nowhere, UsageError for a range whose end adds nothing to its beginning:
    the wrong way round, it would pass unjudged.
    """
    if ".." not in revision:
        return (context.reader.resolve(revision),)
    first, _, last = revision.partition("...") if "..." in revision else revision.partition("..")
    begin, end = (context.reader.resolve(name or "HEAD").sha for name in (first, last))
    names = context.repository.text("rev-list", "--reverse", "--first-parent", end, f"^{begin}", "--").split()
    if not names and begin != end:
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
                tell_report(printer, report)
            explain(printer, reports)


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
