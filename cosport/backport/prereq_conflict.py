"""Reads the text of a conflict: which lines it is about, and what a person might make of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from cosport.backport.marked import hunks
from cosport.git.trees import with_blobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.backport.marked import Hunk
    from cosport.git.merge import Merged
    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha

_ALIGNED: Final = 600
"""Lines of one place in conflict that are aligned with each other; in longer ones lines are only counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place in conflict: the lines that only base has, and those that only ours has."""

    path: bytes
    missing: tuple[bytes, ...]
    extra: tuple[bytes, ...]


def places(merged: Merged, objects: ObjectReader) -> Iterator[Place]:
    """The places in conflict of a merge whose markers are of style diff3."""
    for each in merged.unmerged:
        sides = {stage.stage: stage for stage in merged.stages if stage.path == each.path and stage.mode[:3] == "100"}
        if 1 not in sides or 2 not in sides:
            continue
        name = each.path.decode("utf-8", "surrogateescape")
        shown = objects.read(f"{merged.tree}:{name}") if 3 in sides else None
        text = shown[2].split(b"\n") if shown is not None and shown[1] == "blob" else []
        disputed = [(hunk.ours, hunk.base) for hunk in hunks(text, merged) if hunk.conflicts]
        if not disputed:  # the change takes the file away, or it is binary: all of it is the place
            disputed = [(objects.blob(sides[2].blob).split(b"\n"), objects.blob(sides[1].blob).split(b"\n"))]
        for ours, base in disputed:
            yield Place(each.path, *_apart(ours, base))


def resolved(place: Quarantine, objects: ObjectReader, merged: Merged) -> Sha | None:
    """The tree of a merge where each change is fitted to the branch; None where a file itself is disputed."""
    blobs: dict[bytes, Sha] = {}
    for each in merged.unmerged:
        stages = [stage.stage for stage in merged.stages if stage.path == each.path and stage.mode[:3] == "100"]
        shown = objects.read(f"{merged.tree}:{each.path.decode('utf-8', 'surrogateescape')}")
        if stages != [1, 2, 3] or shown is None or shown[1] != "blob":
            return None
        taken = list(hunks(shown[2].split(b"\n"), merged))
        if not any(hunk.conflicts for hunk in taken):
            return None
        text = b"\n".join(line for hunk in taken for line in (_fitted(hunk) if hunk.conflicts else hunk.ours))
        blobs[each.path] = place.write("blob", text)
    return with_blobs(place, objects, merged.tree, blobs)


def _fitted(hunk: Hunk) -> list[bytes]:
    """What a person would make of a place in conflict: the lines that ours has, with the change from base to theirs.

    What only ours has stays; what ours lacks of base stays away, so that the commits which brought it are still missed.
    """
    ours, base, theirs = hunk.ours, hunk.base, hunk.theirs
    if max(len(ours), len(base), len(theirs)) > _ALIGNED:
        return theirs  # too long to be aligned: as the picked side has it
    behind = [0] * (len(base) + 1)  # of each line of base: how many lines of ours stand before it
    here: dict[int, tuple[int, int]] = {}  # of each line of base: the lines that ours has in its place
    for kind, low, high, first, last in SequenceMatcher(None, base, ours, autojunk=False).get_opcodes():
        for at in range(low, high):
            even = kind == "equal" or high - low == last - first
            behind[at] = first + at - low if even else first
            here[at] = (behind[at], behind[at] + 1) if even else (first, first)
        behind[high] = last
    gone: set[int] = set()
    added: dict[int, list[bytes]] = {}
    for kind, low, high, first, last in SequenceMatcher(None, base, theirs, autojunk=False).get_opcodes():
        if kind != "equal":
            gone.update(number for at in range(low, high) for number in range(*here[at]))
            added.setdefault(behind[high], []).extend(theirs[first:last])
    text: list[bytes] = []
    for number in range(len(ours) + 1):
        text += added.get(number, [])
        text += [ours[number]] if number < len(ours) and number not in gone else []
    return text


def _apart(ours: list[bytes], base: list[bytes]) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The lines that only base has, and those that only ours has."""
    if max(len(ours), len(base)) > _ALIGNED:
        more, less = Counter(base), Counter(ours)
        return tuple((more - less).elements()), tuple((less - more).elements())
    missing: list[bytes] = []
    extra: list[bytes] = []
    for kind, low, high, first, last in SequenceMatcher(None, ours, base, autojunk=False).get_opcodes():
        if kind != "equal":
            extra += ours[low:high]
            missing += base[first:last]
    return tuple(missing), tuple(extra)
