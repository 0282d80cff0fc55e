"""The record of each commit in git notes: append-only, shared, never lost between two writers."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from cosport.errors import GitError, UsageError
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.records import notes
from cosport.records.record import Kind, Record, added, line, parse, record, united

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support import Git

    ReaderOf = Callable[[Path], ObjectReader]

NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 250, tzinfo=dt.UTC)


@pytest.fixture
def reader_of() -> Iterator[ReaderOf]:
    """A reader of the repository at that path, closed at the end."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(ObjectReader(Repository.open(path)))


def made(kind: Kind = Kind.PICK, minute: int = 0, **data: object) -> Record:
    return record(kind, data, at=NOON + dt.timedelta(minutes=minute), by="a test")


def test_a_record_is_one_line_and_comes_back_whole() -> None:
    first = made(upstream="a" * 40, rules=["adjacent"], text="line\nbreak \u2028 \x1b[31m", ref="caf\udce9")
    assert b"\n" not in line(first)
    assert parse(line(first) + b"\n") == (first,)
    assert first.at == "2026-01-02T12:00:00Z"
    assert record(Kind.BUILD, {}, at=NOON).by.startswith("cosport ")


def test_what_is_no_record_is_passed_over_and_kept() -> None:
    later = json.dumps({"schema": "cosport.record/1", "kind": "hologram", "at": "", "by": "", "data": {}}).encode()
    other = json.dumps({"schema": "cosport.record/9", "kind": "pick", "at": "", "by": "", "data": {}}).encode()
    note = b"A person's own words.\n" + later + b"\n" + other + b"\n\xff\xfe\n"
    assert parse(note) == ()
    grown = added(note, [made()])
    assert grown.startswith(note)
    assert parse(grown) == (made(),)


def test_a_rerun_adds_nothing_and_news_is_added_at_the_end() -> None:
    note = added(b"", [made(fidelity="context"), made(Kind.BUILD, ok=True)])
    assert added(note, [made(minute=5, fidelity="context"), made(Kind.BUILD, minute=5, ok=True)]) == note
    grown = added(note, [made(minute=6, fidelity="adapted")])
    assert grown.startswith(note)
    assert [each.data for each in parse(grown) if each.kind is Kind.PICK] == [
        {"fidelity": "context"},
        {"fidelity": "adapted"},
    ]
    back = added(grown, [made(minute=7, fidelity="context")])  # it changed back: that is news
    assert len(parse(back)) == 4


def test_two_notes_of_one_commit_become_one_in_either_order() -> None:
    both = added(b"", [made(a=1)])
    ours, theirs = added(both, [made(Kind.VOTE, 3, b=2)]), added(both, [made(Kind.BUILD, 2, c=3)])
    assert united(ours, theirs) == united(theirs, ours)
    assert [each.kind for each in parse(united(ours, theirs))] == [Kind.PICK, Kind.BUILD, Kind.VOTE]
    assert united(ours, ours) == ours


def test_records_stand_in_git_notes_that_git_shows(git: Git, reader_of: ReaderOf) -> None:
    first, second = Sha(git.commit({"a": "1"})), Sha(git.commit({"a": "2"}))
    before = git("status", "--porcelain"), git.sha(), git.raw("config", "--local", "--list")
    reader = reader_of(git.path)
    assert notes.read(reader, first) == ()
    assert notes.read_all(reader) == {}
    notes.append(reader, {first: [made(a=1)], second: []})
    notes.append(reader, {first: [made(Kind.REGRESS, 1, verdict="fixes")], second: [made(Kind.PICK, 2, b=1)]})
    assert [each.kind for each in notes.read(reader, first)] == [Kind.PICK, Kind.REGRESS]
    assert notes.read_all(reader) == {
        first: (made(a=1), made(Kind.REGRESS, 1, verdict="fixes")),
        second: (made(Kind.PICK, 2, b=1),),
    }
    shown = git("notes", "--ref=cosport", "show", first)
    assert [json.loads(each)["kind"] for each in shown.splitlines()] == ["pick", "regress"]
    tip = git.sha("refs/notes/cosport")
    notes.append(reader, {first: [made(Kind.REGRESS, 9, verdict="fixes")]})
    assert git.sha("refs/notes/cosport") == tip, "nothing new was said"
    assert (git("status", "--porcelain"), git.sha(), git.raw("config", "--local", "--list")) == before


def test_git_reads_the_notes_when_they_fan_out(git: Git, reader_of: ReaderOf) -> None:
    names = [Sha(git.commit({"a": str(number)})) for number in range(300)]
    reader = reader_of(git.path)
    notes.append(reader, {name: [made(number=number)] for number, name in enumerate(names)})
    paths = git("ls-tree", "-r", "--name-only", "refs/notes/cosport").splitlines()
    assert sum("/" not in path for path in paths) == 256
    assert sorted(path.replace("/", "") for path in paths) == sorted(names)
    assert len(git("notes", "--ref=cosport", "list").splitlines()) == 300
    git("notes", "--ref=cosport", "append", "-m", "seen", names[7])
    notes.append(reader, {names[7]: [made(Kind.VOTE, label="Verified")], names[8]: [made(Kind.VOTE, label="x")]})
    found = notes.read_all(reader)
    assert len(found) == 300
    assert [each.kind for each in found[names[7]]] == [Kind.PICK, Kind.VOTE]
    assert "seen" in git("notes", "--ref=cosport", "show", names[7])


