"""A scheduler, workers and a client in processes of their own; each of them dies in the middle, and nothing is lost."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs import kernel
from tests.pipeline.lab import Lab, lab
from tests.support import Git, cosport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SOAK = bool(os.environ.get("COSPORT_SOAK"))
SEED = int(os.environ.get("COSPORT_SOAK_SEED", "24"))
WORKER = ("--jobs", "2", "--qemu", "1", "--memory", "2 GiB")


@dataclass
class House:
    """A repository and a lab beside it."""

    git: Git
    lab: Lab
    folder: Path

    @property
    def ledger(self) -> Path:
        """Where jobs write down that they began and ended, whatever anybody hears of it."""
        return self.folder / "ledger"

    def write(self, text: str) -> Path:
        """A pipeline file."""
        file = self.folder / "p.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """A client in a process of its own."""
        with (self.folder / "client.log").open("ab") as log:
            return subprocess.Popen(
                self.lab.command(*args), cwd=self.git.path, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def run(self, *args: str, seconds: float = 90.0) -> int:
        """A client, to its end; its exit code."""
        child = self.start(*args)
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise AssertionError((self.folder / "client.log").read_text(encoding="utf-8")) from None

    def show(self, name: str) -> dict[str, Any]:
        """The run as the journal has it."""
        found: dict[str, Any] = cosport("pipeline", "show", name, "--json", cwd=self.git.path).json()
        return {**found, "by_name": {job["name"]: job for job in found["jobs"]}}

    def lines(self) -> list[list[str]]:
        """What the jobs wrote."""
        return [line.split() for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []

    def said(self, *words: str) -> Callable[[], bool]:
        """Whether a job wrote this."""
        return lambda: list(words) in [line[: len(words)] for line in self.lines()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    git = kernel.build(tmp_path / "kernel")
    cosport("init", cwd=git.path, check=0)
    with lab(tmp_path / "lab", [WORKER] * 3) as made:
        yield House(git, made, tmp_path)


BOOT = """  qemu{}:
    stage: regress
    with: {{workload: balloon-boot}}
    once: true
    resources: {{memory: 1 GiB, qemu: 1}}
"""
"""A job that boots a real kernel."""


def job(house: House, name: str, seconds: str, *, once: bool = False) -> str:
    """A job that takes its time in a child of a child, and leaves a file."""
    script = f"echo begin $1 >> {house.ledger}; (sleep {seconds} & wait); echo $1 > out; echo end $1 >> {house.ledger}"
    label, alone = (name, ", once: true") if once else (f"{name}${{branch}}", "")
    return f"  {name}: {{run: [sh, -c, '{script}', '-', '{label}'], resources: {{qemu: 1}}{alone}}}\n"


def wait_for(condition: Callable[[], bool], seconds: float = 45.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_commits_go_out_and_picks_and_files_come_home(house: House) -> None:
    file = house.write("""
pipeline: away
inputs: {fix: {}}
matrix: {branches: [cos-6.1]}
jobs:
  pick:
    stage: backport
    with: {fix: "${inputs.fix}", to: "${branch}", bug: b/1, test: none, release-note: none}
    where: worker
  look:
    run: [sh, -c, 'git --git-dir="$1" log -1 --format=%s "$2" > subject', "-", "${repo}", "${jobs.pick.commit}"]
    needs: [pick]
