"""A journal that was damaged or deleted is made anew from the folders of the runs, and nothing is done twice for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cosport.pipeline import ledger
from cosport.pipeline.journal import Journal, Outcome
from cosport.pipeline.state import End, State
from tests.support import Git, cosport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIPELINE = """
pipeline: p
jobs:
  good: {run: [sh, -c, "echo x >> ../../../../seen"]}
  bad: {run: ["false"], needs: [good]}
  never: {run: ["true"], needs: [bad]}
  report: {run: [echo, "${jobs.bad.status}"], needs: [bad], after: ended}
"""


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 - 100])


def overwrite_a_page(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[8192:16384] = b"\xa5" * 8192
    file.write_bytes(data)


def overwrite_the_last_page(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-8192:] = b"\xa5" * 8192
    file.write_bytes(data)


def delete(file: Path) -> None:
    file.unlink()


def overwrite_the_head(file: Path) -> None:
    file.write_bytes(b"no database" + file.read_bytes()[11:])


DAMAGES = [truncate, overwrite_a_page, overwrite_the_last_page, overwrite_the_head, delete]


@pytest.fixture
def repo(git: Git, tmp_path: Path) -> Git:
    git.commit({"a.c": "int a;\n"}, "start")
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    return git


def journal_of(git: Git) -> Path:
    return git.path / ".git/cosport/pipelines/journal.sqlite"


def show(git: Git, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cosport("pipeline", "show", name, "--json", cwd=git.path).json()
    return found


@pytest.mark.parametrize("damage", DAMAGES)
def test_all_that_was_known_is_known_again(repo: Git, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    cosport("pipeline", "run", str(tmp_path / "p.yaml"), cwd=repo.path, check=1)
    cosport("pipeline", "run", str(tmp_path / "p.yaml"), "--fresh", cwd=repo.path, check=1)
    before = show(repo, "p-1"), show(repo, "p-2")
    listed = cosport("pipeline", "list", "--json", cwd=repo.path, check=0).json()
    file = journal_of(repo)
    damage(file)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    assert (show(repo, "p-1"), show(repo, "p-2")) == before
    assert cosport("pipeline", "list", "--json", cwd=repo.path, check=0).json() == listed
    # An answer that was known before is not asked for again.
    again = cosport("pipeline", "run", str(tmp_path / "p.yaml"), "--json", cwd=repo.path, check=1).json()
    assert {job["name"]: job["reused"] for job in again["jobs"]}["good"] == "p-2"
    assert (repo.path / ".git/cosport/pipelines/seen").read_text(encoding="ascii").split() == ["x", "x"]


def test_a_run_whose_journal_is_gone_is_taken_up_where_it_was(repo: Git, tmp_path: Path) -> None:
    text = PIPELINE.replace('["false"]', '[sh, -c, "test -e ../../../../fine || exit 75"], retries: 0')
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    cosport("pipeline", "run", str(tmp_path / "p.yaml"), cwd=repo.path, check=3)
    pipelines = repo.path / ".git/cosport/pipelines"
    (pipelines / "fine").touch()
    for file in pipelines.glob("journal.sqlite*"):
        file.unlink()
    cosport("pipeline", "resume", "p-1", cwd=repo.path, check=0)
    assert {job["name"]: len(job["attempts"]) for job in show(repo, "p-1")["jobs"]} == {
        "good": 1, "bad": 2, "never": 1, "report": 1,
    }  # fmt: skip
    assert (pipelines / "seen").read_text(encoding="ascii").split() == ["x"]


def test_an_attempt_that_began_is_not_forgotten(tmp_path: Path) -> None:
    jobs = [("a", "a", ""), ("b", "b", "")]
    with Journal.open(tmp_path) as journal:
        journal._new_run("p-1", "p", jobs)
        assert journal.start("p-1", "a", "k") == 1
        journal.seen("p-1", "a", 1, "w1")
        journal.finish("p-1", "a", 1, End.EXITED, Outcome(State.PASSED, {"status": "0"}, seconds=1.5))
        assert journal.start("p-1", "b", "l") == 1
    with (tmp_path / "runs/p-1" / ledger.FILE).open("ab") as file:
        file.write(b'\n{"at": 1.0, "does": "fin')  # a kill in the middle of a line
    (tmp_path / "journal.sqlite").unlink()
    with Journal.open(tmp_path) as journal:
        assert [each.state for each in journal.entries("p-1")] == [State.PASSED, State.RUNNING]
        assert journal.reopen("p-1", "its client died") == ("b",)
        assert journal.start("p-1", "b", "l") == 2
    (tmp_path / "journal.sqlite").unlink()
    with Journal.open(tmp_path) as journal:
        tries = [(each.node, each.number, each.end, each.note) for each in journal.attempts("p-1")]
        assert sorted(tries) == [("a", 1, "exited", ""), ("b", 1, "lost", "its client died"), ("b", 2, "", "")]
        found = journal.answered("k")
        assert found is not None
        assert found[1].seconds == 1.5


def test_a_finished_run_stays_as_it_is(repo: Git, tmp_path: Path) -> None:
    cosport("pipeline", "run", str(tmp_path / "p.yaml"), cwd=repo.path, check=1)
    before = show(repo, "p-1")
    cosport("pipeline", "resume", "p-1", cwd=repo.path, check=1)
    assert show(repo, "p-1") == before
