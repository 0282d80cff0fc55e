"""What a conflicting pick needs first, asked of small repositories where the answer is known."""

from __future__ import annotations

from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from cosport.backport.context import Context
from cosport.backport.prerequisites import Found, Limits, Status, as_prerequisites, prerequisites, upstream_pool
from cosport.config import Config
from cosport.errors import RevisionError
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.model.commit import Sha
from cosport.model.result import Advice, Stretch

if TYPE_CHECKING:
    from tests.support import Git

FILE = "drivers/a.c"


def text(**changed: str) -> str:
    """Forty different lines; `l7="x"` makes the seventh one "x", "" takes it out."""
    lines = (changed.get(f"l{number}", f"line {number} of the driver;") for number in range(1, 41))
    return "".join(f"{line}\n" for line in lines if line)


def ask(
    git: Git, commit: str, *, onto: str = "stable", limits: Limits | None = None, mainline: int | None = None
) -> Found:
    """The prerequisites of `commit` on a branch, of all that upstream has."""
    repository = Repository.open(git.path)
    with ExitStack() as stack:
        reader = stack.enter_context(ObjectReader(repository))
        history = stack.enter_context(History.open(repository))
        context = Context(repository, reader, history, Config(source="test"), Sha(git.sha("main")))
        picked, target = reader.resolve(commit), reader.resolve(onto).sha
        place = stack.enter_context(quarantine(repository))
        pool = upstream_pool(context, picked, target, mainline=mainline)
        return prerequisites(context, place, picked, target, candidates=pool, limits=limits, mainline=mainline)


def names(found: Found) -> list[str]:
    """The commits of the best set, in its order."""
    return [need.commit for need in found.sets[0]] if found.sets else []


@pytest.fixture
def start(git: Git) -> Git:
    """Upstream has one file, and branch `stable` has just left it."""
    git.commit({FILE: text(), "other.c": "other\n"}, "start")
    git.branch("stable")
    return git


def test_a_chain_is_found_whole_and_in_order(start: Git) -> None:
    chain = [start.commit({FILE: text(l20=word)}, f"a: {word}") for word in ("first", "second", "third")]
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    found = ask(start, fix)
    assert found.status is Status.FOUND
    assert names(found) == chain
    first, second, third = found.sets[0]
    assert first.needed_by == (second.commit, third.commit)
    assert third.needed_by == ()
    assert third.resolves == (FILE.encode(),)
    assert [spot.ours for spot in third.removes] == [(19, 20)]


def test_the_tree_is_what_git_itself_makes_of_the_series(start: Git) -> None:
    chain = [start.commit({FILE: text(l20=word)}, f"a: {word}") for word in ("first", "second")]
    start.commit({FILE: text(l20="second", l5="noise")}, "a: noise")
    fix = start.commit({FILE: text(l20="fixed", l5="noise")}, "a: fix it")
    found = ask(start, fix)
    assert names(found) == chain
    start.checkout("stable")
    start("cherry-pick", *names(found), fix)
    assert found.tree == start.tree("HEAD")


def test_of_two_independent_ones_each_resolves_its_own_place(start: Git) -> None:
    one = start.commit({FILE: text(l10="ten")}, "a: ten")
    start.commit({FILE: text(l10="ten", l20="noise")}, "a: noise")
    two = start.commit({FILE: text(l10="ten", l20="noise", l30="thirty")}, "a: thirty")
    fix = start.commit({FILE: text(l10="ten!", l20="noise", l30="thirty!")}, "a: fix both")
    found = ask(start, fix)
    assert names(found) == [one, two]
    assert [(need.resolves, need.needed_by) for need in found.sets[0]] == [((FILE.encode(),), ())] * 2
    assert [[spot.ours for spot in need.removes] for need in found.sets[0]] == [[(9, 10)], [(29, 30)]]


def test_each_names_the_lines_of_the_branchs_own_file_whatever_moved_them(start: Git) -> None:
    start.commit({FILE: "the branch's own\n" * 7 + text()}, "own", branch="stable")
    one = start.commit({FILE: text(l4="four\n" * 9, l10="ten")}, "a: ten, and more above it")
    two = start.commit({FILE: text(l4="four\n" * 9, l10="ten", l30="")}, "a: take thirty away")
    fix = start.commit({FILE: text(l4="four\n" * 9, l10="ten!", l29="", l30="")}, "a: fix both")
    found = as_prerequisites(ask(start, fix).sets[0])
    assert [each.sha for each in found] == [one, two]
    assert [[(each.first, each.last) for each in need.removes] for need in found] == [[(17, 17)], [(36, 37)]]


