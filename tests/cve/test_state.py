"""The state of a CVE in a branch, case by case, on real histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.cve.record import Pair, Record, Status
from cosport.cve.state import Held, Judgement, State, judge
from cosport.git.repository import Repository
from cosport.history.cves import BranchHistory
from cosport.history.index import History
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from tests.support import Git

NAME = "CVE-2024-26581"


def record(*pairs: tuple[str, str], mainline: tuple[str, ...] = ()) -> Record:
    return Record(NAME, Status.PUBLISHED, pairs=tuple(Pair(*pair) for pair in pairs), mainline=mainline)


def judged(git: Git, record: Record, tip: str, *, upstream: str = "") -> Judgement:
    top = Sha(git.sha(upstream)) if upstream else None
    with History.open(Repository.open(git.path), upstream=top) as history:
        return judge(record, BranchHistory(history, Sha(git.sha(tip))))


@pytest.fixture
def bug(git: Git) -> str:
    git.commit({"a": "0", "b": "0", "c": "0"}, "start")
    git.branch("before")
    return git.commit({"a": "1"}, "a: add")


@pytest.fixture
def fix(git: Git, bug: str) -> str:
    git.branch("stable")
    return git.commit({"b": "1"}, f'b: mend\n\nFixes: {bug[:12]} ("a: add")\n')


def test_a_branch_that_lacks_the_bug_is_not_affected(git: Git, bug: str, fix: str) -> None:
    found = judged(git, record((bug, fix)), "before")
    assert found.state is State.NOT_AFFECTED
    assert [each.held for each in found.introductions] == [Held.NO]


def test_affected_then_fixed_then_reverted_then_fixed_again(git: Git, bug: str, fix: str) -> None:
    told = record((bug[:12], fix[:12]))
    assert judged(git, told, "stable").state is State.AFFECTED
    pick = git.commit({"b": "1"}, f"b: mend\n\n(cherry picked from commit {fix})\n", branch="stable")
    found = judged(git, told, "stable")
    assert (found.state, found.fixes[0].holding.carrier) == (State.FIXED, pick)
    git.commit({"b": "0"}, f'Revert "b: mend"\n\nThis reverts commit {pick}.\n', branch="stable")
    assert judged(git, told, "stable").state is State.REVERTED
    git.commit({"b": "1"}, f"b: mend\n\n[ Upstream commit {fix} ]\n", branch="stable")
    assert judged(git, told, "stable").state is State.FIXED


def test_one_of_two_commits_that_fix_it_together_is_partial(git: Git, bug: str, fix: str) -> None:
    second = git.commit({"c": "1"}, "c: mend the rest")
    told = record((bug, fix), (bug, second), mainline=(fix, second))
    git.commit({"b": "1"}, f"b: mend\n\ncommit {fix} upstream.\n", branch="stable")
    assert judged(git, told, "stable").state is State.PARTIAL
    squash = f"b, c: mend\n\n(cherry picked from commit {fix})\n(cherry picked from commit {second})\n"
    git.branch("squashed", "stable~1")
    git.commit({"b": "1", "c": "1"}, squash, branch="squashed")
    assert judged(git, told, "squashed").state is State.FIXED


def test_without_marks_upstream_s_branch_tells_which_commits_are_needed_together(git: Git, bug: str, fix: str) -> None:
    git.branch("other", "stable")
    elsewhere = git.commit({"b": "1"}, f"b: mend here\n\ncommit {fix} upstream.\n", branch="other")
    second = git.commit({"c": "1"}, "c: mend the rest")
    git.commit({"b": "1"}, f"b: mend\n\ncommit {fix} upstream.\n", branch="stable")
    assert judged(git, record((bug, elsewhere), (bug, fix)), "stable", upstream="main").state is State.FIXED
    told = record((bug, elsewhere), (bug, fix), (bug, second))
    assert judged(git, told, "stable", upstream="main").state is State.PARTIAL


def test_a_fix_whose_bug_is_absent_is_not_needed(git: Git, bug: str, fix: str) -> None:
    worse = git.commit({"a": "2"}, "a: more")
    other = git.commit({"c": "1"}, "c: mend what came later")
    told = record((bug, fix), (worse, other), mainline=(fix, other))
    git.commit({"b": "1"}, f"b: mend\n\ncommit {fix} upstream.\n", branch="stable")
    assert judged(git, told, "stable").state is State.FIXED


def test_a_bug_that_came_by_a_backport(git: Git, bug: str, fix: str) -> None:
    git.commit({"a": "1"}, f"a: add\n\n(cherry picked from commit {bug})\n", branch="before")
    assert judged(git, record((bug, fix)), "before").state is State.AFFECTED


def test_a_bug_of_one_branch_alone_that_nothing_fixes_yet(git: Git, bug: str, fix: str) -> None:
    own = git.commit({"a": "9"}, "a: a mistake of this branch", branch="before")
    assert judged(git, record((bug, fix), (own, "")), "before").state is State.AFFECTED
    assert judged(git, record((own, "")), "stable").state is State.NOT_AFFECTED
    assert judged(git, record(("", "")), "stable").state is State.AFFECTED


def test_a_revert_can_be_the_fix(git: Git, bug: str) -> None:
    git.branch("stable")
    fix = git.commit({"a": "0"}, f'Revert "a: add"\n\nThis reverts commit {bug}.\n')
    told = record((bug, fix))
    assert judged(git, told, "main").state is State.FIXED
    assert judged(git, told, "stable").state is State.AFFECTED
    git.commit({"a": "0"}, f'Revert "a: add"\n\nThis reverts commit {bug}.\n', branch="stable")
    assert judged(git, told, "stable").state is not State.AFFECTED


def test_upstream_s_own_commits_may_be_known_by_messages_alone(git: Git) -> None:
    fix, bug = "1296c110c5a0b45a8fcf58e7d18bc5da61a565cb", "89a4d1a89751ff6c20f6ad68a7b6d6bd1a2b6f6a"
    git.commit({"a": "0"}, "start")
    told = record((bug, fix[:12]), ("f718863aca469a109895cb855e6b81fff4827d71", "6eb14441f106"))
    assert judged(git, told, "main").state is State.UNKNOWN
    pick = git.commit({"a": "1"}, f"a: mend\n\ncommit {fix} upstream.\n")
    assert judged(git, told, "main").state is State.FIXED
    git.commit({"a": "0"}, f'Revert "a: mend"\n\nThis reverts commit {pick}.\n')
    assert judged(git, told, "main").state is State.REVERTED


def test_a_short_name_that_fits_several_commits_is_never_guessed(git: Git, bug: str, fix: str) -> None:
    pick = git.commit({"b": "1"}, f"b: mend\n\ncommit {fix} upstream.\n", branch="stable")
    with History.open(Repository.open(git.path)) as history:
        history.store.write(
            "INSERT INTO commits VALUES (999, ?, x'', 0, x'', 0, 0)", (bytes.fromhex(fix[:14] + "0" * 26),)
        )
        found = judge(record((bug, fix[:12])), BranchHistory(history, Sha(pick)))
    assert found.state is State.UNKNOWN
    assert "fits 2 commits" in found.fixes[0].holding.evidence[0].detail


def test_a_shallow_clone_knows_no_absence(git: Git, bug: str, fix: str) -> None:
    git("clone", "-q", "--depth=1", f"file://{git.path}", "shallow", "--branch=before")
    from tests.support import Git as Repo

    shallow = Repo(git.path / "shallow")
    shallow("fetch", "-q", "--depth=1", "origin", bug, fix)
    assert judged(shallow, record((bug, fix)), "before").state is State.UNKNOWN


def test_a_rejected_record_is_rejected_whatever_the_branch_holds(git: Git, bug: str) -> None:
    assert judged(git, Record(NAME, Status.REJECTED), "main").state is State.REJECTED
