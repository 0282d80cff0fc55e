"""The hooks, run by git itself: real commits, real pushes, a real bare server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from cosport.cli import schema
from cosport.git import hooks
from cosport.git.repository import Repository
from cosport.message.changeid import minted
from tests.presubmit.house import ENGINEER, FIELDS, FILE, LINES, House, edit
from tests.support import Git, cosport, invoke

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = f"COS: mm: ours\n\nBody.\n\n{FIELDS}\ncos-patch: bug\nSigned-off-by: {ENGINEER}\n"
ID = re.compile(r"^Change-Id: (I[0-9a-f]{40})$", re.MULTILINE)


@pytest.fixture
def house(git: Git) -> House:
    made = House(git)
    made.configure()
    git("symbolic-ref", "HEAD", "refs/heads/cos-6.1")
    git.checkout("cos-6.1")
    return made


def _commit(git: Git, message: str, *options: str, line: int = 5) -> subprocess.CompletedProcess[bytes]:
    (git.path / FILE).write_text(edit(line, "changed"))
    return git.attempt("commit", "-q", "-a", "-F", "-", *options, stdin=message)


class TestInstall:
    def test_it_keeps_the_hook_that_is_there_and_runs_it_first(self, house: House) -> None:
        folder = house.git.path / ".git" / "hooks"
        folder.mkdir(exist_ok=True)
        old = folder / "commit-msg"
        old.write_text('#!/bin/sh\necho "Kept: by the old hook" >> "$1"\n')
        old.chmod(0o755)
        before = old.read_bytes()
        answer = invoke("hook", "install", "--json", cwd=house.git.path, check=0).json()
        jsonschema.validate(answer, schema.of("hook-install"))
        assert [each["state"] for each in answer["hooks"]] == ["installed", "installed"]
        again = invoke("hook", "install", "--json", cwd=house.git.path, check=0).json()
        assert [each["state"] for each in again["hooks"]] == ["current", "current"]
        assert _commit(house.git, GOOD, "--no-edit").returncode == 0
        message = house.git.message().decode()
        assert "Kept: by the old hook" in message
        assert ID.search(message)
        invoke("hook", "install", "--undo", cwd=house.git.path, check=0)
        assert old.read_bytes() == before
        assert sorted(each.name for each in folder.iterdir() if not each.name.endswith(".sample")) == ["commit-msg"]

    def test_an_old_hook_that_says_no_stops_the_commit(self, house: House) -> None:
        old = house.git.path / ".git" / "hooks" / "commit-msg"
        old.parent.mkdir(exist_ok=True)
        old.write_text("#!/bin/sh\nexit 7\n")
        old.chmod(0o755)
        invoke("hook", "install", cwd=house.git.path, check=0)
        tip = house.git.sha()
        assert _commit(house.git, GOOD).returncode != 0
        assert house.git.sha() == tip

    def test_linked_work_trees_and_core_hookspath(self, house: House, tmp_path: Path) -> None:
        work = tmp_path / "linked"
        house.git("worktree", "add", "-q", "--detach", str(work))
        invoke("hook", "install", cwd=work, check=0)
        assert (house.git.path / ".git" / "hooks" / "commit-msg").exists()
        linked = Git(work)
        assert _commit(linked, GOOD).returncode == 0
        assert ID.search(linked.message().decode())
        house.git("config", "core.hooksPath", "my hooks")
        invoke("hook", "install", cwd=house.git.path, check=0)
        assert (house.git.path / "my hooks" / "commit-msg").exists()
        assert hooks.folder(Repository.open(work)) == work / "my hooks"
        house.git("config", "core.hooksPath", str(tmp_path / "abs'o\"lute"))
        invoke("hook", "install", cwd=house.git.path, check=0)
        assert _commit(house.git, GOOD).returncode == 0
        assert ID.search(house.git.message().decode())

    def test_hooks_of_all_repositories_are_told(self, house: House, tmp_path: Path) -> None:
        house.git("config", "--global", "core.hooksPath", str(tmp_path / "everybody's"))
        answer = invoke("hook", "install", cwd=house.git.path, check=0)
        assert "core.hooksPath is set for more than this repository" in answer.err
        assert "everybody's" in answer.err
        house.git("config", "core.hooksPath", "mine")
        assert invoke("hook", "install", cwd=house.git.path, check=0).err == ""

    def test_a_relative_folder_counts_from_the_linked_work_tree_whatever_its_name(
        self, house: House, tmp_path: Path
    ) -> None:
        linked = os.fsencode(tmp_path) + b"/caf\xe9"
        house.git("worktree", "add", "-q", "--detach", os.fsdecode(linked))
        house.git("config", "core.hooksPath", "mine")
        cosport("hook", "install", cwd=Path(os.fsdecode(linked)), check=0)
        assert os.path.exists(linked + b"/mine/pre-push")  # noqa: PTH110 - bytes

    def test_two_foreign_hooks_are_a_person_s_to_join(self, house: House) -> None:
        folder = house.git.path / ".git" / "hooks"
        folder.mkdir(exist_ok=True)
        for name in ("commit-msg", "commit-msg.before-cosport"):
            (folder / name).write_text("#!/bin/sh\n")
        assert "beside it already" in invoke("hook", "install", cwd=house.git.path, check=2).err

    def test_init_installs_them_too(self, git: Git) -> None:
        git.commit({"a": "1\n"}, "x")
        assert "hook      " in invoke("init", "--hooks", cwd=git.path, check=0).out
        assert (git.path / ".git" / "hooks" / "pre-push").exists()

    def test_the_user_s_things_stay(self, house: House) -> None:
        before = house.git.user_state()
        invoke("hook", "install", cwd=house.git.path, check=0)
        assert house.git.user_state() == before


class TestCommitMsg:
    def run(self, house: House, message: str, check: int = 0) -> str:
        file = house.git.path / ".git" / "COMMIT_EDITMSG"
        file.write_text(message, encoding="utf-8", newline="")
        invoke("hook", "commit-msg", str(file), cwd=house.git.path, check=check)
        return file.read_text(encoding="utf-8")

    def test_the_change_id_is_gerrit_s(self, house: House) -> None:
        written = self.run(house, GOOD)
        ident = house.git("var", "GIT_COMMITTER_IDENT")
        recipe = house.git("hash-object", "--stdin", stdin=f"{ident}\n{house.git.sha()}\n{GOOD}")
        found = ID.search(written)
        assert found is not None
        assert found[1] == f"I{recipe}" == minted(ident, house.git.sha(), GOOD.encode())
        assert self.run(house, written) == written
        assert written.index("Change-Id") < written.index("Signed-off-by")

    def test_of_an_unborn_branch_it_takes_the_empty_tree(self, house: House) -> None:
        house.git("symbolic-ref", "HEAD", "refs/heads/unborn")
        ident = house.git("var", "GIT_COMMITTER_IDENT")
        empty = house.git("hash-object", "-t", "tree", "--stdin")
        found = ID.search(self.run(house, GOOD))
        assert found is not None
        assert found[1] == "I" + house.git("hash-object", "--stdin", stdin=f"{ident}\n{empty}\n{GOOD}")

    def test_comments_stay_below_and_count_in_the_id(self, house: House) -> None:
        comments = "\n# Please enter the commit message.\n# On branch cos-6.1\n"
        written = self.run(house, GOOD + comments)
        assert written.endswith(comments)
        assert ID.search(written.removesuffix(comments))
        scissors = "# ------------------------ >8 ------------------------\ndiff --git a/x b/x\n+Change-Id: I1\n"
        assert self.run(house, GOOD + "\n" + scissors).endswith(f"Signed-off-by: {ENGINEER}\n\n{scissors}")

    @pytest.mark.parametrize("message", ["", "\n# only a comment\n", "fixup! x\n", "squash! x\n\nmore\n", "amend! x\n"])
    def test_what_is_left_alone(self, house: House, message: str) -> None:
        assert self.run(house, message) == message

    def test_the_user_s_settings(self, house: House) -> None:
        house.git("config", "gerrit.createChangeId", "always")
        assert ID.search(self.run(house, f"fixup! {GOOD}"))
        house.git("config", "gerrit.createChangeId", "false")
        assert self.run(house, GOOD, check=1) == GOOD  # the profile wants one
        house.git("config", "gerrit.createChangeId", "true")
        house.git("config", "gerrit.reviewUrl", "https://review.example.com/")
        linked = self.run(house, GOOD, check=1)
        assert re.search(r"^Link: https://review\.example\.com/id/I[0-9a-f]{40}$", linked, re.MULTILINE)
        assert self.run(house, linked, check=1) == linked
        house.git("config", "core.commentChar", ";")
        house.git("config", "--unset", "gerrit.reviewUrl")
        assert self.run(house, GOOD + "\n; a comment\n").endswith("\n; a comment\n")

    def test_what_blocks_stops_the_commit_and_keeps_the_message(self, house: House) -> None:
        invoke("hook", "install", cwd=house.git.path, check=0)
        tip = house.git.sha()
        done = _commit(house.git, GOOD.replace("BUG=b/1\n", ""))
        assert done.returncode != 0
        assert b"there is no BUG= line [field-missing]" in done.stderr
        assert house.git.sha() == tip
        assert _commit(house.git, GOOD.replace("BUG=b/1\n", ""), "--no-verify").returncode == 0

    def test_a_commit_of_one_s_own_is_not_told_that_it_is_no_pick(self, house: House) -> None:
        invoke("hook", "install", cwd=house.git.path, check=0)
        assert _commit(house.git, GOOD).stderr == b""

    def test_bytes_and_hostile_text_stay_as_they_are(self, house: House) -> None:
        file = house.git.path / ".git" / "COMMIT_EDITMSG"
        evil = GOOD.encode().replace(b"Body.", b"$(touch pwned) `x` \xff\xfe \\n %s \r")
        file.write_bytes(evil)
        invoke("hook", "commit-msg", str(file), cwd=house.git.path)
        written = file.read_bytes()
        assert re.sub(rb"Change-Id: I[0-9a-f]{40}\n", b"", written) == evil
        assert not (house.git.path / "pwned").exists()


class TestPush:
    """A client that pushes, and a plain git server with the update hook."""

    @pytest.fixture
    def server(self, house: House, make_git: Callable[..., Git]) -> Git:
        server = make_git("server.git", bare=True)
        house.git("remote", "add", "origin", str(server.path))
        house.git("push", "-q", "origin", "main", "cos-6.1", "release-1")
        house.git("fetch", "-q", "origin")
        return server

    def good(self, house: House) -> str:
        return house.pick(house.fix(), on="refs/heads/cos-6.1")

    def test_pre_push_refuses_what_does_not_pass(self, house: House, server: Git) -> None:
        invoke("hook", "install", cwd=house.git.path, check=0)
        self.good(house)
        assert house.git.attempt("push", "-q", "origin", "cos-6.1").returncode == 0
        bad = house.git.commit({FILE: edit(9, "x", edit(5, "int five;"))}, "mm: bad\n", branch="cos-6.1")
        done = house.git.attempt("push", "-q", "origin", "cos-6.1")
        assert done.returncode != 0
        assert b"[kind/kind-unknown]" in done.stdout + done.stderr
        assert server.sha("cos-6.1") != bad
        assert house.git.attempt("push", "-q", "origin", "cos-6.1:refs/heads/elsewhere").returncode == 0
        assert house.git.attempt("push", "-q", "origin", ":elsewhere").returncode == 0

    def test_names_that_are_no_utf8_are_judged_too(self, house: House) -> None:
        tip = house.git.sha("cos-6.1").encode()
        line = b"refs/heads/caf\xe9 " + tip + b" refs/heads/caf\xe9 " + b"0" * 40 + b"\n"
        answer = cosport("hook", "pre-push", "origin", "url", cwd=house.git.path, stdin=line, env={"LC_ALL": "C.UTF-8"})
        assert (answer.code, answer.err) == (0, "")

    def test_the_hook_from_before_reads_what_git_gave_it(self, house: House, server: Git) -> None:
        old = house.git.path / ".git" / "hooks" / "pre-push"
        old.parent.mkdir(exist_ok=True)
        old.write_text('#!/bin/sh\ncat >> "$(git rev-parse --git-dir)/seen"\n')
        old.chmod(0o755)
        invoke("hook", "install", cwd=house.git.path, check=0)
        self.good(house)
        assert house.git.attempt("push", "-q", "origin", "cos-6.1").returncode == 0
        seen = (house.git.path / ".git" / "seen").read_text()
        assert [len(line.split()) for line in seen.splitlines()] == [4]
        house.git.attempt("push", "-q", "origin", "cos-6.1")  # there is nothing to push any more
        assert (house.git.path / ".git" / "seen").read_text() == seen

    def test_a_forged_vote_on_the_branch_itself_is_refused(self, house: House, server: Git) -> None:
        invoke("hook", "install", cwd=house.git.path, check=0)
        fix = house.fix()
        message = house.message(fix) + "Main-Branch-Verified: Cusky <c@x>\n"
        house.pick(fix, message=message, on="refs/heads/cos-6.1")  # the local branch holds it before the push
        done = house.git.attempt("push", "-q", "origin", "cos-6.1")
        assert done.returncode != 0
        assert b"gerrit-tag" in done.stdout + done.stderr

    def test_review_may_wait_for_main_and_the_branch_itself_may_not(self, house: House, server: Git) -> None:
        invoke("hook", "install", cwd=house.git.path, check=0)
        fix = house.fix()
        house.git.branch("review", "cos-6.1")
        main = house.pick(fix, on="refs/heads/review")
        said = house.git.message(main).decode() + f"(cherry picked from commit {main})\nSigned-off-by: {ENGINEER}\n"
        house.git.branch("waits", "release-1")
        house.pick(fix, "release-1", message=said, on="refs/heads/waits")
        assert house.git.attempt("push", "-q", "origin", "waits:refs/for/release-1%topic=x").returncode == 0
        done = house.git.attempt("push", "-q", "origin", "waits:release-1")
        assert done.returncode != 0
        assert b"main-not-landed" in done.stdout + done.stderr

    def test_the_update_hook_guards_a_plain_server(self, house: House, server: Git) -> None:
        folder = server.path / "cosport"
        folder.mkdir()
        (folder / "cosport.toml").write_text(house.config)
        invoke("hook", "install", "--server", cwd=server.path, check=0)
        good = self.good(house)
        house.git("push", "-q", "origin", "main")
        assert house.git.attempt("push", "-q", "origin", "cos-6.1").returncode == 0
        assert server.sha("cos-6.1") == good
        message = house.git.message().decode()
        evil = message.replace("mm: fix it", "mm: $(touch pwned) \x1b[31m\u202e")
        bad = house.git.commit({FILE: LINES}, evil, branch="cos-6.1")
        done = house.git.attempt("push", "-q", "origin", "cos-6.1", "main:refs/heads/free;x")
        assert done.returncode != 0
        assert b"\x1b[31m" not in done.stderr
        assert server.sha("cos-6.1") == good != bad
        assert server.exists("refs/heads/free;x")
        assert not list(server.path.rglob("pwned"))

    def test_a_config_in_the_change_gains_nothing_and_a_wrong_one_is_refused(self, house: House, server: Git) -> None:
        server("fetch", "-q", str(house.git.path), "+refs/heads/*:refs/heads/*")
        blob = server("hash-object", "-w", "--stdin", stdin=house.config)
        tree = server("mktree", stdin=f"100644 blob {blob}\tcosport.toml\n")
        server("update-ref", "refs/meta/cosport", server("commit-tree", tree, "-m", "x"))
        invoke("hook", "install", "--server", cwd=server.path, check=0)
        lax = house.config.replace("[upstream]", '[presubmit.severity]\nkind-unknown = "off"\n[upstream]')
        house.git.commit({"cosport.toml": lax}, "loosen\n", branch="cos-6.1")
        assert house.git.attempt("push", "-q", "origin", "cos-6.1").returncode != 0
        for text, status in (("nonsense = 1\n", 1), (house.config + "\n# a remark\n", 0)):
            blob = house.git("hash-object", "-w", "--stdin", stdin=text)
            tree = house.git("mktree", stdin=f"100644 blob {blob}\tcosport.toml\n")
            new = house.git("commit-tree", tree, "-m", "x")
            done = house.git.attempt("push", "-q", "-f", "origin", f"{new}:refs/meta/cosport")
            assert bool(done.returncode) is bool(status), done.stderr

    def test_new_branches_and_deletions(self, house: House, server: Git) -> None:
        (server.path / "cosport").mkdir()
        (server.path / "cosport" / "cosport.toml").write_text(house.config)
        server("update-ref", "-d", "refs/heads/release-1")
        invoke("hook", "install", "--server", cwd=server.path, check=0)
        assert house.git.attempt("push", "-q", "origin", "release-1").returncode == 0
        assert house.git.attempt("push", "-q", "origin", ":release-1").returncode == 0

    @pytest.mark.parametrize("arguments", [
        ("update", "refs/heads/cos-6.1", "x", "y"), ("pre-push", "origin", "url"), ("commit-msg", "nosuch"),
    ])  # fmt: skip
    def test_wrong_input_is_2(self, house: House, arguments: tuple[str, ...]) -> None:
        answer = invoke("hook", *arguments, cwd=house.git.path, check=2, stdin="nonsense\n")
        assert "hint: " in answer.err


def test_a_hook_without_cosport_says_what_to_do(house: House) -> None:
    invoke("hook", "install", cwd=house.git.path, check=0)
    hook = house.git.path / ".git" / "hooks" / "commit-msg"
    hook.write_text(re.sub(r"^python=.*$", "python=/nonexistent", hook.read_text(), flags=re.MULTILINE))
    file = house.git.path / "m"
    file.write_text(GOOD)
    done = subprocess.run([str(hook), str(file)], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"install it again" in done.stderr


def test_every_help_ends_with_an_example(house: House) -> None:
    for name in ("install", "commit-msg", "pre-push", "update"):
        assert "Example:" in cosport("hook", name, "--help", cwd=house.git.path, check=0).out
