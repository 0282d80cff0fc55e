"""Many picks at once: `cosport plan --stdin`, evidence and fidelity included, against raw `git merge-tree --stdin`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import measure, pairs
from tests.bench.tool import COSPORT, warm

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGER = 5
"""How many times as long the input is by which memory is judged."""


def bench(
    report: measure.Report, what: str, git_dir: Path, chosen: Sequence[pairs.Pair], repeats: int, *options: str
) -> None:
    """Measure time against the raw peer, and memory on an input five times as long."""
    warm(git_dir, *options)
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        once, longer = Path(folder, "once"), Path(folder, "longer")
        pairs.write(chosen, once)
        pairs.write(chosen, longer, times=LONGER)
        # From upstream alone, and where it is not affected too: the peer does all of these picks.
        words = ["plan", "--stdin", "--json", "--quiet", "--from", "upstream", "--force", "--repo", str(git_dir)]
        ours_argv = [*COSPORT, *words, *options]
        raw_argv = [sys.executable, "-m", "tests.bench.raw", str(git_dir)]
        ours, raw = measure.alternate(
            repeats,
            lambda _: measure.run(ours_argv, stdin=once, ok=(0, 1, 3)),
            lambda _: measure.run(raw_argv, stdin=once),
        )
        long = measure.run(ours_argv, stdin=longer, ok=(0, 1, 3))
    count, mine, peer = len(chosen), measure.median(ours), measure.median(raw)
    own, largest = max(run.own_mib for run in ours), max(run.peak_mib for run in ours)
    report.add("plan", f"{what}: git merge-tree --stdin, a pick", peer / count * 1000, "ms", note=f"{count} pairs")
    report.add("plan", f"{what}: cosport plan --stdin, a pick", mine / count * 1000, "ms")
    report.add("plan", f"{what}: cosport / git", mine / peer, "x", at_most=2)
    report.add("plan", f"{what}: cosport / git, CPU time", measure.median_cpu(ours) / measure.median_cpu(raw), "x")
    report.add("plan", f"{what}: peak memory of cosport itself", own, "MiB", at_most=200)
    report.add("plan", f"{what}: the same, input {LONGER} times as long", long.own_mib / own, "x", at_most=1.1)
    report.add("plan", f"{what}: peak memory of its largest git", largest, "MiB")
    report.add("plan", f"{what}: peak memory of the raw peer's git", max(run.peak_mib for run in raw), "MiB")