def test_of_a_file_that_the_branch_lacks_all_is_in_conflict(start: Git) -> None:
    made = start.commit({"b.c": text()}, "b: add it")
    fix = start.commit({"b.c": text(l20="fixed")}, "b: fix it")
    (needed,) = as_prerequisites(ask(start, fix).sets[0])
    assert (needed.sha, needed.removes) == (made, (Stretch("b.c"),))


def test_what_only_stands_near_is_left_out(start: Git) -> None:
    start.commit({FILE: text(l17="near")}, "a: near, above")
    needed = start.commit({FILE: text(l17="near", l20="needed")}, "a: needed")
    start.commit({FILE: text(l17="near", l20="needed", l23="near too")}, "a: near, below")
    fix = start.commit({FILE: text(l17="near", l20="fixed", l23="near too")}, "a: fix it")
    assert names(ask(start, fix)) == [needed]


def test_lines_that_upstream_removed_lead_to_who_removed_them(start: Git) -> None:
    start.commit({FILE: text(l30="noise")}, "a: noise")
    removed = start.commit({FILE: text(l30="noise", l20="", l21="")}, "a: remove two lines")
    fix = start.commit({FILE: text(l30="noise", l20="", l21="", l19="fixed")}, "a: fix the line above")
    found = ask(start, fix)
    assert names(found) == [removed]


def test_one_that_the_branch_holds_as_a_backport_is_not_asked_for_again(start: Git) -> None:
    held = start.commit({FILE: text(l20="first")}, "a: first")
    more = start.commit({FILE: text(l20="second")}, "a: second")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    pick = f"a: first\n\n(cherry picked from commit {held})\n"
    start.commit({FILE: text(l20="first", l35="the branch's own")}, pick, branch="stable")
    assert names(ask(start, fix)) == [more]


def test_one_that_the_branch_holds_adapted_is_not_asked_for_again(start: Git) -> None:
    held = start.commit({FILE: text(l20="first")}, "a: first")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    start.commit({FILE: text(l20="FIRST")}, f"a: first\n\n(backported from commit {held})\n", branch="stable")
    found = ask(start, fix)
    assert found.sets == ()
    assert found.status is Status.NONE


def test_a_conflict_with_the_branchs_own_change_has_no_prerequisites(start: Git) -> None:
    start.commit({FILE: text(l5="noise")}, "a: noise far away")
    fix = start.commit({FILE: text(l5="noise", l20="fixed")}, "a: fix it")
    start.commit({FILE: text(l20="the branch's own")}, "own", branch="stable")
    found = ask(start, fix)
    assert found.status is Status.NONE
    assert found.sets == ()
    assert found.tree is None
    assert found.why.startswith("none found")


def test_a_revert_can_be_the_prerequisite(git: Git) -> None:
    git.commit({FILE: text()}, "start")
    wrong = git.commit({FILE: text(l20="wrong")}, "a: wrong")
    git.branch("stable")
    revert = git.commit({FILE: text()}, f'Revert "a: wrong"\n\nThis reverts commit {wrong}.\n')
    fix = git.commit({FILE: text(l20="right")}, "a: right")
    assert names(ask(git, fix)) == [revert]


def test_what_was_reverted_and_came_again_is_taken_as_it_came_last(start: Git) -> None:
    wrong = start.commit({FILE: text(l20="new")}, "a: new")
    start.commit({FILE: text()}, f'Revert "a: new"\n\nThis reverts commit {wrong}.\n')
    again = start.commit({FILE: text(l20="new")}, "a: new, again")
    fix = start.commit({FILE: text(l20="newer")}, "a: newer")
    assert names(ask(start, fix)) == [again]


def test_a_commit_of_a_merged_side_branch_is_found(start: Git) -> None:
    side = start.commit({FILE: text(l20="side")}, "a: side", branch="side", parents=[start.sha("stable")])
    ahead = start.commit({FILE: text(l5="ahead")}, "a: ahead")
    start.commit({FILE: text(l5="ahead", l20="side")}, "Merge side", parents=[ahead, side])
    fix = start.commit({FILE: text(l5="ahead", l20="fixed")}, "a: fix it")
    assert names(ask(start, fix)) == [side]


def test_a_merge_that_changed_the_lines_itself_is_named_and_not_picked(start: Git) -> None:
    side = start.commit({FILE: text(l30="side")}, "a: side", branch="side", parents=[start.sha("stable")])
    ahead = start.commit({FILE: text(l5="ahead")}, "a: ahead")
    merge = start.commit({FILE: text(l5="ahead", l30="side", l20="evil")}, "Merge side", parents=[ahead, side])
    fix = start.commit({FILE: text(l5="ahead", l30="side", l20="fixed")}, "a: fix it")
    found = ask(start, fix)
    assert found.status is Status.NONE
    assert found.merges == (merge,)
    assert merge[:12] in found.why


