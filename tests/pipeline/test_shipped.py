"""The pipelines that ship do what they say, on a small kernel repository: real picks, checks, notes, site and QEMU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs import kernel
from tests.support import Git, cosport


@pytest.fixture
def repo(tmp_path: Path) -> Git:
    git = kernel.build(tmp_path / "kernel")
    cosport("init", cwd=git.path, check=0)
    return git


def run(git: Git, *args: str, check: int) -> dict[str, dict[str, Any]]:
    answer = cosport("pipeline", "run", *args, "--json", cwd=git.path, timeout=400)
    assert answer.code == check, answer.err
    return {job["name"]: job for job in answer.json()["jobs"]}


def test_a_fix_is_picked_checked_and_proven(repo: Git) -> None:
    fix = repo.sha("refs/remotes/upstream/master")
    # The smallest workload that boots a kernel; this repository holds no kernel to build.
    given = ("--set", f"fix={fix}", "--set", "bug=b/1", "--set", "note=Fixed it.", "--set", "workload=balloon-boot")
    jobs = run(repo, "backport-and-prove", *given, check=3)
    assert jobs["pick@cos-6.1"]["outputs"]["outcome"] == "picked"
    assert jobs["presubmit@cos-6.1"]["outputs"]["verdict"] in ("pass", "fail", "incomplete")
    assert jobs["build@cos-6.1"]["outputs"]["outcome"] == "unknown"
    assert "no defconfigs are configured for cos-6.1" in jobs["build@cos-6.1"]["what"]
    assert jobs["ready@cos-6.1"]["what"] == "build.outcome is unknown"  # which is no pass
    assert jobs["prove@cos-6.1"]["state"] == "error"  # no answer is no pass
    assert jobs["pick@cos-5.10"]["state"] == "failed"
    assert "conflicts in drivers/virtio/virtio_balloon.c" in jobs["pick@cos-5.10"]["what"]
    assert "cosport backport --continue --branch cos-5.10" in jobs["pick@cos-5.10"]["what"]
    shown = cosport("pipeline", "show", "backport-and-prove-1", cwd=repo.path, check=3)
    assert "hint: mend that, then try again what has no answer: cosport pipeline resume" in shown.err
    for job in ("build@cos-6.1", "prove@cos-6.1", "pick@cos-5.10"):
        assert f"{job}: {jobs[job]['what'].splitlines()[0]}" in shown.out
    assert jobs["prove@cos-5.10"]["state"] == "skipped"
    assert jobs["prove@cos-5.4"]["state"] == "skipped"


def test_what_is_missing_is_tried(repo: Git) -> None:
    jobs = run(repo, "nightly-missing", "--branch", "cos-6.1", "--branch", "cos-5.10", check=1)
    outcomes = {name.partition(":")[0]: job["outputs"].get("outcome", "") for name, job in jobs.items()}
    assert outcomes == {
        "try@cos-6.1": "picked", "pick@cos-6.1": "picked", "try@cos-5.10": "conflict", "pick@cos-5.10": "",
    }  # fmt: skip
    # No conflict waits for a person: it would hold up the branch's other fixes.
    assert cosport("backport", "--status", "--json", cwd=repo.path).json()["results"] == []


def test_a_release_is_told(repo: Git, tmp_path: Path) -> None:
    cosport("backport", "upstream/master", "--to", "cos-6.1", "--bug", "b/1", "--test", "none",
            "--release-note", "Fixed probing.", "--in-place", cwd=repo.path, check=0)  # fmt: skip
    given = ("--set", "range=cos-6.1~1..cos-6.1", "--set", f"site={tmp_path / 'site'}")
    jobs = run(repo, "release", *given, check=0)
    assert jobs["notes"]["outputs"]["entries"] == "1"
    for name, file in (("markdown", "notes.md"), ("html", "notes.html"), ("feed", "notes.atom")):
        assert "Fixed probing." in Path(jobs[name]["folder"], file).read_text(encoding="utf-8")
    assert jobs["vex"]["what"] == "notes.has-cves is no"
    assert (tmp_path / "site/index.html").is_file()


def test_the_balloon_is_measured(repo: Git) -> None:
    # One boot of each arm: too few for a verdict, and whatever they come to, the pipeline has done all that it says.
    answer = cosport("pipeline", "run", "balloon", "--set", "repeats=1", "--json", cwd=repo.path, timeout=900)
    assert answer.code in (0, 1), answer.err
    jobs = {job["name"]: job for job in answer.json()["jobs"]}
    assert jobs["smoke"]["outputs"]["verdict"] == "holds"
    assert jobs["balloon"]["state"] in ("passed", "failed")
    assert jobs["balloon"]["outputs"]["verdict"]
    result = json.loads((Path(jobs["balloon"]["folder"]) / "result/result.json").read_bytes())
    assert {run["arm"] for run in result["runs"]} == {"without", "with"}
    assert (Path(jobs["balloon"]["folder"]) / "result/report.html").is_file()


def test_a_guest_boots_as_a_job(repo: Git, tmp_path: Path) -> None:
    file = tmp_path / "smoke.yaml"
    file.write_text(
        "pipeline: smoke\njobs:\n  smoke:\n    stage: regress\n    with: {workload: balloon-boot}\n"
        "    resources: {memory: 1 GiB, qemu: 1}\n    time: 5 min\n",
        encoding="utf-8",
    )
    jobs = run(repo, str(file), check=0)
    assert jobs["smoke"]["outputs"]["verdict"] == "holds"
    assert (Path(jobs["smoke"]["folder"]) / "result/report.html").is_file()
