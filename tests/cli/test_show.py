from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, cosport, invoke

if TYPE_CHECKING:
    from tests.support import Git

CONFIG = """\
[upstream]
ref = "refs/heads/main"
[[branch]]
name = "cos-5.4"
[[branch]]
name = "cos-5.10"
"""


@pytest.fixture
def shas(git: Git) -> dict[str, str]:
    """A bug, its fix, the fix's fix, and the fix backported to cos-5.4, released there as v5.4.2."""
    git.commit({"a": "0\n"}, "start")
    git.branch("cos-5.10")
    bug = git.commit({"a": "bug\n"}, "a: speed it up")
    git.branch("cos-5.4")
    fix = git.commit(
        {"a": "good\n"}, f'a: slow it down\n\nFixes: {bug[:12]} ("a: speed it up")\nCc: stable@vger.kernel.org # 5.4+\n'
    )
    better = git.commit({"a": "better\n"}, f'a: not that slow\n\nFixes: {fix[:12]} ("a: slow it down")\n')
    git("tag", "v5.4.1", "cos-5.4")
    carrier = git.commit({"a": "good 5.4\n"}, f"a: slow it down\n\ncommit {fix} upstream.\n", branch="cos-5.4")
    git("tag", "-a", "-m", "v5.4.2", "v5.4.2", carrier)
    git.commit({"b": "x\n"}, "later", branch="cos-5.4")
    git("tag", "v5.4.3", "cos-5.4")
    return {"bug": bug, "fix": fix, "better": better, "carrier": carrier}


def configured(git: Git) -> None:
    folder = git.path / ".git/cosport"
    folder.mkdir(exist_ok=True)
    (folder / "cosport.toml").write_text(CONFIG)


def test_it_tells_what_a_commit_fixes_what_fixes_it_and_who_holds_it(git: Git, shas: dict[str, str]) -> None:
    configured(git)
    known = invoke("show", shas["fix"][:12], "--json", cwd=git.path, check=0).json()
    assert known["schema"] == "cosport.show/1"
    assert known["sha"] == shas["fix"]
    assert [each["sha"] for each in known["fixes"]] == [shas["bug"]]
    assert [(each["sha"], each["kind"]) for each in known["followups"]] == [(shas["better"], "fixes")]
    assert known["stable"] == ["5.4+"]
    first, second = known["branches"]
    assert (first["branch"], first["applied"], first["commit"], first["since"]) == (
        "cos-5.4", True, shas["carrier"], "v5.4.2",
    )  # fmt: skip
    assert first["evidence"][0]["kind"] == "trailer"
    assert (second["branch"], second["applied"], second["affected"]) == ("cos-5.10", False, "no")


def test_unconfigured_it_tells_of_the_branches_and_tags_that_hold_the_commit(git: Git, shas: dict[str, str]) -> None:
    git("update-ref", "refs/remotes/origin/topic", shas["carrier"])
    git.branch("unrelated", "cos-5.10")
    loose = git.commit({"c": "1\n"}, "loose", branch="loose", parents=[shas["carrier"]])
    git("tag", "loose-1", loose)
    git("update-ref", "-d", "refs/heads/loose")
    known = invoke("show", shas["fix"], "--json", cwd=git.path, check=0).json()
    assert {each["branch"] for each in known["branches"]} == {"main", "cos-5.4", "origin/topic", "loose-1"}
    assert all(each["applied"] for each in known["branches"])


def test_of_many_refs_the_same_ones_are_found(git: Git, shas: dict[str, str]) -> None:
    before = invoke("show", shas["fix"], "--json", cwd=git.path, check=0).json()
    for number in range(20):
        git.commit({"z": f"{number}\n"}, f"other {number}", branch=f"other-{number}", parents=[git.sha("cos-5.10")])
    merge = git.commit({}, "merge", branch="merged", parents=[git.sha("cos-5.10"), shas["carrier"]])
    after = invoke("show", shas["fix"], "--json", cwd=git.path, check=0).json()
    extra = [each for each in after["branches"] if each["tip"] == merge]
    assert [each["commit"] for each in extra] == [shas["carrier"]]
    assert [each for each in after["branches"] if each["tip"] != merge] == before["branches"]


def test_the_table_tells_the_same(git: Git, shas: dict[str, str]) -> None:
    configured(git)
    text = invoke("show", shas["fix"], cwd=git.path, check=0).out
    assert f'fixes {shas["bug"][:12]} ("a: speed it up")' in text
    assert f'fixed by {shas["better"][:12]} ("a: not that slow")' in text
    assert "no, and is not affected" in text
    assert "v5.4.2" in text


def test_the_quick_way_and_typers_give_the_same(git: Git, shas: dict[str, str]) -> None:
    quick = cosport("show", shas["fix"], "--json", "--repo", str(git.path), cwd=ROOT, check=0)
    # What stands behind "--" is left to Typer.
    typer = cosport("show", "--json", "--repo", str(git.path), "--", shas["fix"], cwd=ROOT, check=0)
    assert quick.out == typer.out
    assert "Example" in cosport("show", "--help", cwd=ROOT, check=0).out
    assert cosport("show", cwd=ROOT).code == 2


@pytest.mark.parametrize("name", ["nothing-of-that-name", "0123456789", "-x"])
def test_an_unknown_name_is_wrong_usage(git: Git, shas: dict[str, str], name: str) -> None:
    answer = cosport("show", name, cwd=git.path, check=2)
    assert answer.err.startswith("cosport: ")
    assert answer.out == ""


def test_any_revision_can_be_named(git: Git, shas: dict[str, str]) -> None:
    assert invoke("show", "main~1", "--json", cwd=git.path, check=0).json()["sha"] == shas["fix"]


def test_the_quick_way_loads_nothing_heavy(git: Git, shas: dict[str, str]) -> None:
    code = (
        "import sys\nfrom cosport.__main__ import dispatch\n"
        f"assert dispatch(['show', {shas['fix']!r}]) == 0\n"
        "heavy = {'typer', 'click', 'rich', 'jinja2', 'git', 'unidiff', 'hashlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=git.path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_index_counts_and_rebuilds(git: Git, shas: dict[str, str]) -> None:
    first = invoke("index", "--json", cwd=git.path, check=0).json()
    again = invoke("index", "--json", cwd=git.path, check=0).json()
    anew = invoke("index", "--rebuild", "--json", cwd=git.path, check=0).json()
    assert first["commits"] == first["added"] == anew["added"] == 6
    assert again["added"] == 0
    assert "6 commits, 0 of them new" in invoke("index", cwd=git.path, check=0).out
