"""Who is whose parent, as compact arrays; and for a branch, when each commit first became reachable on it.

`git merge-base --is-ancestor` walks the history for each question. Here one pass over the parents gives, for a whole
line of first parents, the position at which every commit entered it; after that each question, for the tip or for any
older commit of the line, is two look-ups in an array.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEVER: Final = 0x7FFFFFFF
"""The position at which a commit that is not reachable entered."""


def ranks(values: Iterable[int] = ()) -> array[int]:
    """An array of ranks or positions, four bytes each."""
    return array("i", values)


@dataclass(slots=True)
class Graph:
    """The parents of each commit, by rank: the first one (-1: none), and the others as sorted pairs child, parent."""

    first: array[int] = field(default_factory=ranks)
    children: array[int] = field(default_factory=ranks)
    others: array[int] = field(default_factory=ranks)

    def append(self, parents: bytes, merges: bytes) -> None:
        """Add one segment: first parents, and pairs child, other parent in the order of children."""
        self.first.frombytes(parents)
        pairs = ranks()
        pairs.frombytes(merges)
        self.children.extend(pairs[0::2])
        self.others.extend(pairs[1::2])

    def parents(self, rank: int) -> list[int]:
        """All parents of a commit that are here."""
        first = self.first[rank]
        found = [first] if first >= 0 else []
        at = bisect_left(self.children, rank)
        while at < len(self.children) and self.children[at] == rank:
            found.append(self.others[at])
            at += 1
        return found

    def is_merge(self, rank: int) -> bool:
        """Whether a commit has more than one parent."""
        at = bisect_left(self.children, rank)
        return at < len(self.children) and self.children[at] == rank

    def line(self, tip: int, stop: int = -1) -> array[int]:
        """The first-parent line from `tip` down to a root, oldest first; only what is above rank `stop`."""
        found = ranks()
        first = self.first
        rank = tip
        while rank > stop:
            found.append(rank)
            rank = first[rank]
        found.reverse()
        return found


@dataclass(slots=True)
class Chain:
    """A first-parent line, oldest first, and for each rank the position on it at which the commit became reachable.

    `prepared` is the place of `cosport.history.samepatch` to note how far up it looked, by the boundary's tip.
    """

    line: array[int]
    entries: array[int]
    prepared: dict[int, int] = field(default_factory=dict)

    @property
    def tip(self) -> int:
        """The rank of the newest commit of the line."""
        return self.line[-1]

    def position(self, rank: int) -> int:
        """Where a commit stands on the line; -1 if it is not on it."""
        if rank >= len(self.entries):
            return -1
        at = self.entries[rank]
        return at if at != NEVER and self.line[at] == rank else -1

    def entry(self, rank: int) -> int:
        """The position at which a commit became reachable, or NEVER."""
        return self.entries[rank] if rank < len(self.entries) else NEVER


def chain(graph: Graph, tip: int) -> Chain:
    """The chain of `tip`: one pass over all older commits, from the newest to the oldest."""
    line = graph.line(tip)
    first, children, others = graph.first, graph.children, graph.others
    entries = ranks([NEVER]) * (tip + 1)
    for position, rank in enumerate(line):
        entries[rank] = position
    merge = bisect_left(children, tip + 1) - 1
    # Each child has a higher rank than its parents, so a commit's entry is final when the pass gets to it.
    for rank in range(tip, -1, -1):
        entry = entries[rank]
        while merge >= 0 and children[merge] == rank:
            entries[others[merge]] = min(entries[others[merge]], entry)
            merge -= 1
        if entry != NEVER:
            parent = first[rank]
            if parent >= 0 and entries[parent] > entry:
                entries[parent] = entry
    return Chain(line, entries)


def fork(graph: Graph, others: Sequence[Chain], tip: int) -> Chain | None:
    """The chain of `tip`, made of what it has in common with one of `others`: a tenth of the time of a pass."""
    at = tip
    while at >= 0:
        for other in others:
            position = other.position(at)
            if position >= 0:
                # What entered later on the other line is reached by the new one again, or not at all.
                entries = ranks([entry if entry <= position else NEVER for entry in other.entries[: at + 1]])
                made = Chain(other.line[: position + 1], entries)
                return made if at == tip or extend(graph, made, tip) else None
        at = graph.first[at]
    return None


def extend(graph: Graph, old: Chain, tip: int) -> bool:
    """Make `old` reach to `tip`; False, and nothing done, where `tip` does not continue its line."""
    more = graph.line(tip, old.tip)
    if not more or graph.first[more[0]] != old.tip:
        return False
    entries = old.entries
    entries.extend(ranks([NEVER]) * (tip + 1 - len(entries)))
    for rank in more:
        position = len(old.line)
        old.line.append(rank)
        entries[rank] = position
        stack = graph.parents(rank)
        while stack:
            parent = stack.pop()
            if entries[parent] == NEVER:
                entries[parent] = position
                stack += graph.parents(parent)
    return True