""")
    fix = house.git.sha("refs/remotes/upstream/master")
    before = house.git.user_state()
    assert house.run("run", str(file), "--set", f"fix={fix}") == 0
    jobs = house.show("away-1")["by_name"]
    picked = jobs["pick@cos-6.1"]["outputs"]
    assert house.git.sha(picked["ref"]) == picked["commit"]
    assert Path(jobs["look@cos-6.1"]["folder"], "subject").read_text(encoding="utf-8").startswith("virtio_balloon: ")
    assert house.git.user_state() == before
    house.git.fsck()
    cosport("record", "show", picked["commit"], cwd=house.git.path, check=0)
    # The same commit again from home: the reflog came too, so the ref is known to be ours.
    again = cosport("backport", fix, "--to", "cos-6.1", "--bug", "b/1", "--test", "none", "--release-note", "none",
                    "--json", cwd=house.git.path, check=0).json()  # fmt: skip
    assert again["results"][0]["commit"] == picked["commit"]


def test_a_dead_workers_job_runs_elsewhere_and_nothing_of_it_is_left(house: House) -> None:
    # Only the first try takes long, in a child of a child: nothing but the clean-up ends that one within the test.
    seconds = f"$(test -e {house.folder}/seen && echo 0 || echo 90; touch {house.folder}/seen)"
    file = house.write("pipeline: p\nmatrix: {branches: [cos-6.1]}\njobs:\n" + job(house, "a", seconds))
    client = house.start("run", str(file))
    wait_for(house.said("begin", "acos-6.1"))
    wait_for((house.folder / "seen").exists)
    time.sleep(0.5)
    (attempt,) = house.show("p-1")["jobs"][0]["attempts"]
    before = house.lab.marked()
    assert before
    os.kill(int(attempt["worker"].rpartition("/")[2]), signal.SIGKILL)
    wait_for(lambda: not set(before) & set(house.lab.marked()), 5.0)
    assert client.wait(timeout=60) == 0
    tries = house.show("p-1")["jobs"][0]["attempts"]
    assert [each["end"] for each in tries] == ["lost", "exited"]
    assert tries[0]["note"] == "its worker died"
    assert [line[0] for line in house.lines()] == ["begin", "begin", "end"]


def test_a_job_that_kills_its_workers_is_stopped(house: House) -> None:
    file = house.write(
        'pipeline: p\njobs:\n  poison: {run: [sh, -c, "kill -9 $PPID; sleep 9"]}\n  fine: {run: ["true"]}\n'
    )
    assert house.run("run", str(file)) == 3
    jobs = house.show("p-1")["by_name"]
    assert jobs["poison"]["state"] == "stopped"
    assert jobs["poison"]["what"].startswith("3 workers died under it")
    assert len(jobs["poison"]["attempts"]) == 3
    assert jobs["fine"]["state"] == "passed"


def test_the_scheduler_dies_and_comes_back(house: House) -> None:
    jobs = "".join(job(house, f"j{n}", "1") for n in range(6))
    client = house.start("run", str(house.write(f"pipeline: p\nmatrix: {{branches: [cos-6.1]}}\njobs:\n{jobs}")))
    wait_for(lambda: len(house.lines()) > 3)
    house.lab.kill_scheduler()
    house.lab.start_scheduler()
    assert client.wait(timeout=90) == 0
    audit(house, "p-1", 6)


def test_ctrl_c_stops_the_jobs_on_workers_too(house: House) -> None:
    jobs = "".join(job(house, f"j{n}", "30") for n in range(4))
    client = house.start("run", str(house.write(f"pipeline: p\nmatrix: {{branches: [cos-6.1]}}\njobs:\n{jobs}")))
    wait_for(lambda: len(house.lines()) >= 3)
    client.send_signal(signal.SIGINT)
    assert client.wait(timeout=90) == 130
    wait_for(lambda: not house.lab.marked(), 5.0)
    assert house.show("p-1")["state"] == "interrupted"


def test_a_scheduler_that_is_not_there_is_told(house: House) -> None:
    file = house.write("pipeline: p\njobs: {a: {run: ['true']}}\n")
    command = ["pipeline", "run", str(file), "--scheduler", "tcp://127.0.0.1:9", "--wait", "1"]
    answer = cosport(*command, cwd=house.git.path, check=3)
    assert "no scheduler answers at tcp://127.0.0.1:9" in answer.err


def test_what_no_worker_has_is_refused(house: House) -> None:
    wait_for(lambda: len(house.lab.worker_pids()) == 3)
    time.sleep(2.0)
    file = house.write("pipeline: p\njobs:\n  big:\n    run: [x]\n    resources: {memory: 3 GiB}\n")
    assert house.run("run", str(file)) == 2
    assert "p.yaml:5: jobs.big.resources.memory" in (house.folder / "client.log").read_text(encoding="utf-8")


@pytest.mark.soak
def test_whoever_dies_all_results_are_there_in_the_end(house: House) -> None:
    """24 jobs, two of them guests in QEMU; workers, supervisors, scheduler and client are killed at random moments."""
    jobs = "".join(job(house, f"j{n}", "0.5") for n in range(5))
    jobs += "".join(job(house, f"k{n}", "0.5", once=True) for n in range(2))
    jobs += "".join(BOOT.format(n) for n in range(2))
    file = house.write(f"pipeline: p\nmatrix: {{}}\njobs:\n{jobs}")
    dice = random.Random(SEED)
    kills = 30 if SOAK else 3
    rounds = 0
    while kills > 0:
        rounds += 1
        name = f"p-{rounds}"
        client = house.start("run", str(file), "--fresh")
        wait_for((house.git.path / f".git/cosport/pipelines/runs/{name}/run.json").exists)
        for _ in range(min(kills, 6)):
            time.sleep(dice.uniform(0.2, 2.5))
            client = kill_one(house, dice, name, client)
            kills -= 1
        if client.wait(timeout=300) != 0:
            assert house.run("resume", name, seconds=300) == 0
        audit(house, name, 24)
        house.ledger.unlink()
        assert not house.lab.marked()
    house.git.fsck()


def kill_one(house: House, dice: random.Random, name: str, client: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Kill somebody; what a person would start again is started again. The client that works now."""
    who = dice.choice(("worker", "worker", "supervisor", "scheduler", "client"))
    if who == "worker":
        if pids := house.lab.worker_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(pids), signal.SIGKILL)
    elif who == "supervisor":
        victim = house.lab.workers.pop(dice.randrange(len(house.lab.workers)))
        victim.kill()
        victim.wait()
        house.lab.start_worker(*WORKER)
    elif who == "scheduler":
        house.lab.kill_scheduler()
        house.lab.start_scheduler()
    else:
        client.kill()
        client.wait()
        return house.start("resume", name)
    return client


