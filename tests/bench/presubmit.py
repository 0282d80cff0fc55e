"""Every check on each real backport of a history: how long a commit takes, and what would be blocked, by rule.

What people committed was good enough for them: each finding that blocks is either a rule that did not hold yet, or
false. `python -m tests.bench.presubmit REPOSITORY` prints them one by one, to be looked at.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tests.bench import measure, pairs
from tests.bench.tool import COSPORT, warm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.presubmit.report import Report

CONFIG = '[upstream]\nref = "master"\n[message]\nprofile = "stable"\n'


def bench(report: measure.Report, name: str, git_dir: Path, chosen: Sequence[pairs.Pair], repeats: int) -> None:
    """Measure all of them in one process, and one commit by the command line."""
    with TemporaryDirectory(prefix="cosport-bench-") as folder:
        out, config = Path(folder, "out.json"), Path(folder, "cosport.toml")
        config.write_text(CONFIG, encoding="utf-8")
        options = ("--config", str(config))
        warm(git_dir, *options)
        measure.run([sys.executable, "-m", "tests.bench.presubmit", str(git_dir), "--json"], stdout=out)
        found: dict[str, Any] = json.loads(out.read_bytes())
        words = [*COSPORT, "presubmit", chosen[0].stable, "--branch", "stable", "--repo", str(git_dir), *options]
        single = [measure.run(words, ok=(0, 1)) for _ in range(repeats)]
    report.add("presubmit", f"{name}: all checks, a commit (median)", found["median"] * 1000, "ms", at_most=300)
    report.add("presubmit", f"{name}: the slowest commit", found["slowest"] * 1000, "ms", note=found["which"])
    report.add("presubmit", f"{name}: cosport presubmit of one commit", measure.median(single) * 1000, "ms")
    report.add("presubmit", f"{name}: commits judged", found["commits"], "", note=f"of {len(chosen)}")
    for rule, count in found["blocked"].items():
        report.add("presubmit", f"{name}: commits that {rule} blocks", count, "")
    for check, count in found["could_not_run"].items():
        report.add("presubmit", f"{name}: commits on which {check} could not run", count, "")


def judge_all(git_dir: Path) -> Iterator[tuple[Report, float]]:
    """The report on each backport, and the seconds that it took."""
    from cosport import config
    from cosport.git.objects import ObjectReader
    from cosport.git.repository import Repository
    from cosport.history.index import History
    from cosport.model.commit import Sha
    from cosport.presubmit import runner
    from cosport.presubmit.context import Context, target

    chosen = pairs.extract(git_dir, pairs.LINUX_REVS)
    repository = Repository.open(git_dir)
    with ObjectReader(repository) as reader:
        upstream = reader.resolve("master").sha
        with History.open(repository, upstream=upstream) as history:
            settings = config.parse(CONFIG.encode(), "the bench")
            context = Context.of(repository, reader, history, settings, upstream)
            targets = [target(context, name) for name in pairs.LINUX_REVS]
            for pair in chosen:
                aim = next(each for each in targets if history.contains(Sha(pair.stable), each.tip))
                begin = perf_counter()
                yield runner.run(context, reader.commit(Sha(pair.stable)), aim), perf_counter() - begin


def main() -> int:
    """Print what blocks, a finding a line; with --json the counts."""
    seconds: list[tuple[float, str]] = []
    blocked: Counter[str] = Counter()
    stuck: Counter[str] = Counter()
    for report, took in judge_all(Path(sys.argv[1])):
        seconds.append((took, report.commit[:12]))
        blocked.update({each.rule for each in report.findings if each.severity == "block"})
        stuck.update(each.check for each in report.checks if each.state == "could-not-run")
        for each in report.findings if "--json" not in sys.argv else ():
            if each.severity == "block":
                sys.stdout.write(f"{report.commit[:12]} {each.rule}: {each.message[:200]!r}\n")
    seconds.sort()
    slowest, which = seconds[-1]
    counts = {
        "commits": len(seconds),
        "median": seconds[len(seconds) // 2][0],
        "slowest": slowest,
        "which": which,
        "blocked": dict(blocked.most_common()),
        "could_not_run": dict(stuck.most_common()),
    }
    sys.stdout.write(json.dumps(counts) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
