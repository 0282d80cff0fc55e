"""Wrong input and hostile surroundings: each a clear error with a hint, the right exit code, and nothing changed."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.backport.house import FILE, LINES, House, edit
from tests.support import Answer, Git, invoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refused(house: House, *args: str, code: int = 2, about: str) -> Answer:
    """A run that must end with that exit code, tell about it and change nothing."""
    before = house.frozen()
    answer = house.run(*args, check=code)
    assert house.frozen() == before
    assert answer.err.startswith("cosport: ")
    assert "\nhint: " in answer.err
    assert about in answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err
    return answer


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("f" * 40, "no commit"),
        ("f" * 12, "no commit"),
        ("nosuch", "'nosuch'"),
        ("fff", "'fff'"),
        ("main~999", "main~999"),
        ("main..cos-5.4", "range"),
        ("main:README", "main:README"),
        ("main^{tree}", "main^{tree}"),
        ("", "''"),
        ("a b\nc", "a b"),
        ("$(id)", "$(id)"),
        ("\x1b[31mred", "red"),
    ],
)
def test_names_that_are_no_commit(house: House, name: str, about: str) -> None:
    house.fix()
    answer = refused(house, name, "--to", "cos-5.4", about=about)
    assert "\x1b" not in answer.err
    assert refused(house, "main", "--to", name or "nope", about="").code == 2


def test_a_name_that_starts_with_a_dash(house: House) -> None:
    refused(house, "--to", "cos-5.4", "--", "-rf", about="dash")


def test_an_ambiguous_sha(house: House) -> None:
    seen: dict[str, str] = {}
    parent = house.git.sha("main")
    for number in range(2000):
        sha = house.git("commit-tree", "-p", parent, "-m", f"{number}", house.git.tree("main"))
        if sha[:4] in seen:
            break
        seen[sha[:4]] = sha
    house.git.branch("keep", sha)
    house.git.branch("keep2", seen[sha[:4]])
    refused(house, sha[:4], "--to", "cos-5.4", "--allow-unmerged", about="ambiguous")


def test_a_commit_that_upstream_lacks(house: House) -> None:
    house.git.branch("topic")
    other = house.git.commit({FILE: "x\n"}, "elsewhere", branch="topic")
    assert "--allow-unmerged" in refused(house, other, "--to", "cos-5.4", about="not in upstream").err


def test_merges_and_root_commits(house: House) -> None:
    side = house.git.commit({"s.c": "s\n"}, "side", branch="side", parents=[house.git.sha("main")])
    merge = house.git.commit({"s.c": "s\n"}, "Merge", parents=[house.git.sha("main"), side])
    assert "--mainline" in refused(house, merge, "--to", "cos-5.4", about="merge").err
    refused(house, merge, "--to", "cos-5.4", "--mainline", "0", about="no parent 0")
    root = house.git("rev-list", "--max-parents=0", "main")
    refused(house, root, "--to", "cos-5.4", about="root commit")


def test_missing_and_unborn_branches(house: House) -> None:
    fix = house.fix()
    refused(house, fix, about="no branch to backport to")
    refused(house, fix, "--to", "nope", about="nope")
    house.git("symbolic-ref", "HEAD", "refs/heads/unborn")
    refused(house, fix, "--to", "HEAD", about="unborn")
    house.git("update-ref", "-d", "refs/heads/cos-5.4")
    refused(house, fix, "--to", "cos-5.4", about="refs/heads/cos-5.4")


def test_all_without_configured_branches(git: Git) -> None:
    house = House(git)
    git.commit({FILE: LINES})
    house.configure([])
    refused(house, house.fix(), "--all", about="no branch is configured")


@pytest.mark.parametrize("command", ["missing", "site", "plan"])
def test_the_hint_names_no_option_that_the_command_lacks(git: Git, command: str) -> None:
    house = House(git)
    git.commit({FILE: LINES})
    house.configure([])
    args = {"missing": (), "site": (str(git.path / "site"),), "plan": (house.fix(),)}[command]
    answer = invoke(command, *args, cwd=git.path, check=2)
    assert "no branch is configured" in answer.err
    assert "--to" not in answer.err


def test_an_upstream_that_is_not_here(house: House) -> None:
    fix = house.fix()
    path = house.common / "cosport" / "cosport.toml"
    path.write_text(path.read_text().replace("refs/heads/main", "refs/heads/gone"))
    refused(house, fix, "--to", "cos-5.4", about="upstream.ref")


def test_no_user_name(house: House, seal: Path) -> None:
    fix = house.fix()
    (seal / "gitconfig").write_text("")
    assert "git config" in refused(house, fix, "--to", "cos-5.4", about="who you are").err


@pytest.mark.parametrize(
    "args",
    [
        ("--continue", "--abort"),
        ("--continue", "main"),
        ("--continue", "--to", "cos-5.4"),
        ("--continue", "--bug", "b/1"),
        ("--skip", "--dry-run"),
        ("--status", "--note", "n"),
        ("--abort", "--force"),
        ("--branch", "cos-5.4"),
        ("main", "--branch", "cos-5.4"),
        ("main", "--all", "--to", "cos-5.4"),
        ("main", "--to", "cos-5.4", "--edit", "--dry-run"),
        ("--to", "cos-5.4"),
        ("--continue",),
        ("--abort", "--branch", "cos-5.4"),
        ("main", "--to", "cos-5.4", "--introduced-by", "nope"),
    ],
)
def test_options_that_make_no_sense(house: House, args: tuple[str, ...]) -> None:
    house.fix()
    before = house.frozen()
    answer = house.run(*args, check=None)
    assert answer.code == (3 if "nope" in args else 2)
    assert "Traceback" not in answer.err
    assert house.frozen() == before


def test_unknown_profile_and_class(house: House) -> None:
    fix = house.fix()
    refused(house, fix, "--to", "cos-5.4", "--profile", "nope", about="nope")
    assert house.pick(fix, "cos-5.4", "--class", "nope", check=3)["error"]["hint"]
    house.run(fix, "--to", "cos-5.4", "--from", "nowhere", check=2)


def test_a_name_in_the_way_of_the_pick_ref(house: House) -> None:
    fix = house.fix()
    house.git.branch("backport")
    result = house.pick(fix, check=3)
    assert "refs/heads/backport" in result["error"]["what"]
    assert result["error"]["hint"]


def test_a_shallow_clone_without_the_commit(house: House, tmp_path: Path) -> None:
    fix = house.fix()
    for number in range(3):
        house.fix(edit(LINES, l5="int five;", l30=str(number)), f"mm: later {number}")
    subprocess.run(
        ["git", "clone", "-q", "--depth=2", "--no-single-branch", f"file://{house.git.path}", str(tmp_path / "s")],
        check=True,
    )
    shallow = House(Git(tmp_path / "s"))
    answer = refused(shallow, fix, "--to", "origin/cos-5.4", about=fix)
    assert "unshallow" in answer.err


def test_a_partial_clone_whose_remote_is_gone(house: House, tmp_path: Path) -> None:
    fix = house.fix()
    house.git("config", "uploadpack.allowFilter", "true")
    subprocess.run(
        ["git", "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{house.git.path}", str(tmp_path / "p")],
        check=True,
    )
    partial = House(Git(tmp_path / "p"))
    house.git.path.rename(tmp_path / "moved away")
    refs = partial.git.refs()
    result = partial.pick(fix, "origin/cos-5.4", check=3)
    assert result["outcome"] == "error"
    assert result["error"]["what"]
    assert partial.git.refs() == refs
    (tmp_path / "moved away").rename(house.git.path)
    assert partial.pick(fix, "origin/cos-5.4")["outcome"] == "picked"


def test_a_branch_whose_objects_are_damaged_holds_up_no_other(two: House) -> None:
    fix = two.fix()
    two.land("cos-5.10", edit(LINES, l9="nine"), "cos: nine")
    blob = two.git("rev-parse", f"cos-5.10:{FILE}")
    loosen(two)
    (two.common / "objects" / blob[:2] / blob[2:]).unlink()
    results = {each["branch"]: each for each in two.results(fix, "--all", check=3)}
    assert results["cos-5.4"]["outcome"] == "picked"
    assert results["cos-5.10"]["outcome"] == "error"
    planned = invoke("plan", fix, "--json", cwd=two.git.path, check=3).json()["results"]
    assert [each["outcome"] for each in planned] == ["picked", "error"]


def loosen(house: House) -> None:
    """Turn all packs into loose objects, so that one can be taken away."""
    folder = house.common / "objects" / "pack"
    aside = house.common / "aside"
    if not folder.exists():
        return
    shutil.move(folder, aside)
    folder.mkdir()
    for pack in aside.glob("*.pack"):
        house.git("unpack-objects", "-q", stdin=pack.read_bytes())
    shutil.rmtree(aside)


def as_child(*args: str, cwd: Path, prepare: Callable[[], None]) -> Answer:
    """Cosport in a child that gives something up first: the rights of root, or the right to write long files."""
    done = subprocess.run(
        [sys.executable, "-m", "cosport", *args], cwd=cwd, capture_output=True, check=False, preexec_fn=prepare
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def obey_permissions() -> None:
    """Drop CAP_DAC_OVERRIDE (1), by which root writes where permissions forbid it: prctl(2), PR_CAPBSET_DROP (24)."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def test_a_repository_that_may_not_be_written(house: House) -> None:
    fix = house.fix()
    before = house.frozen()
    modes = {path: path.stat().st_mode for path in (house.common, *house.common.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        answer = as_child("backport", fix, "--to", "cos-5.4", "--json", cwd=house.git.path, prepare=obey_permissions)
        planned = as_child("plan", fix, "--to", "cos-5.4", "--json", cwd=house.git.path, prepare=obey_permissions)
        dry = as_child("backport", fix, "--to", "cos-5.4", "--dry-run", cwd=house.git.path, prepare=obey_permissions)
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert answer.code == 3, answer
    (result,) = answer.json()["results"]
    assert result["outcome"] == "error"
    assert "cosport plan" in result["error"]["hint"]
    assert (planned.code, dry.code) == (0, 0), (planned, dry)
    assert planned.json()["results"][0]["outcome"] == "picked"
    assert house.frozen() == before


def test_a_disk_that_takes_no_more(house: House) -> None:
    """RLIMIT_FSIZE: every file ends at that size, as on a disk that fills up while it is written."""
    fix = house.fix(message="mm: fix it\n\n" + "".join(f"{number * 7919 % 10007}\n" for number in range(9000)))
    invoke("plan", fix, cwd=house.git.path, check=0)
    refs, mine = house.git.refs(), house.git.user_state()

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    answer = as_child("backport", fix, "--to", "cos-5.4", cwd=house.git.path, prepare=fill_up)
    assert answer.code == 3, answer
    assert "Traceback" not in answer.err
    assert (house.git.refs(), house.git.user_state()) == (refs, mine)
    house.git.fsck()
    assert house.pick(fix)["outcome"] == "picked"


def test_hostile_names_cannot_steer_the_terminal(house: House) -> None:
    fix = house.fix(message="mm: \x1b]0;owned\x07 \x1b[2J fix")
    house.land("cos-5.4", edit(LINES, l5="mine"), "cos: mine")
    answer = invoke("backport", fix, "--to", "cos-5.4", cwd=house.git.path, check=1)
    assert "\x1b" not in answer.out + answer.err
    assert "\x07" not in answer.out + answer.err


@pytest.mark.parametrize("name", ["a'b\"c", "x%sy", "$(id)", "grüße", "a;b&c|d", "caf\udce9", "(re.+gex)+", "-n"])
def test_hostile_branch_names(git: Git, name: str) -> None:
    house = House.build(git, ())
    git("update-ref", f"refs/heads/{name}", git.sha("main"))
    fix = house.fix()
    result = house.one(fix, f"--to={name}", check=None)
    assert result["outcome"] == "picked"
    assert git.exists(f"refs/heads/backport/{name}/{fix[:12]}")
