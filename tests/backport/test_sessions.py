"""What waits for a person: it survives processes, kills, damage and hands that remove things."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cosport.backport.lock import branch_lock
from cosport.git.repository import Repository
from tests.backport.house import FILE, LINES, House, edit
from tests.support import cosport


def waiting(house: House, branch: str = "cos-5.4") -> tuple[str, dict[str, Any], Path]:
    house.land(branch, edit(LINES, l5="mine"), "cos: mine")
    fix = house.fix()
    result = house.pick(fix, branch, check=1)
    return fix, result, Path(result["conflicts"][0]["worktree"])


def state(house: House, branch: str = "cos-5.4") -> Path:
    return house.common / "cosport" / "sessions" / f"{branch}.json"


def test_the_state_survives_into_another_process(house: House) -> None:
    fix, result, work = waiting(house)
    shown = cosport("backport", "--status", "--json", cwd=house.git.path, check=1).json()["results"]
    assert shown == [result]
    (work / FILE).write_text(edit(LINES, l5="both"))
    done = cosport("backport", "--continue", "--note", "n", "--json", cwd=house.git.path, check=0).json()["results"]
    assert done[0]["ref"] == f"refs/heads/backport/cos-5.4/{fix[:12]}"


def test_the_same_backport_again_answers_with_the_same_conflict(house: House) -> None:
    fix, result, work = waiting(house)
    (work / FILE).write_text("half resolved\n")
    assert house.pick(fix, check=1) == result
    assert (work / FILE).read_text() == "half resolved\n"


def test_another_backport_to_that_branch_must_wait(house: House) -> None:
    first, _, work = waiting(house)
    other = house.fix(edit(LINES, l30="thirty"), "mm: other")
    refused = house.pick(other, check=3)
    assert str(work) in refused["error"]["what"]
    assert first[:12] in refused["error"]["what"]
    assert "--continue" in refused["error"]["hint"]


def test_a_kill_while_the_work_tree_was_made_loses_nothing(house: House) -> None:
    fix, result, work = waiting(house)
    path = state(house)
    path.write_text(path.read_text().replace('"phase": "open"', '"phase": "preparing"'))
    shutil.rmtree(work)
    assert house.pick(fix, check=1)["conflicts"] == result["conflicts"]
    assert (work / FILE).exists()


def test_continue_after_such_a_kill_makes_the_conflict_anew(house: House) -> None:
    _, _, work = waiting(house)
    path = state(house)
    path.write_text(path.read_text().replace('"phase": "open"', '"phase": "preparing"'))
    shutil.rmtree(work)
    assert house.one("--continue", check=1)["outcome"] == "conflict"
    assert (work / FILE).exists()


@pytest.mark.parametrize("data", [b"", b"{}", b"\0\xff", b'{"schema": "cosport.session/1"}'])
def test_a_damaged_state_is_said_and_can_be_given_up(two: House, data: bytes) -> None:
    fix, _, work = waiting(two)
    state(two).write_bytes(data)
    answer = two.run("--status", check=3)
    assert "damaged" in answer.err
    assert "--abort --branch cos-5.4" in answer.err
    assert two.pick(fix, check=3)["outcome"] == "error"
    assert two.pick(fix, "cos-5.10")["outcome"] == "picked"
    assert two.results("--abort", "--branch", "cos-5.4") == []
    assert not work.exists()
    assert two.pick(fix, check=1)["outcome"] == "conflict"


def test_damage_on_one_branch_holds_up_no_other(two: House) -> None:
    fix, _, _ = waiting(two)
    two.land("cos-5.10", edit(LINES, l5="mine"), "cos: mine")
    work = Path(two.pick(fix, "cos-5.10", check=1)["conflicts"][0]["worktree"])
    state(two).write_bytes(b"broken")
    (work / FILE).write_text(edit(LINES, l5="int five;"))
    assert two.one("--continue", "--branch", "cos-5.10", "--note", "n")["outcome"] == "picked"


def test_a_work_tree_removed_by_hand_is_said(house: House) -> None:
    fix, _, work = waiting(house)
    shutil.rmtree(work)
    lost = house.one("--continue", "--note", "n", check=3)
    assert str(work) in lost["error"]["what"]
    assert "--abort" in lost["error"]["hint"]
    house.results("--abort")
    assert house.pick(fix, check=1)["outcome"] == "conflict"


def test_paths_of_any_bytes_survive_in_the_state(house: House) -> None:
    name = "back\\slash \\x41 \udcff\u2028.c"
    house.git.commit({name: "base\n"}, "new file")
    house.git.branch("cos-5.4", "main")
    house.git.commit({name: "ours\n"}, "ours", branch="cos-5.4")
    fix = house.git.commit({name: "theirs\n"}, "theirs")
    result = house.pick(fix, check=1)
    assert result["conflicts"][0]["path"] == name
    assert house.results("--status", check=1) == [result]


def test_one_cosport_at_a_time_on_a_branch(two: House) -> None:
    fix = two.fix()
    repository = Repository.open(two.git.path)
    with branch_lock(repository, "cos-5.4"):
        before = two.frozen()
        results = {each["branch"]: each for each in two.results(fix, "--all", "--dry-run")}
        assert results["cos-5.4"]["outcome"] == "picked"  # a dry run needs no lock
        assert two.frozen() == before
        results = {each["branch"]: each for each in two.results(fix, "--all", check=3)}
        assert results["cos-5.10"]["outcome"] == "picked"
        assert str(os.getpid()) in results["cos-5.4"]["error"]["what"]
    assert two.pick(fix)["outcome"] == "picked"


def test_the_lock_dies_with_its_holder(house: House) -> None:
    fix = house.fix()
    code = (
        "import os, signal, sys; from cosport.backport.lock import branch_lock\n"
        "from cosport.git.repository import Repository\n"
        "with branch_lock(Repository.open(), 'cos-5.4'): os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=house.git.path, check=False)
    assert house.pick(fix)["outcome"] == "picked"


def test_continue_and_abort_respect_the_lock(house: House) -> None:
    _, _, work = waiting(house)
    (work / FILE).write_text(edit(LINES, l5="both"))
    with branch_lock(Repository.open(house.git.path), "cos-5.4"):
        assert "another cosport" in house.one("--continue", "--note", "n", check=3)["error"]["what"]
        house.run("--abort", check=3)
    assert house.one("--continue", "--note", "n")["outcome"] == "picked"


def test_force_with_continue_replaces_what_a_person_put_on_the_ref(house: House) -> None:
    fix, _, work = waiting(house)
    (work / FILE).write_text(edit(LINES, l5="both"))
    house.git.branch(f"backport/cos-5.4/{fix[:12]}", "main")
    assert "--force" in house.one("--continue", "--note", "n", check=3)["error"]["hint"]
    assert house.one("--continue", "--note", "n", "--force")["outcome"] == "picked"


def test_work_trees_go_where_the_configuration_says(house: House, tmp_path: Path) -> None:
    house.configure(["cos-5.4"], extra=f'[backport]\nworktrees = "{tmp_path / "conflicts"}"\n')
    _, _, work = waiting(house)
    assert work == tmp_path / "conflicts" / "cos-5.4"


def test_a_folder_of_the_users_in_the_way_is_never_removed(house: House, tmp_path: Path) -> None:
    house.configure(["cos-5.4"], extra=f'[backport]\nworktrees = "{tmp_path}/own"\n')
    own = tmp_path / "own" / "cos-5.4"
    own.mkdir(parents=True)
    (own / "precious.c").write_text("int p;\n")
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    result = house.pick(house.fix(), check=3)
    assert "in the way" in result["error"]["what"]
    assert (own / "precious.c").read_text() == "int p;\n"
    assert house.results("--status") == []


def test_branch_names_with_slashes_and_percent_signs(git: Any) -> None:
    house = House.build(git, ("team/a%2Fb",))
    _, _, work = waiting(house, "team/a%2Fb")
    assert "/" not in work.name
    assert house.results("--status", "--branch", "team/a%2Fb", check=1)[0]["branch"] == "team/a%2Fb"
    (work / FILE).write_text(edit(LINES, l5="both"))
    assert house.one("--continue", "--note", "n")["ref"].startswith("refs/heads/backport/team/a%2Fb/")
