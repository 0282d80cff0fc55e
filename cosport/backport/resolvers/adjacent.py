"""Rungs 1 and 2: changes that touch nothing that the branch changed, but for the lines beside them.

Git calls two changes a conflict where they meet. Where each line that upstream takes away stands in the branch, or the
line that upstream adds behind (or before) does, the place is known to the line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.ground import Edit, Ground, Rule

if TYPE_CHECKING:
    from cosport.backport.resolvers.ground import Change


def _replaced(ground: Ground, change: Change) -> tuple[int, int] | None:
    """Where the lines that a change takes away stand in the branch, in one piece; None where they do not."""
    places = [ground.partner(line) for line in range(change.start, change.stop)]
    whole = places and places[0] >= 0 and places == list(range(places[0], places[0] + len(places)))
    return (places[0], places[-1] + 1) if whole else None


def _neighbours(ground: Ground, change: Change, start: int, stop: int) -> int:
    """How many of the lines directly beside a change are directly beside its place too."""
    return (ground.partner(change.start - 1) == start - 1) + (ground.partner(change.stop) == stop)


def _settled(ground: Ground, change: Change) -> Edit | None:
    if change.start == change.stop:
        at = ground.partner(change.stop)
        if not (ground.stands(change.start - 1) and ground.stands(change.stop)):
            return None
        there = at == ground.partner(change.start - 1) + 1
        return Edit(at, at, change.new, "the lines above and below stand together") if there else None
    found = _replaced(ground, change)
    if found is None or _neighbours(ground, change, *found) < 2:
        return None
    return Edit(*found, change.new, "the lines stand as upstream had them, and so do those above and below")


def _adjacent(ground: Ground, change: Change) -> Edit | None:
    if change.start < change.stop:
        found = _replaced(ground, change)
        if found is None or not _neighbours(ground, change, *found):
            return None
        return Edit(*found, change.new, "the lines stand as upstream had them; only a line beside them differs")
    around = ground.around(change)
    if around.low != around.high:
        return None
    above, below = ground.stands(change.start - 1), ground.stands(change.stop)
    if above == below:
        return None
    side = "above" if above else "below"
    return Edit(around.low, around.low, change.new, f"the line {side} stands; those on the other side are not there")


def _beside(ground: Ground, change: Change) -> Edit | None:
    if change.start < change.stop:
        found = _replaced(ground, change)
        detail = "the lines stand as upstream had them, between others"
        return None if found is None else Edit(*found, change.new, detail)
    above, below = ground.stands(change.start - 1), ground.stands(change.stop)
    if above == below:
        return None
    at = ground.partner(change.start - 1) + 1 if above else ground.partner(change.stop)
    return Edit(at, at, change.new, f"the line {'above' if above else 'below'} stands; the branch has others beside it")


SETTLED: Final = Rule(
    "settled", 1, 0.85, "another alignment of the two texts shows that the changes do not meet", _settled
)
ADJACENT: Final = Rule(
    "adjacent", 2, 0.95, "all lines that the change touches stand in the branch; only a neighbour differs", _adjacent
)
BESIDE: Final = Rule(
    "beside",
    3,
    0.91,
    "the line that the change is tied to stands, and the branch has lines of its own beside it",
    _beside,
)
