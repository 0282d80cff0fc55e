"""From a fix to a vote on a real Gerrit, on a cluster; the token is seen by those that use it, and by nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cosport.gerrit.client import path
from tests.gerrit.conftest import gerrit, team  # noqa: F401 - fixtures
from tests.pipeline.lab import lab
from tests.support import cosport

if TYPE_CHECKING:
    import pytest

    from tests.gerrit.team import Team

PIPELINE = """
pipeline: review
inputs: {{fix: {{}}}}
matrix: {{branches: [cos-5.4]}}
jobs:
  pick:
    stage: backport
    with: {{fix: "${{inputs.fix}}", to: "${{branch}}", bug: b/123, test: booted in QEMU, release-note: Fixed a hang.}}
    where: worker
  presubmit:
    stage: presubmit
    with: {{revision: "${{jobs.pick.commit}}", branch: "${{branch}}"}}
    needs: [pick]
    where: worker
  away:
    run: [sh, -c, "env"]
    stdout: env
    needs: [pick]
  here:
    run: [env]
    stdout: env
    needs: [pick]
    where: here
  push:
    stage: push
    with: {{fix: "${{inputs.fix}}", to: "${{branch}}", bug: b/123, test: booted in QEMU, release-note: Fixed a hang.}}
    needs: [presubmit, away, here]
  vote:
    stage: vote
    with: {{config: "{config}", dir: "{folder}"}}
    needs: [push]
    once: true
"""


def test_a_fix_is_picked_judged_pushed_and_voted_on_and_the_token_stays_home(
    team: Team,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team.init_bot()
    team.admin.put(path("groups", "Presubmit Bots", "members", team.engineer.number))  # one token pushes and votes
    fix = team.fix()
    team.push(f"+{team.git.sha('refs/remotes/upstream/master')}:refs/heads/upstream")
    file = tmp_path / "review.yaml"
    file.write_text(PIPELINE.format(config=team.bot_config, folder=team.bot_dir), encoding="utf-8")
    token = team.engineer.credentials.token
    (tmp_path / "engineer.token").unlink()
    (tmp_path / "bot.token").unlink()
    monkeypatch.setenv("COSPORT_GERRIT_TOKEN", f"{team.engineer.credentials.user}:{token}")
    with lab(tmp_path / "lab", [("--jobs", "1")]) as made:
        options = ("--set", f"fix={fix}", "--scheduler", made.address, "--json")
        answer = cosport("pipeline", "run", str(file), *options, cwd=team.git.path, timeout=180)
        worker_environments = b"".join(Path(f"/proc/{pid}/environ").read_bytes() for pid in made.worker_pids())
    assert answer.code == 0, answer.out + answer.err
    jobs = {job["job"]: job for job in answer.json()["jobs"]}
    pushed = jobs["push"]["outputs"]
    assert (pushed["review"], pushed["commit"]) == ("created", jobs["pick"]["outputs"]["commit"])
    change = team.change(int(pushed["change"]))
    assert change.current == pushed["commit"]
    assert change.votes_of(team.engineer.number)["Verified"] == 1
    assert jobs["vote"]["outputs"] == {"open": "1", "judged": "1", "posted": "1"}
    # Whoever looks for the token finds it in no environment of a worker or of another job, and in no file of the run.
    assert b"PATH=" in worker_environments
    assert token.encode() not in worker_environments
    for job in ("away", "here"):
        said = Path(jobs[job]["folder"], "env").read_text(encoding="utf-8")
        assert "PATH=" in said
        assert token not in said
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert any(each.name == "journal.sqlite" for each in files)
    assert [each for each in files if token.encode() in each.read_bytes()] == []
    assert token not in answer.out + answer.err
