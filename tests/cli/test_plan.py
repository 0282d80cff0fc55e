from __future__ import annotations

import pytest

from tests.backport.house import FILE, LINES, House, edit
from tests.support import Git, cosport, invoke


@pytest.fixture
def house(git: Git) -> House:
    return House.build(git, ("cos-5.4", "cos-5.10", "R85:cos-5.4"))


def test_the_matrix_tries_each_commit_on_each_branch_and_writes_nothing(house: House) -> None:
    one = house.fix(edit(LINES, l5="one"), "mm: one")
    two = house.fix(edit(LINES, l5="two"), "mm: two")
    house.land("cos-5.10", edit(LINES, l5="one"), f"mm: one\n\n(cherry picked from commit {one})")
    house.git.checkout()
    before = house.frozen()
    results = invoke("plan", two, one, "--json", cwd=house.git.path, check=1).json()["results"]
    assert [(each["upstream"], each["branch"], each["outcome"]) for each in results] == [
        (one, "cos-5.4", "picked"),
        (one, "cos-5.10", "already-applied"),
        (one, "R85", "waits-for-main"),
        (two, "cos-5.4", "conflict"),
        (two, "cos-5.10", "picked"),
        (two, "R85", "waits-for-main"),
    ]
    assert results[0]["tree"] == house.git.tree(one)
    (conflict,) = results[3]["conflicts"]
    assert (conflict["path"], conflict["kind"], conflict["worktree"]) == (FILE, "content", "")
    (place,) = conflict["places"]
    assert (place["line"], place["needs"]) == (5, "rewrite")
    assert (place["base"], place["theirs"], place["ours"]) == (["one"], ["two"], ["line 5"])
    assert house.frozen() == before


def test_to_narrows_the_matrix(house: House) -> None:
    fix = house.fix()
    out = invoke("plan", fix, "--to", "cos-5.10", "--json", cwd=house.git.path, check=0).json()
    assert [each["branch"] for each in out["results"]] == ["cos-5.10"]


def test_a_plan_takes_the_neighbour_that_a_backport_would(house: House) -> None:
    house.fix(edit(LINES, l5="on the way"), "mm: on the way")
    fix = house.fix()
    carrier = house.land("cos-5.10", edit(LINES, l5="int five;"), f"mm: x\n\n(cherry picked from commit {fix})")
    (result,) = invoke("plan", fix, "--to", "cos-5.4", "--json", cwd=house.git.path, check=0).json()["results"]
    assert result["source"]["commit"] == carrier
    assert result["tree"] == house.pick(fix)["tree"]


def test_a_stream_answers_line_by_line_in_order(house: House) -> None:
    fix = house.fix()
    lines = f"{fix} cos-5.4\n\n{fix} nowhere\n{'f' * 40} cos-5.4\nthree words here\n{fix[:12]} main~1\n"
    answer = cosport("plan", "--stdin", cwd=house.git.path, check=3, stdin=lines)
    results = answer.lines()
    assert [(each["target"], each["outcome"]) for each in results] == [
        ("cos-5.4", "picked"),
        ("nowhere", "error"),
        ("cos-5.4", "error"),
        ("", "error"),
        ("main~1", "picked"),
    ]
    assert all("branch" not in each for each in results)
    assert answer.err == ""


@pytest.mark.parametrize("args", [("--stdin", "main"), ("--stdin", "--to", "cos-5.4"), ()])
def test_wrong_usage(house: House, args: tuple[str, ...]) -> None:
    answer = invoke("plan", *args, cwd=house.git.path, check=2)
    assert "hint: " in answer.err


def test_a_plan_without_branches_says_how_to_configure_them(git: Git) -> None:
    house = House(git)
    git.commit({FILE: LINES})
    house.configure([])
    assert "cosport init" in invoke("plan", house.fix(), cwd=git.path, check=2).err
