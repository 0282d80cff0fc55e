"""Finds which lines of one text are which of another: by lines that both have once, then between those (patience diff).

Lines that stand out (those that occur once) are matched first, so that a brace or a blank line is never what ties two
functions together. Works on any sequence: tokens of a line as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    _Item = TypeVar("_Item", bound=Hashable)

ABSENT: Final = -1
"""What stands for the partner of a line that has none."""

_LARGEST: Final = 400_000
"""Pairs of lines that are compared where none stands out; in a larger place no line has a partner."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where two texts differ: lines `start` to `stop` of the old one, which are `low` to `high` of the new."""

    start: int
    stop: int
    low: int
    high: int


def align(old: Sequence[_Item], new: Sequence[_Item]) -> list[int]:
    """For each line of `old` its partner's number in `new`, or ABSENT; partners are equal and in the same order."""
    partners = [ABSENT] * len(old)
    todo = [(0, len(old), 0, len(new))]
    while todo:
        part = _trim(old, new, todo.pop(), partners)
        low, high, first, last = part
        if low == high or first == last:
            continue
        anchors = _anchors(old, new, part)
        if anchors:
            for line, partner in anchors:
                partners[line] = partner
                todo.append((low, line, first, partner))
                low, first = line + 1, partner + 1
            todo.append((low, high, first, last))
        elif (high - low) * (last - first) <= _LARGEST:
            blocks = SequenceMatcher(None, old[low:high], new[first:last], autojunk=False).get_matching_blocks()
            for block in blocks:
                for step in range(block.size):
                    partners[low + block.a + step] = first + block.b + step
    return partners


def gaps(partners: Sequence[int], length: int) -> list[Gap]:
    """The places between partners; `length` is the number of lines of the new text."""
    found = []
    start = low = 0
    for line, partner in enumerate((*partners, length)):
        if partner != ABSENT:
            if line > start or partner > low:
                found.append(Gap(start, line, low, partner))
            start, low = line + 1, partner + 1
    return found


def _trim(
    old: Sequence[_Item], new: Sequence[_Item], part: tuple[int, int, int, int], partners: list[int]
) -> tuple[int, int, int, int]:
    low, high, first, last = part
    while low < high and first < last and old[low] == new[first]:
        partners[low] = first
        low, first = low + 1, first + 1
    while low < high and first < last and old[high - 1] == new[last - 1]:
        high, last = high - 1, last - 1
        partners[high] = last
    return low, high, first, last


def _anchors(old: Sequence[_Item], new: Sequence[_Item], part: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """The longest run of lines that stand once in both parts, in order in both."""
    low, high, first, last = part
    once = Counter(old[low:high])
    there = Counter(new[first:last])
    at = {new[line]: line for line in range(first, last) if there[new[line]] == 1 and once.get(new[line]) == 1}
    pairs = [(line, at[old[line]]) for line in range(low, high) if old[line] in at]
    ends: list[int] = []  # of the best run of each length: its last partner, and which pair that is
    which: list[int] = []
    before = [ABSENT] * len(pairs)
    for number, (_, partner) in enumerate(pairs):
        length = bisect_left(ends, partner)
        before[number] = which[length - 1] if length else ABSENT
        if length == len(ends):
            ends.append(partner)
            which.append(number)
        else:
            ends[length], which[length] = partner, number
    run = []
    number = which[-1] if which else ABSENT
    while number != ABSENT:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]
