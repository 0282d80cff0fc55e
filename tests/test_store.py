from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from cosport.errors import DiskError, LockedError, StoreError
from cosport.store import DamagedError, Store, lock, open_store

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from cosport.store import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""

SCHEMA = "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB); CREATE INDEX t_v ON t (v)"


def opened(path: Path, version: int = 1) -> Store:
    return open_store(path, version=version, schema=SCHEMA)


def filled(path: Path, rows: int = 1) -> None:
    store = opened(path)
    with store.transaction():
        store.many("INSERT INTO t (v) VALUES (?)", [(os.urandom(100),) for _ in range(rows)])
    store.close()


def size(store: Store) -> int:
    row = store.one("SELECT count(*) FROM t")
    assert row is not None
    return int(row[0])


def test_what_was_written_is_there_next_time(tmp_path: Path) -> None:
    filled(tmp_path / "new" / "s.sqlite", 3)
    store = opened(tmp_path / "new" / "s.sqlite")
    assert size(store) == 3
    assert store.note == ""
    assert store.rows("PRAGMA journal_mode") == [("wal",)]


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    with pytest.raises(StoreError), store.transaction():
        store.many("INSERT INTO t VALUES (?, 'x')", [(1,), (1,)])
    assert size(store) == 0


def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    schema = "CREATE TABLE a (n INTEGER PRIMARY KEY); CREATE TABLE b (n REFERENCES a DEFERRABLE INITIALLY DEFERRED)"
    store = open_store(tmp_path / "s.sqlite", version=1, schema=schema)
    store.write("PRAGMA foreign_keys=ON")
    with pytest.raises(StoreError), store.transaction():
        store.write("INSERT INTO b VALUES (7)")
    with store.transaction():
        store.write("INSERT INTO a VALUES (1)")
    assert store.rows("SELECT n FROM a") == [(1,)]
    assert store.rows("SELECT n FROM b") == []
    store.close()


def test_another_version_is_replaced(tmp_path: Path) -> None:
    filled(tmp_path / "s")
    assert size(opened(tmp_path / "s", version=2)) == 0


def test_a_file_without_tables_is_an_unfinished_one(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "s").execute("PRAGMA user_version=1").close()
    assert size(opened(tmp_path / "s")) == 0


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "s")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = (tmp_path / "s").read_bytes()
    with pytest.raises(StoreError, match="another program"):
        opened(tmp_path / "s")
    assert (tmp_path / "s").read_bytes() == before


def test_damage_found_on_the_way_is_an_error_and_the_next_run_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "s"
    filled(path, 2000)
    data = path.read_bytes()
    path.write_bytes(data[:16384] + b"\xff" * (len(data) - 16384))
    store = opened(path)
    with pytest.raises(DamagedError) as caught:
        store.rows("SELECT * FROM t ORDER BY v")
    assert "made anew" in caught.value.hint
    assert size(opened(path)) == 0


def test_a_full_disk_is_a_disk_error_and_loses_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "s", 10)
    store = opened(tmp_path / "s")
    store.write("PRAGMA max_page_count=8")  # what SQLite answers with is the same as for a disk that is full
    with pytest.raises(DiskError, match="full"), store.transaction():
        store.many("INSERT INTO t (v) VALUES (?)", [(os.urandom(1000),) for _ in range(1000)])
    assert size(store) == 10


@pytest.mark.parametrize("refusal", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_where_nothing_can_be_written_it_lives_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: OSError
) -> None:
    filled(tmp_path / "s", 5)

    def refuse(*_args: object, **_kw: object) -> int:
        raise refusal

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        store = opened(tmp_path / "s")
        assert size(store) == 5  # what the file held
        assert size(opened(tmp_path / "t")) == 0
        assert "memory" in store.note
        store.write("INSERT INTO t VALUES (99, 'x')")
    assert size(opened(tmp_path / "s")) == 5


def test_a_file_that_another_user_writes_while_it_is_copied_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "s", 5)
    connect = sqlite3.connect

    def refuse(*_args: object, **_kw: object) -> int:
        raise PermissionError(13, "Permission denied")

    def disturbed(database: str, **kw: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(database, **kw)
        if "immutable" in database:
            os.utime(tmp_path / "s", (1, 1))
        return made

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        patch.setattr(sqlite3, "connect", disturbed)
        store = opened(tmp_path / "s")
        assert "memory" in store.note
        assert size(store) == 0


def test_other_trouble_with_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kw: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DiskError, match="No space left"):
        opened(tmp_path / "s")


def test_a_lock_excludes_and_a_dead_process_holds_none(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "l")], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(LockedError), lock(tmp_path / "l", wait=0.1):
        pass
    child.kill()
    child.communicate()
    with lock(tmp_path / "l", wait=5.0):
        pass


def test_shared_locks_go_together(tmp_path: Path) -> None:
    with lock(tmp_path / "l", shared=True), lock(tmp_path / "l", shared=True, wait=0.1):
        pass