def test_a_merge_can_be_the_pick_itself(start: Git) -> None:
    needed = start.commit({FILE: text(l20="needed")}, "a: needed")
    side = start.commit({FILE: text(l20="fixed")}, "a: side", branch="side")
    side = start.commit({FILE: text(l20="fixed")}, "a: side", branch="side", parents=[needed])
    merge = start.commit({FILE: text(l20="fixed")}, "Merge side", parents=[needed, side])
    assert names(ask(start, merge, mainline=1)) == [needed]
    with pytest.raises(RevisionError):
        ask(start, merge)


def test_a_file_that_the_branch_lacks_leads_to_who_made_it(start: Git) -> None:
    made = start.commit({"drivers/new.c": text()}, "new: add it")
    fix = start.commit({"drivers/new.c": text(l20="fixed")}, "new: fix it")
    found = ask(start, fix)
    assert names(found) == [made]
    assert found.sets[0][0].resolves == (b"drivers/new.c",)


def test_a_file_that_upstream_renamed_leads_to_its_history_under_both_names(start: Git) -> None:
    start.commit({FILE: None, "drivers/b.c": text()}, "a: rename to b")
    needed = start.commit({"drivers/b.c": text(l20="needed")}, "b: needed")
    fix = start.commit({"drivers/b.c": text(l20="fixed")}, "b: fix it")
    assert names(ask(start, fix)) == [needed]


def test_a_prerequisites_own_prerequisite_in_another_file_is_found(start: Git) -> None:
    lower = start.commit({"other.c": "changed\n"}, "other: change")
    upper = start.commit({FILE: text(l20="upper"), "other.c": "changed again\n"}, "a, other: change")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    found = ask(start, fix)
    assert names(found) == [lower, upper]
    assert found.sets[0][0].needed_by == (upper,)
    assert found.sets[0][0].resolves == (FILE.encode(),)


def test_one_that_conflicts_with_the_branchs_own_change_is_offered_to_be_done_by_hand(start: Git) -> None:
    needed = start.commit({FILE: text(l10="needed", l30="needed")}, "a: needed")
    fix = start.commit({FILE: text(l10="fixed", l30="needed")}, "a: fix it")
    start.commit({FILE: text(l30="the branch's own")}, "own", branch="stable")
    found = ask(start, fix)
    assert found.status is Status.BY_HAND
    assert found.sets == ()
    assert [(need.commit, need.conflicts, need.resolves) for need in found.by_hand] == [
        (needed, (FILE.encode(),), (FILE.encode(),))
    ]


def test_a_smaller_set_that_needs_a_hand_is_offered_beside_a_proven_one(start: Git) -> None:
    lower = start.commit({FILE: text(l30="lower")}, "a: lower")
    upper = start.commit({FILE: text(l30="upper", l10="upper")}, "a: upper")
    fix = start.commit({FILE: text(l30="upper", l10="fixed")}, "a: fix it")
    found = ask(start, fix)
    assert names(found) == [lower, upper]
    assert [need.commit for need in found.by_hand] == [upper]


def test_a_commit_that_is_done_by_hand_does_not_bring_the_lines_of_another(start: Git) -> None:
    first = start.commit({FILE: text(l10="line 10 of the driver;\nfirst")}, "a: first")
    second = start.commit({FILE: text(l10="line 10 of the driver;\nfirst\nsecond", l30="second")}, "a: second")
    fix = start.commit({FILE: text(l10="line 10 of the driver;\nfirst, fixed\nsecond, fixed", l30="second")}, "a: fix")
    start.commit({FILE: text(l30="the branch's own")}, "own", branch="stable")
    found = ask(start, fix)
    assert found.status is Status.BY_HAND
    assert [(need.commit, need.conflicts) for need in found.by_hand] == [(first, ()), (second, (FILE.encode(),))]


@pytest.mark.parametrize(("steps", "by_hand"), [(1, False), (2, False), (3, True), (5, True)])
def test_one_by_hand_is_advised_where_it_spares_many_that_merge(start: Git, steps: int, *, by_hand: bool) -> None:
    for number in range(steps):
        start.commit({FILE: text(l30=f"step {number}")}, f"a: step {number}")
    last = start.commit({FILE: text(l30="last", l10="last")}, "a: last")
    fix = start.commit({FILE: text(l30="last", l10="fixed")}, "a: fix it")
    found = ask(start, fix, limits=Limits(seconds=30.0))
    assert len(found.sets[0]) == steps + 1
    assert found.advice is (Advice.BY_HAND if by_hand else Advice.PREREQUISITES)
    assert ([need.commit for need in found.advised] == [last]) == by_hand
    assert ("which is less work" in found.why) == by_hand


