from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.backport.house import FILE, LINES, House, edit
from tests.support import invoke

if TYPE_CHECKING:
    import pytest


def amend(house: House, rev: str, old: bytes, new: bytes) -> str:
    """The commit `rev` with other words in its message, as a person's `git commit --amend` makes it."""
    raw = house.git.raw("cat-file", "commit", rev)
    assert old in raw
    return house.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.replace(old, new))


def test_a_rerun_gives_the_same_commit_on_another_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fix = house.fix()
    first = house.pick(fix)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1800000000 +0000")
    frozen = house.frozen()
    again = house.pick(fix)
    assert again == first
    assert house.frozen() == frozen


def test_a_rerun_with_more_to_say_changes_just_that(house: House) -> None:
    fix = house.fix()
    first = house.pick(fix, "cos-5.4", "--bug", "b/1", "--test", "booted")
    again = house.pick(fix, "cos-5.4", "--release-note", "Faster.")
    assert again["commit"] != first["commit"]
    assert again["change_id"] == first["change_id"]
    message = house.git.message(again["commit"])
    assert b"BUG=b/1\nTEST=booted\nRELEASE_NOTE=Faster.\n" in message
    assert house.pick(fix)["commit"] == again["commit"]


def test_a_rerun_with_another_profile_writes_the_message_anew(house: House) -> None:
    fix = house.fix()
    house.pick(fix, "cos-5.4", "--bug", "b/1")
    message = house.git.message(house.pick(fix, "cos-5.4", "--profile", "plain")["commit"])
    assert message == f"mm: fix it\n\n(cherry picked from commit {fix})\n".encode()


def test_a_rerun_after_the_branch_moved_goes_on_top_of_it(house: House) -> None:
    fix = house.fix()
    first = house.pick(fix)
    house.land("cos-5.4", edit(LINES, l30="thirty"), "cos: other")
    again = house.pick(fix)
    assert again["ref"] == first["ref"]
    assert house.git.sha(again["ref"] + "^") == house.git.sha("cos-5.4")
    assert again["change_id"] == first["change_id"]


def test_a_message_that_a_person_edited_is_kept(house: House) -> None:
    fix = house.fix()
    first = house.pick(fix)
    edited = amend(house, first["commit"], b"TEST=", b"TEST=on a real machine")
    house.git("update-ref", first["ref"], edited)
    again = house.pick(fix)
    assert (again["outcome"], again["commit"]) == ("picked", edited)
    assert "kept" in again["notes"][0]
    assert house.git.sha(first["ref"]) == edited


def test_edited_messages_of_a_series_are_kept(house: House) -> None:
    one = house.fix()
    two = house.fix(edit(LINES, l5="int five;", l20="twenty"), "mm: two")
    results = house.results(one, two, "--to", "cos-5.4")
    low = amend(house, results[0]["commit"], b"TEST=", b"TEST=low")
    high = amend(house, results[1]["commit"], b"parent " + results[0]["commit"].encode(), b"parent " + low.encode())
    house.git("update-ref", results[0]["ref"], high)
    again = house.results(one, two, "--to", "cos-5.4")
    assert [each["commit"] for each in again] == [low, high]


def test_a_persons_other_work_is_not_overwritten(house: House) -> None:
    fix = house.fix()
    first = house.pick(fix)
    work = house.git.commit({"mine.c": "int mine;\n"}, "mine", branch=first["ref"], parents=[first["commit"]])
    frozen = house.frozen()
    refused = house.pick(fix, check=3)
    assert refused["outcome"] == "error"
    assert work[:12] in refused["error"]["what"]
    assert "--force" in refused["error"]["hint"]
    refs, _, mine = frozen
    assert (house.git.refs(), house.git.user_state()) == (refs, mine)
    forced = house.pick(fix, "cos-5.4", "--force")
    assert (forced["outcome"], house.git.sha(first["ref"])) == ("picked", forced["commit"])


def test_a_pick_ref_that_is_checked_out_is_not_moved(house: House, tmp_path: Path) -> None:
    fix = house.fix()
    first = house.pick(fix)
    house.git("worktree", "add", "-q", str(tmp_path / "review"), first["ref"].removeprefix("refs/heads/"))
    assert house.pick(fix)["commit"] == first["commit"]  # it would not move
    house.land("cos-5.4", edit(LINES, l30="thirty"), "cos: other")
    refused = house.pick(fix, check=3)
    assert str(tmp_path / "review") in refused["error"]["what"]
    assert house.git.sha(first["ref"]) == first["commit"]


def resolved(house: House) -> tuple[str, dict[str, Any]]:
    """A pick whose conflict a person resolved."""
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    fix = house.fix()
    conflict = house.pick(fix, check=1)
    (Path(conflict["conflicts"][0]["worktree"]) / FILE).write_text(edit(LINES, l5="int five; /* mine */"))
    return fix, house.one("--continue", "--note", "kept mine", "--branch", "cos-5.4")


def test_what_a_person_resolved_is_the_same_on_a_rerun(house: House) -> None:
    fix, done = resolved(house)
    again = house.pick(fix)
    assert (again["commit"], again["outcome"], again["source"]["kind"]) == (done["commit"], "picked", "earlier-pick")


