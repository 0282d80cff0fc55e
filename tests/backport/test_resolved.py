"""Picks that resolvers made: the commit, its message and record, and the person who accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.backport.house import FILE, LINES, edit
from tests.support import cosport, invoke

if TYPE_CHECKING:
    from tests.backport.house import House

PARENT = edit(LINES, l6="upstream six")
FIXED = edit(PARENT, l5="int five;")
"""Upstream's fix stands beside a line that the branch has otherwise: git calls that a conflict."""


def beside(house: House, message: str = "mm: fix it") -> str:
    house.fix(PARENT, "mm: six")
    return house.fix(FIXED, message)


def resolved(house: House, *args: str) -> tuple[str, dict[str, Any]]:
    fix = beside(house)
    return fix, house.pick(fix, "cos-5.4", *args, check=1)


def test_a_conflict_of_neighbours_is_resolved_and_stands_on_its_ref(house: House) -> None:
    fix, result = resolved(house)
    assert (result["outcome"], result["fidelity"], result["confidence"]) == ("resolved", "context", 0.95)
    assert house.text(result["ref"]) == edit(LINES, l5="int five;")
    (rule,) = result["rules"]
    assert (rule["rung"], rule["rule"], rule["path"], rule["line"]) == (2, "adjacent", FILE, 5)
    message = house.git("log", "-1", "--format=%B", result["commit"])
    assert f"Conflicts:\n\t{FILE}\n[cosport: rule adjacent, {FILE}:5]\n(cherry picked from commit {fix})" in message
    assert not (house.common / "cosport/sessions").exists()


def test_it_stays_resolved_until_a_person_accepts_it(house: House) -> None:
    fix, first = resolved(house)
    again = house.pick(fix, check=1)
    assert (again["outcome"], again["commit"]) == ("resolved", first["commit"])
    assert house.one("--status", check=1)["outcome"] == "resolved"
    accepted = house.one("--accept", "--note", "read it", check=0)
    assert (accepted["outcome"], accepted["commit"]) == ("picked", first["commit"])
    assert house.pick(fix, check=0)["commit"] == first["commit"]
    forced = house.pick(fix, "cos-5.4", "--force", check=0)  # resolved once more, to the commit that was accepted
    assert (forced["outcome"], forced["commit"], forced["source"]["kind"]) == ("picked", first["commit"], "upstream")
    assert house.results("--status", check=0) == []
    assert house.run("--accept", check=2).err == (
        "cosport: no resolved pick waits anywhere\nhint: see what waits: cosport backport --status\n"
    )


def test_the_record_keeps_the_rules_and_who_accepted(house: House) -> None:
    _, result = resolved(house)
    house.run("--accept", "--branch", "cos-5.4", check=0)
    notes = house.git("notes", "--ref", "cosport", "show", result["commit"])
    assert '"rule":"adjacent"' in notes
    assert '"by":"Kernel Engineer <engineer@example.com>"' in notes
    assert '"kind":"accepted"' in notes


def test_an_accepted_resolution_is_used_again_when_the_branch_moves_on(house: House) -> None:
    fix, _ = resolved(house)
    house.run("--accept", check=0)
    house.land("cos-5.4", edit(LINES, l30="moved on"), "cos: thirty")
    again = house.pick(fix, "cos-5.4", "--max-rung", "0", check=0)
    assert (again["outcome"], again["source"]["kind"]) == ("picked", "earlier-pick")
    assert house.text(again["ref"]) == edit(LINES, l5="int five;", l30="moved on")


def test_one_that_nobody_accepted_is_made_anew(house: House) -> None:
    fix, _ = resolved(house)
    house.land("cos-5.4", edit(LINES, l30="moved on"), "cos: thirty")
    again = house.pick(fix, check=1)
    assert (again["outcome"], again["source"]["kind"]) == ("resolved", "upstream")


def test_a_series_goes_on_on_top_of_it(house: House) -> None:
    first = beside(house)
    second = house.fix(edit(FIXED, l20="int twenty;"), "mm: twenty")
    results = house.results(first, second, "--to", "cos-5.4", check=1)
    assert [each["outcome"] for each in results] == ["resolved", "picked"]
    assert house.git.sha(f"{results[1]['commit']}^") == results[0]["commit"]


