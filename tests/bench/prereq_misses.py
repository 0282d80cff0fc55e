"""Sorts by cause what an answer lacks of what people brought: not all of it can be told from upstream's commits alone.

People fit what they bring to their branch, and then need the lines that the fitted text stands between; or they bring a
commit of their own, or one that upstream merged after the pick. Who reads the share that was found must be able to hold
it against these.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING

from cosport.backport.prerequisites import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cosport.backport.context import Context
    from cosport.backport.prerequisites import Found
    from cosport.model.commit import Sha


class Cause(StrEnum):
    """Why a commit that people brought is not in the answer."""

    OWN = "it is no commit of upstream's, or does not say which"
    ELSEWHERE = "upstream has it beside the pick or after it"
    LARGE = "it is one of more than a set may have"
    FITTED = "a set no larger is clean without it, once a person has fitted that"
    ANOTHER = "a set no larger is proven without it"
    MISSED = "none of these: it should have been found"


def causes(context: Context, pick: Sha, wanted: Sequence[frozenset[Sha]], found: Found) -> Counter[Cause]:
    """How many commits of the nearest of the `wanted` sets are not advised, by cause."""
    advised = frozenset(need.commit for need in found.advised)
    nearest = max(wanted, key=lambda each: len(each & advised))
    return Counter(_cause(context, pick, name, len(nearest), found) for name in nearest - advised)


def _cause(context: Context, pick: Sha, name: Sha, size: int, found: Found) -> Cause:
    history, upstream = context.history, context.upstream
    if upstream is None or not history.contains(name, upstream):
        return Cause.OWN
    if not history.contains(name, pick):
        return Cause.ELSEWHERE
    if 0 < len(found.advised) <= size:
        return Cause.ANOTHER if found.advised in found.sets else Cause.FITTED
    return Cause.LARGE if size > Limits().largest else Cause.MISSED


def together(counts: Iterable[Counter[Cause]]) -> Counter[Cause]:
    """The sums, with the causes that never were."""
    total = Counter(dict.fromkeys(Cause, 0))
    for each in counts:
        total.update(each)
    return total