def test_what_a_person_resolved_is_used_again_after_the_branch_moved(house: House) -> None:
    fix, done = resolved(house)
    house.land("cos-5.4", edit(LINES, l5="mine", l30="thirty"), "cos: other")
    again = house.pick(fix)
    assert again["source"] == {"kind": "earlier-pick", "commit": done["commit"], "branch": "cos-5.4"}
    assert house.text(again["commit"]) == edit(LINES, l5="int five; /* mine */", l30="thirty")
    assert house.git.message(again["commit"]) == house.git.message(done["commit"])
    assert house.git.sha(again["commit"] + "^") == house.git.sha("cos-5.4")
    assert house.pick(fix)["commit"] == again["commit"]


def test_force_resolves_from_scratch(house: House) -> None:
    fix, _ = resolved(house)
    assert house.pick(fix, "cos-5.4", "--force", check=1)["outcome"] == "conflict"


def test_the_change_id_of_another_branchs_landed_pick_is_used(two: House) -> None:
    fix = two.fix()
    ident = "I" + "ab" * 20
    two.land(
        "cos-5.10", edit(LINES, l5="int five;"), f"mm: x\n\n(cherry picked from commit {fix})\nChange-Id: {ident}\n"
    )
    assert two.pick(fix)["change_id"] == ident


def test_the_change_id_of_another_branchs_open_pick_is_used(two: House) -> None:
    fix = two.fix()
    first = two.pick(fix)
    ident = "I" + "cd" * 20
    two.git("update-ref", first["ref"], amend(two, first["commit"], first["change_id"].encode(), ident.encode()))
    result = two.pick(fix, "cos-5.10")
    assert result["change_id"] == ident
    assert f"Change-Id: {ident}\n".encode() in two.git.message(result["commit"])


def test_one_fix_has_one_change_id_on_all_branches(two: House) -> None:
    results = two.results(two.fix(), "--all")
    assert len({each["change_id"] for each in results}) == 1


def test_a_dry_run_writes_nothing_and_needs_no_name(house: House, seal: Path) -> None:
    fix = house.fix()
    invoke("plan", fix, cwd=house.git.path, check=0)  # brings the index up to date
    (seal / "gitconfig").write_text("")
    state = house.common / "cosport"

    def listing() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes() for path in state.rglob("*") if path.is_file() and "index" not in path.name
        }

    before, files = house.frozen(), listing()
    result = house.pick(fix, "cos-5.4", "--dry-run")
    assert (result["outcome"], result["commit"], result["ref"]) == ("picked", None, None)
    assert result["tree"] == house.git.tree(fix)
    assert (house.frozen(), listing()) == (before, files)
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    before = house.frozen()
    conflict = house.pick(fix, "cos-5.4", "--dry-run", check=1)
    (told,) = conflict["conflicts"]
    assert (told["path"], told["kind"], told["worktree"], told["touched_by"]) == (FILE, "content", "", [])
    assert (house.frozen(), listing()) == (before, files)


def test_in_place_moves_the_branch_itself(house: House) -> None:
    fix, old = house.fix(), house.git.sha("cos-5.4")
    result = house.pick(fix, "cos-5.4", "--in-place")
    assert (result["ref"], result["commit"]) == ("refs/heads/cos-5.4", house.git.sha("cos-5.4"))
    assert house.git.sha("cos-5.4^") == old
    assert not any("backport" in ref for ref in house.git.refs())
    assert house.pick(fix, "cos-5.4", "--in-place")["outcome"] == "already-applied"


def test_in_place_is_refused_before_anything_is_changed(two: House) -> None:
    fix = two.fix()
    two.git.checkout("cos-5.10")
    two.git("tag", "v1", "cos-5.4")
    two.git("update-ref", "refs/remotes/origin/x", two.git.sha("cos-5.4"))
    before = two.frozen()
    for names in (("cos-5.4", "cos-5.10"), ("v1",), ("origin/x",), (two.git.sha("cos-5.4"),)):
        answer = two.run(fix, *(part for name in names for part in ("--to", name)), "--in-place", check=2)
        assert answer.err.startswith("cosport: ")
        assert "hint: " in answer.err
        assert two.frozen() == before


def test_in_place_after_a_conflict_where_the_branch_moved_is_refused(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    fix = house.fix()
    conflict = house.pick(fix, "cos-5.4", "--in-place", check=1)
    (Path(conflict["conflicts"][0]["worktree"]) / FILE).write_text(edit(LINES, l5="both"))
    moved = house.land("cos-5.4", edit(LINES, l5="mine", l30="x"), "cos: more")
    refused = house.one("--continue", "--note", "n", check=3)
    assert (refused["outcome"], refused["commit"]) == ("error", None)
    assert "moved" in refused["error"]["what"]
    assert house.git.sha("cos-5.4") == moved
    assert house.results("--status", check=1)[0]["outcome"] == "conflict"  # nothing is lost


def test_the_branch_moves_while_a_conflict_waits(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    fix = house.fix()
    conflict = house.pick(fix, check=1)
    (Path(conflict["conflicts"][0]["worktree"]) / FILE).write_text(edit(LINES, l5="both"))
    house.land("cos-5.4", edit(LINES, l5="mine", l30="x"), "cos: more")
    done = house.one("--continue", "--note", "n")
    assert "moved on" in done["notes"][-1]
    again = house.pick(fix)
    assert again["source"]["kind"] == "earlier-pick"
    assert house.text(again["commit"]) == edit(LINES, l5="both", l30="x")
