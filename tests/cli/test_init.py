from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cosport import config
from cosport.cli import guess
from cosport.cli.guess import Remote
from cosport.config import BranchKind
from tests.support import cosport, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

M, R = BranchKind.MAIN, BranchKind.RELEASE


@pytest.fixture
def clone(git: Git) -> Git:
    """Upstream's master, two main branches, and a release that left cos-5.4."""
    git.commit({"a": "1\n"}, "one")
    git("update-ref", "refs/remotes/upstream/master", "main")
    git.branch("cos-5.4")
    git.branch("cos-5.10")
    git.commit({"b": "1\n"}, "on 5.10", branch="cos-5.10")
    git.commit({"c": "1\n"}, "on 5.4", branch="cos-5.4")
    git.branch("release-R85", "cos-5.4")
    git.commit({"d": "1\n"}, "on R85", branch="release-R85")
    git.branch("topic/wip")
    git("remote", "add", "upstream", "https://user:secret@git.example.org/linux.git")
    git("remote", "add", "origin", "ssh://me@gerrit.example.com:29418/third_party/kernel")
    git.checkout()
    return git


def local(git: Git) -> Path:
    return git.path / ".git/cosport/cosport.toml"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cos-5.4", M), ("linux-6.1.y", M), ("linux-2.6.32.y", M), ("stable/6.1", M), ("6.1-stable", M), ("v5.10", M),
        ("6.1", M), ("chromeos-5.15", M), ("android14-6.1", M), ("android14-6.1-lts", M), ("v6.6.y", M),
        ("release-R85", R), ("release-R85-13310.B", R), ("release/2024", R), ("cos-5.4-release", R), ("R109", R),
        ("branch-3.3", M), ("v3.7-branch", M), ("OLK-5.10", M), ("rpi-6.6.y", M), ("REL_17_STABLE", M),
        ("branch-of-work", None), ("my-branch", None), ("openflow-1.0", None),
        ("master", None), ("main", None), ("topic/x", None), ("backport/cos-5.4/71994620bb25", None),
        ("backport/release-R85/71994620bb25", None), ("backport/linux-6.1-stable", None),
        ("linux-next", None), ("release", None), ("my-stable-idea", None), ("\uff15.4", None),
    ],
)  # fmt: skip
def test_names_of_stable_branches_are_known(name: str, kind: BranchKind | None) -> None:
    assert guess.kind_of(name) is kind


def test_newest_first_and_local_before_remote() -> None:
    refs = [
        "refs/heads/linux-6.9.y", "refs/remotes/origin/linux-6.10.y", "refs/remotes/origin/linux-6.9.y",
        "refs/remotes/origin/HEAD", "refs/remotes/other/linux-6.10.y", "refs/heads/v5.4",
    ]  # fmt: skip
    remotes = [Remote("origin", ""), Remote("other", "")]
    found = guess.stable_branches(refs, remotes, upstream="refs/heads/v5.4")
    assert [branch.ref for branch in found] == ["refs/remotes/origin/linux-6.10.y", "refs/heads/linux-6.9.y"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ssh://me@gerrit.example.com:29418/a/kernel.git", ("https://gerrit.example.com", "a/kernel")),
        (
            "https://cos.googlesource.com/third_party/kernel",
            ("https://cos-review.googlesource.com", "third_party/kernel"),
        ),
        ("https://github.com/torvalds/linux", None),
        ("git@github.com:torvalds/linux.git", None),
        ("https://[broken", None),
        ("ssh://host:notaport/x", None),
    ],
)
def test_gerrit_is_known_by_its_url(url: str, expected: tuple[str, str] | None) -> None:
    found = guess.gerrit([Remote("origin", url)])
    assert (found and (found.url, found.project)) == expected


def test_writes_what_the_clone_shows(clone: Git) -> None:
    before = clone.user_state()
    answer = invoke("init", cwd=clone.path, check=0)
    made = config.load(local(clone))
    assert made.upstream_ref == "refs/remotes/upstream/master"
    assert made.upstream.url == "https://git.example.org/linux"
    assert [(branch.name, branch.kind, branch.main) for branch in made.branches] == [
        ("cos-5.10", M, ""),
        ("cos-5.4", M, ""),
        ("release-R85", R, "cos-5.4"),
    ]
    assert made.message.profile == "cos"
    assert made.message.required == ("BUG", "TEST", "RELEASE_NOTE")
    assert (made.gerrit.url, made.gerrit.remote) == ("https://gerrit.example.com", "origin")
    assert clone.user_state() == before
    assert f"wrote {local(clone)}" in answer.out
    assert b"secret" not in local(clone).read_bytes()