def test_rung_0_leaves_the_conflict_to_a_person(house: House) -> None:
    _, result = resolved(house, "--max-rung", "0")
    assert result["outcome"] == "conflict"
    assert result["conflicts"][0]["worktree"]
    house.run("--abort", check=0)


def test_the_configuration_limits_it_too(house: House) -> None:
    house.configure(["cos-5.4"], extra="[backport]\nmin_confidence = 0.99\n")
    _, result = resolved(house)
    (place,) = result["conflicts"][0]["places"]
    assert result["outcome"] == "conflict"
    assert "rule adjacent would place it" in place["why"]
    house.run("--abort", check=0)


def test_a_branch_is_not_moved_to_what_nobody_accepted(house: House) -> None:
    _, result = resolved(house, "--in-place")
    assert result["outcome"] == "conflict"
    house.run("--abort", check=0)


def test_a_dry_run_and_a_plan_say_so_and_write_nothing(house: House) -> None:
    fix, result = resolved(house, "--dry-run")
    assert (result["outcome"], result["commit"], result["ref"]) == ("resolved", None, None)
    (planned,) = invoke("plan", fix, "--json", cwd=house.git.path, check=1).json()["results"]
    (line,) = cosport("plan", "--stdin", "--json", stdin=f"{fix} cos-5.4\n", cwd=house.git.path).lines()
    assert (planned["outcome"], planned["tree"], line["tree"]) == ("resolved", result["tree"], result["tree"])
    assert house.git.attempt("notes", "--ref", "cosport", "list").stdout == b""


def test_show_tells_how_upstream_s_patch_became_this_one(house: House) -> None:
    fix, result = resolved(house)
    said = invoke("backport", "--show", cwd=house.git.path, check=1).out
    assert said.splitlines()[0] == f"cos-5.4: {result['commit'][:12]} mm: fix it"
    assert f"of upstream's {fix[:12]}; fidelity context, confidence 0.95" in said
    assert "\n- upstream six\n+ line 6\n" in said


@pytest.mark.parametrize("words", [("--max-rung", "9"), ("--max-rung", "x"), ("--min-confidence", "2")])
def test_limits_that_are_none_are_refused(house: House, words: tuple[str, str]) -> None:
    assert house.run(house.fix(), "--to", "cos-5.4", *words, check=2).err


@pytest.mark.parametrize("words", [("--accept", "--force"), ("--show", "--note", "n"), ("--accept", "--show")])
def test_accept_and_show_take_no_more_than_they_need(house: House, words: tuple[str, ...]) -> None:
    assert house.run(*words, check=2).err


