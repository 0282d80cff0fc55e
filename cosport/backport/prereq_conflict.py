"""Reads the text of a conflict: which lines it is about, and what the picked side would make of them.

Markers are of style diff3: between them stand the lines of the branch (ours), those that the pick started from (base)
and those that it wants (theirs).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cosport.git.merge import Merged
    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine

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
        disputed = [(hunk.ours, hunk.base) for hunk in _hunks(text, merged) if hunk.conflicts]
        if not disputed:  # the change takes the file away, or it is binary: all of it is the place
            disputed = [(objects.blob(sides[2].blob).split(b"\n"), objects.blob(sides[1].blob).split(b"\n"))]
        for ours, base in disputed:
            yield Place(each.path, *_apart(ours, base))


@dataclass(frozen=True, slots=True)
class _Hunk:
    """Consecutive lines of a merged file: those of each side where they conflict, else the same on all sides."""

    conflicts: bool
    ours: list[bytes]
    base: list[bytes]
    theirs: list[bytes]


def _hunks(lines: list[bytes], merged: Merged) -> Iterator[_Hunk]:
    """A merged file with markers, taken apart."""
    begin = b"<<<<<<< " + merged.labels[0].encode("ascii")
    end = b">>>>>>> " + merged.labels[1].encode("ascii")
    common: list[bytes] = []
    sides: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])
    into = common
    for line in lines:
        if line.startswith(begin):
            yield _Hunk(False, common, common, common)
            sides = ([], [], [])
            into = sides[0]
        elif into is sides[0] and line.startswith(b"||||||| "):
            into = sides[1]
        elif into is sides[1] and line.rstrip(b"\r") == b"=======":
            into = sides[2]
        elif into is sides[2] and line.startswith(end):
            yield _Hunk(True, *sides)
            common = []
            into = common
        else:
            into.append(line)
    yield _Hunk(False, common, common, common)


def resolved(place: Quarantine, objects: ObjectReader, merged: Merged) -> Sha | None:
    """The tree of a merge where each conflict is resolved for the picked side; None where a file itself is disputed."""
    blobs: dict[bytes, Sha] = {}
    for each in merged.unmerged:
        stages = [stage.stage for stage in merged.stages if stage.path == each.path and stage.mode[:3] == "100"]
        shown = objects.read(f"{merged.tree}:{each.path.decode('utf-8', 'surrogateescape')}")
        if stages != [1, 2, 3] or shown is None or shown[1] != "blob":
            return None
        hunks = list(_hunks(shown[2].split(b"\n"), merged))
        if not any(hunk.conflicts for hunk in hunks):
            return None
        text = b"\n".join(line for hunk in hunks for line in hunk.theirs)
        blobs[each.path] = place.write("blob", text)
    return _with(place, objects, merged.tree, blobs)


def _with(place: Quarantine, objects: ObjectReader, tree: Sha, blobs: Mapping[bytes, Sha]) -> Sha:
    """The tree with other blobs at these paths, all of which it has already (git-mktree(1) takes one folder a time)."""
    found = objects.read(tree)
    assert found is not None
    data, size = found[2], len(tree) // 2
    below: dict[bytes, dict[bytes, Sha]] = {}
    for path, blob in blobs.items():
        name, _, rest = path.partition(b"/")
        below.setdefault(name, {})[rest] = blob
    out = bytearray()
    at = 0
    while at < len(data):
        stop = data.index(b"\0", at) + 1
        name, old = data[at : stop - 1].partition(b" ")[2], data[stop : stop + size]
        at, head = stop + size, data[at:stop]
        if (change := below.get(name)) is not None:
            new = change[b""] if b"" in change else _with(place, objects, Sha(old.hex()), change)
            old = bytes.fromhex(new)
        out += head + old
    return place.write("tree", bytes(out))


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
