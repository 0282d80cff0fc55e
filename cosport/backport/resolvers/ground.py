"""What resolvers look at: a file in conflict, what upstream changes in it, and where that stands in the branch's.

Git merges what it can; here are its results with each side's lines where they conflict. So what is left of upstream's
change are just the places in conflict, and whatever a resolver does, git's own merging stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cosport.backport.resolvers.alignment import ABSENT, Gap, align, gaps
from cosport.backport.resolvers.names import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class File:
    """A file in conflict as lines: what git merged, with upstream's old lines (`base`), its new ones, or the branch's.

    `original` and `upstream` are the file as upstream had it before the change and after it, `branch` is the branch's
    before anything was merged into it. Lines have no line ends; where a text ends with one, its last line is empty.
    """

    path: str
    base: Sequence[bytes]
    ours: Sequence[bytes]
    theirs: Sequence[bytes]
    original: Sequence[bytes]
    upstream: Sequence[bytes]
    branch: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of upstream's that git could not merge: lines `start` to `stop` of `base` become `new`."""

    start: int
    stop: int
    new: tuple[bytes, ...]


@dataclass(frozen=True)
class Ground:
    """A file with its changes; `partners` tells which line of `ours` each line of `base` is, ABSENT for none."""

    file: File
    changes: tuple[Change, ...]
    partners: Sequence[int]

    @classmethod
    def of(cls, file: File) -> Ground:
        """The ground of a file: both pairs of sides aligned."""
        wanted = gaps(align(file.base, file.theirs), len(file.theirs))
        changes = tuple(Change(each.start, each.stop, tuple(file.theirs[each.low : each.high])) for each in wanted)
        return cls(file, changes, align(file.base, file.ours))

    @cached_property
    def upstream_names(self) -> set[bytes]:
        """The names in upstream's file."""
        return names(self.file.base)

    @cached_property
    def own_names(self) -> set[bytes]:
        """The names in the branch's file."""
        return names(self.file.ours)

    @cached_property
    def whole(self) -> bool:
        """Whether the places in conflict are all that upstream changes in the file: git has merged nothing of it."""
        file = self.file
        return len(gaps(align(file.original, file.upstream), len(file.upstream))) <= len(self.changes)

    def old(self, change: Change) -> Sequence[bytes]:
        """The lines that a change takes away."""
        return self.file.base[change.start : change.stop]

    def partner(self, line: int) -> int:
        """Which line of `ours` a line of `base` is; the text's ends are each other's partners."""
        if line < 0:
            return -1
        return len(self.file.ours) if line >= len(self.file.base) else self.partners[line]

    def stands(self, line: int) -> bool:
        """Whether the branch has that line of `base`, or it is an end of the text."""
        return not 0 <= line < len(self.partners) or self.partners[line] != ABSENT

    def around(self, change: Change) -> Gap:
        """The smallest place around a change whose neighbours both sides have: in `base`, and in `ours`."""
        start, stop = change.start, change.stop
        while not self.stands(start - 1):
            start -= 1
        while not self.stands(stop):
            stop += 1
        return Gap(start, stop, self.partner(start - 1) + 1, self.partner(stop))

    def changed(self, around: Gap) -> list[bytes]:
        """The lines of `base` in such a place, with all changes made that lie in it."""
        base = self.file.base
        lines: list[bytes] = []
        done = around.start
        for each in self.within(around):
            lines += [*base[done : each.start], *each.new]
            done = each.stop
        return [*lines, *base[done : around.stop]]

    def within(self, around: Gap) -> list[Change]:
        """The changes that lie in such a place."""
        return [each for each in self.changes if around.start <= each.start and each.stop <= around.stop]


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines `start` to `stop` of `ours` become `lines`; `detail` says for people what was found."""

    start: int
    stop: int
    lines: tuple[bytes, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A resolver. `rung` orders by trust; `says` states the rule; `place` finds where a change goes, or None.

    `trust` is the share of picks with one such place that were exactly what people committed, on the histories that it
    was chosen by (docs/conflicts.md).
    """

    name: str
    rung: int
    trust: float
    says: str
    place: Callable[[Ground, Change], Edit | None]


def is_blank(line: bytes) -> bool:
    """Whether a line has nothing but white space."""
    return not line.strip()


def occurrences(lines: Sequence[bytes], wanted: Sequence[bytes], most: int = 2) -> list[int]:
    """Where `wanted` stands in `lines`, the first `most` places."""
    found: list[int] = []
    if not wanted:
        return found
    size, first = len(wanted), wanted[0]
    for at in range(len(lines) - size + 1):
        if lines[at] == first and lines[at : at + size] == wanted:
            found.append(at)
            if len(found) == most:
                break
    return found
