from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backport.house import LINES, SIGNOFF, House, edit, evidence

ONE = edit(LINES, l5="one")
TWO = edit(ONE, l12="two")
THREE = edit(TWO, l20="three")


def three(house: House) -> tuple[str, str, str]:
    return house.fix(ONE, "mm: one"), house.fix(TWO, "mm: two"), house.fix(THREE, "mm: three")


def outcomes(results: list[dict[str, Any]]) -> list[str]:
    return [each["outcome"] for each in results]


def test_a_series_is_applied_in_upstream_order_whatever_the_order_of_its_names(house: House) -> None:
    one, two, three_ = three(house)
    results = house.results(three_, one, two, one, "--to", "cos-5.4")
    ref = f"refs/heads/backport/cos-5.4/{one[:12]}-{three_[:12]}"
    assert [each["upstream"] for each in results] == [one, two, three_]
    assert {each["ref"] for each in results} == {ref}
    assert house.git.subjects(f"cos-5.4..{ref}") == ["mm: three", "mm: two", "mm: one"]
    assert [each["commit"] for each in results] == house.git("rev-list", "--reverse", f"cos-5.4..{ref}").split()
    assert house.text(ref) == THREE
    again = house.results(two, one, three_, "--to", "cos-5.4")
    assert [each["commit"] for each in again] == [each["commit"] for each in results]


def test_a_fix_of_an_earlier_commit_of_the_series_is_affected(house: House) -> None:
    bad = house.fix(ONE, "mm: one")
    fix = house.fix(TWO, f'mm: two\n\nFixes: {bad[:12]} ("mm: one")\n')
    assert house.pick(fix)["outcome"] == "not-affected"
    results = house.results(bad, fix, "--to", "cos-5.4")
    assert outcomes(results) == ["picked", "picked"]
    assert "earlier in this series" in evidence(results[1])["fixes-target-present"]


def test_a_fix_of_a_commit_that_the_series_did_not_bring_is_not_affected(house: House) -> None:
    cause = house.fix(edit(LINES, l30="cause"), "mm: cause")
    bad = house.fix(edit(LINES, l30="cause", l5="one"), f'mm: one\n\nFixes: {cause[:12]} ("mm: cause")\n')
    fix = house.fix(edit(LINES, l30="cause", l5="one", l12="two"), f'mm: two\n\nFixes: {bad[:12]} ("mm: one")\n')
    assert outcomes(house.results(bad, fix, "--to", "cos-5.4")) == ["not-affected", "not-affected"]


def test_a_commit_and_its_revert_in_one_series_are_both_picked(house: House) -> None:
    one = house.fix(ONE, "mm: one")
    revert = house.fix(LINES, f'Revert "mm: one"\n\nThis reverts commit {one}.\n')
    results = house.results(one, revert, "--to", "cos-5.4")
    assert outcomes(results) == ["picked", "picked"]
    assert results[1]["tree"] == house.git.tree("cos-5.4")


def test_what_the_series_itself_reverts_is_not_already_applied(house: House) -> None:
    """The branch holds the same patch; upstream reverted it and brought it back: both come, in order."""
    one = house.fix(ONE, "mm: one")
    house.land("cos-5.4", ONE, "mm: one", author="Else <e@x.org>")
    revert = house.fix(LINES, f'Revert "mm: one"\n\nThis reverts commit {one}.\n')
    again = house.fix(ONE, "mm: one, with a better reason\n")
    assert house.pick(again)["outcome"] == "already-applied"
    results = house.results(revert, again, "--to", "cos-5.4")
    assert outcomes(results) == ["picked", "picked"]
    assert "earlier in this series" in evidence(results[1])["reverted"]
    assert house.text(results[1]["commit"]) == ONE


def test_what_is_already_applied_is_left_out_of_the_series(house: House) -> None:
    one, two, three_ = three(house)
    house.land("cos-5.4", edit(LINES, l12="two"), f"mm: two\n\ncommit {two} upstream.")
    results = house.results(one, two, three_, "--to", "cos-5.4")
    assert outcomes(results) == ["picked", "already-applied", "picked"]
    assert house.git.subjects(f"cos-5.4..{results[0]['ref']}") == ["mm: three", "mm: one"]
    assert house.text(results[0]["ref"]) == THREE


def conflicting(house: House, *lines: str) -> tuple[str, str, str]:
    house.land("cos-5.4", edit(LINES, **dict.fromkeys(lines, "mine")), "cos: mine")
    return three(house)


def resolve(result: dict[str, Any], text: str) -> None:
    (conflict,) = result["conflicts"]
    (Path(conflict["worktree"]) / conflict["path"]).write_text(text)


