"""Measures how well prerequisites are found, against what people brought first in real histories (`prereq_truth`).

python -m tests.bench.prerequisites linux.git --branches stable --limit 90
python -m tests.bench.prerequisites qemu.git --branches stable-2.11 stable-4.1 --limit 5

Two pools of candidates: the branch's own later commits, each of which fits there; and all of upstream, where a stable
commit's upstream counterpart counts as the same. Beside them two peers: blame of the lines in conflict, or their log;
and the same asked again of all that was named.

What scores is the proven set or, where there is none, the one that needs a hand; "proven alone" leaves that out. All
thresholds were chosen on Linux but one: `Limits.largest` was set after qemu showed proven sets of thirty commits. A
limit of eight, which would do for Linux, loses a quarter of what people brought there.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

from cosport.backport.context import Context
from cosport.backport.prereq_trials import Deadline, Trials
from cosport.backport.prerequisites import Found, Need, Pool, Range, prerequisites, upstream_pool
from cosport.backport.why import Scene, touched_by
from cosport.config import Config
from cosport.git.merge import Merge, merge_trees
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.model.commit import Sha
from tests.bench import pairs
from tests.bench.measure import Report
from tests.bench.prereq_truth import Case, cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cosport.git.quarantine import Quarantine


_CHAIN: Final = 15
"""Commits that the peer which asks again names at most."""

HISTORIES: Final = {
    "COSPORT_BENCH_LINUX": ("linux", ("stable",), 90),
    "COSPORT_BENCH_QEMU": ("qemu", ("stable-1.7", "stable-2.6", "stable-2.11", "stable-4.1"), 12),
    "COSPORT_BENCH_RDMA": ("rdma-core", tuple(f"stable-v{number}" for number in range(42, 62, 4)), 12),
}
"""By the variable that names a repository: what to call it, its stable branches, and cases of each depth from each."""


@dataclass(frozen=True, slots=True)
class Score:
    """One answer: how many were wanted, how many of them were given, how many were given in all, and the seconds."""

    wanted: int
    hit: int
    given: int
    seconds: float

    @property
    def smallest(self) -> bool:
        """Whether an answer was given that is not larger than what people brought."""
        return 0 < self.given <= self.wanted


def score(sets: Sequence[frozenset[Sha]], given: Iterable[Sha], seconds: float) -> Score:
    """The score of an answer against the one of the smallest sets that is nearest to it."""
    answer = frozenset(given)
    wanted = max(sets, key=lambda each: len(each & answer))
    return Score(len(wanted), len(wanted & answer), len(answer), seconds)


class Bench:
    """Asks for the prerequisites of each case of one repository."""

    def __init__(self, context: Context, known: Sequence[Case], named: dict[Sha, Sha]) -> None:
        self.context = context
        self.known = known
        self.named = named  # stable commits and their upstream counterparts

    def series(self) -> list[Score]:
        """Candidates: the branch's own commits in between."""
        return [
            self._ask(case, Pool(Range(case.until, (case.onto,)), lambda _: False), self._stable(case), _proven)[0]
            for case in self.known
        ]

    def upstream(self) -> tuple[list[Score], list[Score], list[bool]]:
        """Candidates: all of upstream. Scores of the proven sets, of all answers; which cases have a solution."""
        proven, any_answer, possible = [], [], []
        for case in self.known:
            commit = self.context.reader.commit(case.upstream)
            pool = upstream_pool(self.context, commit, case.onto)
            both = self._ask(case, pool, self._counterparts(case), _proven, _answer)
            proven.append(both[0])
            any_answer.append(both[1])
            possible.append(self._possible(case))
        return proven, any_answer, possible

    def blame(self) -> list[Score]:
        """The peer: who last changed the lines in conflict, nothing tried."""
        found = []
        for case in self.known:
            begin = perf_counter()
            with quarantine(self.context.repository, kept=False) as place:
                given = set(self._blamed(place, case.upstream, case.onto))
            found.append(score(self._counterparts(case), given, perf_counter() - begin))
        return found

    def chain(self) -> list[Score]:
        """The peer that asks again: who last changed the lines in conflict, and those of each of these; at most 15."""
        return [self._chain(case) for case in self.known]

    def _chain(self, case: Case) -> Score:
        begin = perf_counter()
        given: dict[Sha, None] = {}
        waiting = [case.upstream]
        with quarantine(self.context.repository, kept=False) as place:
            while waiting and len(given) < _CHAIN:
                for name in self._blamed(place, waiting.pop(0), case.onto):
                    if name not in given and len(given) < _CHAIN:
                        given[name] = None
                        waiting.append(name)
        return score(self._counterparts(case), given, perf_counter() - begin)

    def _blamed(self, place: Quarantine, name: Sha, onto: Sha) -> list[Sha]:
        """Who last changed the lines in which a commit conflicts on `onto`, or their log where blame names nobody."""
        reader = self.context.reader
        commit = reader.commit(name)
        if len(commit.parents) != 1:
            return []
        change = Merge(reader.commit(commit.parents[0]).tree, reader.commit(onto).tree, commit.tree)
        (shown,) = merge_trees(place, [change], style="diff3")
        scene = Scene(self.context, place, commit, onto, shown)
        paths = [each.path.decode("utf-8", "surrogateescape") for each in shown.unmerged]
        return [touch.sha for path in paths for touch in touched_by(scene, path)]

    def _ask(
        self, case: Case, pool: Pool, sets: Sequence[frozenset[Sha]], *answers: Callable[[Found], tuple[Need, ...]]
    ) -> list[Score]:
        reader = self.context.reader
        self.context.history.reach(case.onto)  # a run of cosport has asked this before it knows of a conflict
        with quarantine(self.context.repository, kept=False) as place:
            begin = perf_counter()
            found = prerequisites(self.context, place, reader.commit(case.upstream), case.onto, candidates=pool)
            seconds = perf_counter() - begin
        return [score(sets, (need.commit for need in answer(found)), seconds) for answer in answers]

    def _stable(self, case: Case) -> list[frozenset[Sha]]:
        return [frozenset(each) for each in case.sets]

    def _counterparts(self, case: Case) -> list[frozenset[Sha]]:
        return [frozenset(self.named.get(name, name) for name in each) for each in case.sets]

    def _possible(self, case: Case) -> bool:
        """Whether what people brought merges in upstream's form as well: else they adapted it."""
        reader = self.context.reader
        commit = reader.commit(case.upstream)
        with quarantine(self.context.repository, kept=False) as place, ObjectReader(place.repository) as objects:
            target = commit.sha, Merge(reader.commit(commit.parents[0]).tree, commit.tree, commit.tree)
            onto = reader.commit(case.onto).tree
            trials = Trials(place, reader, objects, onto, target, deadline=Deadline(float("inf")))
            sets = [sorted(each, key=self.context.history.rank) for each in self._counterparts(case)]
            runs = trials.run(sets)
        return any(run.clean and len(run.used) == len(each) for run, each in zip(runs, sets, strict=True))


