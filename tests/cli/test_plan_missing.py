from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.cli import schema
from cosport.history import missing_trials
from tests.backport.house import FILE, LINES, House, edit
from tests.support import Git, invoke

if TYPE_CHECKING:
    from tests.support import File


def fixes(sha: str, subject: str, text: str) -> str:
    return f'{text}\n\nFixes: {sha[:12]} ("{subject}")\n'


@pytest.fixture
def house(git: Git) -> House:
    """Two branches and a release branch, all with the bug; cos-5.10 has lines of its own where the fix goes."""
    git.commit({FILE: LINES}, "mm: start")
    bug = git.commit({FILE: edit(LINES, l5="bug"), "b.c": "bug\n"}, "mm: bug")
    for name in ("cos-5.4", "cos-5.10", "R85"):
        git.branch(name)
    house = House(git)
    house.configure(("cos-5.4", "cos-5.10", "R85:cos-5.4"))
    house.land("cos-5.10", edit(LINES, l5="own"), "own")
    fix = git.commit({FILE: edit(LINES, l5="fixed")}, fixes(bug, "mm: bug", "mm: fix"))
    git.commit({FILE: edit(LINES, l5="fixed", l9="more")}, fixes(fix, "mm: fix", "mm: fix the fix"))
    git.commit({"b.c": "fixed\n"}, fixes(bug, "mm: bug", "b: fix"))
    return house


def rows(house: House, *args: str, check: int = 1) -> list[dict[str, Any]]:
    out = invoke("plan", "--missing", "--json", *args, cwd=house.git.path, check=check).out
    found: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    for each in found:
        jsonschema.Draft202012Validator(schema.of("plan-missing")).validate(each)
    return found


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(each["outcome"] for each in row["results"])


def test_each_missing_fix_has_an_answer_for_each_branch(house: House) -> None:
    found = rows(house)
    assert [(each["subject"], cells(each)) for each in found] == [
        ("mm: fix", ("picked", "conflict", "waits-for-main")),
        ("mm: fix the fix", ("picked", "picked", "waits-for-main")),
        ("b: fix", ("picked", "picked", "waits-for-main")),
    ]
    assert [each["path"] for each in found[0]["results"][1]["conflicts"]] == [FILE]
    assert found[0]["results"][0]["evidence"][0]["kind"] == "fixes-target-present"
    assert found[1]["results"][0]["notes"] == ["what it fixes is missing there too"]


def test_a_conflict_that_the_ladder_resolves_says_so_now_and_from_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = house.git
    git.commit({FILE: edit(LINES, l5="fixed", l9="more", l20="upstream")}, "mm: twenty")
    bug = git.sha("main~4")
    git.commit(
        {FILE: edit(LINES, l5="fixed", l9="more", l20="upstream", l19="int nineteen;")}, fixes(bug, "mm: bug", "mm: 19")
    )
    found = rows(house)[-1]["results"][0]
    assert (found["outcome"], found["confidence"], found["fidelity"]) == ("resolved", 0.95, "context")
    assert [(each["rung"], each["rule"]) for each in found["rules"]] == [(2, "adjacent")]
    shown = invoke("plan", "--missing", cwd=git.path, check=1).out
    assert "cos-5.4: resolved by rule adjacent (confidence 0.95): a person accepts it" in shown

    assert rows(house, "--max-rung", "0")[-1]["results"][0]["outcome"] == "conflict"
    monkeypatch.setattr("cosport.backport.foreseen.resolve", lambda *_: pytest.fail("it was asked again"))
    assert rows(house)[-1]["results"][0] == found
    monkeypatch.setattr("cosport.backport.foreseen._rules", lambda: "others")
    monkeypatch.setattr("cosport.backport.foreseen.resolve", lambda _place, trials, _limits: [None for _ in trials])
    assert rows(house)[-1]["results"][0]["outcome"] == "conflict"


def test_what_a_branch_holds_or_never_had_says_so(house: House) -> None:
    git = house.git
    fix = git.sha("main~2")
    house.land("cos-5.4", edit(LINES, l5="fixed"), f"mm: fix\n\n(cherry picked from commit {fix})\n")
    git.branch("cos-5.10", "main~4")
    found = rows(house, check=0)
    assert cells(found[0])[:2] == ("already-applied", "not-affected")
    assert [each["subject"] for each in found] == [
        "mm: fix",
        "mm: fix the fix",
        "b: fix",
    ]  # the release lacks the first
    assert [cells(each)[0] for each in found] == ["already-applied", "picked", "picked"]


def test_the_declined_are_told_as_such_and_left_out_where_nobody_wants_them(house: House) -> None:
    last = house.git.sha("main")
    for branch in ("cos-5.4", "R85"):
        invoke("decline", last, "--branch", branch, "--reason", "no b here", cwd=house.git.path, check=0)
    assert cells(rows(house)[2]) == ("declined", "picked", "declined")
    invoke("decline", last, "--branch", "cos-5.10", "--reason", "no b here", cwd=house.git.path, check=0)
    assert [each["subject"] for each in rows(house)] == ["mm: fix", "mm: fix the fix"]


def test_a_release_branch_is_tried_with_what_landed_in_main(house: House) -> None:
    fix = house.git.sha("main~2")
    landed = house.land("cos-5.4", edit(LINES, l5="fixed"), f"mm: fix\n\n(cherry picked from commit {fix})\n")
    release = rows(house)[0]["results"][2]
    assert (release["outcome"], release["source"]["commit"]) == ("picked", landed)


