"""The CVE index: all records of a folder, found by the commits that they name; an SQLite file that can be thrown away.

Opening it looks at each file's size and times, and reads the records whose files are new or changed. A record that
cannot be read whole stops everything, naming its file: an answer that leaves a CVE out is worse than none.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Self

import msgspec

from cosport.config import expanded
from cosport.cve import read
from cosport.cve.folder import ENDINGS, File, files
from cosport.cve.record import Record, Status, id_order, merged, same_commit
from cosport.errors import ConfigError, CveDataError, DiskError
from cosport.store import Row, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

VERSION: Final = 1
"""Raise it with every change of the tables or of what `cosport.cve.read` makes of a file."""

TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    path TEXT PRIMARY KEY, cve TEXT NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE records (cve TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE named (name TEXT, role INTEGER, cve TEXT, PRIMARY KEY (name, role, cve)) WITHOUT ROWID;
CREATE INDEX named_by ON named (cve);
CREATE INDEX files_of ON files (cve)
"""

_FIXES: Final = 1
_INTRODUCES: Final = 2
_SHOWN: Final = 5
_record = msgspec.msgpack.Decoder(Record)


class CveIndex:
    """The records of one folder. Use it as a context manager, or close it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self.folder = folder

    @classmethod
    def open(cls, data: str, file: Path, *, progress: Callable[[int], None] | None = None) -> CveIndex:
        """The index of the folder `data` (`[cve] data`; `~` is the home folder), kept in `file`, brought up to date.

        Raises ConfigError where there is no such folder or no record in it, CveDataError where a record is damaged.
        """
        folder = expanded(data).absolute()
        index = cls(open_store(file, version=VERSION, schema=TABLES), folder)
        try:
            index._update(progress)
        except BaseException:
            index.close()
            raise
        return index

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    @property
    def note(self) -> str:
        """What the user should know of the index ("" mostly): that it could not be written, for one."""
        return self._store.note

    # --- questions

    def record(self, cve: str) -> Record | None:
        """The record of that id, or None."""
        row = self._store.one("SELECT body FROM records WHERE cve=?", (cve,))
        return _record.decode(row[0]) if row is not None else None

    def records(self) -> tuple[Record, ...]:
        """All records, in the order of their ids."""
        found = [_record.decode(row[0]) for row in self._store.rows("SELECT body FROM records")]
        return tuple(sorted(found, key=lambda each: id_order(each.id)))

    def fixed_by(self, commit: str) -> tuple[str, ...]:
        """The ids of the CVEs that `commit` fixes, upstream or on any branch that the records list, sorted."""
        return self._naming(commit, _FIXES)

    def introduced_by(self, commit: str) -> tuple[str, ...]:
        """The ids of the CVEs that came with `commit`, sorted."""
        return self._naming(commit, _INTRODUCES)

    def _naming(self, commit: str, role: int) -> tuple[str, ...]:
        # Both sides may be abbreviated, to 7 digits or more: the neighbours of the first seven are all that can fit.
        low, high = commit[:7], commit[:6] + chr(ord(commit[6]) + 1)
        sql = "SELECT name, cve FROM named WHERE name >= ? AND name < ? AND role = ?"
        found = {cve for name, cve in self._store.rows(sql, (low, high, role)) if same_commit(commit, name)}
        return tuple(sorted(found, key=id_order))

    def count(self) -> int:
        """How many records there are."""
        row = self._store.one("SELECT count(*) FROM records")
        assert row is not None
        return int(row[0])

    def digest(self) -> str:
        """A name for all that the records say: the same for the same data, wherever it lies."""
        whole = hashlib.sha256()
        for cve, body in self._store.rows("SELECT cve, body FROM records ORDER BY cve"):
            whole.update(b"%s\n%d\n%s" % (cve.encode(), len(body), body))
        return whole.hexdigest()

    # --- bringing it up to date

    def _update(self, progress: Callable[[int], None] | None) -> None:
        groups: dict[str, list[File]] = defaultdict(list)
        for file in files(self.folder):
            groups[file.cve].append(file)
        if not groups:
            raise ConfigError(
                f"cve.data: {self.folder} holds no CVE record",
                hint="files count by their names, such as CVE-2024-26581.json or .dyad",
            )
        row = self._store.one("SELECT value FROM meta WHERE key='folder'")
        known: dict[str, list[Row]] = defaultdict(list)
        if row is not None and row[0] == str(self.folder):
            for cve, *stamp in self._store.rows("SELECT cve, path, size, mtime, ctime FROM files ORDER BY path"):
                known[cve].append(tuple(stamp))
        else:
            self._forget()
        stamps = {cve: sorted((file.path, *file.stamp) for file in group) for cve, group in groups.items()}
        changed = [cve for cve, stamp in stamps.items() if known.get(cve) != stamp]
        gone = [cve for cve in known if cve not in groups]
        if changed or gone:
            self._take(gone, {cve: sorted(groups[cve], key=lambda file: file.path) for cve in changed}, progress)

    def _forget(self) -> None:
        with self._store.transaction():
            for table in ("files", "records", "named"):
                self._store.write(f"DELETE FROM {table}")  # noqa: S608 - names of our own
            self._store.write("INSERT OR REPLACE INTO meta VALUES ('folder', ?)", (str(self.folder),))

    def _take(
        self, gone: Iterable[str], changed: dict[str, list[File]], progress: Callable[[int], None] | None
    ) -> None:
        """Write the changed records; then tell of all that are damaged, which the next opening reads again."""
        damaged: list[str] = []
        with self._store.transaction():
            for cve in gone:
                self._drop(cve)
            for cve, group in changed.items():
                try:
                    found = _read(self.folder, cve, group)
                except read.Damaged as exc:
                    damaged.append(str(exc))
                    self._drop(cve)
                    continue
                self._drop(cve)
                self._write(cve, group, found)
                if progress is not None:
                    progress(1)
        if damaged:
            more = f" (and {len(damaged) - _SHOWN} files more)" if len(damaged) > _SHOWN else ""
            raise CveDataError(
                f"CVE data is damaged or half-written: {'; '.join(sorted(damaged)[:_SHOWN])}{more}",
                hint=f"repair it, for instance: git -C {self.folder} status; then run the same command again",
            )

    def _drop(self, cve: str) -> None:
        for table in ("files", "records", "named"):
            self._store.write(f"DELETE FROM {table} WHERE cve=?", (cve,))  # noqa: S608 - names of our own

    def _write(self, cve: str, group: Iterable[File], found: Record | None) -> None:
        stamps = [(file.path, cve, *file.stamp) for file in group]
        self._store.many("INSERT INTO files VALUES (?,?,?,?,?)", stamps)
        if found is None:
            return
        self._store.write("INSERT INTO records VALUES (?,?)", (cve, msgspec.msgpack.encode(found)))
        named = [(name, _FIXES, cve) for name in found.fixes]
        named += [(name, _INTRODUCES, cve) for name in found.introductions]
        self._store.many("INSERT OR IGNORE INTO named VALUES (?,?,?)", named)


def _read(folder: Path, cve: str, group: list[File]) -> Record | None:
    """The record that all files of one CVE make together. Raises Damaged, naming the file."""
    found: list[Record] = []
    mainline: list[str] = []
    understood = False
    for file in group:
        if file.ending not in ENDINGS:
            continue
        data = _bytes(folder / file.path)
        try:
            if file.ending == "sha1":
                mainline += read.sha1(data)
                continue
            understood = True
            if file.ending == "json":
                found += filter(None, [read.json_record(data, cve)])
            else:
                pairs, named = read.dyad(data)
                mainline += named
                status = Status.REJECTED if file.is_rejected else Status.PUBLISHED
                found.append(Record(cve, status, pairs=pairs))
        except read.Damaged as exc:
            raise read.Damaged(f"{folder / file.path}: {exc}") from exc
    if not understood:
        if all(file.is_rejected for file in group):
            return Record(cve, Status.REJECTED)
        raise read.Damaged(f"{folder / group[0].path}: neither {cve}.json nor {cve}.dyad is beside it")
    if not found:
        return None
    whole = _joined(cve, found, mainline)
    if all(file.is_rejected for file in group):
        return Record(cve, Status.REJECTED, title=whole.title, published=whole.published, updated=whole.updated)
    return whole


def _joined(cve: str, found: list[Record], mainline: list[str]) -> Record:
    """One record out of several files. Where one of them rejects the CVE and another does not, it is published."""
    living = [each for each in found if each.status is Status.PUBLISHED]
    if not living:
        return max(found, key=lambda each: each.updated)
    pairs = merged(tuple(pair for each in living for pair in each.pairs))
    best = min(living, key=lambda each: (each.score is None, each.severity.order, not each.title))
    return Record(
        cve,
        Status.PUBLISHED,
        title=next((each.title for each in living if each.title), ""),
        severity=best.severity,
        score=best.score,
        published=min((each.published for each in living if each.published), default=""),
        updated=max(each.updated for each in living),
        pairs=pairs,
        mainline=tuple(dict.fromkeys(mainline)),
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as exc:
        raise read.Damaged(f"{path}: it went away while the folder was read") from exc
    except OSError as exc:
        raise DiskError(f"{path}: {exc.strerror}", hint="make it readable, then run the same command again") from exc