def test_a_set_too_large_to_bring_is_no_answer(start: Git) -> None:
    for number in range(5):
        start.commit({FILE: text(l30=f"step {number}")}, f"a: step {number}")
    last = start.commit({FILE: text(l30="last", l10="last")}, "a: last")
    fix = start.commit({FILE: text(l30="last", l10="fixed")}, "a: fix it")
    found = ask(start, fix, limits=Limits(seconds=30.0, largest=4))
    assert found.status is Status.BY_HAND
    assert found.sets == ()
    assert [need.commit for need in found.by_hand] == [last]
    assert "6 commits together would do" in found.why


def test_a_sweep_through_the_tree_is_not_asked_for(start: Git) -> None:
    many = {f"many/{number}.c": "swept\n" for number in range(30)}
    start.commit({FILE: text(l20="swept"), **many}, "treewide: sweep")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    assert names(ask(start, fix)) == [start.sha("main~1")]
    assert ask(start, fix, limits=Limits(files=20)).status is Status.NONE


def test_the_search_ends_when_its_time_is_over(start: Git) -> None:
    for number in range(30):
        start.commit({FILE: text(l20=f"step {number}")}, f"a: step {number}")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    begin = monotonic()
    found = ask(start, fix, limits=Limits(seconds=0.02))
    assert monotonic() - begin < 3.0
    # How far it came by then depends on the machine: a set to be fitted by hand may be known, too.
    assert found.status in (Status.OUT_OF_TIME, Status.NOT_MINIMISED, Status.BY_HAND)
    assert "the time was over" in found.why


def test_what_was_not_looked_at_in_time_is_not_said_to_be_nothing(start: Git) -> None:
    start.commit({FILE: text(l20="first")}, "a: first")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    found = ask(start, fix, limits=Limits(seconds=0.0))
    assert "no commit" not in found.why
    assert "none merges" not in found.why
    assert "the time was over" in found.why


def test_a_chain_longer_than_the_limit_is_given_up(start: Git) -> None:
    for number in range(12):
        start.commit({FILE: text(l20=f"step {number}")}, f"a: step {number}")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    found = ask(start, fix, limits=Limits(depth=3, commits=4, seconds=30.0))
    assert found.status is not Status.FOUND


def test_a_pick_that_is_clean_needs_nothing(start: Git) -> None:
    start.commit({FILE: text(l5="noise")}, "a: noise")
    fix = start.commit({FILE: text(l5="noise", l20="fixed")}, "a: fix it")
    found = ask(start, fix)
    assert (found.status, found.sets) == (Status.FOUND, ((),))


@pytest.mark.parametrize("path", ['odd "name"/\u00e4 b.c', "tab\there.c", ":(glob)*.c", "-p.c", "back\\slash.c"])
def test_paths_are_taken_as_they_are(git: Git, path: str) -> None:
    git.commit({path: text()}, "start")
    git.branch("stable")
    needed = git.commit({path: text(l20="needed")}, "needed")
    fix = git.commit({path: text(l20="fixed")}, "fix it")
    found = ask(git, fix)
    assert names(found) == [needed]
    assert found.sets[0][0].resolves == (path.encode(),)


def test_lines_that_look_like_conflict_markers_confuse_nothing(git: Git) -> None:
    marks = {"l18": "=======", "l19": "<<<<<<< ours", "l21": "||||||| base", "l22": ">>>>>>> theirs"}
    git.commit({FILE: text(**marks)}, "start")
    git.branch("stable")
    needed = git.commit({FILE: text(**marks, l20="needed")}, "needed")
    fix = git.commit({FILE: text(**marks, l20="fixed")}, "fix it")
    assert names(ask(git, fix)) == [needed]


def test_nothing_is_written_to_the_repository(start: Git) -> None:
    start.commit({FILE: text(l20="first")}, "a: first")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    before = start.refs(), start("count-objects", "-v")
    ask(start, fix)
    assert (start.refs(), start("count-objects", "-v")) == before


def test_a_set_is_shown_as_results_show_it(start: Git) -> None:
    first = start.commit({FILE: text(l20="first")}, "a: first")
    fix = start.commit({FILE: text(l20="fixed")}, "a: fix it")
    (shown,) = as_prerequisites(ask(start, fix).sets[0])
    assert (shown.sha, shown.subject, shown.resolves) == (first, "a: first", (FILE,))
