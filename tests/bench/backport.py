"""One fix to four branches of a kernel-sized tree: `cosport backport` against `git cherry-pick -x` in work trees.

The peers are what people do today: (i) one work tree, a checkout of each branch in turn; (ii) a work tree for each
branch that stands ready, which costs disk and care. Each repetition takes another fix, fresh for everybody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.bench import measure
from tests.bench.tool import COSPORT, git, warm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.bench.generate import Made


def bench(report: measure.Report, made: Made, repeats: int) -> None:
    """Measure all three, alternating, and check that they make the same trees."""
    warm(made.git_dir)
    _clear(made.git_dir)
    one = _work_tree(made, "one", made.branches[0])
    ready = {branch: _work_tree(made, f"ready-{branch}", branch) for branch in made.branches}
    sides = (
        lambda number: _cosport(made, made.fixes[number]),
        lambda number: _checkout(made, one, made.fixes[number]),
        lambda number: _ready(ready, made.fixes[number]),
    )
    sides[0](len(made.fixes) - 1)  # warms the page cache, as a working day does
    _clear(made.git_dir)
    ours, checkout, ready_runs = measure.alternate(min(repeats, len(made.fixes) - 1), *sides)
    _compare(made, ready, made.fixes[len(ours) - 1])
    _clear(made.git_dir)
    _tell(report, ours, checkout, ready_runs)


def _tell(
    report: measure.Report, ours: Sequence[measure.Run], checkout: Sequence[measure.Run], ready: Sequence[measure.Run]
) -> None:
    seconds = measure.median(ours)
    report.add("backport", "cosport backport of one fix to all branches", seconds * 1000, "ms")
    for what, runs, limit in (
        ("checkout + cherry-pick -x in one work tree", checkout, 20),
        ("cherry-pick -x in work trees that stand ready", ready, 3),
    ):
        report.add("backport", what, measure.median(runs) * 1000, "ms")
        report.add("backport", f"{what} / cosport", measure.median(runs) / seconds, "x", at_least=limit)
        cpu = measure.median_cpu(runs) / measure.median_cpu(ours)
        report.add("backport", f"{what} / cosport, CPU time", cpu, "x")
    report.add("backport", "peak memory of cosport itself", max(run.own_mib for run in ours), "MiB", at_most=200)
    report.add("backport", "peak memory of its largest git", max(run.peak_mib for run in ours), "MiB")


def _cosport(made: Made, fix: str) -> measure.Run:
    to = [part for branch in made.branches for part in ("--to", branch)]
    words = ["--bug", "b/1", "--test", "none", "--release-note", "None", "--quiet"]
    return measure.run([*COSPORT, "backport", fix, *to, *words, "--repo", str(made.git_dir)])


def _checkout(made: Made, tree: Path, fix: str) -> measure.Run:
    return _sum(
        measure.run(argv, cwd=tree)
        for branch in made.branches
        for argv in (["git", "checkout", "-q", "--detach", branch], ["git", "cherry-pick", "-x", fix])
    )


def _ready(trees: dict[str, Path], fix: str) -> measure.Run:
    return _sum(measure.run(["git", "cherry-pick", "-x", fix], cwd=tree) for tree in trees.values())


def _sum(runs: Iterable[measure.Run]) -> measure.Run:
    taken = list(runs)
    return replace(taken[0], seconds=sum(run.seconds for run in taken), cpu=sum(run.cpu for run in taken))


def _work_tree(made: Made, name: str, branch: str) -> Path:
    """A work tree of a branch beside the repository, made once and set back to the branch's tip."""
    folder = made.git_dir.parent.parent / name
    if not folder.exists():
        git(made.git_dir, "worktree", "add", "-q", "--detach", str(folder), branch)
    git(folder, "reset", "-q", "--hard", branch)
    git(folder, "checkout", "-q", "--detach", branch)
    return folder


def _compare(made: Made, ready: dict[str, Path], fix: str) -> None:
    """Fail where cosport's pick is not the one that cherry-pick made of the same fix."""
    for branch, folder in ready.items():
        git(folder, "reset", "-q", "--hard", branch)
        git(folder, "cherry-pick", "-x", fix)
        ours = git(made.git_dir, "rev-parse", f"refs/heads/backport/{branch}/{fix[:12]}^{{tree}}")
        if ours != git(folder, "rev-parse", "HEAD^{tree}"):
            raise SystemExit(f"the picks of {fix} onto {branch} differ")


def _clear(git_dir: Path) -> None:
    """Take away the refs of earlier runs."""
    for ref in git(git_dir, "for-each-ref", "--format=%(refname)", "refs/heads/backport/").splitlines():
        git(git_dir, "update-ref", "-d", ref)
