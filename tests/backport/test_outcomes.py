from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.backport.house import FILE, LINES, House, edit, evidence

if TYPE_CHECKING:
    from tests.support import Git


def test_a_clean_pick_stands_on_a_ref_of_its_own_and_nothing_else_moves(house: House) -> None:
    fix = house.fix()
    house.git.checkout()
    before, refs = house.git.user_state(), house.git.refs()
    result = house.pick(fix)
    ref = f"refs/heads/backport/cos-5.4/{fix[:12]}"
    assert (result["outcome"], result["fidelity"], result["ref"]) == ("picked", "identical", ref)
    assert result["commit"] == house.git.sha(ref)
    assert result["tree"] == house.git.tree(ref)
    assert result["source"] == {"kind": "upstream", "commit": fix, "branch": "refs/heads/main"}
    assert house.git.sha(f"{ref}^") == house.git.sha("cos-5.4")
    assert house.git.refs().keys() - refs.keys() == {ref, "refs/notes/cosport"}
    assert {**refs, ref: result["commit"]}.items() <= house.git.refs().items()
    assert house.git.user_state() == before
    assert result["upstream"] == fix
    assert result["branch"] == "cos-5.4"
    assert (result["prerequisites"], result["followups"], result["conflicts"], result["error"]) == ([], [], [], None)
    house.git.fsck()


def test_a_pick_is_author_and_date_of_upstream_and_committer_of_the_user(house: House) -> None:
    fix = house.fix()
    made = house.pick(fix)["commit"]
    assert house.git("log", "-1", "--format=%an <%ae> %ad|%cn <%ce>", "--date=raw", made) == (
        house.git("log", "-1", "--format=%an <%ae> %ad", "--date=raw", fix) + "|Kernel Engineer <engineer@example.com>"
    )


def test_same_lines_in_other_surroundings_are_context(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l8="other()"), "cos: other")
    result = house.pick(house.fix())
    assert (result["outcome"], result["fidelity"], result["notes"]) == ("picked", "context", [])


def test_a_clean_merge_that_changes_other_lines_is_adapted_and_says_so(house: House) -> None:
    # The branch holds one of the two changes already, so the pick brings only the other.
    house.land("cos-5.4", edit(LINES, l5="int five;"), "cos: half of it")
    fix = house.fix(edit(LINES, l5="int five;", l30="int thirty;"))
    result = house.pick(fix)
    assert (result["outcome"], result["fidelity"]) == ("picked", "adapted")
    assert "--note" in result["notes"][0]
    noted = house.pick(fix, "cos-5.4", "--note", "line 5 is there already")
    assert noted["notes"] == []
    assert b"[Kernel Engineer: line 5 is there already]\n" in house.git.message(noted["commit"])


def test_upstreams_own_bracket_note_is_no_reason_for_an_adapted_pick(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="int five;"), "cos: half of it")
    message = "mm: fix\n\nBody.\n\nSigned-off-by: A <a@b.c>\n[akpm: coding style]\nSigned-off-by: M <m@b.c>\n"
    result = house.pick(house.fix(edit(LINES, l5="int five;", l30="int thirty;"), message))
    assert result["fidelity"] == "adapted"
    assert "--note" in result["notes"][0]


def test_an_ancestor_is_already_applied(house: House) -> None:
    fix = house.fix()
    house.git.branch("cos-5.4", fix)
    result = house.pick(fix)
    assert (result["outcome"], result["commit"], result["ref"]) == ("already-applied", None, None)
    assert list(evidence(result)) == ["ancestor"]


TRAILERS = [
    "(cherry picked from commit {})",
    "(cherry-picked from commit {})",
    "commit {} upstream.",
    "[ Upstream commit {} ]",
    "(backported from commit {})",
    "Upstream-commit: {}",
    "Git-commit: {}",
]


