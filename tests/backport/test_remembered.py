"""Conflicts that a person has resolved before, as git itself remembers them (git-rerere)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.backport.house import FILE, LINES, edit

if TYPE_CHECKING:
    from tests.backport.house import House

OWN = edit(LINES, l5="own five", l30="own thirty")
BY_HAND = edit(OWN, l5="own five, and theirs")


def remember(house: House, style: str) -> str:
    """A fix that no rule resolves; the person has picked it in a checkout of the branch, with rerere on. Its name."""
    fix = house.fix(edit(LINES, l5="their five"))
    house.land("cos-5.4", OWN, "own")
    house.git("config", "merge.conflictStyle", style)
    house.git("config", "rerere.enabled", "true")
    house.git("checkout", "-q", "--detach", "cos-5.4")
    assert house.git.attempt("cherry-pick", fix).returncode == 1
    (house.git.path / FILE).write_text(BY_HAND)
    house.git("add", FILE)
    house.git("-c", "core.editor=true", "cherry-pick", "--continue")
    house.git("checkout", "-q", "main")
    assert [*(house.git.path / ".git/rr-cache").glob("*/postimage")]
    return fix


@pytest.mark.parametrize("style", ["merge", "diff3"])
def test_a_resolution_that_git_remembers_is_used(house: House, style: str) -> None:
    result = house.pick(remember(house, style), check=1)
    assert (result["outcome"], [rule["rule"] for rule in result["rules"]]) == ("resolved", ["rerere"])
    assert house.text(result["ref"]) == BY_HAND
    assert result["rules"][0]["rung"] == 6


def test_it_is_used_where_other_lines_of_the_file_have_changed(house: House) -> None:
    fix = remember(house, "merge")
    house.land("cos-5.4", edit(OWN, l35="more of our own"), "own again")
    result = house.pick(fix, check=1)
    assert house.text(result["ref"]) == edit(BY_HAND, l35="more of our own")


def test_another_conflict_of_the_same_file_is_not_taken_for_it(house: House) -> None:
    fix = remember(house, "merge")
    house.land("cos-5.4", edit(OWN, l5="our five, but another"), "own again")
    assert house.pick(fix, check=1)["outcome"] == "conflict"
    house.run("--abort", check=0)


def test_none_is_asked_where_the_ladder_is_off(house: House) -> None:
    fix = remember(house, "merge")
    assert house.pick(fix, "cos-5.4", "--max-rung", "0", check=1)["outcome"] == "conflict"
    house.run("--abort", check=0)
