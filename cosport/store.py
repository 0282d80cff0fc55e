"""Opens every SQLite file: schema version, locks, damage, a disk that refuses. Nothing else imports sqlite3.

What cosport keeps in SQLite can be made anew from git, so a file that is damaged, of another schema or of another
program is replaced and not repaired; and where the disk refuses to be written, the same tables live in memory for one
run.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
import zlib
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from cosport.errors import CosportError, DiskError, LockedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

APPLICATION_ID: Final = 0x636F7370
"""In the header of each file ("cosp"): tells cosport's own from any other SQLite file."""

_SEAL: Final = 4
"""Bytes of a checksum."""

_AT_ONCE: Final = 64
"""Rows that one statement adds."""

_WAIT: Final = 60.0
"""Seconds to wait for another process's write transaction."""

Row = tuple[Any, ...]


class DamagedError(StoreError):
    """The file is damaged. It has been moved out of the way: the next opening starts anew."""


class Store:
    """One open SQLite file. `note` says why it lives in memory only, "" where it is on disk."""

    def __init__(self, connection: sqlite3.Connection, path: Path | None, note: str = "") -> None:
        self._connection = connection
        self.path = path
        self.note = note

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as exc:
            raise self._mapped(exc) from exc

    def one(self, sql: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        try:
            row: Row | None = self._connection.execute(sql, values).fetchone()
        except sqlite3.Error as exc:
            raise self._mapped(exc) from exc
        return row

    def write(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one statement that writes; the number of rows it changed."""
        try:
            return self._connection.execute(sql, values).rowcount
        except sqlite3.Error as exc:
            raise self._mapped(exc) from exc

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        try:
            self._connection.executemany(sql, rows)
        except sqlite3.Error as exc:
            raise self._mapped(exc) from exc

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Add whole rows to `table` (a name of our own), many with one statement: `many` takes half as long again."""
        rest = iter(rows)
        while some := list(islice(rest, _AT_ONCE)):
            marks = f"({','.join('?' * len(some[0]))})"
            sql = f"INSERT INTO {table} VALUES {','.join([marks] * len(some))}"  # noqa: S608 - marks alone
            self.write(sql, list(chain.from_iterable(some)))

    def check(self) -> None:
        """Look for damage in the whole file, for what is small and read now and then. Raises DamagedError."""
        if self.rows("PRAGMA quick_check") != [("ok",)]:
            raise self._damaged()

    def unsealed(self, value: bytes) -> bytes:
        """What `sealed` was given. Raises DamagedError where it is not that any more; the file is thrown away then."""
        data, seal = value[:-_SEAL], value[-_SEAL:]
        if zlib.crc32(data).to_bytes(_SEAL, "big") != seal:
            raise self._damaged()
        return data

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commit at the end, roll back on any exception.

        Raises LockedError where another writer takes a minute.
        """
        self.write("BEGIN IMMEDIATE")
        try:
            yield
            self.write("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _mapped(self, exc: sqlite3.Error) -> CosportError:
        failure = _failure(exc, self.path)
        return self._damaged() if isinstance(failure, DamagedError) else failure

    def _damaged(self) -> DamagedError:
        if self.path is not None:
            self.close()
            _discard(self.path)
        return _damage(self.path)


def sealed(data: bytes) -> bytes:
    """A large value with its checksum: SQLite notices damage of its own structure, and none inside of a value."""
    return data + zlib.crc32(data).to_bytes(_SEAL, "big")


def open_store(path: Path, *, version: int, schema: str) -> Store:
    """The store at `path`, made where it is not there, made anew where it is damaged or of another version.

    `schema` is the SQL that makes the tables; raise `version` with each change of it. Where the folder cannot be
    written the store lives in memory, filled from the file if that can be read. Raises DiskError on a full disk,
    LockedError where another process holds the file for a minute, StoreError where another program's file has that
    name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with lock(_gate(path), shared=True):
            store = _try_open(path, version)
        if store is not None:
            return store
        with lock(_gate(path)):
            store = _try_open(path, version)
            if store is None:
                _remove(path)
                store = _create(path, version, schema)
            return store
    except PermissionError as exc:
        return _in_memory(path, version, schema, why=exc.strerror or "no permission")
    except OSError as exc:
        if exc.errno == errno.EROFS:
            return _in_memory(path, version, schema, why="read-only file system")
        raise DiskError(f"{path}: {exc.strerror}", hint="free space, then run the same command again") from exc
    except sqlite3.Error as exc:
        if _code(exc) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            return _in_memory(path, version, schema, why="it cannot be written")
        raise _failure(exc, path) from exc


@contextlib.contextmanager
def lock(path: Path, *, shared: bool = False, wait: float = 600.0) -> Iterator[None]:
    """Hold the lock file `path` (flock(2): the kernel lets go of it when the process ends, however it ends).

    Raises LockedError when another process keeps it for `wait` seconds, OSError where it cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(handle, mode | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LockedError(
                        f"another cosport has held {path} for {wait:g} seconds", hint="wait for it, or end it"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _gate(path: Path) -> Path:
    # A file is replaced only while nobody opens it: a new write-ahead log beside an old file would be read as its own.
    return path.with_name(path.name + ".lock")


def _try_open(path: Path, version: int) -> Store | None:
    """The store; None where it is missing, damaged, unfinished or of another version. StoreError if it is not ours."""
    if not path.exists():
        return None
    try:
        connection = _connect(path)
    except sqlite3.DatabaseError as exc:
        if _code(exc) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return None
        raise
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as exc:
        connection.close()
        if _code(exc) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return None
        raise
    if found == version and owner == APPLICATION_ID and tables:
        return Store(connection, path)
    connection.close()
    if tables and owner != APPLICATION_ID:
        raise StoreError(
            f"{path} is an SQLite file of another program", hint="move it away, then run the same command again"
        )
    return None


def _create(path: Path, version: int, schema: str) -> Store:
    connection = _connect(path)
    try:
        connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
        _lay_out(connection, version, schema)
    except BaseException:
        connection.close()
        raise
    return Store(connection, path)


def _lay_out(connection: sqlite3.Connection, version: int, schema: str) -> None:
    # One transaction: a kill leaves a file without tables, which the next opening replaces.
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema.split(";"):
        if statement.strip():
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID:d}")
    connection.execute(f"PRAGMA user_version={version:d}")
    connection.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, cached_statements=256)
    try:
        connection.execute(
            "PRAGMA synchronous=NORMAL"
        )  # in WAL mode a power cut loses the last commit, and breaks nothing
        connection.execute("PRAGMA cell_size_check=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA cache_size=-16384")  # KiB
        # Fails at once where the file is no database, or cannot be read or its log not be made.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _in_memory(path: Path, version: int, schema: str, *, why: str) -> Store:
    """A store in memory, filled from the file where it can be read and is of this version."""
    memory = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
    note = f"{path.parent} cannot be written ({why}): the work is done in memory and not kept"
    log = path.with_name(path.name + "-wal")
    with contextlib.suppress(sqlite3.Error, OSError):
        # `immutable` takes no locks, which need a writable folder. It would ignore a log, so not beside one; and what
        # another user wrote into the file meanwhile may be torn, so not then.
        if path.exists() and not (log.exists() and log.stat().st_size):
            before = path.stat()
            source = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
            try:
                ours = source.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
                if ours and source.execute("PRAGMA user_version").fetchone() == (version,):
                    source.backup(memory)
                    now = path.stat()
                    if (before.st_ino, before.st_mtime_ns) == (now.st_ino, now.st_mtime_ns):
                        return Store(memory, None, note)
            finally:
                source.close()
    memory.close()
    memory = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
    _lay_out(memory, version, schema)
    return Store(memory, None, note)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError, LockedError), lock(_gate(path), wait=5.0):
        _remove(path)


def _code(exc: sqlite3.Error) -> int:
    return int(getattr(exc, "sqlite_errorcode", 0)) & 0xFF  # the low byte is the primary result code


def _damage(path: Path | None) -> DamagedError:
    where = path if path is not None else "the index in memory"
    return DamagedError(
        f"{where} is damaged and was thrown away", hint="run the same command again: it is made anew from git"
    )


def _failure(exc: sqlite3.Error, path: Path | None) -> CosportError:
    """The error for what SQLite reports, told by its result code (https://www.sqlite.org/rescode.html)."""
    where = path if path is not None else "the index in memory"
    code = _code(exc)
    again = "run the same command again"
    if code == sqlite3.SQLITE_FULL:
        return DiskError(f"the disk is full: {where} cannot grow", hint=f"free space, then {again}; nothing is lost")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return DiskError(f"{where}: {exc}", hint=f"look at the disk and its permissions, then {again}; nothing is lost")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockedError(f"another process has held {where} for {_WAIT:g} seconds", hint="wait for it, or end it")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damage(path)
    return StoreError(f"{where}: {exc}", hint=f"remove {where}, then {again}: it is made anew from git")
