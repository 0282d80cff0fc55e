"""What the engine costs: jobs that do nothing, in one process; and how much faster more workers are."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench import measure
from tests.bench.tool import COSPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING: Final = 200
"""Jobs that do nothing."""

WORK: Final = 24
REPEATS: Final = 3
SPIN: Final = "import time\nwhile time.process_time() < 0.5: pass"
"""What an independent job does: half a second of computing."""


def bench(report: measure.Report) -> None:
    """Measure the overhead of a job, and the speed-up by workers in processes of their own."""
    with _repository() as repo:
        spent = measure.median(_runs(repo, _nothing(NOTHING), "--jobs", "1", repeats=REPEATS))
        idle = measure.median(_runs(repo, _nothing(1), "--jobs", "1", repeats=REPEATS))
        each = (spent - idle) / (NOTHING - 1) * 1000
        report.add("pipeline", "a job that does nothing, embedded", each, "ms", at_most=50)
        report.add("pipeline", "a run of one such job, start-up included", idle * 1000, "ms")
        cores = os.cpu_count() or 1
        alone = _spin(repo, 1)
        together = _spin(repo, cores)
        report.add("pipeline", f"{WORK} jobs of 0.5 s, 1 worker", alone, "s")
        report.add("pipeline", f"{WORK} jobs of 0.5 s, {cores} workers", together, "s")
        report.add("pipeline", f"speed-up by {cores} workers", alone / together, "x", at_least=0.8 * cores)


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


def _spin(repo: Path, workers: int) -> float:
    """Seconds for independent jobs that compute, on a cluster of so many workers of one thread each."""
    jobs = "".join(
        f"  j{number}: {{run: [{sys.executable}, -c, {json.dumps(SPIN)}, '{number}']}}\n" for number in range(WORK)
    )
    started: list[subprocess.Popen[bytes]] = []
    try:
        scheduler = subprocess.Popen(
            [*COSPORT, "pipeline", "scheduler", "--listen", "tcp://127.0.0.1:0"], stdout=subprocess.PIPE
        )
        started.append(scheduler)
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().decode().split()[-1]
        argv = [*COSPORT, "pipeline", "worker", address, "--jobs", "1", "--folder", str(repo / "w"), "--quiet"]
        started += [subprocess.Popen(argv) for _ in range(workers)]
        time.sleep(5)  # until all of them are there
        (run,) = _runs(repo, f"pipeline: spin\njobs:\n{jobs}", "--scheduler", address, repeats=1)
        return run.seconds
    finally:
        for child in reversed(started):
            child.terminate()
            child.wait()
