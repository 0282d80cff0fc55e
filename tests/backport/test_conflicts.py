from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.backport.house import FILE, LINES, House, edit
from tests.support import Git, invoke

if TYPE_CHECKING:
    from tests.support import File

FIXED = edit(LINES, l5="int five;")
MINE = edit(LINES, l5="mine")
BOTH = edit(LINES, l5="int five; /* mine */")


def conflict(house: House, *args: str, fixed: str = FIXED, mine: str = MINE) -> tuple[str, dict[str, Any], Path]:
    """A fix, the result of the pick that conflicts, and the work tree."""
    house.land("cos-5.4", mine, "cos: mine")
    fix = house.fix(fixed, "mm: fix it\n\nSigned-off-by: A <a@b.c>\n")
    result = house.pick(fix, "cos-5.4", *args, check=1)
    assert result["outcome"] == "conflict"
    return fix, result, Path(result["conflicts"][0]["worktree"])


def clash(
    git: Git, before: dict[str, File], ours: dict[str, File], theirs: dict[str, File]
) -> tuple[House, dict[str, Any], Path]:
    """A conflict between two changes of the same files."""
    house = House(git)
    git.commit({"README": "x\n", **before}, "start")
    git.branch("cos-5.4")
    house.configure(["cos-5.4"])
    git.commit(ours, "ours", branch="cos-5.4")
    result = house.pick(git.commit(theirs, "theirs"), check=1)
    return house, result, Path(result["conflicts"][0]["worktree"])


def git_in(work: Path) -> Git:
    return Git(work)


def carry_on(house: House, *args: str, check: int | None = 0) -> dict[str, Any]:
    return house.one("--continue", *args, check=check)


def files(work: Path) -> list[str]:
    return sorted(str(path.relative_to(work)) for path in work.rglob("*") if path.is_file() or path.is_symlink())


def test_the_work_tree_holds_just_the_files_in_conflict(house: House) -> None:
    house.git.checkout()
    before, config = house.git.user_state(), (house.common / "config").read_bytes()
    _, result, work = conflict(house)
    assert files(work) == [".git", FILE]
    assert house.git.user_state()[1] == before[1]
    assert (house.common / "config").read_bytes() == config
    assert result["conflicts"][0]["path"] == FILE
    assert result["conflicts"][0]["kind"] == "content"
    status = git_in(work)("status", "--porcelain")
    assert status == f"UU {FILE}"
    house.git.fsck()


def test_the_markers_name_the_branch_and_the_commit(house: House) -> None:
    fix, _, work = conflict(house)
    text = (work / FILE).read_text()
    assert "<<<<<<< cos-5.4\nmine\n" in text
    assert f"||||||| before {fix[:12]}\nline 5\n=======\nint five;\n" in text
    assert f">>>>>>> {fix[:12]} (mm: fix it)\n" in text


def test_the_message_is_prepared_before_the_resolution(house: House) -> None:
    fix, _, work = conflict(house, "--bug", "b/1")
    message = (house.common / "worktrees" / work.name / "MERGE_MSG").read_text()
    assert "BUG=b/1\n" in message
    assert (
        f"Conflicts:\n\t{FILE}\n[Kernel Engineer: describe what was changed and why]\n"
        f"(cherry picked from commit {fix})\nChange-Id: I" in message
    )


def test_an_adapted_pick_needs_a_note(house: House) -> None:
    fix, _, work = conflict(house)
    (work / FILE).write_text(BOTH)
    refused = carry_on(house, check=1)
    assert refused["outcome"] == "conflict"
    assert "--note" in refused["notes"][0]
    done = carry_on(house, "--note", "kept the local type")
    assert (done["outcome"], done["fidelity"], done["ref"]) == (
        "picked", "adapted", f"refs/heads/backport/cos-5.4/{fix[:12]}",
    )  # fmt: skip
    assert house.text(done["commit"]) == BOTH
    message = house.git.message(done["commit"]).decode()
    assert (
        f"Conflicts:\n\t{FILE}\n[Kernel Engineer: kept the local type]\n(cherry picked from commit {fix})\n" in message
    )
    assert house.git("log", "-1", "--format=%an", done["commit"]) == "Up Stream"
    assert not work.exists()
    assert len(house.git("worktree", "list").splitlines()) == 1
    house.git.fsck()


