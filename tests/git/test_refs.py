"""Refs move by compare-and-swap alone, and say what is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cosport.errors import GitError, ProcessError, RefMovedError, UsageError
from cosport.git import refs
from cosport.git.objects import ObjectReader
from cosport.git.repository import Repository
from cosport.model.commit import Sha
from cosport.process import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Git

REF = "refs/heads/backport/cos-5.4/abc"
ODD = ("refs/heads/ümlaut", 'refs/heads/quo"te', "refs/heads/-dash", "refs/heads/$(x)", "refs/heads/l\udce4tin")


@pytest.fixture
def home(git: Git) -> Repository:
    git.commit({"a": "1"}, "first")
    git.commit({"a": "2"}, "second")
    return Repository.open(git.path)


def at(git: Git, name: str) -> Sha:
    return Sha(git.sha(name))


def test_making_moving_and_deleting(git: Git, home: Repository) -> None:
    first, second = at(git, "main^"), at(git, "main")
    assert refs.read(home, REF) is None
    refs.update(home, REF, first, None, why="one")
    refs.update(home, REF, second, first, why="two\nlines")
    assert refs.read(home, REF) == second
    assert git("reflog", "show", "--format=%gs", REF, "--").splitlines() == ["cosport: two lines", "cosport: one"]
    refs.delete(home, REF, second)
    refs.delete(home, REF, second)
    assert refs.read(home, REF) is None


def test_a_ref_that_moved_is_left_alone(git: Git, home: Repository) -> None:
    first, second = at(git, "main^"), at(git, "main")
    git("update-ref", REF, second)
    for old in (None, first):
        with pytest.raises(RefMovedError, match="moved meanwhile"):
            refs.update(home, REF, first, old, why="x")
    with pytest.raises(RefMovedError):
        refs.delete(home, REF, first)
    assert refs.read(home, REF) == second
    git("update-ref", "-d", REF)
    with pytest.raises(RefMovedError, match="found nothing"):
        refs.update(home, REF, first, second, why="x")


def test_packed_and_symbolic_refs(git: Git, home: Repository) -> None:
    first, second = at(git, "main^"), at(git, "main")
    git("update-ref", REF, second)
    git("symbolic-ref", "refs/heads/alias", REF)
    git("pack-refs", "--all")
    assert refs.read(home, REF) == refs.read(home, "refs/heads/alias") == second
    refs.update(home, "refs/heads/alias", first, second, why="x")
    assert refs.read(home, REF) == first
    assert git("symbolic-ref", "refs/heads/alias") == REF


@pytest.mark.parametrize(
    ("there", "wanted"),
    [("refs/heads/backport", REF), ("refs/heads/backport/cos-5.4", REF), (REF + "/below", REF)],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_name_in_the_way_is_told(git: Git, home: Repository, there: str, wanted: str, *, packed: bool) -> None:
    git("update-ref", there, "main")
    if packed:
        git("pack-refs", "--all")
    with pytest.raises(UsageError, match=f"cannot create {wanted}: {there} exists") as raised:
        refs.update(home, wanted, at(git, "main"), None, why="x")
    assert "git branch -m" in raised.value.hint


def test_a_lock_that_is_held_and_an_object_that_is_none_are_errors(git: Git, home: Repository) -> None:
    lock = git.path / ".git" / "refs/heads/locked.lock"
    lock.write_text("")
    with pytest.raises(GitError, match=r"locked\.lock"):
        refs.update(home, "refs/heads/locked", at(git, "main"), None, why="x")
    git("branch", "locked-too")
    (git.path / ".git" / "refs/heads/locked-too.lock").write_text("")
    with pytest.raises(GitError):
        refs.delete(home, "refs/heads/locked-too", at(git, "main"))
    with pytest.raises(GitError):
        refs.update(home, REF, Sha(git.tree("main")), None, why="a branch must be at a commit")


@pytest.mark.parametrize("ref", ODD)
def test_odd_names(git: Git, home: Repository, ref: str) -> None:
    assert refs.valid(home, ref)
    refs.update(home, ref, at(git, "main"), None, why="x")
    assert refs.read(home, ref) == at(git, "main")
    assert refs.made_by_us(home, ref, at(git, "main"))
    if not ref.endswith("-dash"):
        assert refs.full_name(home, ref.removeprefix("refs/heads/")) == ref


@pytest.mark.parametrize(
    "ref", ["refs/heads/a b", "refs/heads/a..b", "refs/heads/", "x", "refs/heads/a.lock", "-x", ""]
)
def test_names_that_git_refuses(home: Repository, ref: str) -> None:
    assert not refs.valid(home, ref)


def test_the_reflog_tells_our_own_moves_from_a_persons(git: Git, home: Repository) -> None:
    first, second = at(git, "main^"), at(git, "main")
    refs.update(home, REF, first, None, why="x")
    assert refs.made_by_us(home, REF, first)
    assert not refs.made_by_us(home, REF, second)
    git("update-ref", "-m", "commit: by hand", REF, second)
    assert not refs.made_by_us(home, REF, second)
    assert not refs.made_by_us(home, "refs/heads/none", first)


def test_no_name_is_needed_to_move_a_ref(git: Git, monkeypatch: pytest.MonkeyPatch, home: Repository) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("config", "user.useConfigOnly", "true")
    home = Repository.open(git.path)
    refs.update(home, REF, at(git, "main"), None, why="x")
    assert refs.made_by_us(home, REF, at(git, "main"))


def test_two_who_want_the_same_ref_get_one_winner(git: Git, home: Repository) -> None:
    first = at(git, "main")
    names = [git("commit-tree", "-m", str(number), "-p", first, git.tree("main")) for number in range(6)]
    git("update-ref", REF, first)
    code = """
