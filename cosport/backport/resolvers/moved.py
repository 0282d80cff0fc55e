"""Rung 2: code that the branch has elsewhere: the change goes where its whole surroundings stand, if only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.ground import Edit, Ground, Rule, occurrences

if TYPE_CHECKING:
    from cosport.backport.resolvers.ground import Change

_CONTEXT: Final = ((3, 3), (2, 2))
"""Lines above and below that must stand with the change, most first: as many as a patch shows, never one side only."""

_TELLING: Final = 3
"""Lines among them that must be more than a brace, so that the place means something."""


def _moved(ground: Ground, change: Change) -> Edit | None:
    base, ours = ground.file.base, ground.file.ours
    for above, below in _CONTEXT:
        start, stop = change.start - above, change.stop + below
        if start < 0 or stop > len(base):
            continue
        wanted = base[start:stop]
        if sum(len(line.strip()) > 3 for line in wanted) < _TELLING:
            return None
        there = occurrences(ours, wanted)
        if len(there) > 1:
            return None
        if there and len(occurrences(ground.file.original, wanted)) == 1:
            at = there[0] + change.start - start
            detail = f"{above} lines above and {below} below stand together in one other place"
            return Edit(at, at + change.stop - change.start, change.new, detail)
    return None


MOVED: Final = Rule("moved", 2, 0.95, "the lines and those around them stand together in exactly one place", _moved)
