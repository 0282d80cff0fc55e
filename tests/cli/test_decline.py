from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.cli import schema
from tests.support import cosport, invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Git

CONFIG = '[upstream]\nref = "refs/heads/main"\n[[branch]]\nname = "cos-5.4"\n'
SHARED = "refs/meta/cosport"


@pytest.fixture
def fix(git: Git) -> str:
    """The fix of a bug that cos-5.4 holds."""
    bug = git.commit({"a": "bug\n"}, "a: bug")
    git.branch("cos-5.4")
    (git.path / ".git/cosport").mkdir()
    (git.path / ".git/cosport/cosport.toml").write_text(CONFIG)
    return git.commit({"a": "good\n"}, f'a: fix\n\nFixes: {bug[:12]} ("a: bug")\n')


def share(git: Git) -> None:
    """Put the configuration on the shared ref."""
    (git.path / ".git/cosport/cosport.toml").unlink()
    blob = git("hash-object", "-w", "--stdin", stdin=CONFIG)
    tree = git("mktree", stdin=f"100644 blob {blob}\tcosport.toml\n")
    git("update-ref", SHARED, git("commit-tree", tree, "-m", "Configure"))


def put(git: Git, *args: str, check: int = 0) -> str:
    return invoke("decline", *args, "--branch", "cos-5.4", cwd=git.path, check=check).err


def local(git: Git) -> Path:
    return git.path / ".git/cosport/declines.toml"


def lacking(git: Git) -> tuple[list[Any], list[Any]]:
    code = invoke("missing", "--no-try", "--json", cwd=git.path)
    (branch,) = code.json()["branches"]
    assert code.code == (1 if branch["missing"] else 0)
    return branch["missing"], branch["declined"]


def test_a_declined_fix_is_missing_no_more_and_shown_on_demand(git: Git, fix: str) -> None:
    put(git, fix[:12], "--reason", "no such hardware", "--until", "2999-01-31")
    missing, (aside,) = lacking(git)
    assert missing == []
    assert aside["sha"] == fix
    assert aside["verdict"] == "declined"
    decline = aside["decline"]
    assert (decline["reason"], decline["until"], decline["back"]) == ("no such hardware", "2999-01-31", None)
    assert decline["by"] == "Kernel Engineer <engineer@example.com>"
    out = invoke("missing", "--declined", cwd=git.path, check=0).out
    assert "no such hardware" in out
    assert "1 put aside" in invoke("missing", cwd=git.path, check=0).out


def test_the_file_lies_beside_the_configuration(git: Git, fix: str, tmp_path: Path) -> None:
    put(git, fix, "--reason", "r")
    (entry,) = tomllib.loads(local(git).read_text())["decline"]
    assert (entry["commit"], entry["branch"], entry["reason"]) == (fix, "cos-5.4", "r")
    other = tmp_path / "team" / "config.toml"
    other.parent.mkdir()
    other.write_text(CONFIG)
    put(git, fix, "--reason", "r", "--config", str(other))
    assert (other.parent / "declines.toml").exists()


def test_on_the_shared_ref_it_is_a_commit_that_can_be_pushed(git: Git, fix: str) -> None:
    share(git)
    state = git.user_state()
    err = put(git, fix, "--reason", "no such hardware")
    assert f"git push REMOTE {SHARED}:{SHARED}" in err
    assert git.subjects(SHARED) == [f"Decline {fix[:12]} for cos-5.4", "Configure"]
    assert git("ls-tree", "--name-only", SHARED).split() == ["cosport.toml", "declines.toml"]
    assert not local(git).exists()
    assert git.user_state() == state
    assert lacking(git)[0] == []
    git.fsck()


def test_a_shared_decision_counts_beside_a_configuration_of_ones_own(git: Git, fix: str) -> None:
    share(git)
    put(git, fix, "--reason", "shared")
    (git.path / ".git/cosport/cosport.toml").write_text(CONFIG)
    assert lacking(git)[0] == []


