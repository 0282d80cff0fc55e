"""Ranks for commits that come newest first, as git prints them without waiting for the end of its walk.

Asked for ancestors first, `git log` walks the whole history before it prints one commit, and keeps every message in
memory until then. In its own order it prints at once: children before their parents, except that a wrong clock can
bring a parent first. So commits are numbered as they come (their *arrival*), parents are matched when they come, and
the ranks follow at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.history.graph import ranks

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Mapping, Sequence

_ROOT: Final = -1
_INDEXED: Final = -2
"""Of a parent that had a rank before, this minus the rank stands where its arrival would."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The outcome: the rank of each arrival; by rank, as in `cosport.history.graph.Graph`, first parents and merges.

    `leaves` are the ranks of the commits without children, `indexed` those of parents that had a rank before.
    """

    of: array[int]
    first: array[int]
    merges: array[int]
    leaves: list[int]
    indexed: list[int]


class Order:
    """Matches parents with their children while commits come in."""

    def __init__(self) -> None:
        self._first = ranks()
        self._others: dict[int, list[int]] = {}
        self._leaves: set[int] = set()
        self._waiting: dict[bytes, list[int]] = {}  # a child waits as itself for its first parent, else as ~itself
        self._skewed = False

    def __len__(self) -> int:
        """How many commits have come."""
        return len(self._first)

    def take(self, names: Iterable[bytes], parents: Iterable[bytes]) -> None:
        """The next commits: their names in hex, and those of their parents with spaces between them."""
        first, waiting, leaves = self._first, self._waiting, self._leaves
        pop, setdefault, add = waiting.pop, waiting.setdefault, first.append
        at = len(first)
        for name, named in zip(names, parents, strict=True):
            add(_ROOT)
            children = pop(name, None)
            if children is None:
                leaves.add(at)
            else:
                for child in children:
                    if child >= 0:
                        first[child] = at
                    else:
                        self._others.setdefault(~child, []).append(at)
            if b" " in named:
                one, *others = named.split(b" ")
                setdefault(one, []).append(at)
                for other in others:
                    setdefault(other, []).append(~at)
            elif named:
                setdefault(named, []).append(at)
            at += 1

    @property
    def waited_for(self) -> tuple[bytes, ...]:
        """The parents that have not come after their children."""
        return tuple(self._waiting)

    def settle(self, begin: int, arrived: Mapping[bytes, int], indexed: Callable[[bytes], int]) -> Ranked:
        """Give ranks from `begin` on to all that came.

        Of the parents that are waited for, `arrived` knows those that came before their children; `indexed` gives the
        ranks of the others.
        """
        old: set[int] = set()
        for name, children in self._waiting.items():
            place = arrived.get(name)
            if place is None:
                rank = indexed(name)
                old.add(rank)
                place = _INDEXED - rank
            else:
                self._leaves.discard(place)
                self._skewed = True
            for child in children:
                if child >= 0:
                    self._first[child] = place
                else:
                    self._others.setdefault(~child, []).append(place)
        self._waiting.clear()
        of = self._ranks(begin)
        first = ranks([-1]) * len(of)
        for rank, parent in zip(of, self._first, strict=True):
            first[rank - begin] = of[parent] if parent >= 0 else parent if parent == _ROOT else _INDEXED - parent
        pairs = [
            (of[child], of[parent] if parent >= 0 else _INDEXED - parent)
            for child, parents in self._others.items()
            for parent in parents
        ]
        merges = ranks(value for pair in sorted(pairs) for value in pair)
        return Ranked(of, first, merges, sorted(of[leaf] for leaf in self._leaves), sorted(old))

    def _ranks(self, begin: int) -> array[int]:
        count = len(self._first)
        if not self._skewed:
            return ranks(range(begin + count - 1, begin - 1, -1))
        of = ranks([-1]) * count
        rank = begin
        parents, others = self._first, self._others
        for arrival in range(count - 1, -1, -1):
            if of[arrival] >= 0:
                continue
            parent = parents[arrival]
            if (parent < 0 or of[parent] >= 0) and arrival not in others:  # nearly all
                of[arrival] = rank
                rank += 1
                continue
            stack = [arrival]
            while stack:
                at = stack[-1]
                missing = [each for each in self._parents(at) if each >= 0 and of[each] < 0]
                if missing:
                    stack += missing
                    continue
                stack.pop()
                if of[at] < 0:
                    of[at] = rank
                    rank += 1
        return of

    def _parents(self, arrival: int) -> Sequence[int]:
        others = self._others.get(arrival)
        return (self._first[arrival], *others) if others else (self._first[arrival],)
