"""The stage `build` compiles what a commit touches, here and on a worker, and what comes out decides what follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipeline.lab import lab
from tests.presubmit.test_build import DEFCONFIG, FILES
from tests.support import cosport

if TYPE_CHECKING:
    from tests.support import Git

BRANCH = "cos-6.1"
PIPELINE = """
pipeline: build
inputs: {commit: {}}
matrix: {}
jobs:
  build:
    stage: build
    with: {revision: "${inputs.commit}", branch: "${branch}"}
  next:
    run: ["true"]
    needs: [build]
    after: ended
    when: {build.outcome: [built, not-applicable]}
"""


@pytest.fixture
def repo(git: Git, tmp_path: Path) -> Git:
    git.commit(FILES, "COS: a tree that builds", branch=BRANCH)
    (tmp_path / "build.yaml").write_text(PIPELINE, encoding="utf-8")
    return git


def configure(git: Git, defconfigs: str = f'["{DEFCONFIG}"]') -> None:
    folder = git.path / ".git" / "cosport"
    folder.mkdir(exist_ok=True)
    text = f'[upstream]\nref = "refs/heads/{BRANCH}"\n[[branch]]\nname = "{BRANCH}"\ndefconfigs = {defconfigs}\n'
    (folder / "cosport.toml").write_text(text, encoding="utf-8")


def change(git: Git, text: str, file: str = "mm/oom.c") -> str:
    return git.commit({file: text}, "COS: mm: change", branch="refs/changes/1", parents=[git.sha(BRANCH)])


def run(git: Git, folder: Path, commit: str, *options: str, check: int) -> dict[str, dict[str, Any]]:
    given = ("pipeline", "run", str(folder / "build.yaml"), "--set", f"commit={commit}", *options, "--json")
    answer = cosport(*given, cwd=git.path, check=check, timeout=120)
    return {job["job"]: job for job in answer.json()["jobs"]}


def test_what_compiles_goes_on_and_what_does_not_stops(repo: Git, tmp_path: Path) -> None:
    configure(repo)
    good = run(repo, tmp_path, change(repo, "int oom(void) { return 2; }\n"), check=0)
    assert (good["build"]["state"], good["build"]["outputs"]["outcome"]) == ("passed", "built")
    assert good["next"]["state"] == "passed"
    bad = run(repo, tmp_path, change(repo, "int oom(void) { return two; }\n"), check=1)
    assert (bad["build"]["state"], bad["build"]["outputs"]["outcome"]) == ("failed", "failed")
    assert bad["next"]["what"] == "build.outcome is failed"
    report = (Path(bad["build"]["folder"]) / "document.json").read_text(encoding="utf-8")
    assert "'two' undeclared" in report
    nothing = run(repo, tmp_path, change(repo, "text\n", "README"), check=0)
    assert nothing["build"]["outputs"]["outcome"] == "not-applicable"


def test_what_cannot_be_built_is_no_pass(repo: Git, tmp_path: Path) -> None:
    configure(repo, "[]")
    jobs = run(repo, tmp_path, change(repo, "int oom(void) { return 2; }\n"), check=1)
    assert (jobs["build"]["state"], jobs["build"]["outputs"]["outcome"]) == ("failed", "unknown")


def test_a_branch_that_is_broken_itself_is_told(repo: Git, tmp_path: Path) -> None:
    configure(repo)
    repo.commit({"mm/oom.c": "int oom(void) { return two; }\n"}, "COS: break it", branch=BRANCH,
                parents=[repo.sha(BRANCH)])  # fmt: skip
    jobs = run(repo, tmp_path, change(repo, "int oom(void) { return three; }\n"), check=0)
    assert (jobs["build"]["state"], jobs["build"]["outputs"]["outcome"]) == ("passed", "broken-before")


def test_a_worker_builds_in_one_place_for_all_jobs(repo: Git, tmp_path: Path, seal: Path) -> None:
    configure(repo)
    with lab(tmp_path / "lab", [("--jobs", "1")]) as made:
        for number in (2, 3):
            commit = change(repo, f"int oom(void) {{ return {number}; }}\n")
            jobs = run(repo, tmp_path, commit, "--scheduler", made.address, check=0)
            assert jobs["build"]["outputs"]["outcome"] == "built"
        commit = change(repo, "int oom(void) { return two; }\n")
        jobs = run(repo, tmp_path, commit, "--scheduler", made.address, check=1)
        assert jobs["build"]["outputs"]["outcome"] == "failed"
    places = [each for each in Path(seal, ".cache/cosport/objects").iterdir() if each.is_dir()]
    assert len(places) == 1


def test_a_range_without_commits_has_nothing_to_compile(repo: Git, tmp_path: Path) -> None:
    configure(repo)
    jobs = run(repo, tmp_path, f"{BRANCH}..{BRANCH}", check=0)
    assert (jobs["build"]["state"], jobs["build"]["outputs"]["outcome"]) == ("passed", "not-applicable")
    assert jobs["next"]["state"] == "passed"
