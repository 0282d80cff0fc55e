"""Tries picks in memory, many at once, and says how true to upstream each clean one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.compare.fidelity import distance, fidelity
from cosport.git.diff import patches
from cosport.git.merge import Merge, Merged, merge_trees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha
    from cosport.model.result import Fidelity


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pick to try: the change between two trees (`base` to `theirs`) onto the tree `ours`.

    `upstream` is the pair of trees of the upstream commit's own change, which fidelity is judged against; it is the same
    change unless the pick is made from another branch's backport.
    """

    base: Sha
    theirs: Sha
    ours: Sha
    upstream: tuple[Sha, Sha]


@dataclass(frozen=True, slots=True)
class Trial:
    """How an attempt went. `fidelity` is None where it conflicts or changes nothing; `distance` counts changed lines that differ."""

    attempt: Attempt
    merged: Merged
    fidelity: Fidelity | None
    distance: int

    @property
    def empty(self) -> bool:
        """Whether it merged and changed nothing: the branch has the change already."""
        return self.merged.clean and self.merged.tree == self.attempt.ours


def try_all(place: Quarantine, attempts: Sequence[Attempt]) -> list[Trial]:
    """Try picks that do not depend on each other: one merging and one diffing process for all of them."""
    merged = merge_trees(place, [Merge(each.base, each.ours, each.theirs) for each in attempts])
    clean = [
        (each, result)
        for each, result in zip(attempts, merged, strict=True)
        if result.clean and result.tree != each.ours
    ]
    pairs = [pair for each, result in clean for pair in (each.upstream, (each.ours, result.tree))]
    texts = iter(patches(place.repository, pairs))
    trials = []
    for each, result in zip(attempts, merged, strict=True):
        if not result.clean or result.tree == each.ours:
            trials.append(Trial(each, result, None, 0))
            continue
        upstream, ours = next(texts), next(texts)
        found = fidelity(upstream, ours)
        trials.append(Trial(each, result, found, distance(upstream, ours) if found == "adapted" else 0))
    return trials
