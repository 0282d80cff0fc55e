"""The journal of all runs, in SQLite: which job stands where, each attempt at it, and what came out. It is the truth.

Whoever dies (client, scheduler, worker), the journal says what was done and what is still to do. A job changes its
state only from the one that the writer knew, so two writers cannot both start it; an attempt that was lost stays
written down as lost, since it may have run to its end where nobody saw it. Each change goes to the run's own folder too
(`ledger`): from there a journal that was damaged, or deleted, is made anew.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import msgspec
from msgspec import Struct

from cosport.errors import CosportError, DiskError, LockedError, UsageError
from cosport.pipeline import ledger
from cosport.pipeline.state import End, State
from cosport.store import DamagedError, lock, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from cosport.pipeline.graph import Node
    from cosport.store import Row, Store

LOCK: Final = "lock"
"""The file in a run's folder that is locked by the process which works on it."""

VERSION: Final = 1
TABLES: Final = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, began REAL NOT NULL, ended REAL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE jobs (
  run TEXT NOT NULL, node TEXT NOT NULL, position INTEGER NOT NULL, job TEXT NOT NULL, cell TEXT NOT NULL,
  state TEXT NOT NULL, key TEXT NOT NULL DEFAULT '', outputs TEXT NOT NULL DEFAULT '{}', what TEXT NOT NULL DEFAULT '',
  reused TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (run, node)
) WITHOUT ROWID;
CREATE TABLE attempts (
  run TEXT NOT NULL, node TEXT NOT NULL, number INTEGER NOT NULL, began REAL NOT NULL, ended REAL,
  worker TEXT NOT NULL DEFAULT '', end TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run, node, number)
) WITHOUT ROWID;
CREATE INDEX answers ON jobs (key) WHERE key != '' AND state IN ('passed', 'failed')
"""


class Run(Struct, frozen=True):
    """One run: `state` is "running", "interrupted", or the worst state of its jobs."""

    id: str
    pipeline: str
    began: float
    ended: float | None
    state: str

    @property
    def done(self) -> State | None:
        """The worst state of its jobs, where all of them have an answer or are not to be done: nothing is left."""
        return State(self.state) if self.state in (State.PASSED, State.FAILED, State.SKIPPED) else None


class Entry(Struct, frozen=True):
    """One job of a run as the journal has it. `reused` names the run whose answer it took over."""

    node: str
    job: str
    cell: str
    state: State
    key: str
    outputs: dict[str, str]
    what: str
    reused: str
    seconds: float


class Attempt(Struct, frozen=True):
    """One attempt at a job: where, from when to when, how it ended ("" while it runs), and what is to be said of it."""

    node: str
    number: int
    began: float
    ended: float | None
    worker: str
    end: str
    note: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is written of a job when it is over."""

    state: State
    outputs: dict[str, str]
    what: str = ""
    seconds: float = 0.0
    reused: str = ""


_ENTRY: Final = "node, job, cell, state, key, outputs, what, reused, seconds"


