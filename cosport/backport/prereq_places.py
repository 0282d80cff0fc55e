"""Says where in a file each conflict of a merge stands, so that a prerequisite can be told with those that it removes.

The markers of a merged file tell the lines of each side, not where they stand in that side's file: what git merged by
itself moves them. So each side is put together from the markers and aligned with the file that it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cosport.backport.marked import hunks
from cosport.backport.resolvers.alignment import ABSENT, align

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cosport.git.merge import Merged, Stage
    from cosport.git.objects import ObjectReader
    from cosport.model.commit import Sha

_LARGEST: Final = 4 << 20
"""Bytes of a file that is looked at line by line; of a larger one the whole is the place."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One conflict in a file: which lines of it the branch has there, and which the picked side had before its change.

    Both are half-open, from 0; None where the file as a whole is in conflict. `origin` is the blob that the picked side
    started from: it tells a file from others under whatever name, in all merges of the same pick.
    """

    path: bytes
    origin: Sha | None
    ours: tuple[int, int] | None = None
    base: tuple[int, int] | None = None

    def meets(self, other: Spot) -> bool:
        """Whether both are conflicts of the same change, in merges onto different trees."""
        if self.origin != other.origin or (self.origin is None and self.path != other.path):
            return False
        if self.base is None or other.base is None:
            return True
        return self.base[0] <= other.base[1] and other.base[0] <= self.base[1]


def spots(merged: Merged, objects: ObjectReader) -> Iterator[Spot]:
    """The conflicts of a merge whose markers are of style diff3, in their order."""
    for each in merged.unmerged:
        sides = {stage.stage: stage for stage in merged.stages if stage.path == each.path}
        origin = sides[1].blob if 1 in sides else None
        found = list(_in_text(merged, objects, each.path, sides))
        yield from found or [Spot(each.path, origin)]


def _in_text(merged: Merged, objects: ObjectReader, path: bytes, sides: dict[int, Stage]) -> Iterator[Spot]:
    if set(sides) != {1, 2, 3} or any(not side.mode.startswith("100") for side in sides.values()):
        return
    shown = objects.read(f"{merged.tree}:{path.decode('utf-8', 'surrogateescape')}")
    if shown is None or shown[1] != "blob" or len(shown[2]) > _LARGEST:
        return
    parts = list(hunks(shown[2].split(b"\n"), merged))
    ours = _stand([part.ours for part in parts], objects.blob(sides[2].blob))
    base = _stand([part.base for part in parts], objects.blob(sides[1].blob))
    for part, *stretches in zip(parts, ours, base, strict=True):
        if part.conflicts:
            yield Spot(path, sides[1].blob, *stretches)


def _stand(parts: Sequence[Sequence[bytes]], text: bytes) -> list[tuple[int, int]]:
    """Where each part of one side stands in that side's own file."""
    lines = text.split(b"\n")
    partners = align([line for part in parts for line in part], lines)
    found = []
    start = 0
    for part in parts:
        stop = start + len(part)
        own = [partner for partner in partners[start:stop] if partner != ABSENT]
        before = next((partner + 1 for partner in reversed(partners[:start]) if partner != ABSENT), 0)
        found.append((own[0], own[-1] + 1) if own else (before, before))
        start = stop
    return found
