"""Finds which commits a conflicting pick needs first: the smallest set with which it merges cleanly, and the proof.

The lines in conflict name suspects (`prereq_suspects`), which are tried in memory (`prereq_trials`): each alone, then
all that the conflicts point to; these may conflict themselves and so need others. What made the pick clean is then cut
down until nothing can be left out, and compared with smaller sets of the same suspects.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.backport.context import parent_of
from cosport.backport.prereq_conflict import places
from cosport.backport.prereq_suspects import Range, Suspects, Suspicion
from cosport.backport.prereq_trials import Deadline, Outcome, OutOfTimeError, Step, Trials
from cosport.git.merge import Merge
from cosport.git.objects import ObjectReader
from cosport.history.applied import applied
from cosport.history.schema import Kind
from cosport.model.result import Prerequisite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cosport.backport.context import Context
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit, Sha

_PROVING: Final = 0.75
"""The part of the time for sets that merge without conflicts; the rest is for one that nearly does."""

_GRACE: Final = 0.5
"""Seconds beyond the limit in which what was found is proven once more and described."""

_LIKELIEST: Final = 8
"""Suspects that are tried alone together: what comes after them has less evidence than one of them that suffices."""

_OVER: Final = "the time was over"

_SHOWN: Final = 3
"""Sets that are reported at most: the best one and others of its size."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the search goes.

    `seconds` bound it in time; `depth` is how often it asks for the prerequisites of what it has found; `alone` commits
    are tried one by one; `commits` may be in question together; of `mixed` suspects smaller sets are tried. What
    touches more than `files` files is not in question.
    """

    seconds: float = 5.0
    depth: int = 12
    alone: int = 24
    commits: int = 40
    mixed: int = 12
    files: int = 200


@dataclass(frozen=True, slots=True)
class Pool:
    """Where prerequisites may come from: a range of commits, without those that the branch `holds`."""

    range: Range
    holds: Callable[[Sha], bool]


class Status(StrEnum):
    """How the search ended."""

    FOUND = "found"
    NOT_MINIMISED = "found-not-minimised"  # the time was over before all smaller sets were tried
    BY_HAND = "found-by-hand"  # with it the pick is clean, yet it conflicts itself, and a person has to resolve that
    NONE = "none-found"
    OUT_OF_TIME = "out-of-time"


@dataclass(frozen=True, slots=True)
class Need:
    """One commit of a set: the paths of the pick that conflict without it, in how many places, and who else needs it.

    `conflicts` are paths in which it conflicts itself where it is applied: of a set `found-by-hand` alone.
    """

    commit: Sha
    subject: str
    resolves: tuple[bytes, ...] = ()
    places: int = 0
    needed_by: tuple[Sha, ...] = ()
    conflicts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answer. `sets` are of the same size, the best first, each in the order in which it was applied.

    `tree` is what the best set and then the pick make; `tried` counts the sets that were tried; `suspects` are the
    commits that the conflicts pointed to, `merges` the merge commits that changed lines in conflict themselves; `why`
    says it for people.
    """

    status: Status
    sets: tuple[tuple[Need, ...], ...]
    tree: Sha | None
    tried: int
    suspects: tuple[Sha, ...]
    merges: tuple[Sha, ...]
    why: str


def upstream_pool(context: Context, commit: Commit, target: Sha, *, mainline: int | None = None) -> Pool:
    """All that upstream had before `commit` and that `target` holds neither by ancestry nor by backport."""
    parent = parent_of(context, commit, mainline)

    def holds(name: Sha) -> bool:
        return applied(context.history, name, target, patches=False).applied

    return Pool(Range(parent.sha, (target,)), holds)


def prerequisites(
    context: Context,
    place: Quarantine,
    commit: Commit,
    target: Sha,
    *,
    candidates: Pool,
    limits: Limits | None = None,
    mainline: int | None = None,
) -> Found:
    """The smallest set of candidates with which `commit` merges cleanly onto the commit `target`, proven by merging.

    `place` takes the trees that the trials make. Raises RevisionError where `commit` has no usable parent,
    MissingObjectError, GitError.
    """
    bounds = limits or Limits()
    deadline = Deadline(monotonic() + _PROVING * bounds.seconds)
    change = Merge(parent_of(context, commit, mainline).tree, commit.tree, commit.tree)
    suspicion = Suspicion(context.repository, context.history, candidates.range, candidates.holds, deadline)
    with ObjectReader(place.repository) as objects:
        onto = context.reader.commit(target).tree
        trials = Trials(place, context.reader, objects, onto, (commit.sha, change), deadline=deadline)
        return _Search(context, trials, suspicion, bounds, deadline).found()


