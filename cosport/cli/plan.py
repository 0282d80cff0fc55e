"""`cosport plan`: what would become of each commit on each branch, tried in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cosport.backport import plan as plans
from cosport.backport.context import upstream_commits
from cosport.backport.document import line
from cosport.backport.request import From, Request
from cosport.backport.stream import stream
from cosport.cli import complete, plan_missing
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.cli.working import missing, targets_of, tell, working, worst
from cosport.errors import UsageError

if TYPE_CHECKING:
    from cosport.model.result import Result


@command(
    example="""cosport plan da10329cb057 --to cos-5.4 --to cos-5.10
cosport plan da10329cb057 71994620bb25 --json
cosport plan da10329cb057 --to cos-5.4 --explain
cosport plan --missing
printf '%s\\n' 'da10329cb057 cos-5.4' | cosport plan --stdin"""
)
def plan(
    session: Session,
    sha: Annotated[list[str] | None, typer.Argument(help="Upstream commits.")] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="BRANCH", help="A branch (default: all configured).", autocompletion=complete.branches
        ),
    ] = None,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="Read lines UPSTREAM TARGET, answer each with a JSON line.")
    ] = False,
    all_missing: Annotated[
        bool, typer.Option("--missing", help="All fixes that a branch lacks, by all branches; rows as they come.")
    ] = False,
    source: Annotated[
        From, typer.Option("--from", help="Pick from upstream's commit or another branch's.")
    ] = From.AUTO,
    mainline: Annotated[int | None, typer.Option(metavar="N", help="For a merge: the parent to compare with.")] = None,
    introduced_by: Annotated[
        list[str] | None, typer.Option(metavar="SHA", help="What it fixes, instead of its Fixes: tags.")
    ] = None,
    allow_unmerged: Annotated[bool, typer.Option("--allow-unmerged", help="Take commits that upstream lacks.")] = False,
    with_prereqs: Annotated[
        bool, typer.Option("--with-prereqs", help="Find what each conflicting commit needs first (seconds each).")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell of each conflict who made it and what it needs (a second each).")
    ] = False,
    max_rung: Annotated[
        int | None,
        typer.Option("--max-rung", metavar="N", min=0, max=7, help="The last rung of resolvers of conflicts; 0: none."),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", metavar="X", min=0, max=1, help="How sure they must be, 0 to 1.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Try it though the branch is not affected, or has declined it.")
    ] = False,
) -> int:
    """Show what would become of each upstream commit on each branch. Nothing is written.

    Each commit is tried on the tip of each branch by itself. --missing answers for all fixes that some branch lacks; a
    pair that was tried before is not tried again until its branch moves.
    """
    request = Request(
        profile=session.config.message.profile,
        source=source,
        mainline=mainline,
        introduced_by=tuple(introduced_by or ()),
        force=force,
        allow_unmerged=allow_unmerged,
        dry_run=True,
        with_prereqs=with_prereqs,
        max_rung=max_rung,
        min_confidence=min_confidence,
    )
    if all_missing:
        if sha or from_stdin or with_prereqs or explain:
            raise UsageError(
                "--missing takes no commits, --stdin, --with-prereqs or --explain: it finds the commits by itself",
                hint="cosport plan --missing [--to BRANCH]",
            )
        return plan_missing.run(session, request, tuple(to or ()))
    if from_stdin:
        if sha or to or explain:
            raise UsageError(
                "--stdin takes its commits and branches from standard input, and no --explain",
                hint="leave SHA, --to and --explain out",
            )
        return _stream(session, request)
    if not sha:
        raise UsageError("no commit to plan for", hint="cosport plan SHA --to BRANCH")
    results: list[Result] = []
    with working(session) as context:
        commits = upstream_commits(context, sha, allow_unmerged=allow_unmerged, mainline=mainline)
        chosen, absent = targets_of(context, tuple(to or ()), every=not to)
        pairs = [(commit, target) for commit in commits for target in chosen]
        with session.printer.progress("trying", len(pairs)) as step:
            for result in plans.plan(context, request, pairs, explain=explain):
                results.append(result)
                step(1)
        results += missing(commits, absent)
        tell(session.printer, results)
    return worst(results)


def _stream(session: Session, request: Request) -> int:
    code = 0
    with working(session) as context:
        for target, result in stream(context, request, sys.stdin.fileno()):
            session.printer.line(line(target, result))
            code = max(code, result.outcome.exit_code)
    return code
