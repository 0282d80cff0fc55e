"""What the team has decided not to take: `backport` and `plan` leave it out, say why, and can be told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.backport.house import LINES, House, edit, evidence
from tests.support import invoke

if TYPE_CHECKING:
    from pathlib import Path

REASON = "no such hardware here"


def decline(house: House, sha: str, branch: str = "cos-5.4") -> None:
    invoke("decline", sha, "--branch", branch, "--reason", REASON, cwd=house.git.path, check=0)


def planned(path: Path, *args: str, check: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = invoke("plan", *args, "--json", cwd=path, check=check).json()["results"]
    return found


def test_a_declined_fix_is_left_out_of_that_branch_and_says_who_decided_why(two: House) -> None:
    fix = two.fix()
    decline(two, fix)
    first, second = two.results(fix, "--to", "cos-5.4", "--to", "cos-5.10")
    assert (first["outcome"], first["commit"], first["ref"]) == ("declined", None, None)
    assert evidence(first)["declined"] == f"declined for cos-5.4 by Kernel Engineer <engineer@example.com>: {REASON}"
    assert second["outcome"] == "picked"
    assert [each["outcome"] for each in planned(two.git.path, fix)] == ["declined", "picked"]
    assert REASON in two.run(fix, "--to", "cos-5.4").out


def test_force_overrides_the_decision_and_says_so(house: House) -> None:
    fix = house.fix()
    decline(house, fix)
    result = house.pick(fix, "cos-5.4", "--force")
    assert result["outcome"] == "picked"
    assert evidence(result)["declined"].endswith(f"{REASON}; picked all the same, with --force")
    assert planned(house.git.path, fix, "--force")[0]["outcome"] == "picked"


def test_a_new_follow_up_brings_a_declined_fix_back(house: House) -> None:
    fix = house.fix()
    decline(house, fix)
    later = house.fix(edit(LINES, l5="int five;", l9="nine"), f'mm: fix the fix\n\nFixes: {fix[:12]} ("mm: fix it")\n')
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    said = evidence(result)["declined"]
    assert later[:12] in said
    assert REASON in said


def test_what_the_branch_holds_or_does_not_need_is_told_before_the_decision(house: House) -> None:
    bug = house.fix(edit(LINES, l5="bug"), "mm: bug")
    fix = house.fix(message=f'mm: fix\n\nFixes: {bug[:12]} ("mm: bug")\n')
    decline(house, fix)
    assert house.pick(fix)["outcome"] == "not-affected"
    house.land("cos-5.4", edit(LINES, l5="int five;"), f"mm: fix\n\n(cherry picked from commit {fix})\n")
    assert house.pick(fix)["outcome"] == "already-applied"


def test_a_declined_commit_is_not_brought_as_a_prerequisite(house: House) -> None:
    needed = house.fix(edit(LINES, l5="needed"), "mm: needed")
    fix = house.fix(edit(LINES, l5="fixed"), "mm: fix")
    assert [each["sha"] for each in house.pick(fix, "cos-5.4", "--dry-run", check=1)["prerequisites"]] == [needed]
    decline(house, needed)
    result = house.pick(fix, "cos-5.4", "--with-prereqs", check=1)
    assert (result["outcome"], result["prerequisites"], result["searched"]["status"]) == ("conflict", [], "none-found")
