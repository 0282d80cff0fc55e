"""Takes a merged file with conflict markers apart: which lines all sides share, and which lines each has where not.

Markers are of style diff3: between them stand the lines of the branch (ours), those that the pick started from (base)
and those that it wants (theirs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cosport.git.merge import Merged


@dataclass(frozen=True, slots=True)
class Hunk:
    """Consecutive lines of a merged file: those of each side where they conflict, else the same on all sides."""

    conflicts: bool
    ours: list[bytes]
    base: list[bytes]
    theirs: list[bytes]


def hunks(lines: list[bytes], merged: Merged) -> Iterator[Hunk]:
    """A merged file with markers, taken apart."""
    begin = b"<<<<<<< " + merged.labels[0].encode("ascii")
    end = b">>>>>>> " + merged.labels[1].encode("ascii")
    common: list[bytes] = []
    sides: tuple[list[bytes], list[bytes], list[bytes]] = ([], [], [])
    into = common
    for line in lines:
        if line.startswith(begin):
            yield Hunk(False, common, common, common)
            sides = ([], [], [])
            into = sides[0]
        elif into is sides[0] and line.startswith(b"||||||| "):
            into = sides[1]
        elif into is sides[1] and line.rstrip(b"\r") == b"=======":
            into = sides[2]
        elif into is sides[2] and line.startswith(end):
            yield Hunk(True, *sides)
            common = []
            into = common
        else:
            into.append(line)
    yield Hunk(False, common, common, common)
