"""Applies many series of commits in memory, all in step, so that a question about fifty sets costs a few git processes.

A series is applied commit by commit, each a three-way merge onto what the ones before it made. Beginnings that several
series share are merged once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from cosport.backport.prereq_conflict import resolved
from cosport.git.merge import Merge, Merged, merge_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha

_AT_ONCE: Final = 32
"""Merges in one process, about 3 ms each: the time limit is looked at in between."""

_PATIENCE: Final = 3.0
"""Seconds on the clock for each second of processor time: a person waits, however busy the machine is."""


class OutOfTimeError(Exception):
    """The time that the search was given has passed. Never leaves the search."""


class Deadline:
    """The time that a search may take, which may be changed on the way.

    It is processor time, git's included, so that a busy machine does not change the answer; but on the clock no more
    than `_PATIENCE` times as much passes.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._clock = monotonic()
        self._computed = _computed()

    @property
    def used(self) -> float:
        """Seconds of processor time since it began, or the part of the patience that has passed, if that is more."""
        return max(_computed() - self._computed, (monotonic() - self._clock) / _PATIENCE)

    @property
    def left(self) -> float:
        """Seconds that are left. Raises OutOfTimeError where none are."""
        seconds = self.seconds - self.used
        if seconds <= 0:
            raise OutOfTimeError
        return seconds

    @property
    def patience(self) -> float:
        """Seconds on the clock that one more process may take. Raises OutOfTimeError where none are left."""
        return _PATIENCE * self.left


def _computed() -> float:
    """Seconds that this process and the children that it has waited for have computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a series, and how it merged onto what was there; `after` is the tree that the next one met."""

    commit: Sha
    before: Sha
    merged: Merged
    after: Sha

    @property
    def went_in(self) -> bool:
        """Whether it changed something: it merged, or its change was fitted to the branch."""
        return self.after != self.before

    @property
    def empty(self) -> bool:
        """Whether it changed nothing."""
        return self.merged.clean and self.merged.tree == self.before


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a series and then the target went.

    A commit that conflicts is left out and the next one is tried, so `steps` tells of all; `target` is the last step.
    """

    steps: tuple[Step, ...]
    target: Step

    @property
    def used(self) -> tuple[Sha, ...]:
        """The commits that changed something."""
        return tuple(step.commit for step in self.steps if step.went_in)

    @property
    def conflicts(self) -> tuple[Step, ...]:
        """The steps that conflict, the target's first."""
        return tuple(step for step in (self.target, *self.steps) if not step.merged.clean)

    @property
    def clean(self) -> bool:
        """Whether the target merges, whatever became of the others."""
        return self.target.merged.clean


class Trials:
    """Trials on one tree (`onto`) of sets of commits followed by the `target`.

    `reader` reads the repository, `objects` what the trials make in `place`.
    """

    def __init__(
        self,
        place: Quarantine,
        reader: ObjectReader,
        objects: ObjectReader,
        onto: Sha,
        target: tuple[Sha, Merge],
        *,
        deadline: Deadline,
    ) -> None:
        self.place = place
        self.objects = objects
        self.count = 0
        self._reader = reader
        self._onto = onto
        self._target = target
        self._deadline = deadline
        self._known: dict[tuple[Sha, Sha], Merged] = {}
        self._resolved: dict[Sha, Sha | None] = {}

    def run(self, sets: Sequence[Sequence[Sha]], *, forced: bool = False) -> list[Outcome]:
        """Apply each of the sets, in its order, and then the target. Raises OutOfTimeError, GitError.

        A commit that conflicts is left out; `forced`, its change is fitted to the branch where it conflicts, as if a
        person had resolved it.
        """
        self.count += len(sets)
        target = self._target[0]
        trees = [self._onto] * len(sets)
        steps: list[list[Step]] = [[] for _ in sets]
        for number in range(max((len(each) for each in sets), default=0) + 1):
            waiting = [
                (index, trees[index], each[number] if number < len(each) else target)
                for index, each in enumerate(sets)
                if number <= len(each)
            ]
            self._merge([(tree, name) for _, tree, name in waiting])
            for index, tree, name in waiting:
                merged = self._known[tree, name]
                after = merged.tree if merged.clean else tree
                if forced and not merged.clean and name != target:
                    after = self._forced(merged) or tree
                steps[index].append(Step(name, tree, merged, after))
                trees[index] = after
        return [Outcome(tuple(each[:-1]), each[-1]) for each in steps]

    def _merge(self, keys: Sequence[tuple[Sha, Sha]]) -> None:
        wanted = [key for key in dict.fromkeys(keys) if key not in self._known]
        for start in range(0, len(wanted), _AT_ONCE):
            _ = self._deadline.left
            some = wanted[start : start + _AT_ONCE]
            # diff3, so that a conflict shows what its lines were before the change.
            results = merge_trees(self.place, [self._change(*key) for key in some], style="diff3")
            self._known.update(zip(some, results, strict=True))

    def _change(self, ours: Sha, name: Sha) -> Merge:
        if name == self._target[0]:
            return Merge(self._target[1].base, ours, self._target[1].theirs)
        commit = self._reader.commit(name)
        return Merge(self._reader.commit(commit.parents[0]).tree, ours, commit.tree)

    def _forced(self, merged: Merged) -> Sha | None:
        """The tree of a merge with conflicts, the change fitted to the branch; None where its text has none."""
        if merged.tree not in self._resolved:
            self._resolved[merged.tree] = resolved(self.place, self.objects, merged)
        return self._resolved[merged.tree]
