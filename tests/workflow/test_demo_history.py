from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.errors import ToolError
from cosport.workflow import demo_history
from cosport.workflow.demo_source import DRIVER
from tests.support import Git

if TYPE_CHECKING:
    from cosport.workflow.demo_history import History
    from cosport.workflow.demo_source import KernelSource


@pytest.fixture(scope="module")
def history(kernel_source: KernelSource, tmp_path_factory: pytest.TempPathFactory) -> History:
    return demo_history.build(tmp_path_factory.mktemp("demo") / "kernel", kernel_source)


@pytest.fixture
def git(history: History) -> Git:
    return Git(Path(history.repository.git_dir))


def pick(git: Git, onto: str, *commits: str) -> tuple[bool, str]:
    """Pick commits one after the other by raw git; whether all were clean, and the last tree."""
    tree = git.tree(onto)
    for commit in commits:
        base = git("commit-tree", git.tree(f"{commit}^"), "-m", "base")
        sides = [git("commit-tree", side, "-p", base, "-m", "side") for side in (tree, git.tree(commit))]
        done = git.attempt("merge-tree", "--write-tree", *sides)
        tree = done.stdout.decode().split("\n")[0]
        if done.returncode:
            return False, tree
    return True, tree


def test_upstream_s_last_state_is_the_package_itself(git: Git, kernel_source: KernelSource) -> None:
    names = git("ls-tree", "-r", "--name-only", demo_history.UPSTREAM).splitlines()
    assert set(names) == set(kernel_source.files)
    for name in names:
        assert git.raw("cat-file", "blob", f"{demo_history.UPSTREAM}:{name}") == kernel_source.files[name]


def test_every_commit_changes_something_and_the_repository_is_sound(git: Git, history: History) -> None:
    assert git("fsck", "--full", "--strict") == ""
    for line in history.lines:
        for commit in line.commit:
            sha = history.commits[commit.name]
            assert git("show", "--format=", "--name-only", sha), commit.name


def test_the_fix_names_the_commit_that_it_fixes(git: Git, history: History) -> None:
    message = git("log", "-1", "--format=%B", history.commits["fix"])
    assert f'\nFixes: {history.commits["introduce"][:12]} ("virtio_balloon: replace oom' in message
    assert git("log", "-1", "--format=%an", history.commits["fix"]) == "David Hildenbrand"


@pytest.mark.parametrize(("branch", "clean"), [("cos-6.1", True), ("release-R113", True), ("cos-5.10", False)])
def test_the_fix_applies_where_the_story_says_so(git: Git, history: History, branch: str, *, clean: bool) -> None:
    assert pick(git, branch, history.commits["fix"])[0] is clean


def test_the_branch_that_never_had_the_bug_lacks_the_shrinker(git: Git) -> None:
    assert "shrink_balloon_pages" not in git("cat-file", "blob", f"cos-4.14:{DRIVER}")


def test_the_resolution_is_what_the_missing_commit_and_the_fix_make_together(git: Git, history: History) -> None:
    clean, tree = pick(git, "cos-5.10", history.commits["stop-deflating"], history.commits["fix"])
    assert clean
    assert git.raw("cat-file", "blob", f"{tree}:{DRIVER}") == history.resolutions["cos-5.10"]


def test_a_history_built_twice_is_the_same(kernel_source: KernelSource, history: History, tmp_path: Path) -> None:
    assert demo_history.build(tmp_path / "again", kernel_source).commits == history.commits


def test_a_source_that_an_edit_does_not_fit_is_an_error(kernel_source: KernelSource, tmp_path: Path) -> None:
    other = replace(kernel_source, files={**kernel_source.files, "mm/oom_kill.c": b"int other;\n"})
    with pytest.raises(ToolError, match=r"mm/oom_kill\.c"):
        demo_history.build(tmp_path / "kernel", other)


def test_an_edit_takes_the_words_of_the_kernel_at_hand() -> None:
    edit = demo_history.Edit("a.c", "old\n", "new\n", ("older\n", "newer\n"))
    assert edit.on({"a.c": b"old\n"}) is edit
    other = edit.on({"a.c": b"older\n"})
    assert (other.before, other.after) == ("older\n", "newer\n")
