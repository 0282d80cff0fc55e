"""Finds which commits a conflicting pick needs first: the smallest set with which it merges cleanly, and the proof.

The lines in conflict name suspects (`prereq_suspects`), sets of which are tried in memory (`prereq_trials`) until the
smallest is found (`prereq_search`). Where none merges, or only a larger one does, it is told with which fewer commits
the pick would be clean once a person has resolved their own conflicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cosport.backport.context import parent_of
from cosport.backport.prereq_places import spots
from cosport.backport.prereq_search import Limits, Search
from cosport.backport.prereq_suspects import Range, Suspicion
from cosport.backport.prereq_trials import Deadline, OutOfTimeError, Trials
from cosport.git.merge import Merge
from cosport.git.objects import ObjectReader
from cosport.history.applied import applied
from cosport.model.result import Advice, Prerequisite, Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cosport.backport.context import Context
    from cosport.backport.prereq_places import Spot
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Commit, Sha

_PROVING: Final = 0.75
"""The part of the time for sets that merge without conflicts; the rest is for one that nearly does."""

_GRACE: Final = 0.5
"""Seconds beyond the limit in which what was found is proven once more and described."""

_OVER: Final = "the time was over"

_FEWER: Final = 3
_PART: Final = 4
"""A set that needs a hand is less work where it saves so many commits, and is at most that part of the proven one."""

_SHOWN: Final = 3
"""Sets that are reported at most: the best one and others of its size."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Where prerequisites may come from: a range of commits, without those that the branch `holds`."""

    range: Range
    holds: Callable[[Sha], bool]


class Status(StrEnum):
    """How the search ended."""

    FOUND = "found"
    NOT_MINIMISED = "found-not-minimised"  # the time was over before all smaller sets were tried
    BY_HAND = "found-by-hand"  # no set merges; one would if a person resolved its own conflicts
    NONE = "none-found"
    OUT_OF_TIME = "out-of-time"


