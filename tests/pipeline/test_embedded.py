"""Pipelines run in one process: conditions, results, retries, limits, reuse, Ctrl-C and kills, with the real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from cosport.cli import schema
from cosport.pipeline import reading, start
from cosport.pipeline.stages import STAGES
from tests.docs import kernel
from tests.support import Answer, Git, cosport

if TYPE_CHECKING:
    from collections.abc import Callable

FIX = "refs/remotes/upstream/master"


@pytest.fixture
def repo(tmp_path: Path) -> Git:
    git = kernel.build(tmp_path / "kernel")
    cosport("init", cwd=git.path, check=0)
    return git


@pytest.fixture
def run(repo: Git, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def start(text: str, *args: str, check: int = 0) -> dict[str, Any]:
        return document(attempt(repo, tmp_path, text, *args), check)

    return start


def attempt(repo: Git, folder: Path, text: str, *args: str) -> Answer:
    file = folder / "p.yaml"
    file.write_text(text, encoding="utf-8")
    return cosport("pipeline", "run", str(file), "--json", *args, cwd=repo.path)


def document(answer: Answer, check: int) -> dict[str, Any]:
    assert answer.code == check, answer.err
    found: dict[str, Any] = answer.json()
    return {**found, "by_name": {job["name"]: job for job in found["jobs"]}}


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: job["state"] for name, job in found["by_name"].items()}


PICKS = """
pipeline: picks
inputs:
  fix: {help: the upstream commit}
matrix: {}
jobs:
  pick:
    stage: backport
    with: {fix: "${inputs.fix}", to: "${branch}", bug: b/1, test: none, release-note: none}
  look:
    run: [git, "--git-dir=${repo}", cat-file, -p, "${jobs.pick.commit}"]
    needs: [pick]
    when: {pick.outcome: [picked]}
  report:
    run: [echo, done]
    once: true
    after: ended
    needs: [pick, look]
"""


def test_a_matrix_runs_each_branch_for_itself(run: Callable[..., dict[str, Any]], repo: Git) -> None:
    fix = repo.sha(FIX)
    found = run(PICKS, "--set", f"fix={fix}", check=1)
    assert states(found) == {
        "pick@cos-6.1": "passed", "pick@cos-5.10": "failed", "pick@cos-5.4": "passed", "pick@release-R113": "passed",
        "look@cos-6.1": "passed", "look@cos-5.10": "skipped", "look@cos-5.4": "skipped", "look@release-R113": "skipped",
        "report": "passed",
    }  # fmt: skip
    picked = found["by_name"]["pick@cos-6.1"]
    assert picked["outputs"]["outcome"] == "picked"
    assert repo.sha(picked["outputs"]["ref"]) == picked["outputs"]["commit"]
    log = Path(found["by_name"]["look@cos-6.1"]["folder"], "log.txt").read_text(encoding="utf-8")
    assert f"(cherry picked from commit {fix}" in log
    assert found["by_name"]["look@cos-5.10"]["what"] == "pick@cos-5.10 failed"


PATHS = """
pipeline: p
inputs: {site: {}, file: {path: true, default: one.txt}, word: {default: one.txt}}
matrix: {branches: [cos-6.1]}
jobs:
  site: {stage: site, with: {folder: "${inputs.site}"}, once: true}
  look: {run: [printf, "%s ", "${inputs.file}", "${inputs.word}"], stdout: out, once: true}
