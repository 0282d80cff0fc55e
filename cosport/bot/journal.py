"""The bot's journal: which patch set was judged how and on what inputs, which events and commands were seen.

One SQLite file. The truth about votes is Gerrit's, and each round compares with it: a journal that is lost costs time
and no vote. So every entry may be written late, twice or not at all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import msgspec

from cosport.presubmit.report import Report
from cosport.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cosport.store import Store

VERSION: Final = 1
TABLES: Final = """
CREATE TABLE judgement (change INTEGER PRIMARY KEY, revision TEXT NOT NULL, key TEXT NOT NULL, world TEXT NOT NULL,
  report BLOB NOT NULL, made REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE trouble (change INTEGER PRIMARY KEY, revision TEXT NOT NULL, tries INTEGER NOT NULL, next REAL NOT NULL,
  why TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE event (hash TEXT PRIMARY KEY, seen REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE command (message TEXT PRIMARY KEY, change INTEGER NOT NULL, at REAL NOT NULL, state INTEGER NOT NULL)
  WITHOUT ROWID
"""

FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 3600.0
"""Seconds before a patch set that could not be judged is tried again: doubled each time, up to an hour."""

_TO_DO, _DONE, _WAITS = range(3)  # the states of a command

_KEPT: Final = 30 * 86400.0
"""Seconds that events and commands are remembered: Gerrit repeats none that old."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The current judgement on a change. `world` names all that could matter when it was made."""

    revision: str
    key: str
    world: str
    report: Report
    made: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """A patch set that could not be judged: how often it was tried, when again, and why."""

    revision: str
    tries: int
    next: float
    why: str


class Journal:
    """The open journal. Use it as a context manager."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    @classmethod
    def open(cls, path: Path, clock: Callable[[], float] = time.time) -> Self:
        """The journal at `path`; a new one where there is none or it is damaged. Raises DiskError, LockedError."""
        return cls(open_store(path, version=VERSION, schema=TABLES), clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def judgement(self, change: int) -> Judgement | None:
        """The current judgement on a change."""
        row = self._store.one("SELECT revision, key, world, report, made FROM judgement WHERE change=?", (change,))
        if row is None:
            return None
        try:
            report = msgspec.json.decode(row[3], type=Report)
        except msgspec.DecodeError:  # of another version of cosport: judged anew
            return None
        return Judgement(row[0], row[1], row[2], report, row[4])

    def judged(self, change: int, key: str, world: str, report: Report) -> None:
        """Keep a judgement as the current one; what troubled the patch set is over."""
        values = (change, report.commit, key, world, msgspec.json.encode(report), self._clock())
        with self._store.transaction():
            self._store.write("INSERT OR REPLACE INTO judgement VALUES (?,?,?,?,?,?)", values)
            self._store.write("DELETE FROM trouble WHERE change=?", (change,))

    def holds(self, change: int, world: str) -> None:
        """Note that the current judgement holds in this `world` too."""
        self._store.write("UPDATE judgement SET world=? WHERE change=?", (world, change))

    def trouble(self, change: int) -> Trouble | None:
        """What keeps a change from being judged."""
        row = self._store.one("SELECT revision, tries, next, why FROM trouble WHERE change=?", (change,))
        return Trouble(*row) if row is not None else None

    def failed(self, change: int, revision: str, why: str) -> Trouble:
        """Note that a patch set could not be judged; when it is tried again."""
        before = self.trouble(change)
        tries = before.tries + 1 if before is not None and before.revision == revision else 1
        pause = min(FIRST_PAUSE * 2.0 ** (tries - 1), LONGEST_PAUSE)
        found = Trouble(revision, tries, self._clock() + pause, why)
        values = (change, revision, tries, found.next, why)
        self._store.write("INSERT OR REPLACE INTO trouble VALUES (?,?,?,?,?)", values)
        return found

    def again(self, change: int) -> None:
        """Forget the judgement on a change and what troubled it: it is judged anew."""
        with self._store.transaction():
            self._store.write("DELETE FROM judgement WHERE change=?", (change,))
            self._store.write("DELETE FROM trouble WHERE change=?", (change,))

    def is_new(self, event: str) -> bool:
        """Whether an event, known by its hash, was not gone over yet."""
        return self._store.one("SELECT 1 FROM event WHERE hash=?", (event,)) is None

    def saw(self, events: Iterable[str]) -> None:
        """Note that these events, by their hashes, were gone over."""
        with self._store.transaction():
            self._store.many("INSERT OR IGNORE INTO event VALUES (?,?)", [(each, self._clock()) for each in events])

    def begun(self, message: str, change: int, *, landed: bool) -> bool:
        """Take a command by its message; False where it was carried out, or waits until the change has `landed`."""
        self._store.write("INSERT OR IGNORE INTO command VALUES (?,?,?,?)", (message, change, self._clock(), _TO_DO))
        row = self._store.one("SELECT state FROM command WHERE message=?", (message,))
        return row == (_TO_DO,) or (landed and row == (_WAITS,))

    def done(self, message: str, *, waits: bool = False) -> None:
        """Note that a command was carried out, or that it waits until the change has landed."""
        self._store.write("UPDATE command SET state=? WHERE message=?", (_WAITS if waits else _DONE, message))

    def commands_since(self, change: int, when: float) -> int:
        """How many commands a change had since then."""
        row = self._store.one("SELECT count(*) FROM command WHERE change=? AND at>=?", (change, when))
        return int(row[0]) if row is not None else 0

    def forget(self, still_open: Iterable[int]) -> None:
        """Drop what belongs to changes that are closed, and what is old."""
        kept = set(still_open)
        with self._store.transaction():
            for table in ("judgement", "trouble"):
                gone = [row for row in self._store.rows(f"SELECT change FROM {table}") if row[0] not in kept]  # noqa: S608 - the table is ours
                self._store.many(f"DELETE FROM {table} WHERE change=?", gone)  # noqa: S608 - the same
            old = (self._clock() - _KEPT,)
            self._store.write("DELETE FROM event WHERE seen<?", old)
            self._store.write("DELETE FROM command WHERE at<?", old)
