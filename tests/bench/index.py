"""The history index: the first filling against `git log` of the same fields, then what every command pays for it.

`git log` prints to /dev/null, in its own order, which is the quickest. The questions that `cosport show` answers have a
peer too: what people do instead is `git log --grep`, once for each question.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from cosport.history.feed import FIELDS
from tests.bench import measure
from tests.bench.tool import COSPORT, git

if TYPE_CHECKING:
    from pathlib import Path

_QUICK: Final = 9
"""Repetitions of what takes a fraction of a second."""

_SAMPLE: Final = 60
"""Commits that `cosport show` is asked for, by repetition: 300 by default."""

_MANY: Final = 100_000
"""Commits from which on the first index is held to its target."""


def bench(report: measure.Report, name: str, git_dir: Path, commit: str, *options: str, repeats: int) -> None:
    """Measure all on one repository; `commit` is an upstream commit to ask about."""
    where = ("--repo", str(git_dir), *options)
    index = [*COSPORT, "index", "--quiet", *where]
    log = ["git", "-C", str(git_dir), "log", "-z", "--format=" + "%x00".join(FIELDS), "--all"]

    def first(_: int) -> measure.Run:
        forget(git_dir)
        return measure.run(index)

    fills, logs = measure.alternate(min(repeats, 3), first, lambda _: measure.run(log))
    count = int(git(git_dir, "rev-list", "--count", "--all"))
    size = (git_dir / "cosport" / "index.sqlite").stat().st_size
    note = f"{count} commits"
    report.add("index", f"{name}: git log of the same fields", measure.median(logs), "s", note=note)
    report.add("index", f"{name}: first index", measure.median(fills), "s")
    ratio = measure.median(fills) / measure.median(logs)
    limit = 2 if count > _MANY else None  # of a small history start-up is most of it
    report.add("index", f"{name}: first index / git log", ratio, "x", at_most=limit)
    cpu = measure.median_cpu(fills) / measure.median_cpu(logs)
    report.add("index", f"{name}: the same, CPU time of both processes", cpu, "x")
    report.add("index", f"{name}: memory of cosport", max(run.own_mib for run in fills), "MiB", at_most=600)
    report.add(
        "index", f"{name}: memory of its largest process", max(run.peak_mib for run in fills), "MiB", at_most=600
    )
    report.add("index", f"{name}: memory of that git log", max(run.peak_mib for run in logs), "MiB")
    report.add("index", f"{name}: size, a commit", size / count, "bytes", at_most=600)
    _quick(report, name, git_dir, commit, where)
    _sample(report, name, git_dir, where, _SAMPLE * repeats)


def _quick(report: measure.Report, name: str, git_dir: Path, commit: str, where: tuple[str, ...]) -> None:
    index = [*COSPORT, "index", "--quiet", *where]
    show = [*COSPORT, "show", commit, *where]
    cold = measure.run(show)
    starts, updates, shows = measure.alternate(
        _QUICK,
        lambda _: measure.run([*COSPORT, "index", "--help"]),
        lambda _: measure.run(index),
        lambda _: measure.run(show),
    )
    beyond = measure.median(updates) - measure.median(starts)
    report.add("index", f"{name}: update with nothing new, beyond start-up", beyond, "s", at_most=0.2)
    report.add("index", f"{name}: cosport show, the first", cold.seconds, "s")
    report.add("index", f"{name}: memory of its largest process", cold.peak_mib, "MiB", at_most=600)
    report.add("index", f"{name}: cosport show", measure.median(shows), "s", at_most=0.3)
    questions = (
        ("who fixes it", [f"--grep=^Fixes: {commit[:12]}"]),
        ("who reverts it", [f"--grep=This reverts commit {commit}"]),
        ("who carries it", ["-F", f"--grep={commit}"]),
    )
    greps = [
        measure.run(["git", "-C", str(git_dir), "log", "--all", "--format=%H %s", *words]) for _, words in questions
    ]
    for (what, _), grep in zip(questions, greps, strict=True):
        report.add("index", f"{name}: git log --grep, {what} / cosport show", grep.seconds / measure.median(shows), "x")


def _sample(report: measure.Report, name: str, git_dir: Path, where: tuple[str, ...], size: int) -> None:
    """Ask for commits at random, of upstream and of branches alike, each once, when nothing was asked about before."""
    forget(git_dir)
    measure.run([*COSPORT, "index", "--quiet", *where])
    commits = git(git_dir, "rev-list", "--all").split()
    asked = random.Random(1).sample(commits, k=min(size, len(commits)))
    shows = [measure.run([*COSPORT, "show", commit, *where]) for commit in asked]
    seconds = sorted(run.seconds for run in shows)
    note = f"{len(asked)} commits at random, each once"
    for what, part, limit in (("median", 0.5, 0.3), ("95 % are below", 0.95, 0.3), ("the longest", 1.0, None)):
        value = seconds[min(len(seconds) - 1, int(part * len(seconds)))]
        report.add("index", f"{name}: cosport show, {what}", value, "s", at_most=limit, note=note)
    report.add("index", f"{name}: the same, CPU time, the longest", max(run.cpu for run in shows), "s", at_most=0.3)


def forget(git_dir: Path) -> None:
    """Throw the index away."""
    for file in (git_dir / "cosport").glob("index.sqlite*"):
        file.unlink()
