"""`cosport site`: writes the static site, from git, the records, the CVE data and the runs of pipelines."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cosport.cli import complete
from cosport.cli.missing import look, read_team, upstream_of
from cosport.cli.options import command
from cosport.cli.session import Session
from cosport.cli.working import targets_of, working
from cosport.errors import CosportError, RevisionError, UsageError
from cosport.history.missing import Word
from cosport.model.commit import Sha
from cosport.model.moment import day
from cosport.site import build, gather, standing
from cosport.site.model import Cell, Cve, JobResult, Missing, Notes, Plot, Site

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cosport.backport.context import Context
    from cosport.backport.target import Target
    from cosport.site.model import Fix

SCHEMA: Final = "cosport.site/1"

_MISSING: Final = {Word.MISSING.value: "missing", Word.MAYBE.value: "maybe missing"}
"""How the verdicts of `cosport missing` are called in a table of other states."""

_RUNS: Final = 200
"""Runs of pipelines that are looked at, the newest first."""

_PLOTS: Final = 12
"""Pictures taken from one job."""

Jobs = dict[tuple[str, str], list[JobResult]]
"""What jobs said, by fix and branch."""


@command(example="cosport site public/\ncosport site public/ --title 'COS kernels' --no-missing")
def site(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it; a site there is replaced.")],
    title: Annotated[str, typer.Option(metavar="TEXT", help="Its name.")] = "Kernel backports",
    branch: Annotated[
        list[str] | None,
        typer.Option(metavar="BRANCH", help="A branch (default: all configured).", autocompletion=complete.branches),
    ] = None,
    notes: Annotated[
        list[str] | None, typer.Option(metavar="FROM..TO", help="Release notes of this range too, with their feed.")
    ] = None,
    with_missing: Annotated[bool, typer.Option("--missing/--no-missing", help="Look for what branches lack.")] = True,
) -> int:
    """Write a static site: fixes by branches with what is known of each, missing fixes, CVEs, search.

    It needs no server and loads nothing from elsewhere: open index.html, or copy the folder to any web server.
    """
    build.check(folder)
    with working(session) as context:
        targets, absent = targets_of(context, tuple(branch or ()), every=not branch)
        if not targets:
            raise UsageError(
                "no branch to show: none is configured", hint="run: cosport init, or name some: --branch B"
            )
        made = _collect(session, context, targets, title, with_missing=with_missing)
    made = replace(made, notes=tuple(_notes(session, span) for span in notes or ()))
    with session.printer.progress("writing pages", len(made.fixes)) as step:
        files = build.build(made, folder, step)
    for name, error in absent:
        session.printer.note(f"{name} is left out: {error.what}")
    index = folder.absolute() / "index.html"
    if session.json:
        session.printer.json({"schema": SCHEMA, "index": str(index), "files": files, "fixes": len(made.fixes)})
    session.printer.say(str(index))
    return 0


def _collect(session: Session, context: Context, targets: Sequence[Target], title: str, *, with_missing: bool) -> Site:
    upstream = upstream_of(context)
    branches = [gather.Branch(target.name, target.ref, target.tip) for target in targets]
    with session.printer.progress("reading picks"):
        fixes = {fix.sha: fix for fix in gather.gather(context.reader, context.history, upstream, branches)}
    missing: dict[str, tuple[Missing, ...]] = {}
    if with_missing:
        says = read_team(session, context.reader)
        for target in targets:
            with session.printer.progress(f"looking for what {target.name} lacks"):
                found = look(context, says, target, upstream)
            missing[target.name] = tuple(
                Missing(
                    line.sha,
                    line.missing.commit.subject,
                    day(line.missing.commit.committed),
                    line.word,
                    line.severity.value,
                    tuple(f'{why.kind} {why.sha[:12]} ("{why.subject}")' for why in line.missing.reasons),
                )
                for line in found.missing
            )
    _join_missing(context, fixes, missing)
    with session.printer.progress("asking the history of the other branches"):
        told = standing.fill(context.history, upstream, fixes.values(), branches, _mains(context, targets))
    fixes = {fix.sha: fix for fix in told}
    _join_jobs(fixes, _jobs(session, context))
    ordered = sorted(fixes.values(), key=lambda fix: context.history.rank(Sha(fix.sha)), reverse=True)
    named, cves = _cves(session, context, ordered, branches)
    return Site(
        title,
        upstream,
        dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        tuple((each.name, each.tip) for each in branches),
        named,
        missing,
        cves,
    )


def _mains(context: Context, targets: Sequence[Target]) -> dict[str, gather.Branch]:
    """The main branch of each release branch, where it is here: what is not there cannot be asked what it holds."""
    found: dict[str, gather.Branch] = {}
    for target in targets:
        main = target.branch.main if target.branch is not None else ""
        if main:
            ref = context.config.branch(main).ref
            read = context.reader.read(ref + "^{commit}")
            if read is not None:
                found[target.name] = gather.Branch(main, ref, read[0])
    context.history.ensure([main.tip for main in found.values()])
    return found


def _notes(session: Session, span: str) -> Notes:
    """The notes of a range and their feed, as `cosport notes` writes them."""
    from cosport.cli.notes import requesting
    from cosport.notes.build import build as written
    from cosport.notes.render import Format, render

    with requesting(session, span, "", "") as request:
        made = written(request)
    return Notes(span, made.release.name, made.date[:10], render(made, Format.HTML), render(made, Format.ATOM))


def _join_missing(context: Context, fixes: dict[str, Fix], missing: Mapping[str, Sequence[Missing]]) -> None:
    """Give each missing fix its cell, and a page where it has none."""
    for branch, found in missing.items():
        for each in found:
            fix = fixes.get(each.sha) or gather.fix_of(context.reader, context.history, Sha(each.sha))
            cell = Cell(branch, _MISSING.get(each.verdict, each.verdict), why="; ".join(each.reasons))
            fixes[each.sha] = fix if branch in fix.cells else replace(fix, cells={**fix.cells, branch: cell})


def _join_jobs(fixes: dict[str, Fix], jobs: Jobs) -> None:
    for (sha, branch), found in jobs.items():
        fix = fixes.get(sha)
        if fix is None:
            continue
        outcome = next((value for job in found for name, value in job.facts if name == "outcome"), "tried")
        cell = fix.cells.get(branch, Cell(branch, outcome))
        proof = next((value for job in found for name, value in job.facts if name == "verdict" and value), "")
        cell = replace(cell, jobs=tuple(found), verdict=cell.verdict or proof)
        fixes[sha] = replace(fix, cells={**fix.cells, branch: cell})


def _jobs(session: Session, context: Context) -> Jobs:
    """What the pipelines' jobs said of each fix on each branch: of each job the newest answer."""
    from cosport.pipeline.journal import Journal
    from cosport.pipeline.runs import Run, folder_of

    found: Jobs = defaultdict(list)
    seen: set[tuple[str, str, str]] = set()
    if not (folder_of(session.repository) / "journal.sqlite").exists():
        return found
    with Journal.open(folder_of(session.repository)) as journal:
        for each in journal.runs()[:_RUNS]:
            run = Run(session.repository, each.id)
            try:
                plan = run.plan()
            except CosportError:  # its folder was removed
                continue
            given = tuple(_commits(context, plan.inputs.values()))
            cells = {cell.label: cell for cell in plan.cells}
            for entry in journal.entries(each.id):
                cell = cells.get(entry.cell)
                if cell is None or not entry.state.answered:
                    continue
                for sha in [cell.fix] if cell.fix else given:
                    if (sha, cell.branch, entry.job) not in seen:
                        seen.add((sha, cell.branch, entry.job))
                        found[sha, cell.branch].append(
                            JobResult(
                                each.id,
                                entry.job,
                                entry.state.value,
                                tuple((name, value) for name, value in entry.outputs.items() if value),
                                _plots(run.job_folder(entry.node)),
                                next(run.job_folder(entry.node).rglob("report.html"), None),
                            )
                        )
    return found


