"""What people see on the terminal, and the editor."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.backport.house import FILE, LINES, House, edit
from tests.support import Answer, Git, cosport, invoke


@pytest.fixture
def house(git: Git) -> House:
    return House.build(git, ("cos-5.4", "cos-5.10"))


def shown(house: House, *args: str, check: int | None = None) -> Answer:
    return invoke("backport", *args, cwd=house.git.path, check=check)


def test_the_table_tells_what_became_of_each_branch(house: House) -> None:
    fix = house.fix()
    house.git.branch("cos-5.10", fix)
    answer = shown(house, fix, "--all", check=0)
    lines = answer.out.splitlines()
    assert lines[0].split() == ["upstream", "branch", "outcome", "fidelity", "how", "and", "where"]
    assert lines[1].split() == [fix[:12], "cos-5.4", "picked", "identical", f"backport/cos-5.4/{fix[:12]}"]
    assert lines[2].split()[:3] == [fix[:12], "cos-5.10", "already-applied"]
    assert "ancestor" in lines[2]
    assert "affected-unknown" in answer.err


def test_a_conflict_tells_where_and_why_and_what_to_do(house: House) -> None:
    house.land("cos-5.4", edit(LINES, l5="mine"), "mine")
    cause = house.fix(edit(LINES, l5="changed"), "mm: the cause")
    fix = house.fix(edit(LINES, l5="int five;"))
    answer = shown(house, fix, "--to", "cos-5.4", check=1)
    assert f"{FILE} (content)" in answer.out
    assert f"    {cause[:12]} mm: the cause\n" in answer.out
    assert str(house.common / "cosport" / "worktrees" / "cos-5.4") in answer.out
    assert "cosport backport --continue --branch cos-5.4" in answer.out
    again = shown(house, "--status", check=1)
    assert "conflict" in again.out
    refused = shown(house, "--continue", check=1)
    assert "conflict markers are left at" in refused.err


def test_what_to_do_next_can_be_copied_into_a_shell_whatever_the_branch_is_called(git: Git) -> None:
    name = "x$(touch${IFS}pwned)'"
    house = House.build(git, (name,))
    house.land(name, edit(LINES, l5="mine"), "mine")
    fix = house.fix(edit(LINES, l5="int five;"))
    told = shown(house, fix, "--to", name, check=1).out
    (line,) = (line for line in told.splitlines() if "--continue" in line)
    assert shlex.split(line.partition("   (or")[0].partition("then: ")[2])[-2:] == ["--branch", name]
    again = shown(house, house.fix(edit(LINES, l5="int six;")), "--to", name)
    (hint,) = (line for line in (again.out + again.err).splitlines() if "(or --abort)" in line)
    assert shlex.split(hint.partition("hint: ")[2])[-2:] == ["--branch", name]


def test_status_without_any_conflict(house: House) -> None:
    assert shown(house, "--status", check=0).out == "no conflict waits anywhere, and no resolved pick\n"


def test_quiet_leaves_the_answer_alone(house: House) -> None:
    answer = shown(house, house.fix(), "--all", "--quiet", check=0)
    assert answer.err == ""
    assert "picked" in answer.out


def test_an_error_on_a_branch_comes_with_its_hint(house: House) -> None:
    fix = house.fix()
    house.git.branch("backport")
    answer = shown(house, fix, "--to", "cos-5.4", check=3)
    assert "refs/heads/backport" in answer.out
    assert "hint: " in answer.err


def script(tmp_path: Path, body: str) -> str:
    path = tmp_path / "my editor.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return f"'{path}'"


@pytest.mark.parametrize("where", ["GIT_EDITOR", "core.editor", "VISUAL", "EDITOR"])
def test_edit_starts_the_editor_that_git_would(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.delenv("GIT_EDITOR")
    monkeypatch.delenv("EDITOR")
    monkeypatch.setenv("TERM", "vt100")  # git passes VISUAL over on a dumb terminal
    command = script(tmp_path, 'sed -i "s/^TEST=.*/TEST=$1/" "$2"') + " 'by hand'"
    if where == "core.editor":
        house.git("config", "core.editor", command)
    else:
        monkeypatch.setenv(where, command)
    fix = house.fix()
    (result,) = house.results(fix, "--to", "cos-5.4", "--edit")
    assert b"TEST=by hand\n" in house.git.message(result["commit"])
    # What was edited stays on a rerun without an editor.
    assert house.pick(fix)["commit"] == result["commit"]


@pytest.mark.parametrize(("body", "why"), [("exit 3", "status 3"), (': > "$1"', "empty"), ('rm "$1"', "empty")])
def test_an_editor_that_fails_or_leaves_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, why: str
) -> None:
    monkeypatch.setenv("GIT_EDITOR", script(tmp_path, body))
    fix = house.fix()
    refs = house.git.refs()
    (result,) = house.results(fix, "--to", "cos-5.4", "--edit", check=3)
    assert why in result["error"]["what"]
    assert "again" in result["error"]["hint"]
    assert house.git.refs() == refs


def test_an_edited_nul_is_refused(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", script(tmp_path, "printf 'a\\000b' > \"$1\""))
    (result,) = house.results(house.fix(), "--to", "cos-5.4", "--edit", check=3)
    assert "NUL" in result["error"]["what"]


def test_edit_with_continue(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house.land("cos-5.4", edit(LINES, l5="mine"), "mine")
    result = house.pick(house.fix(), check=1)
    (Path(result["conflicts"][0]["worktree"]) / FILE).write_text(edit(LINES, l5="both"))
    monkeypatch.setenv("GIT_EDITOR", script(tmp_path, 'sed -i "s/^mm: fix it/mm: edited/" "$1"'))
    done = house.one("--continue", "--note", "n", "--edit")
    assert house.git.message(done["commit"]).startswith(b"mm: edited\n")


def test_a_whole_way_in_processes_of_its_own(house: House) -> None:
    """As users do it: plan, backport, resolve, continue."""
    house.land("cos-5.4", edit(LINES, l5="mine"), "mine")
    fix = house.fix()
    where = house.git.path
    assert "conflict" in cosport("plan", fix, cwd=where, check=1).out
    out = cosport("backport", fix[:10], "--all", "--bug", "b/1", cwd=where, check=1).out
    work = next(line for line in out.splitlines() if "resolve it in" in line).split("resolve it in ")[1]
    (Path(work) / FILE).write_text(edit(LINES, l5="both"))
    cosport("backport", "--continue", "--branch", "cos-5.4", "--note", "kept mine", cwd=where, check=0)
    assert house.text(f"backport/cos-5.4/{fix[:12]}") == edit(LINES, l5="both")
    assert house.text(f"backport/cos-5.10/{fix[:12]}") == edit(LINES, l5="int five;")
