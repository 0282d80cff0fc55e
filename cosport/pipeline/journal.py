"""The journal of all runs, in SQLite: which job stands where, each attempt at it, and what came out. It is the truth.

Whoever dies (client, scheduler, worker), the journal says what was done and what is still to do. A job changes its
state only from the one that the writer knew, so two writers cannot both start it; an attempt that was lost stays
written down as lost, since it may have run to its end where nobody saw it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from msgspec import Struct

from cosport.errors import LockedError, UsageError
from cosport.pipeline.state import End, State
from cosport.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cosport.pipeline.graph import Node
    from cosport.store import Row, Store

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

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = time.time) -> Self:
        """The journal in `folder`. Raises DiskError where it cannot be written: without it nothing is run."""
        store = open_store(folder / "journal.sqlite", version=VERSION, schema=TABLES)
        return cls(store, clock)

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
        rows = [
            (run, node.name, position, node.job_name, node.cell.label if node.cell else "", State.WAITING)
            for position, node in enumerate(nodes)
        ]
        with self._store.transaction():
            self._store.write("INSERT INTO runs VALUES (?,?,?,NULL,'running')", (run, pipeline, self._clock()))
            self._store.many("INSERT INTO jobs (run, node, position, job, cell, state) VALUES (?,?,?,?,?,?)", rows)

    def reopen(self, run: str, note: str) -> tuple[str, ...]:
        """Take a run up again: jobs without an answer wait once more, open attempts are lost; the jobs that had any."""
        with self._store.transaction():
            self._store.write("UPDATE runs SET state='running', ended=NULL WHERE id=?", (run,))
            open_ones = "SELECT node FROM attempts WHERE run=? AND end=''"
            lost = tuple(row[0] for row in self._store.rows(open_ones, (run,)))
            self._store.write(
                "UPDATE attempts SET end=?, ended=?, note=? WHERE run=? AND end=''",
                (End.LOST, self._clock(), note, run),
            )
            self._store.write(
                "UPDATE jobs SET state='waiting', what='', outputs='{}', reused='' "
                "WHERE run=? AND state NOT IN ('passed', 'failed', 'waiting')",
                (run,),
            )
        return lost

    def end_run(self, run: str, state: str) -> None:
        """Write down that a run is over, or was interrupted."""
        self._store.write("UPDATE runs SET state=?, ended=? WHERE id=?", (state, self._clock(), run))

    def start(self, run: str, node: str, key: str) -> int:
        """Write down that a job starts; the number of the attempt. Raises LockedError where it does not wait."""
        with self._store.transaction():
            sql = "UPDATE jobs SET state='running', key=? WHERE run=? AND node=? AND state='waiting'"
            if self._store.write(sql, (key, run, node)) != 1:
                raise LockedError(f"{run}: {node} is not waiting", hint="is another cosport working on this run?")
            row = self._store.one("SELECT max(number) FROM attempts WHERE run=? AND node=?", (run, node))
            number: int = ((row[0] if row else 0) or 0) + 1
            self._store.write(
                "INSERT INTO attempts (run, node, number, began) VALUES (?,?,?,?)", (run, node, number, self._clock())
            )
        return number

    def seen(self, run: str, node: str, number: int, worker: str) -> bool:
        """Write down which worker performs an attempt; False where another one began it before, which is then noted."""
        with self._store.transaction():
            sql = "SELECT worker FROM attempts WHERE run=? AND node=? AND number=?"
            row = self._store.one(sql, (run, node, number))
            before = row[0] if row else ""
            note = f"begun on {before}, then again on {worker}: it may have run twice" if before else ""
            self._store.write(
                "UPDATE attempts SET worker=?, note=? WHERE run=? AND node=? AND number=?",
                (worker, note, run, node, number),
            )
        return not before

    def again(self, run: str, node: str, number: int, end: End, note: str) -> None:
        """Write down that an attempt gave no answer, and that the job waits for another."""
        with self._store.transaction():
            self._close(run, node, number, end, note)
            self._store.write("UPDATE jobs SET state='waiting' WHERE run=? AND node=? AND state='running'", (run, node))

    def finish(self, run: str, node: str, number: int, end: End, outcome: Outcome) -> None:
        """Write down how a running job ended. Raises LockedError where it does not run."""
        with self._store.transaction():
            self._close(run, node, number, end, outcome.what)
            self._set(run, node, State.RUNNING, outcome)

    def settle(self, run: str, node: str, key: str, outcome: Outcome) -> None:
        """Write down the end of a job that never ran: skipped, or answered before."""
        with self._store.transaction():
            self._store.write("UPDATE jobs SET key=? WHERE run=? AND node=?", (key, run, node))
            self._set(run, node, State.WAITING, outcome)

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

    def _close(self, run: str, node: str, number: int, end: End, note: str) -> None:
        sql = (
            "UPDATE attempts SET end=?, ended=?, note=trim(note || ' ' || ?) "
            "WHERE run=? AND node=? AND number=? AND end=''"
        )
        self._store.write(sql, (end, self._clock(), note, run, node, number))

    def _set(self, run: str, node: str, before: State, outcome: Outcome) -> None:
        sql = "UPDATE jobs SET state=?, outputs=?, what=?, seconds=?, reused=? WHERE run=? AND node=? AND state=?"
        values = (outcome.state, json.dumps(outcome.outputs), outcome.what, outcome.seconds, outcome.reused)
        if self._store.write(sql, (*values, run, node, before)) != 1:
            raise LockedError(
                f"{run}: {node} is not {before.value} any more", hint="is another cosport working on this run?"
            )


def _entry(row: Row) -> Entry:
    node, job, cell, state, key, outputs, what, reused, seconds = row
    return Entry(node, job, cell, State(state), key, json.loads(outputs), what, reused, seconds)
