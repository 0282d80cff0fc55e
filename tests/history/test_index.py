from __future__ import annotations

import random
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from cosport.errors import MissingObjectError
from cosport.git.repository import Repository
from cosport.history import feed
from cosport.history.index import History
from cosport.history.schema import Kind
from cosport.model.commit import Sha
from tests.support import cosport

if TYPE_CHECKING:
    from pathlib import Path

    from tests.history.conftest import Asker
    from tests.support import Git


def index_file(git: Git) -> Path:
    return Repository.open(git.path).state_dir / "index.sqlite"


def count(history: History) -> int:
    row = history.store.one("SELECT count(*) FROM commits")
    assert row is not None
    return int(row[0])


def line(git: Git, length: int, *, branch: str = "main") -> list[str]:
    return [git.commit({"a": f"{branch}{number}\n"}, f"{branch} {number}", branch=branch) for number in range(length)]


def test_each_commit_is_indexed_once_with_ancestors_first(git: Git, ask: Asker) -> None:
    base = line(git, 3)
    git.branch("side", base[0])
    line(git, 2, branch="side")
    merge = git.commit({"a": "m\n"}, "merge", parents=[git.sha("main"), git.sha("side")])
    with ask.open() as history:
        assert count(history) == 6
        for sha in git("rev-list", merge).split():
            for parent in git("log", "-1", "--format=%P", sha).split():
                assert history.rank(Sha(parent)) < history.rank(Sha(sha))


def test_only_new_commits_are_read_and_they_rank_above_all_others(
    git: Git, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    line(git, 5)
    with ask.open() as history:
        last = history.rank(Sha(git.sha("main")))
    git.branch("old", "main~3")
    new = [git.commit({"b": "x\n"}, "on old", branch="old"), git.commit({"a": "y\n"}, "on main")]
    with ask.open() as history:
        assert count(history) == 7
        assert all(history.rank(Sha(sha)) > last for sha in new)

    def fail(*_args: object, **_kw: object) -> int:
        raise AssertionError("git log was run though nothing is new")

    monkeypatch.setattr(feed, "fill", fail)
    with ask.open():
        pass


def test_an_entry_holds_what_the_commit_says(git: Git, ask: Asker) -> None:
    sha = git.commit(
        {"a": "1\n"}, "über\nzwei Zeilen\n\nbody\n".encode("latin-1"), author="Jörg <j@x.org>".encode("latin-1"),
        encoding="ISO-8859-1", date="1600000000 +0200",
    )  # fmt: skip
    with ask.open() as history:
        entry = history.entry(history.rank(Sha(sha)))
        assert entry.subject == "über zwei Zeilen"
        assert entry.author == "Jörg"
        assert (entry.authored, entry.committed) == (1600000000, 1600000000)
        assert history.with_subject("über zwei Zeilen") == [entry.rank]


def test_odd_messages_keep_their_place(git: Git, ask: Asker) -> None:
    shas = [
        git.commit({"a": "1\n"}, b""),
        git.commit({"a": "2\n"}, b"\n\n  subject behind blank lines\n"),
        git.commit({"a": "3\n"}, b"not utf-8 \xff\xfe\n"),
        git.commit({"a": "4\n"}, b"crlf\r\n\r\nbody\r\n"),
        git.commit({"a": "5\n"}, b"long " + b"x" * 300_000),
    ]
    raw = git.raw("cat-file", "commit", shas[-1]).split(b"\n\n", 1)[0] + b"\n\nwith\0nul\n\nFixes: 0123456789ab\n"
    shas.append(git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw))
    git.branch("nul", shas[-1])
    with ask.open() as history:
        assert count(history) == 6
        assert [history.entry(history.rank(Sha(sha))).subject[:8] for sha in shas[1:4]] == [
            "subject ",
            "not utf-",
            "crlf",
        ]
        assert history.entry(history.rank(Sha(shas[-1]))).subject == "with"


def test_statements_are_found_by_the_sha_they_name(git: Git, ask: Asker) -> None:
    start = git.commit({"a": "1\n"}, "start")
    fix = git.commit(
        {"a": "2\n"},
        f'fix\n\nFixes: {start[:12]} ("start")\nStable-dep-of: {start[:10]} ("start")\n'
        "Cc: <stable@vger.kernel.org> # 5.4+\nChange-Id: I" + "a" * 40 + "\n",
    )
    with ask.open() as history:
        rank = history.rank(Sha(fix))
        assert [(each.rank, each.detail) for each in history.naming(Kind.FIXES, Sha(start))] == [(rank, "start")]
        assert [each.rank for each in history.naming(Kind.DEP_OF, Sha(start))] == [rank]
        assert [each.rank for each in history.saying(Kind.CHANGE_ID, "I" + "a" * 40)] == [rank]
        assert [each.detail for each in history.said_by(rank) if each.kind is Kind.CC_STABLE] == ["5.4+"]


def test_commits_given_at_run_time_are_indexed_when_asked_for(git: Git, ask: Asker) -> None:
    first, second = line(git, 2)
    with ask.open(first) as history:
        assert count(history) == 1
        assert history.contains(Sha(first), Sha(second))
        assert count(history) == 2
        with pytest.raises(MissingObjectError):
            history.ensure([Sha("1" * 40)])