@dataclass(frozen=True, slots=True)
class Need:
    """One commit of a set: the paths of the pick that conflict without it, and who else needs it.

    `removes` are those of the pick's conflicts on the branch as it is that are there again without it. `conflicts` are
    paths in which it conflicts itself where it is applied: of a set `found-by-hand` alone.
    """

    commit: Sha
    subject: str
    resolves: tuple[bytes, ...] = ()
    removes: tuple[Spot, ...] = ()
    needed_by: tuple[Sha, ...] = ()
    conflicts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answer. `sets` are of the same size, the best first, each in the order in which it was applied.

    `tree` is what the best set and then the pick make; `tried` counts the sets that were tried; `suspects` are the
    commits that the conflicts pointed to, `merges` the merge commits that changed lines in conflict themselves; `why`
    says it for people. `by_hand` is a set smaller than these (or the only one) whose commits conflict themselves: with
    their changes fitted to the branch, the pick is clean.
    """

    status: Status
    sets: tuple[tuple[Need, ...], ...]
    by_hand: tuple[Need, ...]
    tree: Sha | None
    tried: int
    suspects: tuple[Sha, ...]
    merges: tuple[Sha, ...]
    why: str

    @property
    def advice(self) -> Advice:
        """Which set is the least work: a proven one, if there is one and not a much smaller one by hand."""
        if self.sets and not _is_less(len(self.by_hand), len(self.sets[0])):
            return Advice.PREREQUISITES
        return Advice.BY_HAND if self.by_hand else Advice.NONE

    @property
    def advised(self) -> tuple[Need, ...]:
        """That set."""
        return {Advice.PREREQUISITES: self.sets[:1], Advice.BY_HAND: (self.by_hand,)}.get(self.advice, ((),))[0]


def _is_less(by_hand: int, proven: int) -> bool:
    return 0 < _PART * by_hand <= proven and proven - by_hand >= _FEWER


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
    onto: Sha | None = None,
) -> Found:
    """The smallest set of candidates with which `commit` merges cleanly onto the commit `target`, proven by merging.

    `onto` is the tree to merge onto where that is not the target's own: what a series has made of it. `place` takes the
    trees that the trials make. Raises RevisionError where `commit` has no usable parent,
    MissingObjectError, GitError.
    """
    bounds = limits or Limits()
    deadline = Deadline(_PROVING * bounds.seconds)
    change = Merge(parent_of(context, commit, mainline).tree, commit.tree, commit.tree)
    suspicion = Suspicion(context.repository, context.history, candidates.range, candidates.holds, deadline)
    with ObjectReader(place.repository) as objects:
        ours = onto if onto is not None else context.reader.commit(target).tree
        trials = Trials(place, context.reader, objects, ours, (commit.sha, change), deadline=deadline)
        proven = Search(context.history, trials, suspicion, bounds)
        sets = proven.sets()[:_SHOWN]
        deadline.seconds = bounds.seconds
        forced = Search(context.history, trials, suspicion, bounds, forced=True)
        rough = forced.sets()[:1] if not sets or len(sets[0]) > 1 else []
        if sets and rough and len(rough[0]) >= len(sets[0]):
            rough = []
        deadline.seconds = max(deadline.seconds, deadline.used + _GRACE)
        return _Answer(context, trials, proven, forced).found(sets, rough)


class _Answer:
    """Says what came of the two searches."""

    def __init__(self, context: Context, trials: Trials, proven: Search, forced: Search) -> None:
        self.context = context
        self.trials = trials
        self.proven = proven
        self.forced = forced

    def found(self, sets: Sequence[tuple[Sha, ...]], rough: Sequence[tuple[Sha, ...]]) -> Found:
        """The answer for the proven `sets`, and the one that is not (`rough`), where there is one."""
        if rough and self._merge(rough[0]) is not None:
            sets, rough = rough, ()  # the time for proving was over before it was tried
        status = self._status(bool(sets), bool(rough))
        tree = self._merge(sets[0]) if sets else None
        scores = {**self.forced.scores, **self.proven.scores}
        return Found(
            status,
            tuple(self._needs(each) for each in sets),
            self._needs(rough[0], forced=True) if rough else (),
            tree,
            self.trials.count,
            tuple(sorted(scores, key=lambda name: -scores[name])),
            tuple(dict.fromkeys([*self.proven.merges, *self.forced.merges])),
            self._why(status, len(sets[0]) if sets else 0, len(rough[0]) if rough else 0),
        )

    def _merge(self, names: tuple[Sha, ...]) -> Sha | None:
        """The tree that these commits and then the pick make, if all of them merge. No merge in it is a new one."""
        (run,) = self.trials.run([names])
        return run.target.merged.tree if run.clean and run.used == names else None

    def _status(self, proven: bool, rough: bool) -> Status:
        if proven:
            return Status.FOUND if self.proven.finished else Status.NOT_MINIMISED
        if rough:
            return Status.BY_HAND
        return Status.NONE if self.proven.finished and self.forced.finished else Status.OUT_OF_TIME

    def _needs(self, names: tuple[Sha, ...], *, forced: bool = False) -> tuple[Need, ...]:
        """What each commit of a set is there for: what conflicts when it alone is left out."""
        try:
            sets = [names, *([other for other in names if other != name] for name in names)]
            whole, *runs = self.trials.run(sets, forced=forced)
        except OutOfTimeError:
            return tuple(Need(name, self._subject(name)) for name in names)
        own = {step.commit: tuple(each.path for each in step.merged.unmerged) for step in whole.steps}
        plain = self.proven.plain
        disputed = list(spots(plain.target.merged, self.trials.objects)) if plain is not None else []
        needs = []
        for name, run in zip(names, runs, strict=True):
            paths = tuple(each.path for each in run.target.merged.unmerged)
            left = list(spots(run.target.merged, self.trials.objects))
            removed = tuple(spot for spot in disputed if any(spot.meets(other) for other in left))
            others = tuple(step.commit for step in run.steps if not step.merged.clean and not own[step.commit])
            needs.append(Need(name, self._subject(name), paths, removed, others, own[name]))
        return tuple(needs)

    def _subject(self, name: Sha) -> str:
        return self.context.reader.commit(name).subject

    def _why(self, status: Status, proven: int, by_hand: int) -> str:
        suspects = len(self.proven.scores)
        tried = f"{suspects} suspect{'s' * (suspects != 1)}, {self.trials.count} sets tried"
        if not self.proven.scores and self.proven.finished:
            tried = "no commit that could be picked changed the lines in conflict"
        none = "none merges" if self.proven.finished else f"none found before {_OVER}"
        text = {
            Status.FOUND: "merges cleanly after these",
            Status.NOT_MINIMISED: f"merges cleanly after these; {_OVER} before all smaller sets were tried",
            Status.BY_HAND: f"{none}; some would do after their own conflicts are resolved",
            Status.NONE: "none found",
            Status.OUT_OF_TIME: f"none found: {_OVER}",
        }[status]
        if self.proven.too_large:
            tried += f"; {self.proven.too_large} commits together would do, which is too many to bring"
        if self.proven.merges and status in (Status.NONE, Status.OUT_OF_TIME):
            named = ", ".join(name[:12] for name in list(self.proven.merges)[:3])
            tried += f"; lines in conflict were changed by a merge itself, which cannot be picked alone: {named}"
        if _is_less(by_hand, proven):
            tried += f"; {by_hand} would do once a person has resolved their own conflicts, which is less work"
        return f"{text} ({tried})"


def as_prerequisites(needs: Sequence[Need]) -> tuple[Prerequisite, ...]:
    """A set as results show it (`Result.prerequisites`): what resolves no path itself is needed by one that does."""
    return tuple(
        Prerequisite(
            need.commit,
            need.subject,
            tuple(map(_text, need.resolves)),
            tuple(map(_stretch, need.removes)),
            need.needed_by,
            tuple(map(_text, need.conflicts)),
        )
        for need in needs
    )


def _stretch(spot: Spot) -> Stretch:
    """Lines as people count them."""
    if spot.ours is None:
        return Stretch(_text(spot.path))
    start, stop = spot.ours
    last = max(1, stop)
    return Stretch(_text(spot.path), min(start + 1, last), last)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


__all__ = [
    "Found", "Limits", "Need", "Pool", "Range", "Status", "as_prerequisites", "prerequisites", "upstream_pool",
]  # fmt: skip