def _commits(context: Context, values: Iterable[str]) -> Iterable[str]:
    for value in values:
        try:
            yield context.reader.resolve(value).sha
        except RevisionError:  # an input that names no commit
            continue


def _plots(folder: Path) -> tuple[Plot, ...]:
    pictures = sorted(each for kind in ("*.svg", "*.png") for each in folder.rglob(kind))
    return tuple(Plot(each, each.stem.replace("-", " ").replace("_", " ")) for each in pictures[:_PLOTS])


def _cves(
    session: Session, context: Context, fixes: Sequence[Fix], branches: Sequence[gather.Branch]
) -> tuple[tuple[Fix, ...], tuple[Cve, ...]]:
    """The fixes with the CVEs that they close, and the state of each of those on each branch."""
    data = session.config.cve.data
    if not data:
        return tuple(fixes), ()
    from cosport.cve.index import CveIndex
    from cosport.cve.state import judge
    from cosport.history.cves import BranchHistory

    told = {branch.name: BranchHistory(context.history, branch.tip, patches=False) for branch in branches}
    closing: dict[str, list[str]] = {}
    named: list[Fix] = []
    cves: list[Cve] = []
    with CveIndex.open(data, session.repository.state_dir / "cve.sqlite") as index:
        for fix in fixes:
            ids = index.fixed_by(Sha(fix.sha))
            named.append(replace(fix, cves=ids) if ids else fix)
            for each in ids:
                closing.setdefault(each, []).append(fix.sha)
        for each, shas in closing.items():
            record = index.record(each)
            if record is not None:
                states = {name: judge(record, history).state.value for name, history in told.items()}
                cves.append(Cve(each, record.title, record.severity.value, tuple(shas), states))
    return tuple(named), tuple(cves)