def test_a_pair_is_not_tried_again_until_its_branch_moves(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rows(house)
    with monkeypatch.context() as patch:
        patch.setattr(missing_trials, "merge_trees", None)  # a trial would fail now
        assert rows(house) == first
    house.land("cos-5.10", edit(LINES, l5="bug"), "no longer own")
    assert cells(rows(house, check=0)[0])[1] == "picked"


def test_for_people_a_table_with_the_files_in_conflict(house: House) -> None:
    out = invoke("plan", "--missing", cwd=house.git.path, check=1).out.splitlines()
    assert out[0].split() == ["upstream", "cos-5.4", "cos-5.10", "R85", "severity", "subject"]
    assert out[1].split() == [house.git.sha("main~2")[:12], "clean", "conflict", "waits", "mm:", "fix"]
    assert out[2].strip() == f"cos-5.10: {FILE} (content)"


def test_to_narrows_it_and_nothing_missing_is_said(house: House) -> None:
    assert cells(rows(house, "--to", "cos-5.10")[0]) == ("conflict",)
    house.git.branch("cos-5.10", "main")
    assert rows(house, "--to", "cos-5.10", check=0) == []
    assert "nothing is missing" in invoke("plan", "--missing", "--to", "cos-5.10", cwd=house.git.path, check=0).out


def test_a_branch_that_is_not_here_holds_up_no_other(house: House) -> None:
    house.git("update-ref", "-d", "refs/heads/R85")
    answer = invoke("plan", "--missing", "--json", cwd=house.git.path, check=2)
    assert len(answer.out.splitlines()) == 3
    assert "R85" in answer.err


@pytest.mark.parametrize("args", [("main",), ("--stdin",), ("--with-prereqs",)])
def test_it_finds_the_commits_by_itself(house: House, args: tuple[str, ...]) -> None:
    assert "hint: " in invoke("plan", "--missing", *args, cwd=house.git.path, check=2).err


def configured(house: House) -> None:
    """A kernel whose defconfig turns b.c off, on every branch."""
    kernel: dict[str, File] = {
        "Kconfig": 'config B\n\tbool "b"\n',
        "mm/Makefile": "obj-y += oom.o\n",
        "Makefile": "obj-$(CONFIG_B) += b.o\n",
        "arch/x86/configs/small_defconfig": "# CONFIG_B is not set\n",
    }
    for branch in ("cos-5.4", "cos-5.10", "R85"):
        house.git.commit(kernel, "CHROMIUM: build", branch=branch)
    file = house.common / "cosport/cosport.toml"
    name = 'name = "cos-5.4"\n'
    file.write_text(file.read_text().replace(name, f'{name}defconfigs = ["arch/x86/configs/small_defconfig"]\n'))


def test_what_a_branch_does_not_build_is_marked_and_not_hidden(house: House) -> None:
    configured(house)
    found = rows(house)
    assert [each["relevance"] for each in found] == [
        [], [], [{"branch": "cos-5.4", "not_built": ["b.c"], "every": True}],
    ]  # fmt: skip
    out = invoke("plan", "--missing", cwd=house.git.path, check=1).out
    assert "cos-5.4: touches only what is not built here: b.c" in out
    listed = invoke("missing", "--json", cwd=house.git.path, check=1).json()["branches"]
    assert [each["relevance"] for each in listed[0]["missing"]] == [
        {"not_built": [], "every": False}, {"not_built": [], "every": False}, {"not_built": ["b.c"], "every": True},
    ]  # fmt: skip
    assert all(each["relevance"]["not_built"] == [] for each in listed[1]["missing"])
    assert "touches only what is not built here: b.c" in invoke("missing", cwd=house.git.path, check=1).err


def test_where_a_defconfig_is_gone_that_is_said_and_nothing_is_marked(house: House) -> None:
    configured(house)
    house.git.commit({"arch/x86/configs/small_defconfig": None}, "gone", branch="cos-5.4")
    answer = invoke("plan", "--missing", cwd=house.git.path, check=1)
    assert "not built" not in answer.out
    assert "small_defconfig is not in the branch" in answer.err
    (branch, *_) = invoke("missing", "--json", cwd=house.git.path, check=1).json()["branches"]
    assert "small_defconfig is not in the branch" in branch["remark"]


def test_branches_that_have_no_room_side_by_side_get_numbers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = invoke("plan", "--missing", cwd=house.git.path, check=1).out
    assert "upstream      cos-5.4       cos-5.10      R85" in wide
    monkeypatch.setenv("COLUMNS", "80")
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "cosport", "plan", "--missing", "--no-color"]
    subprocess.run(words, cwd=house.git.path, stdout=theirs, stderr=subprocess.DEVNULL, check=False)
    os.close(theirs)
    narrow = os.read(ours, 1 << 16).decode().replace("\r\n", "\n")
    os.close(ours)
    assert narrow.startswith("  1 cos-5.4\n  2 cos-5.10\n  3 R85\n  + clean   C conflict")
    assert "upstream      1  2  3  severity  subject\n" in narrow
    assert "  +  C  w            mm: fix\n" in narrow
    assert narrow.count("mm: fix\n") == wide.count("mm: fix\n")