@pytest.mark.parametrize("form", TRAILERS)
def test_a_trailer_of_any_known_form_is_evidence(house: House, form: str) -> None:
    fix = house.fix()
    # Another change, so that nothing but the trailer tells.
    carrier = house.land("cos-5.4", edit(LINES, l5="int FIVE;"), f"mm: fix it\n\n{form.format(fix)}\n\nBody.\n")
    result = house.pick(fix)
    assert result["outcome"] == "already-applied"
    assert carrier[:12] in evidence(result)["trailer"]


def test_the_same_patch_is_evidence(house: House) -> None:
    fix = house.fix()
    carrier = house.land("cos-5.4", edit(LINES, l5="int five;"), "a local name for it", author="Else <e@x.org>")
    result = house.pick(fix)
    assert result["outcome"] == "already-applied"
    assert carrier[:12] in evidence(result)["patch-id"]


def test_the_same_patch_that_was_undone_without_a_word_is_picked_again(house: House) -> None:
    fix = house.fix()
    house.land("cos-5.4", edit(LINES, l5="int five;"), "a local name for it", author="Else <e@x.org>")
    house.land("cos-5.4", LINES, "mm: back to how it was")
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    assert "patch-id" in evidence(result)


def test_the_same_patch_whose_lines_changed_since_is_still_there(house: House) -> None:
    fix = house.fix()
    carrier = house.land("cos-5.4", edit(LINES, l5="int five;"), "a local name for it", author="Else <e@x.org>")
    house.land("cos-5.4", edit(LINES, l5="long five;"), "mm: widen it")
    result = house.pick(fix)
    assert result["outcome"] == "already-applied"
    assert carrier[:12] in evidence(result)["patch-id"]


def test_a_pick_that_changes_nothing_is_already_applied_and_no_conflict(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="int five;", l30="int thirty;"), "cos: squash")
    result = house.pick(house.fix())
    assert result["outcome"] == "already-applied"
    assert list(evidence(result))[-1] == "same-tree"
    assert result["tree"] == house.git.tree("cos-5.4")


def test_an_equal_subject_is_weak_evidence_and_picked(house: House) -> None:
    fix = house.fix()
    house.land("cos-5.4", edit(LINES, l20="twenty"), "mm: fix it")
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    assert "not enough" in evidence(result)["subject"]


def test_a_subject_in_a_revert_is_no_evidence(house: House) -> None:
    fix = house.fix(message="mm: fix it")
    house.land("cos-5.4", edit(LINES, l20="twenty"), 'Revert "mm: fix it"\n\nThis reverts something else.')
    assert house.pick(fix)["outcome"] == "picked"


def reverted(house: House, fix: str) -> str:
    pick = house.land("cos-5.4", edit(LINES, l5="int five;"), f"mm: fix it\n\n(cherry picked from commit {fix})")
    return house.land("cos-5.4", LINES, f'Revert "mm: fix it"\n\nThis reverts commit {pick}.')


def test_a_reverted_pick_is_picked_again_under_a_new_change_id(house: House) -> None:
    fix = house.fix()
    first = house.pick(fix)
    house.git.branch("cos-5.4", first["commit"])
    revert = house.land("cos-5.4", LINES, f'Revert "mm: fix it"\n\nThis reverts commit {first["commit"]}.')
    again = house.pick(fix)
    assert again["outcome"] == "picked"
    assert revert[:12] in evidence(again)["reverted"]
    assert again["change_id"] != first["change_id"]
    house.git.branch("cos-5.4", again["commit"])
    assert house.pick(fix)["outcome"] == "already-applied"
    house.land("cos-5.4", LINES, f'Revert "mm: fix it"\n\nThis reverts commit {again["commit"]}.')
    third = house.pick(fix)
    assert len({first["change_id"], again["change_id"], third["change_id"]}) == 3


