"""What a regression job costs beside its guests' own time, and a module or a kernel to build for it."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench.tool import COSPORT

if TYPE_CHECKING:
    from tests.bench import measure


def bench(report: measure.Report, repeats: int) -> None:
    """Boot the smoke test's guest `repeats` times: cosport's part of each run, and of the whole job."""
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        out = Path(folder, "out")
        argv = [
            *COSPORT,
            "regress",
            "run",
            "balloon-boot",
            "--repeats",
            str(repeats),
            "--out",
            str(out),
            "--json",
            "--quiet",
        ]
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=False, cwd=folder)
    found = json.loads(done.stdout)
    runs = found["runs"]
    beside = [run["total_seconds"] - run["guest_seconds"] for run in runs]
    report.add("regress", "a run beside its guest's own time, worst", max(beside), "s", at_most=2.0)
    report.add("regress", "a run beside its guest's own time", statistics.median(beside), "s")
    report.add(
        "regress",
        f"boot under {found['host']['accelerator']}",
        statistics.median(run["boot_seconds"] for run in runs),
        "s",
    )
    rest = found["seconds"] - sum(run["total_seconds"] for run in runs)
    report.add("regress", "a whole job beside its runs (probe, module build, image)", rest, "s")