def audit(house: House, name: str, count: int) -> None:
    """The journal is consistent, all answers are there, and no job ran twice to its end without being said."""
    found = house.show(name)
    assert found["state"] == "passed"
    assert [each["state"] for each in found["jobs"]] == ["passed"] * count
    ends = collections.Counter(line[1] for line in house.lines() if line[0] == "end")
    for each in found["jobs"]:
        label = f"{each['job']}{each['cell']}"
        if each["job"].startswith("qemu"):
            assert each["outputs"]["verdict"] == "holds"
            assert Path(each["folder"], "result/report.html").is_file()
        else:
            assert Path(each["folder"], "out").read_text(encoding="utf-8").strip() == label
        tries = each["attempts"]
        assert [one["number"] for one in tries] == list(range(1, len(tries) + 1))
        assert [one["end"] for one in tries[:-1]] == ["lost"] * (len(tries) - 1)
        assert tries[-1]["end"] == "exited"
        assert all(one["note"] for one in tries[:-1])
        doubts = sum("may have" in one["note"] or "died" in one["note"] or "away" in one["note"] for one in tries)
        assert each["job"].startswith("qemu") or 1 <= ends[label] <= 1 + doubts, (label, ends[label], tries)


def authority(folder: Path) -> Path:
    """Certificates of an authority of the test's own."""
    folder.mkdir()
    subject = ("-subj", "/CN=cosport-test")
    openssl(
        folder,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        "cakey.pem",
        "-out",
        "ca.pem",
        *subject,
    )
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "req.pem", "-subj", "/CN=lab")
    openssl(
        folder,
        "x509",
        "-req",
        "-in",
        "req.pem",
        "-CA",
        "ca.pem",
        "-CAkey",
        "cakey.pem",
        "-CAcreateserial",
        "-days",
        "2",
        "-out",
        "cert.pem",
    )
    return folder


def openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def test_a_cluster_speaks_tls(tmp_path: Path) -> None:
    git = kernel.build(tmp_path / "kernel")
    cosport("init", cwd=git.path, check=0)
    with lab(tmp_path / "lab", [WORKER], tls=authority(tmp_path / "tls")) as made:
        house = House(git, made, tmp_path)
        assert made.address.startswith("tls://")
        file = house.write("pipeline: p\nmatrix: {branches: [cos-6.1]}\njobs:\n" + job(house, "a", "0"))
        assert house.run("run", str(file)) == 0
        stranger = authority(tmp_path / "stranger")
        command = ["pipeline", "run", str(file), "--scheduler", made.address, "--tls", str(stranger), "--wait", "2"]
        assert "no scheduler answers" in cosport(*command, cwd=git.path, check=3).err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("worker", "tcp://10.0.0.1:8786"), "beyond this machine"),
        (("worker", "10.0.0.1:8786"), "beyond this machine"),
        (("worker", "tcp://lab.example.com:8786"), "beyond this machine"),
        (("scheduler", "--listen", "tcp://0.0.0.0:8786"), "beyond this machine"),
        (("scheduler", "--listen", "tcp://[::]:8786"), "beyond this machine"),
        (("scheduler", "--listen", "tls://0.0.0.0:8786"), "go together"),
        (("scheduler", "--listen", "ws://127.0.0.1:8786"), "no protocol"),
        (("scheduler", "--listen", "127.0.0.1"), "no address"),
        (("scheduler", "--listen", "tls://0.0.0.0:8786", "--tls", "nowhere"), "ca.pem is not there"),
    ],
)
def test_nobody_listens_beyond_the_machine_without_tls(args: Sequence[str], said: str, tmp_path: Path) -> None:
    answer = cosport("pipeline", *args, cwd=tmp_path, check=2)
    assert said in answer.err