def test_a_resolution_that_is_upstreams_change_needs_no_note(house: House) -> None:
    # Context in the way: the same lines change.
    house.land("cos-5.4", edit(LINES, l4="four", l6="six"), "cos: around it")
    fix = house.fix()
    work = Path(house.pick(fix, "cos-5.4", "--max-rung", "0", check=1)["conflicts"][0]["worktree"])
    (work / FILE).write_text(edit(LINES, l4="four", l5="int five;", l6="six"))
    done = carry_on(house)
    assert (done["fidelity"], done["change_id"] is not None) == ("context", True)
    message = house.git.message(done["commit"])
    assert b"describe what" not in message
    assert b"Conflicts:" in message


def test_a_note_given_at_the_start_is_used(house: House) -> None:
    _, _, work = conflict(house, "--note", "said before")
    (work / FILE).write_text(BOTH)
    message = house.git.message(carry_on(house)["commit"])
    assert message.count(b"[Kernel Engineer: said before]") == 1
    assert b"describe what" not in message


@pytest.mark.parametrize("left", ["<<<<<<< cos-5.4", "||||||| before", ">>>>>>> 1234 (x)", "======="])
@pytest.mark.parametrize("how", ["edited", "added", "committed"])
def test_leftover_markers_are_refused_with_their_place(house: House, left: str, how: str) -> None:
    _, _, work = conflict(house)
    (work / FILE).write_text(edit(LINES, l5="int five;", l20=f"    int a_long_line;\n{left}"))
    if how != "edited":
        git_in(work)("add", FILE)
    if how == "committed":
        git_in(work)("commit", "-q", "-m", "mm: fix it")
    refused = carry_on(house, "--note", "n", check=1)
    assert refused["outcome"] == "conflict"
    assert f"{FILE}:21" in refused["notes"][0]
    assert not any("backport" in ref for ref in house.git.refs())


def test_a_heading_is_no_marker(house: House) -> None:
    _, _, work = conflict(house)
    (work / FILE).write_text(edit(LINES, l5="Locking\n=======\nint five;"))
    assert carry_on(house, "--note", "n")["outcome"] == "picked"


def test_markers_that_upstream_itself_holds_are_no_leftovers(house: House) -> None:
    own = edit(LINES, l5="int five;", l20="<<<<<<< an example\nthat is quoted\n=======\n>>>>>>> in a document")
    _, _, work = conflict(house, fixed=own)
    (work / FILE).write_text(own)
    git_in(work)("add", FILE)
    assert carry_on(house, "--note", "n")["outcome"] == "picked"


@pytest.mark.parametrize("how", ["edit", "add", "commit", "commit -m"])
def test_ways_to_resolve(house: House, how: str) -> None:
    fix, _, work = conflict(house)
    (work / FILE).write_text(BOTH)
    there = git_in(work)
    if how != "edit":
        there("add", FILE)
    if how == "commit":
        message = house.common / "worktrees" / work.name / "MERGE_MSG"
        message.write_text(message.read_text().replace("describe what was changed and why", "in the commit"))
        there("commit", "-q", "--no-edit")
    if how == "commit -m":
        there("commit", "-q", "-m", f"mm: mine\n\n[Kernel Engineer: why]\n(cherry picked from commit {fix})")
    done = carry_on(house, *([] if how.startswith("commit") else ["--note", "n"]))
    assert (done["outcome"], house.text(done["commit"])) == ("picked", BOTH)
    assert house.git.sha(done["commit"] + "^") == house.git.sha("cos-5.4")
    assert house.git("log", "-1", "--format=%an <%ae> %ad", done["commit"]) == house.git(
        "log", "-1", "--format=%an <%ae> %ad", fix
    )
    if how == "commit":
        assert b"[Kernel Engineer: in the commit]" in house.git.message(done["commit"])
    if how == "commit -m":
        assert house.git.message(done["commit"]).startswith(b"mm: mine\n")


def test_the_message_may_be_edited_in_the_work_tree(house: House) -> None:
    _, _, work = conflict(house)
    (work / FILE).write_text(BOTH)
    message = house.common / "worktrees" / work.name / "MERGE_MSG"
    message.write_text(
        message.read_text().replace("TEST=None\n", "TEST=by hand\n").replace("describe what", "I tell what")
    )
    text = house.git.message(carry_on(house)["commit"])
    assert b"TEST=by hand\n" in text
    assert b"[Kernel Engineer: I tell what was changed and why]" in text


def test_an_emptied_message_is_refused(house: House) -> None:
    _, _, work = conflict(house)
    (work / FILE).write_text(BOTH)
    (house.common / "worktrees" / work.name / "MERGE_MSG").write_text("\n")
    assert "MERGE_MSG" in carry_on(house, "--note", "n", check=1)["notes"][0]


