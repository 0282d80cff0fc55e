"""Tries picks in memory, many at once, and says how true to upstream each clean one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cosport.compare.fidelity import fidelity
from cosport.compare.interdiff import differences
from cosport.errors import CosportError, DiskError, Interrupted
from cosport.git.diff import patches
from cosport.git.merge import Merge, Merged, merge_trees
from cosport.model.result import Fidelity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha
    from cosport.model.result import Difference


@dataclass(frozen=True, slots=True)
class Attempt:
    """One pick to try: the change between two trees (`base` to `theirs`) onto the tree `ours`.

    `upstream` is the pair of trees of the upstream commit's own change, which fidelity is judged against; it is the
    same change unless the pick is made from another branch's backport. `parent` is the commit of `base`, and `onto` the
    branch's, for those who ask their history.
    """

    base: Sha
    theirs: Sha
    ours: Sha
    upstream: tuple[Sha, Sha]
    parent: Sha | None = None
    onto: Sha | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """How an attempt went.

    `fidelity` is None where it conflicts or changes nothing; `differences` are those of an adapted pick.
    """

    attempt: Attempt
    merged: Merged
    fidelity: Fidelity | None
    differences: tuple[Difference, ...] = ()

    @property
    def distance(self) -> int:
        """How many changed lines stand in one of the patches, upstream's or the pick's, and not in the other."""
        return sum(len(each.lacks) + len(each.adds) for each in self.differences)

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
            trials.append(Trial(each, result, None))
            continue
        upstream, ours = next(texts), next(texts)
        found = fidelity(upstream, ours)
        trials.append(Trial(each, result, found, differences(upstream, ours) if found is Fidelity.ADAPTED else ()))
    return trials


def try_each(place: Quarantine, attempts: Sequence[Attempt]) -> list[Trial | CosportError]:
    """As `try_all`; where git gives no answer for all together, each by itself, so that one's trouble is its own."""
    try:
        return list(try_all(place, attempts))
    except Interrupted:
        raise
    except (CosportError, OSError) as error:
        if len(attempts) == 1:
            return [as_error(error)]
    return [trial for attempt in attempts for trial in try_each(place, [attempt])]


def as_error(error: CosportError | OSError) -> CosportError:
    """The same trouble as one of our own errors."""
    if isinstance(error, CosportError):
        return error
    where = f"{error.filename}: " if isinstance(error.filename, str) else ""
    return DiskError(
        f"{where}{error.strerror or error}", hint="free space or make it writable, then run the same command again"
    )
