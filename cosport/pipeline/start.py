"""Starts a run or takes one up again: plan, graph, journal, lanes and engine are put together here."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from cosport.errors import ConfigError, DiskError, UsageError
from cosport.git import refs
from cosport.pipeline import cluster, graph, reading
from cosport.pipeline import worker as send_to
from cosport.pipeline.check import check, place_of
from cosport.pipeline.dask_lane import DaskLane, perform_here
from cosport.pipeline.document import Place, size
from cosport.pipeline.engine import Engine
from cosport.pipeline.graph import Cell
from cosport.pipeline.journal import Journal
from cosport.pipeline.lane import Here
from cosport.pipeline.order import Tip
from cosport.pipeline.plan import Orders, Plan
from cosport.pipeline.runs import Run, folder_of
from cosport.pipeline.stages import STAGES, IsPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distributed import Client

    from cosport.config import Config
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.pipeline.cluster import Machine, Tls
    from cosport.pipeline.dask_lane import Task
    from cosport.pipeline.document import Document
    from cosport.pipeline.engine import Listener
    from cosport.pipeline.graph import Node
    from cosport.pipeline.lane import Events, Lane
    from cosport.pipeline.order import Order
    from cosport.pipeline.reading import Source
    from cosport.pipeline.state import State

Tell = Callable[[Run, Mapping[str, "Node"]], "Listener"]
"""Makes the one who is told how a run goes."""

WAIT: Final = 60.0
"""Seconds for which a scheduler may be away before a run gives up."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where jobs run: on a cluster (`scheduler`), or embedded in this process with what `machine` has."""

    machine: Machine
    scheduler: str = ""
    tls: Tls | None = None
    wait: float = WAIT


