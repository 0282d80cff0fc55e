"""`cosport backport --push` against a real Gerrit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cosport.gerrit.client import Client, path
from cosport.message import changeid
from tests.backport.house import FILE, LINES, edit
from tests.gerrit.team import SAID
from tests.support import invoke

if TYPE_CHECKING:
    import pytest

    from cosport.model.commit import Sha
    from tests.gerrit.team import Team


def test_a_pick_becomes_a_change_with_hashtag_and_reviewer(team: Team) -> None:
    fix = team.fix()
    result = team.backport(fix, "cos-5.4", "--reviewer", "reviewer@example.com", "--hashtag", "urgent")
    review = result["review"]
    assert (review["state"], review["patch_set"]) == ("created", 1)
    change = team.change(review["number"])
    assert (change.current, change.change_id, change.branch) == (result["commit"], result["change_id"], "cos-5.4")
    assert not change.work_in_progress
    tags = team.admin.get(path("changes", change.number, "hashtags"), tuple[str, ...])
    assert set(tags) == {"urgent", f"backport-{fix[:12]}"}
    assert change.topic == ""
    asked = team.admin.get(path("changes", change.number, "reviewers") + "/", tuple[dict[str, object], ...])
    assert [each["email"] for each in asked] == ["reviewer@example.com"]


def test_nothing_but_the_pick_is_pushed_whatever_the_user_pushes_else(team: Team) -> None:
    team.git("tag", "-a", "-m", "ours", "ours", team.git.sha("refs/remotes/origin/cos-5.4"))
    team.git("config", "push.followTags", "true")
    assert team.backport(team.fix())["review"]["state"] == "created"
    assert team.admin.get(path("projects", team.project, "tags") + "/", tuple[dict[str, object], ...]) == ()


def test_a_branch_whose_name_gerrit_would_read_as_options_is_refused(team: Team) -> None:
    at = team.git.sha("refs/remotes/origin/cos-5.4")
    team.push(f"{at}:refs/heads/cos%submit")
    team.fetch()
    review = team.backport(team.fix(), "refs/remotes/origin/cos%submit", check=3)["review"]
    assert (review["state"], "after a % Gerrit reads options" in review["why"]) == ("failed", True)
    assert team.open_changes() == []


def test_a_second_run_uploads_nothing(team: Team) -> None:
    fix = team.fix()
    first = team.backport(fix)["review"]
    again = team.backport(fix)["review"]
    assert (again["state"], again["number"], again["patch_set"]) == ("unchanged", first["number"], 1)


def test_a_new_message_is_a_new_patch_set_of_the_same_change(team: Team) -> None:
    fix = team.fix()
    first = team.backport(fix)["review"]
    again = team.backport(fix, "cos-5.4", "--bug", "b/456")["review"]
    assert (again["state"], again["number"], again["patch_set"]) == ("updated", first["number"], 2)


def test_where_only_the_base_moved_nothing_is_uploaded(team: Team) -> None:
    fix = team.fix()
    first = team.backport(fix)
    at = team.git.sha("refs/remotes/origin/cos-5.4")
    tip = team.git.commit({"other.c": "int x;\n"}, "other: change", parents=[at], branch="refs/heads/elsewhere")
    team.push(f"{tip}:refs/heads/cos-5.4")
    team.fetch()
    again = team.backport(fix)
    assert again["commit"] != first["commit"]
    assert (again["review"]["state"], again["review"]["patch_set"]) == ("unchanged", 1)
    assert again["review"]["why"] == "only the base moved"


def test_a_persons_patch_set_is_not_overwritten_unless_forced(team: Team) -> None:
    fix = team.fix()
    number = team.backport(fix)["review"]["number"]
    message = team.change(number).patch_set.commit.message
    with team.server.client(team.engineer) as engineer:
        engineer.put(path("changes", number, "message"), {"message": message.replace("It hung.", "It hung, often.")})
    again = team.backport(fix, check=1)["review"]
    assert again["state"] == "refused"
    assert "patch set 2 is not cosport's but Kernel Engineer's" in again["why"]
    assert team.change(number).patch_set.number == 2
    forced = team.backport(fix, "cos-5.4", "--force")["review"]
    assert (forced["state"], forced["patch_set"]) == ("updated", 3)
    again = team.backport(fix)["review"]
    assert (again["state"], again["patch_set"]) == ("unchanged", 3)


def test_what_the_ladder_resolved_goes_up_as_work_in_progress(team: Team) -> None:
    before = edit(LINES, l6="upstream six")  # git calls neighbouring lines a conflict
    team.fix(message="mm: six", text=before)
    result = team.backport(team.fix(text=edit(before, l5="int five;")), check=1)
    assert result["outcome"] == "resolved", result
    assert result["review"]["state"] == "created"
    change = team.change(result["review"]["number"])
    assert change.work_in_progress
    assert change.current == result["commit"]


def test_what_a_local_branch_has_for_itself_does_not_go_up_with_a_pick(team: Team) -> None:
    """Pushed for review, each commit below the pick would become somebody's change."""
    fix = team.fix()
    at = team.git.sha("refs/remotes/origin/cos-5.4")
    team.push_on_top("cos-5.4", {"landed.c": "int x;\n"})  # which the clone does not know yet
    for name in ("one", "two"):
        team.git("update-ref", "refs/heads/cos-5.4", at)
        at = team.git.commit({f"{name}.c": "int x;\n"}, f"wip: {name}", parents=[at], branch="refs/heads/cos-5.4")
    file = team.git.path / ".git" / "cosport" / "cosport.toml"
    file.write_text(file.read_text().replace("refs/remotes/origin/cos-5.4", "refs/heads/cos-5.4"))
    review = team.backport(fix, check=1)["review"]
    assert review["state"] == "refused"
    assert "stands on 2 commits that cos-5.4 on the server has not" in review["why"]
    assert team.open_changes() == []