def test_more_than_one_commit_is_refused(house: House) -> None:
    _, _, work = conflict(house)
    (work / FILE).write_text(BOTH)
    git_in(work)("commit", "-q", "-a", "-m", "one")
    git_in(work)("commit", "-q", "--allow-empty", "-m", "two")
    assert "no single commit" in carry_on(house, "--note", "n", check=1)["notes"][0]


def test_a_resolution_that_leaves_nothing_is_refused_with_a_hint(house: House) -> None:
    _, _, work = conflict(house)
    (work / FILE).write_text(MINE)
    refused = carry_on(house, "--note", "n", check=1)
    assert refused["outcome"] == "conflict"
    assert "--skip" in refused["notes"][0]


def test_another_file_may_be_changed_and_a_new_one_added(house: House) -> None:
    """What the resolution needs beyond the conflict: files that the sparse work tree hides, and new ones."""
    _, _, work = conflict(house)
    (work / FILE).write_text(BOTH)
    (work / "README").write_text("kernel, changed\n")
    (work / "new.c").write_text("int n;\n")
    (work / "oom.c.orig").write_text("left by an editor\n")
    git_in(work)("add", "new.c")
    done = carry_on(house, "--note", "n")
    assert "oom.c.orig" in done["notes"][-1]
    changed = house.git("diff", "--name-only", "cos-5.4", done["commit"]).split()
    assert changed == ["README", FILE, "new.c"]


def touches(result: dict[str, Any]) -> list[str]:
    return [touch["sha"] for touch in result["conflicts"][0]["touched_by"]]


def test_it_names_the_upstream_commits_that_changed_the_lines(house: House) -> None:
    one = house.fix(edit(LINES, l5="first"), "mm: first")
    house.fix(edit(LINES, l5="first", l30="far away"), "mm: far away")
    two = house.fix(edit(LINES, l5="first", l6="second", l30="far away"), "mm: second")
    _, result, _ = conflict(house, fixed=edit(LINES, l5="int five;", l6="int six;", l30="far away"), mine=LINES + "x\n")
    assert touches(result) == [one, two]
    assert [touch["subject"] for touch in result["conflicts"][0]["touched_by"]] == ["mm: first", "mm: second"]


def test_a_dry_run_tells_of_a_conflict_what_a_run_tells(house: House) -> None:
    house.fix(edit(LINES, l5="first"), "mm: first")
    fix = house.fix(edit(LINES, l5="int five;"), "mm: fix it")
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    dry, real = house.pick(fix, "cos-5.4", "--dry-run", check=1), house.pick(fix, "cos-5.4", check=1)
    assert len(touches(real)) == 1
    real["conflicts"][0]["worktree"] = ""
    assert dry == real


def test_each_place_names_those_who_changed_its_lines_and_a_plan_does_so_when_asked(house: House) -> None:
    one = house.fix(edit(LINES, l5="int first;"), "mm: first")
    two = house.fix(edit(LINES, l5="int first;", l30="int second;"), "mm: second")
    fix = house.fix(edit(LINES, l5="int five;", l30="int thirty;"))
    house.land("cos-5.4", edit(LINES, l5="int mine;", l30="int my_own;"), "mm: mine")
    plan = ("plan", fix, "--to", "cos-5.4", "--json")
    (told,) = invoke(*plan, "--explain", cwd=house.git.path, check=1).json()["results"]
    places = told["conflicts"][0]["places"]
    assert [[touch["sha"] for touch in place["touched_by"]] for place in places] == [[one], [two]]
    assert touches(told) == [one, two]
    assert set(told["searched"]["suspects"]) == {one, two}
    (plain,) = invoke(*plan, cwd=house.git.path, check=1).json()["results"]
    assert (touches(plain), plain["searched"]) == ([], None)
    shown = invoke("plan", fix, "--to", "cos-5.4", "--explain", cwd=house.git.path, check=1).out
    assert f"changed upstream by {one[:12]})" in shown
    assert f"changed upstream by {two[:12]})" in shown
    backported = house.pick(fix, "cos-5.4", check=1)
    assert backported["conflicts"][0]["places"] == places


def test_it_names_the_commit_that_removed_the_lines(house: House) -> None:
    removed = house.fix(edit(LINES, l5="", l6=""), "mm: remove")
    fixed = edit(LINES, l5="", l6="").replace("line 7\n", "int seven;\n")
    _, result, _ = conflict(house, fixed=fixed, mine=edit(LINES, l6="mine", l7="my seven"))
    assert touches(result) == [removed]