def test_an_existing_file_stays_until_forced_and_is_kept(clone: Git) -> None:
    invoke("init", cwd=clone.path, check=0)
    local(clone).write_text("# mine\n", encoding="utf-8")
    answer = invoke("init", cwd=clone.path, check=2)
    assert "exists" in answer.err
    assert "--force" in answer.err
    assert local(clone).read_text(encoding="utf-8") == "# mine\n"
    for number in (1, 2):
        forced = invoke("init", "--force", "--json", cwd=clone.path, check=0)
        assert forced.json()["backup"].endswith(f"cosport.toml.~{number}~")
    assert local(clone).with_name("cosport.toml.~1~").read_text(encoding="utf-8") == "# mine\n"
    assert sorted(path.name for path in local(clone).parent.iterdir()) == [
        "cosport.toml", "cosport.toml.~1~", "cosport.toml.~2~",
    ]  # fmt: skip


def test_shared_commits_beside_what_is_there(clone: Git) -> None:
    before = clone.user_state()
    first = clone.commit({"declined/x.json": "{}\n"}, "decline", branch="refs/meta/cosport")
    invoke("init", "--shared", cwd=clone.path, check=0)
    assert clone("ls-tree", "-r", "--name-only", "refs/meta/cosport").splitlines() == [
        "cosport.toml",
        "declined/x.json",
    ]
    assert clone.sha("refs/meta/cosport^") == first
    assert clone.user_state() == before
    tip = clone.sha("refs/meta/cosport")
    answer = invoke("init", "--shared", cwd=clone.path, check=2)
    assert "--force" in answer.err
    assert clone.sha("refs/meta/cosport") == tip
    invoke("init", "--shared", "--force", cwd=clone.path, check=0)
    assert clone.sha("refs/meta/cosport^") == tip
    clone.fsck()


def test_shared_needs_an_identity_and_changes_nothing_without(clone: Git, seal: Path) -> None:
    (seal / "gitconfig").write_text("", encoding="utf-8")
    answer = cosport("init", "--shared", cwd=clone.path, check=2)
    assert "git does not know who you are" in answer.err
    assert not clone.exists("refs/meta/cosport")


def test_a_clone_with_nothing_to_guess_gets_a_file_to_fill_in(git: Git) -> None:
    answer = invoke("init", cwd=git.path, check=0)
    made = config.load(local(git))
    assert made.branches == ()
    assert made.upstream.ref == ""
    assert "no branch looked like a stable branch" in answer.err


def test_names_that_toml_must_escape_come_through(git: Git) -> None:
    git.commit({"a": "1\n"}, "one")
    name = "stable/\"quoted'\u00e9{x"
    git.branch(name)
    git("update-ref", "--stdin", "-z", stdin=b"create refs/heads/stable/\xff\0" + git.sha("main").encode() + b"\0")
    invoke("init", cwd=git.path, check=0)
    assert [branch.name for branch in config.load(local(git)).branches] == [name]


def test_old_branches_of_a_mirror_are_left_out_and_named(git: Git) -> None:
    tip = git.commit({"a": "1\n"}, "one")
    for minor in range(20):
        git("update-ref", f"refs/heads/linux-5.{minor}.y", tip)
    invoke("init", cwd=git.path, check=0)
    made = config.load(local(git))
    assert [branch.name for branch in made.branches] == [f"linux-5.{minor}.y" for minor in range(19, 3, -1)]
    assert '#   "refs/heads/linux-5.3.y"' in local(git).read_text(encoding="utf-8")


def test_works_in_a_bare_repository_and_a_linked_work_tree(clone: Git, tmp_path: Path) -> None:
    clone("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "main")
    invoke("init", cwd=tmp_path / "linked", check=0)
    assert local(clone).is_file()
    clone("clone", "-q", "--bare", str(clone.path), str(tmp_path / "bare"))
    invoke("init", cwd=tmp_path / "bare", check=0)
    assert (tmp_path / "bare/cosport/cosport.toml").is_file()


def test_config_names_another_place(clone: Git, tmp_path: Path) -> None:
    invoke("init", "--config", str(tmp_path / "mine.toml"), cwd=clone.path, check=0)
    assert config.load(tmp_path / "mine.toml").branches
    assert not local(clone).exists()