def test_a_long_series_asks_few_questions(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = Client._once

    def once(self: Client, method: str, where: str, *args: Any) -> bytes:
        asked.append(f"{method} {where}")
        return real(self, method, where, *args)

    monkeypatch.setattr(Client, "_once", once)
    shas = [team.fix(line, f"mm: fix {line}") for line in range(1, 20, 3)]

    def push() -> list[dict[str, Any]]:
        argv = ("backport", *shas, "--to", "cos-5.4", "--push", "--json", *SAID)
        found: list[dict[str, Any]] = invoke(*argv, cwd=team.git.path, check=0).json()["results"]
        return found

    assert {each["review"]["state"] for each in push()} == {"created"}
    asked.clear()
    assert {each["review"]["state"] for each in push()} == {"unchanged"}
    assert len(asked) <= 3, asked


def test_one_fix_has_one_change_id_on_all_branches(team: Team) -> None:
    fix = team.fix()
    one = team.backport(fix)
    other = team.backport(fix, "R85", "--from", "upstream")
    assert one["change_id"] == other["change_id"]
    assert one["review"]["number"] != other["review"]["number"]


def test_an_open_change_of_another_clone_gives_its_change_id(team: Team) -> None:
    fix = team.fix()
    ident = "I" + "ab" * 20
    theirs = team.git.commit(
        {FILE: edit(team.git.read("refs/remotes/origin/cos-5.4", FILE).decode(), l5="int fixed_5;")},
        f"mm: fix it\n\nBy hand.\n\n(cherry picked from commit {fix})\nChange-Id: {ident}",
        parents=[team.git.sha("refs/remotes/origin/cos-5.4")], branch="refs/heads/hand",
    )  # fmt: skip
    team.push(f"{theirs}:refs/for/refs/heads/cos-5.4")
    result = team.backport(fix, check=1)
    assert result["change_id"] == ident
    assert result["review"]["state"] == "refused"  # the patch set is a person's
    assert team.backport(fix, "R85", "--from", "upstream")["change_id"] == ident


def _uploaded_by_hand(team: Team, sha: str, line: str, text: str, ident: str) -> None:
    """A person's change on cos-5.4 that says it is a pick of `sha`."""
    at = team.git.sha("refs/remotes/origin/cos-5.4")
    theirs = team.git.commit(
        {FILE: edit(team.git.read(at, FILE).decode(), **{line: text})},
        f"mm: by hand\n\n(cherry picked from commit {sha})\nChange-Id: {ident}",
        parents=[at], branch="refs/heads/hand",
    )  # fmt: skip
    team.push(f"{theirs}:refs/for/refs/heads/cos-5.4")


def test_what_is_brought_with_a_fix_keeps_the_change_id_of_its_open_change(team: Team) -> None:
    needed = team.fix(20, "mm: prepare")
    better = edit(team.git.read("refs/remotes/upstream/master", FILE).decode(), l20="int better;")
    fix = team.fix(message="mm: fix it", text=better)
    later = team.fix(35, f'mm: fix the fix\n\nFixes: {fix[:12]} ("mm: fix it")')
    idents = "I" + "ab" * 20, "I" + "cd" * 20
    _uploaded_by_hand(team, needed, "l20", "int fixed_20;", idents[0])
    _uploaded_by_hand(team, later, "l35", "int fixed_35;", idents[1])
    answer = team.run("backport", fix, "--to", "cos-5.4", "--push", "--with-prereqs", "--with-followups", "--json",
                      "--bug", "None", "--test", "x", "--release-note", "None", check=1)  # fmt: skip
    found = {result["upstream"]: result for result in answer.json()["results"]}
    assert list(found) == [needed, fix, later]
    assert [found[each]["change_id"] for each in (needed, later)] == list(idents)
    assert found[fix]["change_id"] == changeid.derive(fix)  # type: ignore[arg-type]


def test_an_abandoned_change_is_followed_by_the_next_generation(team: Team) -> None:
    fix = team.fix()
    first = team.backport(fix)
    team.admin.post(path("changes", first["review"]["number"], "abandon"), {})
    again = team.backport(fix)
    sha: Sha = fix  # type: ignore[assignment]
    assert (first["change_id"], again["change_id"]) == (changeid.derive(sha), changeid.derive(sha, 1))
    assert again["review"]["state"] == "created"
    assert again["review"]["number"] != first["review"]["number"]


def test_a_server_that_is_gone_fails_the_run_before_anything_is_made(team: Team) -> None:
    team.server.url, kept = "http://127.0.0.1:9", team.server.url
    try:
        team.configure()
        answer = team.run("backport", team.fix(), "--to", "cos-5.4", "--push", check=3)
        assert "127.0.0.1:9" in answer.err
        assert not team.git("for-each-ref", "refs/heads/backport")
    finally:
        team.server.url = kept


def test_a_series_goes_up_as_a_chain(team: Team) -> None:
    one, two = team.fix(5), team.fix(20, "mm: fix more")
    answer = team.run("backport", one, two, "--to", "cos-5.4", "--push", "--json", "--bug", "None", "--test", "x",
                      "--release-note", "None", check=0)  # fmt: skip
    reviews = [result["review"] for result in answer.json()["results"]]
    assert [review["state"] for review in reviews] == ["created", "created"]
    assert (
        team.change(reviews[1]["number"]).patch_set.commit.parents[0].commit
        == team.change(reviews[0]["number"]).current
    )


def test_no_token_is_ever_shown(team: Team) -> None:
    answer = team.run("backport", team.fix(), "--to", "cos-5.4", "--push", "--bug", "None", "--test", "x",
                      "--release-note", "None", check=0)  # fmt: skip
    assert "/+/" in answer.out
    token = team.engineer.credentials.token
    assert token not in answer.out + answer.err
    assert token not in team.git("config", "--list", "--show-origin")
    for file in (team.git.path / ".git").rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file
