"""One entry for one fix: by upstream commits, then Change-Id, then patch, in the range and in what was released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.notes.story import change
from tests.support import invoke

if TYPE_CHECKING:
    from tests.support import Git

ABSENT = "1296c110c5a0b45a8fcf58e7d18bc5da61a565cb"


@pytest.fixture
def start(git: Git) -> str:
    git.commit({"a": "1", "b": "1"}, "start")
    git.branch("upstream")
    return git.branch("cos")


def land(git: Git, subject: str, files: dict[str, str], *lines: str, branch: str = "cos", note: str = "") -> str:
    text = "\n".join((f"{subject}\n\nWords.\n\nRELEASE_NOTE={note or subject}\n", *lines))
    return git.commit(dict(files), text, branch=branch)


def told(git: Git, old: str, new: str = "cos") -> tuple[list[str], list[str]]:
    """The texts of the entries, and the fates of the commits."""
    found: Any = invoke("notes", f"{old}..{new}", "--profile", "cos", "--json", cwd=git.path, check=0).json()
    entries = [entry["text"] for section in found["sections"] for entry in section["entries"]]
    return entries, [account["fate"] for account in found["commits"]]


def test_the_same_patch_on_both_sides_of_a_merge_is_one_fix(git: Git, start: str) -> None:
    git.branch("side", "cos")
    land(git, "a: mend", {"a": "2"}, branch="side", note="Mended there.")
    land(git, "a: mend", {"a": "2"}, note="Mended here.")
    git.commit({}, "Merge branch 'side'", branch="cos", parents=[git.sha("cos"), git.sha("side")])
    entries, fates = told(git, start)
    assert entries == ["Mended there."]
    assert sorted(fates) == ["merge", "merged", "told"]


def test_the_same_subject_with_another_patch_is_another_fix(git: Git, start: str) -> None:
    land(git, "a: mend", {"a": "2"}, note="Once.")
    land(git, "a: mend", {"a": "3"}, note="Again.")
    assert told(git, start)[0] == ["Once.", "Again."]


def test_one_change_id_is_one_fix_whatever_its_words(git: Git, start: str) -> None:
    land(git, "a: mend", {"a": "2"}, f"Change-Id: I{change(1)}")
    land(git, "a: mend it all", {"b": "2"}, f"Change-Id: I{change(1)}")
    assert told(git, start)[0] == ["a: mend it all"]


def test_one_change_id_for_two_upstream_commits_is_two_fixes(git: Git, start: str) -> None:
    for number, name in enumerate(("a", "b"), 1):
        sha = git.commit({name: "2"}, f"{name}: mend", branch="upstream")
        origin = f"(cherry picked from commit {sha})\nChange-Id: I{change(7)}"
        land(git, f"{name}: mend", {name: "2"}, origin, note=f"Fix {number}.")
    assert told(git, start)[0] == ["Fix 1.", "Fix 2."]


def test_a_change_id_that_was_released_is_told_no_more(git: Git, start: str) -> None:
    old = land(git, "a: mend", {"a": "2"}, f"Change-Id: I{change(1)}")
    land(git, "a: mend again", {"a": "3"}, f"Change-Id: I{change(1)}")
    assert told(git, old) == ([], ["released"])


def test_a_patch_that_was_released_is_told_no_more(git: Git, start: str) -> None:
    git.branch("side", "cos")
    old = land(git, "a: mend", {"a": "2"})
    land(git, "a: mend", {"a": "2"}, branch="side")
    git.commit({}, "Merge branch 'side'", branch="cos", parents=[git.sha("cos"), git.sha("side")])
    entries, fates = told(git, old)
    assert (entries, sorted(fates)) == ([], ["merge", "released"])


def test_a_squash_and_a_pick_of_one_of_its_parts_are_one_fix(git: Git, start: str) -> None:
    first = git.commit({"a": "2"}, "a: mend", branch="upstream")
    second = git.commit({"b": "2"}, "b: mend", branch="upstream")
    origins = [f"(cherry picked from commit {sha})" for sha in (first, second)]
    land(git, "a, b: mend", {"a": "2", "b": "2"}, *origins)
    land(git, "b: mend", {"b": "3"}, origins[1], note="None")
    entries, fates = told(git, start)
    assert (entries, sorted(fates)) == (["a, b: mend"], ["merged", "told"])


def test_upstream_commits_that_are_not_here_are_known_by_name(git: Git, start: str) -> None:
    for name in (ABSENT, ABSENT[:12]):
        land(git, f"a: mend by {len(name)}", {"a": name}, f"(cherry picked from commit {name})")
    assert told(git, start)[0] == ["a: mend by 12"]


def test_a_pick_of_a_pick_is_the_fix_of_upstream(git: Git, start: str) -> None:
    fix = git.commit({"a": "2"}, "a: mend", branch="upstream")
    git.branch("release", "cos")
    landed = land(git, "a: mend", {"a": "2"}, f"(cherry picked from commit {fix})")
    land(
        git, "a: mend", {"a": "2"}, f"(cherry picked from commit {fix})", f"(cherry picked from commit {landed})",
        branch="release",
    )  # fmt: skip
    land(git, "a: mend here too", {"a": "3"}, f"(cherry picked from commit {fix})", branch="release")
    assert told(git, start, "release")[0] == ["a: mend here too"]
