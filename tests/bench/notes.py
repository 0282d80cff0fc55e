"""Release notes against `git log` of the same range: time, memory, and that no commit of the range is lost.

Real Linux gives the range of stable releases that people know; a generated repository a range of 20,000 commits with
notes, picks, reverts and CVE records; a generated folder as many CVE records as there are.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from tests.bench import measure
from tests.bench.tool import COSPORT, configured, git, warm
from tests.cve import records
from tests.cve.stories import Importer

if TYPE_CHECKING:
    from tests.bench.measure import Report

COMMITS: Final = 20_000
RECORDS: Final = 15_000
LINUX: Final = "v2.6.32.10..v2.6.32.33"


def bench(report: Report, repeats: int) -> None:
    """Measure a long generated range, the CVE index, and real Linux where COSPORT_BENCH_LINUX names it."""
    if "COSPORT_BENCH_LINUX" in os.environ:
        _real(report, Path(os.environ["COSPORT_BENCH_LINUX"]).resolve(), repeats)
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        home = Path(folder)
        config = _generate(home)
        options = ("--repo", str(home / "repo"), "--config", str(config))
        warm(home / "repo", "--config", str(config))
        first = measure.run([*COSPORT, "notes", *options, "start..tip"])
        report.add("notes", f"first, with {RECORDS} CVE records to index", first.seconds, "s")
        runs = [measure.run([*COSPORT, "notes", *options, "start..tip"]) for _ in range(repeats)]
        report.add("notes", f"{COMMITS} commits", measure.median(runs), "s", at_most=5)
        report.add("notes", "memory of it", max(run.own_mib for run in runs), "MiB", at_most=300)
        _complete(report, f"{COMMITS} commits", home / "repo", options, "start..tip")


def _real(report: Report, repository: Path, repeats: int) -> None:
    """Measure the range of real stable releases, alternating with `git log` of the same range."""
    with configured("master") as config:
        options = ("--repo", str(repository), *config)
        warm(repository, *config)
        argv = [*COSPORT, "notes", *options, LINUX, "--profile", "stable"]
        log = ["git", "-C", str(repository), "log", LINUX]
        ours, theirs = measure.alternate(repeats, lambda _: measure.run(argv), lambda _: measure.run(log))
        limit = 1.5 * measure.median(theirs) + 0.5
        report.add("notes", f"{LINUX} / (1.5 times git log + 0.5 s)", measure.median(ours) / limit, "x", at_most=1)
        report.add("notes", f"{LINUX}", measure.median(ours), "s")
        _complete(report, LINUX, repository, (*options, "--profile", "stable"), LINUX)


def _complete(report: Report, what: str, repository: Path, options: tuple[str, ...], span: str) -> None:
    """How many commits of the range are not accounted for."""
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        out = Path(folder, "notes.json")
        measure.run([*COSPORT, "notes", *options, span, "--json"], stdout=out)
        told = {account["commit"] for account in json.loads(out.read_bytes())["commits"]}
    lost = told.symmetric_difference(git(repository, "rev-list", span).split())
    report.add("notes", f"{what}: not accounted for", len(lost), "", at_most=0)


def _generate(home: Path) -> Path:
    """A branch of 20,000 picks with notes, every hundredth reverted again, and CVE records for every tenth."""
    subprocess.run(["git", "init", "-q", "--bare", str(home / "repo")], check=True)
    chance = random.Random(1)
    writer = Importer(home / "repo")
    base = top = writer.commit("refs/heads/main", "start", [], {"a": "0"})
    upstream = []
    for number in range(COMMITS):
        top = writer.commit("refs/heads/main", f"part{number % 997}: change {number}\n\nWords.", [top], {})
        upstream.append(top)
    tip = writer.commit("refs/heads/cos", "cos: start", [base], {})
    start = tip
    for number, sha in enumerate(upstream):
        note = f"RELEASE_NOTE=Fixed machine {number}.\nBUG=b/{number}\n\ncos-patch: bug\n"
        text = f"part{number % 997}: change {number}\n\nWords.\n\n{note}(cherry picked from commit {sha})\n"
        tip = writer.commit("refs/heads/cos", text, [tip], {})
        if number % 100 == 99:
            tip = writer.commit(
                "refs/heads/cos",
                f'Revert "part{number % 997}: change {number}"\n\nThis reverts commit {tip}.\n',
                [tip],
                {},
            )
    writer.close()
    git(home / "repo", "tag", "start", start)
    git(home / "repo", "tag", "tip", "cos")
    vulns = home / "vulns"
    for number in range(RECORDS):
        fix = upstream[number * 10] if number * 10 < COMMITS else f"{chance.getrandbits(160):040x}"
        others = [f"{chance.getrandbits(160):040x}" for _ in range(4)]
        records.publish(
            vulns, f"CVE-{2020 + number % 6}-{20000 + number}", [(base, each) for each in (*others, fix)], ids=[fix]
        )
    config = home / "cosport.toml"
    config.write_text(
        f'[upstream]\nref = "main"\n[message]\nprofile = "cos"\n[cve]\ndata = "{vulns}"\n', encoding="utf-8"
    )
    return config