import sys
from pathlib import Path
from cosport.errors import RefMovedError, ToolError
from cosport.git import refs
from cosport.git.repository import Repository
home = Repository.open(Path(sys.argv[1]))
sys.stdin.read(1)
try:
    refs.update(home, sys.argv[2], sys.argv[3], sys.argv[4], why="race")
except (RefMovedError, ToolError):
    sys.exit(3)
"""
    runners = [
        subprocess.Popen([sys.executable, "-c", code, str(git.path), REF, name, first], stdin=subprocess.PIPE)
        for name in names
    ]
    for runner in runners:
        assert runner.stdin is not None
        runner.stdin.write(b"x")
        runner.stdin.flush()
    status = []
    for runner in runners:
        runner.communicate(timeout=60)
        status.append(runner.returncode)
    assert sorted(status) == [0, 3, 3, 3, 3, 3]
    assert refs.read(home, REF) == names[status.index(0)]


def test_one_git_moves_several_refs_each_by_itself(git: Git, home: Repository) -> None:
    first, second = at(git, "main^"), at(git, "main")
    git("update-ref", f"{REF}3", second)
    with refs.Mover(home) as mover:
        mover.update(REF, first, None, why="one")
        mover.update(REF, second, first, why="two")
        for ref in ODD:
            mover.update(ref, first, None, why="one")
        with pytest.raises(RefMovedError, match="moved meanwhile"):
            mover.update(f"{REF}3", first, None, why="one")
        mover.update(f"{REF}4", first, None, why="one")
        mover.update(f"{REF}5", first, None, why="two")
        with pytest.raises(UsageError, match="no name that git takes"):
            mover.update("refs/heads/a..b", first, None, why="two")
    with ObjectReader(home) as objects:
        found = refs.read_all(objects, [REF, *ODD, f"{REF}3", f"{REF}4", f"{REF}5", "refs/heads/none"])
    assert found == {REF: second, **dict.fromkeys(ODD, first), f"{REF}3": second, f"{REF}4": first, f"{REF}5": first}
    assert git("reflog", "show", "--format=%gs", REF, "--").splitlines() == ["cosport: two", "cosport: one"]
    assert refs.made_by_us(home, f"{REF}4", first)


def test_a_git_that_dies_is_asked_for_by_itself(git: Git, home: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    first = at(git, "main^")
    with refs.Mover(home) as mover:
        monkeypatch.setattr(
            Conversation, "line", lambda _: (_ for _ in ()).throw(ProcessError("died", argv=(), status=1))
        )
        mover.update(REF, first, None, why="one")  # whether or not it was done before the end
        mover.update(f"{REF}2", first, None, why="one")
    assert refs.read(home, REF) == refs.read(home, f"{REF}2") == first


def test_work_trees_and_what_they_have_checked_out(git: Git, home: Repository, tmp_path: Path) -> None:
    git("checkout", "-q", "main")
    git("branch", "side")
    git("worktree", "add", "-q", str(tmp_path / "linked \nü"), "side")
    git("worktree", "add", "-q", "--detach", str(tmp_path / "detached"), "main")
    found = {checkout.path: checkout.ref for checkout in refs.checkouts(home)}
    assert found == {
        str(git.path): "refs/heads/main",
        str(tmp_path / "linked \nü"): "refs/heads/side",
        str(tmp_path / "detached"): "",
    }
    assert refs.checked_out_at(home, "refs/heads/side") == str(tmp_path / "linked \nü")
    assert refs.checked_out_at(home, "refs/heads/other") == ""
    linked = Repository.open(tmp_path / "detached")
    assert {checkout.path for checkout in refs.checkouts(linked)} == set(found)


def test_a_bare_repository_has_nothing_checked_out(make_git: Callable[..., Git]) -> None:
    git = make_git(bare=True)
    git.commit({"a": "1"})
    assert refs.checkouts(Repository.open(git.path)) == ()


def test_names_in_full(git: Git, home: Repository) -> None:
    git("branch", "side")
    git("tag", "v1")
    assert refs.full_name(home, "main") == "refs/heads/main"
    assert refs.full_name(home, "v1") == "refs/tags/v1"
    assert refs.full_name(home, "HEAD") == "refs/heads/main"
    for name in ("none", "main^", git.sha("main"), "-x", "", "--all"):
        assert refs.full_name(home, name) == "", name
    git("branch", "v1")
    assert refs.full_name(home, "v1") in ("", "refs/tags/v1")
    assert (refs.short(at(git, "main")), refs.short(None)) == (git.sha("main")[:12], "nothing")
