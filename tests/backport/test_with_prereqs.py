"""What a conflicting pick needs first: told with each conflict, and brought with --with-prereqs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.backport.house import FILE, LINES, House, edit
from tests.support import Git, cosport, invoke

if TYPE_CHECKING:
    import pytest

SUBJECT = "mm: fix it"


def chain(house: House) -> tuple[str, str, str]:
    """Two commits that the fix stands on, one that only stands near, and the fix."""
    first = house.fix(edit(LINES, l20="first"), "mm: first")
    second = house.fix(edit(LINES, l20="second"), "mm: second")
    house.fix(edit(LINES, l20="second", l35="noise"), "mm: noise")
    return first, second, house.fix(edit(LINES, l20="fixed", l35="noise"), SUBJECT)


def brief(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["upstream"], each["outcome"]) for each in results]


def needed(result: dict[str, Any]) -> list[str]:
    return [each["sha"] for each in result["prerequisites"]]


def test_a_conflict_tells_the_smallest_set_and_what_each_resolves(house: House) -> None:
    first, second, fix = chain(house)
    result = house.pick(fix, check=1)
    assert (result["outcome"], needed(result)) == ("conflict", [first, second])
    assert result["prerequisites"][1]["resolves"] == [FILE]
    assert result["prerequisites"][1]["removes"] == [{"path": FILE, "first": 20, "last": 20}]
    assert result["prerequisites"][0]["needed_by"] == [second]
    searched = result["searched"]
    assert (searched["status"], set(searched["suspects"])) == ("found", {first, second})
    (by_hand,) = searched["by_hand"]
    assert (by_hand["sha"], by_hand["conflicts"]) == (second, [FILE])  # a person could do without the first
    assert searched["advised"] == "prerequisites"
    assert searched["tried"] > 0
    house.run("--abort")
    out = invoke("backport", fix, "--to", "cos-5.4", cwd=house.git.path, check=1).out
    assert f"    {second[:12]} mm: second   ({FILE}:20)" in out
    assert f"    {first[:12]} mm: first   ({FILE}:20; needed by {second[:12]})" in out
    assert f"    {second[:12]} mm: second   ({FILE}:20; conflicts itself in {FILE})" in out
    assert "fewer would do" in out
    assert "--with-prereqs" in out


def test_a_conflict_without_prerequisites_tells_what_was_tried(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l20="the branch's own"), "own")
    house.fix(edit(LINES, l35="noise"), "mm: noise")
    result = house.pick(house.fix(edit(LINES, l20="fixed", l35="noise")), "cos-5.4", "--dry-run", check=1)
    assert (needed(result), result["searched"]["status"]) == ([], "none-found")
    assert result["searched"]["why"].startswith("none found (")


def test_a_plan_looks_for_them_only_when_it_is_asked_to(house: House) -> None:
    first, second, fix = chain(house)
    (plain,) = invoke("plan", fix, "--json", cwd=house.git.path, check=1).json()["results"]
    assert (plain["outcome"], plain["prerequisites"], plain["searched"]) == ("conflict", [], None)
    before = house.frozen()
    (asked,) = invoke("plan", fix, "--with-prereqs", "--json", cwd=house.git.path, check=1).json()["results"]
    assert (asked["outcome"], needed(asked)) == ("conflict", [first, second])
    assert house.frozen() == before


def test_what_a_rule_resolves_has_prerequisites_all_the_same_where_they_are_asked_for(house: House) -> None:
    needed_ = house.fix(edit(LINES, l20="renamed();"), "mm: rename")
    fix = house.fix(edit(LINES, l20="renamed();", l19="", l21="one more line"), SUBJECT)
    house.land("cos-5.4", edit(LINES, l35="own"), "own")
    (plain,) = invoke("plan", fix, "--json", "--min-confidence", "0.8", cwd=house.git.path, check=1).json()["results"]
    args = ("plan", fix, "--with-prereqs", "--json", "--min-confidence", "0.8")
    (asked,) = invoke(*args, cwd=house.git.path, check=1).json()["results"]
    assert (plain["outcome"], asked["outcome"]) == ("resolved", "resolved")
    assert needed(asked) == [needed_]


def test_with_prereqs_they_come_first_as_a_series_each_with_its_own_message(git: Git) -> None:
    house = House.build(git, profile="stable")
    first, second, fix = chain(house)
    results = house.results(fix, "--to", "cos-5.4", "--with-prereqs")
    assert brief(results) == [(first, "picked"), (second, "picked"), (fix, "picked")]
    ref = f"refs/heads/backport/cos-5.4/{fix[:12]}"
    assert {each["ref"] for each in results} == {ref}
    assert house.text(ref) == edit(LINES, l20="fixed")
    assert house.git.message(results[0]["commit"]).decode() == (
        f"mm: first\n\ncommit {first} upstream.\n\n"
        f'Stable-dep-of: {fix[:12]} ("{SUBJECT}")\n'
        "Signed-off-by: Kernel Engineer <engineer@example.com>\n"
    )
    assert b"Stable-dep-of" not in house.git.message(ref)
    assert needed(results[2]) == [first, second]
    assert results[0]["notes"] == [f'brought because {fix[:12]} ("{SUBJECT}") needs it']
    house.git.fsck()


def test_in_a_gerrit_house_the_dependency_stands_above_change_id_and_sign_off(house: House) -> None:
    first, _, fix = chain(house)
    results = house.results(fix, "--to", "cos-5.4", "--with-prereqs")
    lines = house.git.message(results[0]["commit"]).decode().splitlines()
    at = lines.index(f'Stable-dep-of: {fix[:12]} ("{SUBJECT}")')
    assert lines[at - 1] == f"(cherry picked from commit {first})"
    assert lines[at + 1].startswith("Change-Id: ")
    assert len({each["change_id"] for each in results}) == 3


def test_a_rerun_makes_the_same_commits(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, fix = chain(house)
    once = house.results(fix, "--to", "cos-5.4", "--with-prereqs", "--bug", "b/7")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1800000000 +0000")
    again = house.results(fix, "--to", "cos-5.4", "--with-prereqs")
    assert [each["commit"] for each in again] == [each["commit"] for each in once]
    assert [each["change_id"] for each in again] == [each["change_id"] for each in once]


def test_what_has_landed_meanwhile_is_not_brought_again(house: House) -> None:
    first, second, fix = chain(house)
    once = house.results(fix, "--to", "cos-5.4", "--with-prereqs")
    house.git.branch("cos-5.4", once[0]["commit"])
    again = house.results(fix, "--to", "cos-5.4", "--with-prereqs")
    assert brief(again) == [(second, "picked"), (fix, "picked")]
    assert [each["commit"] for each in again] == [each["commit"] for each in once[1:]]
    house.git.branch("cos-5.4", once[1]["commit"])
    assert brief(house.results(fix, "--to", "cos-5.4", "--with-prereqs")) == [(fix, "picked")]
    assert first != second


def test_each_branch_gets_what_it_needs(two: House) -> None:
    first, second, fix = chain(two)
    two.land("cos-5.10", edit(LINES, l20="second"), f"mm: second\n\n(cherry picked from commit {second})\n")
    results = two.results(fix, "--all", "--with-prereqs")
    assert [(each["branch"], each["upstream"]) for each in results] == [
        ("cos-5.4", first), ("cos-5.4", second), ("cos-5.4", fix), ("cos-5.10", fix),
    ]  # fmt: skip
    assert {each["outcome"] for each in results} == {"picked"}


def test_a_conflict_later_in_the_series_goes_on_where_it_stopped(git: Git) -> None:
    house = House.build(git, profile="stable")
    first, second, fix = chain(house)
    house.land("cos-5.4", edit(LINES, l10="own"), "own")
    late = house.fix(edit(LINES, l20="fixed", l35="noise", l10="late"), "mm: late")
    results = house.results(fix, late, "--to", "cos-5.4", "--with-prereqs", check=1)
    assert brief(results) == [(first, "picked"), (second, "picked"), (fix, "picked"), (late, "conflict")]
    assert brief(house.results(fix, late, "--to", "cos-5.4", "--with-prereqs", check=1)) == brief(results)
    work = Path(results[3]["conflicts"][0]["worktree"])
    (work / FILE).write_text(edit(LINES, l20="fixed", l10="own and late"))
    done = house.results("--continue", "--note", "kept our own line")
    assert brief(done) == [(first, "picked"), (second, "picked"), (fix, "picked"), (late, "picked")]
    ref = done[3]["ref"]
    assert ref == f"refs/heads/backport/cos-5.4/{fix[:12]}-{late[:12]}"
    assert house.git.subjects(f"cos-5.4..{ref}") == ["mm: late", SUBJECT, "mm: second", "mm: first"]
    assert f'Stable-dep-of: {fix[:12]} ("{SUBJECT}")' in house.git.message(f"{ref}~2").decode()


def test_a_later_commit_of_a_series_may_need_something_too(house: House) -> None:
    one = house.fix(edit(LINES, l5="one"), "mm: one")
    between = house.fix(edit(LINES, l5="one", l20="between"), "mm: between")
    two_ = house.fix(edit(LINES, l5="one", l20="two"), "mm: two")
    results = house.results(one, two_, "--to", "cos-5.4", "--with-prereqs")
    assert brief(results) == [(one, "picked"), (between, "picked"), (two_, "picked")]


def test_a_prerequisite_is_brought_whether_or_not_the_branch_has_the_bug_that_it_fixes(house: House) -> None:
    bug = house.fix(edit(LINES, l2="bug"), "mm: bug")
    first = house.fix(edit(LINES, l2="bug", l20="first"), f'mm: first\n\nFixes: {bug[:12]} ("mm: bug")\n')
    fix = house.fix(edit(LINES, l2="bug", l20="fixed"), SUBJECT)
    assert brief(house.results(fix, "--to", "cos-5.4", "--with-prereqs")) == [(first, "picked"), (fix, "picked")]


def test_with_both_the_prerequisites_bring_their_own_follow_ups(house: House) -> None:
    first = house.fix(edit(LINES, l20="first"), "mm: first")
    fix = house.fix(edit(LINES, l20="fixed"), SUBJECT)
    more = house.fix(edit(LINES, l20="fixed", l30="x"), f'mm: more\n\nFixes: {first[:12]} ("mm: first")\n')
    results = house.results(fix, "--to", "cos-5.4", "--with-prereqs", "--with-followups")
    assert brief(results) == [(first, "picked"), (fix, "picked"), (more, "picked")]


def test_a_dry_run_brings_them_and_writes_nothing(house: House) -> None:
    first, second, fix = chain(house)
    before = house.frozen()
    results = house.results(fix, "--to", "cos-5.4", "--with-prereqs", "--dry-run")
    assert brief(results) == [(first, "picked"), (second, "picked"), (fix, "picked")]
    assert house.frozen() == before


def test_on_a_release_branch_they_come_from_main_and_only_what_has_landed_there(release: House) -> None:
    first, second, fix = chain(release)
    main = release.results(fix, "--to", "cos-5.4", "--with-prereqs", "--in-place")
    assert brief(main) == [(first, "picked"), (second, "picked"), (fix, "picked")]
    results = release.results(fix, "--to", "R85", "--with-prereqs")
    assert brief(results) == [(first, "picked"), (second, "picked"), (fix, "picked")]
    assert [each["source"]["kind"] for each in results] == ["main"] * 3
    assert [each["source"]["commit"] for each in results] == [each["commit"] for each in main]
    message = release.git.message(results[0]["commit"]).decode()
    assert message.startswith(release.git.message(main[0]["commit"]).decode())
    assert message.count("Stable-dep-of") == 1


def test_on_a_release_branch_mains_own_work_is_no_prerequisite(release: House) -> None:
    release.land("cos-5.4", edit(LINES, l20="main's own"), "CHROMIUM: mm: own")
    fix = release.fix()
    pick = f"mm: fix it\n\n(backported from commit {fix})\n"
    release.land("cos-5.4", edit(LINES, l20="main's own, fixed"), pick)
    result = release.pick(fix, "R85", "--with-prereqs", check=1)
    assert (result["outcome"], needed(result)) == ("conflict", [])


def test_a_resolution_by_hand_is_not_thrown_away_for_prerequisites(house: House) -> None:
    _, _, fix = chain(house)
    conflict = house.pick(fix, check=1)
    work = Path(conflict["conflicts"][0]["worktree"])
    (work / FILE).write_text(edit(LINES, l20="fixed here"))
    (done,) = house.results("--continue", "--note", "without the chain")
    again = house.results(fix, "--to", "cos-5.4", "--with-prereqs")
    assert [each["commit"] for each in again] == [done["commit"]]


def test_a_stream_looks_for_none(house: House) -> None:
    _, _, fix = chain(house)
    (line,) = cosport("plan", "--stdin", cwd=house.git.path, check=1, stdin=f"{fix} cos-5.4\n").lines()
    assert (line["outcome"], line["searched"]) == ("conflict", None)
