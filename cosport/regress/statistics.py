"""Exact rank statistics for a handful of runs, some of which are only known to be worse than a limit.

Own code and not scipy: its exact Mann-Whitney test does not take ties, which "> limit" runs always make, and its
permutation test brings 100 MB for what is one small recurrence here. No distribution is assumed and nothing is sampled.
"""

from __future__ import annotations

import math
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WORST = math.inf
"""A run that did not get there: worse than any number, and as bad as any other such run."""


def midranks(values: Sequence[float]) -> tuple[float, ...]:
    """The rank of each value, 1 for the least; equal values share the mean of their ranks."""
    order = sorted(values)
    first = {value: order.index(value) for value in set(order)}
    count = {value: order.count(value) for value in set(order)}
    return tuple(first[value] + (count[value] + 1) / 2 for value in values)


def composite(measures: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """One rank for each run from several measures of it (a sequence for each measure): the rank of its mean rank."""
    ranks = [midranks(values) for values in measures]
    # Rounded, so that means of the same ranks in another order are the same number.
    return midranks([round(fmean(each), 9) for each in zip(*ranks, strict=True)])


def p_less(ranks: Sequence[float], chosen: Sequence[int]) -> float:
    """The exact probability that `chosen` of these runs (by place) have a rank sum as low as theirs, by chance alone.

    Conditional on the ranks as they are, ties included: the number of ways to pick as many runs with each sum, counted
    by adding one run at a time.
    """
    doubled = [round(2 * rank) for rank in ranks]  # midranks are halves
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in chosen)]
    for rank in doubled:
        for size in range(len(chosen), 0, -1):
            for total, number in ways[size - 1].items():
                ways[size][total + rank] = ways[size].get(total + rank, 0) + number
    seen = sum(doubled[place] for place in chosen)
    reached = ways[len(chosen)]
    return sum(number for total, number in reached.items() if total <= seen) / sum(reached.values())


def difference_interval(
    ours: Sequence[float], theirs: Sequence[float], level: float = 0.05
) -> tuple[float, float] | None:
    """The interval of the difference ours - theirs that the rank test cannot rule out at `level` on either side.

    From the ordered differences of all pairs (Hodges and Lehmann), on which the rank test's limits stand. None where
    there are too few runs, or a run is WORST: then nothing can be said.
    """
    if WORST in (*ours, *theirs):
        return None
    differences = sorted(a - b for a in ours for b in theirs)
    cut = _critical(len(ours), len(theirs), level)
    if cut < 0:
        return None
    return differences[cut], differences[len(differences) - 1 - cut]


def _critical(n: int, m: int, level: float) -> int:
    """The largest u with P(U <= u) <= level for samples of n and m without ties; -1 where there is none."""
    ranks = tuple(float(rank) for rank in range(1, n + m + 1))
    best = -1
    for u in range(n * m + 1):
        # Any pick with the rank sum least + u serves: the probability depends on the sum alone.
        if p_less(ranks, _pick(n, m, u)) > level:
            break
        best = u
    return best


def _pick(n: int, m: int, u: int) -> tuple[int, ...]:
    """Places of n of n+m ranks whose sum is u above the least: the last ones are moved up as far as they go."""
    places = list(range(n))
    for place in range(n - 1, -1, -1):
        step = min(u, m)
        places[place] += step
        u -= step
    return tuple(places)


def middle(values: Sequence[float]) -> float:
    """The median; WORST where half of the runs or more are."""
    ordered = sorted(values)
    high = ordered[len(ordered) // 2]
    return WORST if high == WORST else median(ordered)
