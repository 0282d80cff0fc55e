"""Writes trees that differ from another in a few files, into a quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosport.model.commit import Sha

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine


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
