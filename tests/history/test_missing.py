from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.history.missing import How, Missing, Word, missing
from cosport.model.commit import Sha
from cosport.model.evidence import EvidenceKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.history.conftest import Asker
    from tests.support import Git


@pytest.fixture
def lacks(git: Git, ask: Asker) -> Callable[..., list[Missing]]:
    def lack(branch: str = "stable", upstream: str = "main") -> list[Missing]:
        with ask.open() as history:
            return list(missing(history, Sha(git.sha(upstream)), Sha(git.sha(branch))))

    return lack


@pytest.fixture
def bug(git: Git) -> str:
    """Upstream has a start and a bug; branch `stable` left after it."""
    git.commit({"a.c": "one\n", "b.c": "b\n"}, "start")
    sha = git.commit({"a.c": "bug\n"}, "a: count")
    git.branch("stable")
    return sha


def fixing(git: Git, sha: str, subject: str = "a: fix the count", text: str = "good\n", **more: str) -> str:
    quoted = git("log", "-1", "--format=%s", sha)
    return git.commit({"a.c": text}, f'{subject}\n\nFixes: {sha[:12]} ("{quoted}")\n', **more)


def reverting(git: Git, sha: str, text: str = "one\n", branch: str = "main") -> str:
    quoted = git("log", "-1", "--format=%s", sha)
    return git.commit({"a.c": text}, f'Revert "{quoted}"\n\nThis reverts commit {sha}.\n', branch=branch)


def picking(git: Git, sha: str, text: str, branch: str = "stable", message: str = "") -> str:
    quoted = message or git("log", "-1", "--format=%B", sha).rstrip("\n")
    return git.commit({"a.c": text}, f"{quoted}\n\n(cherry picked from commit {sha})\n", branch=branch)


def shas(found: list[Missing]) -> list[str]:
    return [each.commit.sha for each in found]


