"""Measures how well prerequisites are found, against what people brought first in real histories (`prereq_truth`).

python -m tests.bench.prerequisites linux.git --branches stable --limit 30
python -m tests.bench.prerequisites qemu.git --branches stable-2.11 stable-4.1 --limit 5

Two pools of candidates: the branch's own later commits, each of which fits there; and all of upstream, where a stable
commit's upstream counterpart counts as the same. Beside them the peers (`prereq_peers`), on the same cases.

What scores is the set that is advised: the proven one or, where there is none or it is several times as large, the one
that needs a hand; "proven alone" leaves that out. A proven set that is not what people brought, and not larger, counts
as wrong, and is told beside. What an answer lacks is sorted by cause (`prereq_misses`). Times are of processor time.

All thresholds were chosen on Linux but one: `Limits.largest` was set after qemu showed proven sets of thirty commits. A
limit of eight, which would do for Linux, loses a quarter of what people brought there.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cosport.backport.context import Context
from cosport.backport.prereq_trials import Deadline, Trials
from cosport.backport.prerequisites import Found, Need, Pool, Range, prerequisites, upstream_pool
from cosport.compare.patchid import patch_ids
from cosport.config import Config
from cosport.errors import RevisionError
from cosport.git.merge import Merge
from cosport.git.objects import ObjectReader
from cosport.git.quarantine import quarantine
from cosport.git.repository import Repository
from cosport.history.index import History
from cosport.model.commit import Sha
from tests.bench import pairs, prereq_misses
from tests.bench.measure import Report
from tests.bench.prereq_peers import blame, blame_and_log, chain
from tests.bench.prereq_truth import Case, cases

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

PEERS: Final = (
    ("blame", blame),
    ("blame and log -L", blame_and_log),
    ("both, asked again, at most 15", chain),
)

_ABBREVIATED: Final = re.compile(rb"^\s*\[? ?(?:upstream )?commit ([0-9a-f]{12,39})\b", re.IGNORECASE | re.MULTILINE)
"""How a backport states its origin, by less than a whole sha."""

HISTORIES: Final = {
    "COSPORT_BENCH_LINUX": ("linux", ("stable",), 30),
    "COSPORT_BENCH_QEMU": ("qemu", ("stable-1.7", "stable-2.6", "stable-2.11", "stable-4.1"), 12),
    "COSPORT_BENCH_RDMA": ("rdma-core", tuple(f"stable-v{number}" for number in range(42, 62, 4)), 12),
}
"""By the variable that names a repository: what to call it, its stable branches, and cases of each depth from each."""


@dataclass(frozen=True, slots=True)
class Score:
    """One answer: how many were wanted, how many of them were given, how many were given in all, and the seconds.

    They are of processor time, git's included. `proven` tells whether the pick was seen to merge after what was given.
    """

    wanted: int
    hit: int
    given: int
    seconds: float
    proven: bool = False

    @property
    def smallest(self) -> bool:
        """Whether an answer was given that is not larger than what people brought."""
        return 0 < self.given <= self.wanted

    @property
    def exact(self) -> bool:
        """Whether it is what people brought, no more and no less."""
        return self.hit == self.wanted == self.given

    @property
    def equivalent(self) -> bool:
        """Whether it is another set than people brought that does as well: no larger, and seen to make it clean."""
        return self.proven and self.smallest and not self.exact


def score(sets: Sequence[frozenset[Sha]], given: Iterable[Sha], seconds: float, *, proven: bool = False) -> Score:
    """The score of an answer against the one of the smallest sets that is nearest to it."""
    answer = frozenset(given)
    wanted = max(sets, key=lambda each: len(each & answer))
    return Score(len(wanted), len(wanted & answer), len(answer), seconds, proven)


def processor_time() -> float:
    """Seconds that this process and its children have computed: a busy machine does not change them much."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found for one case, and the seconds of processor time that it took."""

    case: Case
    found: Found
    seconds: float

    def score(self, choose: Callable[[Found], tuple[Need, ...]], named: dict[Sha, Sha]) -> Score:
        """The score of what is chosen of it; `named` are stable commits and their upstream counterparts."""
        chosen = choose(self.found)
        names = (need.commit for need in chosen)
        return score(_wanted(self.case, named), names, self.seconds, proven=chosen in self.found.sets)


