"""Rung 6: what a person made of the same conflict before, out of git's own memory of such work (git-rerere(1)).

Git names a conflict by a digest of its sides alone: `rr-cache/ID/preimage` is the file as it was then, `postimage` what
the person left. The change between the two is merged into the file at hand, as git does it, and taken if it fits.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from cosport.backport.resolution import markers
from cosport.git.merge import Merge, merge_trees

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cosport.backport.trial import Attempt
    from cosport.git.merge import Merged
    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine
    from cosport.model.commit import Sha

RUNG: Final = 6
NAME: Final = "rerere"

_LARGEST: Final = 4 << 20
"""Bytes of a file that is looked at."""


class Memory:
    """What git remembers of conflicts like those of one pick; `merged` is that pick with markers of style diff3."""

    def __init__(self, place: Quarantine, objects: ObjectReader, attempt: Attempt, merged: Merged) -> None:
        self._place = place
        self._objects = objects
        self._attempt = attempt
        self._cache = place.home.common_dir / "rr-cache"
        self._styles = [merged] if self._cache.is_dir() else []

    def resolution(self, path: bytes) -> tuple[bytes, ...] | None:
        """The lines of the file as the person would have them; None where git remembers nothing that fits.

        Styles of markers cut a conflict otherwise: it is looked for as both have it.
        """
        for merged in self._both():
            shown = self._objects.read(f"{merged.tree}:{path.decode('utf-8', 'surrogateescape')}")
            if shown is None or shown[1] != "blob" or len(shown[2]) > _LARGEST:
                return None
            found = _normal(shown[2], merged, self._place.home.hash_name)
            if found is None:
                continue
            for before, after in _images(self._cache / found[0]):
                text = self._merged(before, found[1], after)
                if text is not None and not markers(text):
                    return tuple(text.split(b"\n"))
        return None

    def _both(self) -> Iterator[Merged]:
        if len(self._styles) == 1:
            merge = Merge(self._attempt.base, self._attempt.ours, self._attempt.theirs)
            self._styles += merge_trees(self._place, [merge])
        yield from self._styles

    def _merged(self, before: bytes, here: bytes, after: bytes) -> bytes | None:
        """`here` with the change from `before` to `after`, if that merges cleanly."""
        if before == here:
            return after
        (merged,) = merge_trees(self._place, [Merge(*map(self._tree, (before, here, after)))])
        found = self._objects.read(f"{merged.tree}:file") if merged.clean else None
        return None if found is None else found[2]

    def _tree(self, text: bytes) -> Sha:
        return self._place.write("tree", b"100644 file\0" + bytes.fromhex(self._place.write("blob", text)))


def _normal(text: bytes, merged: Merged, hash_name: str) -> tuple[str, bytes] | None:
    """Git's name for the conflicts of a file, and the file as git keeps it: sides in order, no labels, no base.

    As rerere.c does it; None where the markers are not whole.
    """
    begin, end = (mark + merged.labels[side].encode("ascii") for side, mark in enumerate((b"<<<<<<< ", b">>>>>>> ")))
    digest = hashlib.new(hash_name)
    out: list[bytes] = []
    sides: list[list[bytes]] = []
    for line in _lines(text):
        if line.startswith(begin):
            sides = [[]]
        elif sides and len(sides) < 3 and line.startswith((b"||||||| ", b"=======")):
            sides.append([])
        elif sides and line.startswith(end):
            one, two = sorted((b"".join(sides[0]), b"".join(sides[-1])))
            digest.update(one + b"\0" + two + b"\0")
            out += [b"<<<<<<<\n", one, b"=======\n", two, b">>>>>>>\n"]
            sides = []
        else:
            (sides[-1] if sides else out).append(line)
    return None if sides else (digest.hexdigest(), b"".join(out))


def _lines(text: bytes) -> list[bytes]:
    *whole, rest = text.split(b"\n")
    return [*(line + b"\n" for line in whole), *([rest] if rest else [])]


def _images(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """The files before and after, of each time that the conflict was resolved: `preimage`, `preimage.1` and on."""
    for after in sorted(folder.glob("postimage*")):
        before = folder / after.name.replace("post", "pre", 1)
        if before.is_file() and max(before.stat().st_size, after.stat().st_size) <= _LARGEST:
            yield before.read_bytes(), after.read_bytes()