def test_refs_lead_to_commits_through_tags_and_other_objects_are_left_out(git: Git, ask: Asker) -> None:
    first, second = line(git, 2)
    git("tag", "-a", "-m", "v1", "v1", first)
    git("tag", "-a", "-m", "v1 again", "v1-twice", "v1")
    git("tag", "blob", git("hash-object", "-w", "--stdin", stdin="x"))
    for expected in (first, second):
        with ask.open() as history:
            assert history.refs == {"refs/heads/main": second, "refs/tags/v1": expected, "refs/tags/v1-twice": first}
        with ask.open() as history:  # now as it was kept
            assert history.refs["refs/tags/v1"] == expected
        git("tag", "-f", "-a", "-m", "moved", "v1", second)


def test_linked_work_trees_share_one_index(git: Git, tmp_path: Path, ask: Asker) -> None:
    line(git, 2)
    git("worktree", "add", "-q", str(tmp_path / "linked"), "main~1")
    with ask.open():
        pass
    assert Repository.open(tmp_path / "linked").state_dir == index_file(git).parent


def test_sha256_repositories_are_indexed(make_git: object) -> None:
    git = make_git("long", sha256=True)  # type: ignore[operator]
    first, second = line(git, 2)
    with History.open(Repository.open(git.path)) as history:
        assert history.contains(Sha(first), Sha(second))
        assert history.starting(second[:9]) == [history.rank(Sha(second))]


def test_rebuild_starts_from_nothing(git: Git, ask: Asker) -> None:
    line(git, 3)
    with ask.open() as history:
        history.store.write("UPDATE commits SET subject = 'lie'")
    with History.open(Repository.open(git.path), rebuild=True) as history:
        assert history.store.rows("SELECT count(*) FROM commits WHERE subject = 'lie'") == [(0,)]
        assert count(history) == 3


def test_in_a_read_only_repository_it_works_in_memory(git: Git) -> None:
    shas = line(git, 3)
    common = Repository.open(git.path).common_dir
    common.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        answer = cosport("show", shas[2], cwd=git.path, restrained=True, check=0)
    finally:
        common.chmod(stat.S_IRWXU)
    assert "memory" in answer.err
    assert shas[2] in answer.out


def test_without_the_file_everything_is_found_again(git: Git, ask: Asker) -> None:
    shas = line(git, 3)
    assert ask.contains(shas[0], shas[2])
    shutil.rmtree(index_file(git).parent)
    assert ask.contains(shas[0], shas[2])


def test_with_many_tags_each_commit_is_still_indexed_once(git: Git, ask: Asker) -> None:
    chance = random.Random(7)
    made: list[str] = []
    for number in range(90):
        parents = chance.sample(made[-12:], k=min(len(made[-12:]), chance.choice([1, 1, 2])))
        date = f"{1_600_000_000 + chance.randrange(10_000)} +0000"
        made.append(git.commit({"a": f"{number}\n"}, f"c{number}", branch="work", parents=parents, date=date))
        git("tag", f"t{number}", made[-1])
    with ask.open() as history:
        assert count(history) == 90
        for sha in made:
            for parent in git("log", "-1", "--format=%P", sha).split():
                assert history.rank(Sha(parent)) < history.rank(Sha(sha))
        held = set(git("rev-list", made[-1]).split())
        assert {sha for sha in made if history.contains(Sha(sha), Sha(made[-1]))} == held


def test_hundreds_of_tips_are_told_to_git_at_once(git: Git, ask: Asker) -> None:
    base = line(git, 3)
    for number in range(40):
        git.commit({"b": "x\n"}, f"side {number}", branch=f"side-{number}", parents=[base[number % 3]])
    with ask.open(*base) as history:
        assert count(history) == 3
    stream = "".join(
        f"create refs/tags/a-name-that-takes-some-room-on-a-command-line-{number} {base[0]}\n" for number in range(3000)
    )
    git("update-ref", "--stdin", stdin=stream)
    with ask.open() as history:
        assert count(history) == 43


def test_a_commit_older_than_its_parents_still_ranks_above_them(git: Git, ask: Asker) -> None:
    """git prints by date: with wrong clocks a parent can come before its child, reached by another way."""
    chance = random.Random(3)
    made: list[str] = []
    for number in range(120):
        parents = chance.sample(made[-6:], k=min(len(made[-6:]), chance.choice([1, 2, 3])))
        date = f"{1_600_000_000 - number * chance.randrange(100)} +0000"
        made.append(git.commit({"a": f"{number}\n"}, f"c{number}", branch="work", parents=parents, date=date))
    git("update-ref", "refs/heads/main", made[60])
    printed = git("log", "--format=%H %P", "--all").splitlines()
    place = {row.split()[0]: number for number, row in enumerate(printed)}
    assert any(place[parent] < place[child] for child, *parents in map(str.split, printed) for parent in parents)
    for tips in (made[40:41], made):  # the second time most are new, and their parents are not
        with ask.open(*tips) as history:
            for sha in git("rev-list", *tips).split():
                rank = history.rank(Sha(sha))
                ranks = [history.rank(Sha(parent)) for parent in git("log", "-1", "--format=%P", sha).split()]
                first, *others = history.graph.parents(rank) or [-1]
                assert [first, *sorted(others)] == ([*ranks[:1], *sorted(ranks[1:])] or [-1])
                assert all(parent < rank for parent in ranks)
