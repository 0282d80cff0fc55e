"""`cosport pipeline`: runs pipeline files, here or on a cluster, takes runs up again, and shows how they went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosport import resources
from cosport.cli import complete
from cosport.cli import pipeline_view as view
from cosport.cli.options import command, group, register
from cosport.cli.pipeline_cluster import Jobs, Memory, Qemu, Tls, machine, scheduler, tls_of, worker
from cosport.cli.session import Session
from cosport.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cosport.pipeline.runs import Run
    from cosport.pipeline.start import Grid, Tell
    from cosport.pipeline.state import State

Scheduler = Annotated[
    str, typer.Option("--scheduler", metavar="ADDRESS", help="Use the cluster of that Dask scheduler.")
]
Wait = Annotated[float, typer.Option(metavar="SECONDS", help="How long its scheduler may be away.")]


@command(
    example="""cosport pipeline run backport-and-prove --set fix=da10329cb057
cosport pipeline run ./nightly.yaml --branch cos-5.4 --jobs 4
cosport pipeline run nightly-missing --scheduler tls://lab:8786 --tls ~/.config/cosport/tls"""
)
def run(
    session: Session,
    pipeline: Annotated[str, typer.Argument(help="A pipeline file, or the name of one that cosport ships.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An input of the pipeline.")
    ] = None,
    branch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BRANCH", help="A branch of the matrix (default: the file's).", autocompletion=complete.branches
        ),
    ] = None,
    address: Scheduler = "",
    tls: Tls = None,
    wait: Wait = 60.0,
    jobs: Jobs = None,
    memory: Memory = "",
    qemu: Qemu = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not reuse answers of earlier runs.")] = False,
    check_only: Annotated[bool, typer.Option("--check", help="Check the file and stop.")] = False,
) -> int:
    """Run a pipeline: its jobs in order, for each branch, in this process or on a cluster.

    A job that answers no (a conflict, a failed check, a regression) is a result; the others go on. Answers that an
    earlier run got for the same inputs are reused. Exits with the worst of its jobs.
    """
    from cosport.git.objects import ObjectReader
    from cosport.pipeline import check, reading, start

    source = reading.load(_file(pipeline))
    check.check(source)
    if check_only:
        session.printer.note(f"{source.document.pipeline}: {len(source.document.jobs)} jobs, no fault found")
        return 0
    values = start.inputs(source, _pairs(inputs or ()), Path.cwd())
    grid = _grid(address, tls, wait, jobs, memory, qemu)
    with ObjectReader(session.repository) as reader:
        config = session.config
        cells = start.cells(source, config, reader, branch or (), lambda name, most: _missing(session, name, most))
        plan = start.plan(source, config, reader, values, cells, fresh=fresh)
        works = start.Works(reader, grid)
        return _told(session, lambda tell: works.begin(source, plan, tell))


@command(example="cosport pipeline resume backport-and-prove-3")
def resume(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `cosport pipeline list` names it.")],
    address: Scheduler = "",
    tls: Tls = None,
    wait: Wait = 60.0,
    jobs: Jobs = None,
    memory: Memory = "",
    qemu: Qemu = None,
) -> int:
    """Go on with a run that was interrupted or died. What has an answer keeps it; the rest is done.

    The run does what was started: the file, the inputs and the branches' tips of then.
    """
    from cosport.git.objects import ObjectReader
    from cosport.pipeline import start

    grid = _grid(address, tls, wait, jobs, memory, qemu)
    with ObjectReader(session.repository) as reader:
        works = start.Works(reader, grid)
        return _told(session, lambda tell: works.resume(name, tell))