def test_no_writer_loses_records_to_another(git: Git, reader_of: ReaderOf) -> None:
    names = [Sha(git.commit({"a": str(number)})) for number in range(6)]

    def write(number: int) -> None:
        reader = reader_of(git.path)
        for step in range(4):
            notes.append(reader, {name: [made(Kind.VOTE, writer=number, step=step)] for name in names[number % 3 :]})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = notes.read_all(reader_of(git.path))
    said = {name: {(each.data["writer"], each.data["step"]) for each in found[name]} for name in names}
    for number in range(4):
        for name in names[number % 3 :]:
            assert {step for writer, step in said[name] if writer == number} == {0, 1, 2, 3}


def test_records_travel_by_fetch_and_push(git: Git, make_git: Callable[..., Git], reader_of: ReaderOf) -> None:
    name, other = Sha(git.commit({"a": "1"})), Sha(git.commit({"a": "2"}))
    house = make_git("house.git", bare=True)
    ends = []
    git("push", "-q", str(house.path), "main")
    for each in ("ada", "ben"):
        subprocess.run(["git", "clone", "-q", str(house.path), str(git.path.parent / each)], check=True)
        ends.append(reader_of(git.path.parent / each))
    ada, ben = ends
    notes.push(ada, "origin")  # none yet: nothing to do
    notes.append(ada, {name: [made(a=1)]})
    notes.push(ada, "origin")
    notes.append(ben, {name: [made(Kind.BUILD, 1, b=1)], other: [made(c=1)]})
    notes.push(ben, "origin")  # takes ada's in first
    assert notes.fetch(ada, "origin") == 2
    assert notes.read_all(ada) == notes.read_all(ben)
    assert [each.kind for each in notes.read(ada, name)] == [Kind.PICK, Kind.BUILD]
    assert notes.fetch(ada, "origin") == 0
    tip = house.sha("refs/notes/cosport")
    notes.push(ada, "origin")
    notes.push(ben, "origin")
    assert house.sha("refs/notes/cosport") == tip, "two ends that hold the same push nothing new"


def test_records_of_commits_that_are_not_here_travel_too(
    git: Git, make_git: Callable[..., Git], reader_of: ReaderOf
) -> None:
    git.commit({"a": "1"})
    house = make_git("house.git", bare=True)
    git("push", "-q", str(house.path), "main")
    mine, others = Sha(git.commit({"a": "mine"})), Sha("ab" * 20)  # each is in one repository only
    ada, ben = reader_of(git.path), reader_of(make_git("ben").path)
    address = f"file://{house.path}"  # which is no part of a ref's name
    notes.append(ada, {mine: [made(a=1)]})
    notes.push(ada, address)
    notes.append(ben, {others: [made(b=1)]})
    assert notes.push(ben, str(house.path)) == 1
    assert notes.fetch(ada, address) == 1
    assert notes.read_all(ada) == notes.read_all(ben) == {mine: (made(a=1),), others: (made(b=1),)}


def test_a_note_is_written_where_git_has_put_it(git: Git, reader_of: ReaderOf) -> None:
    names = [Sha(git.commit({"a": str(number)})) for number in range(140)]
    reader = reader_of(git.path)
    for name in names:  # git's own fan-out begins with fewer notes than ours
        git("notes", "--ref=cosport", "add", "-m", "a person's", name)
    before = set(git("ls-tree", "-r", "--name-only", "refs/notes/cosport").splitlines())
    assert any("/" in path for path in before)
    notes.append(reader, {name: [made(a=1)] for name in names})
    assert set(git("ls-tree", "-r", "--name-only", "refs/notes/cosport").splitlines()) == before
    assert git("notes", "--ref=cosport", "show", names[3]).count("a person's") == 1


def test_a_remote_that_refuses_is_an_error_with_its_words(
    git: Git, tmp_path_factory: pytest.TempPathFactory, reader_of: ReaderOf
) -> None:
    name = Sha(git.commit({"a": "1"}))
    reader = reader_of(git.path)
    notes.append(reader, {name: [made()]})
    with pytest.raises(GitError) as none:
        notes.fetch(reader, "origin")
    assert "git remote -v" in (none.value.hint or "")
    with pytest.raises(GitError):
        notes.push(reader, str(tmp_path_factory.mktemp("empty")))
    refusing = tmp_path_factory.mktemp("refusing")
    subprocess.run(["git", "init", "-q", "--bare", str(refusing)], check=True)
    hook = refusing / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho no notes here >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    git("remote", "add", "refusing", str(refusing))
    with pytest.raises(GitError, match="no notes here"):
        notes.push(reader, "refusing")


def test_without_a_name_for_the_user_nothing_is_written(
    git: Git, monkeypatch: pytest.MonkeyPatch, reader_of: ReaderOf
) -> None:
    name = Sha(git.commit({"a": "1"}))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(UsageError, match="who you are"):
        notes.append(reader_of(git.path), {name: [made()]})
    assert not git.exists("refs/notes/cosport")