def test_both_added_at_the_same_place_looks_at_the_lines_around(house: House) -> None:
    around = house.fix(edit(LINES, l10="ten"), "mm: around")
    _, result, _ = conflict(house, fixed=edit(LINES, l10="ten\nint upstream;"), mine=edit(LINES, l10="ten\nint mine;"))
    assert touches(result) == [around]


def test_a_conflict_without_a_cause_upstream_names_none(house: House) -> None:
    _, result, _ = conflict(house)
    assert touches(result) == []


KINDS: dict[str, tuple[dict[str, File], dict[str, File], dict[str, File]]] = {
    "modify/delete": ({"a.c": LINES}, {"a.c": None}, {"a.c": FIXED}),
    "add/add": ({}, {"a.c": "ours\n"}, {"a.c": "theirs\n"}),
    "binary": ({"a.c": b"\0\1\2" * 50}, {"a.c": b"\0ours" * 50}, {"a.c": b"\0theirs" * 50}),
    "rename/delete": ({"a.c": LINES}, {"a.c": None}, {"a.c": None, "b.c": LINES}),
    "rename/rename": ({"a.c": LINES}, {"a.c": None, "b.c": LINES}, {"a.c": None, "c.c": LINES}),
    "submodule": (
        {"sub": ("160000", "1" * 40)},
        {"sub": ("160000", "2" * 40)},
        {"sub": ("160000", "3" * 40)},
    ),
    "content": ({"a": ("120000", "one")}, {"a": ("120000", "ours")}, {"a": ("120000", "theirs")}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_conflict(git: Git, kind: str) -> None:
    house, result, work = clash(git, *KINDS[kind])
    assert result["conflicts"][0]["kind"] == kind
    there = git_in(work)
    assert there("ls-files", "-u")
    untouched = carry_on(house, "--note", "n", check=1)
    assert untouched["outcome"] == "conflict", "nobody resolved it"
    assert untouched["notes"]
    path = result["conflicts"][0]["path"]
    if kind == "submodule":
        there("update-index", "--cacheinfo", f"160000,{'3' * 40},sub")
    elif kind in ("rename/rename", "rename/delete"):
        for name in {line.split("\t")[1] for line in there("ls-files", "-u").splitlines()}:
            there("rm", "-q", "-f", "--cached", name)
        (work / "final.c").write_text(LINES)
        there("add", "final.c")
    else:
        (work / path).unlink(missing_ok=True)
        (work / path).write_bytes(b"resolved\n")
        there("add", path)
    done = carry_on(house, "--note", "n")
    assert done["outcome"] == "picked"
    house.git.fsck()


def test_modify_delete_may_end_with_git_rm(git: Git) -> None:
    house, _, work = clash(git, {"a.c": LINES, "b.c": LINES}, {"a.c": None}, {"a.c": FIXED, "b.c": FIXED})
    git_in(work)("rm", "-q", "a.c")
    done = carry_on(house, "--note", "a.c is gone here")
    assert house.git("diff", "--name-only", "cos-5.4", done["commit"]) == "b.c"


def test_a_mode_conflict(git: Git) -> None:
    house, result, work = clash(git, {"a": LINES}, {"a": ("120000", "elsewhere")}, {"a": ("100755", FIXED)})
    assert result["outcome"] == "conflict"
    there = git_in(work)
    for name in {line.split("\t")[1] for line in there("ls-files", "-u").splitlines()}:
        there("rm", "-q", "-f", "--cached", name)
    (work / "a").unlink()
    (work / "a").write_text(FIXED)
    (work / "a").chmod(0o755)
    there("add", "a")
    done = carry_on(house, "--note", "n")
    assert house.git("ls-tree", done["commit"], "a").startswith("100755 blob")


def test_hostile_paths_and_names_come_through(git: Git) -> None:
    name = "-rf $(id) \x1b[31m%s\n\\x41\udcff;*.c"
    house, result, work = clash(git, {name: LINES}, {name: MINE}, {name: FIXED})
    assert result["conflicts"][0]["path"] == name
    (work / name).write_text(BOTH)
    status = house.run("--status", check=1)
    assert status.json()["results"][0]["conflicts"][0]["path"] == name
    done = carry_on(house, "--note", "n")
    assert done["outcome"] == "picked"
    message = house.git.message(done["commit"])
    assert b"\x1b" not in message
