"""`python -m tests.bench`: measures cosport against its peers in the same run; prints ratios, targets and peak memory.

Generated repositories are made on the first run and kept in $XDG_CACHE_HOME/cosport-bench. Real histories are used
where COSPORT_BENCH_LINUX, _QEMU and _RDMA name a repository of them (Linux: with branches master and stable); _OTHERS
names more, for the resolvers of conflicts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path

from tests.bench import (
    backport,
    built,
    generate,
    gerrit,
    index,
    ladder,
    measure,
    missing,
    notes,
    pairs,
    pipeline,
    plan,
    prerequisites,
    presubmit,
    regress,
    replay,
    site,
    startup,
)
from tests.bench.tool import configured

GROUPS = (
    "startup",
    "backport",
    "plan",
    "replay",
    "presubmit",
    "prerequisites",
    "built",
    "ladder",
    "regress",
    "pipeline",
    "site",
    "gerrit",
    "index",
    "missing",
    "notes",
)
SCALES = {"kernel": generate.KERNEL, "small": generate.SMALL, "huge": generate.HUGE}


def main() -> int:
    """Run the groups that were asked for; 1 under --strict where a target was missed."""
    options = _options()
    report = measure.Report()
    groups = options.only or GROUPS
    print(f"{_machine()}\n", flush=True)  # noqa: T201 - the bench's output
    if {"startup", "backport", "plan"} & set(groups):
        made = generate.cached(SCALES[options.scale])
        if "startup" in groups:
            startup.bench(report, made, options.repeats)
        if "backport" in groups:
            backport.bench(report, made, options.repeats)
        if "plan" in groups:
            plan.bench(report, "generated", made.git_dir, made.pairs, options.repeats)
    _real(report, groups, options.repeats)
    rest = {
        "prerequisites": lambda: _prerequisites(report),
        "built": lambda: built.bench(report),
        "ladder": lambda: _ladder(report),
        "regress": lambda: regress.bench(report, options.repeats),
        "pipeline": lambda: pipeline.bench(report),
        "site": lambda: site.bench(report),
        "gerrit": lambda: gerrit.bench(report),
        "index": lambda: _index(report, options),
        "missing": lambda: _missing(report, options),
        "notes": lambda: notes.bench(report, options.repeats),
    }
    for name in (each for each in rest if each in groups):
        rest[name]()
    if options.json:
        rows = [asdict(row) for row in report.rows]
        document = {"schema": "cosport.bench/1", "machine": _machine(), "rows": rows}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for row in report.missed:
        print(f"missed: {row.group} {row.what}: {row.value:g} {row.unit}, {row.target}")  # noqa: T201 - the bench's output
    return 1 if options.strict and report.missed else 0


def _real(report: measure.Report, groups: tuple[str, ...], repeats: int) -> None:
    for name, variable, revisions, target in (
        ("linux", "COSPORT_BENCH_LINUX", pairs.LINUX_REVS, 87.7),
        ("qemu", "COSPORT_BENCH_QEMU", ("--all",), None),
    ):
        if variable not in os.environ or not {"plan", "replay", "presubmit"} & set(groups):
            continue
        git_dir = Path(os.environ[variable]).resolve()
        chosen = pairs.extract(git_dir, revisions)
        with configured("master") as config:
            if "replay" in groups:
                replay.bench(report, name, git_dir, chosen, *config, target=target)
            if "presubmit" in groups and name == "linux":
                presubmit.bench(report, name, git_dir, chosen, min(repeats, 5))
            if "plan" in groups and name == "linux":
                plan.bench(report, name, git_dir, chosen, min(repeats, 3), *config)


def _prerequisites(report: measure.Report) -> None:
    for variable, (name, branches, limit) in prerequisites.HISTORIES.items():
        if variable in os.environ:
            where = Path(os.environ[variable]).resolve()
            prerequisites.bench(report, name, where, branches, mainline="master", limit=limit)


def _ladder(report: measure.Report) -> None:
    for name, variable, revisions in (
        ("qemu", "COSPORT_BENCH_QEMU", ("--all",)),
        ("rdma-core", "COSPORT_BENCH_RDMA", ("--all",)),
        ("linux", "COSPORT_BENCH_LINUX", pairs.LINUX_REVS),
    ):
        if variable in os.environ:
            git_dir = Path(os.environ[variable]).resolve()
            ladder.bench(report, name, git_dir, pairs.extract(git_dir, revisions))
    for where in filter(None, os.environ.get("COSPORT_BENCH_OTHERS", "").split(os.pathsep)):
        git_dir = Path(where).absolute()
        ladder.bench(report, git_dir.name, git_dir, pairs.extract(git_dir, ("--all",)), ladder.MOST)


def _index(report: measure.Report, options: argparse.Namespace) -> None:
    made = _large(options)
    asked = made.pairs[len(made.pairs) // 2].upstream
    index.bench(report, "generated", made.git_dir, asked, repeats=options.repeats)
    for name, git_dir in _histories():
        with configured("master") as config:
            asked = pairs.extract(git_dir, pairs.LINUX_REVS if name == "linux" else ("master",))[-1].upstream
            index.bench(report, name, git_dir, asked, *config, repeats=options.repeats)


def _missing(report: measure.Report, options: argparse.Namespace) -> None:
    made = _large(options)
    missing.bench(report, made.git_dir, made.branches[1], generate.UPSTREAM, options.repeats)
    for name, git_dir in _histories():
        missing.real(report, name, git_dir)


def _large(options: argparse.Namespace) -> generate.Made:
    """A million commits; under `--scale small` some hundreds."""
    return generate.cached(generate.SMALL if options.scale == "small" else generate.HUGE)


def _histories() -> list[tuple[str, Path]]:
    variables = (("linux", "COSPORT_BENCH_LINUX"), ("qemu", "COSPORT_BENCH_QEMU"))
    return [(name, Path(os.environ[variable]).resolve()) for name, variable in variables if variable in os.environ]


def _machine() -> str:
    git = subprocess.run(["git", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode("ascii").strip()
    return f"{git}, Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, nargs="+", help="these groups alone")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement; the median counts (default: 5)")
    parser.add_argument("--scale", choices=SCALES, default="kernel", help="of the generated tree (default: kernel)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
