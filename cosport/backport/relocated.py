"""Rung 1: files that upstream has moved or split since the branch left, found through upstream's own history.

Git follows a file that was renamed nearly as it was. One that was split, or much changed on the way, it calls deleted.
The commit that made upstream's file tells which files it took code from; where the branch has one of these, each change
goes to the one place, in all of them, where its whole surroundings stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cosport.backport.resolvers import moved
from cosport.backport.resolvers.doubts import about
from cosport.backport.resolvers.ground import File, Ground, Rule
from cosport.backport.resolvers.ladder import Climbed, Step, applied, clash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cosport.backport.trial import Attempt
    from cosport.git.merge import Merged
    from cosport.git.objects import ObjectReader
    from cosport.git.quarantine import Quarantine

RELOCATED: Final = Rule(
    "relocated", 1, 0.95, "upstream has the file from another one, where all of it has one place", lambda *_: None
)

_SOURCES: Final = 12
"""Files that a new one may come from: a commit that changed more was no move."""

_BACK: Final = 1 << 14
"""Commits of the first-parent line that are looked back from upstream's change, some years of a large project."""

_MERGES: Final = 8
"""Merges within each other through which a file is followed to the commit that made it."""

_LARGEST: Final = 4 << 20
"""Bytes of a file that is looked at."""


def relocated(
    place: Quarantine, objects: ObjectReader, attempt: Attempt, merged: Merged, path: bytes
) -> Mapping[bytes, Climbed] | None:
    """The branch's files with the change that upstream makes to its file `path`; None where that has no certain place.

    For a file that upstream changes and the branch does not have.
    """
    sides = {stage.stage: stage for stage in merged.stages if stage.path == path}
    if set(sides) != {1, 3} or attempt.parent is None:
        return None
    original, upstream = (objects.blob(sides[side].blob) for side in (1, 3))
    conflicts = {each.path for each in merged.unmerged}
    texts = {
        name: text
        for name in _sources(place, objects, attempt.parent, path)
        if name not in conflicts and (text := _text(objects, merged, name)) is not None
    }
    if not texts or b"\0" in original + upstream or max(len(original), len(upstream)) > _LARGEST:
        return None
    return _placed(original.split(b"\n"), upstream.split(b"\n"), texts)


def _sources(place: Quarantine, objects: ObjectReader, parent: str, path: bytes) -> list[bytes]:
    """The files that lost lines in the commit that added `path`."""
    made = _made(objects, parent, path.decode("utf-8", "surrogateescape"))
    if made is None:
        return []
    args = ("diff-tree", "-r", "-z", "--no-commit-id", "--no-renames", "--numstat", made)
    found = []
    for entry in place.repository.run(*args).split(b"\0")[:-1]:
        _, removed, other = entry.split(b"\t", 2)
        if removed not in (b"0", b"-"):
            found.append(other)
    return found if len(found) <= _SOURCES else []


def _made(objects: ObjectReader, tip: str, path: str) -> str | None:
    """The commit that added a file which `tip` has, found by halving; None where that is too long ago.

    Asking some dozen commits whether they have the file takes milliseconds, where `git log` compares all trees between.
    """
    for _ in range(_MERGES):
        back = 1
        while back < _BACK and _has(objects, f"{tip}~{back}", path):
            back *= 2
        if back == _BACK:
            return None
        with_it, without = back // 2, back
        while without - with_it > 1:
            middle = (with_it + without) // 2
            with_it, without = (middle, without) if _has(objects, f"{tip}~{middle}", path) else (with_it, middle)
        made = objects.resolve(f"{tip}~{with_it}")
        merged = next((each for each in made.parents if _has(objects, each, path)), None)
        if merged is None:
            return made.sha
        tip = merged
    return None


def _has(objects: ObjectReader, commit: str, path: str) -> bool:
    return objects.read(f"{commit}:{path}") is not None


def _text(objects: ObjectReader, merged: Merged, path: bytes) -> list[bytes] | None:
    """The branch's file, with what git has merged into it."""
    found = objects.read(f"{merged.tree}:{path.decode('utf-8', 'surrogateescape')}")
    if found is None or found[1] != "blob" or len(found[2]) > _LARGEST or b"\0" in found[2]:
        return None
    return found[2].split(b"\n")


def _placed(
    original: Sequence[bytes], upstream: Sequence[bytes], texts: Mapping[bytes, list[bytes]]
) -> Mapping[bytes, Climbed] | None:
    grounds = {
        name: Ground.of(
            File(name.decode("utf-8", "surrogateescape"), original, text, upstream, original, upstream, text)
        )
        for name, text in texts.items()
    }
    steps: dict[bytes, list[Step]] = {}
    for change in next(iter(grounds.values())).changes:
        found = moved.only_place(original, [*texts.values()], change)
        if found is None:
            return None
        which, edit = found
        steps.setdefault([*texts][which], []).append(Step(change, edit, RELOCATED, ()))
    if any(clash(each) is not None for each in steps.values()):
        return None
    return {
        name: Climbed(grounds[name], tuple(each), (), applied(texts[name], each), tuple(about(grounds[name])))
        for name, each in steps.items()
    }
