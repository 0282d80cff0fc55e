"""What the site says of a branch that did not pick a fix, held against what `cosport plan` says of the same pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import Git, cosport

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[upstream]
ref = "refs/heads/main"
[message]
profile = "plain"
[[branch]]
name = "picked"
[[branch]]
name = "newer"
[[branch]]
name = "older"
[[branch]]
name = "slow"
[[branch]]
name = "release"
kind = "release"
main = "slow"
[[branch]]
name = "follows"
kind = "release"
main = "picked"
"""


def cell(page: str, branch: str) -> str:
    """A branch's row in the table of a fix's page."""
    return page.partition(f'<th scope="row">{branch}</th>')[2].partition("</tr>")[0]


@pytest.mark.parametrize("flags", [(), ("--no-missing",)])
def test_a_branch_that_picked_nothing_is_told_of_as_the_plan_does(tmp_path: Path, flags: tuple[str, ...]) -> None:
    git = Git.init(tmp_path / "kernel")
    root = git.commit({"a": "1\n", "b": "1\n"}, "mm: start")
    git.branch("older", root)
    fault = git.commit({"a": "2\n"}, "mm: bring a fault")
    for name in ("picked", "slow", "release", "follows"):
        git.branch(name, fault)
    fix = git.commit({"a": "3\n"}, f'mm: mend it\n\nFixes: {fault[:12]} ("mm: bring a fault")\n')
    silent = git.commit({"b": "2\n"}, "mm: mend something that it does not name\n")
    git.branch("newer", silent)
    git("tag", "newer-1", silent)
    for sha, files in ((fix, {"a": "3\n"}), (silent, {"a": "3\n", "b": "2\n"})):
        git.commit(files, f"mm: mend\n\n(cherry picked from commit {sha})\n", branch="picked")
    config = git.path / ".git/cosport"
    config.mkdir()
    (config / "cosport.toml").write_text(CONFIG, encoding="utf-8")
    cosport("site", str(tmp_path / "site"), *flags, cwd=git.path, check=0)
    page = (tmp_path / f"site/fix/{fix}.html").read_text(encoding="utf-8")
    assert ">has it<" in cell(page, "newer")
    assert "is an ancestor" in cell(page, "newer")
    assert ">newer-1<" in cell(page, "newer")
    assert ">not affected<" in cell(page, "older")
    assert f"it fixes {fault[:12]}" in cell(page, "older")
    assert ">waits for main<" in cell(page, "release")
    assert "not in slow yet" in cell(page, "release")
    lacking = ">affected<" if flags else ">missing<"
    assert lacking in cell(page, "slow")
    assert lacking in cell(page, "follows")  # its main branch has it: nothing to wait for
    other = (tmp_path / f"site/fix/{silent}.html").read_text(encoding="utf-8")
    assert "nothing known" in cell(other, "older")
    plan = cosport("plan", fix, silent, "--json", cwd=git.path).json()
    said = {(each["upstream"], each["branch"]): each["outcome"] for each in plan["results"]}
    shown = {"has it": "already-applied", "not affected": "not-affected", "waits for main": "waits-for-main"}
    for sha, text in ((fix, page), (silent, other)):
        for branch in ("newer", "older", "slow", "release", "follows"):
            words = [word for each, word in shown.items() if f">{each}<" in cell(text, branch)]
            assert words == [word for word in shown.values() if word == said[sha, branch]], (branch, said)


def test_a_pick_that_does_not_say_so_has_landed_as_the_plan_knows(tmp_path: Path) -> None:
    git = Git.init(tmp_path / "kernel")
    root = git.commit({"a": "1\n"}, "mm: start")
    for name in ("picked", "newer", "older", "slow", "release", "follows"):
        git.branch(name, root)
    when = [f"{1_600_000_000 + 86_400 * day} +0000" for day in range(1, 9)]
    by_time = git.commit({"b": "1\n"}, "mm: mend b", date=when[0])
    by_patch = git.commit({"c": "1\n"}, "mm: mend c", date=when[1])
    undone = git.commit({"d": "1\n"}, "mm: mend d", date=when[2])
    other = git.commit({"e": "1\n"}, "mm: mend e", date=when[3])
    git.commit({"b": "adapted\n"}, "mm: mend b", branch="slow", date=when[0])
    git.commit({"c": "1\n"}, "mm: mend c", branch="slow", date=when[4])
    taken = git.commit({"d": "1\n"}, "mm: mend d", branch="slow", date=when[2])
    git.commit({"d": None}, f'Revert "mm: mend d"\n\nThis reverts commit {taken}.\n', branch="slow", date=when[5])
    git.commit({"e": "another\n"}, "mm: mend e", branch="slow", date=when[6])
    config = git.path / ".git/cosport"
    config.mkdir()
    (config / "cosport.toml").write_text(CONFIG, encoding="utf-8")
    cosport("site", str(tmp_path / "site"), cwd=git.path, check=0)
    for sha, word, why in (
        (by_time, "landed", "has its subject, author and second"),
        (by_patch, "landed", "has its subject and its patch-id"),
        (undone, "reverted", "; reverted by"),
    ):
        shown = cell((tmp_path / f"site/fix/{sha}.html").read_text(encoding="utf-8"), "slow")
        assert f">{word}<" in shown
        assert why in shown
    assert not (tmp_path / f"site/fix/{other}.html").exists()
    front = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert '<p class="big">2 <span>landed</span></p>' in front.partition("<h2>slow</h2>")[2].partition("</li>")[0]
    plan = cosport("plan", by_time, by_patch, undone, other, "--to", "slow", "--json", cwd=git.path).json()
    applied = [each["outcome"] == "already-applied" for each in plan["results"]]
    assert applied == [True, True, False, False]
