"""The builder that all other tests stand on does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import Git


def test_commits_changes_on_top_of_the_branch(git: Git) -> None:
    first = git.commit({"a.c": "one\n", "gone.c": "x\n"}, "first")
    second = git.commit({"a.c": "two\n", "gone.c": None}, "second\n\nbody\n")
    assert git.sha(f"{second}^") == first
    assert git.read("main", "a.c") == b"two\n"
    assert not git.exists("main:gone.c")
    assert git.message() == b"second\n\nbody\n"
    git.fsck()


def test_keeps_bytes_modes_and_parents(git: Git) -> None:
    base = git.commit({"a": "1\n"}, "base", author=b"J\xf6rg <j@example.org>", encoding="ISO-8859-1")
    side = git.commit({"run": ("100755", "#!/bin/sh\n"), "caf\udce9": "x"}, "side", branch="side", parents=[base])
    merge = git.commit({}, b"merge\xff", parents=[base, side], branch="main")
    assert b"J\xf6rg" in git.raw("cat-file", "commit", base)
    assert git("ls-tree", side, "run").startswith("100755")
    assert git("rev-list", "--parents", "-1", merge).split()[1:] == [base, side]
    assert git.message(merge) == b"merge\xff"


def test_no_parents_starts_anew(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    root = git.commit({"b": "2\n"}, "root", parents=[])
    assert git("rev-list", "--count", root) == "1"
    assert not git.exists(f"{root}:a")


def test_same_steps_make_same_commits(make_git: Callable[..., Git]) -> None:
    shas = {make_git(name).commit({"a": "1\n"}, "one") for name in ("x", "y")}
    assert len(shas) == 1


def test_user_state_notices_every_change(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    git.checkout()
    before = git.user_state()
    assert git.user_state() == before
    (git.path / "a").write_text("2\n")
    assert git.user_state() != before


def test_git_sees_only_the_sealed_identity(git: Git) -> None:
    assert git("var", "GIT_COMMITTER_IDENT") == "Kernel Engineer <engineer@example.com> 1700000000 +0000"
