from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from cosport.git.repository import Repository
from cosport.history.affected import Verdict, affected, followups
from cosport.history.index import History
from cosport.model.commit import Sha
from cosport.model.evidence import EvidenceKind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.history.conftest import Asker
    from tests.support import Git


@pytest.fixture
def bug(git: Git) -> str:
    """`old` left before the bug came, `stable` after it."""
    git.commit({"a": "0\n", "b": "0\n"}, "start")
    git.branch("old")
    sha = git.commit({"a": "bug\n"}, "a: speed it up")
    git.branch("stable")
    return sha


def fix(git: Git, named: str, quoted: str = "a: speed it up") -> str:
    return git.commit({"a": "good\n"}, f'a: slow it down\n\nFixes: {named} ("{quoted}")\n')


def test_a_branch_with_the_culprit_is_affected(git: Git, bug: str, ask: Asker) -> None:
    answer = ask.affected(fix(git, bug[:12]), "stable")
    assert answer.verdict is Verdict.YES
    assert [each.kind for each in answer.evidence] == [EvidenceKind.FIXES_TARGET_PRESENT]


def test_a_branch_without_it_is_not(git: Git, bug: str, ask: Asker) -> None:
    answer = ask.affected(fix(git, bug[:12]), "old")
    assert answer.verdict is Verdict.NO
    assert [each.kind for each in answer.evidence] == [EvidenceKind.FIXES_TARGET_ABSENT]


def test_a_backport_of_the_culprit_counts(git: Git, bug: str, ask: Asker) -> None:
    sha = fix(git, bug[:12])
    git.commit({"a": "bug 2\n"}, f"a: speed it up\n\ncommit {bug} upstream.\n", branch="old")
    assert ask.affected(sha, "old").verdict is Verdict.YES


def test_a_reverted_culprit_does_not(git: Git, bug: str, ask: Asker) -> None:
    sha = fix(git, bug[:12])
    git.commit({"a": "0\n"}, f'Revert "a: speed it up"\n\nThis reverts commit {bug}.\n', branch="stable")
    answer = ask.affected(sha, "stable")
    assert answer.verdict is Verdict.NO
    assert "reverted by" in answer.evidence[0].detail


def test_an_unmarked_commit_that_looks_like_the_culprit_leaves_it_unknown(git: Git, bug: str, ask: Asker) -> None:
    git.commit({"a": "much the same bug\n"}, "a: speed it up", branch="old")
    answer = ask.affected(fix(git, bug[:12]), "old")
    assert answer.verdict is Verdict.UNKNOWN
    assert "may be there" in answer.evidence[0].detail
    assert ask.affected("main", "old^").verdict is Verdict.NO


def test_without_a_fixes_tag_it_is_unknown(git: Git, bug: str, ask: Asker) -> None:
    sha = git.commit({"a": "good\n"}, f"a: slow it down\n\nBroken since {bug}.\n")
    answer = ask.affected(sha, "old")
    assert answer.verdict is Verdict.UNKNOWN
    assert [each.kind for each in answer.evidence] == [EvidenceKind.AFFECTED_UNKNOWN]


def test_what_the_user_names_overrides_the_tags(git: Git, bug: str, ask: Asker) -> None:
    sha = fix(git, git.sha("main~1")[:12], "start")
    assert ask.affected(sha, "old").verdict is Verdict.YES
    assert ask.affected(sha, "old", bug).verdict is Verdict.NO


def test_a_wrong_sha_is_made_good_by_the_quoted_subject_and_marked(git: Git, bug: str, ask: Asker) -> None:
    sha = fix(git, "1" * 12)
    assert ask.affected(sha, "old").verdict is Verdict.NO
    answer = ask.affected(sha, "stable")
    assert answer.verdict is Verdict.YES
    assert "by its subject" in answer.evidence[0].detail
    assert bug[:12] in answer.evidence[0].detail


def test_a_tag_that_leads_nowhere_leaves_it_unknown(git: Git, bug: str, ask: Asker) -> None:
    sha = fix(git, "1" * 12, "never heard of")
    assert ask.affected(sha, "old").verdict is Verdict.UNKNOWN
    # One more culprit that is absent does not make it a no; one that is present makes it a yes.
    message = f'a: both\n\nFixes: {"1" * 12} ("never heard of")\nFixes: {bug[:12]} ("a: speed it up")\n'
    both = git.commit({"a": "x\n"}, message)
    assert ask.affected(both, "old").verdict is Verdict.UNKNOWN
    assert ask.affected(both, "stable").verdict is Verdict.YES


def test_a_stable_trees_sha_leads_to_upstreams_commit(git: Git, bug: str, ask: Asker) -> None:
    copy = git.commit({"a": "bug s\n"}, f"a: speed it up\n\ncommit {bug} upstream.\n", branch="old")
    sha = fix(git, copy[:12])
    assert ask.affected(sha, "stable").verdict is Verdict.YES


def test_a_revert_fixes_what_it_reverts(git: Git, bug: str, ask: Asker) -> None:
    sha = git.commit({"a": "0\n"}, f'Revert "a: speed it up"\n\nThis reverts commit {bug}.\n')
    assert ask.affected(sha, "stable").verdict is Verdict.YES
    assert ask.affected(sha, "old").verdict is Verdict.NO


def test_in_a_shallow_clone_absence_is_unknown(git: Git, bug: str, tmp_path: Path) -> None:
    sha = fix(git, bug[:12])
    for number in range(3):
        git.commit({"b": f"{number}\n"}, f"b: {number}", branch="old")
    clone = tmp_path / "shallow"
    url = f"file://{git.path}"
    subprocess.run(["git", "clone", "-q", "--depth=2", "--no-single-branch", url, str(clone)], check=True)
    with History.open(Repository.open(clone)) as history:
        answer = affected(history, Sha(sha), Sha(git.sha("old")))
    assert answer.verdict is Verdict.UNKNOWN


def test_followups_are_fixes_of_fixes_and_reverts_but_not_their_backports(git: Git, bug: str, ask: Asker) -> None:
    first = fix(git, bug[:12])
    second = git.commit({"a": "better\n"}, f'a: better\n\nFixes: {first[:12]} ("a: slow it down")\n')
    by_subject = git.commit({"a": "best\n"}, f'a: best\n\nFixes: {"2" * 12} ("a: better")\n')
    undone = git.commit({"a": "x\n"}, f'Revert "a: best"\n\nThis reverts commit {by_subject}.\n')
    git.commit({"b": "1\n"}, f"b: unrelated\n\nSee {first}.\n")
    git.commit(
        {"a": "s\n"},
        f'a: better\n\ncommit {second} upstream.\n\nFixes: {first[:12]} ("a: slow it down")\n',
        branch="stable",
    )
    with ask.open() as history:
        found = followups(history, Sha(bug))
        assert [(each.sha, each.kind) for each in found] == [
            (first, "fixes"), (second, "fixes"), (by_subject, "fixes"), (undone, "reverts"),
        ]  # fmt: skip
        assert [each.sha for each in followups(history, Sha(bug), within=Sha(second))] == [first, second]
        assert followups(history, Sha(undone)) == ()