def test_a_fix_of_what_the_branch_holds_by_ancestry_is_missing(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fix = fixing(git, bug)
    (found,) = lacks()
    assert found.commit.sha == fix
    assert found.verdict is Word.MISSING
    (reason,) = found.reasons
    assert (reason.kind, reason.sha, reason.named, reason.how) == ("fixes", bug, bug[:12], How.SHA)
    assert [each.kind for each in reason.held] == [EvidenceKind.ANCESTOR]
    assert reason.reverted_by is None


def test_a_fix_of_what_the_branch_holds_as_a_backport_is_missing(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    feature = git.commit({"a.c": "feature\n"}, "a: feature")
    fix = fixing(git, feature)
    assert lacks() == []
    carrier = picking(git, feature, "adapted\n")
    (found,) = lacks()
    assert found.commit.sha == fix
    assert [each.kind for each in found.reasons[0].held] == [EvidenceKind.TRAILER]
    assert carrier[:12] in found.reasons[0].held[0].detail


def test_what_it_fixes_is_known_to_be_there_by_the_same_patch(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    feature = git.commit({"a.c": "feature\n"}, "a: feature")
    fix = fixing(git, feature)
    git.commit({"a.c": "feature\n"}, "a: feature", branch="stable")
    (found,) = lacks()
    assert found.commit.sha == fix
    assert [each.kind for each in found.reasons[0].held] == [EvidenceKind.PATCH_ID]


def test_the_same_patch_is_found_under_another_subject_by_author_and_time(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fix = fixing(git, bug)
    date = git("log", "-1", "--format=%ad", "--date=raw", fix)
    git.commit({"a.c": "good\n"}, "UPSTREAM: another subject", branch="stable", date=date)
    assert lacks() == []


def test_the_same_subject_alone_does_not_make_a_fix_applied(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fix = fixing(git, bug)
    git.commit({"a.c": "something else\n"}, "a: fix the count", branch="stable")
    (found,) = lacks()
    assert found.commit.sha == fix
    assert found.verdict is Word.MAYBE
    assert [each.kind for each in found.evidence] == [EvidenceKind.SUBJECT]


@pytest.mark.parametrize("how", ["trailer", "ancestor", "patch"])
def test_a_fix_that_the_branch_has_is_not_missing(
    git: Git, bug: str, lacks: Callable[..., list[Missing]], how: str
) -> None:
    fix = fixing(git, bug)
    if how == "trailer":
        picking(git, fix, "adapted\n", message="other words")
    elif how == "patch":
        git.commit({"a.c": "good\n"}, "a: fix the count", branch="stable")
    else:
        git.branch("stable")
    assert lacks() == []


def test_a_fix_that_was_reverted_on_the_branch_is_missing_and_says_so(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fix = fixing(git, bug)
    carrier = picking(git, fix, "good\n")
    reverting(git, carrier, "bug\n", branch="stable")
    (found,) = lacks()
    assert found.commit.sha == fix
    assert found.verdict is Word.MAYBE
    assert [each.kind for each in found.evidence] == [EvidenceKind.REVERTED]


def test_what_the_branch_reverted_needs_no_fix(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    fixing(git, bug)
    reverting(git, bug, branch="stable")
    assert lacks() == []


def test_a_fix_of_a_missing_fix_is_missing_too(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    first = fixing(git, bug, text="better\n")
    second = fixing(git, first, "a: fix the fix", "good\n")
    third = fixing(git, second, "a: fix the fix of the fix", "best\n")
    found = lacks()
    assert shas(found) == [first, second, third]
    assert found[1].reasons[0].held == ()
    picking(git, first, "better\n")
    found = lacks()
    assert shas(found) == [second, third]
    assert found[0].reasons[0].held != ()


def test_a_fix_of_what_the_branch_never_had_is_not_missing(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    feature = git.commit({"a.c": "feature\n"}, "a: feature")
    fixing(git, fixing(git, feature), "a: fix the fix", "best\n")
    assert lacks() == []


def test_an_upstream_revert_of_what_the_branch_holds_is_missing(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    revert = reverting(git, bug)
    (found,) = lacks()
    assert found.commit.sha == revert
    assert found.reasons[0].kind == "reverts"
    assert found.reasons[0].reverted_by is None
    picking(git, revert, "one\n")
    assert lacks() == []


def test_a_revert_that_names_no_commit_is_found_by_the_subject_and_marked(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    revert = git.commit({"a.c": "one\n"}, 'Revert "a: count"\n\nIt broke all.\n')
    (found,) = lacks()
    assert found.commit.sha == revert
    assert (found.reasons[0].how, found.reasons[0].named) == (How.SUBJECT, "")
    assert found.verdict is Word.MAYBE


def test_a_fix_and_its_revert_upstream_cancel(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    fix = fixing(git, bug)
    revert = reverting(git, fix, "bug\n")
    assert lacks() == []
    picking(git, fix, "good\n")
    assert shas(lacks()) == [revert]  # the branch took the fix and lacks its revert


def test_a_fix_reverted_and_applied_again_is_missing_once(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fix = fixing(git, bug)
    again = reverting(git, reverting(git, fix, "bug\n"), "good\n")
    assert shas(lacks()) == [fix]
    carrier = picking(git, fix, "good\n")
    assert lacks() == []
    reverting(git, carrier, "bug\n", branch="stable")
    assert shas(lacks()) == [again]  # the branch's own revert is upstream's, as the same patch


def test_the_revert_of_a_revert_that_the_branch_took_brings_the_fixes_back(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    revert = reverting(git, bug)
    again = reverting(git, revert, "bug\n")
    fix = fixing(git, bug)
    picking(git, revert, "one\n")
    found = lacks()
    assert shas(found) == [again, fix]
    assert found[1].reasons[0].held == ()


def test_what_upstream_reverted_since_is_told_of(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    fix = fixing(git, bug)
    revert = reverting(git, bug)
    found = lacks()
    assert shas(found) == [fix, revert]
    assert found[0].reasons[0].reverted_by == revert


def test_a_wrong_sha_is_resolved_by_the_quoted_subject_and_marked(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fix = git.commit({"a.c": "good\n"}, 'a: fix\n\nFixes: 0123456789ab ("a: count")\n')
    (found,) = lacks()
    assert found.commit.sha == fix
    assert found.verdict is Word.MAYBE
    assert (found.reasons[0].sha, found.reasons[0].how) == (bug, How.SUBJECT)


def test_the_sha_of_a_backport_leads_to_what_was_backported(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    feature = git.commit({"a.c": "feature\n"}, "a: feature")
    git.branch("other", "stable")
    elsewhere = picking(git, feature, "adapted elsewhere\n", branch="other")
    fix = git.commit({"a.c": "good\n"}, f'a: fix\n\nFixes: {elsewhere[:12]} ("a: feature")\n')
    assert lacks() == []
    picking(git, feature, "adapted\n")
    (found,) = lacks()
    assert found.commit.sha == fix
    assert (found.reasons[0].sha, found.reasons[0].how) == (feature, How.BACKPORT)
    assert found.verdict is Word.MISSING


def test_a_fix_that_upstream_has_twice_is_named_once(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    fix = fixing(git, bug)
    git("update-ref", "refs/heads/next", bug)
    twice = picking(git, fix, "good\n", branch="next")
    git.commit({"a.c": "good\n"}, "Merge next", parents=[fix, twice])
    assert shas(lacks()) == [fix]


def test_a_merge_is_no_candidate(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    side = git.commit({"b.c": "side\n"}, "b: side", parents=[bug], branch="side")
    main = git.commit({"b.c": "main\n"}, "b: main")
    git.commit({"a.c": "evil\n"}, f'Merge side\n\nFixes: {bug[:12]} ("a: count")\n', parents=[main, side])
    assert lacks() == []


def test_only_what_the_named_upstream_holds_counts(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    git.branch("next")
    fixing(git, bug, branch="next")
    git.commit({"b.c": "more\n"}, "b: more")
    assert lacks() == []
    assert len(lacks(upstream="next")) == 1


def test_a_branch_at_upstreams_tip_or_beyond_lacks_nothing(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    fixing(git, bug)
    git.branch("stable")
    assert lacks() == []
    git.commit({"b.c": "own\n"}, "b: own", branch="stable")
    assert lacks() == []


def test_the_stable_tags_are_told(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    git.commit(
        {"a.c": "good\n"},
        f'a: fix\n\nCc: <stable@vger.kernel.org> # v5.4+\nFixes: {bug[:12]} ("a: count")\n',
    )
    assert lacks()[0].stable == ("v5.4+",)


def test_a_fix_of_two_commits_gives_both_reasons(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    other = git.commit({"b.c": "feature\n"}, "b: feature")
    git.commit({"a.c": "good\n"}, f'a: fix\n\nFixes: {bug[:12]} ("a: count")\nFixes: {other[:12]} ("b: feature")\n')
    (found,) = lacks()
    assert [each.sha for each in found.reasons] == [bug]  # the other one is not here
    git.branch("newer", other)
    (found,) = lacks("newer")
    assert [each.sha for each in found.reasons] == [bug, other]


def test_reverting_and_fixing_one_commit_gives_both_reasons(
    git: Git, bug: str, lacks: Callable[..., list[Missing]]
) -> None:
    git.commit(
        {"a.c": "one\n"},
        f'Revert "a: count"\n\nThis reverts commit {bug}.\n\nFixes: {bug[:12]} ("a: count")\n',
    )
    (found,) = lacks()
    assert {each.kind for each in found.reasons} == {"fixes", "reverts"}


def test_what_only_a_sentence_blames_may_be_missing(git: Git, bug: str, lacks: Callable[..., list[Missing]]) -> None:
    fix = git.commit({"a.c": "good\n"}, f"a: fix the count\n\nSince commit {bug[:10]} it is one too many.\n")
    (found,) = lacks()
    assert found.commit.sha == fix
    assert found.verdict is Word.MAYBE
    (reason,) = found.reasons
    assert (reason.kind, reason.sha, reason.named, reason.how) == ("fixes", bug, bug[:10], How.SENTENCE)
    assert reason.held[0].kind is EvidenceKind.ANCESTOR


def test_a_tag_says_more_than_a_sentence_beside_it(git: Git, lacks: Callable[..., list[Missing]]) -> None:
    old = git.commit({"a.c": "old\n"}, "a: old")
    git.branch("stable")
    bug = git.commit({"a.c": "bug\n"}, "a: count")
    git.commit({"a.c": "good\n"}, f'a: fix\n\nNot broken by commit {old[:12]}.\n\nFixes: {bug[:12]} ("a: count")\n')
    assert lacks() == []
