"""How git is run: where the repository is found, what of the environment gets in, and what a failure is called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cosport.errors import DiskError, GitError, MissingObjectError, ProcessTimeout, UsageError
from cosport.git.identity import committer
from cosport.git.repository import Repository, environment, failure, timeout, version
from cosport.process import Completed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support import Git


def test_found_from_a_folder_inside(git: Git) -> None:
    git.commit({"a": "1"})
    inside = git.path / "some/where"
    inside.mkdir(parents=True)
    found = Repository.open(inside)
    assert (found.git_dir, found.common_dir) == (git.path / ".git", git.path / ".git")
    assert (found.hash_length, found.is_bare, found.is_shallow, found.is_partial) == (40, False, False, False)


def test_bare_sha256_and_linked(make_git: Callable[..., Git], tmp_path: Path) -> None:
    bare = make_git("bare", bare=True, sha256=True)
    bare.commit({"a": "1"})
    found = Repository.open(bare.path)
    assert (found.hash_length, found.is_bare, found.git_dir) == (64, True, bare.path)
    bare("worktree", "add", "-q", str(tmp_path / "linked"), "main")
    linked = Repository.open(tmp_path / "linked")
    assert (linked.git_dir, linked.common_dir) == (bare.path / "worktrees/linked", bare.path)
    assert linked.state_dir == found.state_dir == bare.path / "cosport"


def test_git_dir_of_the_environment_counts_only_where_no_folder_is_named(
    make_git: Callable[..., Git], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = make_git("here"), make_git("there")
    monkeypatch.setenv("GIT_DIR", str(there.path / ".git"))
    monkeypatch.chdir(here.path)
    assert Repository.open().git_dir == there.path / ".git"
    assert Repository.open(here.path).git_dir == here.path / ".git"


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not in a git repository"):
        Repository.open(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        Repository.open(tmp_path / "nowhere")


def test_what_keeps_git_from_opening_a_repository_is_told(git: Git) -> None:
    with (git.path / ".git" / "config").open("a") as config:
        config.write("[core]\n\tbare = perhaps\n")
    with pytest.raises(UsageError, match=r"git opens no repository at .*'perhaps' for 'core\.bare'"):
        Repository.open(git.path)


def test_a_repository_that_git_does_not_trust_is_told_apart(
    make_git: Callable[..., Git], monkeypatch: pytest.MonkeyPatch
) -> None:
    git = make_git(bare=True)
    config = Path(os.environ["GIT_CONFIG_GLOBAL"])
    config.write_text(config.read_text() + "[safe]\n\tbareRepository = explicit\n")
    with pytest.raises(UsageError, match="does not trust") as raised:
        Repository.open(git.path)
    assert "if you trust it" in raised.value.hint
    monkeypatch.setenv("GIT_DIR", str(git.path))
    assert Repository.open().is_bare


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_repository_is_not_trusted(git: Git) -> None:
    place = git.path.rename(git.path.with_name("with spaces"))
    for path in (place, place / ".git"):
        os.chown(path, 65534, 65534)
    with pytest.raises(UsageError, match="does not trust") as raised:
        Repository.open(place)
    assert f"safe.directory '{place}'" in raised.value.hint


def test_a_line_break_in_the_path_is_refused(make_git: Callable[..., Git]) -> None:
    with pytest.raises(UsageError, match="line break"):
        Repository.open(make_git("new\nline").path)


def test_only_what_is_about_the_user_and_remotes_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ("GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_EXEC_PATH")
    local = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    dropped = {*local.stdout.split(), "GIT_TRACE", "GIT_FLUSH", "GIT_ATTR_SOURCE", "GIT_EXTERNAL_DIFF", "GIT_NAMESPACE"}
    for name in (*kept, *dropped):
        monkeypatch.setenv(name, "hostile")
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    env = environment({"MORE": "1"})
    assert {name for name, value in env.items() if value == "hostile"} == set(kept)
    assert (env["GIT_TERMINAL_PROMPT"], env["LC_ALL"], env["MORE"]) == ("0", "C", "1")


@pytest.mark.parametrize("given", ["abc", "0", "-1", "nan", "inf", "1e9"])
def test_a_time_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("COSPORT_TIMEOUT", given)
    with pytest.raises(UsageError, match="COSPORT_TIMEOUT"):
        timeout()


def test_the_time_limit_holds_for_git(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timeout() == 600
    home = Repository.open(git.path)
    monkeypatch.setenv("COSPORT_TIMEOUT", "0.3")
    git("config", "alias.wait", "!sleep 60")
    with pytest.raises(ProcessTimeout):
        home.run("wait")
    with pytest.raises(ProcessTimeout):
        list(home.pieces("wait"))


def test_failures_have_their_names(git: Git) -> None:
    git.commit({"a": "1"})
    home = Repository.open(git.path)
    with pytest.raises(GitError, match=r"git rev-parse --verify nothing: status 128") as raised:
        home.run("rev-parse", "--verify", "nothing")
    assert raised.value.status == 128
    with pytest.raises(MissingObjectError, match="1" * 40):
        home.run("read-tree", "1" * 40)
    with pytest.raises(MissingObjectError):
        list(home.pieces("log", "2" * 40))
    with pytest.raises(GitError):
        list(home.pieces("log", "no-such-branch", "--"))


def test_only_the_systems_own_words_mean_that_the_disk_refuses() -> None:
    def error(said: str) -> Exception:
        return failure(Completed(("git",), 128, b"", said.encode()), ("write-tree",))

    assert isinstance(error("error: file write error: No space left on device\nfatal: unable to write"), DiskError)
    assert "No space left" in str(error("error: x: No space left on device\nfatal: unable to write"))
    assert isinstance(error("error: cannot open: Read-only file system"), DiskError)
    assert isinstance(error("git@example.org: Permission denied (publickey)."), GitError)
    assert isinstance(error("fatal: bad file 'No space left on device.txt'"), GitError)


def test_the_version_is_a_number() -> None:
    assert version() >= (2, 39)


def test_the_committer_is_gits_own_and_none_is_refused(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Repository.open(git.path)
    found = committer(home)
    assert (found.signature, found.name) == ("Kernel Engineer <engineer@example.com>", "Kernel Engineer")
    assert found.line == "Kernel Engineer <engineer@example.com> 1700000000 +0000"
    monkeypatch.setenv("GIT_COMMITTER_NAME", "J\udcfcrgen <the> Younger")
    assert committer(Repository.open(git.path)).name == "J\udcfcrgen the Younger"
    monkeypatch.delenv("GIT_COMMITTER_NAME")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(UsageError, match="does not know who you are"):
        committer(Repository.open(git.path))