def test_a_reverted_revert_is_applied(house: House) -> None:
    fix = house.fix()
    revert = reverted(house, fix)
    house.land("cos-5.4", edit(LINES, l5="int five;"), f'Reapply "mm: fix it"\n\nThis reverts commit {revert}.')
    assert house.pick(fix)["outcome"] == "already-applied"


def broken(house: House) -> tuple[str, str]:
    """A commit that breaks something upstream, and its fix."""
    bad = house.fix(edit(LINES, l5="int bad;"), "mm: break it")
    return bad, house.fix(message=f'mm: mend it\n\nFixes: {bad[:12]} ("mm: break it")\n')


def test_a_branch_without_what_is_fixed_is_not_affected(house: House) -> None:
    bad, fix = broken(house)
    result = house.pick(fix)
    assert result["outcome"] == "not-affected"
    assert bad[:12] in evidence(result)["fixes-target-absent"]
    assert not any("backport" in ref for ref in house.git.refs())


def test_force_picks_though_not_affected_and_keeps_the_evidence(house: House) -> None:
    _, fix = broken(house)
    house.land("cos-5.4", edit(LINES, l5="int bad;"), "cos: the same fault")
    result = house.pick(fix, "cos-5.4", "--force", check=None)
    assert result["outcome"] == "picked"


def test_a_branch_with_a_backport_of_what_is_fixed_is_affected(house: House) -> None:
    bad, fix = broken(house)
    house.land("cos-5.4", edit(LINES, l5="int bad;"), f"mm: break it\n\ncommit {bad} upstream.")
    result = house.pick(fix)
    assert result["outcome"] == "picked"
    assert bad[:12] in evidence(result)["fixes-target-present"]


def test_introduced_by_replaces_the_fixes_tag(house: House) -> None:
    _, fix = broken(house)
    first = house.git.sha("cos-5.4")
    assert house.pick(fix, "cos-5.4", "--introduced-by", first, check=1)["outcome"] == "conflict"


def test_a_fix_without_a_tag_is_said_to_be_unknown_and_picked(house: House) -> None:
    result = house.pick(house.fix())
    assert result["outcome"] == "picked"
    assert "affected-unknown" in evidence(result)


def test_a_release_branch_waits_until_the_fix_has_landed_in_main(release: House) -> None:
    fix = release.fix()
    results = {each["branch"]: each for each in release.results(fix, "--all")}
    assert {name: each["outcome"] for name, each in results.items()} == {"cos-5.4": "picked", "R85": "waits-for-main"}
    assert "cos-5.4" in evidence(results["R85"])["waits-for-main"]
    # The pick on its own ref has not landed: only the branch itself counts.
    assert release.pick(fix, "R85")["outcome"] == "waits-for-main"


def test_a_release_branch_takes_the_landed_commit_of_main(release: House) -> None:
    fix = release.fix(message="mm: fix it\n\nBody.\n\nSigned-off-by: A <a@b.c>\n")
    made = release.pick(fix, "cos-5.4", "--bug", "b/1", "--test", "t", "--release-note", "None")["commit"]
    landed = release.git.commit(
        {FILE: edit(LINES, l5="int five;")},
        release.git.message(made) + b"Reviewed-by: R <r@b.c>\n",
        branch="cos-5.4",
    )
    result = release.pick(fix, "R85")
    assert result["source"] == {"kind": "main", "commit": landed, "branch": "cos-5.4"}
    assert (result["outcome"], result["fidelity"]) == ("picked", "identical")
    message = release.git.message(result["commit"])
    assert message == release.git.message(landed) + (
        f"(cherry picked from commit {landed})\n"
        "Signed-off-by: Kernel Engineer <engineer@example.com>\n"
    ).encode()  # fmt: skip
    assert message.index(f"commit {fix})".encode()) < message.index(f"commit {landed})".encode())
    assert release.pick(fix, "R85")["commit"] == result["commit"]


def test_a_release_branch_takes_upstreams_commit_where_main_holds_that_itself(release: House) -> None:
    fix = release.fix()
    release.git.branch("cos-5.4", fix)
    assert release.pick(fix, "R85")["source"]["kind"] == "upstream"