def _proven(found: Found) -> tuple[Need, ...]:
    return found.sets[0] if found.sets else ()


def _answer(found: Found) -> tuple[Need, ...]:
    return _proven(found) or found.by_hand


def bench(report: Report, what: str, git_dir: Path, branches: Sequence[str], *, mainline: str, limit: int) -> None:
    """Build the cases of one repository, answer them, and tell."""
    known = pairs.extract(git_dir, branches)
    built = list(cases(git_dir, branches, mainline, known, limit))
    repository = Repository.open(git_dir)
    with ObjectReader(repository) as reader, History.open(repository) as history:
        context = Context(repository, reader, history, Config(source="bench"), reader.resolve(mainline).sha)
        asked = Bench(context, built, {Sha(pair.stable): Sha(pair.upstream) for pair in known})
        report.add(what, "cases", len(built), "")
        _tell(report, what, "series", asked.series(), aims=True)
        proven, answers, possible = asked.upstream()
        report.add(what, "upstream: of these, what people brought merges as it is", sum(possible), "cases")
        easy = [each for each, fits in zip(proven, possible, strict=True) if fits]
        _tell(report, what, "upstream, where that merges", easy)
        _tell(report, what, "upstream, proven alone", proven)
        _tell(report, what, "upstream", answers, aims=True)
        _tell(report, what, "peer: blame or log -L", asked.blame())
        _tell(report, what, "peer: the same, asked again", asked.chain())


def _tell(report: Report, what: str, title: str, scores: Sequence[Score], *, aims: bool = False) -> None:
    wanted, hit, given = (sum(getattr(each, name) for each in scores) for name in ("wanted", "hit", "given"))
    times = sorted(each.seconds for each in scores)
    rows = (
        ("found", 100 * hit / max(1, wanted), "%", 92.0, None),
        ("precision", 100 * hit / max(1, given), "%", 90.0, None),
        ("of the smallest size", 100 * sum(each.smallest for each in scores) / len(scores), "%", 80.0, None),
        ("median", statistics.median(times), "s", None, 0.5),
        ("95th percentile", times[int(len(times) * 0.95)], "s", None, 5.0),
    )
    for name, value, unit, least, most in rows:
        report.add(
            what,
            f"{title}: {name}",
            value,
            unit,
            at_least=least if aims else None,
            at_most=most if aims else None,
        )


def main() -> int:
    """Measure one repository; 1 where an aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.prerequisites", description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--branches", nargs="+", required=True, help="the stable branches")
    parser.add_argument("--mainline", default="master", help="upstream's branch (default: master)")
    parser.add_argument("--limit", type=int, default=90, help="cases of each depth from each branch (default: 90)")
    options = parser.parse_args()
    report = Report()
    git_dir = options.repository.resolve()
    bench(report, options.repository.stem, git_dir, options.branches, mainline=options.mainline, limit=options.limit)
    return 1 if report.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
