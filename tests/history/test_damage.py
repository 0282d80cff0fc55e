"""Whatever happens to the index or to the history, the answer is right or there is a clear error: never a stale one."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.errors import DiskError, StoreError
from cosport.git.repository import Repository
from cosport.history.affected import Verdict, affected
from cosport.history.index import History
from cosport.model.commit import Sha
from cosport.store import DamagedError
from tests.support import cosport

if TYPE_CHECKING:
    from tests.history.conftest import Asker
    from tests.support import Git

ROOT = Path(__file__).resolve().parents[2]
SOAK = bool(os.environ.get("COSPORT_SOAK"))


def index_file(git: Git) -> Path:
    return Repository.open(git.path).state_dir / "index.sqlite"


def line(git: Git, length: int, *, branch: str = "main") -> list[str]:
    return [git.commit({"a": f"{branch}{number}\n"}, f"{branch} {number}", branch=branch) for number in range(length)]


def long_line(git: Git, length: int) -> list[str]:
    """So many commits on main, made at once; oldest first."""
    marks = b"".join(
        b"commit refs/heads/main\nmark :%d\ncommitter C <c@x.org> %d +0000\ndata 2\nc\n%s"
        % (number + 1, 1_600_000_000 + number, b"from :%d\n" % number if number else b"")
        for number in range(length)
    )
    git("fast-import", "--quiet", stdin=marks)
    return git("rev-list", "--reverse", "main").split()


def judge(ask: Asker, shas: list[str], *, also: int = 0) -> None:
    """The index holds these commits of one line (and `also` so many others), in order, and answers right for them."""
    with ask.open() as history:
        assert history.count() == len(shas) + also
        ranks = [history.rank(Sha(sha)) for sha in shas]
        assert ranks == sorted(ranks)
        assert history.contains(Sha(shas[0]), Sha(shas[-1]))
        assert not history.contains(Sha(shas[-1]), Sha(shas[0]))


# --- history that is rewritten, replaced, grafted, cut short


def test_a_rewritten_branch_answers_for_what_it_holds_now(git: Git, ask: Asker) -> None:
    first, second, third = line(git, 3)
    assert ask.contains(second, "main")
    git("update-ref", "refs/heads/main", first)
    rewritten = git.commit({"a": "else\n"}, "rewritten")
    assert not ask.contains(third, rewritten)
    assert ask.contains(first, rewritten)
    # The old commits are pruned, the index still knows them, and new work is found all the same.
    git("reflog", "expire", "--expire=now", "--all")
    git("repack", "-adq")
    git("prune", "--expire=now")
    assert git.attempt("cat-file", "-e", third).returncode != 0
    newest = git.commit({"a": "more\n"}, "more")
    assert ask.contains(rewritten, newest)
    assert ask.contains(first, newest)


def test_a_deepened_shallow_clone_is_read_anew(git: Git, tmp_path: Path) -> None:
    shas = line(git, 6)
    clone = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=2", f"file://{git.path}", str(clone)], check=True)
    with History.open(Repository.open(clone)) as history:
        assert history.count() == 2
        assert history.find(Sha(shas[0])) is None
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=clone, check=True)
    with History.open(Repository.open(clone)) as history:
        assert history.count() == 6
        assert history.contains(Sha(shas[0]), Sha(shas[-1]))


@pytest.mark.parametrize("hidden", ["replace ref", "graft"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_replaced_and_grafted_history_is_read_as_it_was_committed(git: Git, ask: Asker, hidden: str, when: str) -> None:
    """What one clone shows instead is not what a push of the branch gives to others."""
    shas = line(git, 6)
    aside = git.commit({"b": "1\n"}, "aside", branch="aside", parents=[])

    def hide() -> None:
        if hidden == "replace ref":
            git("replace", "--graft", shas[4], aside)
        else:
            info = Repository.open(git.path).common_dir / "info"
            info.mkdir(exist_ok=True)
            (info / "grafts").write_text(f"{shas[4]} {aside}\n", encoding="ascii")
        assert git("rev-list", shas[5], env={"GIT_ADVICE": "0"}).split() == [shas[5], shas[4], aside]

    if when == "before":
        hide()
        judge(ask, shas, also=1)
    else:
        judge(ask, shas, also=1)
        hide()
        newest = git.commit({"a": "more\n"}, "more")
        judge(ask, [*shas, newest], also=1)
    assert not ask.contains(aside, "main")


def test_behind_the_end_of_a_shallow_clone_the_answer_is_unknown(git: Git, tmp_path: Path) -> None:
    bug, *_ = line(git, 3)
    git.branch("stable")
    git.commit({"b": "1\n"}, f'fix\n\nFixes: {bug[:12]} ("main 0")\n')
    clone = tmp_path / "shallow"
    command = ["git", "clone", "-q", "--depth=1", "--no-single-branch", f"file://{git.path}", str(clone)]
    subprocess.run(command, check=True)
    answer = cosport("show", git.sha("main"), "--json", cwd=clone, check=0).json()
    (held,) = [each for each in answer["branches"] if each["branch"] == "origin/main"]
    assert held["applied"]
    with History.open(Repository.open(clone)) as history:
        found = affected(history, Sha(git.sha("main")), Sha(git.sha("stable")))
    assert found.verdict is Verdict.UNKNOWN
    assert "shallow" in found.evidence[0].detail or "leads to no commit" in found.evidence[0].detail


# --- a file that is damaged


@pytest.mark.parametrize("damage", ["no database", "cut off", "wrong pages", "older schema"])
def test_a_damaged_index_is_made_anew(git: Git, ask: Asker, damage: str) -> None:
    shas = line(git, 30)
    with ask.open() as history:
        history.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    path = index_file(git)
    data = path.read_bytes()
    if damage == "no database":
        path.write_bytes(b"hello" * 1000)
    elif damage == "cut off":
        path.write_bytes(data[: len(data) // 3])
    elif damage == "wrong pages":
        path.write_bytes(data[:8192] + b"\xaa" * (len(data) - 8192))
    else:
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version=99999")
        other.close()
    judge(ask, shas)


@pytest.mark.parametrize("wrong", [b"\0", b"\xaa", b"\x01"])
def test_each_page_of_the_file_may_be_lost(git: Git, ask: Asker, wrong: bytes) -> None:
    """Whichever page is overwritten: right answers, or an error that says what to do; and after that, right answers."""
    shas = long_line(git, 4000)
    base, upstream = shas[1000], shas[-1]
    git.branch("stable", base)
    with ask.open() as history:
        history.reach(Sha(upstream))
        history.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    path = index_file(git)
    data = path.read_bytes()
    pages = range(0, len(data), 8192)
    hints = set()
    for at in pages if SOAK else random.Random(1).sample(pages, k=24):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(data[:at] + wrong * 8192 + data[at + 8192 :])
        try:
            look(ask, shas)
        except (StoreError, DiskError) as error:
            hints.add(error.hint)
        look(ask, shas)
    assert hints == {"run the same command again: it is made anew from git"}


@pytest.mark.parametrize(("table", "column"), [("segments", "parents"), ("chains", "chain"), ("chains", "entries")])
def test_a_byte_that_changed_inside_of_a_value_is_noticed(git: Git, ask: Asker, table: str, column: str) -> None:
    shas = long_line(git, 100)
    with ask.open() as history:
        history.reach(Sha(shas[-1]))
    with sqlite3.connect(index_file(git)) as other:
        ((value,),) = other.execute(f"SELECT {column} FROM {table}").fetchall()
        other.execute(f"UPDATE {table} SET {column} = ?", (value[:200] + bytes([value[200] ^ 1]) + value[201:],))
        if table == "segments":
            other.execute("DELETE FROM chains")
    other.close()
    with pytest.raises(DamagedError), ask.open() as history:
        history.contains(Sha(shas[0]), Sha(shas[-1]))
    judge(ask, shas)


def look(ask: Asker, shas: list[str]) -> None:
    """Ask for what a command would: by name, by rank, along the line."""
    with ask.open() as history:
        for number in (0, 1000, 2500, len(shas) - 1):
            rank = history.rank(Sha(shas[number]))
            assert history.entry(rank).sha == shas[number]
            assert history.starting(shas[number][:12]) == [rank]
            assert history.contains(Sha(shas[number]), Sha(shas[-1]))
            assert history.contains(Sha(shas[number]), Sha(shas[1000])) == (number <= 1000)


# --- several at once, and killed


def test_several_processes_fill_it_at_once(git: Git, ask: Asker) -> None:
    shas = line(git, 40)

    def run(_: int) -> int:
        with ask.open() as history:
            assert history.contains(Sha(shas[0]), Sha(shas[-1]))
            return history.count()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(run, range(6))) == {40}


def test_writers_that_bring_different_branches_leave_one_whole_history(git: Git, ask: Asker) -> None:
    base = long_line(git, 500)
    for number in range(6):
        git.branch(f"b{number}", base[number * 80])
        line(git, 5, branch=f"b{number}")
    code = "import sys; from tests.history.test_damage import open_at; open_at(*sys.argv[1:])"
    argv = [sys.executable, "-c", code, str(git.path)]
    children = [subprocess.Popen([*argv, git.sha(f"b{number}")], cwd=ROOT) for number in range(6)]
    assert [child.wait() for child in children] == [0] * 6
    with ask.open() as history:
        assert history.count() == 500 + 6 * 5
        for sha in git("rev-list", "--all").split():
            parents = git("log", "-1", "--format=%P", sha).split() if sha not in base else []
            assert all(history.rank(Sha(parent)) < history.rank(Sha(sha)) for parent in parents)
        held = set(git("rev-list", "b3").split())
        assert {
            sha for sha in git("rev-list", "--all").split() if history.contains(Sha(sha), Sha(git.sha("b3")))
        } == held


def open_at(path: str, *tips: str) -> None:
    """What a writer does, in a process of its own."""
    History.open(Repository.open(Path(path)), [Sha(tip) for tip in tips] or None).close()


KILLED = """
import os, signal, sys
from pathlib import Path
from cosport import process
from cosport.store import Store
from tests.history.test_damage import open_at
process._CHUNK = 4096
left = int(sys.argv[2])
def dying(name):
    real = getattr(Store, name)
    def run(*args, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **named)
    setattr(Store, name, run)
dying("write"), dying("many")
open_at(sys.argv[1])
"""


@pytest.mark.parametrize("step", [2, 4, 6, 9, 15, 26])
def test_killed_at_any_statement_it_is_finished_by_the_next(git: Git, ask: Asker, step: int) -> None:
    shas = long_line(git, 600)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(git.path), str(step)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    judge(ask, shas)
    newest = git.commit({"a": "more\n"}, "more")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(git.path), str(step)], cwd=ROOT, check=False)
    judge(ask, [*shas, newest])


@pytest.mark.soak
@pytest.mark.parametrize("round_", range(100 if SOAK else 10))
def test_killed_at_any_moment_it_is_finished_by_the_next(git: Git, ask: Asker, round_: int) -> None:
    shas = long_line(git, 3000)
    code = "import sys; from tests.history.test_damage import open_at; open_at(sys.argv[1])"
    child = subprocess.Popen([sys.executable, "-c", code, str(git.path)], cwd=ROOT)
    time.sleep(0.1 + 0.4 * random.Random(round_).random())
    child.send_signal(signal.SIGKILL)
    child.wait()
    judge(ask, shas)
