"""What speaks against a place that a rule found: names that the branch lacks, a line that is nearly there already.

A doubt lowers the confidence of a pick by its factor, which was measured as a rule's trust is; of factor 0 it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers.alignment import align, gaps
from cosport.backport.resolvers.fuzz import nearest
from cosport.backport.resolvers.ground import is_blank, occurrences
from cosport.backport.resolvers.names import names, scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.backport.resolvers.ground import Change, Edit, File, Ground

_NEAR: Final = 0.8
"""How alike two lines are, by the letters that they share, for one to be another form of the other."""

_SHORTEST: Final = 5
"""Characters of a line for which likeness means something."""

_AROUND: Final = 2
"""Lines above and below a place that should stand there only."""

_COUNTED: Final = 5
"""Places with the same surroundings that are counted."""

_SAID: Final = 6
"""Names that a doubt lists."""

_LONGEST: Final = 400
"""Characters of a line that is compared with others: a longer one is no line that people wrote."""

_MORE: Final = "upstream changes more in this file"
"""People adapt a change of many parts more freely than one that is all in one place."""

_COMPARED: Final = 40
"""The branch's own lines beside a change that are compared with what it adds, of which five times as many."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to doubt a place, for people, and the factor for the confidence; 0 refuses it."""

    says: str
    factor: float


def unknown(ground: Ground, change: Change, edit: Edit) -> set[bytes]:
    """Names that the change brings, which upstream's function around it has too, and the branch's does not."""
    base, ours = ground.file.base, ground.file.ours
    fresh = names(change.new) - names(ground.old(change))
    if not fresh:
        return set()
    around = [*base[: change.start], *base[change.stop :]]
    function = names(scope(around, change.start)) - names(scope(ours, edit.start))
    return fresh & (function | (ground.upstream_names - ground.own_names))


def doubts(ground: Ground, change: Change, edit: Edit) -> Iterator[Doubt]:
    """The doubts about one place. Names are looked at apart (`unknown`): the branch may have others for them."""
    near = _nearly_there(ground, change, edit)
    if near is not None:
        said = near.strip().decode("utf-8", "replace")
        yield Doubt(f"the branch has a line much like one that would be added: {said}", 0.0)
    if repeated(ground, change, edit):
        yield Doubt("the branch has these surroundings more than once, and upstream does not", 0.0)
    yield from _blanks(ground, change, edit)
    if (there := nearest(ground, change)) != edit.start:
        where = "nowhere" if there is None else f"at line {there + 1}"
        yield Doubt(f"by its line numbers it would stand {where}", 0.93)
    tied = ground.file.ours[max(0, edit.start - 1) : edit.stop + 1]
    if not any(len(line.strip()) >= _SHORTEST for line in tied):
        yield Doubt("nothing but braces and blank lines ties it to its place", 0.9)


def loose(ground: Ground) -> Iterator[Doubt]:
    """The doubt about a change that only one line ties to its place, between lines of the branch's own."""
    if not ground.whole:
        yield Doubt(_MORE, 0.93)


def repeated(ground: Ground, change: Change, edit: Edit) -> bool:
    """Whether the lines around a place stand in the branch more often than those around the change do upstream."""
    ours, original = ground.file.ours, ground.file.original
    here = ours[max(0, edit.start - _AROUND) : edit.stop + _AROUND]
    there = ground.file.base[max(0, change.start - _AROUND) : change.stop + _AROUND]
    count = len(occurrences(ours, here, _COUNTED))
    return count > 1 and count > len(occurrences(original, there, _COUNTED))


def about(ground: Ground) -> Iterator[Doubt]:
    """The doubts about a whole file: upstream's change, what git merged of it included, speaks of what is not there."""
    file, new = ground.file, added(ground.file)
    if strange := (names(new) & names(file.original)) - names(file.branch):
        said = ", ".join(sorted(name.decode("utf-8", "replace") for name in strange)[:_SAID])
        yield Doubt(f"upstream's change speaks of names that the branch's file lacks: {said}", 0.6)
    if any(map(_badly_spaced, new)):
        yield Doubt("upstream's change has white-space errors, which people's tools may have mended", 0.6)


def added(file: File) -> list[bytes]:
    """All lines that upstream's change brings into a file, what git merged of it included."""
    places = gaps(align(file.original, file.upstream), len(file.upstream))
    return [line for place in places for line in file.upstream[place.low : place.high]]


def _badly_spaced(line: bytes) -> bool:
    """Whether git calls a new line's white space an error: blanks at its end, or before a tab where it begins."""
    text = line.rstrip(b"\r")
    return text != text.rstrip(b" \t") or b" \t" in text[: len(text) - len(text.lstrip(b" \t"))]


def _nearly_there(ground: Ground, change: Change, edit: Edit) -> bytes | None:
    """A line of the branch's own, beside the change, of which one of the new lines is another form."""
    around = ground.around(change)
    ours = ground.file.ours
    own = [line for line in (*ours[around.low : edit.start], *ours[edit.stop : around.high]) if not is_blank(line)]
    for line in own[:_COMPARED]:
        for new in change.new[: 5 * _COMPARED]:
            if len(new.strip()) >= _SHORTEST and _alike(line.strip(), new.strip()):
                return line
    return None


def _alike(one: bytes, other: bytes) -> bool:
    if max(len(one), len(other)) > _LONGEST:
        return one == other
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= _NEAR and matcher.quick_ratio() >= _NEAR and matcher.ratio() >= _NEAR


def _blanks(ground: Ground, change: Change, edit: Edit) -> Iterator[Doubt]:
    """Doubts about blank lines, which people add and leave out as they like.

    One would stand beside the change where upstream has none, or the other way round; there would be two together; or
    the change takes or brings one at its edge, most of all where it is not all that upstream changes in the file.
    """
    base, ours, old = ground.file.base, ground.file.ours, ground.old(change)
    above, below = _blank_at(ours, edit.start - 1), _blank_at(ours, edit.stop)
    if (above, below) != (_blank_at(base, change.start - 1), _blank_at(base, change.stop)):
        yield Doubt("blank lines beside it differ", 0.75)
    inside = [is_blank(line) for line in (*edit.lines[:1], *edit.lines[-1:])]
    joined = (above, *inside, below)
    if (joined[0] and joined[1]) or (joined[-2] and joined[-1]):
        yield Doubt("two blank lines would stand together", 0.3)
    if any(lines and (is_blank(lines[0]) or is_blank(lines[-1])) for lines in (old, edit.lines)):
        says = "it begins or ends with a blank line"
        yield Doubt(says, 0.97) if ground.whole else Doubt(f"{says}, and {_MORE}", 0.85)


def _blank_at(lines: Sequence[bytes], at: int) -> bool:
    return 0 <= at < len(lines) and is_blank(lines[at])