def _wanted(case: Case, named: dict[Sha, Sha]) -> list[frozenset[Sha]]:
    return [frozenset(named.get(name, name) for name in each) for each in case.sets]


class Bench:
    """Asks for the prerequisites of each case of one repository."""

    def __init__(self, context: Context, known: Sequence[Case], named: dict[Sha, Sha]) -> None:
        self.context = context
        self.known = known
        self.named = named  # stable commits and their upstream counterparts

    def series(self) -> list[Score]:
        """Candidates: the branch's own commits in between."""
        pools = [Pool(Range(case.until, (case.onto,)), lambda _: False) for case in self.known]
        asked = [self._ask(case, pool) for case, pool in zip(self.known, pools, strict=True)]
        return [each.score(_proven, {}) for each in asked]

    def upstream(self) -> list[Answer]:
        """Candidates: all of upstream."""
        reader = self.context.reader
        return [
            self._ask(case, upstream_pool(self.context, reader.commit(case.upstream), case.onto)) for case in self.known
        ]

    def lacking(self, answer: Answer) -> Counter[prereq_misses.Cause]:
        """What an answer from all of upstream lacks of what people brought, by cause."""
        wanted = _wanted(answer.case, self.named)
        return prereq_misses.causes(self.context, answer.case.upstream, wanted, answer.found)

    def possible(self) -> list[bool]:
        """Which cases have a solution among upstream's own commits."""
        return [self._possible(case) for case in self.known]

    def peer(self, ask: Callable[[Context, Sha, Sha], Iterable[Sha]]) -> list[Score]:
        """What a peer names, nothing tried."""
        found = []
        for case in self.known:
            begin = processor_time()
            given = set(ask(self.context, case.upstream, case.onto))
            found.append(score(_wanted(case, self.named), given, processor_time() - begin))
        return found

    def _ask(self, case: Case, pool: Pool) -> Answer:
        reader = self.context.reader
        self.context.history.reach(case.onto)  # a run of cosport has asked this before it knows of a conflict
        with quarantine(self.context.repository, kept=False) as place:
            begin = processor_time()
            found = prerequisites(self.context, place, reader.commit(case.upstream), case.onto, candidates=pool)
            return Answer(case, found, processor_time() - begin)

    def _possible(self, case: Case) -> bool:
        """Whether what people brought merges in upstream's form as well: else they adapted it."""
        reader = self.context.reader
        commit = reader.commit(case.upstream)
        with quarantine(self.context.repository, kept=False) as place, ObjectReader(place.repository) as objects:
            target = commit.sha, Merge(reader.commit(commit.parents[0]).tree, commit.tree, commit.tree)
            onto = reader.commit(case.onto).tree
            trials = Trials(place, reader, objects, onto, target, deadline=Deadline(float("inf")))
            sets = [sorted(each, key=self.context.history.rank) for each in _wanted(case, self.named)]
            runs = trials.run(sets)
        return any(run.clean and len(run.used) == len(each) for run, each in zip(runs, sets, strict=True))


def _proven(found: Found) -> tuple[Need, ...]:
    return found.sets[0] if found.sets else ()


def _advised(found: Found) -> tuple[Need, ...]:
    return found.advised


def counterparts(context: Context, known: Sequence[Case], named: dict[Sha, Sha]) -> dict[Sha, Sha]:
    """`named`, and what commits of the truth are that state no whole sha: by an abbreviated one, else by patch-id.

    One stable commit of Linux states 39 digits of its upstream's 40. An answer that names its upstream commit is right.
    """
    found = dict(named)
    reader = context.reader
    silent = []
    for name in sorted({each for case in known for names in case.sets for each in names if each not in named}):
        stated = _ABBREVIATED.search(reader.commit(name).message)
        try:
            found[name] = reader.resolve(stated[1].decode("ascii")).sha if stated else name
        except RevisionError:
            found[name] = name
        if found[name] == name:
            silent.append(name)
    found.update(_same_patches(context, silent))
    return found