def test_from_upstream_overrides_waiting_and_the_message_says_so(release: House) -> None:
    result = release.pick(release.fix(), "R85", "--from", "upstream")
    assert (result["outcome"], result["source"]["kind"]) == ("picked", "upstream")
    message = release.git.message(result["commit"])
    assert b"[Kernel Engineer: picked from upstream before it landed in cos-5.4]\n" in message


CONFLICTING = edit(LINES, l5="old five")


def resolved_on(house: House, fix: str, branch: str, five: str = "int five; /* 5.10 */") -> str:
    return house.land(
        branch,
        edit(LINES, l5=five),
        f"mm: fix it\n\nBUG=b/7\n\n(cherry picked from commit {fix})\n",
        author="B <b@c.d>",
    )


def test_a_neighbours_backport_is_taken_where_upstreams_commit_conflicts(two: House) -> None:
    first = two.git.sha("cos-5.4")
    two.fix(edit(LINES, l5="changed five"), "mm: on the way")
    fix = two.fix(edit(LINES, l5="int five;"))
    carrier = resolved_on(two, fix, "cos-5.10")
    result = two.pick(fix)
    assert result["source"] == {"kind": "neighbour", "commit": carrier, "branch": "cos-5.10"}
    assert (result["outcome"], result["fidelity"]) == ("picked", "adapted")
    assert two.text(result["commit"]) == edit(LINES, l5="int five; /* 5.10 */")
    message = two.git.message(result["commit"])
    assert f"(cherry picked from commit {fix})\n".encode() in message
    assert f"(cherry picked from commit {carrier})\n".encode() in message
    assert two.git("log", "-1", "--format=%an", result["commit"]) == "Up Stream"
    assert two.git.sha("cos-5.4") == first


def test_from_neighbour_prefers_it_over_a_clean_upstream(two: House) -> None:
    fix = two.fix()
    carrier = resolved_on(two, fix, "cos-5.10", "int five;")
    assert two.pick(fix)["source"]["kind"] == "upstream"
    assert two.pick(fix, "cos-5.4", "--from", "neighbour")["source"]["commit"] == carrier


def test_of_several_neighbours_the_one_nearest_to_upstream_is_taken(git: Git) -> None:
    house = House.build(git, ("cos-5.4", "far", "near"))
    house.fix(edit(LINES, l5="changed five"), "mm: on the way")
    fix = house.fix(edit(LINES, l5="int five;"))
    house.land("far", edit(LINES, l5="x", l6="y", l7="z"), f"mm: fix\n\n(cherry picked from commit {fix})")
    near = house.land("near", edit(LINES, l5="int five;"), f"mm: fix\n\n(cherry picked from commit {fix})")
    assert house.pick(fix)["source"]["commit"] == near


def test_a_neighbours_pick_that_changes_nothing_is_no_proof(two: House) -> None:
    """The neighbour needed half of the fix; this branch holds that half, and conflicts on the other."""
    two.land("cos-5.4", edit(LINES, l5="int five;", l30="mine"), "cos: something")
    fix = two.fix(edit(LINES, l5="int five;", l30="int thirty;"))
    two.land("cos-5.10", edit(LINES, l5="int five;"), f"mm: fix\n\n(cherry picked from commit {fix})")
    result = two.pick(fix, check=1)
    assert (result["outcome"], result["source"]["kind"]) == ("conflict", "upstream")


