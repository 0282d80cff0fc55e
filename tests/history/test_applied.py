from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport.history import lines, samepatch
from cosport.history.applied import Applied, applied
from cosport.model.commit import Sha
from cosport.model.evidence import EvidenceKind

if TYPE_CHECKING:
    from tests.history.conftest import Asker
    from tests.support import Git

CHANGE_ID = "I" + "3868a66f701ed594dc4c5f3ee985efea8ac5649e"


@pytest.fixture
def fix(git: Git) -> str:
    """Upstream has a start, from which branch `stable` left, and a fix after it."""
    git.commit({"a.c": "one\n", "b.c": "b\n"}, "start")
    git.branch("stable")
    git.branch("other")
    return git.commit({"a.c": "two\n"}, "a: fix the count\n\nIt was one.\n")


def kinds(answer: Applied) -> list[EvidenceKind]:
    return [each.kind for each in answer.evidence]


def pick(git: Git, sha: str, text: str = "two\n", *, branch: str = "stable", subject: str = "a: fix the count") -> str:
    message = f"{subject}\n\nIt was one.\n\n(cherry picked from commit {sha})\nChange-Id: {CHANGE_ID}\n"
    return git.commit({"a.c": text}, message, branch=branch)


def test_a_branch_without_the_fix_does_not_hold_it(git: Git, fix: str, ask: Asker) -> None:
    assert not ask.applied(fix, "stable").applied
    assert ask.applied(fix, "stable").evidence == ()


def test_an_ancestor_is_applied(git: Git, fix: str, ask: Asker) -> None:
    git.commit({"b.c": "c\n"}, "later")
    answer = ask.applied(fix, "main")
    assert answer.applied
    assert answer.carrier == fix
    assert kinds(answer) == [EvidenceKind.ANCESTOR]


@pytest.mark.parametrize(
    "form",
    [
        "(cherry picked from commit {})",
        "(cherry-picked from commit {})",
        "(cherry picked from {} commit)",
        "(cherry picked from commit {} linux-stable)",
        "(backported from commit {})",
        "commit {} upstream.",
        "Commit: {} upstream",
        "commit commit {} upstream.",
        "[ Upstream commit {} ]",
        "[ upstream commit {} ]",
        "Upstream-commit: {}",
        "Git-commit: {}",
        "This is a backport of mainline commit {}",
        "master commit: {}",
        "mainline inclusion\nfrom mainline-v6.6-rc1\ncommit {}\ncategory: bugfix",
    ],
)
def test_every_known_form_of_origin_counts(git: Git, fix: str, ask: Asker, form: str) -> None:
    carrier = git.commit({"a.c": "adapted\n"}, f"a: fix the count\n\n{form.format(fix)}\n\nWords.\n", branch="stable")
    answer = ask.applied(fix, "stable")
    assert answer.applied
    assert answer.carrier == carrier
    assert kinds(answer) == [EvidenceKind.TRAILER]
    assert not ask.applied(fix, "other").applied


def test_the_change_id_of_the_carrier_comes_with_the_answer(git: Git, fix: str, ask: Asker) -> None:
    pick(git, fix)
    assert ask.applied(fix, "stable").change_id == CHANGE_ID


def test_a_commit_that_merely_mentions_a_sha_is_no_carrier(git: Git, fix: str, ask: Asker) -> None:
    git.commit(
        {"a.c": "else\n"},
        f"a: something else\n\nThis is similar to commit {fix} upstream fixes.\nIt was broken by\ncommit {fix}\n"
        f"and see {fix[:12]}.\n",
        branch="stable",
    )
    assert not ask.applied(fix, "stable").applied


def test_a_pick_of_a_pick_is_followed_to_upstream(git: Git, fix: str, ask: Asker) -> None:
    landed = pick(git, fix, "adapted\n")
    last = git.commit({"a.c": "more\n"}, f"a: fix\n\n(cherry picked from commit {landed})\n", branch="other")
    answer = ask.applied(fix, "other")
    assert answer.carrier == last
    assert answer.evidence[0].kind is EvidenceKind.TRAILER
    assert landed in answer.evidence[0].detail