def inputs(source: Source, given: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The inputs of a run: what the user gives, else the defaults; paths count from `folder`. Raises UsageError."""
    known = source.document.inputs
    for name in given:
        if name not in known:
            raise UsageError(
                f"{source.document.pipeline} has no input {name!r}", hint=f"it has: {', '.join(known) or 'none'}"
            )
    values = {}
    for name, spec in known.items():
        value = given.get(name, spec.default)
        if value is None:
            what = f" ({spec.help})" if spec.help else ""
            raise UsageError(f"the input {name!r}{what} is not given", hint=f"give it: --set {name}=VALUE")
        values[name] = _from(folder, value, _is_path(source.document, name))
    return values


def _is_path(document: Document, name: str) -> IsPath:
    """Whether an input is a path: its file says so, or the arguments do that it begins."""
    if document.inputs[name].path:
        return IsPath.YES
    found = [
        STAGES[job.stage].parameters[key].path
        for job in document.jobs.values()
        if job.stage
        for key, value in job.args.items()
        for text in (value if isinstance(value, tuple) else (value,))
        if isinstance(text, str) and text.startswith(f"${{inputs.{name}}}")
    ]
    return max(found, key=lambda each: (each is IsPath.YES, each.value), default=IsPath.NO)


def _from(folder: Path, value: str, is_path: IsPath) -> str:
    if is_path is IsPath.NO or not value:
        return value
    full = os.path.abspath(folder / Path(value).expanduser())  # noqa: PTH100 - `..` goes up as people read it
    if is_path is IsPath.IF_THERE and not (("/" in value or "." in value) and Path(full).exists()):
        return value
    return full


def cells(
    source: Source,
    config: Config,
    reader: ObjectReader,
    branches: Sequence[str],
    missing: Callable[[str, int], Sequence[str]],
) -> tuple[Cell, ...]:
    """The matrix of a run, each branch with where it stands. `missing` gives a branch's missing fixes, the worst first.

    Raises ConfigError for a branch that is not configured or not here, UsageError where there is none at all.
    """
    matrix = source.document.matrix
    if matrix is None:
        if branches:
            raise UsageError(
                f"{source.document.pipeline} has no matrix to take branches for", hint="leave --branch out"
            )
        return ()
    names = tuple(branches) or matrix.branches or tuple(branch.name for branch in config.branches)
    if not names:
        raise UsageError("no branch to work on: none is configured", hint="run: cosport init, or name some: --branch B")
    found: list[Cell] = []
    for name in dict.fromkeys(names):
        branch = config.branch(name)
        tip = refs.read(reader.repository, branch.ref)
        if tip is None:
            raise ConfigError(f"{config.source}: {branch.ref} of {name} is not here", hint="fetch it, or leave it out")
        if not matrix.missing:
            found.append(Cell(name, branch.ref, tip))
        found += [Cell(name, branch.ref, tip, fix) for fix in (missing(name, matrix.missing) if matrix.missing else ())]
    return tuple(found)


def plan(
    source: Source,
    config: Config,
    reader: ObjectReader,
    values: dict[str, str],
    grid: tuple[Cell, ...],
    *,
    fresh: bool = False,
) -> Plan:
    """The plan of a run that starts now."""
    text, file = "", ""
    if (path := Path(config.source)).is_file():
        text, file = path.read_text(encoding="utf-8"), str(path)
    upstream = None
    if config.upstream.ref:
        ref = refs.full_name(reader.repository, config.upstream.ref)
        tip = refs.read(reader.repository, ref) if ref else None
        upstream = Tip(tip, ref) if tip is not None else None
    return Plan(
        file=source.name,
        text=source.text,
        inputs=values,
        cells=grid,
        config=text,
        config_file=file,
        upstream=upstream,
        fresh=fresh,
    )


def fit(source: Source, machines: Sequence[Machine]) -> None:
    """Raise PipelineError for a job that fits on no machine, while nothing runs yet."""
    for name, job in source.document.jobs.items():
        if place_of(job) is Place.HERE or not machines:
            continue
        for key, wanted, most in (
            ("memory", size(job.resources.memory), max(each.memory for each in machines)),
            ("qemu", job.resources.qemu, max(each.qemu for each in machines)),
        ):
            if wanted > most:
                has = f"{most >> 20} MiB" if key == "memory" else str(most)
                raise source.wrong(
                    ("jobs", name, "resources", key),
                    f"no machine has that much; the largest has {has}",
                    f"start a larger one: cosport pipeline worker --{key} ...",
                )


class Works:
    """This process's work on runs: on which repository, and where jobs go."""

    def __init__(self, reader: ObjectReader, grid: Grid) -> None:
        self._reader = reader
        self._repository = reader.repository
        self._grid = grid

    def begin(self, source: Source, plan: Plan, tell: Tell) -> tuple[Run, State]:
        """Start a run and go on to its end: the run, and the worst state of its jobs.

        Raises PipelineError for a job that no machine can hold, before anything is written.
        """
        nodes = graph.build(source.document, plan.cells)
        with contextlib.ExitStack() as stack:
            client = self._client(source, nodes)
            journal = stack.enter_context(open_journal(self._repository))
            run = Run.create(self._repository, source.document.pipeline, plan)
            stack.enter_context(run.held())
            journal.new_run(run.name, source.document.pipeline, nodes.values())
            return run, self._work(_Work(run, plan, nodes), client, journal, tell)

    def resume(self, name: str, tell: Tell) -> tuple[Run, State]:
        """Take a run up again where it was left, and go on to its end.

        Raises LockedError where another process works on it.
        """
        run = Run(self._repository, name)
        plan = run.plan()
        source = reading.parse(plan.text, plan.file)
        check(source)
        nodes = graph.build(source.document, plan.cells)
        with contextlib.ExitStack() as stack:
            journal = stack.enter_context(open_journal(self._repository))  # which may have to learn of this run again
            stack.enter_context(run.held())
            if not journal.entries(name):  # it died between its folder and its rows
                journal.new_run(name, source.document.pipeline, nodes.values())
            if (done := journal.run(name).done) is not None:
                return run, done
            run.end_leftovers()
            client = self._client(source, nodes)
            states = {entry.node: entry.state for entry in journal.entries(name)}
            note = "its client died: it may have run to its end unseen"
            journal.reopen(name, note, graph.resting_on_nothing(nodes, states))
            return run, self._work(_Work(run, plan, nodes), client, journal, tell)

    def _client(self, source: Source, nodes: Mapping[str, Node]) -> Client | None:
        """A client, where jobs need one; what they ask for is held against what there is."""
        if all(place_of(node.job) is Place.HERE for node in nodes.values()):
            return None
        if not self._grid.scheduler:
            fit(source, [self._grid.machine])
            client = self._connect()
        else:
            client = self._connect()
            fit(source, tuple(cluster.machines(client).values()))
        return client

    def _connect(self) -> Client:
        grid = self._grid
        if grid.scheduler:
            return cluster.connect(grid.scheduler, grid.tls, wait=grid.wait)
        return cluster.embedded(grid.machine)

    def _work(self, work: _Work, client: Client | None, journal: Journal, tell: Tell) -> State:
        run, plan, nodes = work.run, work.plan, work.nodes
        events: Events = SimpleQueue()
        name = uuid.uuid4().hex
        repo, config = self._repository.git_dir, Path(plan.config_file) if plan.config_file else None

        def task(order: Order) -> Task:
            if self._grid.scheduler:
                return send_to.work, (b"",)
            return perform_here, (str(run.job_folder(order.node)), str(repo), str(config or ""))

        with contextlib.ExitStack() as stack:
            lanes: dict[Place, Lane] = {Place.HERE: Here(events, repo, config, run.job_folder)}
            stack.callback(lanes[Place.HERE].close)
            if client is not None:
                lane = DaskLane(
                    events, run.name, client, name=name, connect=self._connect, task=task, repository=self._repository
                )
                lanes[Place.WORKER] = lane
                stack.callback(lane.close)
            return Engine(
                run.name,
                nodes,
                journal=journal,
                orders=Orders(run.name, plan, self._reader, name),
                lanes=lanes,
                events=events,
                home=run,
                listener=tell(run, nodes),
                fresh=plan.fresh,
                away=bool(self._grid.scheduler),
            ).work()


@dataclass(frozen=True, slots=True)
class _Work:
    """A run, its plan and its graph."""

    run: Run
    plan: Plan
    nodes: Mapping[str, Node]


def open_journal(repository: Repository) -> Journal:
    """The journal of a repository. Raises DiskError where it cannot be kept: without it nothing is run."""
    journal = Journal.open(folder_of(repository))
    if journal.note:
        raise DiskError(f"the journal cannot be kept: {journal.note}", hint="make the repository's folder writable")
    return journal
