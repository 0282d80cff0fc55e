"""Rung 4: lists, whose entries stand for themselves: includes, objects of a Makefile, selects, quirk tables; and years.

An entry goes where its neighbours' place is, as far as the branch still has the list; in a list that is sorted, where
it belongs. The years of a copyright line are upstream's, as they name upstream's work.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.ground import Edit, Ground, Rule, is_blank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.resolvers.ground import Change

_HEAD: Final = re.compile(rb"\s*(#\s*include\b|[\w$()-]+\s*[+:?]?=|\w+\b\s*\(|\w:\s|select\b|\w+)")
_YEAR: Final = re.compile(rb"\b(?:19|20)\d\d\b")
_SORTED: Final = 2
"""Entries of the branch's own that must be in order before a list counts as sorted."""


def _head(line: bytes) -> bytes:
    """What entries of one list have in common at their beginning: `#include`, `obj-y +=`, `TESTS+=`, `{`."""
    found = _HEAD.match(line)
    return re.sub(rb"\s+", b" ", found[0]) if found else line.strip()[:1]


def _entry(ground: Ground, change: Change) -> Edit | None:
    around = ground.around(change)
    if change.start < change.stop or around.low != around.high or around.start == 0:
        return None
    heads = {_head(line) for line in change.new}
    above = ground.file.base[around.start - 1]
    if any(map(is_blank, change.new)) or len(heads) != 1 or is_blank(above) or _head(above) not in heads:
        return None
    return Edit(around.low, around.low, change.new, "the branch's list ends there, with an entry of the same kind")


def _in_order(ground: Ground, change: Change) -> Edit | None:
    around = ground.around(change)
    if change.start < change.stop or len(change.new) != 1:
        return None
    own = ground.file.ours[around.low : around.high]
    run = ground.file.ours[max(0, around.low - 1) : around.high + 1]
    there = ground.file.base[max(0, around.start - 1) : around.start + 1]
    new = change.new[0]
    if len(own) < _SORTED - 1 or not _sorted(run) or not _sorted([*there[:1], new, *there[1:]]) or new in own:
        return None
    at = around.low + sum(line < new for line in own)
    return Edit(at, at, change.new, "the list is sorted on both sides")


def _sorted(lines: Sequence[bytes]) -> bool:
    return list(lines) == sorted(lines) and not any(map(is_blank, lines))


def _years(ground: Ground, change: Change) -> Edit | None:
    old = ground.old(change)
    if len(old) != 1 or len(change.new) != 1 or b"opyright" not in change.new[0]:
        return None
    around = ground.around(change)
    plain = _YEAR.sub(b"", change.new[0])
    lines = range(around.low, around.high)
    same = [line for line in lines if _YEAR.sub(b"", ground.file.ours[line]) == plain]
    if _YEAR.sub(b"", old[0]) != plain or len(same) != 1:
        return None
    return Edit(same[0], same[0] + 1, change.new, "the copyright line differs in its years alone")


YEARS: Final = Rule("years", 4, 0.95, "a copyright line that differs in its years alone takes upstream's", _years)
IN_ORDER: Final = Rule("in-order", 4, 0.5, "an entry of a sorted list goes where it belongs", _in_order)
ENTRY: Final = Rule("entry", 4, 0.6, "an entry goes to the end of what the branch has of its list", _entry)
