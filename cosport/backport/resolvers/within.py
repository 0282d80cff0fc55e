"""Rung 4: both sides changed the same lines, but not the same words: merged word by word.

Stricter than the merging of lines: each word that upstream changes must stand in the branch, between the same two
neighbours. Where upstream breaks a line anew, the branch's must be as far in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.alignment import align, gaps
from cosport.backport.resolvers.ground import Edit, Ground, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.resolvers.ground import Change

_WORD: Final = re.compile(rb"\w+|[ \t]+|[^\w \t]")
_MOST: Final = 4000
"""Words of a side that are looked at; longer places are no matter of words."""


def _within(ground: Ground, change: Change) -> Edit | None:
    around = ground.around(change)
    base = ground.file.base[around.start : around.stop]
    ours = ground.file.ours[around.low : around.high]
    if not base or not ours:
        return None
    merged = _merged(*(b"\n".join(side) for side in (base, ours, ground.changed(around))))
    if merged is None:
        return None
    lines = tuple(merged.split(b"\n")) if merged else ()
    return Edit(around.low, around.high, lines, "upstream and the branch changed other words of the same lines")


def _merged(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The words of `ours` with the changes from `base` to `theirs`; None where a change has not its exact place."""
    old, here, new = (_WORD.findall(text) for text in (base, ours, theirs))
    if max(map(len, (old, here, new))) > _MOST:
        return None
    partners = align(old, here)
    out: list[bytes] = []
    done = 0
    for each in gaps(align(old, new), len(new)):
        start = _start(partners, each.start, each.stop, len(here))
        if start is None:
            return None
        words = new[each.low : each.high]
        if b"\n" in words and _width(old[: each.start]) != _width(here[:start]):
            return None
        out += here[done:start] + words
        done = start + each.stop - each.start
    return b"".join(out + here[done:])


def _start(partners: Sequence[int], start: int, stop: int, length: int) -> int | None:
    """Where words `start` to `stop` stand among the branch's, between the same neighbours; None where they do not."""
    before = partners[start - 1] if start else -1
    after = partners[stop] if stop < len(partners) else length
    if (start and before < 0) or after < 0:
        return None
    place = list(range(before + 1, after))
    return before + 1 if list(partners[start:stop]) == place else None


def _width(words: Sequence[bytes]) -> int:
    return len(b"".join(words).rpartition(b"\n")[2])


WITHIN: Final = Rule("within", 4, 0.7, "the two sides changed different words of the same lines", _within)