def test_a_series_stops_at_a_conflict_and_goes_on_after_it(house: House) -> None:
    one, two, three_ = conflicting(house, "l12")
    results = house.results(one, two, three_, "--to", "cos-5.4", check=1)
    assert outcomes(results) == ["picked", "conflict", "pending"]
    assert results[0]["ref"] is None
    assert not any("backport" in ref for ref in house.git.refs())
    assert outcomes(house.results("--status", check=1)) == ["picked", "conflict", "pending"]
    resolve(results[1], edit(ONE, l12="two, mine"))
    done = house.results("--continue", "--note", "kept mine")
    assert outcomes(done) == ["picked", "picked", "picked"]
    assert house.git.subjects(f"cos-5.4..{done[0]['ref']}") == ["mm: three", "mm: two", "mm: one"]
    assert house.text(done[0]["ref"]) == edit(THREE, l12="two, mine")
    assert [each["commit"] for each in done] == house.git("rev-list", "--reverse", f"cos-5.4..{done[0]['ref']}").split()
    assert house.results("--status") == []
    again = house.results(one, two, three_, "--to", "cos-5.4")
    assert [each["commit"] for each in again] == [each["commit"] for each in done]
    house.git.fsck()


def test_a_second_conflict_waits_again(house: House) -> None:
    one, two, three_ = conflicting(house, "l5", "l20")
    first = house.results(one, two, three_, "--to", "cos-5.4", check=1)
    assert outcomes(first) == ["conflict", "pending", "pending"]
    base = edit(LINES, l5="one, mine", l20="mine")
    resolve(first[0], base)
    second = house.results("--continue", "--note", "first", check=1)
    assert outcomes(second) == ["picked", "picked", "conflict"]
    resolve(second[2], edit(base, l12="two", l20="three, mine"))
    done = house.results("--continue", "--note", "second")
    assert outcomes(done) == ["picked", "picked", "picked"]
    assert house.text(done[0]["ref"]) == edit(base, l12="two", l20="three, mine")
    assert b": first]" in house.git.message(done[0]["commit"])
    assert b": second]" in house.git.message(done[2]["commit"])


def test_skip_leaves_the_conflicting_commit_out(house: House) -> None:
    one, two, three_ = conflicting(house, "l12")
    house.results(one, two, three_, "--to", "cos-5.4", check=1)
    done = house.results("--skip", "--branch", "cos-5.4")
    assert outcomes(done) == ["picked", "skipped", "picked"]
    assert house.git.subjects(f"cos-5.4..{done[0]['ref']}") == ["mm: three", "mm: one"]


def test_a_fix_of_a_skipped_commit_is_not_affected(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    bad = house.fix(ONE, "mm: one")
    fix = house.fix(TWO, f'mm: two\n\nFixes: {bad[:12]} ("mm: one")\n')
    assert outcomes(house.results(bad, fix, "--to", "cos-5.4", check=1)) == ["conflict", "pending"]
    assert outcomes(house.results("--skip")) == ["skipped", "not-affected"]


def test_abort_leaves_nothing_behind(house: House) -> None:
    shas = conflicting(house, "l12")
    refs = house.git.refs()
    results = house.results(*shas, "--to", "cos-5.4", check=1)
    done = house.results("--abort")
    assert outcomes(done) == ["skipped"] * 3
    assert house.git.refs() == refs
    assert len(house.git("worktree", "list").splitlines()) == 1
    assert house.results("--status") == []
    assert outcomes(house.results(*shas, "--to", "cos-5.4", check=1)) == outcomes(results)


@pytest.mark.parametrize("what", ["--continue", "--skip", "--abort", "--status"])
def test_each_goes_with_one_branch(two: House, what: str) -> None:
    for branch in ("cos-5.4", "cos-5.10"):
        two.land(branch, edit(LINES, l5="mine"), "mine")
    fix = two.fix()
    results = two.results(fix, "--all", check=1)
    for each in results:
        resolve(each, edit(LINES, l5="int five;"))
    done = two.results(what, "--branch", "cos-5.10", *(["--note", "n"] if what == "--continue" else []), check=None)
    assert [each["branch"] for each in done] == ["cos-5.10"]
    left = {each["branch"] for each in two.results("--status", check=1)}
    assert left == ({"cos-5.4", "cos-5.10"} if what == "--status" else {"cos-5.4"})
    assert "no conflict waits" in two.run("--continue", "--branch", "nope", check=2).err


def test_each_commit_of_a_series_has_its_own_message(house: House) -> None:
    one, two, _ = three(house)
    results = house.results(one, two, "--to", "cos-5.4", "--bug", "b/9")
    for each in results:
        message = house.git.message(each["commit"]).decode()
        assert f"(cherry picked from commit {each['upstream']})\nChange-Id: {each['change_id']}\n{SIGNOFF}\n" in message
        assert "BUG=b/9\n" in message
    assert results[0]["change_id"] != results[1]["change_id"]


def test_a_dry_run_of_a_series_tries_each_on_the_one_before(house: House) -> None:
    shas = three(house)
    frozen = house.frozen()
    results = house.results(*shas, "--to", "cos-5.4", "--dry-run")
    assert outcomes(results) == ["picked"] * 3
    assert results[2]["tree"] == house.git.tree(shas[2])
    assert {each["commit"] for each in results} == {None}
    assert house.frozen() == frozen
