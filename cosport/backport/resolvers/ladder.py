"""Tries the rules on each change of a file in conflict, in order of trust, and refuses the file where none fits one.

All or nothing: a change that has no certain place is never left out, and one that has two is never placed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers import adjacent, listed, moved, present, within
from cosport.backport.resolvers.doubts import Doubt, about, doubts, loose, unknown
from cosport.backport.resolvers.ground import Edit, Ground, Rule, occurrences
from cosport.backport.resolvers.names import renamed
from cosport.backport.resolvers.renames import learn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cosport.backport.resolvers.alignment import Gap
    from cosport.backport.resolvers.ground import Change, File

RULES: Final = (
    adjacent.SETTLED,
    adjacent.ADJACENT,
    moved.MOVED,
    adjacent.BESIDE,
    listed.YEARS,
    listed.IN_ORDER,
    listed.ENTRY,
)
"""The rules that place one change, in the order in which they are tried."""

_OF_LISTS: Final = (listed.YEARS, listed.IN_ORDER, listed.ENTRY)
"""Rules for lines that are alike by nature."""

RENAMED: Final = Rule("renamed", 5, 0.6, "the branch has another name for it, one for one", lambda *_: None)
"""Not tried by itself: it lends the branch's names to what another rule has placed."""


class Need(StrEnum):
    """What a change that found no place would need."""

    COMMIT = "another-commit"  # the branch lacks what it changes or speaks of
    REWRITE = "rewrite"  # the branch has other lines in their place
    DECISION = "decision"  # there is more than one place for it, or an order to choose


@dataclass(frozen=True, slots=True)
class Step:
    """A change that found its place."""

    change: Change
    edit: Edit
    rule: Rule
    doubts: tuple[Doubt, ...]

    @property
    def confidence(self) -> float:
        """How sure the place is: the rule's trust, less for each doubt."""
        return self.rule.trust * prod(each.factor for each in self.doubts)


@dataclass(frozen=True, slots=True)
class Stuck:
    """A change that found none: why, what it would need, and the nearest line of the branch (from 1)."""

    change: Change
    why: str
    need: Need
    line: int


@dataclass(frozen=True, slots=True)
class Climbed:
    """How far a file came: it is resolved where nothing is `stuck`, and `lines` are then its contents.

    `doubts` are about the file as a whole.
    """

    ground: Ground
    steps: tuple[Step, ...]
    stuck: tuple[Stuck, ...]
    lines: tuple[bytes, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def confidence(self) -> float:
        """How sure all places together are."""
        return prod(step.confidence for step in self.steps) * prod(each.factor for each in self.doubts)


def climb(file: File, max_rung: int) -> Climbed:
    """Try to place all changes of a file by rules up to that rung."""
    ground = Ground.of(file)
    steps: list[Step] = []
    stuck: list[Stuck] = []
    places: dict[Gap, list[Change]] = {}
    for change in ground.changes:
        places.setdefault(ground.around(change), []).append(change)
    for changes in places.values():
        for found in _place(ground, changes, max_rung):
            if isinstance(found, Step):
                steps.append(found)
            else:
                stuck.append(found)
    if not stuck and (crossing := clash(steps)) is not None:
        stuck.append(Stuck(crossing, "two changes would go to the same place", Need.DECISION, 1))
    if stuck:
        return Climbed(ground, tuple(steps), tuple(stuck), ())
    return Climbed(ground, tuple(steps), (), applied(file.ours, steps), tuple(about(ground)))


def _place(ground: Ground, changes: Sequence[Change], max_rung: int) -> list[Step | Stuck]:
    """The steps of the changes in one place: it is there already, or each has its own, or all are merged by words."""
    first = changes[0]
    if present.PRESENT.rung <= max_rung and (edit := present.PRESENT.place(ground, first)) is not None:
        return [Step(first, edit, present.PRESENT, ())]
    found = [_by_itself(ground, change, max_rung) for change in changes]
    if within.WITHIN.rung <= max_rung and not all(isinstance(each, Step) for each in found):
        edit = within.WITHIN.place(ground, first)
        if edit is not None and not any(unknown(ground, change, edit) for change in changes):
            return [Step(first, edit, within.WITHIN, ())]
    return found


def _by_itself(ground: Ground, change: Change, max_rung: int) -> Step | Stuck:
    for rule in RULES:
        edit = rule.place(ground, change) if rule.rung <= max_rung else None
        if edit is not None:
            return _judged(ground, change, Step(change, edit, rule, ()), max_rung)
    return _stuck(ground, change)


def _judged(ground: Ground, change: Change, step: Step, max_rung: int) -> Step | Stuck:
    """The step with its doubts and in the branch's own names, unless something forbids it."""
    line = step.edit.start + 1
    if strange := unknown(ground, change, step.edit):
        others = learn(ground, strange) if max_rung >= RENAMED.rung else {}
        if set(others) != strange:
            said = ", ".join(sorted(name.decode("utf-8", "replace") for name in strange))
            return Stuck(change, f"it speaks of what the branch does not have there: {said}", Need.COMMIT, line)
        step = _in_our_names(step, others)
    found = () if step.rule in _OF_LISTS else tuple(doubts(ground, step.change, step.edit))
    if step.rule is adjacent.BESIDE:
        found += tuple(loose(ground))
    refusing = next((each for each in found if not each.factor), None)
    if refusing is not None:
        return Stuck(change, refusing.says, Need.REWRITE, line)
    return replace(step, doubts=found)


def _in_our_names(step: Step, others: dict[bytes, bytes]) -> Step:
    said = ", ".join(f"{old.decode()} is {new.decode()} there" for old, new in sorted(others.items()))
    lines = tuple(renamed(each, others) for each in step.edit.lines)
    change = replace(step.change, new=tuple(renamed(each, others) for each in step.change.new))
    return Step(change, replace(step.edit, lines=lines, detail=f"{step.edit.detail}; {said}"), RENAMED, ())


def _stuck(ground: Ground, change: Change) -> Stuck:
    """Why no rule found a place."""
    around = ground.around(change)
    line = min(around.low, len(ground.file.ours) - 1) + 1
    if len(occurrences(ground.file.ours, ground.file.base[max(0, change.start - 2) : change.stop + 2])) > 1:
        return Stuck(change, "its surroundings stand in the branch more than once", Need.DECISION, line)
    if around.low == around.high:
        what = "changes" if change.start < change.stop else "stands between"
        return Stuck(change, f"the branch lacks the lines that it {what}", Need.COMMIT, line)
    if change.start == change.stop and ground.stands(change.start - 1) and ground.stands(change.stop):
        return Stuck(change, "the branch added other lines in the same place: which come first?", Need.DECISION, line)
    return Stuck(change, "the branch has other lines in their place", Need.REWRITE, line)


def clash(steps: Sequence[Step]) -> Change | None:
    """A change whose place overlaps another's, or stands before that of an earlier change."""
    ordered = sorted(steps, key=lambda step: (step.edit.start, step.edit.stop))
    for one, other in pairwise(ordered):
        same = one.edit.start == other.edit.start and one.edit.stop == other.edit.stop
        if other.edit.start < one.edit.stop or same:
            return other.change
    return None


def applied(ours: Sequence[bytes], steps: Sequence[Step]) -> tuple[bytes, ...]:
    """The text with all these steps taken."""
    out: list[bytes] = []
    done = 0
    for step in sorted(steps, key=lambda each: (each.edit.start, each.edit.stop)):
        out += [*ours[done : step.edit.start], *step.edit.lines]
        done = step.edit.stop
    return (*out, *ours[done:])