def test_a_file_that_is_gone_and_one_that_was_split_are_refused(house: House) -> None:
    left, right = LINES[: len(LINES) // 2], LINES[len(LINES) // 2 :]
    house.git.commit({FILE: None, "mm/left.c": left, "mm/right.c": right}, "cos: split", branch="cos-5.4")
    fix = house.fix(edit(LINES, l5="int five;", l35="int thirty_five;"))
    result = house.pick(fix, check=1)
    assert result["outcome"] == "conflict"
    (place,) = result["conflicts"][0]["places"]
    assert (place["why"], place["needs"]) == ("the branch does not have this file", "another-commit")
    house.run("--abort", check=0)


def test_texts_of_any_bytes_come_through(house: House) -> None:
    dirty = LINES.replace("line 20", "caf\udce9 \u20ac\r").encode("utf-8", "surrogateescape")

    def changed(*pairs: tuple[bytes, bytes]) -> bytes:
        text = dirty
        for old, new in pairs:
            text = text.replace(old, new)
        return text

    six, five = (b"line 6\n", b"six\n"), (b"line 5\n", b"five\xff\n")
    house.git.commit({"x.c": dirty}, "cos: start", branch="cos-5.4")
    house.git.commit({"x.c": changed(six)}, "mm: x")
    fix = house.git.commit({"x.c": changed(six, five)}, "mm: fix x")
    result = house.pick(fix, check=1)
    assert result["outcome"] == "resolved"
    assert house.git.raw("show", f"{result['ref']}:x.c") == changed(five)


def test_a_file_with_lines_like_markers_is_left_to_a_person(house: House) -> None:
    heading = LINES.replace("line 7\n", "=======\n")
    house.git.commit({"x.rst": heading}, "cos: start", branch="cos-5.4")
    house.git.commit({"x.rst": edit(heading, l6="six")}, "doc: x")
    fix = house.git.commit({"x.rst": edit(heading, l6="six", l5="five")}, "doc: fix x")
    assert house.pick(fix, check=1)["outcome"] == "conflict"
    house.run("--abort", check=0)


def test_a_configuration_symbol_that_the_branch_does_not_define_is_doubted(house: House) -> None:
    house.git.commit({FILE: PARENT, "mm/Kconfig": "config MM_NEW\n\tbool\n\nconfig MM_OLD\n\tbool\n"}, "mm: six")
    house.git.commit({"mm/Kconfig": "config MM_OLD\n\tbool\n"}, "cos: kconfig", branch="cos-5.4")
    fixes = []
    for name in ("NEW", "OLD"):
        fixes.append(house.git.commit({FILE: edit(PARENT, l5=f"#ifdef CONFIG_MM_{name}")}, name))
        house.git.commit({FILE: PARENT}, f"back from {name}")
    tried = [house.pick(fix, "cos-5.4", "--dry-run", check=1) for fix in fixes]
    assert [each["outcome"] for each in tried] == ["conflict", "resolved"]
    (place,) = tried[0]["conflicts"][0]["places"]
    assert "adjacent would place it" in place["why"]
    assert "the branch's Kconfig has no CONFIG_MM_NEW" in place["why"]


HELPERS = "".join(f"static int helper_{number}(int a)\n{{\n\treturn a + {number};\n}}\n\n" for number in range(12))
FIXED_HELPER = HELPERS.replace("a + 7", "a - 7")


def split(house: House, fixed: str, **branch: str) -> dict[str, Any]:
    """Upstream moves the helpers to a file of their own, and fixes them there; the branch has them where they were."""
    old = {f"{name}.c": text for name, text in branch.items()} or {"mm.c": LINES + HELPERS}
    house.git.commit(old, "mm: start", branch="cos-5.4")
    house.git.commit(old, "mm: start")
    house.git.commit({**dict.fromkeys(old, LINES), "helpers.c": HELPERS}, "mm: split")
    return house.pick(house.git.commit({"helpers.c": fixed}, "mm: fix a helper"), check=1)


def test_a_fix_of_a_file_that_upstream_split_goes_where_its_code_is_in_the_branch(house: House) -> None:
    result = split(house, FIXED_HELPER)
    assert (result["outcome"], [rule["rule"] for rule in result["rules"]]) == ("resolved", ["relocated"])
    assert house.text(result["ref"], "mm.c") == LINES + FIXED_HELPER
    names = house.git("ls-tree", "-r", "--name-only", result["ref"]).split()
    assert "helpers.c" not in names


def test_a_split_that_came_by_a_merge_is_found_behind_later_commits(house: House) -> None:
    git, old = house.git, {"mm.c": LINES + HELPERS}
    git.commit(old, "mm: start", branch="cos-5.4")
    start = git.commit(old, "mm: start")
    made = {"mm.c": LINES, "helpers.c": HELPERS}
    topic = git.commit(made, "mm: split", branch="topic", parents=[start])
    other = git.commit({"other.c": "int other;\n"}, "other: start")
    git.commit(made, "Merge topic", parents=[other, topic])
    for number in range(5):
        git.commit({"other.c": f"int other_{number};\n"}, f"other: {number}")
    result = house.pick(git.commit({"helpers.c": FIXED_HELPER}, "mm: fix a helper"), check=1)
    assert (result["outcome"], [rule["rule"] for rule in result["rules"]]) == ("resolved", ["relocated"])
    assert house.text(result["ref"], "mm.c") == LINES + FIXED_HELPER


@pytest.mark.parametrize(
    ("fixed", "branch"),
    [
        (FIXED_HELPER, {"one": LINES + HELPERS, "two": LINES + HELPERS}),  # the code stands in both files
        (FIXED_HELPER, {"one": LINES + HELPERS.replace("a + 7", "7 + a")}),  # it stands in none as it was
        (FIXED_HELPER.replace("a + 0", "a - 0"), {"one": LINES + HELPERS.partition("static int helper_4")[0]}),  # half
    ],
)
def test_a_fix_of_a_split_file_whose_place_is_not_certain_is_refused(
    house: House, fixed: str, branch: dict[str, str]
) -> None:
    result = split(house, fixed, **branch)
    assert result["outcome"] == "conflict"
    assert result["conflicts"][0]["kind"] == "modify/delete"
    house.run("--abort", check=0)
