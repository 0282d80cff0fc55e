"""What the engine costs: jobs that do nothing, in one process; and how much faster more workers are.

The speed-up is that of the jobs: from the first one's start to the last one's end, as the journal has it. Before that
the client starts and meets its scheduler, which takes as long for one worker as for many, and is told by itself. What
the machine has to give is seen in the same run, by the same commands under `xargs -P`: a guest keeps more than one
processor busy (its emulated ones, and QEMU's own loop), so two of them need more than two.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench import measure
from tests.bench.tool import COSPORT
from tests.pipeline.lab import Lab, lab

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING: Final = 200
"""Jobs that do nothing."""

REPEATS: Final = 3
_TICK: Final = os.sysconf("SC_CLK_TCK")
_SPIN: Final = "import time\nwhile time.process_time() < 0.5: pass"
_C: Final = """
#define ONE(n) int f##n(int *a, int k) { int s = n; for (int i = 0; i < k; i++) { switch (a[i] % 7) { \\
  case 0: s += a[i] * n; break; case 3: s ^= i << (n & 7); break; default: s -= f(a, s & 3); } } return s; }
#define TEN(n) ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6) ONE(n##7) ONE(n##8) ONE(n##9)
int f(int *a, int k);
TEN(1) TEN(2) TEN(3) TEN(4) TEN(5) TEN(6) TEN(7) TEN(8) TEN(9)
"""
_BOOT: Final = "{stage: regress, with: {workload: balloon-boot}, resources: {memory: 600 MiB, qemu: 1}, reuse: false}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of independent jobs. `command` is what they run, for the peer; `{}` in it stands for their number."""

    name: str
    count: int
    job: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Peer:
    """Seconds of the same jobs under xargs(1), and how many processors they kept busy meanwhile."""

    seconds: float = 0.0
    busy: float = 0.0


@dataclass(frozen=True, slots=True)
class _Took:
    """Seconds of the jobs of a run, and before them; milliseconds that the workers computed for each."""

    jobs: float
    before: float
    each: float


def bench(report: measure.Report) -> None:
    """Measure the overhead of a job, and the speed-up by workers in processes of their own."""
    with _repository() as repo:
        runs = _runs(repo, _nothing(NOTHING), "--jobs", "1", repeats=REPEATS)
        idle = _runs(repo, _nothing(1), "--jobs", "1", repeats=REPEATS)
        each = (measure.median(runs) - measure.median(idle)) / (NOTHING - 1) * 1000
        busy = (measure.median_cpu(runs) - measure.median_cpu(idle)) / (NOTHING - 1) * 1000
        report.add("pipeline", "a job that does nothing, embedded", each, "ms", at_most=50)
        report.add("pipeline", "... of that computing", busy, "ms")
        report.add("pipeline", "a run of one such job, start-up included", measure.median(idle) * 1000, "ms")
        for kind in _kinds(repo):
            _speed_up(report, repo, kind)


def _kinds(repo: Path) -> tuple[Kind, ...]:
    source = repo / "many.c"
    source.write_text(_C, encoding="utf-8")
    spin = (sys.executable, "-S", "-c", _SPIN)
    boot = (*COSPORT, "regress", "run", "balloon-boot", "--json", f"--out={repo}/boot-{{}}")  # as the stage runs it
    compiler = ("cc", "-O2", "-c", "-o", "/dev/null", str(source))
    return (
        Kind("sleeping 0.5 s", 24, _command(("sleep", "0.5"))),
        Kind("computing 0.5 s", 24, _command(spin), spin),
        Kind("compiling", 12, _command(compiler), compiler),
        Kind("booting QEMU", 6, _BOOT, boot),
    )


def _command(argv: tuple[str, ...]) -> str:
    return f"{{run: {json.dumps(argv)}, reuse: false}}"