def _same_patches(context: Context, names: Sequence[Sha]) -> dict[Sha, Sha]:
    """The upstream commits that have the subjects and the patch-ids of these."""
    if not names or context.upstream is None:
        return {}
    subjects = {name: context.reader.commit(name).subject for name in names}
    wanted = set(subjects.values())
    log = context.repository.text("log", "--no-merges", "--format=%H %s", context.upstream)
    alike = [(Sha(line[:40]), line[41:]) for line in log.splitlines() if line[41:] in wanted]
    ids = patch_ids(context.repository, [*names, *(name for name, _ in alike)])
    above = {(ids[name], subject): name for name, subject in alike if name in ids}
    return {name: above[key] for name in names if (key := (ids.get(name), subjects[name])) in above}


def bench(report: Report, what: str, git_dir: Path, branches: Sequence[str], *, mainline: str, limit: int) -> None:
    """Build the cases of one repository, answer them, and tell."""
    known = pairs.extract(git_dir, branches)
    built = list(cases(git_dir, branches, mainline, known, limit))
    repository = Repository.open(git_dir)
    with ObjectReader(repository) as reader, History.open(repository) as history:
        context = Context(repository, reader, history, Config(source="bench"), reader.resolve(mainline).sha)
        strict = {Sha(pair.stable): Sha(pair.upstream) for pair in known}
        asked = Bench(context, built, counterparts(context, built, strict))
        report.add(what, "cases", len(built), "")
        report.add(what, "of different picks", len({case.upstream for case in built}), "")
        _tell(report, what, "series", asked.series(), aims=True)
        answers, possible = asked.upstream(), asked.possible()
        report.add(what, "upstream: of these, what people brought merges as it is", sum(possible), "cases")
        proven = [each.score(_proven, asked.named) for each in answers]
        easy = [each for each, fits in zip(proven, possible, strict=True) if fits]
        _tell(report, what, "upstream, where that merges", easy)
        _tell(report, what, "upstream, proven alone", proven)
        _tell(report, what, "upstream, whole shas alone", [each.score(_advised, strict) for each in answers])
        _tell(report, what, "upstream", [each.score(_advised, asked.named) for each in answers], aims=True)
        for cause, lacking in prereq_misses.together(map(asked.lacking, answers)).items():
            report.add(what, f"upstream: lacks, as {cause}", lacking, "commits")
        more = sum(name not in strict and above != name for name, above in asked.named.items())
        report.add(what, "upstream: commits of the truth known by part of a sha, or by patch-id", more, "")
        for title, ask in PEERS:
            _tell(report, what, f"peer: {title}", asked.peer(ask))


def _tell(report: Report, what: str, title: str, scores: Sequence[Score], *, aims: bool = False) -> None:
    wanted, hit, given = (sum(getattr(each, name) for each in scores) for name in ("wanted", "hit", "given"))
    times = sorted(each.seconds for each in scores) or [0.0]
    rows = (
        ("found", 100 * hit / max(1, wanted), "%", 92.0, None),
        ("precision", 100 * hit / max(1, given), "%", 90.0, None),
        ("of the smallest size", 100 * sum(each.smallest for each in scores) / max(1, len(scores)), "%", 80.0, None),
        ("just what people brought", sum(each.exact for each in scores), "cases", None, None),
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
    if aims:  # the peers prove nothing
        report.add(
            what, f"{title}: another set, proven and no larger", sum(each.equivalent for each in scores), "cases"
        )


def main() -> int:
    """Measure one repository; 1 where an aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.prerequisites", description=__doc__)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--branches", nargs="+", required=True, help="the stable branches")
    parser.add_argument("--mainline", default="master", help="upstream's branch (default: master)")
    parser.add_argument("--limit", type=int, default=30, help="cases of each depth from each branch (default: 30)")
    options = parser.parse_args()
    report = Report()
    git_dir = options.repository.resolve()
    bench(report, options.repository.stem, git_dir, options.branches, mainline=options.mainline, limit=options.limit)
    return 1 if report.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