def test_asked_with_a_backport_the_upstream_commit_in_the_branch_counts(git: Git, fix: str, ask: Asker) -> None:
    backport = pick(git, fix, "adapted\n")
    assert ask.applied(backport, "main").carrier == fix
    pick(git, fix, "other\n", branch="other")
    assert ask.applied(backport, "other").applied


def test_a_squash_is_no_pick_of_one_of_its_parts(git: Git, fix: str, ask: Asker) -> None:
    second = git.commit({"b.c": "two\n"}, "b: fix")
    squash = git.commit(
        {"a.c": "x\n", "b.c": "y\n"},
        f"a, b: fix both\n\n(cherry picked from commit {fix})\n(cherry picked from commit {second})\n",
        branch="stable",
    )
    pick(git, fix, "other\n", branch="other")
    assert ask.applied(fix, "stable").applied
    assert ask.applied(second, "stable").applied
    assert not ask.applied(squash, "other").applied


def test_the_same_patch_counts_without_any_trailer(git: Git, fix: str, ask: Asker) -> None:
    carrier = git.commit({"a.c": "two\n"}, "a totally different subject", branch="stable", author="Me <m@x.org>")
    answer = ask.applied(fix, "stable")
    assert answer.applied
    assert answer.carrier == carrier
    assert kinds(answer) == [EvidenceKind.PATCH_ID]


def test_another_patch_on_the_same_path_does_not_count(git: Git, fix: str, ask: Asker) -> None:
    git.commit({"a.c": "three\n"}, "another", branch="stable")
    assert not ask.applied(fix, "stable").applied


def test_a_revert_of_one_commit_with_the_same_patch_takes_back_the_others_before_it(
    git: Git, fix: str, ask: Asker
) -> None:
    first = git.commit({"a.c": "two\n"}, "a: count", branch="stable")
    gone = git.commit({"a.c": "one\n"}, f"a: no\n\nThis reverts commit {fix}.\n", branch="stable")
    git.commit({"a.c": "two\n"}, f"a: yes\n\nThis reverts commit {gone}.\n", branch="stable")
    assert ask.applied(fix, "stable").applied
    git.commit({"a.c": "one\n"}, f"a: at last no\n\nThis reverts commit {first}.\n", branch="stable")
    assert not ask.applied(fix, "stable").applied


def test_two_binary_changes_of_one_file_are_not_the_same_patch(git: Git, ask: Asker) -> None:
    git.commit({"logo": b"\0one"}, "start")
    git.branch("stable")
    upstream = git.commit({"logo": b"\0two"}, "new logo")
    git.commit({"logo": b"\0three"}, "own logo", branch="stable")
    assert not ask.applied(upstream, "stable").applied
    git.branch("same", "main~1")
    git.commit({"logo": b"\0two"}, "the logo", branch="same")
    assert ask.applied(upstream, "same").applied


def test_an_equal_subject_is_told_and_never_enough(git: Git, fix: str, ask: Asker) -> None:
    git.commit({"a.c": "three\n"}, "a: fix the count", branch="stable")
    answer = ask.applied(fix, "stable")
    assert not answer.applied
    assert kinds(answer) == [EvidenceKind.SUBJECT]


def test_an_equal_subject_by_another_author_is_nothing(git: Git, fix: str, ask: Asker) -> None:
    git.commit({"a.c": "three\n"}, "a: fix the count", branch="stable", author="Else <e@x.org>")
    assert ask.applied(fix, "stable").evidence == ()


def revert(git: Git, sha: str, text: str, *, branch: str = "stable", subject: str = "a: fix the count") -> str:
    return git.commit({"a.c": text}, f'Revert "{subject}"\n\nThis reverts commit {sha}.\n', branch=branch)


def test_a_reverted_pick_is_not_applied_and_counts_as_a_generation(git: Git, fix: str, ask: Asker) -> None:
    landed = pick(git, fix)
    revert(git, landed, "one\n")
    answer = ask.applied(fix, "stable")
    assert not answer.applied
    assert answer.generation == 1
    assert answer.change_id is None
    assert EvidenceKind.REVERTED in kinds(answer)


def test_a_pick_after_the_revert_counts_again(git: Git, fix: str, ask: Asker) -> None:
    revert(git, pick(git, fix), "one\n")
    again = pick(git, fix, "twice\n")
    answer = ask.applied(fix, "stable")
    assert answer.applied
    assert answer.carrier == again
    assert answer.generation == 1