"""


def test_paths_count_from_where_the_command_was_given(repo: Git, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    file = tmp_path / "p.yaml"
    file.write_text(PATHS, encoding="utf-8")
    command = ["pipeline", "run", str(file), "--repo", str(repo.path), "--set", "site=../pages", "--json"]
    found = document(cosport(*command, cwd=tmp_path / "here"), 0)
    assert (tmp_path / "pages/index.html").is_file()
    said = Path(found["by_name"]["look"]["folder"], "out").read_text(encoding="utf-8")
    assert said == f"{tmp_path}/here/one.txt one.txt "


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("tree", "linux", True),
        ("with", "kernel/a.ko", True),
        ("with", "v6.1", False),  # there is no such file
        ("workload", "own.yaml", True),
        ("workload", "balloon", False),  # the folder of that name is written ./balloon
        ("profile", "small", False),
    ],
)
def test_a_name_is_a_path_where_it_looks_like_one_and_is_there(
    tmp_path: Path, key: str, value: str, path: bool
) -> None:
    for name in ("kernel/a.ko", "own.yaml", "balloon/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    given = {"workload": "balloon", key: "${inputs.x}"}
    text = f"pipeline: p\ninputs: {{x: {{}}}}\njobs:\n  a: {{stage: regress, with: {json.dumps(given)}}}\n"
    found = start.inputs(reading.parse(text, "f"), {"x": value}, tmp_path)
    assert found == {"x": str(tmp_path / value) if path else value}


def test_a_report_on_what_had_no_answer_is_made_anew_by_resume(
    run: Callable[..., dict[str, Any]], repo: Git, tmp_path: Path
) -> None:
    probe = f"test -e {tmp_path}/mended || {{ echo no disk; exit 75; }}"
    first = run(
        f"""
pipeline: p
jobs:
  shaky: {{run: [sh, -c, "{probe}"], retries: 0}}
  report: {{run: [echo, "${{jobs.shaky.state}}"], needs: [shaky], after: ended, stdout: out}}
  other: {{run: [sh, -c, "echo x >> {tmp_path}/other"]}}
""",
        check=3,
    )
    assert first["by_name"]["shaky"]["what"] == "no disk"
    (tmp_path / "mended").touch()
    again = document(cosport("pipeline", "resume", "p-1", "--json", cwd=repo.path), 0)
    assert Path(again["by_name"]["report"]["folder"], "out").read_text(encoding="utf-8") == "passed\n"
    assert len(again["by_name"]["report"]["attempts"]) == 2
    assert (tmp_path / "other").read_text(encoding="utf-8") == "x\n"


def test_an_argument_left_empty_is_none() -> None:
    argv = STAGES["regress"].argv({"workload": "balloon", "mode": ""})
    assert not [each for each in argv if each.startswith("--mode")]


def test_the_same_inputs_are_answered_once(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    job = f"{{run: [sh, -c, 'echo $1 >> {tmp_path}/n', '-', '${{inputs.x}}']}}"
    text = f"pipeline: p\ninputs: {{x: {{}}}}\njobs:\n  a: {job}\n"
    first = run(text, "--set", "x=1")
    again = run(text, "--set", "x=1")
    assert again["by_name"]["a"]["reused"] == first["run"]
    assert Path(again["by_name"]["a"]["folder"], "log.txt").exists()
    run(text, "--set", "x=2")
    run(text, "--set", "x=1", "--fresh")
    assert (tmp_path / "n").read_text(encoding="utf-8").split() == ["1", "2", "1"]


def test_ends_are_told_apart(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    once = f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; exit 75; }}"
    found = run(
        f"""
pipeline: p
jobs:
  never: {{run: ["false"]}}
  slow: {{run: [sleep, "60"], time: 1 s}}
  absent: {{run: [no-such-program]}}
  shaky: {{run: [sh, -c, "{once}"], retries: 1}}
  hopeless: {{run: [sh, -c, "exit 75"], retries: 0}}
  dash: {{run: [echo, "${{jobs.never.status}}"], needs: [never], after: ended}}
  then: {{run: ["true"], needs: [never]}}
""",
        check=3,
    )
    assert states(found) == {
        "never": "failed", "slow": "timed-out", "absent": "error", "shaky": "passed", "hopeless": "error",
        "dash": "passed", "then": "skipped",
    }  # fmt: skip
    assert [each["end"] for each in found["by_name"]["shaky"]["attempts"]] == ["exited", "exited"]
    assert "not installed" in found["by_name"]["absent"]["what"]


def test_resources_are_never_held_twice(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    hold = f"mkdir {tmp_path}/held && sleep 0.1 && rmdir {tmp_path}/held"
    jobs = "".join(f"  j{n}: {{run: [sh, -c, '{hold}'], resources: {{qemu: 1}}}}\n" for n in range(6))
    found = run(f"pipeline: p\njobs:\n{jobs}", "--qemu", "1", "--jobs", "4")
    assert set(states(found).values()) == {"passed"}


def test_hostile_text_reaches_no_shell(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/pwned); `touch {tmp_path}/pwned` ' \" \n && touch {tmp_path}/pwned"
    found = run(
        "pipeline: p\ninputs: {x: {}}\njobs:\n  a: {run: [printf, '%s', '${inputs.x}']}\n", "--set", f"x={evil}"
    )
    assert Path(found["by_name"]["a"]["folder"], "log.txt").read_text(encoding="utf-8") == evil
    assert not (tmp_path / "pwned").exists()


def begin(repo: Git, file: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "cosport", "pipeline", "run", str(file)]
    return subprocess.Popen(argv, cwd=repo.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


LONG = """
pipeline: long
jobs:
  quick: {run: [sh, -c, "echo quick >> %(n)s"]}
  slow: {run: [sh, -c, "echo slow >> %(n)s; sleep 300 & wait"], needs: [quick]}
  last: {run: [sh, -c, "echo last >> %(n)s"], needs: [slow]}
