"""Rung 2: code that the branch has elsewhere: the change goes where its whole surroundings stand, if only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.ground import Edit, Ground, Rule, occurrences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.resolvers.ground import Change

_CONTEXT: Final = ((3, 3), (2, 2))
"""Lines above and below that must stand with the change, most first: as many as a patch shows, never one side only."""

_TELLING: Final = 3
"""Lines among them that must be more than a brace, so that the place means something."""


def only_place(
    original: Sequence[bytes], texts: Sequence[Sequence[bytes]], change: Change, base: Sequence[bytes] | None = None
) -> tuple[int, Edit] | None:
    """Which of the texts has the change's whole surroundings, and where, if just one has them, and once.

    `original` is upstream's file, where they must stand once too; `base` is what the change is counted in, where that
    is another text.
    """
    base = original if base is None else base
    for above, below in _CONTEXT:
        start, stop = change.start - above, change.stop + below
        if start < 0 or stop > len(base):
            continue
        wanted = base[start:stop]
        if sum(len(line.strip()) > 3 for line in wanted) < _TELLING:
            return None
        there = [(which, at) for which, text in enumerate(texts) for at in occurrences(text, wanted)]
        if len(there) > 1:
            return None
        if there and len(occurrences(original, wanted)) == 1:
            which, at = there[0][0], there[0][1] + above
            detail = f"{above} lines above and {below} below stand together in one other place"
            return which, Edit(at, at + change.stop - change.start, change.new, detail)
    return None


def _moved(ground: Ground, change: Change) -> Edit | None:
    found = only_place(ground.file.original, [ground.file.ours], change, ground.file.base)
    return None if found is None else found[1]


MOVED: Final = Rule("moved", 2, 0.95, "the lines and those around them stand together in exactly one place", _moved)
