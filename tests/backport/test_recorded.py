"""Each pick that stands leaves a record beside its commit; what leaves no commit leaves no record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.backport.house import FILE, LINES, House, edit
from tests.support import Answer, invoke

if TYPE_CHECKING:
    import pytest


def records(house: House, rev: str) -> list[dict[str, Any]]:
    shown = invoke("record", "show", rev, "--json", cwd=house.git.path, check=None).json()
    (commit,) = shown["commits"]
    assert commit["commit"] == house.git.sha(rev)
    found: list[dict[str, Any]] = commit["records"]
    return found


def share(house: House, *args: str, check: int | None = 0) -> Answer:
    return invoke("record", *args, "--json", cwd=house.git.path, check=check)


def test_a_pick_is_on_record_with_its_source_and_fidelity(house: House) -> None:
    fix = house.fix()
    result = house.pick(fix)
    (record,) = records(house, result["ref"])
    assert record["kind"] == "pick"
    assert record["by"].startswith("cosport ")
    same = ("upstream", "branch", "outcome", "ref", "tree", "change_id", "source", "fidelity")
    assert {key: record["data"][key] for key in same} == {key: result[key] for key in same}


def test_a_rerun_on_another_day_adds_nothing_to_the_record(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fix = house.fix()
    result = house.pick(fix)
    before = house.git.sha("refs/notes/cosport")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1800000000 +0000")
    house.pick(fix)
    assert house.git.sha("refs/notes/cosport") == before
    assert len(records(house, result["ref"])) == 1


def test_a_series_on_two_branches_is_one_commit_of_notes(house: House) -> None:
    house.git.branch("cos-5.10", "cos-5.4")
    first, second = house.fix(), house.fix(edit(LINES, l5="int five;", l30="int thirty;"), "mm: fix more")
    results = house.results(first, second, "--to", "cos-5.4", "--to", "cos-5.10")
    assert len(results) == 4
    assert {len(records(house, each["commit"])) for each in results} == {1}
    assert house.git("rev-list", "--count", "refs/notes/cosport") == "1"


def test_nothing_made_is_nothing_on_record(house: House) -> None:
    fix = house.fix()
    house.one(fix, "--to", "cos-5.4", "--dry-run")
    house.land("cos-5.4", edit(LINES, l5="int other;"), "cos: in the way")
    house.one(fix, "--to", "cos-5.4", check=1)
    assert not house.git.exists("refs/notes/cosport")


def test_a_resolution_by_hand_is_on_record_when_it_is_done(house: House) -> None:
    fix = house.fix()
    house.land("cos-5.4", edit(LINES, l5="int other;"), "cos: in the way")
    (conflict,) = house.one(fix, "--to", "cos-5.4", check=1)["conflicts"]
    (house.common / "cosport/worktrees/cos-5.4" / FILE).write_text(edit(LINES, l5="int five_other;"))
    done = house.one("--continue", "--note", "both names")
    (record,) = records(house, done["commit"])
    assert record["data"]["fidelity"] == "adapted"
    assert record["data"]["notes"] == ["its conflict was resolved by hand"]
    assert conflict["path"] == FILE


def test_record_show_says_where_nothing_is_known(house: House) -> None:
    answer = invoke("record", "show", "cos-5.4", cwd=house.git.path, check=1)
    assert "nothing is on record" in answer.err


def test_records_are_shared_between_two_clones(house: House) -> None:
    fix = house.fix()
    result = house.pick(fix)
    house.git("init", "-q", "--bare", "../hub.git")
    house.git("remote", "add", "hub", "../hub.git")
    assert share(house, "push", "hub").json()["taken"] == 0
    kept = house.git("notes", "--ref=cosport", "show", result["commit"])
    house.git("update-ref", "-d", "refs/notes/cosport")
    assert share(house, "fetch", "hub").json() == {"schema": "cosport.records-shared/1", "remote": "hub", "taken": 1}
    assert house.git("notes", "--ref=cosport", "show", result["commit"]) == kept
    assert json.loads(kept)["data"]["upstream"] == fix
    assert share(house, "fetch", "nowhere", check=3).code == 3