class Journal:
    """The journal of one repository. Use it as a context manager, or close it. One thread at a time."""

    def __init__(self, store: Store, clock: Callable[[], float], runs: Path | None = None) -> None:
        self._store = store
        self._clock = clock
        self._runs = runs

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = time.time) -> Self:
        """The journal in `folder`, with all runs that have a folder there.

        `note` tells where it cannot be written: without it nothing is run.
        """
        file = folder / "journal.sqlite"
        store = open_store(file, version=VERSION, schema=TABLES)
        try:
            store.check()
        except DamagedError:
            store = open_store(file, version=VERSION, schema=TABLES)
        journal = cls(store, clock, folder / "runs" if not store.note else None)
        journal._restore(folder / "runs")
        return journal

    def _restore(self, folder: Path) -> None:
        """Take in the runs that this journal lacks, but for those that somebody works on and is about to write down."""
        known = {row[0] for row in self._store.rows("SELECT id FROM runs")}
        for name, place in ledger.runs(folder).items():
            if name not in known:
                with contextlib.suppress(LockedError, OSError), lock(place / LOCK, wait=0.0):
                    for line in ledger.read(place):
                        told = Journal(self._store, lambda at=line.at: at)  # type: ignore[misc]
                        with contextlib.suppress(CosportError, msgspec.ValidationError, TypeError, KeyError):
                            _CHANGES[line.does](told, name, *line.given)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    @property
    def note(self) -> str:
        """Why the journal is in memory only; "" where it is on disk."""
        return self._store.note

    def new_run(self, run: str, pipeline: str, nodes: Iterable[Node]) -> None:
        """Write down a new run, all its jobs waiting."""
        jobs = [(node.name, node.job_name, node.cell.label if node.cell else "") for node in nodes]
        self._new_run(run, pipeline, jobs)

    def _new_run(self, run: str, pipeline: str, jobs: Sequence[Sequence[str]]) -> None:
        at = self._clock()
        rows = [(run, node, position, job, cell, State.WAITING) for position, (node, job, cell) in enumerate(jobs)]
        with self._store.transaction():
            self._store.write("INSERT INTO runs VALUES (?,?,?,NULL,'running')", (run, pipeline, at))
            self._store.many("INSERT INTO jobs (run, node, position, job, cell, state) VALUES (?,?,?,?,?,?)", rows)
        self._log(run, at, "new_run", pipeline, jobs)

    def reopen(self, run: str, note: str, anew: Sequence[str] = ()) -> tuple[str, ...]:
        """Take a run up again: jobs without an answer wait once more, open attempts are lost; the jobs that had any.

        `anew` are jobs that have an answer and wait again all the same: it rests on one that there was not.
        """
        at = self._clock()
        with self._store.transaction():
            self._store.write("UPDATE runs SET state='running', ended=NULL WHERE id=?", (run,))
            open_ones = "SELECT node FROM attempts WHERE run=? AND end=''"
            lost = tuple(row[0] for row in self._store.rows(open_ones, (run,)))
            self._store.write(
                "UPDATE attempts SET end=?, ended=?, note=? WHERE run=? AND end=''",
                (End.LOST, at, note, run),
            )
            self._store.write(
                "UPDATE jobs SET state='waiting', what='', outputs='{}', reused='' "
                "WHERE run=? AND state NOT IN ('passed', 'failed', 'waiting')",
                (run,),
            )
            again = "UPDATE jobs SET state='waiting', what='', outputs='{}', reused='' WHERE run=? AND node=?"
            self._store.many(again, [(run, node) for node in anew])
        self._log(run, at, "reopen", note, anew)
        return lost

    def end_run(self, run: str, state: str) -> None:
        """Write down that a run is over, or was interrupted."""
        at = self._clock()
        self._store.write("UPDATE runs SET state=?, ended=? WHERE id=?", (state, at, run))
        self._log(run, at, "end_run", state)

    def start(self, run: str, node: str, key: str) -> int:
        """Write down that a job starts; the number of the attempt. Raises LockedError where it does not wait."""
        at = self._clock()
        with self._store.transaction():
            sql = "UPDATE jobs SET state='running', key=? WHERE run=? AND node=? AND state='waiting'"
            if self._store.write(sql, (key, run, node)) != 1:
                raise LockedError(f"{run}: {node} is not waiting", hint="is another cosport working on this run?")
            row = self._store.one("SELECT max(number) FROM attempts WHERE run=? AND node=?", (run, node))
            number: int = ((row[0] if row else 0) or 0) + 1
            self._store.write(
                "INSERT INTO attempts (run, node, number, began) VALUES (?,?,?,?)", (run, node, number, at)
            )
        self._log(run, at, "start", node, key)
        return number

    def seen(self, run: str, node: str, number: int, worker: str) -> bool:
        """Write down which worker performs an attempt; False where another one began it before, which is then noted."""
        at = self._clock()
        with self._store.transaction():
            sql = "SELECT worker FROM attempts WHERE run=? AND node=? AND number=?"
            row = self._store.one(sql, (run, node, number))
            before = row[0] if row else ""
            note = f"begun on {before}, then again on {worker}: it may have run twice" if before else ""
            self._store.write(
                "UPDATE attempts SET worker=?, note=? WHERE run=? AND node=? AND number=?",
                (worker, note, run, node, number),
            )
        self._log(run, at, "seen", node, number, worker)
        return not before

    def again(self, run: str, node: str, number: int, end: End, note: str) -> None:
        """Write down that an attempt gave no answer, and that the job waits for another."""
        at = self._clock()
        with self._store.transaction():
            self._close(run, node, number, (end, at, note))
            self._store.write("UPDATE jobs SET state='waiting' WHERE run=? AND node=? AND state='running'", (run, node))
        self._log(run, at, "again", node, number, end, note)

    def finish(self, run: str, node: str, number: int, end: End, outcome: Outcome) -> None:
        """Write down how a running job ended. Raises LockedError where it does not run."""
        at = self._clock()
        with self._store.transaction():
            self._close(run, node, number, (end, at, outcome.what))
            self._set(run, node, State.RUNNING, outcome)
        self._log(run, at, "finish", node, number, end, outcome)

    def settle(self, run: str, node: str, key: str, outcome: Outcome) -> None:
        """Write down the end of a job that never ran: skipped, or answered before."""
        at = self._clock()
        with self._store.transaction():
            self._store.write("UPDATE jobs SET key=? WHERE run=? AND node=?", (key, run, node))
            self._set(run, node, State.WAITING, outcome)
        self._log(run, at, "settle", node, key, outcome)

    def answered(self, key: str) -> tuple[str, Entry] | None:
        """The newest answer that a job of the same inputs got, and the run that it got it in."""
        sql = (
            f"SELECT run, {_ENTRY} FROM jobs WHERE key=? AND state IN ('passed', 'failed') AND reused='' "  # noqa: S608
            "ORDER BY (SELECT began FROM runs WHERE id=run) DESC LIMIT 1"
        )
        row = self._store.one(sql, (key,))
        return None if row is None else (row[0], _entry(row[1:]))

    def runs(self) -> tuple[Run, ...]:
        """All runs, the newest first."""
        sql = "SELECT id, pipeline, began, ended, state FROM runs ORDER BY began DESC, id DESC"
        return tuple(Run(*row) for row in self._store.rows(sql))

    def run(self, name: str) -> Run:
        """One run. Raises UsageError where there is none of that name."""
        row = self._store.one("SELECT id, pipeline, began, ended, state FROM runs WHERE id=?", (name,))
        if row is None:
            raise UsageError(f"no run is called {name!r}", hint="see: cosport pipeline list")
        return Run(*row)

    def entries(self, run: str) -> tuple[Entry, ...]:
        """The jobs of a run, in the file's order."""
        sql = f"SELECT {_ENTRY} FROM jobs WHERE run=? ORDER BY position"  # noqa: S608
        return tuple(_entry(row) for row in self._store.rows(sql, (run,)))

    def attempts(self, run: str) -> tuple[Attempt, ...]:
        """All attempts of a run, in their order."""
        sql = "SELECT node, number, began, ended, worker, end, note FROM attempts WHERE run=? ORDER BY began, node"
        return tuple(Attempt(*row) for row in self._store.rows(sql, (run,)))

    def _log(self, run: str, at: float, does: str, *given: object) -> None:
        """Write a change into the run's folder too. Raises DiskError."""
        if self._runs is not None:
            try:
                ledger.add(self._runs / run, ledger.Line(at, does, given))
            except OSError as exc:
                raise DiskError(
                    f"{self._runs / run}: {exc.strerror}",
                    hint="free space; a run goes on with: cosport pipeline resume",
                ) from exc

    def _close(self, run: str, node: str, number: int, how: tuple[End, float, str]) -> None:
        sql = (
            "UPDATE attempts SET end=?, ended=?, note=trim(note || ' ' || ?) "
            "WHERE run=? AND node=? AND number=? AND end=''"
        )
        self._store.write(sql, (*how, run, node, number))

    def _set(self, run: str, node: str, before: State, outcome: Outcome) -> None:
        sql = "UPDATE jobs SET state=?, outputs=?, what=?, seconds=?, reused=? WHERE run=? AND node=? AND state=?"
        values = (outcome.state, json.dumps(outcome.outputs), outcome.what, outcome.seconds, outcome.reused)
        if self._store.write(sql, (*values, run, node, before)) != 1:
            raise LockedError(
                f"{run}: {node} is not {before.value} any more", hint="is another cosport working on this run?"
            )


_CHANGES: Final[dict[str, Callable[..., object]]] = {
    "new_run": Journal._new_run,
    "reopen": Journal.reopen,
    "end_run": Journal.end_run,
    "start": Journal.start,
    "seen": Journal.seen,
    "again": lambda self, run, node, number, end, note: self.again(run, node, number, End(end), note),
    "finish": lambda self, run, node, number, end, outcome: self.finish(
        run, node, number, End(end), msgspec.convert(outcome, Outcome)
    ),
    "settle": lambda self, run, node, key, outcome: self.settle(run, node, key, msgspec.convert(outcome, Outcome)),
}
"""What a line of a ledger does to a journal that is made anew."""


def _entry(row: Row) -> Entry:
    node, job, cell, state, key, outputs, what, reused, seconds = row
    return Entry(node, job, cell, State(state), key, json.loads(outputs), what, reused, seconds)
