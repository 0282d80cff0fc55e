"""A conflict's own work tree: only the files in conflict, the user's checkout and settings untouched."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.errors import DiskError, GitError, ToolError
from cosport.git import worktree
from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.git.trees import new_objects
from cosport.model.commit import Sha
from tests.support import Git

if TYPE_CHECKING:
    from tests.support import File

ODD = 'odd\t"na\nme" \udce4'


def prepare(git: Git, place: Path) -> tuple[worktree.WorkTree, tuple[bytes, ...]]:
    """A repository with conflicts of many kinds, and the work tree made for them."""
    base: dict[str, File] = {"f": "1\n", ODD: "1\n", "run": ("100755", "1\n"), "link": ("120000", "a"), "gone": "1\n"}
    base |= {f"dir{number}/file": f"{number}\n" for number in range(50)}
    start = git.commit(base, "base")
    changes: dict[str, dict[str, File]] = {
        side: {
            "f": f"{side}\n", ODD: f"{side}\n", "run": ("100755", f"{side}\n"), "link": ("120000", side),
            "both": f"{side}\n", "gone": None if side == "ours" else "2\n", f"dir1/{side}": "new\n",
        }
        for side in ("ours", "theirs")
    }  # fmt: skip
    ours = git.commit(changes["ours"], "ours", branch="ours", parents=[start])
    theirs = git.commit(changes["theirs"], "theirs", branch="theirs", parents=[start])
    git.checkout("main")
    home = Repository.open(git.path)
    merge = Merge(*(Sha(git.tree(name)) for name in (start, ours, theirs)))
    with quarantine(home) as trial, ObjectReader(home) as reader:
        [merged] = merge_trees(trial, [merge])
        trial.accept(new_objects(trial, reader, merge.ours, merged.tree))
    tree = worktree.add(home, place, Sha(ours))
    paths = tuple(each.path for each in merged.unmerged)
    worktree.fill(tree, merged.tree, merged.stages, paths)
    return tree, paths


def shown(folder: Path) -> set[bytes]:
    found = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return {os.fsencode(path.relative_to(folder)) for path in found} - {b".git"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "cos 5.4 ü"


def test_only_the_files_in_conflict_appear(git: Git, place: Path) -> None:
    tree, paths = prepare(git, place)
    assert (
        shown(place) == set(paths) == {b"f", ODD.encode("utf-8", "surrogateescape"), b"run", b"link", b"both", b"gone"}
    )
    assert b"<<<<<<<" in (place / "f").read_bytes()
    assert (place / "run").stat().st_mode & stat.S_IXUSR
    assert (place / "link").is_symlink()
    assert tree.head() == git.sha("ours")


def test_git_status_shows_the_unmerged_paths_and_what_was_merged(git: Git, place: Path) -> None:
    tree, paths = prepare(git, place)
    there = Git(place)
    entries = there.raw("status", "--porcelain", "-z", "--no-renames").split(b"\0")[:-1]
    unmerged = {entry[3:]: entry[:2] for entry in entries if b"U" in entry[:2] or entry[:2] == b"AA"}
    assert set(unmerged) == set(paths) == set(tree.unmerged())
    assert unmerged[b"both"] == b"AA"
    assert unmerged[b"gone"] == b"DU"
    assert [entry for entry in entries if entry[3:] not in unmerged] == [b"A  dir1/theirs"]
    there.fsck()


def test_resolving_gives_the_tree_of_a_whole_checkout(git: Git, place: Path) -> None:
    tree, paths = prepare(git, place)
    with pytest.raises(GitError):
        tree.write_tree()
    for path in paths:
        file = tree.resolve_path(path)
        if path == b"gone":
            file.unlink()
        elif not file.is_symlink():
            file.write_text("resolved\n")
    tree.add(paths)
    assert tree.unmerged() == {}
    assert tree.changed() == []
    found = git("ls-tree", "-r", "--name-only", "-z", tree.write_tree()).split("\0")
    expected = git("ls-tree", "-r", "--name-only", "-z", "ours").split("\0")
    assert set(found) == {*expected, "dir1/theirs"}
    assert git.read(tree.write_tree(), "f") == b"resolved\n"
    tree.resolve_path(b"f").write_text("changed again\n")
    assert tree.changed() == [b"f"]
    tree.add(())


@pytest.mark.parametrize(
    "settings", [{}, {"core.sparseCheckout": "true", "core.autocrlf": "true", "core.splitIndex": "true"}]
)
def test_the_users_own_things_stay_byte_for_byte(git: Git, place: Path, settings: dict[str, str]) -> None:
    git.commit({"a": "1"}, branch="other")
    for key, value in settings.items():
        git("config", key, value)
    git.commit({"mine": "1\n"})
    git.checkout("main")
    (git.path / "mine").write_text("half done\n")
    (git.path / "untracked").write_text("x\n")
    git("add", "mine")
    before = git.user_state()
    assert before  # taken where `prepare` has not checked out yet
    tree, _ = prepare_on(git, place)
    assert git.user_state() == before
    worktree.remove(tree.repository, place)
    assert git.user_state() == before
    assert not place.exists()


def prepare_on(git: Git, place: Path) -> tuple[worktree.WorkTree, tuple[bytes, ...]]:
    """As `prepare`, without a look at the user's work tree."""
    start = git.commit({"f": "1\n"}, branch="base")
    ours = git.commit({"f": "2\n"}, branch="ours", parents=[start])
    theirs = git.commit({"f": "3\n"}, branch="theirs", parents=[start])
    home = Repository.open(git.path)
    merge = Merge(*(Sha(git.tree(name)) for name in (start, ours, theirs)))
    with quarantine(home) as trial, ObjectReader(home) as reader:
        [merged] = merge_trees(trial, [merge])
        trial.accept(new_objects(trial, reader, merge.ours, merged.tree))
    tree = worktree.add(home, place, Sha(ours))
    worktree.fill(tree, merged.tree, merged.stages, [b"f"])
    assert shown(place) == {b"f"}
    return tree, (b"f",)


