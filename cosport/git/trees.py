"""Trees as values: which entries two of them differ in, and trees that differ from another in a few files.

Two trees of a kernel differ in a few folders, which a standing `git cat-file` hands over in less time than it takes to
start a `git diff-tree`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.git.repository import missing
from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine

_FOLDER: Final = b"40000"

_ENTRIES: Final = {
    digits: re.compile(rb"(\d+) ([^\0]+)\0(.{%d})" % (digits // 2), re.DOTALL)  # mode, name, object (gitformat-tree)
    for digits in (40, 64)
}


@dataclass(frozen=True, slots=True)
class Change:
    """A path at which two trees differ, and what stands there: None where nothing does."""

    path: bytes
    old: Entry | None
    new: Entry | None

    @property
    def modifies_file(self) -> bool:
        """Whether something of one kind that is no folder stands there in both trees (git's `M`)."""
        kinds = {each.mode[:2] if each is not None else b"" for each in (self.old, self.new)}
        return len(kinds) == 1 and kinds != {_FOLDER[:2]}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tree."""

    mode: bytes
    name: Sha


def changes(
    objects: ObjectReader, old: Sha | None, new: Sha | None, *, place: Quarantine | None = None, folder: bytes = b""
) -> Iterator[Change]:
    """The paths at which two trees differ, folders too, each before what is in it (`git diff-tree -r -t`).

    None is a tree without entries; `place` may hold trees that `objects` does not see. Raises MissingObjectError.
    """
    before, after = (_entries(objects, tree, place) for tree in (old, new))
    gone, come = (
        {name: Entry(mode, Sha(raw.hex())) for mode, name, raw in one} for one in (before - after, after - before)
    )
    for name in sorted({*gone, *come}):
        was, now = gone.get(name), come.get(name)
        old, new = (each.name if each is not None and each.mode == _FOLDER else None for each in (was, now))
        if was is not None and now is not None and (old is None) != (new is None):  # a file where a folder was
            yield Change(folder + name, was, None)
            yield Change(folder + name, None, now)
        else:
            yield Change(folder + name, was, now)
        if old or new:
            yield from changes(objects, old, new, place=place, folder=folder + name + b"/")


def new_objects(place: Quarantine, objects: ObjectReader, old: Sha, new: Sha) -> list[Sha]:
    """The trees and blobs that tree `new` has at places where tree `old` has others, `new` itself included."""
    differing = changes(objects, old, new, place=place)
    return [new, *(each.new.name for each in differing if each.new is not None)]


def _entries(objects: ObjectReader, tree: Sha | None, place: Quarantine | None) -> set[tuple[bytes, bytes, bytes]]:
    """Mode, name and object of each entry."""
    if tree is None:
        return set()
    data = place.tree(tree) if place is not None else None
    if data is None:
        found = objects.read(tree)
        if found is None or found[1] != "tree":
            raise missing(objects.repository, tree)
        data = found[2]
    return set(parsed(data, len(tree)))


def parsed(tree: bytes, digits: int) -> list[tuple[bytes, bytes, bytes]]:
    """Mode, name and object of each entry of a tree's contents; a whole name has so many hex digits (40 or 64)."""
    return _ENTRIES[digits].findall(tree)


def with_blobs(place: Quarantine, objects: ObjectReader, tree: Sha, blobs: Mapping[bytes, Sha | None]) -> Sha:
    """The tree with other blobs at these paths, all of which it has already; None takes a file away.

    A folder without files goes with its last one. (git-mktree(1) takes one folder a time.)
    """
    found = objects.read(tree)
    assert found is not None
    data, size = found[2], len(tree) // 2
    below: dict[bytes, dict[bytes, Sha | None]] = {}
    for path, blob in blobs.items():
        name, _, rest = path.partition(b"/")
        below.setdefault(name, {})[rest] = blob
    empty = place.name("tree", b"")
    out = bytearray()
    at = 0
    while at < len(data):
        stop = data.index(b"\0", at) + 1
        name, old = data[at : stop - 1].partition(b" ")[2], data[stop : stop + size]
        at, head = stop + size, data[at:stop]
        if (change := below.get(name)) is not None:
            new = change[b""] if b"" in change else with_blobs(place, objects, Sha(old.hex()), change)
            if new is None or new == empty:
                continue
            old = bytes.fromhex(new)
        out += head + old
    return place.write("tree", bytes(out))