def test_a_reverted_revert_restores(git: Git, fix: str, ask: Asker) -> None:
    landed = pick(git, fix)
    first = revert(git, landed, "one\n")
    revert(git, first, "two and\n", subject='Revert "a: fix the count"')
    assert ask.applied(fix, "stable").carrier == landed
    third = git.commit({"a.c": "x\n"}, f'Reapply "a: fix the count"\n\nThis reverts commit {first}.\n', branch="stable")
    revert(git, third, "one\n", subject='Reapply "a: fix the count"')
    # Of the two that took the revert back, one stands.
    assert ask.applied(fix, "stable").applied


def test_a_reverted_reapply_is_gone_again(git: Git, fix: str, ask: Asker) -> None:
    landed = pick(git, fix)
    first = revert(git, landed, "one\n")
    second = git.commit(
        {"a.c": "x\n"}, f'Reapply "a: fix the count"\n\nThis reverts commit {first}.\n', branch="stable"
    )
    assert ask.applied(fix, "stable").applied
    revert(git, second, "one\n", subject='Reapply "a: fix the count"')
    assert not ask.applied(fix, "stable").applied


def test_this_reapplies_brings_it_back(git: Git, fix: str, ask: Asker) -> None:
    landed = pick(git, fix)
    revert(git, landed, "one\n")
    back = git.commit({"a.c": "x\n"}, f"a: once more\n\nThis reapplies commit {landed}.\n", branch="stable")
    assert ask.applied(fix, "stable").carrier == back


def test_a_revert_that_names_upstream_takes_back_the_earlier_pick_alone(git: Git, fix: str, ask: Asker) -> None:
    pick(git, fix)
    revert(git, fix, "one\n")
    assert not ask.applied(fix, "stable").applied
    again = pick(git, fix, "again\n")
    assert ask.applied(fix, "stable").carrier == again


def test_the_pick_of_an_upstream_revert_takes_it_back(git: Git, fix: str, ask: Asker) -> None:
    pick(git, fix, "adapted\n")
    undone = revert(git, fix, "one\n", branch="main")
    git.commit({"a.c": "one\n"}, f"a: back to one\n\ncommit {undone} upstream.\n\nWords.\n", branch="stable")
    assert not ask.applied(fix, "stable").applied
    assert ask.applied(undone, "stable").applied


def test_upstream_reverted_upstream_is_not_applied_there(git: Git, fix: str, ask: Asker) -> None:
    revert(git, fix, "one\n", branch="main")
    assert not ask.applied(fix, "main").applied
    assert ask.applied(fix, "main").generation == 0


def test_a_revert_elsewhere_changes_nothing_here(git: Git, fix: str, ask: Asker) -> None:
    landed = pick(git, fix)
    pick(git, fix, branch="other")
    revert(git, landed, "one\n", branch="stable")
    assert ask.applied(fix, "other").applied


def test_a_revert_by_subject_alone_counts_in_doubt(git: Git, fix: str, ask: Asker) -> None:
    pick(git, fix)
    git.commit({"a.c": "one\n"}, 'stable: Revert "a: fix the count"\n\nIt broke things.\n', branch="stable")
    assert not ask.applied(fix, "stable").applied


def test_a_revert_is_no_carrier_of_what_it_reverts(git: Git, fix: str, ask: Asker) -> None:
    git.commit(
        {"b.c": "x\n"},
        f'Revert "a: fix the count"\n\nThis reverts commit {"1" * 40}, once\n\n(cherry picked from commit {fix})\n',
        branch="stable",
    )
    assert not ask.applied(fix, "stable").applied
    git.commit({"b.c": "y\n"}, f"Undo\n\nThis reverts commit {fix}.\n\ncommit {fix} upstream.\n", branch="other")
    assert not ask.applied(fix, "other").applied


def test_a_pick_of_an_upstream_revert_is_applied_where_the_reverted_was_not(git: Git, fix: str, ask: Asker) -> None:
    undone = revert(git, fix, "one\n", branch="main")
    git.commit(
        {"b.c": "x\n"},
        f'Revert "a: fix the count"\n\nThis reverts commit {fix}.\n\n(cherry picked from commit {undone})\n',
        branch="stable",
    )
    assert ask.applied(undone, "stable").applied
    assert not ask.applied(fix, "stable").applied


