"""Searches for the smallest set of commits with which a pick merges cleanly.

Suspects are tried each alone, then all that the conflicts point to; these may conflict themselves and so need others.
What made the pick clean is then cut down until nothing can be left out, and compared with smaller sets of the same
suspects.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from cosport.backport.prereq_suspects import Suspects, Suspicion
from cosport.backport.prereq_trials import OutOfTimeError
from cosport.history.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.backport.prereq_trials import Outcome, Step, Trials
    from cosport.history.index import History
    from cosport.model.commit import Sha

_LIKELIEST: Final = 8
"""Suspects that are tried alone together: what comes after them has less evidence than one of them that suffices."""

_COMBINED: Final = 3
"""Commits of the largest sets that are made by combining suspects, and tried."""

_COMBINATIONS: Final = 300
"""Such sets of one size that are tried at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the search goes.

    `seconds` bound it in processor time; `depth` is how often it asks for the prerequisites of what it has found;
    `alone` commits are tried one by one; `commits` may be in question together; of `mixed` suspects smaller sets are
    tried. What touches more than `files` files is not in question. A set of more than `largest` commits is no answer:
    for one fix nobody brings so many.
    """

    seconds: float = 3.4
    depth: int = 12
    alone: int = 24
    commits: int = 40
    mixed: int = 12
    files: int = 200
    largest: int = 20


class Search:
    """One search among the suspects of `suspicion`; its fields are what it knows so far.

    `forced`, a commit that conflicts goes in all the same, as if a person had fitted its change to the branch.
    `scores` tells how well each suspect explains the conflicts.
    """

    def __init__(
        self, history: History, trials: Trials, suspicion: Suspicion, limits: Limits, *, forced: bool = False
    ) -> None:
        self.history = history
        self.trials = trials
        self.suspicion = suspicion
        self.limits = limits
        self.forced = forced
        self.scores: dict[Sha, float] = {}
        self.merges: dict[Sha, None] = {}
        self.plain: Outcome | None = None  # of the pick with nothing before it
        self.good: list[tuple[Sha, ...]] = []
        self.finished = False
        self.too_large = 0

    def sets(self) -> list[tuple[Sha, ...]]:
        """The smallest sets that were found, the best first; `finished` tells whether the time sufficed.

        `too_large` is the size of the smallest one, where that is more than the limit.
        """
        try:
            self._search()
            self.finished = True
        except OutOfTimeError:
            self.finished = False
        small = [each for each in self.good if len(each) <= self.limits.largest]
        if self.good and not small:
            self.too_large = min(map(len, self.good))
        return sorted(small, key=self._preference)

    def _search(self) -> None:
        (plain,) = self._run([()])
        self.plain = plain
        if plain.clean:
            self.good = [()]
            return
        first = self._suspects([plain.target])
        if self._alone(first):
            return
        everything = self._together(plain, first)
        if everything is None:
            return
        self.good = [everything]
        self.good = [self._reduced(everything)]
        self._smaller(first)

    def _run(self, sets: Sequence[Sequence[Sha]]) -> list[Outcome]:
        return self.trials.run(sets, forced=self.forced)

    def _suspects(self, steps: Sequence[Step], without: Iterable[Sha] = ()) -> Suspects:
        """Whom the conflicts of these steps point to, together."""
        answers = self.suspicion.of(steps, self.trials.objects, without)
        for answer in answers:
            self.merges.update(dict.fromkeys(answer.merges))
            for name, score in answer.scores.items():
                self.scores[name] = max(score, self.scores.get(name, 0.0))
        strong = dict.fromkeys(name for answer in answers for name in answer.strong)
        weak = dict.fromkeys(name for answer in answers for name in answer.weak if name not in strong)
        return Suspects(tuple(strong), tuple(weak))

    def _alone(self, first: Suspects) -> bool:
        """Try each suspect alone, the likeliest first; whether one of them suffices."""
        names = self._handy([*first.strong, *first.weak][: 2 * self.limits.alone])[: self.limits.alone]
        for start in range(0, len(names), _LIKELIEST):
            runs = self._run([(name,) for name in names[start : start + _LIKELIEST]])
            self.good = [run.used for run in runs if run.clean and run.used]
            if self.good:
                return True
        return False

    def _together(self, plain: Outcome, first: Suspects) -> tuple[Sha, ...] | None:
        """Add what the conflicts point to until the pick is clean: those that then merge; None where it never is."""
        chosen: list[Sha] = []
        seen: set[Sha] = set()
        run, more = plain, first
        for _ in range(self.limits.depth):
            fresh = self._fresh(more, seen)[: self.limits.commits - len(chosen)]
            if not fresh:
                return None
            seen.update(fresh)
            chosen = self._ordered([*chosen, *fresh])
            (run,) = self._run([chosen])
            if run.clean:
                return run.used
            more = self._suspects(run.conflicts, seen)
        return None

    def _fresh(self, more: Suspects, seen: set[Sha]) -> list[Sha]:
        """Suspects to be added: those that explain a line best; where there are none, the next best kind."""
        telling = [name for name in more.strong if self.scores[name] >= 1.0]
        for names, most in ((telling, None), (more.strong, 8), (more.weak, 4)):
            if fresh := self._handy([name for name in names if name not in seen])[:most]:
                return fresh
        return []

    def _reduced(self, names: tuple[Sha, ...]) -> tuple[Sha, ...]:
        """Of a set that makes the pick clean a part from which nothing can be left out.

        From the newest to the oldest, so that what is left of a chain is merged only once; first in larger pieces.
        """
        size = max(1, len(names) // 2)
        while True:
            before = names
            end = len(names)
            while end > 0:
                start = max(0, end - size)
                (run,) = self._run([names[:start] + names[end:]])
                if run.clean and len(run.used) < len(names):
                    names = run.used
                    self.good = [names]
                end = min(start, len(names))
            if size > 1:
                size = max(1, min(size, len(names)) // 2)
            elif names == before:
                return names

    def _smaller(self, first: Suspects) -> None:
        """Try smaller sets of the likeliest suspects, and others of the same size."""
        (best,) = self.good
        likely = [name for name in sorted(self.scores, key=lambda name: -self.scores[name]) if name not in best]
        pool = [*best, *likely][: self.limits.mixed]
        pool = self._ordered(self._handy([*pool, *first.strong[:4]]))
        for size in range(2, min(len(best), _COMBINED) + 1):
            sets = [each for each in combinations(pool, size) if each != best]
            runs = self._run(sets[:_COMBINATIONS])
            good = list(dict.fromkeys(run.used for run in runs if run.clean and len(run.used) <= size))
            if good:
                least = min(map(len, good))
                same = [each for each in good if len(each) == least]
                self.good = [*([best] if least == len(best) else []), *same]
                return

    def _handy(self, names: Sequence[Sha]) -> list[Sha]:
        return self.suspicion.handy(names, self.limits.files)

    def _ordered(self, names: Iterable[Sha]) -> list[Sha]:
        return sorted(dict.fromkeys(names), key=self.history.rank)

    def _preference(self, names: tuple[Sha, ...]) -> tuple[int, float, int, int]:
        """Sorts sets: no commit that upstream took back, best evidence, fewest lines touched, newest."""
        reverted = sum(bool(self.history.naming(Kind.REVERTS, name)) for name in names)
        score = sum(self.scores.get(name, 0.0) for name in names)
        lines = sum(self.suspicion.sizes[name] for name in names)
        return reverted, -score, lines, -sum(self.history.rank(name) for name in names)