def test_trouble_on_one_branch_holds_up_no_other(git: Git) -> None:
    house = House.build(git, ("ok", "conflicts", "fails"))
    fix = house.fix()
    house.land("conflicts", edit(LINES, l5="mine"), "mine")
    git.branch(f"backport/fails/{fix[:12]}", "main")  # a person's own branch of that name
    results = {each["branch"]: each for each in house.results(fix, "--all", check=3)}
    assert {name: each["outcome"] for name, each in results.items()} == {
        "ok": "picked",
        "conflicts": "conflict",
        "fails": "error",
    }
    assert git.exists(results["ok"]["ref"])
    assert "person" in results["fails"]["error"]["what"]
    assert "--force" in results["fails"]["error"]["hint"]
    assert [each["outcome"] for each in house.results(fix, "--to", "ok", "--to", "conflicts", check=1)] == [
        "picked",
        "conflict",
    ]


def test_a_configured_branch_that_is_not_here_holds_up_no_other(two: House) -> None:
    two.git("update-ref", "-d", "refs/heads/cos-5.10")
    results = two.results(two.fix(), "--all", check=3)
    assert [(each["branch"], each["outcome"]) for each in results] == [("cos-5.4", "picked"), ("cos-5.10", "error")]
    assert "refs/heads/cos-5.10" in results[1]["error"]["what"]


def test_targets_may_be_bare_commits_tags_and_remote_branches(house: House) -> None:
    fix = house.fix()
    base = house.git.sha("cos-5.4")
    house.git("tag", "-a", "-m", "a tag", "v5.4", base)
    house.git("update-ref", "refs/remotes/origin/stable", base)
    names = (base, "v5.4", "origin/stable", "cos-5.4^{}")
    results = house.results(fix, *(part for name in names for part in ("--to", name)))
    short = fix[:12]
    assert [each["ref"] for each in results] == [
        f"refs/heads/backport/{base[:12]}/{short}",
        f"refs/heads/backport/v5.4/{short}",
        f"refs/heads/backport/origin/stable/{short}",
    ]


def test_a_branch_goes_before_a_tag_of_the_same_name(house: House) -> None:
    fix = house.fix()
    house.git("tag", "topic", house.git.sha("main"))
    house.git.branch("topic", "cos-5.4")
    result = house.pick(fix, "topic")
    assert house.git.sha(result["commit"] + "^") == house.git.sha("cos-5.4")


def test_a_merge_is_picked_against_the_parent_that_is_named(house: House) -> None:
    side = house.git.commit({"side.c": "int s;\n"}, "side", branch="side", parents=[house.git.sha("main")])
    house.git.commit({"other.c": "int o;\n"}, "other")
    merge = house.git.commit({"side.c": "int s;\n"}, "Merge side", parents=[house.git.sha("main"), side])
    house.run(merge, "--to", "cos-5.4", check=2)
    made = house.pick(merge, "cos-5.4", "--mainline", "1")
    assert house.git("diff", "--name-only", "cos-5.4", made["commit"]) == "side.c"
    assert house.pick(merge, "cos-5.4", "--mainline", "2", "--force")["tree"] != made["tree"]
    house.run(merge, "--to", "cos-5.4", "--mainline", "3", check=2)


def test_an_unmerged_commit_is_marked_fromgit(house: House) -> None:
    house.git.branch("topic", "main")
    fix = house.git.commit({FILE: edit(LINES, l5="int five;")}, "mm: fix it", branch="topic")
    answer = house.run(fix, "--to", "cos-5.4", check=2)
    assert "--allow-unmerged" in answer.err
    house.git("config", "remote.next.url", "https://user:secret@git.example.org/next.git")
    house.git("update-ref", "refs/remotes/next/master", fix)
    made = house.pick(fix, "cos-5.4", "--allow-unmerged")["commit"]
    message = house.git.message(made).decode()
    assert message.startswith("FROMGIT: mm: fix it\n")
    assert f"(cherry picked from commit {fix}\n https://git.example.org/next.git master)\n" in message
    assert "secret" not in message


def test_sha256_repositories_work(make_git: object) -> None:
    git = make_git("sha256", sha256=True)  # type: ignore[operator]
    house = House.build(git)
    result = house.pick(house.fix())
    assert result["outcome"] == "picked"
    assert len(result["commit"]) == 64