"""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_goes_on(repo: Git, tmp_path: Path, end: signal.Signals) -> None:
    told, file = tmp_path / "n", tmp_path / "p.yaml"
    file.write_text(LONG % {"n": told}, encoding="utf-8")
    child = begin(repo, file)
    wait_for(lambda: told.exists() and "slow" in told.read_text(encoding="utf-8"))
    child.send_signal(end)
    _, err = child.communicate(timeout=90)
    if end is not signal.SIGKILL:
        assert child.returncode == 130
        assert b"hint: go on with it: cosport pipeline resume long-1" in err
    wait_for(lambda: not running("sleep 300") or end is signal.SIGKILL)
    plan = repo.path / ".git/cosport/pipelines/runs/long-1/run.json"
    text = json.loads(plan.read_text(encoding="utf-8"))
    plan.write_text(json.dumps({**text, "text": text["text"].replace("sleep 300", "sleep 0")}), encoding="utf-8")
    found = document(cosport("pipeline", "resume", "long-1", "--json", cwd=repo.path), 0)
    assert states(found) == {"quick": "passed", "slow": "passed", "last": "passed"}
    assert told.read_text(encoding="utf-8").split() == ["quick", "slow", "slow", "last"]
    ends = [each["end"] for each in found["by_name"]["slow"]["attempts"]]
    assert ends == (["lost", "exited"] if end is signal.SIGKILL else ["stopped", "exited"])
    assert not running("sleep 300")


def test_two_do_not_work_on_one_run(repo: Git, tmp_path: Path) -> None:
    told, file = tmp_path / "n", tmp_path / "p.yaml"
    file.write_text(LONG % {"n": told}, encoding="utf-8")
    child = begin(repo, file)
    wait_for(lambda: told.exists() and "slow" in told.read_text(encoding="utf-8"))
    answer = cosport("pipeline", "resume", "long-1", cwd=repo.path, check=3)
    assert "another cosport works on long-1" in answer.err
    shown = cosport("pipeline", "show", "long-1", cwd=repo.path, check=1)
    assert "running" in shown.out
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=90)


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def running(what: str) -> bool:
    wanted = what.encode().replace(b" ", b"\0") + b"\0"
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == wanted:
                return True
        except OSError:
            continue
    return False


def test_unknown_names_are_told(repo: Git) -> None:
    assert "no pipeline is called 'nope'" in cosport("pipeline", "run", "nope", cwd=repo.path, check=2).err
    assert "no run is called 'nope-1'" in cosport("pipeline", "resume", "nope-1", cwd=repo.path, check=2).err
    assert "no run is called 'nope-1'" in cosport("pipeline", "show", "nope-1", cwd=repo.path, check=2).err


@pytest.mark.skipif(os.name != "posix", reason="/proc")
def test_listed(run: Callable[..., dict[str, Any]], repo: Git) -> None:
    run("pipeline: p\njobs: {a: {run: ['true']}}\n")
    listed = cosport("pipeline", "list", "--json", cwd=repo.path, check=0).json()
    jsonschema.validate(listed, schema.of("pipeline-list"))
    assert [each["id"] for each in listed["runs"]] == ["p-1"]
    files = cosport("pipeline", "list", "--files", "--json", cwd=repo.path, check=0).json()
    jsonschema.validate(files, schema.of("pipeline-list"))