def test_a_short_sha_is_found_and_an_ambiguous_one_needs_the_subject(
    git: Git, fix: str, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    git.commit({"a.c": "x\n"}, f"a: fix the count\n\ncommit {fix[:8]} upstream.\n", branch="stable")
    git.commit({"a.c": "x\n"}, f"a: retold\n\ncommit {fix[:8]} upstream.\n", branch="other")
    assert ask.applied(fix, "stable").applied
    assert ask.applied(fix, "other").applied

    from cosport.history.index import History

    plain = History.starting

    def twins(self: History, prefix: str) -> list[int]:
        found = plain(self, prefix)
        return [*found, 0] if prefix == fix[:8] else found  # as if the first commit's name began so, too

    monkeypatch.setattr(History, "starting", twins)
    assert ask.applied(fix, "stable").applied
    assert not ask.applied(fix, "other").applied


def test_a_target_between_tips_sees_only_what_came_before_it(git: Git, fix: str, ask: Asker) -> None:
    before = git.sha("stable")
    landed = pick(git, fix)
    after = git.commit({"b.c": "x\n"}, "later", branch="stable")
    assert not ask.applied(fix, before).applied
    assert ask.applied(fix, landed).applied
    assert ask.applied(fix, after).applied
    revert(git, landed, "one\n")
    assert ask.applied(fix, after).applied
    assert not ask.applied(fix, "stable").applied


def test_a_fix_that_came_by_a_merged_side_branch_counts(git: Git, fix: str, ask: Asker) -> None:
    side = pick(git, fix, branch="other")
    git.commit({"b.c": "x\n"}, "work", branch="stable")
    git.commit({"a.c": "two\n"}, "Merge other", branch="stable", parents=[git.sha("stable"), side])
    assert ask.applied(fix, "stable").carrier == side
    assert not ask.applied(fix, "stable~1").applied


def test_replace_refs_do_not_change_the_answer(git: Git, fix: str, ask: Asker) -> None:
    own = git.commit({"b.c": "q\n"}, "own work", branch="stable")
    forged = pick(git, fix, branch="scratch")
    git("replace", own, forged)
    git("update-ref", "-d", "refs/heads/scratch")
    assert not ask.applied(fix, "stable").applied


def silent(git: Git, fix: str, text: str = "two, adapted\n", **kwargs: str) -> str:
    """A pick of `fix` to stable that says nothing: git keeps subject, author and author's time."""
    when = git("log", "-1", "--format=%ad", "--date=raw", fix)
    return git.commit({"a.c": text}, "a: fix the count\n\nOther words.\n", branch="stable", date=when, **kwargs)


def test_a_pick_that_says_nothing_is_known_by_its_author_and_second(git: Git, fix: str, ask: Asker) -> None:
    carrier = silent(git, fix)
    answer = ask.applied(fix, "stable")
    assert (answer.applied, answer.carrier) == (True, carrier)
    assert kinds(answer) == [EvidenceKind.AUTHORSHIP]
    assert not ask.applied(fix, "stable^").applied
    assert not ask.applied(fix, "other").applied


def test_a_silent_pick_that_was_reverted_is_not_applied(git: Git, fix: str, ask: Asker) -> None:
    revert(git, silent(git, fix), "one\n")
    answer = ask.applied(fix, "stable")
    assert not answer.applied
    assert EvidenceKind.REVERTED in kinds(answer)


def test_another_author_of_that_second_is_no_silent_pick(git: Git, fix: str, ask: Asker) -> None:
    silent(git, fix, author="Somebody Else <else@example.org>")
    assert not ask.applied(fix, "stable").applied


def test_a_silent_pick_of_something_else_that_it_names_is_none_of_this(git: Git, fix: str, ask: Asker) -> None:
    when = git("log", "-1", "--format=%ad", "--date=raw", fix)
    message = f"a: fix the count\n\n(cherry picked from commit {'1' * 40})\n"
    git.commit({"a.c": "three\n"}, message, branch="stable", date=when)
    assert not ask.applied(fix, "stable").applied


def test_seconds_that_a_script_made_tell_nothing(git: Git, ask: Asker) -> None:
    same = "1500000000 +0000"
    git.commit({"a.c": "one\n", "b.c": "b\n"}, "start", date=same)
    git.branch("stable")
    fix = git.commit({"a.c": "two\n"}, "a: fix the count", date=same)
    git.commit({"b.c": "another\n"}, "a: fix the count", branch="stable", date=same)
    answer = ask.applied(fix, "stable")
    assert not answer.applied
    assert kinds(answer) == [EvidenceKind.SUBJECT]


def test_a_commit_split_in_two_has_no_silent_pick(git: Git, fix: str, ask: Asker) -> None:
    when = git("log", "-1", "--format=%ad", "--date=raw", fix)
    git.commit({"b.c": "its other half\n"}, "a: fix the count", date=when)
    silent(git, fix)
    with ask.open() as history:
        history.upstream = history.rank(Sha(git.sha("main")))
        assert not applied(history, Sha(fix), Sha(git.sha("stable"))).applied


@pytest.mark.usefixtures("fix")
def test_a_branch_that_stands_on_upstream_is_looked_through_from_there_on(git: Git, ask: Asker) -> None:
    """Upstream's tip is on the first-parent line of the branch itself."""
    git.branch("next", "main")
    git.commit({"a.c": "one\n"}, "undone by hand", branch="next")
    again = git.commit({"a.c": "two\n"}, "other words", branch="next", author="Me <m@x.org>")
    mine = git.commit({"a.c": "two\n"}, "by mail", branch="stable")
    with ask.open_with_upstream("main") as history:
        answer = applied(history, Sha(mine), Sha(again))
    assert (answer.applied, answer.carrier) == (True, again)


@pytest.mark.parametrize("upstream", ["main", None])
def test_a_commit_that_is_not_upstreams_is_found_as_upstreams_own_by_subject_and_patch(
    git: Git, fix: str, ask: Asker, upstream: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = git("log", "-1", "--format=%s", fix)
    mine = git.commit({"a.c": "two\n"}, subject, branch="stable", author="Me <m@x.org>")
    other = git.commit({"a.c": "two\n"}, "other words", branch="apart", parents=[git.sha("main~1")])
    git.branch("holder", "main")
    git.commit({"c.c": "x\n"}, "own", branch="holder")
    if upstream is None:
        monkeypatch.setattr(samepatch, "_MOST", 0)
    with ask.open_with_upstream(upstream) as history:
        answer = applied(history, Sha(mine), Sha(git.sha("holder")))
        assert (answer.applied, answer.carrier) == (True, fix)
        assert kinds(answer) == [EvidenceKind.PATCH_ID]
        assert not applied(history, Sha(other), Sha(git.sha("holder"))).applied


def test_what_the_first_question_needs_is_there_when_the_index_is(
    git: Git, fix: str, ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = git.commit({"a.c": "two\n"}, "other words", branch="stable")
    git.commit({"b.c": "x\n"}, "more", branch="stable")
    other = git.commit({"b.c": "y\n"}, "on main")
    with ask.open_with_upstream("main"):
        pass

    def fail(*_args: object) -> None:
        raise AssertionError("a whole line is looked through")

    monkeypatch.setattr(lines, "chain", fail)
    monkeypatch.setattr(samepatch, "exclusive", fail)
    with ask.open_with_upstream("main") as history:
        assert applied(history, Sha(fix), Sha(git.sha("stable"))).carrier == carrier
        assert not applied(history, Sha(other), Sha(git.sha("stable"))).applied


def test_a_subject_in_latin_1_without_a_header_is_found_as_any_other(git: Git, ask: Asker) -> None:
    git.commit({"a.c": "one\n"}, "start")
    git.branch("stable")
    git.branch("taken-back")
    subject = b"a: gr\xf6\xdfer"
    date = "1300000000 +0000"
    fix = git.commit({"a.c": "two\n"}, subject + b"\n\nIt was one.\n", date=date)
    git.commit({"a.c": "two\nadapted\n"}, subject + b"\n\nIt was one.\n", date=date, branch="stable")
    assert kinds(ask.applied(fix, "stable")) == [EvidenceKind.AUTHORSHIP]
    pick(git, fix, branch="taken-back")
    git.commit({"a.c": "one\n"}, b'Revert "' + subject + b'"\n\nNo good.\n', branch="taken-back")
    assert not ask.applied(fix, "taken-back").applied