class _Search:
    """One search; its fields are what it knows so far."""

    def __init__(
        self, context: Context, trials: Trials, suspicion: Suspicion, limits: Limits, deadline: Deadline
    ) -> None:
        self.context = context
        self.trials = trials
        self.suspicion = suspicion
        self.limits = limits
        self.deadline = deadline
        self.forced = False
        self.scores: dict[Sha, float] = {}
        self.merges: dict[Sha, None] = {}
        self.good: list[tuple[Sha, ...]] = []
        self.finished = True

    def found(self) -> Found:
        """Search, and say what came of it."""
        started = self.deadline.at - _PROVING * self.limits.seconds
        for self.forced in (False, True):
            try:
                self._search()
            except OutOfTimeError:
                self.finished = False
            self.deadline.at = started + self.limits.seconds
            if self.good:
                break
        self.deadline.at = max(self.deadline.at, monotonic() + _GRACE)
        return self._answer()

    def _search(self) -> None:
        (plain,) = self._run([()])
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
            room = max(4, self.limits.commits - len(chosen))
            fresh = self._handy([name for name in more.strong if name not in seen][:room])
            if not fresh:
                fresh = self._handy([name for name in more.weak if name not in seen][:8])[:4]
            if not fresh or len(chosen) >= self.limits.commits:
                return None
            seen.update(fresh)
            chosen = self._ordered([*chosen, *fresh])
            (run,) = self._run([chosen])
            if run.clean:
                return run.used
            more = self._suspects(run.conflicts, seen)
        return None

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
        for size in range(2, len(best) + 1):
            if size > 3:
                break
            sets = [each for each in combinations(pool, size) if each != best]
            runs = self._run(sets[:300])
            good = list(dict.fromkeys(run.used for run in runs if run.clean and len(run.used) <= size))
            if good:
                least = min(map(len, good))
                same = [each for each in good if len(each) == least]
                self.good = [*([best] if least == len(best) else []), *same]
                return

    def _handy(self, names: Sequence[Sha]) -> list[Sha]:
        return self.suspicion.handy(names, self.limits.files)

    def _ordered(self, names: Iterable[Sha]) -> list[Sha]:
        return sorted(dict.fromkeys(names), key=self.context.history.rank)

    # --- the answer

    def _answer(self) -> Found:
        suspects = tuple(sorted(self.scores, key=lambda name: -self.scores[name]))
        merges = tuple(self.merges)
        if not self.good:
            status = Status.NONE if self.finished else Status.OUT_OF_TIME
            return Found(status, (), None, self.trials.count, suspects, merges, self._why(status))
        status = Status.FOUND if self.finished else Status.NOT_MINIMISED
        if self.forced:
            status = Status.BY_HAND
        best = sorted(self.good, key=self._preference)[:_SHOWN]
        proof, *_ = self._run(best)  # costs nothing: these very merges were made before
        assert proof.clean
        assert all(step.went_in for step in proof.steps)
        try:
            sets = tuple(self._needs(each) for each in best)
        except OutOfTimeError:
            sets = tuple(tuple(Need(name, self._subject(name)) for name in each) for each in best)
        return Found(status, sets, proof.target.merged.tree, self.trials.count, suspects, merges, self._why(status))

    def _preference(self, names: tuple[Sha, ...]) -> tuple[int, float, int, int]:
        """Sorts sets: no commit that upstream took back, best evidence, fewest lines touched, newest."""
        history = self.context.history
        reverted = sum(bool(history.naming(Kind.REVERTS, name)) for name in names)
        score = sum(self.scores.get(name, 0.0) for name in names)
        lines = sum(self.suspicion.sizes[name] for name in names)
        return reverted, -score, lines, -sum(history.rank(name) for name in names)

    def _needs(self, names: tuple[Sha, ...]) -> tuple[Need, ...]:
        """What each commit of a set is there for: what conflicts when it alone is left out."""
        whole, *runs = self._run([names, *([other for other in names if other != name] for name in names)])
        own = {step.commit: tuple(each.path for each in step.merged.unmerged) for step in whole.steps}
        needs = []
        for name, run in zip(names, runs, strict=True):
            paths = tuple(each.path for each in run.target.merged.unmerged)
            count = max(len(paths), len(list(places(run.target.merged, self.trials.objects))))
            others = tuple(step.commit for step in run.steps if not step.merged.clean and not own[step.commit])
            needs.append(Need(name, self._subject(name), paths, count, others, own[name]))
        return tuple(needs)

    def _subject(self, name: Sha) -> str:
        return self.context.reader.commit(name).subject

    def _why(self, status: Status) -> str:
        tried = f"{len(self.scores)} suspects, {self.trials.count} sets tried"
        if not self.scores:
            tried = "no commit that could be picked changed the lines in conflict"
        text = {
            Status.FOUND: "merges cleanly after these",
            Status.NOT_MINIMISED: f"merges cleanly after these; {_OVER} before all smaller sets were tried",
            Status.BY_HAND: "merges cleanly after these, of which some conflict themselves",
            Status.NONE: "none found",
            Status.OUT_OF_TIME: f"none found: {_OVER}",
        }[status]
        if self.merges and status in (Status.NONE, Status.OUT_OF_TIME):
            named = ", ".join(name[:12] for name in list(self.merges)[:3])
            tried += f"; lines in conflict were changed by a merge itself, which cannot be picked alone: {named}"
        return f"{text} ({tried})"


def as_prerequisites(needs: Sequence[Need]) -> tuple[Prerequisite, ...]:
    """A set as results show it (`Result.prerequisites`): what resolves no path itself is needed by one that does."""
    return tuple(
        Prerequisite(need.commit, need.subject, tuple(path.decode("utf-8", "replace") for path in need.resolves))
        for need in needs
    )
