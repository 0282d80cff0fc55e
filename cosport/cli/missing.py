"""`cosport missing`: upstream fixes for what a branch holds and that it lacks, with the evidence."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from cosport.cli import complete, cves, team
from cosport.cli import missing_view as view
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.cli.working import targets_of, working
from cosport.git.diff import touched
from cosport.history import declined, missing_severity
from cosport.history.missing import missing as find_missing
from cosport.history.missing_trials import Trials
from cosport.kbuild.built import relevance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cosport.backport.context import Context
    from cosport.backport.target import Target
    from cosport.cli.missing_view import Found, Line
    from cosport.git.objects import ObjectReader
    from cosport.history.declined import Decision, Decline
    from cosport.history.missing import Missing
    from cosport.model.commit import Sha
    from cosport.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Team:
    """What the team says, its decisions and severities, and what the CVE data says."""

    declines: tuple[Decline, ...]
    severities: dict[str, Severity]
    cves: cves.Known


@command(
    example="""cosport missing --branch cos-5.4
cosport missing --json
cosport missing --declined"""
)
def missing(
    session: Session,
    branch: Annotated[
        list[str] | None,
        typer.Option(metavar="BRANCH", help="A branch (default: all configured).", autocompletion=complete.branches),
    ] = None,
    put_aside: Annotated[bool, typer.Option("--declined", help="Show the ones that were put aside.")] = False,
    tries: Annotated[
        bool | None,
        typer.Option("--try/--no-try", help="Try whether each applies (default: on a terminal and for --json)."),
    ] = None,
) -> int:
    """Name the upstream commits that fix or revert something that a branch holds, and that it lacks.

    Fixes of missing fixes count; what upstream has reverted does not. The worst come first, then the oldest; how bad
    they are, the team says in severities.toml beside the configuration, else the CVE data does. The exit code is 1
    where something is missing.
    """
    run = tries if tries is not None else session.json or session.printer.out.isatty()
    with working(session) as context:
        upstream = upstream_of(context)
        says = read_team(session, context.reader)
        targets, absent = targets_of(context, tuple(branch or ()), every=not branch)
        lacking = False
        found = []
        for target in targets:
            each = look(context, says, target, upstream)
            lacking = lacking or bool(each.missing)
            if session.json:
                found.append(_tried(session, context, each, run=run))
            elif put_aside:
                view.tell_declined(session.printer, each)
            else:
                _tell(session, context, each, run=run)
        if session.json:
            where = view.Upstream(context.config.upstream_ref, upstream)
            session.printer.json(view.document(where, found, absent))
        for name, error in absent:
            session.printer.note(f"{name}: {error.what}")
    return max([1 if lacking and not put_aside else 0, *(error.exit_code for _, error in absent)])


def upstream_of(context: Context) -> Sha:
    """Upstream's tip. Raises ConfigError where none is known."""
    return context.upstream if context.upstream is not None else context.reader.resolve(context.config.upstream_ref).sha


def read_team(session: Session, reader: ObjectReader) -> Team:
    """What the team's files and the CVE data say. Raises ConfigError or CveDataError where one is wrong."""
    severities: dict[str, Severity] = {}
    for data, source in team.read(session, reader, missing_severity.FILE):
        severities.update(missing_severity.parse(data, source))
    return Team(team.declines(session, reader), severities, cves.known(session))


def look(context: Context, says: Team, target: Target, upstream: Sha) -> Found:
    """What one branch lacks of the commit `upstream`, in the order to show it."""
    today = dt.datetime.now(tz=dt.UTC).date()

    def decision(sha: Sha) -> Decision | None:
        return declined.decide(
            context.history, says.declines, sha, target.name, upstream=upstream, today=today, cves=context.cves
        )

    divided = declined.divide(find_missing(context.history, upstream, target.tip), decision)
    return marked(context, view.Found(target, _lines(says, divided.wanted), _lines(says, divided.aside)))


def marked(context: Context, found: Found) -> Found:
    """The same with the files marked that none of the branch's configurations builds, where it names some."""
    branch = found.target.branch
    if branch is None or not branch.defconfigs or not found.missing:
        return found
    tree = context.reader.commit(found.target.tip).tree
    known = relevance(context.repository, context.reader, tree, branch.defconfigs)
    paths = touched(context.repository, [line.sha for line in found.missing])
    lines = tuple(replace(line, mark=known.of(paths[line.sha])) for line in found.missing)
    return replace(found, missing=lines, remark=known.remark)


def _lines(says: Team, found: Iterable[tuple[Missing, Decision | None]]) -> tuple[Line, ...]:
    lines = [_line(says, each, decision) for each, decision in found]
    return tuple(sorted(lines, key=lambda line: (line.severity.order, line.missing.commit.committed)))


def _line(says: Team, missing: Missing, decision: Decision | None) -> Line:
    records = says.cves.of(missing.commit.sha)
    severity = missing_severity.severity_of(says.severities, missing.commit.sha)
    if severity is None:
        severity = cves.worst(records)
    return view.Line(missing, severity, decision, cves=tuple(each.id for each in records))


def _tried(session: Session, context: Context, found: Found, *, run: bool) -> Found:
    """The same with how each applies: as known from before, and (`run`) tried now."""
    if not found.missing:
        return found
    shas = [line.sha for line in found.missing]
    with Trials(context.repository, context.reader, context.reader.commit(found.target.tip).tree) as trials:
        known = trials.known(shas)
        todo = [sha for sha in shas if run and sha not in known]
        with session.printer.progress(f"trying on {found.target.name}", len(todo)) as step:
            for sha, tried in trials.run(todo):
                known[sha] = tried
                step(1)
    lines = (replace(line, tried=known[line.sha]) if line.sha in known else line for line in found.missing)
    return replace(found, missing=tuple(lines))


def _tell(session: Session, context: Context, found: Found, *, run: bool) -> None:
    """Print the list at once, with what is known of trials; then the new trials, a line each as they come."""
    found = _tried(session, context, found, run=False)
    printer = session.printer
    view.tell(printer, found)
    todo = [line.sha for line in found.missing if line.tried is None]
    if not run or not todo:
        return
    printer.out.flush()
    with Trials(context.repository, context.reader, context.reader.commit(found.target.tip).tree) as trials:
        for sha, tried in trials.run(todo):
            printer.say(f"{sha[:12]}  ", view.applies(tried))
            printer.out.flush()