def test_two_at_once_both_get_in(git: Git, fix: str) -> None:
    import threading

    share(git)
    second = git.commit({"a": "better\n"}, f'a: more\n\nFixes: {fix[:12]} ("a: fix")\n')
    invoke("index", cwd=git.path, check=0)
    codes: list[int] = []

    def one(sha: str) -> None:
        codes.append(cosport("decline", sha, "--branch", "cos-5.4", "--reason", "r", cwd=git.path).code)

    threads = [threading.Thread(target=one, args=(sha,)) for sha in (fix, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    text = git.read(SHARED, "declines.toml").decode()
    assert {each["commit"] for each in tomllib.loads(text)["decline"]} == {fix, second}


def test_a_new_follow_up_brings_it_back_and_says_so(git: Git, fix: str) -> None:
    put(git, fix, "--reason", "no such hardware")
    follow = git.commit({"a": "better\n"}, f'a: fix the fix\n\nFixes: {fix[:12]} ("a: fix")\n')
    missing, aside = lacking(git)
    assert [each["sha"] for each in missing] == [fix, follow]
    assert aside == []
    assert follow[:12] in missing[0]["decline"]["back"]
    err = invoke("missing", cwd=git.path, check=1).err
    assert f"{fix[:12]} is back" in err
    assert "no such hardware" in err
    put(git, fix, "--reason", "still none")  # no --force: the old decision holds no more
    assert lacking(git)[0] == []


def test_the_end_of_a_decision_brings_it_back(git: Git, fix: str) -> None:
    local(git).write_text(f'[[decline]]\ncommit = "{fix}"\nbranch = "cos-5.4"\nreason = "r"\nuntil = 2020-01-01\n')
    (missing,), _ = lacking(git)
    assert "2020-01-01" in missing["decline"]["back"]


def test_a_decision_is_replaced_only_on_demand(git: Git, fix: str) -> None:
    put(git, fix, "--reason", "one")
    err = put(git, fix, "--reason", "two", check=2)
    assert "declined" in err
    assert "one" in err
    assert "--force" in err
    put(git, fix, "--reason", "two", "--force")
    assert [each["reason"] for each in tomllib.loads(local(git).read_text())["decline"]] == ["two"]


def test_a_decision_can_be_taken_back(git: Git, fix: str) -> None:
    put(git, fix, "--reason", "one")
    put(git, fix, "--undo")
    assert [each["sha"] for each in lacking(git)[0]] == [fix]
    assert "not declined" in put(git, fix, "--undo", check=2)


def test_what_the_branch_holds_is_not_declined_by_mistake(git: Git, fix: str) -> None:
    git.commit({"a": "good\n"}, f"a: fix\n\ncommit {fix} upstream.\n", branch="cos-5.4")
    assert "cos-5.4 holds" in put(git, fix, "--reason", "r", check=2)
    assert not local(git).exists()
    put(git, fix, "--reason", "r", "--force")


def test_named_by_a_backport_the_upstream_commit_is_declined(git: Git, fix: str) -> None:
    git.branch("cos-5.10", "cos-5.4")
    pick = git.commit({"a": "good\n"}, f"a: fix\n\ncommit {fix} upstream.\n", branch="cos-5.10")
    put(git, pick, "--reason", "r")
    assert tomllib.loads(local(git).read_text())["decline"][0]["commit"] == fix


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--reason", " "], "needs its reason"),
        (["--reason", "r", "--until", "tomorrow"], "no date"),
        (["--reason", "r", "--until", "2020-01-01"], "is over"),
        (["--undo", "--reason", "r"], "--undo"),
    ],
)
def test_wrong_usage_is_told(git: Git, fix: str, args: list[str], expected: str) -> None:
    assert expected in put(git, fix, *args, check=2)
    assert not local(git).exists()


def test_a_commit_that_upstream_lacks_is_refused(git: Git, fix: str) -> None:
    own = git.commit({"b": "own\n"}, "own", branch="topic")
    assert "not in upstream" in put(git, own, "--reason", "r", check=2)


def test_a_bare_commit_is_no_branch(git: Git, fix: str) -> None:
    told = invoke("decline", fix, "--branch", git.sha("cos-5.4"), "--reason", "r", cwd=git.path, check=2)
    assert "not a branch" in told.err


def test_a_damaged_file_is_told_of_and_not_replaced(git: Git, fix: str) -> None:
    local(git).write_text("[[decline]\n")
    assert "declines.toml" in put(git, fix, "--reason", "r", check=2)
    assert "declines.toml" in invoke("missing", cwd=git.path, check=2).err
    assert local(git).read_text() == "[[decline]\n"


def test_its_document_is_what_the_schema_says(git: Git, fix: str) -> None:
    made = invoke("decline", fix, "--branch", "cos-5.4", "--reason", "r", "--json", cwd=git.path, check=0).json()
    undone = invoke("decline", fix, "--branch", "cos-5.4", "--undo", "--json", cwd=git.path, check=0).json()
    for each in (made, undone):
        jsonschema.Draft202012Validator(schema.of("decline")).validate(each)
    assert made["decline"]["commit"] == fix
    assert undone["decline"] is None