def _speed_up(report: measure.Report, repo: Path, kind: Kind) -> None:
    """Run the same jobs on one worker and on more: each time after the peer, so that both meet the same machine."""
    cores = os.cpu_count() or 1
    peers: dict[int, _Peer] = {}
    tooks: dict[int, _Took] = {}
    for workers in (1, 2, 3):
        peers[workers] = _xargs(kind, workers) if kind.command else _Peer()
        tooks[workers] = _took(repo, kind, workers)
    alone = tooks[1]
    what = f"{kind.count} jobs {kind.name}"
    note = f"{alone.before:.1f} s before the first; {alone.each:.0f} ms computing a job"
    report.add("pipeline", f"{what}, 1 worker", alone.jobs, "s", note=note)
    if kind.command:
        report.add("pipeline", "... xargs -P1", peers[1].seconds, "s", note=f"{peers[1].busy:.2f} processors busy")
    for workers in (2, 3):
        gain = alone.jobs / tooks[workers].jobs
        most: float = min(workers, cores) if kind.command else workers
        shared = f", {workers} workers on {cores} processors" if most < workers else ""
        note = f"{tooks[workers].jobs:.1f} s: {gain / most:.0%} of {most}{shared}"
        if kind.command:
            peer = peers[workers]
            most = peers[1].seconds / peer.seconds
            note += f"; xargs -P{workers}: {peer.seconds:.1f} s, {most:.2f} x, {peer.busy:.2f} processors busy"
        report.add("pipeline", f"... speed-up by {workers} workers", gain, "x", at_least=0.8 * most, note=note)


def _xargs(kind: Kind, workers: int) -> _Peer:
    """Its jobs under xargs(1)."""
    numbers = "".join(f"{number}\n" for number in range(kind.count)).encode()
    argv = ["xargs", f"-P{workers}", "-I{}", *kind.command]
    begin, before = time.perf_counter(), _children()
    subprocess.run(argv, input=numbers, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - begin
    return _Peer(seconds, (_children() - before) / seconds)


def _children() -> float:
    """Seconds that ended children of this process, and theirs, have computed."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _nothing(count: int) -> str:
    jobs = "".join(f"  j{number}: {{run: ['true', '{number}']}}\n" for number in range(count))
    return f"pipeline: nothing\njobs:\n{jobs}"


@contextlib.contextmanager
def _repository() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cosport-bench-") as folder:
        repo = Path(folder) / "repo"
        subprocess.run(["git", "init", "-q", str(repo)], check=True)
        yield repo


def _runs(repo: Path, text: str, *options: str, repeats: int) -> list[measure.Run]:
    file = repo / "p.yaml"
    file.write_text(text, encoding="utf-8")
    argv = [*COSPORT, "pipeline", "run", str(file), "--fresh", "--quiet", *options]
    return [measure.run(argv, cwd=repo) for _ in range(repeats)]


def _took(repo: Path, kind: Kind, workers: int) -> _Took:
    """Run its jobs on a cluster of so many workers of one thread each, all of them there before it begins."""
    jobs = "".join(f"  j{number}: {kind.job}\n" for number in range(kind.count))
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir=repo))
    with lab(folder, [("--jobs", "1", "--qemu", "1", "--memory", "1 GiB")] * workers) as made:
        while _ready(made) < workers:
            time.sleep(0.1)
        busy = _computed(made)
        (run,) = _runs(repo, f"pipeline: speed\njobs:\n{jobs}", "--scheduler", made.address, repeats=1)
        each = (_computed(made) - busy) / kind.count * 1000
    newest = json.loads(_asked(repo, "list"))["runs"][0]["id"]
    shown = json.loads(_asked(repo, "show", newest))
    tries = [each for job in shown["jobs"] for each in job["attempts"]]
    spent = max(each["ended"] for each in tries) - min(each["began"] for each in tries)
    return _Took(spent, run.seconds - spent, each)


def _ready(made: Lab) -> int:
    return sum("worker at" in log.read_text(encoding="utf-8") for log in made.folder.glob("w/worker-*/worker.log"))


def _computed(made: Lab) -> float:
    """Seconds that the workers and their jobs have computed so far."""
    spent = 0
    for pid in made.worker_pids():
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        spent += sum(int(each) for each in fields[11:15])
    return spent / _TICK


def _asked(repo: Path, *words: str) -> bytes:
    argv = [*COSPORT, "pipeline", *words, "--json"]
    return subprocess.run(argv, cwd=repo, stdout=subprocess.PIPE, check=True).stdout