@command(example="cosport pipeline list\ncosport pipeline list --files")
def list_runs(
    session: Session,
    files: Annotated[bool, typer.Option("--files", help="List the pipeline files that cosport ships.")] = False,
) -> int:
    """List the runs of this repository, the newest first."""
    from cosport.pipeline import reading
    from cosport.pipeline.journal import Journal
    from cosport.pipeline.runs import folder_of

    if files:
        shipped = [(name, reading.load(_file(name)).document.help) for name in _shipped()]
        if session.json:
            session.printer.json({"schema": view.LIST_SCHEMA, "files": dict(shipped)})
        session.printer.table(["pipeline", "what it does"], shipped)
        return 0
    with Journal.open(folder_of(session.repository)) as journal:
        view.tell_runs(session.printer, journal.runs())
    return 0


@command(example="cosport pipeline show backport-and-prove-3\ncosport pipeline show backport-and-prove-3 --json")
def show(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `cosport pipeline list` names it.")],
) -> int:
    """Show a run, also while it goes on: each job's state, its attempts and where its files are.

    Exits with the worst of its jobs.
    """
    return _show(session, name)


def _show(session: Session, name: str) -> int:
    from cosport.pipeline.journal import Journal
    from cosport.pipeline.runs import Run, folder_of

    with Journal.open(folder_of(session.repository)) as journal:
        run = journal.run(name)
        entries, attempts = journal.entries(name), journal.attempts(name)
    folder = Run(session.repository, name)
    view.tell_run(session.printer, run, entries, attempts, folder)
    return max((entry.state.exit_code if entry.state.final else 1 for entry in entries), default=0)


def _told(session: Session, work: Callable[[Tell], tuple[Run, State]]) -> int:
    """Work on a run with its progress shown, then show what came of it."""
    with view.progress(session.printer) as listener:
        try:
            run, _ = work(listener.follow)
        except KeyboardInterrupt:
            name = listener.name
            if not name:
                raise
            raise Interrupted(
                f"interrupted: {name} stands as it is", hint=f"go on with it: cosport pipeline resume {name}"
            ) from None
    return _show(session, run.name)


def _grid(address: str, tls: Path | None, wait: float, jobs: int | None, memory: str, qemu: int | None) -> Grid:
    from cosport.pipeline.cluster import checked
    from cosport.pipeline.start import Grid

    folder = tls_of(tls)
    if address and (jobs is not None or memory or qemu is not None):
        raise UsageError(
            "--jobs, --memory and --qemu say what this process has; a cluster's workers say so themselves",
            hint="leave them out, or leave --scheduler out",
        )
    return Grid(machine(jobs, memory, qemu), checked(address, folder) if address else "", folder, wait)


def _file(name: str) -> Path:
    """The pipeline file of that name: a path, or one that ships with cosport."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return path
    if name not in _shipped():
        raise UsageError(
            f"no pipeline is called {name!r}", hint=f"there are: {', '.join(_shipped())}; or name a .yaml file"
        )
    return resources.path("pipelines", f"{name}.yaml")


def _shipped() -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in resources.path("pipelines").glob("*.yaml")))


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: expected NAME=VALUE", hint="such as --set fix=da10329cb057")
        if any("\ud800" <= char <= "\udfff" for char in each):  # the journal keeps text
            raise UsageError(f"--set {each} is no UTF-8", hint="give the value as UTF-8 text")
        pairs[name] = value
    return pairs


def _missing(session: Session, branch: str, most: int) -> list[str]:
    """The worst missing fixes of a branch."""
    from cosport.cli.missing import look, read_team, upstream_of
    from cosport.cli.working import targets_of, working

    with working(session) as context:
        targets, _ = targets_of(context, (branch,), every=False)
        found = look(context, read_team(session, context.reader), targets[0], upstream_of(context))
    return [line.sha for line in found.missing[:most]]


app = group("Run pipelines: from a fix to its release note, for all branches, here or on a cluster.")
register(app, "run", run, short="Run a pipeline file.")
register(app, "resume", resume, short="Go on with a run that was interrupted or died.")
register(app, "list", list_runs, short="List the runs, or the pipelines that ship.")
register(app, "show", show, short="Show a run: each job, its attempts, its files.")
register(app, "worker", worker, short="Be a worker of a cluster.")
register(app, "scheduler", scheduler, short="Be the scheduler of a cluster.")