def test_hooks_do_not_run(git: Git, place: Path) -> None:
    tree, _ = prepare_on(git, place)
    worktree.remove(tree.repository, place)
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = git.path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {git.path}/ran\nexit 1\n")
        hook.chmod(0o755)
    tree = worktree.add(tree.repository, place, Sha(git.sha("ours")))
    worktree.fill(tree, Sha(git.tree("theirs")), (), [b"f"])
    worktree.remove(tree.repository, place)
    assert not (git.path / "ran").exists()


@pytest.mark.parametrize("half", ["whole", "no .git", "no folder", "no admin", "nothing", "only a file"])
def test_removing_whatever_state_it_is_in(git: Git, place: Path, tmp_path: Path, half: str) -> None:
    git.commit({"a": "1"})
    git("worktree", "add", "-q", "-b", "away", str(tmp_path / "usb"))
    (tmp_path / "usb").rename(tmp_path / "unmounted")  # the user's, on a disk that is not there now
    home = Repository.open(git.path)
    if half not in ("nothing", "only a file"):
        tree, _ = prepare_on(git, place)
        if half == "no .git":
            (place / ".git").unlink()
        elif half != "whole":
            shutil.rmtree(place if half == "no folder" else tree.admin)
    elif half == "only a file":
        place.mkdir(parents=True)
        (place / "f").write_text("left over")
    worktree.remove(home, place)
    worktree.remove(home, place)
    assert not place.exists()
    listed = git("worktree", "list", "--porcelain")
    assert str(place) not in listed
    assert str(tmp_path / "usb") in listed
    prepare_on(git, place)


def test_a_work_tree_that_is_gone_is_an_error(git: Git, place: Path) -> None:
    git.commit({"a": "1"})
    with pytest.raises(ToolError, match="is gone"):
        worktree.find(Repository.open(git.path), place)


def test_a_relative_link_is_followed(git: Git, place: Path) -> None:
    tree, _ = prepare_on(git, place)
    (place / ".git").write_text(f"gitdir: {os.path.relpath(tree.admin, place)}\n")
    assert worktree.find(tree.repository, place).head() == git.sha("ours")


def test_a_folder_that_cannot_be_removed_is_told(git: Git, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git.commit({"a": "1"})
    place.parent.mkdir(parents=True)
    place.symlink_to(git.path)  # rmtree refuses to follow it
    with pytest.raises(DiskError, match="cannot remove the work tree"):
        worktree.remove(Repository.open(git.path), place)
    assert (git.path / ".git").is_dir()
